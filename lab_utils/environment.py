"""What this machine has and lacks, each finding with its fix: the doctor behind ``check``.

Only the standard library is imported at the top: the doctor must run where nothing else does.

Taught in: notebooks/01_install.ipynb.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import SetupError

if TYPE_CHECKING:
    import pandas as pd

MIN_PYTHON = (3, 11)
MODELS = ("base", "tiny.en")  #: the models that the labs use
MIN_RAM_GB, GOOD_RAM_GB = 3.0, 7.0
MIN_DISK_GB = 3.0
GB = 2**30
GOOD, NOTE, BAD = "ok", "note", "mend"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    Attributes
    ----------
    name : str
        What was looked at.
    status : str
        ``ok``, ``note`` (works, but know this) or ``mend`` (a lab will fail).
    found : str
        What is there.
    fix : str
        What to do; empty where nothing is.
    """

    name: str
    status: str
    found: str
    fix: str = ""


def examine() -> list[Finding]:
    """Look at everything the labs need.

    Returns
    -------
    list of Finding
        In the order of importance.

    Notes
    -----
    Taught in: notebooks/01_install.ipynb.
    """
    checks = (
        _python, _packages, _whisper, _ffmpeg, _torch, _gpu, _ram, _disk, _weights, _microphone,
    )  # fmt: skip
    return [check() for check in checks]


def healthy(findings: list[Finding]) -> bool:
    """Whether no finding says ``mend``."""
    return all(finding.status != BAD for finding in findings)


def table(findings: list[Finding]) -> pd.DataFrame:
    """The findings as a table: check, status, found, what to do."""
    import pandas as pd

    rows = [[f.name, f.status, f.found, f.fix] for f in findings]
    return pd.DataFrame(rows, columns=["check", "status", "found", "what to do"]).set_index("check")


def report(findings: list[Finding]) -> str:
    """The findings as text, one line each, the remedy below."""
    width = max(len(f.name) for f in findings)
    lines = []
    for f in findings:
        lines.append(f"{f.status:>4}  {f.name:<{width}}  {f.found}")
        if f.fix:
            lines.append(f"{'':>6}{'':<{width}}  → {f.fix}")
    n_bad = sum(f.status == BAD for f in findings)
    lines.append("All that the labs need is here." if not n_bad else f"{n_bad} to mend.")
    return "\n".join(lines)


def requirements(extra: str | None = None) -> list[str]:
    """The packages that pyproject.toml asks for, as requirement strings.

    Parameters
    ----------
    extra : str, optional
        The name of an optional group (``"test"``); default: what every lab needs.

    Raises
    ------
    SetupError
        pyproject.toml is not beside the package: it does not run from a clone.
    """
    import tomllib

    path = project_dir() / "pyproject.toml"
    if not path.is_file():
        raise SetupError(
            f"Expected pyproject.toml in {project_dir()}, found none: run from a clone of the "
            "project."
        )
    project = tomllib.loads(path.read_text("utf-8"))["project"]
    return project["optional-dependencies"][extra] if extra else project["dependencies"]


def project_dir() -> Path:
    """The folder of the clone: README.md, notebooks/, assets/."""
    return Path(__file__).resolve().parent.parent


def missing(wanted: list[str]) -> list[str]:
    """Those of ``wanted`` that are not installed here in a version that fits.

    Parameters
    ----------
    wanted : list of str
        Requirement strings such as ``"numpy>=2.0"``.
    """
    return [requirement for requirement in wanted if not _satisfied(requirement)]


def _satisfied(requirement: str) -> bool:
    """Compare one ``name>=version`` or ``name==version`` with what is installed."""
    name, operator, version = requirement, "", ""
    for candidate in (">=", "=="):
        if candidate in requirement:
            name, operator, version = (*requirement.partition(candidate),)
            break
    try:
        found = importlib.metadata.version(name.strip())
    except importlib.metadata.PackageNotFoundError:
        return False
    if not operator:
        return True
    return _release(found) >= _release(version) if operator == ">=" else found == version


def _release(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: ``2.13.0+cpu`` → (2, 13)."""
    numbers = []
    for piece in version.split("+")[0].split("."):
        if not piece.isdigit():
            break
        numbers.append(int(piece))
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def scripts_dir() -> Path:
    """Where this environment keeps its programs (``bin``, on Windows ``Scripts``)."""
    return Path(sys.prefix) / ("Scripts" if os.name == "nt" else "bin")


def provide_ffmpeg() -> Path:
    """Make the program ``ffmpeg`` callable by that name, without root.

    Where none is on the PATH, the one that imageio-ffmpeg carries is linked (or copied) into the
    environment's folder of programs, and that folder is put on this process's PATH.

    Returns
    -------
    Path
        The program.

    Raises
    ------
    SetupError
        There is neither an ffmpeg nor imageio-ffmpeg.
    """
    name = "ffmpeg.exe" if os.name == "nt" else "ffmpeg"
    own = scripts_dir() / name
    if own.exists() and str(scripts_dir()) not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = str(scripts_dir()) + os.pathsep + os.environ.get("PATH", "")
    if found := shutil.which("ffmpeg"):
        return Path(found)
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise SetupError(
            "No program ffmpeg is on the PATH and imageio-ffmpeg is not installed: "
            "run 'python -m lab_utils start' again."
        ) from error
    carried = Path(imageio_ffmpeg.get_ffmpeg_exe())
    own.unlink(missing_ok=True)  # a link to a file that is gone
    try:
        own.symlink_to(carried)
    except OSError:  # Windows without the right to make links
        shutil.copy2(carried, own)
    os.environ["PATH"] = str(scripts_dir()) + os.pathsep + os.environ.get("PATH", "")
    return own


def memory_gb() -> float | None:
    """Main memory of this machine in GB, or None where psutil is missing."""
    try:
        import psutil
    except ImportError:
        return None
    return psutil.virtual_memory().total / GB


def gpu() -> tuple[str, float] | None:
    """Name and memory (GB) of the first NVIDIA GPU that torch can use, or None."""
    try:
        import torch
    except ImportError:
        return None
    if not torch.cuda.is_available():
        return None
    properties = torch.cuda.get_device_properties(0)
    return properties.name, properties.total_memory / GB


def _python() -> Finding:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < MIN_PYTHON:
        return Finding("Python", BAD, found, "Install Python 3.11 or newer and start again.")
    return Finding("Python", GOOD, found)


def _packages() -> Finding:
    try:
        lacking = missing(requirements())
    except SetupError as error:
        return Finding("packages", BAD, "not run from a clone", str(error))
    if lacking:
        return Finding(
            "packages", BAD, "missing: " + ", ".join(lacking), "Run: python -m lab_utils start"
        )
    return Finding("packages", GOOD, f"all {len(requirements())} that the labs ask for")


def _whisper() -> Finding:
    wrong = _version("whisper")
    if wrong:
        return Finding(
            "whisper",
            BAD,
            f"the package 'whisper' {wrong}, a database file format, not speech recognition",
            "Run: pip uninstall -y whisper; pip install --force-reinstall openai-whisper",
        )
    right = _version("openai-whisper")
    if right is None:
        return Finding("whisper", BAD, "not installed", "Run: python -m lab_utils start")
    return Finding("whisper", GOOD, f"openai-whisper {right}")


def _ffmpeg() -> Finding:
    found = shutil.which("ffmpeg") or shutil.which("ffmpeg", path=str(scripts_dir()))
    if found is None:
        return Finding(
            "ffmpeg", BAD, "not on the PATH", "Run: python -m lab_utils start (needs no root)"
        )
    try:
        done = subprocess.run([found, "-version"], capture_output=True, text=True, timeout=20)
        version = done.stdout.split()[2]
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return Finding("ffmpeg", BAD, f"{found} does not run", "Delete it and start again.")
    return Finding("ffmpeg", GOOD, f"version {version}")


def _torch() -> Finding:
    version = _version("torch")
    if version is None:
        return Finding("torch", BAD, "not installed", "Run: python -m lab_utils start")
    return Finding("torch", GOOD, f"{version}, {os.cpu_count()} processor cores")


def _gpu() -> Finding:
    if card := gpu():
        return Finding("GPU", GOOD, f"{card[0]}, {card[1]:.0f} GB of memory")
    if shutil.which("nvidia-smi"):
        return Finding(
            "GPU",
            NOTE,
            "a driver is here, but torch sees no GPU",
            "Install a CUDA build of torch, or update the driver. All labs run on the CPU too.",
        )
    return Finding("GPU", GOOD, "none, and none is needed: all labs run on the CPU")


def _ram() -> Finding:
    total = memory_gb()
    if total is None:
        return Finding(
            "memory", NOTE, "unknown: psutil is missing", "Run: python -m lab_utils start"
        )
    found = f"{total:.1f} GB"
    if total < MIN_RAM_GB:
        return Finding("memory", BAD, found, f"The labs need {MIN_RAM_GB:.0f} GB.")
    if total < GOOD_RAM_GB:
        return Finding("memory", NOTE, found, "Close other programs; keep one lab open at a time.")
    return Finding("memory", GOOD, found)


def _disk() -> Finding:
    free = shutil.disk_usage(project_dir()).free / GB
    if free < 0.5:
        return Finding("disk", BAD, f"{free:.1f} GB free", "Make room: the labs write sound files.")
    return Finding("disk", GOOD, f"{free:.0f} GB free")


def _weights() -> Finding:
    if importlib.util.find_spec("whisper") is None or _version("openai-whisper") is None:
        return Finding("weights", NOTE, "not looked for: whisper is missing")
    from . import checkpoints

    here = [name for name in MODELS if checkpoints.locate(name)]
    lacking = [name for name in MODELS if name not in here]
    if lacking:
        return Finding(
            "weights",
            BAD,
            f"missing: {', '.join(lacking)}",
            f"Run: python -m lab_utils start, or put NAME.pt into a folder and set "
            f"{checkpoints.WEIGHTS_VARIABLE} to it.",
        )
    return Finding("weights", GOOD, f"{', '.join(here)}, verified")


def _microphone() -> Finding:
    return Finding(
        "microphone",
        NOTE,
        "a browser gives it to pages on localhost or https only",
        "Say yes when the page asks. Through an ssh tunnel the page is on localhost too.",
    )


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def main(argv: list[str]) -> int:
    """``python -m lab_utils check``: print the report; exit code 0 if nothing is to mend."""
    import argparse

    parser = argparse.ArgumentParser("python -m lab_utils check", description=__doc__.split(":")[0])
    parser.parse_args(argv)
    findings = examine()
    print(report(findings))
    return 0 if healthy(findings) else 1
