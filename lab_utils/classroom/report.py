"""What one learner hands in without any server: their results in one small file.

``python -m lab_utils report`` writes it, ``python -m lab_utils class FOLDER`` reads a folder of
them. A file from a learner is read with suspicion: see :func:`read`.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import re
import stat
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import exercises
from ..errors import ExerciseError
from ..exercises import record
from ..files import replacing

KIND = "whisper-lab report"
MAX_NAME = 60


@dataclass(frozen=True)
class Report:
    """A learner's results: name, when written (ISO 8601, UTC), entries by exercise key."""

    name: str
    written: str
    entries: dict[str, record.Entry]


def make(name: str) -> Report:
    """The report of the reader of this machine.

    Raises
    ------
    ExerciseError
        The name is empty, or the progress file cannot be read.
    """
    cleaned = clean_name(name)
    if not cleaned:
        raise ExerciseError("Expected a name for the report, found none: --name 'Your Name'.")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(cleaned, now, record.read())


def write(report: Report, path: Path) -> Path:
    """Write a report as JSON, whole or not at all."""
    data = {"kind": KIND, "name": report.name, "written": report.written}
    data |= record.dump(report.entries)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def read(path: Path) -> Report:
    """Read a report that somebody handed in.

    Nothing in it is believed: links and devices are not opened, size and depth are limited, every
    value has to have its type, exercises and mistakes that the course does not have are dropped.

    Raises
    ------
    ExerciseError
        It is not a report.
    """
    data = record.decode(_bytes(path))
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise ExerciseError("Expected a file written by 'python -m lab_utils report'.")
    name = clean_name(data.get("name"))
    if not name:
        raise ExerciseError("Expected a name in the report, found none.")
    known = {exercise.key: exercise for exercise in exercises.all_exercises()}
    entries = {}
    for key, entry in record.parse(data).items():
        if key in known:
            mistakes = {}
            for text, n in entry.mistakes.items():
                if mistake := known[key].mistake_named(text):
                    mistakes[mistake.name] = mistakes.get(mistake.name, 0) + n
            entries[key] = record.Entry(**{**vars(entry), "mistakes": mistakes})
    return Report(name, _moment(data.get("written")), entries)


def clean_name(name: Any) -> str:
    """A name that can be shown: one line, no control or direction marks, at most 60 characters."""
    if not isinstance(name, str):
        return ""
    kept = "".join(c for c in name[:1000] if unicodedata.category(c)[0] not in "CZ" or c == " ")
    return " ".join(kept.split())[:MAX_NAME]


def _bytes(path: Path) -> bytes:
    """The bytes of a plain file that is not a link; at most a little more than allowed."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_BINARY", 0)
    if path.is_symlink():
        raise ExerciseError("Expected a file, found a link.")
    try:
        handle = os.open(path, flags)
    except OSError as error:
        raise ExerciseError(f"It cannot be opened ({error.strerror}).") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ExerciseError("Expected a plain file, found another kind.")
    with os.fdopen(handle, "rb") as stream:
        return stream.read(record.MAX_BYTES + 1)


def _moment(text: Any) -> str:
    """An ISO time as it was written, or nothing."""
    return text if isinstance(text, str) and re.fullmatch(r"[0-9T:+-]{10,25}", text) else ""


def main(argv: list[str]) -> int:
    """``python -m lab_utils report``: write this reader's results to one file."""
    parser = argparse.ArgumentParser(
        "python -m lab_utils report",
        description="Write your results (which exercises you solved, in how many tries, with which "
        "mistakes) to one file for your teacher. It holds the name you give and nothing else.",
    )
    parser.add_argument("--name", help="your name as the teacher knows it (default: login name)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: report-NAME.json")
    options = parser.parse_args(argv)
    report = make(options.name or getpass.getuser())
    slug = re.sub(r"[^\w-]+", "-", report.name).strip("-").lower() or "learner"
    path = write(report, options.out or Path(f"report-{slug}.json"))
    solved = sum(entry.solved for entry in report.entries.values())
    print(f"{path}: {report.name}, {solved} of {len(exercises.all_exercises())} exercises solved.")
    return 0
