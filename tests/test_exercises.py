"""Every exercise at its stub, its solution and each known wrong answer; labs keep their word."""

from __future__ import annotations

import copy
import functools
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

from lab_utils import exercises
from lab_utils.classroom import editions
from lab_utils.exercises import CORRECT, NOT_ATTEMPTED, NOT_YET, Exercise, answers, core

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
EXERCISES = exercises.all_exercises()

each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.key)


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("WHISPER_LAB_PROGRESS", str(tmp_path / "progress.json"))


@each_exercise
def test_stub_is_not_attempted(exercise):
    assert exercise.judge(exercise.answer(exercise.stub)).status == NOT_ATTEMPTED


@each_exercise
def test_solution_is_correct(exercise):
    result = exercise.judge(exercise.answer(exercise.solution_code))
    assert result.status == CORRECT, result.message


@each_exercise
def test_each_known_mistake_gets_its_own_message(exercise):
    messages = []
    for mistake in exercise.mistakes:
        result = exercise.judge(exercise.answer(mistake.code))
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
    assert exercise.look, "set look= to the heading of the section that helps"
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


def plain(text: str) -> str:
    """A bullet without its markdown, line breaks and closing mark."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"[`*]|(?<!\w)_|_(?!\w)", "", text)
    return " ".join(text.split()).rstrip(".;,")


def bullets(notebook: nbformat.NotebookNode) -> list[str]:
    """The objectives of a lab: the bullets under *You will learn*."""
    [source] = [c.source for c in notebook.cells if c.source.startswith("## You will learn")]
    items = re.findall(r"^[-*] (.+?)(?=\n[-*] |\n\s*\n|\Z)", source, re.MULTILINE | re.DOTALL)
    return [plain(item) for item in items]


@functools.cache
def notebook_of(lab: str) -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOKS / f"{lab}.ipynb", as_version=4)


each_lab = pytest.mark.parametrize("lab", exercises.TOPICS)


def test_the_course_has_at_least_36_exercises():
    assert len(EXERCISES) >= 36


@each_lab
def test_a_lab_has_three_to_five_exercises(lab):
    assert 3 <= len(exercises.of_lab(lab)) <= 5


@each_lab
def test_every_objective_of_a_lab_is_touched_by_an_exercise(lab):
    promised = bullets(notebook_of(lab))
    assert 3 <= len(promised) <= 5
    touched = {plain(exercise.objective) for exercise in exercises.of_lab(lab)}
    assert touched == set(promised)


@each_lab
def test_a_notebook_holds_task_stub_and_check_of_each_exercise_in_order(lab):
    places = [editions.locate(notebook_of(lab), exercise) for exercise in exercises.of_lab(lab)]
    assert [place.task for place in places] == sorted(place.task for place in places)


@each_lab
def test_the_section_to_look_at_is_in_the_notebook(lab):
    cells = [cell for cell in notebook_of(lab).cells if cell.cell_type == "markdown"]
    lines = {plain(line.lstrip("# ")) for cell in cells for line in cell.source.splitlines()
             if line.startswith("#")}  # fmt: skip
    for exercise in exercises.of_lab(lab):
        assert not exercise.look or plain(exercise.look) in lines, exercise.key


@each_lab
def test_a_notebook_carries_the_marks_of_nbgrader(lab):
    def marks(notebook):
        return {c.id: c.metadata.nbgrader for c in notebook.cells if "nbgrader" in c.metadata}

    notebook = notebook_of(lab)
    expected = marks(editions.mark(copy.deepcopy(notebook), lab=lab))
    assert marks(notebook) == expected, "run: python -m lab_utils editions --mark"


@each_lab
def test_a_notebook_gives_no_solution_away(lab):
    found = exercises.of_lab(lab)
    for cell in notebook_of(lab).cells:
        for exercise in found:
            assert exercise.solution_code not in cell.source


@each_lab
def test_a_notebook_ends_its_exercises_with_the_progress(lab):
    cells = [c for c in notebook_of(lab).cells if c.cell_type == "code"]
    assert cells[-1].source.strip() == f'exercises.progress("{lab}")'
    assert "nbval-ignore-output" in cells[-1].metadata.tags


def test_all_kinds_are_used():
    assert {exercise.kind for exercise in EXERCISES} == set(core.KINDS)


# The checker itself


def exercise(check, *, stub="answer = ...", variable="answer", **more) -> Exercise:
    return Exercise(
        key="waveform.invented", lab="05_waveform", objective="", task="", stub=stub,
        solution="", variable=variable, check=check, hints=("first", "second"),
        **({"mistakes": ()} | more),
    )  # fmt: skip


@pytest.mark.parametrize("answer", [..., [1, ...], (..., 2), {"a": ...}, [[...]]])
def test_dots_anywhere_in_an_answer_are_not_attempted(answer):
    assert exercise(lambda answer: None).judge(answer).status == NOT_ATTEMPTED


def test_a_function_that_is_still_the_stub_is_not_attempted():
    one = exercise(
        lambda f: f(1), stub='def f(x):\n    """Twice x."""\n    ...', variable="f"
    )  # fmt: skip

    def f(x):
        """Another docstring, and a comment."""
        # I am thinking about it.
        ...

    assert one.judge(f).status == NOT_ATTEMPTED
    assert one.judge(lambda x: ...).status == NOT_ATTEMPTED

    def f(x):
        return None

    assert exercise(lambda f: f(1), stub=one.stub + "\n    y = 1", variable="f").judge(f).correct


def test_an_error_in_the_readers_function_names_the_arguments():
    def slope(y, sr):
        return y / 0

    one = exercise(lambda f: f(np.zeros(500), sr=8000), variable="slope")
    assert "ZeroDivisionError" in one.judge(lambda y, sr: 1 / 0).message
    message = exercise(lambda f: f(3, sr=8000), variable="slope").judge(slope).message
    assert "ZeroDivisionError: division by zero" in message and "slope(3, sr=8000)" in message
    message = one.judge(lambda y: y).message
    assert "TypeError" in message and "slope(<array (500,) float64>, sr=8000)" in message


def test_the_readers_function_may_call_exit_or_recurse_forever():
    def forever(x):
        return forever(x)

    one = exercise(lambda f: f(1), variable="f")
    assert "RecursionError" in one.judge(forever).message
    assert "SystemExit" in one.judge(lambda x: sys.exit(3)).message


def test_warnings_of_the_reader_stay_out_of_the_notebook(recwarn):
    one = exercise(lambda f: None if np.isinf(f(np.float64(1))) else "no", variable="f")
    assert one.judge(lambda x: x / np.float64(0)).correct
    assert not recwarn.list


def test_grade_raises_only_on_a_wrong_answer():
    one = exercise(lambda answer: None if answer == 1 else "That is not one.")
    one.grade(1)
    with pytest.raises(AssertionError, match="That is not one"):
        one.grade(2)


def test_hints_grow_and_stay_at_the_last(capsys):
    one = exercise(lambda answer: None)
    for _ in range(3):
        one.hint()
    one.hint(1)
    said = capsys.readouterr().out.splitlines()
    assert said == ["Hint 1 of 2. first", "Hint 2 of 2. second", "Hint 2 of 2. second",
                    "Hint 1 of 2. first"]  # fmt: skip


def test_a_teacher_can_switch_solutions_off(capsys, monkeypatch):
    one = exercises.transcribe.moved
    monkeypatch.setenv("WHISPER_LAB_SOLUTIONS", "off")
    one.solution()
    assert one.solution_code not in capsys.readouterr().out
    monkeypatch.delenv("WHISPER_LAB_SOLUTIONS")
    one.solution()
    assert one.solution_code in capsys.readouterr().out


def test_an_exercise_cannot_be_changed():
    with pytest.raises(AttributeError):
        exercise(lambda answer: None).points = 100


def test_html_is_escaped_and_says_the_status_in_words():
    markup = exercise(lambda answer: f"You wrote `{answer}` & **bold**.").judge("<b>")._repr_html_()
    assert "<code>&lt;b&gt;</code> &amp; <strong>bold</strong>" in markup
    assert 'role="status"' in markup and "Not yet." in markup


def test_not_yet_says_where_to_look():
    one = exercise(lambda answer: "No." if answer else None, look="Power and decibels")
    assert str(one.judge(1)) == "✗ Not yet. No. See *Power and decibels* above."
    assert "<em>Power and decibels</em>" in one.judge(1)._repr_html_()
    assert str(one.judge(0)) == "✓ Correct."


def test_topics_load_when_they_are_named():
    code = (
        "import sys; from lab_utils import exercises; print('torch' in sys.modules, "
        "'matplotlib' in sys.modules, 'lab_utils.exercises.transcribe' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "False"]
    with pytest.raises(AttributeError, match="topics: transcribe, decode"):
        _ = exercises.nothing


def test_all_topics_stay_light():
    code = (
        "import sys; from lab_utils import exercises; exercises.all_exercises(); "
        "print([m for m in ('torch', 'whisper', 'librosa', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# The tools for checks


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (2.0, None),
        (np.float32(2.0), None),
        (np.array([2.0]), None),
        (2.0004, None),
        (2000.0, "1000 times too large"),
        (0.002, "1000 times too small"),
        (-2.0, "but for its sign"),
        (4, "twice"),
        (2.005, "very near"),
        (7, "too large"),
        (1.5, "too small"),
        (44, "known wrong"),
        (float("nan"), "NaN"),
        (float("inf"), "infinite"),
        ("2", "Expected one number in s, but your answer is the text '2'"),
        (True, "the truth value True"),
        (None, "without `return`"),
        ([2.0, 3.0], "a list of 2 items"),
        (1 + 2j, "complex"),
    ],
)
def test_close(value, says):
    message = answers.close(value, 2.0, 0.001, "s", wrong=[(44, "known wrong")])
    assert message is None if says is None else says in message


GRID = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (GRID, None),
        (GRID.astype(np.float64), None),
        (GRID.T, "rows and columns are exchanged. Expected (n_mels, n_frames)"),
        (GRID.ravel(), "in another shape"),
        (GRID[:, :2], "axis 1 (n_frames) it is -1 off"),
        (GRID[0], "1 axes, expected 2"),
        (GRID * 2, "2 times"),
        (-GRID, "sign"),
        (GRID + 1, "+1"),
        (GRID[::-1], "opposite order"),
        (GRID + np.eye(2, 3), "differ most"),
        (np.full((2, 3), np.nan), "6 values that are NaN"),
        (GRID.tolist(), "np.array"),
        (np.full((2, 3), 9.0), "known wrong"),
        (5, "Expected a NumPy array"),
        (np.array([["a"] * 3] * 2), "other values"),
    ],
)
def test_array(value, says):
    known = [(np.full((2, 3), 9.0), "known wrong")]
    message = answers.array(value, GRID, axes=("n_mels", "n_frames"), wrong=known)
    assert message is None if says is None else says in message


def test_array_type():
    assert "float64, expected float32" in answers.array(GRID.astype(float), GRID, dtype="float32")


def test_function_on_several_inputs():
    cases = [((1, 2), 3), ({"a": 5, "b": 5}, 10), ((np.ones(2), 1), np.full(2, 2.0))]
    wrong = [(lambda a, b: a * b, "That multiplies.")]

    def judged(f):
        return answers.function(f, cases, wrong=wrong, name="add")

    assert judged(lambda a, b: a + b) is None
    assert judged(lambda a, b: a * b) == "That multiplies."
    assert judged(lambda a, b: 3) == "`add(a=5, b=5)` gives 3, expected 10."
    assert "Tried `add(np.array([1., 1.]), 1)`" in judged(lambda a, b: a + b if b > 1 else 0 * a)
    assert "Give the name without ()" in judged(3)


def test_function_protects_the_inputs():
    def spoils(y):
        y[:] = 0
        return 1.0

    assert answers.function(spoils, [(np.ones(3), 1.0)], wrong=[]) is None
    y = np.ones(3)
    answers.function(spoils, [(y, 1.0)])
    assert y.sum() == 3


def test_choice():
    known = {"hop": "That is the step."}
    assert answers.choice(" Window ", "window", known) is None
    assert answers.choice("hop", "window", known) == "That is the step."
    assert answers.choice("x", "window", known).startswith("Choose one of 'hop', 'window'")
    assert "Choose" in answers.choice(np.arange(3), "window", known)


def test_true_is_not_one():
    assert answers.choice(1, True, {}) is not None
