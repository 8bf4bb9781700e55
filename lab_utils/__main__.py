"""``python -m lab_utils COMMAND``: one way in for readers, teachers and scripts."""

import sys

COMMANDS = {
    "start": ("bootstrap", "start", "set up what is missing and open JupyterLab at lab 01"),
    "test": ("bootstrap", "test", "run the test suite (pytest's options follow)"),
    "check": ("environment", "main", "say what this machine has and lacks"),
    "samples": ("human_speech", "main", "list the sample clips; --human fetches real voices"),
    "corpus": ("corpus.command", "main", "turn recordings into a checked corpus"),
    "report": ("classroom.report", "main", "write your exercises' results to a file"),
    "class": ("classroom.overview", "main", "a teacher's page from a folder of reports"),
    "answers": ("classroom.answers", "main", "the teacher's answer book"),
    "editions": ("classroom.editions", "main", "both editions of the labs for nbgrader"),
    "bundle": ("classroom.bundle", "main", "one folder for a room without a network"),
}

if sys.version_info < (3, 11):  # noqa: UP036  (before any import that an older one cannot read)
    sys.exit(
        f"Whisper Lab needs Python 3.11 or newer, this is Python {sys.version.split()[0]}. Install "
        "a newer one (python.org, or 'conda env create -f environment.yml') and start again."
    )


def usage():
    lines = ["usage: python -m lab_utils COMMAND [options]", ""]
    lines += [f"  {name:<8} {what}" for name, (_, _, what) in COMMANDS.items()]
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
        print(f"Unknown command {argv[0]!r}.\n{usage()}", file=sys.stderr)
        return 2
    module, function, _ = COMMANDS[argv[0]]
    try:
        return getattr(importlib.import_module("lab_utils." + module), function)(argv[1:])
    except LabError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
