"""The reader's progress: one small JSON file of theirs, safe from crashes and second notebooks.

It is in the user's data folder (:mod:`lab_utils.places`), and written whole or not at all, under a
lock. A file that cannot be read, or that another version of the labs wrote, is set aside under a
name with its date: nothing is ever deleted.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import ExerciseError
from ..files import lock, replacing
from ..places import PROGRESS_VARIABLE, progress_file

VERSION = 1
MAX_BYTES = 1_000_000  #: a progress file has a few kilobytes
LOCK_SECONDS = 5.0


@dataclass(frozen=True)
class Entry:
    """What is kept of one exercise.

    Attributes
    ----------
    solved : bool
        Whether it was ever correct; a later wrong try does not take that away.
    attempts : int
        Checks of an answer, up to and including the first correct one.
    hints : int
        The highest hint that was shown.
    solution_seen : bool
        Whether the solution was shown before the exercise was solved.
    mistakes : dict of str to int
        How often each known mistake was made, by its name.
    last : str
        When something last happened, ISO 8601 in UTC.
    """

    solved: bool = False
    attempts: int = 0
    hints: int = 0
    solution_seen: bool = False
    mistakes: dict[str, int] = field(default_factory=dict)
    last: str = ""


def read() -> dict[str, Entry]:
    """Every exercise that the reader has touched, by key.

    A file that cannot be used is set aside, and the reader starts anew.

    Raises
    ------
    ExerciseError
        The file cannot be read, or it cannot be used and its folder cannot be written.
    """
    try:
        return _stored()  # it is replaced as a whole: reading needs no lock
    except _Unusable:
        with _locked():
            return _load()


def add_attempt(key: str, *, correct: bool, mistake: str | None = None) -> None:
    """Keep that an answer was checked."""

    def change(entry: Entry) -> Entry:
        if entry.solved:
            return entry
        mistakes = dict(entry.mistakes)
        if mistake is not None:
            mistakes[mistake] = mistakes.get(mistake, 0) + 1
        return replace(entry, solved=correct, attempts=entry.attempts + 1, mistakes=mistakes)

    _update(key, change)


def add_hint(key: str, *, number: int) -> None:
    """Keep that a hint was shown."""
    _update(key, lambda entry: replace(entry, hints=max(entry.hints, number)))


def add_solution(key: str) -> None:
    """Keep that the solution was shown; after the reader's own it does not count."""
    _update(key, lambda entry: entry if entry.solved else replace(entry, solution_seen=True))


def parse(data: Any) -> dict[str, Entry]:
    """Entries from decoded JSON.

    Raises
    ------
    ExerciseError
        It is not what this version writes; nothing of a wrong type passes.
    """
    if not isinstance(data, dict) or not isinstance(data.get("exercises"), dict):
        raise ExerciseError("Expected an object with 'version' and 'exercises', found another.")
    if type(data.get("version")) is not int or data["version"] != VERSION:
        raise ExerciseError(f"Expected version {VERSION}, found {data.get('version')!r:.20}.")
    return {str(key): _entry(key, value) for key, value in data["exercises"].items()}


def dump(entries: dict[str, Entry]) -> dict[str, Any]:
    """Entries as what JSON can hold; :func:`parse` reads it back."""
    return {"version": VERSION, "exercises": {key: vars(e) for key, e in entries.items()}}


def decode(raw: bytes) -> Any:
    """JSON from bytes of unknown origin.

    Raises
    ------
    ExerciseError
        Too large, not UTF-8, not JSON, or nested too deep.
    """
    if len(raw) > MAX_BYTES:
        raise ExerciseError(f"Expected at most {MAX_BYTES} bytes, found {len(raw)}.")
    try:
        return json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ExerciseError(
            f"Expected JSON, found something else ({type(error).__name__})."
        ) from error


def _entry(key: str, value: Any) -> Entry:
    kinds = {name: type(default) for name, default in vars(Entry()).items()}
    if not isinstance(value, dict) or not set(value) <= set(kinds):
        raise ExerciseError(f"The entry {key!r:.60} is not one of an exercise.")
    for name, kind in kinds.items():
        if name in value and type(value[name]) is not kind:
            raise ExerciseError(f"{key!r:.60}: expected {name} to be {kind.__name__}.")
        if kind is int and not 0 <= value.get(name, 0) <= 1_000_000:
            raise ExerciseError(f"{key!r:.60}: {name} is out of range.")
    for count in value.get("mistakes", {}).values():
        if type(count) is not int or not 0 <= count <= 1_000_000:
            raise ExerciseError(f"{key!r:.60}: a mistake is not counted by a number.")
    return Entry(**value)


def _update(key: str, change: Callable[[Entry], Entry]) -> None:
    with _locked():
        entries = _load()
        before = entries.get(key, Entry())
        after = change(before)
        if after == before:
            return
        now = datetime.now(UTC).isoformat(timespec="seconds")
        entries[key] = replace(after, last=now)
        _write(entries)


class _Unusable(Exception):
    """The progress file is not one that this version wrote."""


def _stored() -> dict[str, Entry]:
    file = progress_file()
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ExerciseError(
            f"The progress file {file} cannot be read: {error}. Set the environment variable "
            f"{PROGRESS_VARIABLE} to a file that you can read and write."
        ) from error
    try:
        return parse(decode(raw))
    except ExerciseError as error:
        raise _Unusable from error


def _load() -> dict[str, Entry]:
    """Read the file under the lock; set it aside if it cannot be used."""
    try:
        return _stored()
    except _Unusable:
        _set_aside(progress_file())
        return {}


def _set_aside(file: Path) -> None:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for n in range(1000):
        aside = file.with_name(f"{file.stem}.aside-{stamp}{f'-{n}' if n else ''}{file.suffix}")
        if not aside.exists():
            os.replace(file, aside)
            return


def _write(entries: dict[str, Entry]) -> None:
    text = json.dumps(dump(entries), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    with replacing(progress_file(), private=True) as temporary:
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())  # the name must never lead to a file that is not on disk


@contextlib.contextmanager
def _locked():
    """Hold the file's lock; two notebooks take turns."""
    file = progress_file()
    with contextlib.ExitStack() as stack:
        try:  # Timeout, too, is an OSError
            stack.enter_context(lock(f"{file}.lock", timeout=LOCK_SECONDS))
        except OSError as error:
            raise ExerciseError(
                f"The progress file {file} cannot be written ({error}). Set the environment "
                f"variable {PROGRESS_VARIABLE} to a file in a folder that is yours."
            ) from error
        yield
