"""Answers that readers gave: the right ones are accepted, the wrong ones refused and not misled."""

from __future__ import annotations

import functools
import json
import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import reader_code as code

from lab_utils import exercises
from lab_utils.exercises import NOT_YET

COLLECTION = json.loads(Path(__file__).with_name("reader_answers.json").read_text("utf-8"))
REFUSALS = ("Choose one of", "Expected", "expected", "rounded", "axes", "dictionary")

each_key = pytest.mark.parametrize("key", COLLECTION)


@functools.cache
def judged(key, answer):
    """The result for an answer: what a reader writes into the cell, or the value alone."""
    exercise = exercises.find(key)
    namespace = {"np": np, "math": math, "Fraction": Fraction, "code": code}
    exec(exercise.setup, namespace)
    exec(answer if "def " in answer else f"{exercise.variable} = {answer}", namespace)
    return exercise.judge(namespace[exercise.variable])


@each_key
def test_right_answers_are_accepted_and_wrong_ones_refused(key):
    for answer in COLLECTION[key]["right"]:
        result = judged(key, answer)
        assert result.correct, (answer, result.message)
    for answer in COLLECTION[key]["wrong"]:
        assert judged(key, answer).status == NOT_YET, answer
    for answer in COLLECTION[key]["right in another form"]:
        result = judged(key, answer)
        assert result.status == NOT_YET and result.mistake is None, answer
        assert any(word in result.message for word in REFUSALS), (answer, result.message)


@each_key
def test_wrong_answers_are_not_misled(key):
    for answer, said, unsaid in COLLECTION[key]["told"]:
        result = judged(key, answer)
        assert result.status == NOT_YET, answer
        assert said in result.message and unsaid not in result.message, (answer, result.message)


def test_two_thirds_of_the_messages_name_the_cause_or_show_a_counterexample():
    said = [judged(key, one) for key in COLLECTION for one in COLLECTION[key]["wrong"]]
    helpful = [
        one.mistake or re.search("xpected|Choose|stopped|in place of|but ", one.message)
        for one in said
    ]
    assert sum(map(bool, helpful)) >= 2 / 3 * len(said) > 600


def raising(error):
    def f(*arguments):
        raise error

    return f


EXERCISES = list(exercises.all_exercises())
FUNCTIONS = [one for one in EXERCISES if one.stub.startswith("def ")]


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=lambda e: e.key)
@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit, SystemExit, MemoryError])
def test_what_the_readers_function_raises_never_leaves_the_check(exercise, error):
    result = exercise.judge(raising(error))
    assert result.status == NOT_YET and error.__name__ in result.message


CHOICES = [one for one in EXERCISES if one.kind == "choice"]


@pytest.mark.parametrize("exercise", CHOICES, ids=lambda e: e.key)
def test_an_invalid_choice_is_told_the_options_as_the_task_writes_them(exercise):
    message = exercise.judge("none of them").message
    codes = [exercise.solution_code, *(mistake.code for mistake in exercise.mistakes)]
    options = [option for option in map(exercise.answer, codes) if isinstance(option, str)]
    places = [message.find(f'"{option}"') for option in sorted(options, key=exercise.task.find)]
    assert -1 not in places and places == sorted(places), message
