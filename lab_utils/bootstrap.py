"""From a bare machine to running labs: the commands ``start`` and ``test``.

Standard library only: this module runs before anything is installed. Every step looks first at
what is there, so a second run does only what is missing, and mends what an earlier run left half.
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
from pathlib import Path

from . import environment
from .errors import SetupError
from .files import replacing

STAMP = "whisper-lab.json"
LOG = "setup.log"
PROOF = "en_story_wav"
NEWS_OFF = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}
}
#: what pip prints → what it means and what to do
REMEDIES = (
    (r"No space left on device|Errno 28|not enough space", "The disk is full. Free about 4 GB."),
    (
        r"Temporary failure in name resolution|Name or service not known|Network is unreachable"
        r"|Max retries exceeded|ConnectionError|NewConnectionError|getaddrinfo failed|timed out"
        r"|Connection refused|ProxyError",
        "The package index cannot be reached. Connect this machine to the internet once, or "
        "install from a teacher's folder (TEACHING.md).",
    ),
    (r"Permission denied|Errno 13", "A file cannot be written: use a folder that is yours."),
    (
        r"No matching distribution|Could not find a version",
        "A package has no version for this Python: use Python 3.11, 3.12 or 3.13.",
    ),
)


def start(argv: list[str]) -> int:
    """``python -m lab_utils start``: set up what is missing, prove it, open JupyterLab."""
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
    prove(python)
    if options.check_only:
        print("Ready. Start the labs with: python3 -m lab_utils start")
        return 0
    return serve(python, port=options.port, browser=not options.no_browser)


def test(argv: list[str]) -> int:
    """``python -m lab_utils test [pytest's options]``: the test suite, in the same environment."""
    python = set_up(extras=("test", "classroom"))
    command = [str(python), "-m", "pytest", *argv]
    return subprocess.run(command, cwd=environment.project_dir(), env=_variables(python)).returncode


def set_up(
    *, extras: tuple[str, ...] = (), here: bool = False, torch_index: str | None = None
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

    Returns
    -------
    Path
        The environment's Python.

    Raises
    ------
    SetupError
        With what went wrong, and the remedy.
    """
    wanted = [r for extra in (None, *extras) for r in environment.requirements(extra)]
    if _in_environment() and not environment.missing(wanted):
        python, fresh = Path(sys.executable), False
        print(f"Using this Python environment: {sys.prefix}")
    elif here or os.environ.get("COLAB_RELEASE_TAG"):
        python, fresh = Path(sys.executable), True
        print(f"Installing what is missing into {sys.prefix}")
    else:
        python = make_venv(environment.project_dir() / ".venv")
        fresh = not _stamped(python, extras)
    if fresh:
        install(python, extras=extras, torch_index=torch_index)
    _run(python, "from lab_utils.bootstrap import finish; finish()", "Preparing ffmpeg and weights")
    return python


def make_venv(folder: Path) -> Path:
    """A virtual environment that works: made, or made again if an earlier run broke off."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    probe = [str(python), "-m", "pip", "--version"]
    try:
        works = subprocess.run(probe, capture_output=True).returncode == 0
    except OSError:
        works = False
    if works:
        return python
    free = shutil.disk_usage(folder.parent).free / environment.GB
    if free < environment.MIN_DISK_GB:
        raise SetupError(
            f"The labs need {environment.MIN_DISK_GB:.0f} GB on this disk, {free:.1f} GB are free. "
            "Make room and start again."
        )
    print(f"Making the environment {folder.name} with Python {sys.version.split()[0]}", flush=True)
    command = [sys.executable, "-m", "venv", "--clear", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = done.stdout + done.stderr
        raise SetupError(
            f"Python could not make a virtual environment: {_last_line(said)}\n{_remedy(said)}"
            "On Debian and Ubuntu install the package python3-venv, then start again."
        )
    return python


def install(python: Path, *, extras: tuple[str, ...], torch_index: str | None = None) -> None:
    """Install what pyproject.toml asks for, in the versions of constraints.txt, torch first."""
    project = environment.project_dir()
    constraints = project / "constraints.txt"
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", constraints.read_text("utf-8"), re.MULTILINE))
    colab = bool(os.environ.get("COLAB_RELEASE_TAG"))
    limits = [] if colab else ["-c", str(constraints)]
    wanted = [r for extra in (None, *extras) for r in environment.requirements(extra)]
    torch = "torch" if colab else f"torch=={pins['torch']}"
    source = ["--index-url", torch_index] if torch_index else []
    _pip(python, "torch (the largest download)", torch, *source)
    # openai-whisper asks for triton, which only an NVIDIA GPU uses: hundreds of MB for nothing on
    # other machines. Its other requirements are installed with ours.
    whisper = next(r for r in wanted if r.startswith("openai-whisper"))
    _pip(python, "openai-whisper", "--no-deps", *limits, whisper)
    rest = [r for r in wanted if not r.startswith("openai-whisper")]
    also = _requires(python, "openai-whisper")
    also = [r for r in also if shutil.which("nvidia-smi") or not r.startswith("triton")]
    _pip(python, f"{len(rest) + len(also)} more packages and what they need", *limits, *rest, *also)
    _pip(python, "the labs themselves", "--no-deps", "-e", str(project))
    stamp = _stamp_file(python)
    if not colab:
        done = {"sources": _sources_hash(), "extras": sorted({*extras, *_stamped_extras(python)})}
        with replacing(stamp) as temporary:
            temporary.write_text(json.dumps(done) + "\n", "utf-8")


def finish() -> None:
    """The part of the set-up that runs inside the environment: ffmpeg, kernel, weights, news."""
    from . import checkpoints

    environment.provide_ffmpeg()
    kernel = Path(sys.prefix) / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    path = f"{environment.scripts_dir()}{os.pathsep}${{PATH}}"
    wanted_env = {"PATH": path, "OMP_WAIT_POLICY": "PASSIVE"}
    if _in_environment() and not os.environ.get("COLAB_RELEASE_TAG"):
        if _json(kernel).get("env") != wanted_env:
            from ipykernel.kernelspec import install as install_kernel

            install_kernel(prefix=sys.prefix, env=wanted_env)
        overrides = Path(sys.prefix) / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
        settings = _json(overrides)
        if any(settings.get(key) != value for key, value in NEWS_OFF.items()):
            with replacing(overrides) as temporary:
                temporary.write_text(json.dumps(settings | NEWS_OFF, indent=1) + "\n", "utf-8")
    for name in environment.MODELS:
        checkpoints.fetch(name)


def prove(python: Path) -> None:
    """Show the doctor's report, then transcribe one sample clip and print its text."""
    code = (
        "import sys; from lab_utils import environment; "
        "found = environment.examine(); print(environment.report(found)); "
        "sys.exit(not environment.healthy(found))"
    )
    _run(python, code, "Checking this machine", show=True)
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
        raise SetupError(f"{title} failed. {_reason(done.stderr)}{_remedy(done.stderr)}")


def _reason(text: str) -> str:
    """The message of the last exception in a traceback, or nothing."""
    pieces = re.split(r"^(?:[\w.]*\.)?\w*(?:Error|Exception): ", text, flags=re.MULTILINE)
    return pieces[-1].strip() + "\n" if len(pieces) > 1 else _last_line(text)


def _pip(python: Path, title: str, *arguments: str) -> None:
    """Install with pip: one living line on a terminal, everything in the log beside it."""
    print(f"Installing {title} …", flush=True)
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    log = Path(python).parent.parent / LOG
    tail: list[str] = []
    with open(log, "a", encoding="utf-8") as file:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        for line in process.stdout:
            file.write(line)
            tail = [*tail[-30:], line]
            if sys.stdout.isatty() and (
                name := re.match(r"\s*(Collecting|Downloading) (\S+)", line)
            ):
                print(f"\r\033[K  {name[1]} {name[2][:60]}", end="", flush=True)
        if sys.stdout.isatty():
            print("\r\033[K", end="", flush=True)
    if process.wait():
        text = "".join(tail)
        errors = [line for line in text.splitlines() if "ERROR" in line] or [_last_line(text)]
        raise SetupError(
            f"pip could not install {title}: {errors[-1].strip()}\n{_remedy(text)}"
            f"Then run the same command again: it goes on from here. The whole log: {log}"
        )


def _remedy(text: str) -> str:
    """The line that helps with the first known trouble in ``text``."""
    return next((f"{fix}\n" for pattern, fix in REMEDIES if re.search(pattern, text)), "")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]


def _requires(python: Path, name: str) -> list[str]:
    """What an installed package asks for on this machine, without extras."""
    code = (
        "import importlib.metadata as m, json, sys; from pip._vendor.packaging.requirements import "
        "Requirement as R; rs = [R(r) for r in m.requires(sys.argv[1]) or []]; "
        "print(json.dumps([f'{r.name}{r.specifier}' for r in rs "
        "if r.marker is None or r.marker.evaluate({'extra': ''})]))"
    )
    done = subprocess.run([str(python), "-c", code, name], capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"{name} is not installed whole: run the same command again.")
    return json.loads(done.stdout)


def _in_environment() -> bool:
    """Whether this Python belongs to a virtual environment, to conda or to Colab."""
    conda = (Path(sys.prefix) / "conda-meta").is_dir()
    return sys.prefix != sys.base_prefix or conda or bool(os.environ.get("COLAB_RELEASE_TAG"))


def _stamp_file(python: Path) -> Path:
    return Path(python).parent.parent / STAMP


def _sources_hash() -> str:
    """Changes when what is to be installed changes, or the clone has moved."""
    project = environment.project_dir()
    digest = hashlib.sha256(str(project).encode())
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((project / name).read_bytes())
    return digest.hexdigest()


def _stamped(python: Path, extras: tuple[str, ...]) -> bool:
    """Whether the last installation ended well, with these sources and extras."""
    stamp = _json(_stamp_file(python))
    return stamp.get("sources") == _sources_hash() and {*extras} <= {*stamp.get("extras", ())}


def _stamped_extras(python: Path) -> tuple[str, ...]:
    return tuple(_json(_stamp_file(python)).get("extras", ()))


def _json(path: Path) -> dict:
    """The object in a JSON file; an empty one where there is none or it is damaged."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
