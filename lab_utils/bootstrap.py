"""From a bare machine to running labs: the commands ``start``, ``test`` and ``lint``.

Standard library only: this module runs before anything is installed. Every step looks first at
what is there, so a second run does only what is missing, and repairs what is damaged.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from . import dotvenv, environment, installed
from .dotvenv import make as make_venv
from .errors import SampleError, SetupError
from .files import write_text
from .packages import install, last_line, on_colab, remedy, repair

STAMP = "whisper-lab.json"
PROOF = "en_story_wav"
NEWS_OFF = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}
}
FAST = ["-m", "not model and not browser and not slow", "tests"]


def start(argv: list[str]) -> int:
    """``python -m lab_utils start``: set up what is missing, check it, open JupyterLab."""
    parser = argparse.ArgumentParser("python -m lab_utils start", description=start.__doc__)
    parser.add_argument("--check-only", action="store_true", help="stop before JupyterLab")
    parser.add_argument("--no-browser", action="store_true", help="start JupyterLab, open no page")
    parser.add_argument("--port", type=int, default=8888, help="first port to try (8888)")
    parser.add_argument(
        "--here", action="store_true", help="install into this Python, make no .venv"
    )
    parser.add_argument(
        "--torch-index", metavar="URL", help="index to take torch from (pytorch.org names them)"
    )
    options = parser.parse_args(argv)
    python = set_up(here=options.here, torch_index=options.torch_index)
    try:
        prove(python)
    except SetupError:  # compare the hash of every file, once
        if not repair(python, installed.examine(python, since=0)["damaged"]):
            raise
        prove(python)
    if options.check_only:
        print("Ready. Start the labs with: python3 -m lab_utils start")
        return 0
    return serve(python, port=options.port, browser=not options.no_browser)


def test(argv: list[str]) -> int:
    """``python -m lab_utils test [pytest's options]``: lint, then the tests and all notebooks."""
    parser = argparse.ArgumentParser(
        "python -m lab_utils test",
        description="Run ruff and the type checker, then the tests and all notebooks with pytest, "
        "after what they need is installed.",
        epilog="pytest's options follow, as in: test -k audio    test tests/test_metrics.py    "
        "test -x. Up to three processes share the tests; -n 0 runs them in one.",
    )
    parser.add_argument("--fast", action="store_true", help="no models, no browser, no notebooks")
    options, others = parser.parse_known_args(argv)
    python = set_up(extras=("test", "classroom"))
    if failed := _lint(python):
        return failed
    # one more than cores: a test often waits for a browser or a process of its own
    workers = ["-n", str(min(3, 1 + (os.cpu_count() or 1))), "--no-loadscope-reorder"]
    command = [str(python), "-m", "pytest", *workers, *(FAST if options.fast else []), *others]
    variables = {"OMP_NUM_THREADS": "1", **_variables(python)}
    return subprocess.run(command, cwd=environment.project_dir(), env=variables).returncode


def lint(argv: list[str]) -> int:
    """``python -m lab_utils lint``: ruff and the type checker, in seconds."""
    argparse.ArgumentParser("python -m lab_utils lint", description=lint.__doc__).parse_args(argv)
    return _lint(set_up(extras=("test", "classroom"), data=False))


def _lint(python: Path) -> int:
    """Run ruff and pyrefly, and say all that they find; 0 if that is nothing."""
    failed = 0
    types = ["pyrefly", "check", "--python-interpreter-path", str(python)]
    for linter in (["ruff", "check", "."], ["ruff", "format", "--check", "."], types):
        print(*linter, flush=True)
        command = [str(python), "-m", *linter]
        done = subprocess.run(command, cwd=environment.project_dir(), env=_variables(python))
        failed = failed or done.returncode
    return failed or _lint_scripts()


def _lint_scripts() -> int:
    """The widgets' scripts and style sheets, by biome and TypeScript; skipped without npm."""
    npm = shutil.which("npm")
    if not npm:
        print("npm is not installed: the scripts of the widgets are not checked.")
        return 0
    folder = environment.project_dir() / "tools" / "js"
    commands = [["ci", "--silent", "--no-audit", "--no-fund"], ["run", "check", "--silent"]]
    brought, wanted = folder / "node_modules" / ".package-lock.json", folder / "package-lock.json"
    if brought.is_file() and brought.stat().st_mtime >= wanted.stat().st_mtime:
        del commands[0]
    for command in commands:
        print("npm", *command[:2], flush=True)
        if failed := subprocess.run([npm, "--prefix", str(folder), *command]).returncode:
            return failed
    return 0


def set_up(
    *,
    extras: tuple[str, ...] = (),
    here: bool = False,
    torch_index: str | None = None,
    data: bool = True,
) -> Path:
    """Make the environment whole.

    Parameters
    ----------
    extras : tuple of str
        Optional groups of pyproject.toml to install as well.
    here : bool
        Install into the running Python instead of ``.venv``.
    torch_index : str, optional
        Another index for torch alone.
    data : bool
        Also bring ffmpeg, the weights and human speech; linters need none of them.

    Returns
    -------
    Path
        The environment's Python.

    Raises
    ------
    SetupError
        With what went wrong, and the remedy.
    """
    wanted, folder = installed.requirements(*extras), environment.project_dir() / ".venv"
    try:
        with dotvenv.alone(folder.with_name(".venv.lock")):
            if here or on_colab():
                dotvenv.check_machine()
                python = Path(sys.executable)
                print(f"Installing what is missing into {sys.prefix}")
            elif _in_environment() and (_own() or not installed.missing(wanted)):
                python = Path(sys.executable)
                print(f"Using this Python environment: {sys.prefix}")
            else:
                python = make_venv(folder)
            try:
                complete(python, extras=extras, torch_index=torch_index)
            except SetupError:
                if python.is_relative_to(folder):
                    dotvenv.settle(folder, whole=False)
                raise
            if python.is_relative_to(folder):
                dotvenv.settle(folder, whole=True)
            if data:
                title = "Preparing ffmpeg, weights and human speech"
                _run(python, "from lab_utils.bootstrap import finish; finish()", title)
    except OSError as error:
        raise SetupError(f"The set-up stopped: {error}.\n{remedy(str(error))}") from error
    return python


def complete(python: Path, *, extras: tuple[str, ...] = (), torch_index: str | None = None) -> None:
    """Install what is missing and repair what is damaged in one environment.

    Raises
    ------
    SetupError
        A package that the labs need is missing or damaged and cannot be had.
    """
    ours = python.is_relative_to(environment.project_dir() / ".venv")
    link_project(python, always=ours)
    stamp = _json(_stamp_file(python))
    state = installed.examine(python, *extras, since=stamp.get("whole", float("inf")))
    repaired = not on_colab() and repair(python, state["damaged"])
    outdated = ours and not _stamped(python, extras)
    if not (state["missing"] or repaired or outdated):
        return
    begun = time.time()
    if state["missing"] or outdated:
        try:
            install(python, extras=extras, torch_index=torch_index)
        except SetupError as error:
            if lacking := installed.examine(python, *extras)["missing"]:
                raise SetupError(f"{error}Still missing: {', '.join(lacking)}.") from error
            print(f"{error}What is installed fits the labs: going on with it.", file=sys.stderr)
            return
    state = installed.examine(python, *extras)
    if state["missing"] or state["damaged"] and not on_colab():
        faults = [f"{name} ({fault})" for name, fault in state["damaged"].items()]
        raise SetupError(
            "pip ended without an error, but these packages are missing or damaged: "
            + ", ".join([*state["missing"], *faults])
        )
    if ours:
        known = {*extras, *stamp.get("extras", ())}
        done = {"sources": _sources_hash(), "extras": sorted(known), "whole": begun}
        write_text(_stamp_file(python), json.dumps(done) + "\n")


def link_project(python: Path, *, always: bool) -> None:
    """Make lab_utils importable in an environment by one line, written anew if the clone moved.

    Parameters
    ----------
    python : Path
        The environment's Python.
    always : bool
        Also where another clone's lab_utils is found.
    """
    project = str(environment.project_dir())
    code = "import lab_utils, os; print(os.path.dirname(os.path.dirname(lab_utils.__file__)))"
    command = [str(python), "-E", "-P", "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, cwd=Path(python).parent)
    here = found.stdout.strip()
    if here == project or (here and not always):
        return
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([str(python), "-P", "-c", code], capture_output=True, text=True)
    site = Path(done.stdout.strip())
    for old in site.glob("__editable__*whisper_lab*"):  # what 'pip install -e' left
        old.unlink()
    # ASCII: each Python reads it alike
    write_text(site / "whisper-lab.pth", f"import sys; sys.path.insert(1, {ascii(project)})\n")


def finish() -> None:
    """The part of the set-up that runs inside the environment: ffmpeg, kernel, weights, speech."""
    from . import checkpoints, human_speech

    environment.provide_ffmpeg()
    kernel = Path(sys.prefix) / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    path = f"{environment.scripts_dir()}{os.pathsep}${{PATH}}"
    wanted_env = {"PATH": path, "OMP_WAIT_POLICY": "PASSIVE"}
    if _in_environment() and not on_colab():
        if _json(kernel).get("env") != wanted_env:
            from ipykernel.kernelspec import install as install_kernel

            install_kernel(prefix=sys.prefix, env=wanted_env)
        overrides = Path(sys.prefix) / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
        settings = _json(overrides)
        if any(settings.get(key) != value for key, value in NEWS_OFF.items()):
            write_text(overrides, json.dumps(settings | NEWS_OFF, indent=1) + "\n")
    for name in environment.MODELS:
        checkpoints.keep(name)
    try:
        human_speech.fetch_human()
    except SampleError as error:
        print(f"Note: {error} The labs work without it.", file=sys.stderr)


def prove(python: Path) -> None:
    """Show the doctor's report, then transcribe one sample clip and print its text."""
    print("Checking this machine …", flush=True)
    command = [str(python), "-W", "ignore", "-m", "lab_utils", "check"]
    cwd = environment.project_dir()
    if subprocess.run(command, cwd=cwd, env=_variables(python)).returncode:
        raise SetupError("This machine is not ready: see the lines marked 'fix' above.")
    code = (
        "from lab_utils import samples, transcripts; "
        f"clip = samples.get({PROOF!r}); "
        "print('Spoken: ', clip.text); "
        "print('Whisper:', transcripts.transcribe(clip.path, 'base', language='en').text)"
    )
    _run(python, code, f"Transcribing assets/audio, clip {PROOF}, with the model base", show=True)


def server_command(python: Path, *, port: int, browser: bool) -> list[str]:
    """The command that runs JupyterLab: this machine's own address, Jupyter's token, lab 01."""
    project = environment.project_dir()
    return [
        str(python),
        "-m",
        "jupyterlab",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={project}",
        f"--ServerApp.preferred_dir={project / 'notebooks'}",
        "--LabApp.default_url=/lab/tree/notebooks/01_install.ipynb",
        *([] if browser else ["--no-browser"]),
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]


def serve(python: Path, *, port: int, browser: bool) -> int:
    """Run JupyterLab until it is stopped."""
    command = server_command(python, port=port, browser=browser)
    print("Starting JupyterLab. Stop it with Ctrl-C here.", flush=True)
    if os.name == "posix":  # this process becomes JupyterLab: what ends one, ends both
        os.chdir(environment.project_dir())
        os.execve(command[0], command, _variables(python))
    try:
        return subprocess.run(command, env=_variables(python)).returncode
    except KeyboardInterrupt:
        return 0


def _variables(python: Path) -> dict[str, str]:
    """The environment of child processes: the programs of the environment come first."""
    path = str(python.parent) + os.pathsep + os.environ.get("PATH", "")
    return {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "PATH": path}


def _run(python: Path, code: str, title: str, *, show: bool = False) -> None:
    """Run a line of our own code in the environment; its errors become a SetupError."""
    print(f"{title} …", flush=True)
    command = [str(python), "-c", "import warnings; warnings.simplefilter('ignore'); " + code]
    done = subprocess.run(
        command,
        cwd=environment.project_dir(),
        env=_variables(python),
        stdout=None if show else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise SetupError(f"{title} failed. {_reason(done.stderr)}{remedy(done.stderr)}")
    print(done.stderr, end="", file=sys.stderr)


def _reason(text: str) -> str:
    """The message of the last exception in a traceback, or nothing."""
    pieces = re.split(r"^(?:[\w.]*\.)?\w*(?:Error|Exception): ", text, flags=re.MULTILINE)
    return pieces[-1].strip() + "\n" if len(pieces) > 1 else last_line(text)


def _in_environment() -> bool:
    """Whether this Python belongs to a virtual environment, to conda or to Colab."""
    conda = (Path(sys.prefix) / "conda-meta").is_dir()
    return sys.prefix != sys.base_prefix or conda or on_colab()


def _own() -> bool:
    """Whether the running Python's environment was made for the labs."""
    pth = Path(sysconfig.get_path("purelib")) / "whisper-lab.pth"
    return pth.exists() or _stamp_file(Path(sys.executable)).exists()


def _stamp_file(python: Path) -> Path:
    return Path(python).parent.parent / STAMP


def _sources_hash() -> str:
    """Changes when what should be installed changes."""
    project = environment.project_dir()
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((project / name).read_bytes())
    return digest.hexdigest()


def _stamped(python: Path, extras: tuple[str, ...]) -> bool:
    """Whether the last installation ended well, with these sources and extras."""
    stamp = _json(_stamp_file(python))
    return stamp.get("sources") == _sources_hash() and {*extras} <= {*stamp.get("extras", ())}


def _json(path: Path) -> dict:
    """The object in a JSON file; an empty one where there is none or it is damaged."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
