"""What this Python has installed, and whether every file of it is what pip wrote.

Only the standard library is imported at the top: the set-up asks this on a bare machine. Run as
``python -m lab_utils.installed``, it answers for the Python that runs it, as JSON.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import json
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import SetupError
from .places import project_dir

if TYPE_CHECKING:
    from packaging.requirements import Requirement

OWN_NAME = "whisper-lab"
#: openai-whisper asks for triton, which only an NVIDIA GPU uses: hundreds of MB for nothing
OPTIONAL = {"triton"}
#: files that the set-up itself rewrites
REWRITTEN = {"kernel.json"}


def requirements(*extras: str) -> list[str]:
    """The packages that pyproject.toml asks for, as requirement strings.

    Parameters
    ----------
    *extras : str
        Names of optional groups (``"test"``) to add to what every lab needs.

    Raises
    ------
    SetupError
        pyproject.toml is missing, damaged, or has no such group.
    """
    import tomllib

    try:
        project = tomllib.loads(_text("pyproject.toml"))["project"]
        groups = [project["dependencies"], *(project["optional-dependencies"][x] for x in extras)]
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise _spoiled("pyproject.toml", f"it is damaged or lacks a group: {error}") from error
    return [requirement for group in groups for requirement in group]


def pins() -> dict[str, str]:
    """The tested version of each package, from constraints.txt.

    Raises SetupError if it is missing or names no version of torch.
    """
    found = dict(re.findall(r"^([\w.-]+)==(\S+)", _text("constraints.txt"), re.MULTILINE))
    if "torch" not in found:
        raise _spoiled("constraints.txt", "it names no version of torch")
    return found


def recorded(*extras: str) -> list[str]:
    """The lines of hashes.txt for the labs, and for the groups of ``extras``.

    Raises SetupError if it is missing or lacks a group.
    """
    parts = re.split(r"^# (labs|test|classroom)$", _text("hashes.txt"), flags=re.MULTILINE)
    groups = dict(zip(parts[1::2], parts[2::2], strict=True))
    try:
        return [line for name in ("labs", *extras) for line in groups[name].split("\n") if line]
    except KeyError as error:
        raise _spoiled("hashes.txt", f"it lacks the group {error}") from error


def _text(name: str) -> str:
    try:
        return (project_dir() / name).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise _spoiled(name, str(error)) from error


def _spoiled(name: str, reason: str) -> SetupError:
    return SetupError(
        f"Expected a whole {name} in {project_dir()} ({reason}). Get it back with 'git checkout -- "
        f"{name}', or download the project again."
    )


def missing(wanted: list[str], *, indirect: bool = False) -> list[str]:
    """Those of ``wanted`` that are not installed here in a version that fits.

    Parameters
    ----------
    wanted : list of str
        Requirement strings such as ``"numpy>=2.0"``.
    indirect : bool
        Also name the packages that are needed by those of ``wanted`` and are not installed.
    """
    try:
        from packaging.requirements import Requirement
    except Exception:  # absent or damaged: nothing else can be judged without it
        return list(wanted)
    lacking, seen = [], set()
    waiting = [(Requirement(text), text, True) for text in wanted]
    while waiting:
        requirement, text, direct = waiting.pop(0)
        name = canonical(requirement.name)
        if name in OPTIONAL or (not direct and name in seen):
            continue
        seen.add(name)
        if not _fits(requirement, direct):
            lacking.append(text)
        elif indirect:
            extras = [{"extra": extra} for extra in (requirement.extras or [""])]
            for need in map(Requirement, importlib.metadata.requires(requirement.name) or []):
                if need.marker is None or any(need.marker.evaluate(extra) for extra in extras):
                    waiting.append((need, need.name, False))
    return lacking


def _fits(requirement: Requirement, direct: bool) -> bool:
    """A pre-release counts as its release; of what is needed indirectly, any version fits."""
    from packaging.version import InvalidVersion, Version

    try:
        found = Version(importlib.metadata.version(requirement.name) or "")
    except (importlib.metadata.PackageNotFoundError, InvalidVersion, KeyError, TypeError):
        return False
    return not direct or requirement.specifier.contains(found.base_version)


def canonical(name: str) -> str:
    """A package's name as indexes compare it: ``Send2Trash`` → ``send2trash``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def damaged(*, since: float = float("inf")) -> dict[str, str]:
    """Packages whose files are not those that pip wrote, by the list that pip keeps (RECORD).

    Every file must be there in its size. What was changed after ``since`` is also compared by
    its hash.

    Parameters
    ----------
    since : float
        Seconds since 1970: when all was last known to be whole; 0 compares every hash.

    Returns
    -------
    dict of str to str
        ``name==version`` → the first fault.
    """
    found = {}
    for info in sorted(Path(sysconfig.get_path("purelib")).glob("*.dist-info")):
        name, _, version = info.name.removesuffix(".dist-info").rpartition("-")
        installer = _read(info / "INSTALLER").strip()
        if canonical(name) == OWN_NAME or (installer and installer not in ("pip", "uv")):
            continue  # conda and Linux distributions change files after they list them
        if fault := next(_faults(info, since), ""):
            found[f"{canonical(name)}=={version}"] = fault
    return found


def _faults(info: Path, since: float) -> Iterator[str]:
    rows = [row for row in csv.reader(_read(info / "RECORD").splitlines()) if len(row) == 3]
    if not rows:
        yield "its list of files is gone"
    for name, digest, size in rows:
        path = info.parent / name
        if not size.isdigit() or path.name in REWRITTEN:
            continue
        try:
            stat = path.stat()
        except OSError:
            yield f"{name} is gone"
            continue
        if stat.st_size != int(size):
            yield f"{name} has {stat.st_size} bytes instead of {size}"
        elif max(stat.st_mtime, stat.st_ctime) > since and not _has_digest(path, digest):
            yield f"{name} has changed"


def _has_digest(path: Path, digest: str) -> bool:
    kind, _, wanted = digest.partition("=")
    if kind not in hashlib.algorithms_available:
        return True
    with open(path, "rb") as file:
        value = hashlib.file_digest(file, kind).digest()
    return base64.urlsafe_b64encode(value).decode().rstrip("=") == wanted


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def examine(python: Path, *extras: str, since: float = float("inf")) -> dict[str, Any]:
    """Ask another Python for its ``missing`` and its ``damaged``, as the functions give them.

    Raises SetupError if it does not answer: its own standard library is damaged.
    """
    command = [str(python), "-m", "lab_utils.installed", str(since), *extras]
    done = subprocess.run(command, cwd=project_dir(), capture_output=True, text=True)
    try:
        return json.loads(done.stdout)
    except ValueError:
        said = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        raise SetupError(
            f"{python} does not work: {said}\nInstall Python anew, or delete the environment's "
            "folder, and start again."
        ) from None


def main(argv: list[str]) -> int:
    """Print what is missing and damaged here: ``SINCE [EXTRA …]`` → JSON."""
    since, *extras = argv
    lacking = missing(requirements(*extras), indirect=True)
    print(json.dumps({"missing": lacking, "damaged": damaged(since=float(since))}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
