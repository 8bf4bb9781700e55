"""A room without a network: one folder with everything, and the command that installs from it.

``python -m lab_utils bundle FOLDER`` is run once where there is a network, on the same kind of
system and with the same Python as in the room. The folder goes on a memory stick or a share; in
the room ``python3 FOLDER/install.py`` does the rest, and touches no network.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .. import checkpoints, environment, human_speech, installed
from ..errors import SampleError, SetupError
from ..files import replacing, sha256, write_text
from .install import MANIFEST, lock, strangers, target

PROJECT, WHEELS, WEIGHTS, TARGETS = "whisper-lab", "wheels", "weights", "targets.json"
#: what a copy without git takes: the course's own folders and files, so nothing of the reader's
PARTS = (
    "README.md", "TEACHING.md", "GLOSSARY.md", "CORPUS.md", "CONTRIBUTING.md", "CHANGELOG.md",
    "CITATION.cff", "LICENSE", "pyproject.toml", "constraints.txt", "hashes.txt", "environment.yml",
    "conftest.py", ".ci", "notebooks", "lab_utils", "assets", "tests", "tools", "benchmarks",
)  # fmt: skip
SKIPPED = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "outputs", "recordings", "progress.json", "*.pt"
)

README = """Whisper Lab without a network
=============================

This folder holds the labs, every Python package they need, the weights of the models and the
sample clips. It was made for: {targets}.

Install (Python and nothing else is needed, no network, about 2 GB on the disk):

    python3 install.py              the labs go to the folder whisper-lab in your home
    python3 install.py OTHER        or to another folder

On Windows: py install.py. Then, in that folder, each time:

    python3 -m lab_utils start
"""


def make(
    folder: Path,
    *,
    extras: tuple[str, ...] = (),
    models: tuple[str, ...] = environment.MODELS,
    torch_index: str | None = None,
) -> Path:
    """Make the folder, or add this machine's packages to one that is there.

    Parameters
    ----------
    folder
    extras : tuple of str
        Optional groups of pyproject.toml whose packages come along (``"classroom"``).
    models : tuple of str
        Models whose weights come along.
    torch_index : str, optional
        Another index for torch alone, as ``start --torch-index`` takes it.

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
    here, known = target(), _targets(folder)
    print("Packages …", flush=True)
    fetch_wheels(folder / WHEELS, extras=extras, torch_index=torch_index)
    print("Weights and speech …", flush=True)
    copy_weights(folder / WEIGHTS, models)
    copy_speech(folder / WEIGHTS / "human")
    print("Labs and clips …", flush=True)
    copy_project(project, folder / PROJECT)
    write_text(folder / TARGETS, json.dumps(sorted({*known, here}), indent=1) + "\n")
    write_text(folder / "README.txt", README.format(targets="; ".join(sorted({*known, here}))))
    installer = Path(__file__).with_name("install.py")
    write_text(folder / "install.py", installer.read_text("utf-8"))
    write_text(folder / MANIFEST, manifest(folder))
    return folder


def wheel_commands(
    folder: Path, wanted: Path, *, torch_index: str | None = None
) -> list[list[str]]:
    """The pip commands that fill the folder: the packages of a list by their hashes, then torch.

    A package without a wheel is built here, so that nothing has to be built in the room.
    """
    pip = [sys.executable, "-m", "pip", "wheel", "--disable-pip-version-check", "-w", str(folder)]
    limits = ["-c", str(environment.project_dir() / "constraints.txt")]
    source = ["--index-url", torch_index] if torch_index else []
    torch = f"torch=={installed.pins()['torch']}"
    return [
        [*pip, "--no-deps", "--require-hashes", "-r", str(wanted)],
        [*pip, torch, *limits, "--find-links", str(folder), *source],
    ]


def fetch_wheels(folder: Path, *, extras: tuple[str, ...], torch_index: str | None = None) -> None:
    """Fill the folder with wheels, and write the hash of each beside it, for this machine's kind.

    They are what ``packages.install`` installs. Raises SetupError with pip's last lines.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for killed in folder.glob(".new-*"):
        shutil.rmtree(killed, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as new:
        wanted = Path(new) / "wanted.txt"
        wanted.write_text("\n".join(installed.recorded(*extras)), "utf-8")
        for command in wheel_commands(Path(new), wanted, torch_index=torch_index):
            done = subprocess.run(command, capture_output=True, text=True, errors="replace")
            if done.returncode:
                last = " ".join((done.stdout + done.stderr).strip().splitlines()[-3:])
                raise SetupError(f"pip could not bring a package: {last[-600:]}")
        lines = []
        for wheel in sorted(Path(new).glob("*.whl")):
            name, version = wheel.name.split("-")[:2]
            lines.append(f"{name}=={version} --hash=sha256:{sha256(wheel)}")
            os.replace(wheel, folder / wheel.name)
    write_text(folder.parent / lock(target()), "\n".join(lines) + "\n")


def copy_weights(folder: Path, models: tuple[str, ...]) -> None:
    """Copy verified weights; the labs verify them again, by the digest in their own code."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in models:
        with replacing(folder / f"{name}.pt") as temporary:
            shutil.copyfile(checkpoints.fetch(name), temporary)


def copy_speech(folder: Path) -> None:
    """Copy the human clips; without them the folder still serves."""
    try:
        for sample in human_speech.fetch_human():
            with replacing(folder / sample.path.name) as temporary:
                shutil.copyfile(sample.path, temporary)
    except SampleError as error:
        print(f"Note: {error}", file=sys.stderr)


def copy_project(project: Path, folder: Path) -> None:
    """Copy the labs as git knows them; without git, the course's own folders and files."""
    git = subprocess.run(
        ["git", "-C", str(project), "ls-files", "-z"], capture_output=True, text=True
    ) if shutil.which("git") else None  # fmt: skip
    if git is not None and git.returncode == 0 and git.stdout:
        for name in filter(None, git.stdout.split("\0")):
            if (project / name).is_file() and not (project / name).is_symlink():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(project / name, folder / name)
        return
    for name in PARTS:
        if (project / name).is_dir():
            shutil.copytree(project / name, folder / name, ignore=SKIPPED, dirs_exist_ok=True)
        elif (project / name).is_file():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / name, folder / name)


def manifest(folder: Path) -> str:
    """SHA-256 of every file in the folder but the manifest, in the form of ``sha256sum``."""
    lines = [f"{sha256(folder / name)}  {name}" for name in strangers(folder, {})]
    return "\n".join(lines) + "\n"


def _targets(folder: Path) -> list[str]:
    try:
        found = json.loads((folder / TARGETS).read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [str(one) for one in found] if isinstance(found, list) else []


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
    parser.add_argument(
        "--torch-index", metavar="URL", help="index to take torch from (pytorch.org names them)"
    )
    options = parser.parse_args(argv)
    folder = make(options.folder, extras=tuple(options.extras), torch_index=options.torch_index)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    wheels = len(list((folder / WHEELS).glob("*.whl")))
    print(f"{folder}: {wheels} packages, {size / 1e6:.0f} MB, for {', '.join(_targets(folder))}.")
    print(f"In the room, without a network: python3 {os.path.join(folder.name, 'install.py')}")
    return 0
