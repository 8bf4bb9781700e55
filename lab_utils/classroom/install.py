"""Install Whisper Lab from this folder, without a network: python3 install.py [FOLDER]

It checks that the folder was copied whole, puts the labs into FOLDER (default: whisper-lab in your
home), the models' weights where the labs look for them, and runs the labs' own set-up with the
packages from here. Run again, it does only what is missing. Notebooks that you changed stay.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def target():
    """This Python and system, as the makers of the folder name them."""
    version = "Python {}.{}".format(*sys.version_info[:2])
    return f"{version}, {platform.system()} {platform.machine()}"


def sha256(path):
    """The SHA-256 of a file, or nothing where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


def damaged():
    """Names of files that are missing or are not what they were when the folder was made."""
    lines = (HERE / "MANIFEST.sha256").read_text("utf-8").splitlines()
    pairs = (line.split("  ", 1) for line in lines)
    return [name for wanted, name in pairs if sha256(HERE / name) != wanted]


def copy(source, destination, *, mend=False):
    """Copy a folder; a file that is there stays, unless ``mend`` and it is not the same."""
    for path in sorted(source.rglob("*")):
        goal = destination / path.relative_to(source)
        if not path.is_file() or goal.exists() and not (mend and sha256(goal) != sha256(path)):
            continue
        goal.parent.mkdir(parents=True, exist_ok=True)
        partial = goal.with_name(goal.name + ".partial")
        shutil.copyfile(path, partial)
        os.replace(partial, goal)


def weights_folder():
    """Where the labs look for weights (as lab_utils.checkpoints does)."""
    if folder := os.environ.get("WHISPER_LAB_CACHE"):
        return Path(folder).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "whisper-lab"


def main():
    if "-h" in sys.argv or "--help" in sys.argv:
        print(__doc__)
        return 0
    targets = json.loads((HERE / "targets.json").read_text("utf-8"))
    if target() not in targets:
        print(f"This folder was made for: {'; '.join(targets)}.\nThis is {target()}. Install one "
              "of those Pythons, or make the folder on a machine like this one:\n"
              "    python -m lab_utils bundle FOLDER")  # fmt: skip
        return 1
    print("Checking that the folder is whole …", flush=True)
    if broken := damaged():
        print(f"{len(broken)} files are damaged or missing, for example {broken[0]}.\n"
              "Copy the folder again.")  # fmt: skip
        return 1
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path.home() / "whisper-lab")
    folder = folder.expanduser().resolve()
    print(f"Putting the labs into {folder} …", flush=True)
    copy(HERE / "whisper-lab", folder)
    copy(HERE / "weights", weights_folder(), mend=True)
    variables = {
        **os.environ,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": (HERE / "wheels").as_uri(),  # a path with spaces would be cut in two
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    command = [sys.executable, "-m", "lab_utils", "start", "--check-only"]
    done = subprocess.run(command, cwd=folder, env=variables)
    if done.returncode == 0:
        print(f"\nDone. In {folder}: python3 -m lab_utils start")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
