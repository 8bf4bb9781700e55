"""A room without a network: one folder with everything, and the command that installs from it.

``python -m lab_utils bundle FOLDER`` is run once where there is a network, on the same kind of
system and with the same Python as in the room. The folder goes on a memory stick or a share; in
the room ``python3 FOLDER/install.py`` does the rest, and touches no network.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .. import bootstrap, checkpoints, environment
from ..errors import SetupError
from ..files import replacing

PROJECT, WHEELS, WEIGHTS = "whisper-lab", "wheels", "weights"
MANIFEST, TARGETS = "MANIFEST.sha256", "targets.json"
SKIPPED = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", "*.egg-info", ".*_cache", ".ipynb_checkpoints", "outputs",
    "recordings", "build", "dist", ".virtual_documents",
)  # fmt: skip

README = """Whisper Lab without a network
=============================

In this folder lie the labs, every Python package they need, the weights of the models and the
sample clips. It was made for: {targets}.

Install (Python and nothing else is needed, no network, about 2 GB on the disk):

    python3 install.py              the labs go to the folder whisper-lab in your home
    python3 install.py OTHER        or to another folder

On Windows: py install.py. Then, in that folder, each time:

    python3 -m lab_utils start
"""


def make(
    folder: Path, *, extras: tuple[str, ...] = (), models: tuple[str, ...] = environment.MODELS
) -> Path:
    """Make the folder, or add this machine's packages to one that is there.

    Parameters
    ----------
    folder : Path
    extras : tuple of str
        Optional groups of pyproject.toml whose packages come along (``"classroom"``).
    models : tuple of str
        Models whose weights come along.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    SetupError
        pip could not bring a package, or the folder cannot be used.
    CheckpointError
        The weights of a model cannot be had.
    """
    project = environment.project_dir()
    folder = folder.expanduser().resolve()
    if folder == project or project in folder.parents:
        raise SetupError(f"Expected a folder outside the project, found {folder}.")
    folder.mkdir(parents=True, exist_ok=True)
    print("Packages …", flush=True)
    fetch_wheels(folder / WHEELS, extras=extras)
    print("Weights …", flush=True)
    copy_weights(folder / WEIGHTS, models)
    print("Labs and clips …", flush=True)
    copy_project(project, folder / PROJECT)
    here = target()
    known = _targets(folder)
    _write(folder / TARGETS, json.dumps(sorted({*known, here}), indent=1) + "\n")
    _write(folder / "README.txt", README.format(targets="; ".join(sorted({*known, here}))))
    installer = Path(__file__).with_name("install.py")
    _write(folder / "install.py", installer.read_text("utf-8"))
    _write(folder / MANIFEST, manifest(folder))
    return folder


def target() -> str:
    """This Python and system, as wheels care about them: ``Python 3.11, Linux x86_64``."""
    return (
        f"Python {sys.version_info[0]}.{sys.version_info[1]}, "
        f"{platform.system()} {platform.machine()}"
    )


def wheel_commands(folder: Path, *, extras: tuple[str, ...]) -> list[list[str]]:
    """The pip commands that fill the folder: torch, openai-whisper, all others.

    They ask for what ``bootstrap.install`` installs. A package without a wheel is built here, so
    that nothing has to be built in the room.
    """
    constraints = environment.project_dir() / "constraints.txt"
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", constraints.read_text("utf-8"), re.MULTILINE))
    wanted = [r for extra in (None, *extras) for r in environment.requirements(extra)]
    whisper = next(r for r in wanted if r.startswith("openai-whisper"))
    rest = [r for r in wanted if r != whisper]
    also = bootstrap._requires(Path(sys.executable), "openai-whisper")
    also = [r for r in also if shutil.which("nvidia-smi") or not r.startswith("triton")]
    pip = [sys.executable, "-m", "pip", "wheel", "--disable-pip-version-check", "-w", str(folder)]
    limits = ["-c", str(constraints)]
    return [
        [*pip, f"torch=={pins['torch']}", *limits],
        [*pip, "--no-deps", *limits, whisper],
        [*pip, *limits, *rest, *also, *_build_requirements()],
    ]


def fetch_wheels(folder: Path, *, extras: tuple[str, ...]) -> None:
    """Fill the folder with wheels.

    Raises
    ------
    SetupError
        With pip's last lines.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for command in wheel_commands(folder, extras=extras):
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode:
            last = " ".join((done.stdout + done.stderr).strip().splitlines()[-3:])
            raise SetupError(f"pip could not bring a package: {last[-600:]}")


def copy_weights(folder: Path, models: tuple[str, ...]) -> None:
    """Copy verified weights, each with its hash beside it, as the labs' cache holds them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in models:
        path = checkpoints.fetch(name)
        with replacing(folder / f"{name}.pt") as temporary:
            shutil.copyfile(path, temporary)
        note = {"sha256": _sha256(folder / f"{name}.pt"), "bytes": path.stat().st_size}
        _write(folder / f"{name}.pt.json", json.dumps(note) + "\n")


def copy_project(project: Path, folder: Path) -> None:
    """Copy the labs as git knows them; without git, everything but caches and environments."""
    git = subprocess.run(
        ["git", "-C", str(project), "ls-files", "-z"], capture_output=True, text=True
    ) if shutil.which("git") else None  # fmt: skip
    if git is None or git.returncode or not git.stdout:
        shutil.copytree(project, folder, ignore=SKIPPED, dirs_exist_ok=True)
        return
    for name in filter(None, git.stdout.split("\0")):
        if (project / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / name, folder / name)


def manifest(folder: Path) -> str:
    """SHA-256 of every file in the folder but the manifest, in the form of ``sha256sum``."""
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != MANIFEST:
            lines.append(f"{_sha256(path)}  {path.relative_to(folder).as_posix()}")
    return "\n".join(lines) + "\n"


def _build_requirements() -> list[str]:
    """What pip needs to install the labs themselves, from pyproject.toml."""
    import tomllib

    text = (environment.project_dir() / "pyproject.toml").read_text("utf-8")
    return tomllib.loads(text)["build-system"]["requires"]


def _targets(folder: Path) -> list[str]:
    try:
        found = json.loads((folder / TARGETS).read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [str(one) for one in found] if isinstance(found, list) else []


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, "utf-8")


def main(argv: list[str]) -> int:
    """``python -m lab_utils bundle FOLDER``: one folder for a room without a network."""
    parser = argparse.ArgumentParser(
        "python -m lab_utils bundle",
        description="Make one folder with packages, weights, labs and clips for a room without a "
        "network. Run it on the same kind of system and Python as in the room; run it on another "
        "kind, into the same folder, to serve both.",
    )
    parser.add_argument("folder", type=Path, help="a memory stick, a share (about 1 GB)")
    parser.add_argument(
        "--extras", nargs="*", default=[], metavar="GROUP", help="for example: classroom test"
    )
    options = parser.parse_args(argv)
    folder = make(options.folder, extras=tuple(options.extras))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    wheels = len(list((folder / WHEELS).glob("*.whl")))
    print(f"{folder}: {wheels} packages, {size / 1e6:.0f} MB, for {', '.join(_targets(folder))}.")
    print(f"In the room, without a network: python3 {os.path.join(folder.name, 'install.py')}")
    return 0
