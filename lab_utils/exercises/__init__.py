"""The exercises of the labs: what they ask, how they are checked, and how far the reader is.

In a notebook an exercise is reached by its lab's topic and its own name, and a topic loads when it
is first named: ``exercises.waveform.duration.check(duration)``, ``.hint()``, ``.solution()``;
``exercises.progress("05_waveform")`` and ``exercises.overview()`` say how far the reader is.

How to write an exercise
------------------------
1. Put one object into the lab's module; it is the only source of its four notebook cells (write
   the stub as ruff formats it). ``number``, ``choice``, ``array`` and ``function`` of ``.kinds``
   make one; ``kind="prediction"`` and ``kind="bug"`` change only what it is called::

       seconds = function(
           "spectrogram.seconds", objective=OBJECTIVES[3], look="Bug museum",
           task="Write `seconds(n_frames, sr, hop)`: the time of the last frame.",
           stub="def seconds(n_frames, sr, hop): ...",
           solution_code="(n_frames - 1) * hop / sr",
           cases=("101, 16000, 320", "501, 44100, 400"),
           mistakes=(
               Mistake("n_frames * hop / sr", "One hop too much: frame 0 is at time 0.",
                   "off by one frame"), ...),
           hints=("From frame to frame the clip moves on by `hop`.", "..."), why="...",
       )

2. Say each wrong answer once: the code that gives it, the message, a name for the teacher. Code
   may be the expression alone, for a number or for what a function returns. The engine runs it
   and compares: a message is given for every answer with the same values, so it may name only a
   cause that these values prove. It must not contain the answer.
3. Choose cases in which every wrong program differs from the right one and from every other. Use
   values without coincidences (no 0.5, no equal or sorted items, a result with a fraction), the
   simplest first. A case that needs ``helpers`` gets words: ``Case("chain, [0], 5", "a model …")``.
4. ``python tools/exercises.py 06_spectrogram``, then
   ``python -m pytest tests/test_exercises.py -k spectrogram``.
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
