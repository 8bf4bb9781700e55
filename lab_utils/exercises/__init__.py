"""The exercises of the labs: what they ask, how they are checked, and how far the reader is.

In a notebook an exercise is reached by its lab's topic and its own name; the topic loads when it
is first named::

    from lab_utils import exercises

    exercises.waveform.duration.check(duration)
    exercises.waveform.duration.hint()
    exercises.waveform.duration.solution()
    exercises.progress("05_waveform")
    exercises.overview()
"""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import ExerciseError
from .core import CORRECT, NOT_ATTEMPTED, NOT_YET, Exercise, Mistake, Result
from .labs import LABS, TOPICS, all_exercises, find, of_lab, overview, progress

__all__ = [
    "CORRECT",
    "LABS",
    "NOT_ATTEMPTED",
    "NOT_YET",
    "TOPICS",
    "Exercise",
    "ExerciseError",
    "Mistake",
    "Result",
    "all_exercises",
    "find",
    "of_lab",
    "overview",
    "progress",
]


def __getattr__(name: str) -> Any:
    if name in TOPICS.values():
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(
        f"module {__name__!r} has no attribute {name!r}; topics: {', '.join(TOPICS.values())}"
    )


def __dir__() -> list[str]:
    return sorted([*__all__, *TOPICS.values()])
