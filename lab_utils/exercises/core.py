"""One exercise: a task, its solution, known wrong answers and hints, and the check of an answer.

The reader's answer is passed to :meth:`Exercise.check`; an exercise never reads the notebook's
variables. A check says *not attempted*, *not yet* (with a message for this very mistake) or
*correct*, and never raises.
"""

from __future__ import annotations

import dis
import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, Protocol

from ..errors import LabError
from . import pages, record
from .answers import Unfit, shorten
from .running import TIME_LIMIT

NOT_ATTEMPTED = "not attempted"
NOT_YET = "not yet"
CORRECT = "correct"
UNTOUCHED = "Replace the `...` by your answer, run that cell, then run this one again."
UNCHANGED = "Change the cell above, run it, then run this one again."

SOLUTIONS_VARIABLE = "WHISPER_LAB_SOLUTIONS"  #: "off" for a class that is graded
TOPICS = {
    "02_transcribe": "transcribe",
    "03_decode": "decode",
    "04_language": "language",
    "05_waveform": "waveform",
    "06_spectrogram": "spectrogram",
    "07_mel": "mel",
    "08_dataset": "dataset",
    "09_evaluate": "evaluate",
    "10_fine_tune": "fine_tune",
}  #: the topic of each lab that has exercises
KINDS = ("value", "array", "function", "prediction", "choice", "bug")


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that readers really give."""

    code: str  #: what they write; an answer is this mistake if it gives the same values
    message: str  #: what they are told
    name: str  #: the misconception in a few words, for the teacher's page and the progress file


@dataclass(frozen=True)
class Result:
    """What a check found out: status, message, the known mistake behind it, where to look."""

    key: str
    status: str
    message: str
    mistake: Mistake | None = None
    look: str = ""

    @property
    def correct(self) -> bool:
        """Whether the answer is right."""
        return self.status == CORRECT

    @property
    def advice(self) -> str:
        """The message, and the section of the lab to look at again."""
        return f"{self.message} See *{self.look}* above." if self.look else self.message

    def __str__(self) -> str:
        return pages.result_text(self.status, self.advice)

    def _repr_html_(self) -> str:
        return pages.result_html(self.status, self.advice)


class Form(Protocol):
    """What is asked for, and how two answers compare: see :mod:`.kinds`."""

    def given(self, answer: Any, exercise: Exercise, seconds: float) -> Any:
        """What an answer gives; raises Unfit if it is not of the kind that was asked for."""

    def same(self, given: Any, other: Any) -> bool:
        """Whether two answers give the same."""

    def judge(self, given: Any, exercise: Exercise) -> Mistake | str | None:
        """None if it is right, else the known mistake or a message."""


class Untouched(Exception):
    """The reader's function still returns ``...``."""


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """An exercise of a lab; made by ``number``, ``choice``, ``array`` or ``function``."""

    key: str  #: topic and name: ``exercises.waveform.duration`` has the key "waveform.duration"
    objective: str  #: the bullet of *You will learn* that it touches, word for word
    look: str  #: the heading of the lab's section that helps; named with every *not yet*
    task: str
    stub: str  #: the code that the reader finds; it defines ``variable``, as the solution does
    solution_code: str
    variable: str  #: the name that is passed to the check
    form: Form  #: what is asked for, and how answers are compared
    mistakes: tuple[Mistake, ...]  #: at least three, each with a message of its own
    hints: tuple[str, ...]  #: at least two, each saying more than the one before
    kind: str  #: one of KINDS
    setup: str = ""  #: defines what the lab has defined by then; light: each check runs it
    points: int = 1  #: what it is worth in a class that is graded
    why: str = ""  #: one sentence shown with *correct*: why it is right, or what to notice

    @property
    def lab(self) -> str:
        """The notebook's name without its ending, ``"05_waveform"``."""
        topic = self.key.partition(".")[0]
        return next(lab for lab in TOPICS if TOPICS[lab] == topic)

    @property
    def name(self) -> str:
        """The part of the key after the topic."""
        return self.key.rpartition(".")[2]

    @property
    def cell(self) -> str:
        """The line of the notebook's check cell."""
        return f"exercises.{self.key}.check({self.variable})"

    @functools.cached_property
    def right(self) -> Any:
        """What the solution gives."""
        return self._gives(self.solution_code)

    @functools.cached_property
    def known(self) -> tuple[tuple[Mistake, Any], ...]:
        """Each known mistake and what it gives."""
        return tuple((mistake, self._gives(mistake.code)) for mistake in self.mistakes)

    def judge(self, answer: Any, *, seconds: float = TIME_LIMIT) -> Result:
        """Judge an answer without showing or keeping anything; never raises.

        Parameters
        ----------
        answer : object
        seconds : float
            How long the reader's code may run.
        """
        if _holds_ellipsis(answer) or self._is_stub(answer):
            return self._untouched()
        try:
            found = self.form.judge(self.form.given(answer, self, seconds), self)
        except Untouched:
            return self._untouched()
        except Unfit as error:
            found = str(error)
        except Exception as error:  # an answer so strange that it cannot be compared
            found = (
                f"The check cannot work with `{self.variable}` ({type(error).__name__}: "
                f"{shorten(str(error))}). Read once more what the task asks for."
            )
        if found is None:
            return Result(self.key, CORRECT, self.why)
        known, message = (found, found.message) if isinstance(found, Mistake) else (None, found)
        return Result(self.key, NOT_YET, message, known, self.look)

    def check(self, answer: Any) -> None:
        """Judge the reader's answer, show the result and keep it in the progress file."""
        result = self.judge(answer)
        pages.show(str(result), result._repr_html_())
        if result.status != NOT_ATTEMPTED:
            name = result.mistake.name if result.mistake else None
            _keep(record.add_attempt, self.key, correct=result.correct, mistake=name)

    def grade(self, answer: Any) -> None:
        """Raise AssertionError unless the answer is right: what a graded cell runs."""
        result = self.judge(answer)
        if not result.correct:
            raise AssertionError(str(result))

    def hint(self, number: int | None = None) -> None:
        """Show the next hint, or the one with this number, counted from 1."""
        wanted = number if isinstance(number, int) else _hints_shown.get(self.key, 0) + 1
        wanted = max(1, min(wanted, len(self.hints)))
        _hints_shown[self.key] = max(wanted, _hints_shown.get(self.key, 0))
        pages.note(f"Hint {wanted} of {len(self.hints)}", self.hints[wanted - 1])
        _keep(record.add_hint, self.key, number=wanted)

    def solution(self) -> None:
        """Show code that solves the exercise; a teacher may have switched that off."""
        if os.environ.get(SOLUTIONS_VARIABLE, "").lower() == "off":
            pages.note("Solutions are switched off", "Ask for a hint, or your teacher.")
            return
        pages.code(f"Solution of {self.key}", self.solution_code)
        _keep(record.add_solution, self.key)

    def answer(self, code: str) -> Any:
        """Run ``setup`` and ``code`` (the stub, the solution, a mistake); the answer they give."""
        namespace = self.namespace()
        exec(compile(code, f"<{self.key}>", "exec"), namespace)
        return namespace[self.variable]

    def namespace(self) -> dict[str, Any]:
        """What the lab has defined when the exercise begins, new each time."""
        namespace: dict[str, Any] = {"__name__": "notebook"}
        exec(compile(self.setup, "<setup>", "exec"), namespace)
        return namespace

    def mistake_named(self, text: str) -> Mistake | None:
        """The mistake that a progress file counts as ``text``: its name, or of old a piece of its
        message."""
        found = [m for m in self.mistakes if text == m.name]
        found = found or [m for m in self.mistakes if len(text) > 3 and text in m.message]
        return found[0] if len(found) == 1 else None

    def _gives(self, code: str) -> Any:
        return self.form.given(self.answer(code), self, TIME_LIMIT)

    def _untouched(self) -> Result:
        return Result(self.key, NOT_ATTEMPTED, UNTOUCHED if "..." in self.stub else UNCHANGED)

    def _is_stub(self, answer: Any) -> bool:
        """Whether a function still does what the stub's does: nothing of the reader's."""
        if type(answer) is not FunctionType:
            return False
        stub = _stub_code(self.stub, self.variable)
        return stub is not None and _body(answer.__code__) == _body(stub)


_hints_shown: dict[str, int] = {}
_told_about_record: set[str] = set()


def _keep(add: Callable[..., None], key: str, **what: Any) -> None:
    """Write to the progress file; if that fails, say so once and go on."""
    try:
        add(key, **what)
    except LabError as error:
        if str(error) not in _told_about_record:
            _told_about_record.add(str(error))
            pages.note("Your progress was not saved", str(error))


def _holds_ellipsis(answer: Any, depth: int = 3) -> bool:
    if answer is ...:
        return True
    if depth and type(answer) is dict:
        return any(_holds_ellipsis(value, depth - 1) for value in answer.values())
    if depth and type(answer) in (list, tuple, set):
        return any(_holds_ellipsis(value, depth - 1) for value in answer)
    return False


@functools.cache
def _stub_code(stub: str, variable: str) -> CodeType | None:
    """The code of the function that the stub defines, without running the stub."""
    try:
        module = compile(stub, "<stub>", "exec")
    except SyntaxError:
        return None
    codes = (code for code in module.co_consts if isinstance(code, CodeType))
    return next((code for code in codes if code.co_name == variable), None)


def _body(code: CodeType) -> tuple:
    """What a function does, apart from its docstring, its comments and its names for itself."""
    return tuple(
        (step.opname, _body(step.argval) if isinstance(step.argval, CodeType) else step.argval)
        for step in dis.get_instructions(code)
        if step.opname not in ("RESUME", "NOP")
    )
