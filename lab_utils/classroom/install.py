"""Install Whisper Lab from this folder, without a network: python3 install.py [FOLDER]

It checks that the folder holds what its makers put there and nothing else, puts the labs into
FOLDER (default: whisper-lab in your home), and runs the labs' own set-up with the packages, the
models' weights and the speech from here. Run again, it does only what is missing. Notebooks that
you changed stay.
"""

from __future__ import annotations

import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
if __name__ == "__main__":  # a carried folder: only Python's own modules are imported, none here
    sys.path = [p for p in sys.path if os.path.abspath(p) != FOLDER]

import hashlib
import json
import platform
import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath

# ruff: noqa: E402
HERE = Path(__file__).resolve().parent
MANIFEST = "MANIFEST.sha256"
#: what systems leave on a memory stick
STRAY = re.compile(r"\._.*|\.DS_Store|Thumbs\.db|desktop\.ini|\.fseventsd|\.Spotlight-V100"
                   r"|\.Trashes|System Volume Information")  # fmt: skip


def target() -> str:
    """This Python and system, as the makers of the folder name them."""
    version = "Python {}.{}".format(*sys.version_info[:2])
    return f"{version}, {platform.system()} {platform.machine()}"


def lock(name: str) -> str:
    """The file with the hashes of the packages for one target."""
    return "packages " + re.sub(r"[^\w.]+", "-", name) + ".txt"


def sha256(path: Path) -> str:
    """The SHA-256 of a file, or nothing where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


def listed() -> dict[str, str]:
    """The files that the makers put here: name → SHA-256. Ends the program if the list is none."""
    try:
        lines = (HERE / MANIFEST).read_text("utf-8").splitlines()
        pairs = [re.fullmatch(r"([0-9a-f]{64})  (\S.*)", line).groups() for line in lines]
    except (OSError, ValueError, AttributeError):
        pairs = []
    names = [PurePosixPath(name) for _, name in pairs]
    if not pairs or any(n.is_absolute() or ".." in n.parts or "\\" in str(n) for n in names):
        sys.exit(f"{MANIFEST} is missing or damaged. Copy the folder again.")
    return {name: digest for digest, name in pairs}


def strangers(root: Path, files: dict[str, str]) -> list[str]:
    """Names of files that are in a folder and not on the list."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not STRAY.fullmatch(name)]
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in [*names, *links]:
            path = Path(folder, name).relative_to(root).as_posix()
            if path not in files and path != MANIFEST and not STRAY.fullmatch(name):
                found.append(path)
    return sorted(found)


def copy_labs(files: dict[str, str], destination: Path) -> None:
    """Copy the labs; a file that is there stays."""
    for name in files:
        if not name.startswith("whisper-lab/"):
            continue
        goal = destination / name.split("/", 1)[1]
        if goal.exists():
            continue
        goal.parent.mkdir(parents=True, exist_ok=True)
        partial = goal.with_name(goal.name + ".partial")
        shutil.copyfile(HERE / name, partial)
        os.replace(partial, goal)


def check(files: dict[str, str]) -> str:
    """What is wrong with this folder or this machine; empty if nothing is."""
    try:
        targets = [*map(str, json.loads((HERE / "targets.json").read_text("utf-8")))]
    except (OSError, ValueError, TypeError):
        return "targets.json is missing or damaged. Copy the folder again."
    if target() not in targets:
        return (f"This folder was made for: {'; '.join(targets)}.\nThis is {target()}. Install one "
                "of those Pythons, or make the folder on a machine like this one:\n"
                "    python -m lab_utils bundle FOLDER")  # fmt: skip
    print("Checking that the folder is whole …", flush=True)
    broken = [name for name, digest in files.items() if sha256(HERE / name) != digest]
    if broken:
        return (f"{len(broken)} files are damaged or missing, for example {broken[0]}.\n"
                "Copy the folder again.")  # fmt: skip
    if others := strangers(HERE, files):
        return (f"{len(others)} files are not on the list of this folder, for example {others[0]}. "
                "Nothing was installed.\nAsk who put them there; delete them, or copy the folder "
                "again.")  # fmt: skip
    return ""


def main() -> int:
    if "-h" in sys.argv or "--help" in sys.argv:
        print(__doc__)
        return 0
    files = listed()
    if problem := check(files):
        print(problem)
        return 1
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path.home() / "whisper-lab")
    folder = folder.expanduser().resolve()
    print(f"Putting the labs into {folder} …", flush=True)
    try:
        copy_labs(files, folder)
    except OSError as error:
        print(f"The labs cannot be copied: {error}. Name another folder: install.py FOLDER")
        return 1
    variables = {
        **os.environ,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": (HERE / "wheels").as_uri(),  # a path with spaces would be cut in two
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "WHISPER_LAB_LOCK": str(HERE / lock(target())),  # each package by its hash, no other
        "WHISPER_LAB_WEIGHTS": str(HERE / "weights"),
    }
    command = [sys.executable, "-m", "lab_utils", "start", "--check-only"]
    done = subprocess.run(command, cwd=folder, env=variables)
    if done.returncode == 0:
        print(f"\nDone. In {folder}: python3 -m lab_utils start")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
