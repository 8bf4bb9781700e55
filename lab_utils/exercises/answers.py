"""Values: read what a reader gives, compare it, and say how it differs.

Equal answers are equal here: a list, tuple, array, tensor or generator of the same numbers,
float32 or float64, ``15`` or ``"15"``. No function in this module blames a cause that the values
do not prove.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import math
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

MAX_ITEMS = 20_000  #: of a generator, which may be endless
SHOWN = 90  #: characters of a value in a message
#: other units in which the right amount is known by its factor: in that unit / as asked
UNITS = {
    "s": (1000, 1 / 60, 1e6),
    "ms": (0.001, 1000),
    "Hz": (0.001, 1000),
    "kB": (1000, 0.001, 8, 1000 / 1024),
    "MB": (1000, 0.001, 1e6, 8, (1000 / 1024) ** 2),
}
SPELLED = {
    "s": "sec secs second seconds",
    "ms": "millisecond milliseconds",
    "kB": "kilobyte kilobytes",
    "MB": "megabyte megabytes",
    "dB": "decibel decibels",
    "%": "percent",
}
FRACTION = "fraction"  #: the unit of a share: 0.57, and "57 %" is the same
DIGITS = r"[+-]?(?:[1-9]\d{0,2}(?:[, _\xa0\u202f]\d{3})+|\d+)?\.?\d*(?:e[+-]?\d+)?"
QUOTES = str.maketrans('"`´‘’“”„′−', "'''''''''-")


class Unfit(Exception):
    """An answer of a kind that was not asked for; the message says what was."""


@dataclasses.dataclass(frozen=True)
class Other:
    """Anything else, in words: it is not touched again, whatever its ``__eq__`` may do."""

    words: str


def plain(value: Any, depth: int = 8) -> Any:
    """The value in one form: Python's numbers, lists, dictionaries, NumPy's arrays."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bool | Other) or value is None or value is ...:
        return value
    kinds: tuple[Any, ...] = (int, float, str, bytes)
    for kind in kinds:
        if isinstance(value, kind):  # a class of the reader's may compare and print as it likes
            return kind.__getnewargs__(value)[0]
    if not depth:
        return Other("something nested very deep")
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = (value.float() if "bfloat16" in str(value.dtype) else value).numpy()
    elif hasattr(value, "to_numpy"):
        value = value.to_numpy()
    if isinstance(value, np.ndarray):
        value = value.view(np.ndarray)
        return plain(value[()], depth - 1) if value.ndim == 0 else value
    if isinstance(value, Fraction | Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {_key(key, depth): plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, Iterator | Sequence | deque) or type(value).__name__.startswith("dict_"):
        return [plain(item, depth - 1) for item in itertools.islice(value, MAX_ITEMS)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value)]
        return [plain(getattr(value, name), depth - 1) for name in fields]
    if isinstance(value, complex):
        return complex(value)
    if inspect.iscoroutine(value):
        value.close()
        return Other("a coroutine: write `def`, not `async def`")
    if callable(value):
        return Other(f"the function {getattr(value, '__name__', type(value).__name__)}")
    return Other(f"{type(value).__name__} {shorten(repr_of(value), 60)}")


def _key(key: Any, depth: int) -> Any:
    found = plain(key, depth - 1)
    return Other(shorten(repr_of(key))) if isinstance(found, list | dict | np.ndarray) else found


def number(value: Any) -> float | None:
    """The value as a float if it is one real number (a list of one counts), else None."""
    value = plain(value)
    if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "iuf":
        return float(value.reshape(-1)[0])
    if isinstance(value, list) and len(value) == 1:
        return number(value[0])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def written(text: str, unit: str) -> float:
    """The number that a text holds: "6", "6,144", "4/7", "57 %", "6 s" where ``unit`` is "s".

    Raises
    ------
    Unfit
        It holds no number, or another unit.
    """
    cleaned = text.strip().translate(QUOTES).strip("' ").lstrip("≈~= ")
    pattern = rf"({DIGITS})\s*(?:/\s*({DIGITS}))?\s*([^\W\d].*|%.*)?"
    match = re.fullmatch(pattern, cleaned, re.IGNORECASE) if len(cleaned) < 100 else None
    try:
        over, under, found = match.groups() if match else ("", None, None)
        over, under = (re.sub(r"[, _\xa0\u202f]", "", digits) for digits in (over, under or "1"))
        value = float(over) / float(under)
    except (ValueError, ZeroDivisionError):
        more = " Write the decimal point as a period." if re.search(r"\d,\d", cleaned) else ""
        raise Unfit(f"Expected {asked(unit)}, but your answer is {show(text)}.{more}") from None
    found = (found or "").strip(" .")
    if found.casefold() in ("%", "percent") and unit == FRACTION:
        return value / 100
    names = {"", unit.casefold(), *SPELLED.get(unit, "").split()}
    if found.casefold() not in names:
        raise Unfit(f"Expected {asked(unit)}, but your answer is in {show(found)[9:]}.")
    return value


def asked(unit: str) -> str:
    """What an exercise asks for that has this unit."""
    if unit == FRACTION:
        return "one number, a fraction"
    return f"one number in {unit}" if unit else "one number"


def near(value: float, expected: float, tol: float = 0.0) -> bool:
    """Whether two numbers are equal but for ``tol`` and what float32 loses."""
    if value == expected or (math.isnan(value) and math.isnan(expected)):
        return True
    lost = 2e-6 * abs(expected)
    if float(expected).is_integer():
        lost = min(lost, 1e-3)  # one more or less is another count, however large
    return abs(value - expected) <= max(tol, lost)


def rounded(value: float, expected: float, least: int = 2) -> bool:
    """Whether a value is ``expected``, no whole number, rounded to ``least`` digits or more."""
    if not (math.isfinite(value) and math.isfinite(expected)) or float(expected).is_integer():
        return False
    for digits in range(least, 8):
        step = 10.0 ** (math.floor(math.log10(abs(expected))) - digits + 1)
        whole = abs(value / step - round(value / step)) < 1e-6
        if whole and abs(value - expected) <= 0.5 * step * (1 + 1e-9):
            return True
    return False


def array(value: Any) -> np.ndarray | None:
    """The plain value as an array of real numbers or truth values, else None."""
    try:
        found = value if isinstance(value, np.ndarray) else np.array(value)
    except (ValueError, TypeError, OverflowError):
        return None  # rows of different lengths
    return found if found.dtype.kind in "biuf" else None


def same(value: Any, expected: Any, tol: float = 1e-6) -> bool:
    """Whether two plain values are the same but for their containers and ``tol``."""
    if isinstance(expected, bool):
        found = value[0] if isinstance(value, list) and len(value) == 1 else value
        return isinstance(found, bool | int | float) and found == expected
    if isinstance(expected, int | float):
        found, right = number(value), number(expected)
        return found is not None and right is not None and near(found, right, tol)
    if isinstance(expected, np.ndarray) and expected.dtype.kind in "biuf":
        found = array(value)
        if found is None or found.shape != expected.shape:
            return False
        return bool(np.allclose(found, expected, rtol=2e-6, atol=tol, equal_nan=True))
    if isinstance(expected, list | np.ndarray):
        items = value.tolist() if isinstance(value, np.ndarray) else value
        return (
            isinstance(items, list)
            and len(items) == len(expected)
            and all(same(v, plain(e), tol) for v, e in zip(items, expected, strict=True))
        )
    if isinstance(expected, dict):
        return (
            isinstance(value, dict)
            and value.keys() == expected.keys()
            and all(same(value[key], expected[key], tol) for key in expected)
        )
    return type(value) is type(expected) and bool(value == expected)


def loose(value: Any) -> Any:
    """An option without what does not tell it from others: case, quotes, blanks, a point."""
    value = plain(value)
    if isinstance(value, dict) and len(value) == 1:
        [(key, item)] = value.items()
        value = f"{key}={item!r}"
    if isinstance(value, list | np.ndarray):
        items = tuple(loose(item) for item in value)
        return items[0] if len(items) == 1 else items
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{number(value):g}"
    if not isinstance(value, str):
        return value
    text = " ".join(value.translate(QUOTES).casefold().split()).strip(" .:;,!)(")
    text = re.sub(r"\s*([=/,])\s*", r"\1", text)
    text = re.sub(r"='([^']*)'", r"=\1", text)  # option='value'
    if len(text) > 1 and text[0] == text[-1] == "'":
        text = text[1:-1].strip()
    text = re.sub(r"(?<=[a-z])[-_](?=[a-z])", " ", re.sub(r"^(?:a|an|the) (?=.)", "", text))
    return f"{float(text):g}" if re.fullmatch(r"-?\d+(?:\.\d*)?", text) else text


def shorten(text: str, length: int = SHOWN) -> str:
    """One line of at most ``length`` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def show(value: Any, digits: int = 6) -> str:
    """A plain value in a message: as Python writes it if it is short, else in words."""
    if isinstance(value, float):
        return f"{value + 0.0:.{digits}g}"
    if isinstance(value, str):
        return f"the text {shorten(repr(value[: 2 * SHOWN]))}"
    if isinstance(value, np.ndarray):
        text = np.array2string(value, separator=", ", precision=digits, floatmode="maxprec")
        if value.size <= 12 and len(text) <= SHOWN:
            return f"array({' '.join(text.split())})"
        return f"an array of shape {value.shape}, {value.dtype}"
    if isinstance(value, list | dict):
        text = _inside(value, digits)
        many = f"{len(value)} item{'' if len(value) == 1 else 's'}"
        return text if len(text) <= SHOWN else f"a {type(value).__name__} of {many}"
    return value.words if isinstance(value, Other) else shorten(repr_of(value), 60)


def repr_of(value: Any) -> str:
    """``repr``, also of what has none: a broken ``__repr__``, a number of 5,000 digits."""
    try:
        return repr(value)
    except Exception:
        return "a huge number" if isinstance(value, int) else object.__repr__(value)


def _inside(value: Any, digits: int) -> str:
    """An item as it is written within a list; noise of a float's last digits fills no message."""
    if isinstance(value, list):
        return f"[{', '.join(_inside(item, digits) for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{_inside(k, digits)}: {_inside(v, digits)}" for k, v in value.items())
        return f"{{{', '.join(pairs)}}}"
    return repr_of(value) if isinstance(value, str) else show(value, digits)


def difference(value: Any, expected: Any, tol: float) -> str:
    """What came out and what was expected: "gives 3, expected 4"; of long ones, where first.

    Returns
    -------
    str
        A clause that follows the call.
    """
    if isinstance(expected, np.ndarray) and (found := array(value)) is not None and found.ndim:
        if found.shape != expected.shape:
            turned = found.ndim == 2 and found.shape[::-1] == expected.shape
            hint = ": rows and columns are exchanged" if turned else ""
            return f"gives shape {found.shape}, expected {expected.shape}{hint}"
        value = found
    digits = next((n for n in (6, 9) if show(value, n) != show(expected, n)), 17)
    given, wanted = show(value, digits), show(expected, digits)
    if isinstance(value, dict) and isinstance(expected, dict) and wanted.startswith("a dict"):
        return _entry(value, expected, tol)
    if isinstance(value, str) and isinstance(expected, str) and max(map(len, (given, wanted))) > 60:
        i = next((i for i, (a, b) in enumerate(zip(value, expected, strict=False)) if a != b), -1)
        i = max(0, (i if i >= 0 else min(len(value), len(expected))) - 10)
        given, wanted = show(value[i : i + 40]), show(expected[i : i + 40])
        return f"gives, from character {i} on, {given}, expected {wanted}"
    many = isinstance(value, list | np.ndarray) and isinstance(expected, list | np.ndarray)
    written = all(text.startswith(("[", "array(")) for text in (given, wanted))
    if not many or written and len(given) + len(wanted) <= SHOWN:
        return f"gives {given}, expected {wanted}"
    items, goal = (x.tolist() if isinstance(x, np.ndarray) else x for x in (value, expected))
    length = "" if len(items) == len(goal) else f"gives {len(items)} items, expected {len(goal)}; "
    for place, got, want in _walk(items, goal):
        if not same(got, want, tol):
            at = f"item {place[0]}" if len(place) == 1 else f"the item at {list(place)}"
            return f"{length}{at}, counted from 0, is {show(got)}, expected {show(want)}"
    more = f"item {min(len(items), len(goal))} is " + ("missing" if len(items) < len(goal) else
        f"one too many: {show(items[len(goal)])}")  # fmt: skip
    return f"{length}{more}"


def _entry(value: dict, expected: dict, tol: float) -> str:
    """The first entry in which two dictionaries differ."""
    for key, goal in expected.items():
        if key not in value:
            return f"gives no entry {key!r}"
        if not same(value[key], goal, tol):
            return f"gives {show(value[key])} for {key!r}, expected {show(goal)}"
    return f"gives an entry too many: {next(key for key in value if key not in expected)!r}"


def _walk(items: Any, goal: Any, place: tuple[int, ...] = ()) -> Iterator[tuple]:
    """The pairs of innermost items of two nested lists, each with its place."""
    for i, (got, want) in enumerate(zip(items, goal, strict=False)):
        if isinstance(got, list) and isinstance(want, list) and len(got) == len(want):
            yield from _walk(got, want, (*place, i))
        else:
            yield (*place, i), got, want
