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
import secrets
import stat
import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .. import exercises
from ..errors import ExerciseError
from ..exercises import record
from ..files import check_name, write_text
from ..places import progress_file

KIND = "whisper-lab report"
AHEAD = timedelta(days=1)  #: clocks differ; a report dated later than that is refused


@dataclass(frozen=True)
class Report:
    """A learner's results."""

    name: str  #: as typed; one component of a path on every system
    written: str  #: when, ISO 8601 in UTC; empty if the file does not say
    entries: dict[str, record.Entry] = field(hash=False)  #: by exercise key
    learner: str = ""  #: a random number, made once on the learner's machine; of old there is none
    file: str = ""  #: the name of the file it was read from


def make(name: str) -> Report:
    """The report of the reader of this machine.

    Raises
    ------
    FileNameError
        The name is empty or has what a file name cannot have.
    ExerciseError
        The progress file or the learner's number cannot be read.
    """
    check_name(name, what="--name")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(name, now, record.read(), learner_number())


def learner_number() -> str:
    """A random number beside the progress file, made once: it tells two of one name apart.

    Empty where the folder cannot be written. Raises ExerciseError if the file is something else.
    """
    path = progress_file().with_suffix(".learner")
    try:
        if not path.is_file():
            write_text(path, secrets.token_hex(8), private=True)
        return _number(path.read_text("utf-8", "replace"))
    except OSError:
        return ""


def write(report: Report, path: Path) -> Path:
    """Write a report as JSON, whole or not at all; only its owner may read the file."""
    data = {"kind": KIND, "name": report.name, "written": report.written}
    data |= {"learner": report.learner} | record.dump(report.entries)
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n", private=True)
    return path


def read(path: Path) -> Report:
    """Read a report that somebody handed in.

    Nothing in it is believed: links and devices are not opened, size and depth are limited, every
    value has to have its type, exercises and mistakes that the course does not have are dropped.

    Raises
    ------
    ExerciseError
        It is not a report, or it is dated more than a day ahead.
    FileNameError
        The name could not be that of a file. It is never rewritten: two learners must not become
        one.
    """
    data = record.decode(_bytes(path))
    if data.get("kind") != KIND:
        raise ExerciseError("Expected a file written by 'python -m lab_utils report'.")
    name = check_name(data.get("name"), what="the learner's name")
    written = _moment(data.get("written"))
    found, entries = record.parse(data), {}
    for exercise in exercises.all_exercises():
        if entry := found.get(exercise.key):
            mistakes = Counter()
            for text, n in entry.mistakes.items():
                if mistake := exercise.mistake_named(text):
                    mistakes[mistake.name] += n
            entries[exercise.key] = replace(entry, mistakes=dict(mistakes))
    learner = _number(data.get("learner") or "")
    return Report(name, written, entries, learner, shown_name(path.name))


def shown_name(name: str) -> str:
    """A file's name for the page: one line, no control or direction marks, 60 characters."""
    kept = "".join(c for c in name[:1000] if unicodedata.category(c)[0] not in "CZ" or c == " ")
    return " ".join(kept.split())[:60]


def _number(text: Any) -> str:
    if not isinstance(text, str) or not re.fullmatch(r"([0-9a-f]{16})?", text):
        raise ExerciseError("Expected 16 hexadecimal digits as the learner's number, found others.")
    return text


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
    """An ISO time in UTC, so that later times compare greater; empty for what is no time."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        if moment > datetime.now(UTC) + AHEAD:
            raise ExerciseError(
                f"It is dated {moment:%Y-%m-%d}, in the future: is the clock of that machine wrong?"
            )
        return moment.astimezone(UTC).isoformat(timespec="seconds")
    except (TypeError, ValueError, OverflowError):
        return ""


def main(argv: list[str]) -> int:
    """``python -m lab_utils report``: write this reader's results to one file."""
    parser = argparse.ArgumentParser(
        "python -m lab_utils report",
        description="Write your results (which exercises you solved, in how many tries, with which "
        "mistakes) to one file for your teacher. It holds the name you give, a random number that "
        "tells two learners of one name apart, and nothing else about you.",
    )
    parser.add_argument("--name", help="your name as the teacher knows it (default: login name)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: report-NAME.json")
    options = parser.parse_args(argv)
    report = make(options.name or getpass.getuser())
    path = write(report, options.out or Path(f"report-{report.name}.json"))
    solved = sum(entry.solved for entry in report.entries.values())
    print(f"{path}: {report.name}, {solved} of {len(exercises.all_exercises())} exercises solved.")
    return 0
