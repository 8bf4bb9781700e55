"""The kinds of exercises: what is asked for, when an answer is right, and what a wrong one is told.

No message prints the right answer; a function's counterexample prints what one call should give.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from . import answers
from .answers import Unfit, near, rounded, same, show
from .core import Exercise, Mistake, Untouched
from .running import Outcome, outcomes, report


def _plain(answer: Any, exercise: Exercise, seconds: float) -> Any:
    """The plain value, read in a thread of its own: an answer may be an endless generator."""
    [outcome] = outcomes([lambda: answer], seconds=seconds)
    if outcome.error:
        raise Unfit(report(outcome, f"Reading `{exercise.variable}`"))
    return outcome.value


class _Value:
    """What an answer that is no function has in common with others."""

    read: Callable[..., Any]
    same: Callable[..., bool]
    explain: Callable[..., str]

    def given(self, answer: Any, exercise: Exercise, seconds: float) -> Any:
        return self.read(_plain(answer, exercise, seconds), exercise)

    def judge(self, given: Any, exercise: Exercise) -> Mistake | str | None:
        for alike in (self.same, self.rounded):
            if alike(given, exercise.right):
                return None
            for mistake, value in exercise.known:
                if alike(given, value):
                    return mistake
        return self.explain(given, exercise.right)

    def rounded(self, given: Any, other: Any) -> bool:
        """Whether an answer is another, sensibly rounded."""
        return False


def _unfit(asked: str, value: Any) -> Unfit:
    if show(value).startswith("the function"):
        return Unfit(f"Expected {asked}, but your answer is {show(value)}. Call it with ().")
    none = " Does the cell above end in an assignment?" if value is None else ""
    return Unfit(f"Expected {asked}, but your answer is {show(value)}.{none}")


@dataclass(frozen=True)
class Number(_Value):
    """One number, in a unit if there is one."""

    tol: float
    unit: str
    precise: bool

    def read(self, value: Any, exercise: Exercise) -> float:
        if isinstance(value, str):
            return answers.written(value, self.unit)
        found = answers.number(value)
        if found is None:
            raise _unfit(answers.asked(self.unit), value)
        return found

    def same(self, given: float, other: float) -> bool:
        # near 0 the tolerance of the right answer would swallow other mistakes
        return near(given, other, min(self.tol, 0.05 * abs(other)))

    def rounded(self, given: float, other: float) -> bool:
        return not self.precise and rounded(given, other)

    def explain(self, given: float, right: float) -> str:
        if np.isnan(given):
            return "Your answer is NaN, not a number: somewhere 0/0 or log of a negative happened."
        if np.isinf(given):
            return "Your answer is infinite: somewhere a division by 0 or log(0) happened."
        unit = "" if self.unit in ("", answers.FRACTION) else f" {self.unit}"
        shown = f"Your answer is {show(given)}{unit}. That is"
        if rounded(given, right, least=1):
            return f"{shown} rounded too far: give more digits."
        if cause := self._cause(given, right):
            return f"{shown} {cause}"
        return f"{shown} too {'large' if given > right else 'small'}."

    def _cause(self, given: float, right: float) -> str:
        """A slip that the values prove: sign, unit, percent."""

        def right_by(factor: float) -> bool:
            return bool(given) and (
                near(given / factor, right, self.tol) or rounded(given / factor, right)
            )

        if not right:
            return ""
        if right_by(-1):
            return "right but for its sign."
        if any(right_by(factor) for factor in answers.UNITS.get(self.unit, ())):
            return f"the right amount, but not in {self.unit}."
        if self.unit == answers.FRACTION and right_by(100):
            return "in percent; a fraction is asked for."
        if self.unit == "%" and right_by(0.01):
            return "a fraction; percent is asked for."
        return ""


@dataclass(frozen=True)
class Choice(_Value):
    """One of several options, in the order of the task."""

    options: tuple

    def read(self, value: Any, exercise: Exercise) -> Any:
        known = {answers.loose(option): option for option in self.options}
        found = answers.loose(value)
        if isinstance(found, str) and found not in known:
            if any("=" in str(key) for key in known):  # "translate" for "task='translate'"
                found = next((key for key in known if str(key).endswith(f"={found}")), found)
            else:  # "top_db=15" for "15"
                found = found.rpartition("=")[2]
        if isinstance(value, str) and any(isinstance(option, tuple) for option in self.options):
            found = tuple(re.findall(r"[\w.]+", value.casefold()))  # a pair written as one text
        try:
            return known[found]
        except (KeyError, TypeError):
            written = ", ".join(_written(option, exercise.task) for option in self.options)
            raise Unfit(f"Choose one of {written}; your answer is {show(value)}.") from None

    def same(self, given: Any, other: Any) -> bool:
        return given == other

    def explain(self, given: Any, right: Any) -> str:
        return "That is one of the options, but not the right one."


def _written(option: Any, task: str) -> str:
    """An option as the task writes it."""
    if isinstance(option, str):
        return f"`'{option}'`" if f"'{option}'" in task else f'`"{option}"`'
    return f"`{option!r}`"


@dataclass(frozen=True)
class Array(_Value):
    """Several numbers: an array, or a list, tuple or tensor of the same."""

    tol: float
    unit: str
    dtype: str
    axes: tuple[str, ...]

    def read(self, value: Any, exercise: Exercise) -> np.ndarray:
        if isinstance(value, np.ndarray) and value.dtype.kind in "cO":
            raise Unfit(f"Your array holds {value.dtype} values: real numbers are asked for.")
        found = answers.array(value) if isinstance(value, list | np.ndarray) else None
        if found is None or not found.ndim:
            named = (
                f"an array of {self.dtype}" if self.dtype else "several numbers, as array or list"
            )
            raise _unfit(named, value)
        return found

    def same(self, given: np.ndarray, other: np.ndarray) -> bool:
        return (not self.dtype or given.dtype == other.dtype) and same(given, other, self.tol)

    def explain(self, given: np.ndarray, right: np.ndarray) -> str:
        if given.shape != right.shape:
            return _shapes(given, right, self.axes)
        if not np.isfinite(given).all():
            return "Your array holds values that are NaN or infinite: log(0) or 0/0?"
        if same(given, right, self.tol):
            return f"The values are right, but of type {given.dtype}: {self.dtype} is asked for."
        if right.any() and same(-given, right, self.tol):
            return "Your array is right but for its sign."
        if right.any() and any(
            same(given / factor, right, self.tol) for factor in answers.UNITS.get(self.unit, ())
        ):
            return f"The amounts are right, but not in {self.unit}."
        if right.ndim == 1 and same(given[::-1], right, self.tol):
            return "The values are right, but in the opposite order."
        if all(map(functools.partial(rounded, least=1), given.flat, right.flat)):
            return "Your numbers are rounded too far: give more digits."
        off = ~np.isclose(given, right, rtol=2e-6, atol=self.tol)
        place = tuple(int(i) for i in np.argwhere(off)[0])
        way = "large" if given[place] > right[place] else "small"
        rest = "it is the only one" if off.sum() == 1 else f"{int(off.sum())} of {off.size} are off"
        at = place[0] if len(place) == 1 else list(place)
        return f"Item {at}, counted from 0, is too {way}: {show(given[place].item())} ({rest})."


def _shapes(given: np.ndarray, right: np.ndarray, axes: tuple[str, ...]) -> str:
    asked = f" Expected ({', '.join(axes)})." if axes else ""
    if given.ndim == 1 == right.ndim:
        return f"Your answer has too {'many' if given.size > right.size else 'few'} items."
    if given.ndim == 2 and given.shape[::-1] == right.shape:
        return f"Your array has shape {given.shape}: rows and columns are exchanged.{asked}"
    if given.ndim != right.ndim:
        return f"Your array has {given.ndim} axes, expected {right.ndim}.{asked}"
    axis = next(i for i in range(given.ndim) if given.shape[i] != right.shape[i])
    way = "long" if given.shape[axis] > right.shape[axis] else "short"
    return f"Your array has shape {given.shape}: axis {axis} is too {way}.{asked}"


@dataclass(frozen=True)
class Case:
    """The arguments of one call."""

    code: str  #: as the reader would write them between the parentheses: ``"101, 16000, 320"``
    words: str = ""  #: what the reader is told instead if ``code`` does not run in the notebook


@dataclass(frozen=True)
class Function:
    """A function, tried in several cases; what is expected is what the solution gives."""

    cases: tuple[Case, ...]
    helpers: Mapping[str, Any] = field(repr=False)
    tol: float
    dtype: str
    judged: Callable[..., str | None] | None

    def arguments(self, exercise: Exercise) -> list[tuple]:
        """The arguments of each case, new each time: a function may spoil them."""
        return [
            eval(f"({case.code},)" if case.code else "()", {**exercise.namespace(), **self.helpers})
            for case in self.cases
        ]

    def given(self, answer: Any, exercise: Exercise, seconds: float) -> tuple[list[Outcome], ...]:
        """The outcomes of two rounds of calls: both must be the same."""
        if not callable(answer):
            found = show(_plain(answer, exercise, seconds))
            raise Unfit(f"Expected a function, but this is {found}. Give its name without ().")
        code = getattr(inspect.unwrap(answer), "__code__", None)
        every = self.arguments(exercise) + self.arguments(exercise)
        calls = [lambda args=args: answer(*args) for args in every]
        found = outcomes(calls, file=code.co_filename if code else "", seconds=seconds)
        if found[-1].value is ...:
            raise Untouched
        if found[-1].error == "TimeLimit":
            case = self.cases[(len(found) - 1) % len(self.cases)]
            raise Unfit(report(found[-1], _call(case, exercise)))
        return found[: len(self.cases)], found[len(self.cases) :]

    def judge(self, given: tuple[list[Outcome], ...], exercise: Exercise) -> Mistake | str | None:
        first, second = given
        right = exercise.right[0]
        for case, one, two in zip(self.cases, first, second, strict=True):
            if not (self.judged or self._alike(one, two) or isinstance(one.value, answers.Other)):
                return (
                    f"{_call(case, exercise)} gives {_said(one)} the first time and {_said(two)} "
                    "the second. Does the function change a variable that outlives the call, or a "
                    "default such as `[]`, or draw random numbers?"
                )
        wrong = self._wrong(first, right, exercise)
        if not wrong:
            return None
        for mistake, other in exercise.known:
            if self.same(given, other):
                return mistake
        named = {mistake.name: mistake for mistake in exercise.mistakes}
        if self.judged and (known := named.get(next(iter(wrong.values())))):
            return known
        if self._only_rounded(first, right):
            return "What your function returns is rounded or cut off: return the value as it comes."
        smallest = min(wrong, key=lambda i: len(self.cases[i].words or self.cases[i].code))
        return f"{_call(self.cases[smallest], exercise)} {wrong[smallest]}"

    def same(self, given: tuple[list[Outcome], ...], other: tuple[list[Outcome], ...]) -> bool:
        """Whether two functions gave the same in every case."""
        return all(self._alike(a, b) for a, b in zip(given[0], other[0], strict=True))

    def _alike(self, one: Outcome, other: Outcome) -> bool:
        if one.error or other.error:
            return one.error == other.error
        typed = not self.dtype or _type(one.value) == _type(other.value)
        return typed and (
            same(one.value, other.value, self.tol) or same(other.value, one.value, self.tol)
        )

    def _wrong(self, first: list[Outcome], right: list[Outcome], exercise: Exercise) -> dict:
        """What is wrong, by the number of the case."""
        every = self.arguments(exercise) if self.judged else [()] * len(first)
        wrong: dict[int, str | None] = {}
        for i, (one, goal, args) in enumerate(zip(first, right, every, strict=True)):
            if one.error:
                wrong[i] = report(one, "").strip()
            elif self.judged and one.value is not None:
                wrong[i] = self.judged(one.value, *args)
            elif not same(one.value, goal.value, self.tol):
                wrong[i] = _differs(one, goal, self.tol)
            elif self.dtype and _type(one.value) != self.dtype:
                found = _type(one.value)
                wrong[i] = f"gives the right values, but as {found}; {self.dtype} is asked for."
        return {i: message for i, message in wrong.items() if message}

    def _only_rounded(self, first: list[Outcome], right: list[Outcome]) -> bool:
        numbers = [(answers.number(a.value), b.value) for a, b in zip(first, right, strict=True)]
        return all(
            a is not None and isinstance(b, float) and (near(a, b, self.tol) or rounded(a, b, 1))
            for a, b in numbers
        )


def _call(case: Case, exercise: Exercise) -> str:
    if case.words:
        return f"`{exercise.variable}`, given {case.words},"
    return f"`{exercise.variable}({case.code})`"


def _said(outcome: Outcome) -> str:
    return outcome.error or show(outcome.value)


def _type(value: Any) -> str:
    return str(value.dtype) if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


def _differs(one: Outcome, goal: Outcome, tol: float) -> str:
    clause = answers.difference(one.value, goal.value, tol)
    if one.value is None:
        printed = f" It printed {show(one.printed.strip())}:" if one.printed.strip() else ""
        return f"{clause}.{printed} `return` is what gives a value."
    kind = one.value.dtype.kind if isinstance(one.value, np.ndarray) else ""
    if isinstance(one.value, complex) or kind in ("c", "O"):
        return f"gives {show(one.value)}: real numbers are asked for."
    return f"{clause}."


def _exercise(key: str, form: Any, kind: str, fields: dict[str, Any]) -> Exercise:
    """Fill in what follows from other fields, and complete codes that are only an expression."""
    stub = fields.get("stub", "")
    head = re.match(r"def (\w+)\(.*\):", stub)
    variable = head[1] if head else fields.get("variable", key.rpartition(".")[2])

    def whole(code: str) -> str:
        if re.search(rf"\bdef {variable}\b" if head else rf"\b{variable} = ", code):
            return code
        return f"{head[0]}\n    return {code}" if head else f"{variable} = {code}"

    completed: dict[str, Any] = {"kind": kind, "stub": f"{variable} = ...", **fields}
    completed["variable"] = variable
    completed["solution_code"] = whole(fields["solution_code"])
    completed["mistakes"] = tuple(replace(m, code=whole(m.code)) for m in fields["mistakes"])
    return Exercise(key=key, form=form, **completed)


def number(
    key: str, *, unit: str = "", tol: float = 0.0, precise: bool = False, **fields: Any
) -> Exercise:
    """An exercise that asks for one number.

    Parameters
    ----------
    key : str
        Topic and name, ``"waveform.duration"``.
    unit : str
        Also accepted in an answer such as ``"6 s"``; "fraction" for a share, which may also be
        given as ``"57 %"``.
    tol : float
        The largest absolute difference that is still right.
    precise : bool
        Refuse an answer that is rounded to two digits or more.
    **fields
        The other fields of :class:`Exercise`. ``variable`` is the name in the key if it is not
        given, and the stub sets it to ``...``. The code of a solution or a mistake may be the
        expression alone: ``Mistake("6 * 16_000", ...)``.
    """
    return _exercise(key, Number(tol, unit, precise), "value", fields)


def choice(key: str, *, options: Iterable[Any], **fields: Any) -> Exercise:
    """An exercise that asks for one of ``options``: texts, numbers or tuples, as in the task.

    The other fields are those of :func:`number`.
    """
    return _exercise(key, Choice(tuple(options)), "choice", fields)


def array(
    key: str,
    *,
    tol: float = 1e-5,
    unit: str = "",
    dtype: str = "",
    axes: Iterable[str] = (),
    **fields: Any,
) -> Exercise:
    """An exercise that asks for several numbers.

    Parameters
    ----------
    key, unit, **fields
        As in :func:`number`.
    tol : float
        The largest absolute difference that is still right.
    dtype : str
        The type that is asked for; default: any type of real number.
    axes : iterable of str
        What each axis counts, ``("n_mels", "n_frames")``: named if the shape is wrong.
    """
    return _exercise(key, Array(tol, unit, dtype, tuple(axes)), "array", fields)


def function(
    key: str,
    *,
    cases: Iterable[str | Case],
    helpers: Mapping[str, Any] | None = None,
    tol: float = 1e-6,
    dtype: str = "",
    judged: Callable[..., str | None] | None = None,
    **fields: Any,
) -> Exercise:
    """An exercise that asks for a function; the stub begins with its ``def`` line.

    Parameters
    ----------
    key : str
        Topic and name.
    cases : iterable of str or Case
        The arguments of each call, as code: ``"101, 16000, 320"``.
    helpers : mapping, optional
        Names that the cases use and the notebook does not have: give such a case its words.
    tol : float
        For each number: the largest absolute difference that is still right.
    dtype : str
        The type that an array must have, if that is asked; default: any.
    judged : callable, optional
        Where more than one result is right: takes the result and the arguments, and returns None
        or what is wrong with it, a clause after the call or the name of a mistake.
    **fields
        The other fields of :class:`Exercise`. The code of a solution or a mistake may be what the
        function returns alone: ``Mistake("20 * np.log10(y.max())", ...)``.
    """
    every = tuple(Case(case) if isinstance(case, str) else case for case in cases)
    return _exercise(key, Function(every, helpers or {}, tol, dtype, judged), "function", fields)
