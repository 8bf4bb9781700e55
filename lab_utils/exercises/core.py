"""One exercise: a task, its check, a solution, known wrong answers and hints.

The reader's answer is passed to :meth:`Exercise.check`; an exercise never reads the notebook's
variables. A check says *not attempted*, *not yet* (with a message for this very mistake) or
*correct*, and never raises.
"""

from __future__ import annotations

import dis
import functools
import inspect
import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import CodeType
from typing import Any

from ..errors import LabError
from . import pages, record
from .answers import describe, describe_call, shorten

NOT_ATTEMPTED = "not attempted"
NOT_YET = "not yet"
CORRECT = "correct"
UNTOUCHED = "Replace the `...` by your answer, run that cell, then run this one again."

SOLUTIONS_VARIABLE = "WHISPER_LAB_SOLUTIONS"  #: "off" for a class that is graded
KINDS = ("value", "array", "function", "prediction", "choice", "bug")


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that readers really give.

    Attributes
    ----------
    code : str
        What the reader writes instead of the solution.
    says : str
        A piece of the message that answers this mistake and no other.
    name : str
        The misconception in a few words for the teacher's page ("samples taken for seconds").
        Default: ``says``.
    """

    code: str
    says: str
    name: str = ""

    @property
    def label(self) -> str:
        """The misconception in a few words."""
        return self.name or self.says


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


@dataclass(frozen=True, init=False)
class Exercise:
    """An exercise of a lab.

    Parameters
    ----------
    key : str
        Topic and name, ``"waveform.duration"``; ``exercises.waveform.duration`` leads to it.
    lab : str
        The notebook's name without its ending, ``"05_waveform"``.
    objective : str
        The bullet of the lab's *You will learn* that this exercise touches, word for word.
    task : str
        What the reader is asked.
    stub, solution : str
        The code that the reader finds, and code that is right; both define ``variable``. The
        solution is kept as ``solution_code``.
    variable : str
        The name that is passed to the check.
    check : callable
        Takes the answer and returns None if it is right, else the message that diagnoses it.
        Kept as ``find_mistake``. A function of the reader's is passed with a guard around it: if
        it raises, the reader is told with which arguments.
    mistakes : tuple of Mistake
        At least three wrong answers, each with a message of its own.
    hints : tuple of str
        At least two, each saying more than the one before.
    setup : str
        Code that defines what the lab has defined by then; light, because the tests run it.
    points : int
        What it is worth in a class that is graded.
    kind : str
        One of ``value``, ``array``, ``function``, ``prediction``, ``choice``, ``bug``.
    why : str
        One sentence shown with *correct*: why it is right, or what to notice.
    look : str
        The heading of the lab's section that helps; named with every *not yet*.
    hidden : str
        More code for the teacher's edition alone: it raises AssertionError on a wrong answer.
    """

    key: str
    lab: str
    objective: str
    task: str
    setup: str
    stub: str
    solution_code: str
    variable: str
    find_mistake: Callable[[Any], str | None]
    mistakes: tuple[Mistake, ...]
    hints: tuple[str, ...]
    points: int
    kind: str
    why: str
    look: str
    hidden: str

    def __init__(
        self,
        *,
        key: str,
        lab: str,
        objective: str,
        task: str,
        stub: str,
        solution: str,
        variable: str,
        check: Callable[[Any], str | None],
        mistakes: Iterable[Mistake],
        hints: Iterable[str],
        setup: str = "",
        points: int = 1,
        kind: str = "value",
        why: str = "",
        look: str = "",
        hidden: str = "",
    ) -> None:
        fields = dict(
            key=key, lab=lab, objective=objective, task=task, setup=setup, stub=stub,
            solution_code=solution, variable=variable, find_mistake=check,
            mistakes=tuple(mistakes), hints=tuple(hints), points=points, kind=kind, why=why,
            look=look, hidden=hidden,
        )  # fmt: skip
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        """The part of the key after the topic."""
        return self.key.rpartition(".")[2]

    @property
    def cell(self) -> str:
        """The line of the notebook's check cell."""
        return f"exercises.{self.key}.check({self.variable})"

    def judge(self, answer: Any) -> Result:
        """Judge an answer without showing or keeping anything; never raises.

        Returns
        -------
        Result
        """
        import numpy as np

        if _holds_ellipsis(answer) or self._is_stub(answer):
            return Result(self.key, NOT_ATTEMPTED, UNTOUCHED)
        given = _guarded(answer, self.variable) if inspect.isfunction(answer) else answer
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                message = self.find_mistake(given)
        except _Untouched:
            return Result(self.key, NOT_ATTEMPTED, UNTOUCHED)
        except _ReaderError as error:
            message = str(error)
        except (Exception, SystemExit) as error:
            message = (
                f"`{self.variable}` is {describe(answer)}, and the check cannot work with that "
                f"({type(error).__name__}: {shorten(str(error))}). Read once more what the task "
                "asks for: one number, a text, an array or a function?"
            )
        if message is None:
            return Result(self.key, CORRECT, self.why)
        known = next((mistake for mistake in self.mistakes if mistake.says in message), None)
        return Result(self.key, NOT_YET, str(message), known, self.look)

    def check(self, answer: Any) -> None:
        """Judge the reader's answer, show the result and keep it in the progress file."""
        result = self.judge(answer)
        pages.show(str(result), result._repr_html_())
        if result.status != NOT_ATTEMPTED:
            says = result.mistake.says if result.mistake else None
            _keep(record.add_attempt, self.key, correct=result.correct, mistake=says)

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
        title, text = f"Hint {wanted} of {len(self.hints)}", self.hints[wanted - 1]
        pages.show(pages.note_text(title, text), pages.note_html(title, text))
        _keep(record.add_hint, self.key, number=wanted)

    def solution(self) -> None:
        """Show code that solves the exercise; a teacher may have switched that off."""
        if os.environ.get(SOLUTIONS_VARIABLE, "").lower() == "off":
            title, text = "Solutions are switched off", "Ask for a hint, or your teacher."
            pages.show(pages.note_text(title, text), pages.note_html(title, text))
            return
        pages.show(
            f"Solution of {self.key}:\n{self.solution_code}",
            pages.code_html(f"Solution of {self.key}", self.solution_code),
        )
        _keep(record.add_solution, self.key)

    def answer(self, code: str) -> Any:
        """Run ``setup`` and ``code`` (the stub, the solution, a mistake); the answer they give."""
        namespace = dict(_namespace(self.setup))
        exec(compile(code, f"<{self.key}>", "exec"), namespace)
        return namespace[self.variable]

    def _is_stub(self, answer: Any) -> bool:
        """Whether a function still does what the stub's does: nothing of the reader's."""
        if not inspect.isfunction(answer):
            return False
        stub = _stub_code(self.stub, self.variable)
        return stub is not None and _body(answer.__code__) == _body(stub)


_hints_shown: dict[str, int] = {}
_told_about_record: set[str] = set()


class _Untouched(Exception):
    """The reader's function still returns ``...``."""


class _ReaderError(Exception):
    """The reader's function failed; the message says with which arguments."""


def _keep(add: Callable[..., None], key: str, **what: Any) -> None:
    """Write to the progress file; if that fails, say so once and go on."""
    try:
        add(key, **what)
    except (LabError, OSError) as error:
        if str(error) not in _told_about_record:
            _told_about_record.add(str(error))
            title, text = "Your progress was not saved", f"{error}"
            pages.show(pages.note_text(title, text), pages.note_html(title, text))


def _holds_ellipsis(answer: Any, depth: int = 3) -> bool:
    if answer is ...:
        return True
    if depth and isinstance(answer, dict):
        return any(_holds_ellipsis(value, depth - 1) for value in answer.values())
    if depth and isinstance(answer, (list, tuple, set)):
        return any(_holds_ellipsis(value, depth - 1) for value in answer)
    return False


@functools.lru_cache(maxsize=4)
def _namespace(setup: str) -> dict[str, Any]:
    """What a lab has defined when an exercise begins."""
    namespace: dict[str, Any] = {"__name__": "notebook"}
    exec(compile(setup, "<setup>", "exec"), namespace)
    return namespace


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


def _guarded(function: Callable, name: str) -> Callable:
    """The reader's function; what it raises becomes a message that names the arguments."""

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        call = describe_call(name, args, kwargs)
        try:
            value = function(*args, **kwargs)
        except (Exception, SystemExit) as error:
            raise _ReaderError(
                f"Your function stopped with {type(error).__name__}: {shorten(str(error))}. "
                f"It was called as `{call}`: run that line in a cell of its own to see where."
            ) from error
        if value is ...:
            raise _Untouched
        return value

    return guarded
