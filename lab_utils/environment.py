"""What this machine has and lacks, each finding with its fix: the doctor behind ``check``.

Only the standard library is imported at the top: the doctor must run where nothing else does.

Taught in: notebooks/01_install.ipynb.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import io
import os
import platform
import shutil
import subprocess
import sys
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import SetupError
from .files import replacing
from .installed import damaged, missing, requirements
from .places import project_dir

if TYPE_CHECKING:
    import pandas as pd

MIN_PYTHON = (3, 11)
MODELS = ("base", "tiny.en")  #: the models that the labs use
MIN_RAM_GB, GOOD_RAM_GB = 3.0, 7.0
MIN_DISK_GB = 3.0
GB = 2**30
GOOD, NOTE, BAD = "ok", "note", "fix"
START = "Run: python -m lab_utils start"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    name: str  #: what was looked at
    status: str  #: ``ok``, ``note`` (works, but know this) or ``fix`` (a lab will fail)
    found: str
    fix: str = ""  #: what to do; empty where nothing is


def examine() -> list[Finding]:
    """Look at everything the labs need, the most important first.

    Taught in: notebooks/01_install.ipynb.
    """
    checks = (
        _python, _packages, _whisper, _ffmpeg, _torch, _gpu, _ram, _disk, _weights, _microphone,
    )  # fmt: skip
    return [check() for check in checks]


def healthy(findings: list[Finding]) -> bool:
    """Whether no finding says ``fix``."""
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
    problems = "1 problem" if n_bad == 1 else f"{n_bad} problems"
    lines.append(f"{problems} to fix." if n_bad else "Everything the labs need is installed.")
    return "\n".join(lines)


def scripts_dir() -> Path:
    """Where this environment keeps its programs (``bin``, on Windows ``Scripts``)."""
    return Path(sys.prefix) / ("Scripts" if os.name == "nt" else "bin")


def provide_ffmpeg() -> Path:
    """Make a working ``ffmpeg`` callable by that name, without root.

    One on the PATH that decodes a sound is used. Otherwise the one that imageio-ffmpeg carries is
    linked (or copied) into the environment's folder of programs, and that folder is put first on
    this process's PATH. Returns the program.

    Raises
    ------
    SetupError
        There is neither a working ffmpeg nor imageio-ffmpeg, or its folder cannot be written.
    """
    own = scripts_dir() / ("ffmpeg.exe" if os.name == "nt" else "ffmpeg")
    found = shutil.which("ffmpeg")
    if found and ffmpeg_version(found):
        return Path(found)
    if not ffmpeg_version(own):
        try:
            import imageio_ffmpeg

            carried = Path(imageio_ffmpeg.get_ffmpeg_exe())
            with replacing(own) as temporary:
                temporary.unlink()
                try:
                    temporary.symlink_to(carried)
                except OSError:  # Windows without the right to make links
                    shutil.copy2(carried, temporary)
        except (ImportError, RuntimeError) as error:
            raise SetupError(
                "No program ffmpeg on the PATH works, and imageio-ffmpeg has none: run "
                "'python -m lab_utils start' again."
            ) from error
        except OSError as error:
            raise SetupError(f"ffmpeg cannot be put into {own.parent}: {error}.") from error
    os.environ["PATH"] = str(scripts_dir()) + os.pathsep + os.environ.get("PATH", "")
    return own


@functools.cache
def ffmpeg_version(program: str | os.PathLike) -> str:
    """The version of an ffmpeg that decodes a WAV file here; empty if it does not."""
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(b"\1\0" * 160)
    decode = ["-v", "error", "-f", "wav", "-i", "pipe:0", "-f", "s16le", "pipe:1"]
    run = functools.partial(subprocess.run, capture_output=True, timeout=20)
    try:
        said = run([program, "-version"], stdin=subprocess.DEVNULL).stdout.split()
        decoded = run([program, *decode], input=sound.getvalue()).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    whole = decoded == b"\1\0" * 160 and len(said) > 2
    return said[2].decode("utf-8", "replace") if whole else ""


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
        lacking = missing(requirements(), indirect=True)
    except SetupError as error:
        return Finding("packages", BAD, "unknown", str(error))
    faults = ["missing: " + ", ".join(lacking)] if lacking else []
    faults += [f"{name} is damaged ({fault})" for name, fault in damaged().items()]
    if faults:
        return Finding("packages", BAD, "; ".join(faults), START)
    return Finding("packages", GOOD, f"all {len(requirements())} that the labs ask for")


def _whisper() -> Finding:
    wrong = _version("whisper")
    if wrong:
        found = f"the package 'whisper' {wrong}, a database file format, not speech recognition"
        fix = "Run: pip uninstall -y whisper; pip install --force-reinstall openai-whisper"
        return Finding("whisper", BAD, found, fix)
    right = _version("openai-whisper")
    if right is None:
        return Finding("whisper", BAD, "not installed", START)
    return Finding("whisper", GOOD, f"openai-whisper {right}")


def _ffmpeg() -> Finding:
    found = shutil.which("ffmpeg") or shutil.which("ffmpeg", path=str(scripts_dir()))
    fix = f"{START} (brings one of its own, needs no root)"
    if found is None:
        return Finding("ffmpeg", BAD, "not on the PATH", fix)
    version = ffmpeg_version(found)
    if not version:
        return Finding("ffmpeg", BAD, f"{found} does not work", fix)
    return Finding("ffmpeg", GOOD, f"version {version}")


def _torch() -> Finding:
    version = _version("torch")
    if version is None:
        return Finding("torch", BAD, "not installed", START)
    return Finding("torch", GOOD, f"{version}, {os.cpu_count()} processor cores")


def _gpu() -> Finding:
    if card := gpu():
        return Finding("GPU", GOOD, f"{card[0]}, {card[1]:.0f} GB of memory")
    if shutil.which("nvidia-smi"):
        fix = "Install a CUDA build of torch, or update the driver. All labs run on the CPU too."
        return Finding("GPU", NOTE, "a driver is here, but torch sees no GPU", fix)
    return Finding("GPU", GOOD, "none, and none is needed: all labs run on the CPU")


def _ram() -> Finding:
    total = memory_gb()
    if total is None:
        return Finding("memory", NOTE, "unknown: psutil is missing", START)
    found = f"{total:.1f} GB"
    if total < MIN_RAM_GB:
        return Finding("memory", BAD, found, f"The labs need {MIN_RAM_GB:.0f} GB.")
    if total < GOOD_RAM_GB:
        return Finding("memory", NOTE, found, "Close other programs; keep one lab open at a time.")
    return Finding("memory", GOOD, found)


def _disk() -> Finding:
    free = shutil.disk_usage(project_dir()).free / GB
    if free < 0.5:
        fix = "Free some space: the labs write sound files."
        return Finding("disk", BAD, f"{free:.1f} GB free", fix)
    return Finding("disk", GOOD, f"{free:.0f} GB free")


def _weights() -> Finding:
    if importlib.util.find_spec("whisper") is None or _version("openai-whisper") is None:
        return Finding("weights", NOTE, "not looked for: whisper is missing")
    from . import checkpoints

    lacking = [name for name in MODELS if not checkpoints.locate(name)]
    if lacking:
        reasons = [reason for name in lacking for reason in checkpoints.refused(name)]
        found = f"missing: {', '.join(lacking)}. " + " ".join(reasons)
        fix = f"{START}, or put NAME.pt into a folder and set {checkpoints.WEIGHTS_VARIABLE} to it."
        return Finding("weights", BAD, found, fix)
    return Finding("weights", GOOD, f"{', '.join(MODELS)}, verified")


def _microphone() -> Finding:
    found = "a browser gives it to pages on localhost or https only"
    fix = "Say yes when the page asks. Through an ssh tunnel the page is on localhost too."
    return Finding("microphone", NOTE, found, fix)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def main(argv: list[str]) -> int:
    """``python -m lab_utils check``: print the report; exit code 0 if nothing is to be fixed."""
    import argparse

    parser = argparse.ArgumentParser("python -m lab_utils check", description=__doc__.split(":")[0])
    parser.parse_args(argv)
    os.environ["PATH"] = f"{scripts_dir()}{os.pathsep}{os.environ.get('PATH', '')}"  # as in a lab
    findings = examine()
    print(report(findings))
    return 0 if healthy(findings) else 1
