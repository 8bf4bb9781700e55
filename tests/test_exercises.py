"""Every exercise held at its stub, its solution and each known wrong answer; labs that keep word."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from lab_utils import exercises
from lab_utils.exercises import CORRECT, NOT_ATTEMPTED, NOT_YET, Exercise, Mistake, answers, core

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
EXERCISES = exercises.all_exercises()
LABS_WITH_EXERCISES = [lab for lab in exercises.TOPICS if exercises.of_lab(lab)]

each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.key)


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("WHISPER_LAB_PROGRESS", str(tmp_path / "progress.json"))


@functools.cache
def _setup(code: str) -> dict:
    namespace = {"__name__": "notebook"}
    exec(compile(code, "<setup>", "exec"), namespace)
    return namespace


def answer_of(exercise: Exercise, code: str):
    """What the reader would pass to the check after running ``code`` in the lab."""
    namespace = dict(_setup(exercise.setup))
    exec(compile(code, f"<{exercise.key}>", "exec"), namespace)
    return namespace[exercise.variable]


@each_exercise
def test_stub_is_not_attempted(exercise):
    assert exercise.judge(answer_of(exercise, exercise.stub)).status == NOT_ATTEMPTED


@each_exercise
def test_solution_is_correct(exercise):
    result = exercise.judge(answer_of(exercise, exercise.solution_code))
    assert result.status == CORRECT, result.message


@each_exercise
def test_each_known_mistake_gets_its_own_message(exercise):
    messages = []
    for mistake in exercise.mistakes:
        result = exercise.judge(answer_of(exercise, mistake.code))
        assert result.status == NOT_YET, mistake.code
        assert mistake.says in result.message, f"{mistake.code} got: {result.message}"
        assert result.mistake is mistake, f"{mistake.code}: another mistake says the same"
        assert "cannot work with that" not in result.message, result.message
        messages.append(result.message)
    assert len(set(messages)) == len(messages)


@each_exercise
def test_exercise_is_complete(exercise):
    assert exercise.kind in core.KINDS
    assert len(exercise.mistakes) >= 3
    assert len({mistake.label for mistake in exercise.mistakes}) == len(exercise.mistakes)
    assert len(exercise.hints) >= 2 and len(set(exercise.hints)) == len(exercise.hints)
    assert exercise.kind == "bug" or "..." in exercise.stub
    assert exercise.solution_code not in exercise.hints
    assert exercise.points >= 1 and exercise.task.strip()
    assert exercises.TOPICS[exercise.lab] == exercise.key.partition(".")[0]
    module = getattr(exercises, exercises.TOPICS[exercise.lab])
    assert getattr(module, exercise.name) is exercise


@each_exercise
@pytest.mark.parametrize("answer", [None, "", "x", 10**400, float("nan"), [], {}, object(), print])
def test_any_answer_gets_a_message_and_never_an_exception(exercise, answer, capsys):
    exercise.check(answer)
    assert capsys.readouterr().out.strip()


def test_keys_are_unique():
    keys = [exercise.key for exercise in EXERCISES]
    assert len(set(keys)) == len(keys)
