"""pip, asked to install or repair: what it is told, and what its failures mean.

Standard library only.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from . import installed
from .errors import SetupError
from .places import project_dir

LOG = "setup.log"
#: a requirements file with hashes: nothing else is installed then (an offline folder names it)
LOCK_VARIABLE = "WHISPER_LAB_LOCK"
#: what pip or the system says → what to do
REMEDIES = {
    r"No space left on device|Errno 28|not enough space": "The disk is full. Free about 4 GB.",
    r"name resolution|Name or service not known|getaddrinfo|Network is unreachable|timed out"
    r"|Max retries|ConnectionError|NewConnectionError|Connection refused|ProxyError": (
        "The package index cannot be reached. Connect this machine to the internet once, or "
        "install from a teacher's folder (TEACHING.md)."
    ),
    r"Permission denied|Errno 13|Read-only|Errno 30": (
        "A file cannot be written: use a folder that is yours."
    ),
    r"DO NOT MATCH THE HASHES": (
        "A package is not the one that was recorded, so it was not installed. Copy the teacher's "
        "folder again; with a package index of your own, ask who runs it."
    ),
    r"No matching distribution|Could not find a version": (
        "Where pip looks there is no version for this machine: connect it to the internet, and use "
        "Python 3.11, 3.12 or 3.13."
    ),
}


def repair(python: Path, damaged: dict[str, str]) -> bool:
    """Write damaged packages anew, in the same version; nothing is removed before.

    Returns whether there was anything to do; raises SetupError if pip cannot bring one of them.
    """
    if not damaged:
        return False
    for name, fault in damaged.items():
        print(f"{name} is damaged: {fault}")
    # a local version (2.13.0+cpu) is asked for by its public one: the index decides, as before
    wanted = {installed.canonical(pin.split("+")[0]): pin.split("+")[0] for pin in damaged}
    lock = os.environ.get(LOCK_VARIABLE)
    lines = _lines(lock) if lock else [] if on_colab() else installed.recorded("test", "classroom")
    known = {installed.canonical(re.split(r"[ ;]", line)[0]): line for line in lines}
    title = f"{', '.join(damaged)} again"
    options = ["--ignore-installed", "--no-deps"]
    if recorded := [known[pin] for pin in wanted if pin in known]:
        _pip(python, title, *options, *recorded, locked=True)
    if others := [name for pin, name in wanted.items() if pin not in known]:
        _pip(python, title, *options, *others)
    return True


def install(python: Path, *, extras: tuple[str, ...] = (), torch_index: str | None = None) -> None:
    """Install what pyproject.toml asks for, in the versions of constraints.txt, torch last.

    All but torch are taken only if their SHA-256 is in hashes.txt. Colab has torch and versions of
    its own, and gets what it lacks without them.
    """
    if lock := os.environ.get(LOCK_VARIABLE):
        _pip(python, "the packages of this folder", "--no-deps", *_lines(lock), locked=True)
        return
    source = ["--index-url", torch_index] if torch_index else []
    if on_colab():
        _pip(python, "torch", "torch", *source)
        wanted = installed.requirements(*extras)
        whisper = next(r for r in wanted if r.startswith("openai-whisper"))
        wanted.remove(whisper)
        _pip(python, "openai-whisper", "--no-deps", whisper)  # with them comes triton
        _pip(python, f"{len(wanted)} more packages and what they need", *wanted)
        return
    lines = installed.recorded(*extras)
    _pip(python, "all packages but torch", "--no-deps", *lines, locked=True)
    torch = ["-c", str(project_dir() / "constraints.txt"), f"torch=={installed.pins()['torch']}"]
    _pip(python, "torch (the largest download)", *torch, *source)


def _pip(python: Path, title: str, *arguments: str, locked: bool = False) -> None:
    """Install with pip: one living line on a terminal, everything in the log beside it.

    With ``locked``, the arguments after the options are lines of a requirements file with hashes.
    """
    print(f"Installing {title} …", flush=True)
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory() as folder:
        if locked:
            lines = Path(folder) / "locked.txt"
            lines.write_text("\n".join(a for a in arguments if "==" in a), "utf-8")
            arguments = tuple(a for a in arguments if "==" not in a)
            arguments += ("--require-hashes", "-r", str(lines))
        text = _watched([*command, *arguments], log=Path(python).parent.parent / LOG)
    if text:
        errors = [line for line in text.splitlines() if "ERROR" in line] or [last_line(text)]
        raise SetupError(
            f"pip could not install {title}: {errors[-1].strip()}\n{remedy(text)}"
            "Then run the same command again: it continues from here. The whole log: "
            f"{Path(python).parent.parent / LOG}\n"
        )


def _watched(command: list[str], *, log: Path) -> str:
    """Run pip; its last lines if it failed, else nothing."""
    tail: list[str] = []
    terminal = sys.stdout.isatty()
    with open(log, "a", encoding="utf-8") as file:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        for line in process.stdout or ():
            file.write(line)
            tail = [*tail[-30:], line]
            name = re.match(r"\s*(Collecting|Downloading) (\S+)", line)
            if terminal and name:
                print(f"\r\033[K  {name[1]} {name[2][:60]}", end="", flush=True)
        if terminal:
            print("\r\033[K", end="", flush=True)
    return ("".join(tail) or "no reason given") if process.wait() else ""


def _lines(path: str) -> list[str]:
    """The requirements of a file, one a line."""
    lines = Path(path).read_text("utf-8").splitlines()
    return [line for line in lines if "==" in line and not line.startswith("#")]


def remedy(text: str) -> str:
    """The line that helps with the first known trouble in ``text``."""
    return next((f"{fix}\n" for pattern, fix in REMEDIES.items() if re.search(pattern, text)), "")


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]


def on_colab() -> bool:
    """Whether this is Google's notebook server, which has torch and versions of its own."""
    return bool(os.environ.get("COLAB_RELEASE_TAG"))
