"""The reader's progress: one small JSON file of theirs, safe from crashes and second notebooks.

It is in the user's data folder (:mod:`lab_utils.places`), and written whole or not at all, under a
lock. A file that cannot be read, or that another version of the labs wrote, is set aside under a
name with its date: nothing is ever deleted.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ..errors import ExerciseError
from ..files import lock, replacing
from ..places import PROGRESS_VARIABLE, progress_file

VERSION = 1
MAX_BYTES = 1_000_000  #: a progress file has a few kilobytes
LOCK_SECONDS = 5.0


@dataclass(frozen=True)
class Entry:
    """What is kept of one exercise."""

    solved: bool = False  #: ever; a later wrong try does not take that away
    attempts: int = 0  #: checks of an answer, up to and including the first correct one
    hints: int = 0  #: the highest hint that was shown
    solution_seen: bool = False  #: before the exercise was solved
    mistakes: dict[str, int] = field(default_factory=dict)  #: how often, by the mistake's name
    last: str = ""  #: when something last happened, ISO 8601 in UTC


def read() -> dict[str, Entry]:
    """Every exercise that the reader has touched, by key.

    A file that cannot be used is set aside, and the reader starts anew.

    Raises
    ------
    ExerciseError
        The file cannot be read, or it cannot be used and its folder cannot be written.
    """
    entries = _stored()  # it is replaced as a whole: reading needs no lock
    if entries is None:
        with _locked():
            return _usable()
    return entries


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


def decode(raw: bytes) -> dict[str, Any]:
    """The object in JSON of unknown origin.

    Raises
    ------
    ExerciseError
        Too large, not UTF-8, not JSON, nested too deep, or no object.
    """
    if len(raw) > MAX_BYTES:
        raise ExerciseError(f"Expected at most {MAX_BYTES} bytes, found {len(raw)}.")
    try:
        data = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ExerciseError(
            f"Expected JSON, found something else ({type(error).__name__})."
        ) from error
    if not isinstance(data, dict):
        raise ExerciseError(f"Expected a JSON object, found a {type(data).__name__}.")
    return data


def parse(data: dict[str, Any]) -> dict[str, Entry]:
    """Entries from decoded JSON.

    Raises
    ------
    ExerciseError
        It is not what this version writes; nothing of a wrong type passes.
    """
    version, exercises = data.get("version"), data.get("exercises")
    if type(version) is not int or version != VERSION:
        raise ExerciseError(f"Expected version {VERSION}, found {version!r:.20}.")
    if not isinstance(exercises, dict):
        raise ExerciseError("Expected an object 'exercises', found none.")
    for key, values in exercises.items():
        if not (isinstance(values, dict) and _valid(values)):
            raise ExerciseError(
                f"{key!r:.60}: expected the counts that the labs keep, found other values."
            )
    return {key: Entry(**values) for key, values in exercises.items()}


def dump(entries: dict[str, Entry]) -> dict[str, Any]:
    """Entries as what JSON can hold; :func:`parse` reads it back."""
    return {"version": VERSION, "exercises": {key: vars(e) for key, e in entries.items()}}


def _valid(values: dict[str, Any]) -> bool:
    kinds = {name: type(default) for name, default in vars(Entry()).items()}
    if any(type(value) is not kinds.get(name) for name, value in values.items()):
        return False
    counts = [values.get("attempts", 0), values.get("hints", 0)]
    counts += values.get("mistakes", {}).values()
    return all(type(count) is int and 0 <= count <= 1_000_000 for count in counts)


def _update(key: str, change: Callable[[Entry], Entry]) -> None:
    with _locked():
        entries = _usable()
        before = entries.get(key, Entry())
        after = change(before)
        if after == before:
            return
        entries[key] = replace(after, last=datetime.now(UTC).isoformat(timespec="seconds"))
        text = json.dumps(dump(entries), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        with replacing(progress_file(), private=True) as temporary:
            with temporary.open("w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())  # the name never leads to a file that is not on disk


def _stored() -> dict[str, Entry] | None:
    """What the file holds; None if it cannot be used."""
    try:
        with progress_file().open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _refused("read", error) from error
    try:
        return parse(decode(raw))
    except ExerciseError:
        return None


def _usable() -> dict[str, Entry]:
    """What the file holds; one that cannot be used is set aside. Needs the lock."""
    entries = _stored()
    if entries is None:
        file, now = progress_file(), datetime.now(UTC)
        os.replace(file, file.with_name(f"{file.stem}.aside-{now:%Y%m%dT%H%M%S-%fZ}{file.suffix}"))
        return {}
    return entries


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Two notebooks take turns; what the system refuses meanwhile becomes an ExerciseError."""
    try:
        with lock(f"{progress_file()}.lock", timeout=LOCK_SECONDS):
            yield
    except OSError as error:  # Timeout, too, is one
        raise _refused("written", error) from error


def _refused(what: str, error: OSError) -> ExerciseError:
    return ExerciseError(
        f"The progress file {progress_file()} cannot be {what}: {error}. Set the environment "
        f"variable {PROGRESS_VARIABLE} to a file that you can read and write."
    )
