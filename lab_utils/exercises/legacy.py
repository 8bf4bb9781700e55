"""TO BE DELETED once no module imports it: exercises with ``check=`` and a ``says`` per mistake.

The comparisons below and :func:`Exercise` serve the modules that are not yet written with
``number``, ``choice``, ``array`` and ``function`` (see the package's docstring).
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import core
from .core import Mistake, Result
from .running import TIME_LIMIT

__all__ = ["Exercise", "Mistake", "array", "choice", "close", "function"]

FACTORS = {
    1000.0: "1000 times too large: is it in thousandths (milliseconds, millihertz …)?",
    0.001: "1000 times too small: is it in thousands (kilohertz, seconds for milliseconds …)?",
    100.0: "100 times too large: is it in percent where a fraction is asked for?",
    0.01: "100 times too small: is it a fraction where percent is asked for?",
    2.0: "twice too large.",
    0.5: "half of what it should be.",
    -1.0: "right but for its sign.",
}


@dataclass(frozen=True, kw_only=True)
class _Legacy(core.Exercise):
    """An exercise whose check is a function; ``Mistake.message`` holds a piece of its message."""

    find_mistake: Callable[[Any], str | None]

    def judge(self, answer: Any, *, seconds: float = TIME_LIMIT) -> Result:
        if core._holds_ellipsis(answer) or self._is_stub(answer):
            return self._untouched()
        given = _guarded(answer, self.variable) if inspect.isfunction(answer) else answer
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                message = self.find_mistake(given)
        except core.Untouched:
            return self._untouched()
        except _ReaderError as error:
            message = str(error)
        except (Exception, SystemExit) as error:
            message = f"The check cannot work with that ({type(error).__name__})."
        if message is None:
            return Result(self.key, core.CORRECT, self.why)
        known = next((m for m in self.mistakes if m.message in message), None)
        return Result(self.key, core.NOT_YET, str(message), known, self.look)


def Exercise(*, solution: str, check: Callable, kind: str = "value", **fields: Any) -> _Legacy:
    return _Legacy(solution_code=solution, find_mistake=check, kind=kind, form=None, **fields)


class _ReaderError(Exception):
    """The reader's function failed; the message says with which arguments."""


def _guarded(function: Callable, name: str) -> Callable:
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
            raise core.Untouched
        return value

    return guarded


def shorten(text: str, length: int = 160) -> str:
    """One line of at most ``length`` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def describe(value: Any) -> str:
    """A value in words, short enough for a message: "an array of shape (80, 3000), float32"."""
    if value is None:
        return "None (a function without `return` gives None)"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}, {value.dtype}"
    if type(value).__module__.startswith("torch") and hasattr(value, "shape"):
        return f"a torch tensor of shape {tuple(value.shape)}"
    if isinstance(value, bool | np.bool_):
        return f"the truth value {bool(value)}"
    if isinstance(value, str):
        return f"the text {shorten(repr(value), 80)}"
    if isinstance(value, int | float | np.number):
        return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
    if callable(value):
        return f"the function {getattr(value, '__name__', type(value).__name__)}"
    if isinstance(value, list | tuple | dict | set):
        return f"a {type(value).__name__} of {len(value)} items"
    return f"{type(value).__name__} {shorten(_repr(value), 60)}"


def describe_call(name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> str:
    """A call as the reader would write it; large arrays are named by their shape."""
    parts = [_argument(value) for value in args]
    parts += [f"{key}={_argument(value)}" for key, value in kwargs.items()]
    return f"{name}({', '.join(parts)})"


def _argument(value: Any) -> str:
    if isinstance(value, np.ndarray):
        if value.size <= 8:
            return "np." + " ".join(repr(value).split())
        return f"<array {value.shape} {value.dtype}>"
    return shorten(_repr(value), 60)


def _repr(value: Any) -> str:
    try:
        return str(value) if isinstance(value, np.generic) else repr(value)
    except Exception:  # an object of the reader's with a broken __repr__
        return object.__repr__(value)


def number(value: Any) -> float | None:
    """The value as a float if it is one real number (an array of one counts), else None."""
    if isinstance(value, bool | np.bool_ | str | bytes) or value is None:
        return None
    try:
        array = np.asarray(value)
        if array.size != 1 or array.dtype.kind not in "iuf":
            return None
        return float(array.reshape(-1)[0])
    except (TypeError, ValueError):
        return None


def close(
    value: Any,
    expected: float,
    tol: float = 1e-6,
    unit: str = "",
    *,
    wrong: Iterable[tuple[float, str]] = (),
    name: str = "your answer",
) -> str | None:
    """Compare one number.

    Parameters
    ----------
    value : object
        The reader's answer.
    expected : float
    tol : float
        The largest absolute difference that is still right, in ``unit``.
    unit : str
        Named in the message.
    wrong : iterable of (float, str)
        What known mistakes give (compared with the same tolerance, relative for large numbers),
        and the message for each.
    name : str
        What the message calls the value.

    Returns
    -------
    str or None
    """
    unit = f" {unit}" if unit else ""
    found = number(value)
    if found is None:
        asked = f"one number{f' in{unit}' if unit else ''}"
        return f"Expected {asked}, but {name} is {describe(value)}."
    if np.isnan(found):
        return (
            f"{_capital(name)} is NaN, not a number: somewhere 0/0 or log of a negative happened."
        )
    if abs(found - expected) <= tol:
        return None
    for other, message in wrong:
        if abs(found - other) <= max(tol, 1e-6 * abs(other)):
            return message
    if np.isinf(found):
        return f"{_capital(name)} is infinite: somewhere a division by 0 or log(0) happened."
    shown = f"{_capital(name)} is {found:.6g}{unit}. That is "
    if expected:
        for factor, words in FACTORS.items():
            if abs(found / expected - factor) <= max(1e-6 * abs(factor), tol / abs(expected)):
                return shown + words
    if abs(found - expected) <= 10 * tol:
        return shown + f"very near, but not within {tol:g}{unit}: do not round on the way."
    return shown + ("too large." if found > expected else "too small.")


def array(
    value: Any,
    expected: np.ndarray,
    *,
    tol: float = 1e-5,
    dtype: Any = None,
    axes: tuple[str, ...] = (),
    wrong: Iterable[tuple[Any, str]] = (),
    name: str = "your array",
) -> str | None:
    """Compare an array: kind, shape, type, finite values, values.

    Parameters
    ----------
    value : object
        The reader's answer; a torch tensor is accepted.
    expected : np.ndarray
    tol : float
        The largest absolute difference that is still right.
    dtype : numpy dtype, optional
        The type the answer must have; None accepts any number type.
    axes : tuple of str
        What each axis counts, ``("n_mels", "n_frames")``: named if the shape is wrong.
    wrong : iterable of (array, str)
        What known mistakes give, compared by shape and values, and the message for each.
    name : str
        What the message calls the array.
    """
    expected = np.asarray(expected)
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, list | tuple):
        return f"{_capital(name)} is a {type(value).__name__}: make it a NumPy array, np.array(…)."
    if not isinstance(value, np.ndarray):
        return f"Expected a NumPy array, but {name} is {describe(value)}."
    for other, message in wrong:
        other = np.asarray(other)
        if value.shape == other.shape and _all_close(value, other, tol):
            return message
    shape = ", ".join(axes) if axes else ", ".join(map(str, expected.shape))
    if value.shape != expected.shape:
        found = f"{_capital(name)} has shape {value.shape}"
        if value.ndim == 2 and value.shape[::-1] == expected.shape:
            return f"{found}: rows and columns are exchanged. Expected ({shape}); try `.T`."
        if value.size == expected.size:
            return f"{found}: the values are there, in another shape than ({shape})."
        if value.ndim != expected.ndim:
            return f"{found}: {value.ndim} axes, expected {expected.ndim} ({shape})."
        axis = next(i for i in range(value.ndim) if value.shape[i] != expected.shape[i])
        which = f"axis {axis}{f' ({axes[axis]})' if axes else ''}"
        return f"{found}. On {which} it is {value.shape[axis] - expected.shape[axis]:+d} off."
    if dtype is not None and value.dtype != np.dtype(dtype):
        return (
            f"{_capital(name)} is {value.dtype}, expected {np.dtype(dtype)}: `.astype(…)` converts."
        )
    if value.dtype.kind in "fc" and not np.isfinite(value).all():
        bad = int(np.size(value) - np.isfinite(value).sum())
        return f"{_capital(name)} holds {bad} values that are NaN or infinite: log(0) or 0/0?"
    if _all_close(value, expected, tol):
        return None
    return f"{_capital(name)} has the right shape, but other values: {_difference(value, expected)}"


def function(
    reader: Callable,
    cases: Iterable[tuple[Any, Any]],
    *,
    tol: float = 1e-6,
    wrong: Iterable[tuple[Callable, str]] = (),
    name: str = "",
) -> str | None:
    """Try a function on several inputs.

    Parameters
    ----------
    reader : callable
        The reader's function.
    cases : iterable of (arguments, expected)
        Arguments: a tuple, or a dict for keywords, or one value.
    tol : float
        For numbers and arrays: the largest absolute difference that is still right.
    wrong : iterable of (callable, str)
        Functions that known mistakes amount to: the message is given if the reader's function
        agrees with it in every case.
    name : str
        What the message calls the function; default: its own name.
    """
    if not callable(reader):
        return f"Expected a function, but this is {describe(reader)}. Give the name without ()."
    cases = [(_arguments(arguments), expected) for arguments, expected in cases]
    name = name or getattr(reader, "__name__", "your function")
    found = [reader(*_copied(args), **_copied(kwargs)) for (args, kwargs), _ in cases]
    if all(_same(f, e, tol) for f, (_, e) in zip(found, cases, strict=True)):
        return None
    for other, message in wrong:
        if all(_same_as(other, c, f, tol) for f, (c, _) in zip(found, cases, strict=True)):
            return message
    value, ((args, kwargs), expected) = next(
        pair for pair in zip(found, cases, strict=True) if not _same(pair[0], pair[1][1], tol)
    )
    call = describe_call(name, args, kwargs)
    if isinstance(expected, np.ndarray):
        why = array(value, expected, tol=tol, name="what it returns")
        return f"Tried `{call}`. {why}"
    return f"`{call}` gives {describe(value)}, expected {describe(expected)}."


def choice(value: Any, right: Any, wrong: dict[Any, str]) -> str | None:
    """Judge a choice: ``wrong`` maps each other option to what is mistaken about it."""
    if isinstance(value, str) and isinstance(right, str):
        value, right = value.strip().lower(), right.lower()
    if type(value) is type(right) and value == right:
        return None
    for option, message in wrong.items():
        option = option.lower() if isinstance(option, str) else option
        if type(value) is type(option) and value == option:
            return message
    options = ", ".join(repr(option) for option in sorted([right, *wrong], key=str))
    return f"Choose one of {options}; your answer is {describe(value)}."


def _arguments(arguments: Any) -> tuple[tuple, dict]:
    if isinstance(arguments, dict):
        return (), arguments
    return (arguments if isinstance(arguments, tuple) else (arguments,)), {}


def _copied(arguments: Any) -> Any:
    """Arrays and lists copied, so that a function that changes its input harms no later case."""
    import copy

    if isinstance(arguments, dict):
        return {key: copy.copy(value) for key, value in arguments.items()}
    return tuple(copy.copy(value) for value in arguments)


def _same_as(other: Callable, call: tuple[tuple, dict], value: Any, tol: float) -> bool:
    args, kwargs = call
    try:
        return _same(value, other(*_copied(args), **_copied(kwargs)), tol)
    except Exception:  # a misconception that does not apply to this input
        return False


def _same(value: Any, expected: Any, tol: float) -> bool:
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(expected, np.ndarray):
        return (
            isinstance(value, np.ndarray)
            and value.shape == expected.shape
            and _all_close(value, expected, tol)
        )
    if isinstance(expected, bool | np.bool_):
        return isinstance(value, bool | np.bool_) and bool(value) == bool(expected)
    if isinstance(expected, int | float | np.number):
        found = number(value)
        return found is not None and abs(found - float(expected)) <= tol
    if isinstance(expected, list | tuple):
        return (
            isinstance(value, list | tuple)
            and len(value) == len(expected)
            and all(_same(v, e, tol) for v, e in zip(value, expected, strict=True))
        )
    return type(value) is type(expected) and bool(value == expected)


def _all_close(value: np.ndarray, expected: np.ndarray, tol: float) -> bool:
    if value.dtype.kind in "biufc" and expected.dtype.kind in "biufc":
        return bool(np.allclose(value, expected, rtol=0, atol=tol, equal_nan=True))
    return bool(np.array_equal(value, expected))


def _difference(value: np.ndarray, expected: np.ndarray) -> str:
    """How two arrays of one shape differ: a factor, an offset, an order, or where most."""
    if value.dtype.kind not in "biuf" or expected.dtype.kind not in "biuf" or not value.size:
        return "compare the first ones by eye."
    v, e = value.astype(np.float64), expected.astype(np.float64)
    if v.ndim and np.allclose(v[::-1], e):
        return "they are in the opposite order."
    if np.allclose(v, -e):
        return "the sign is the other one."
    used = np.abs(e) > 1e-12
    if used.any() and np.allclose(v[~used], 0, atol=1e-12):
        ratio = v[used] / e[used]
        if np.ptp(ratio) <= 1e-4 * abs(ratio.mean()) and abs(ratio.mean()) > 1e-12:
            return f"each is {ratio.mean():.4g} times what it should be."
    gap = v - e
    if np.ptp(gap) <= 1e-4 * abs(gap.mean()):
        return f"each is off by the same {gap.mean():+.4g}."
    where = np.unravel_index(int(np.argmax(np.abs(gap))), gap.shape)
    place = ", ".join(str(int(i)) for i in where)
    return f"they differ most at index [{place}], where yours is {value[where]:.4g}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
