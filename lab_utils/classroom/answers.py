"""The teacher's answer book: each exercise with its solution, its wrong answers and their messages.

The messages are not copied: each wrong answer is judged when the book is made.
"""

from __future__ import annotations

import argparse
import html
from pathlib import Path

from .. import exercises
from ..exercises import Exercise
from ..exercises.pages import inline, table_html
from .page import page, write


def book() -> str:
    """The whole book as one HTML page."""
    every = exercises.all_exercises()
    mistakes = sum(len(exercise.mistakes) for exercise in every)
    parts = [
        "<h1>Answer book</h1>",
        f"<p>{len(every)} exercises, {mistakes} known wrong answers. For teachers.</p>",
    ]
    for lab in exercises.TOPICS:
        found = exercises.of_lab(lab)
        points = sum(exercise.points for exercise in found)
        parts.append(f"<h2>{html.escape(lab)}: {len(found)} exercises, {points} points</h2>")
        parts += [_entry(exercise) for exercise in found]
    return page("Whisper Lab: answer book", parts)


def _entry(exercise: Exercise) -> str:
    rows = [
        (mistake.name, mistake.code, exercise.judge(exercise.answer(mistake.code)).message)
        for mistake in exercise.mistakes
    ]
    caption = f"Wrong answers to {exercise.key}"
    header = ("misconception", "they write", "they read")
    hints = "".join(f"<li>{inline(hint)}</li>" for hint in exercise.hints)
    return (
        f"<h3>{html.escape(exercise.key)}</h3><p>{inline(exercise.task)}</p>"
        f"<pre>{html.escape(exercise.solution_code)}</pre>"
        f"<p>{inline(exercise.why)}</p><details><summary>Hints</summary><ol>{hints}</ol></details>"
        f"<div class=wide>{table_html(caption, header, rows, code_column=1)}</div>"
    )


def main(argv: list[str]) -> int:
    """``python -m lab_utils answers FILE``: write the teacher's answer book."""
    parser = argparse.ArgumentParser(
        "python -m lab_utils answers",
        description="Write the teacher's answer book: every exercise, its solution, its known "
        "wrong answers and what learners read about them.",
    )
    parser.add_argument("file", type=Path, help="for example answers.html")
    path = parser.parse_args(argv).file
    write(path, book())
    print(f"{path}: every exercise, its solution, its wrong answers.")
    return 0
