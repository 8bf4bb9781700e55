"""The folder ``.venv``: made, linked again to a new Python, or replaced, never emptied first.

Standard library only. The programs of an environment name its folder in their first line, so a new
one cannot be made under another name and moved. The old one is set aside instead, and deleted when
the new one is whole, or put back when it cannot be made.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .environment import GB, MIN_DISK_GB
from .errors import SetupError

NEWEST_PYTHON = (3, 13)  #: the newest that the versions in constraints.txt have wheels for


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock while the block runs; a second run says that it waits.

    The system frees the lock when a process ends, however it ends, so there is no stale one.
    """
    try:
        file = open(path, "a+", encoding="utf-8")
    except OSError:  # a folder that cannot be written: nobody can change it meanwhile
        yield
        return
    with file:
        if not _locked(file):
            print("Another 'start' is at work in this folder: waiting until it ends …", flush=True)
            while not _locked(file):
                time.sleep(0.2)
        yield


def _locked(file: IO[str]) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        return True
    return True


def check_machine() -> None:
    """Say where the tested versions cannot be installed, before anything is.

    Raises
    ------
    SetupError
        A Python that is too new or has 32 bits, an Intel Mac, Windows on ARM.
    """
    system, machine = platform.system(), platform.machine().lower()
    if sys.version_info[:2] > NEWEST_PYTHON:
        here = next(filter(shutil.which, ("python3.13", "python3.12", "python3.11")), None)
        fix = f"Run: {here} -m lab_utils start"
        if here is None:
            fix = "Install Python 3.13 beside it, or use conda (environment.yml), and start again."
        raise SetupError(
            f"This is Python {platform.python_version()}; the labs are tested with 3.11, 3.12 and "
            f"3.13, and not every package has a version for a newer one. {fix}"
        )
    if sys.maxsize <= 2**32:
        raise SetupError("This Python has 32 bits; torch needs 64. Install a 64-bit Python.")
    if system == "Darwin" and machine == "x86_64":
        raise SetupError(
            "torch 2.5 or newer does not exist for Macs with an Intel processor, nor for an Intel "
            "Python on a newer Mac. On Apple silicon install the arm64 Python from python.org. On "
            "an Intel Mac run the labs on Colab or on a rented computer (lab 01 says how)."
        )
    if system == "Windows" and machine in ("arm64", "aarch64"):
        raise SetupError(
            "torch has no version for an ARM64 Python on Windows. Install the x64 Python from "
            "python.org (Windows on ARM runs it), and start again with that one."
        )


def make(folder: Path) -> Path:
    """A virtual environment that works; returns its Python.

    What is there is used as it is, or linked again to this Python, or else set aside for
    :func:`settle`. Raises SetupError if this machine cannot have one; what was there stays.
    """
    aside = _beside(folder, "set-aside")
    if aside.exists() and not os.path.lexists(folder):  # a run was ended between two renames
        os.replace(aside, folder)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not _runs(python, "-c", "import json"):
        if _same_version(folder):
            _link_again(folder, python)
        if not _runs(python, "-c", "import json"):
            _replace(folder)
    if not _runs(python, "-m", "pip", "--version"):
        _borrow_pip(folder)
    return python


def settle(folder: Path, *, whole: bool) -> None:
    """Delete the environment that was set aside if the new one is whole, else put it back."""
    aside = _beside(folder, "set-aside")
    if whole:
        for word in ("set-aside", "spare", "unfinished"):
            shutil.rmtree(_beside(folder, word), ignore_errors=True)
    elif aside.exists():
        print("The environment that was here before stays as it was.", flush=True)
        _discard(folder)
        os.replace(aside, folder)


def _discard(folder: Path) -> None:
    """Delete an environment that was begun; its name is free at once."""
    unfinished = _beside(folder, "unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    if os.path.lexists(folder):
        os.replace(folder, unfinished)
        shutil.rmtree(unfinished, ignore_errors=True)


def _beside(folder: Path, word: str) -> Path:
    return folder.with_name(f"{folder.name}.{word}")


def _runs(python: Path, *arguments: str) -> bool:
    try:
        return subprocess.run([str(python), *arguments], capture_output=True).returncode == 0
    except OSError:
        return False


def _site_packages(folder: Path) -> Path:
    return Path(sysconfig.get_path("purelib", "venv", vars={"base": str(folder)}))


def _same_version(folder: Path) -> bool:
    """Whether the packages in the folder were installed for a Python of this version."""
    site = _site_packages(folder)
    if not site.is_dir() or not any(site.iterdir()):
        return False
    if os.name != "nt":  # the path holds the version
        return True
    settings = (folder / "pyvenv.cfg").read_text("utf-8", errors="replace")
    return f"{sys.version_info[0]}.{sys.version_info[1]}." in settings


def _link_again(folder: Path, python: Path) -> None:
    """The Python under the environment is gone: link this one, and keep the packages."""
    print(f"The Python of {folder.name} is gone: linking {sys.executable} …", flush=True)
    for program in python.parent.glob("python*"):
        if not _runs(program, "-c", ""):
            program.unlink()
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, capture_output=True)


def _replace(folder: Path) -> None:
    """Make a new environment; what was there is set aside, or back if none can be made."""
    check_machine()
    free = shutil.disk_usage(folder.parent).free / GB
    if free < MIN_DISK_GB:
        raise SetupError(
            f"The labs need {MIN_DISK_GB:.0f} GB on this disk, {free:.1f} GB are free. "
            "Free some space and start again."
        )
    print(f"Making the environment {folder.name} with Python {platform.python_version()}")
    aside = _beside(folder, "set-aside")
    if aside.exists():
        _discard(folder)
    elif os.path.lexists(folder):
        os.replace(folder, aside)
    try:
        _create(folder)
    except SetupError:
        settle(folder, whole=False)
        raise


def _create(folder: Path) -> None:
    command = [sys.executable, "-m", "venv", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines() or ["no reason given"]
        raise SetupError(
            f"Python could not make a virtual environment in {folder.parent}: {said[-1]}\n"
            "The folder must be yours to write in. On Debian and Ubuntu install the package "
            "python3-venv. Then start again."
        )


def _borrow_pip(folder: Path) -> None:
    """pip is damaged or gone: take the one of a new environment; no network is needed."""
    print("Repairing pip …", flush=True)
    spare, site = _beside(folder, "spare"), _site_packages(folder)
    shutil.rmtree(spare, ignore_errors=True)
    try:
        _create(spare)
        for old in site.glob("pip-*.dist-info"):
            os.replace(old, spare / old.name)
        for new in _site_packages(spare).glob("pip*"):
            if (site / new.name).exists():
                os.replace(site / new.name, spare / new.name)
            os.replace(new, site / new.name)
    finally:
        shutil.rmtree(spare, ignore_errors=True)
