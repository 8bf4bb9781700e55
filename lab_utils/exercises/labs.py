"""Which exercises a lab has, and how far the reader is."""

from __future__ import annotations

import importlib
from collections import defaultdict

from ..errors import ExerciseError
from . import pages, record
from .core import TOPICS, Exercise

LABS = ("01_install", *TOPICS)


def of_lab(lab: str) -> tuple[Exercise, ...]:
    """The exercises of a lab, in reading order; lab 01 has none.

    Raises
    ------
    ExerciseError
        There is no such lab.
    """
    if lab not in LABS:
        raise ExerciseError(f"Expected the name of a lab, found {lab!r}. Labs: {', '.join(LABS)}.")
    if lab not in TOPICS:
        return ()
    module = importlib.import_module(f"{__package__}.{TOPICS[lab]}")
    return tuple(value for value in vars(module).values() if isinstance(value, Exercise))


def all_exercises() -> tuple[Exercise, ...]:
    """Every exercise of the course, in reading order."""
    return tuple(exercise for lab in LABS for exercise in of_lab(lab))


def find(key: str) -> Exercise:
    """The exercise with this key.

    Raises
    ------
    ExerciseError
        There is none.
    """
    for exercise in all_exercises():
        if exercise.key == key:
            return exercise
    raise ExerciseError(f"Expected the key of an exercise, found {key!r}.")


def progress(lab: str) -> None:
    """Show which exercises of a lab are done and what is next."""
    found = of_lab(lab)
    if (entries := _entries()) is None:
        return
    rows = [(e.name, _status(entries[e.key]), shown(e.task)) for e in found]
    caption = f"{lab}: {_done(found, entries)} of {len(found)} exercises done. "
    pages.show_table(caption + _next(lab, entries), ("exercise", "status", "task"), rows)


def overview() -> None:
    """Show how far the reader is in every lab, and where to go on."""
    if (entries := _entries()) is None:
        return
    rows = []
    for lab in TOPICS:
        found = of_lab(lab)
        done = _done(found, entries)
        rows.append((lab, f"{done} of {len(found)}", "●" * done + "○" * (len(found) - done)))
    caption = f"Your exercises. {_next('', entries)}"
    links = [f"{lab}.ipynb" for lab in TOPICS]
    pages.show_table(caption, ("lab", "done", "exercises"), rows, links=links)


def _entries() -> dict[str, record.Entry] | None:
    """What the reader has done, empty for what they have not; None if it cannot be read."""
    try:
        return defaultdict(record.Entry, record.read())
    except ExerciseError as error:
        pages.note("Your progress cannot be read", str(error))
        return None


def _done(found: tuple[Exercise, ...], entries: dict[str, record.Entry]) -> int:
    return sum(entries[exercise.key].solved for exercise in found)


def shown(task: str, length: int = 70) -> str:
    """The first line of a task, cut to a length between words."""
    line = task.strip().splitlines()[0]
    if len(line) <= length:
        return line
    line = line[: length - 2].rsplit(" ", 1)[0]
    for mark in ("`", "**"):  # what is opened must be closed, or goes
        if line.count(mark) % 2:
            line = line[: line.rindex(mark)]
    return line.rstrip(" ,.:;") + " …"


def _status(entry: record.Entry) -> str:
    if not (entry.attempts or entry.solved):
        return f"{pages.SIGNS['not attempted']} not attempted"
    status = "correct" if entry.solved else "not yet"
    tries = f"{entry.attempts} {'try' if entry.attempts == 1 else 'tries'}"
    return f"{pages.SIGNS[status]} {status}, {tries}"


def _next(lab: str, entries: dict[str, record.Entry]) -> str:
    """What to do next: the first open exercise of this lab, else of the labs after it."""
    labs = LABS[LABS.index(lab) :] if lab else LABS
    for candidate in labs:
        for exercise in of_lab(candidate):
            if not entries[exercise.key].solved:
                place = "" if candidate == lab else f" in lab {candidate}"
                return f"Next: `{exercise.name}`{place}."
    return "All done: well done!" if not lab or lab == LABS[-1] else "All done from here on."
