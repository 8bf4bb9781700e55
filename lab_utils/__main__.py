"""``python -m lab_utils COMMAND``: one way in for readers, teachers and scripts.

This file is plain enough for Python 2.7 to read, so that an old Python gets the message below and
no SyntaxError. Everything newer is imported after the check.
"""
# ruff: noqa: UP031, UP036

import sys

COMMANDS = {
    "start": ("bootstrap", "start", "set up what is missing and open JupyterLab at lab 01"),
    "test": ("bootstrap", "test", "run the test suite (--fast, or pytest's options)"),
    "lint": ("bootstrap", "lint", "run ruff and the type checker"),
    "check": ("environment", "main", "say what this machine has and lacks"),
    "samples": ("human_speech", "main", "list the sample clips; --human fetches real voices"),
    "corpus": ("corpus.command", "main", "turn recordings into a checked corpus"),
    "report": ("classroom.report", "main", "write your exercises' results to a file"),
    "class": ("classroom.overview", "main", "a teacher's page from a folder of reports"),
    "answers": ("classroom.answers", "main", "the teacher's answer book"),
    "editions": ("classroom.editions", "main", "both editions of the labs for nbgrader"),
    "bundle": ("classroom.bundle", "main", "one folder for a room without a network"),
}

if sys.version_info < (3, 11):
    sys.exit(
        "Whisper Lab needs Python 3.11 or newer, this is Python "
        + sys.version.split()[0]
        + ". Install a newer one (python.org, or 'conda env create -f environment.yml') and start "
        "again."
    )


def usage():
    lines = ["usage: python -m lab_utils COMMAND [options]", ""]
    lines += ["  %-8s %s" % (name, what) for name, (_, _, what) in COMMANDS.items()]
    return "\n".join(lines + ["", "Each command answers --help."])


def main(argv=None):
    """Run one command; returns its exit code."""
    import importlib

    from lab_utils.errors import LabError

    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help"):
        print(usage())
        return 0
    if argv[0] not in COMMANDS:
        sys.stderr.write("Unknown command %r.\n%s\n" % (argv[0], usage()))
        return 2
    module, function, _ = COMMANDS[argv[0]]
    try:
        return getattr(importlib.import_module("lab_utils." + module), function)(argv[1:])
    except LabError as error:
        sys.stderr.write("\n%s\n" % error)
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Run the same command to continue.\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
