"""How numbers, money, times, units and abbreviations are read in English, where that is certain.

A number is read by its form ("$3.50", "21st", "7:30") and by the words beside it. Where these allow
two readings ("1961" may be a year or a count, "3-4" a range or a score) it stays as it is written,
and the rule ``characters`` finds it.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_ABBREVIATIONS = {
    "Mr.": "Mister", "Mrs.": "Missus", "Prof.": "Professor", "e.g.": "for example",
    "i.e.": "that is", "etc.": "et cetera", "vs.": "versus",
}  # fmt: skip
_SIGNS = {"&": "and", "+": "plus", "=": "equals", "@": "at"}
_TITLES = {"Dr.": "Doctor", "St.": "Saint"}  #: before a name; after one they are a drive, a street
_UNITS = {
    "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "Hz": "hertz", "kB": "kilobyte",
    "KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "km/h":
    "kilometer per hour", "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "m": "meter",
    "kg": "kilogram", "g": "gram", "dB": "decibel", "ms": "millisecond", "min": "minute",
    "s": "second", "h": "hour", "mph": "mile per hour", "°C": "degree Celsius",
    "°F": "degree Fahrenheit",
}  # fmt: skip
_MONEY = {"$": "dollar cent cents", "€": "euro cent cents", "£": "pound penny pence"}
_MONTHS = frozenset(
    "January February March April May June July August September October November December".split()
)
#: after "$5" or "5 km" these do not begin the thing described: "a 5 km run" has no plural
_FUNCTION_WORDS = frozenset(
    "a about above after again ago all also although among an and any are as at away back be "
    "because been before behind below between but by can could did do does down during each else "
    "every for from had has have he her here him his how i if in into is it its just like may me "
    "might my near nor not now of off on once only or our out over per plus should since so still "
    "than that the their them then there they this those though through till to today together "
    "too toward under until up us versus was we were what when where whether which while who why "
    "will with within without would yesterday yet you your".split()
)
#: four digits between one of these and one of those are a year
_BEFORE_YEARS = {"in", "since", "during", "year"}
_AFTER_YEARS = frozenset(
    "a an as at because but by for from has he her his i in is it its my on our she that the "
    "their they this was we when with".split()
)
_AFTER_DAYS = frozenset("at he i is it she the they was we when".split())
_BEFORE_TIMES = frozenset(
    "about after around at before by from is it's past since till to until was".split()
)
_BEFORE_RANGES = {"pages", "chapters", "lines", "ages", "aged", "verses", "sections", "rows"}
_AFTER_RANGES = frozenset(
    "seconds minutes hours days weeks months years times people words sentences clips percent "
    "miles meters kilometers points pages".split()
)
#: what follows is often read digit by digit
_BEFORE_CODES = frozenset(
    "agent area boeing bus call channel code conference dial dialed extension ext flight highway "
    "id interstate line mailbox model number password pin postcode press route room suite "
    "zip".split()
)
_WHOLE = r"(?:[1-9]\d{0,2}(?:,\d{3}){1,4}|0|[1-9]\d{0,14})"
_NUMBER = rf"(?:{_WHOLE}(?:\.\d+)?|\.\d+)"
_UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_LEFT = r"(?<![^\s(\[\"'])(?<!\w['\"])"  # nothing is written close to it; not the 10 of 5'10"
_RIGHT = r"(?=[)\]\"'.,;:!?]*(?:\s|$))"
#: after a number these are units too, and are not written out
_OTHER_UNITS = re.compile(
    r"[^aeiouyAEIOUY\W]{1,4}|oz|mi|sec|secs|mins|kbit|Mbit|ml|cl|dl|l|bn|A|.*/.*|[%°$€£&].*"
)
InWords = Callable[..., str]


def read(text: str, in_words: InWords) -> str:
    """Write out what can be read in one way only.

    Parameters
    ----------
    text : str
        With single spaces between words, plain quotes and hyphens.
    in_words : callable
        :func:`lab_utils.corpus.spelling.in_words`.

    Examples
    --------
    >>> from lab_utils.corpus.spelling import in_words
    >>> read("On May 3rd, 1984, at 7:30, it cost $5.50.", in_words)
    'On May third, nineteen eighty-four, at seven thirty, it cost five dollars and fifty cents.'
    >>> read("1984 won 3-4.", in_words)
    '1984 won 3-4.'
    """
    for pattern, reader in _READERS:
        found = list(pattern.finditer(text))
        said = [reader(match, in_words) for match in found]
        if reader is _time and any(said) and not all(said):  # one of them is certain: so are all
            said = [_clock(match, in_words) for match in found]
        for match, words in reversed(list(zip(found, said, strict=True))):
            if words is not None:
                text = text[: match.start()] + words + text[match.end() :]
    return re.sub(_ABBREVIATION, _abbreviation, text)


def unclear(text: str) -> list[str]:
    """The abbreviations with two readings that :func:`read` left: "Main St."."""
    return [word for word in text.split() if word.rstrip(",;:!?)\"'") in _TITLES]


# ---- what is beside a number


def _before(match: re.Match[str]) -> str:
    """The word before, with a comma if there is one; empty where another sign is between."""
    found = re.search(r"([\w'.]+,?) $", match.string[: match.start()])
    return found[1] if found else ""


def _after(match: re.Match[str]) -> str:
    """The next word; empty where a sign is between, or nothing follows."""
    found = re.match(r" ([\w'&%°$€£/]+)", match.string[match.end() :])
    return found[1] if found else ""


def _stands_alone(match: re.Match[str]) -> bool:
    """Whether nothing follows that the amount may describe."""
    return not _after(match) or _after(match).lower() in _FUNCTION_WORDS


def _beside_digits(match: re.Match[str]) -> bool:
    """Whether only spaces and brackets are between this number and another: "555 1234"."""
    left, right = match.string[: match.start()], match.string[match.end() :]
    return bool(re.search(r"\d[) ]+\(?$", left) or re.match(r"[) ]+[(+]?\d", right))


def _is_unit(word: str) -> bool:
    return word in _UNITS or bool(_OTHER_UNITS.fullmatch(word))


# ---- the readers: words, or None where it is not certain


def _amount(digits: str, in_words: InWords) -> str:
    whole, _, decimals = digits.replace(",", "").partition(".")
    words = in_words(whole or "0")
    return f"{words} point {' '.join(map(in_words, decimals))}" if decimals else words


def _large_money(match: re.Match[str], in_words: InWords) -> str | None:
    if not _stands_alone(match):
        return None  # "a $3 million deal"
    return f"{_amount(match[2], in_words)} {match[3]} {_MONEY[match[1]].split()[0]}s"


def _money(match: re.Match[str], in_words: InWords) -> str | None:
    if not _stands_alone(match) or _after(match) in ("k", "K", "M"):
        return None
    unit, cent, cents = _MONEY[match[1]].split()
    parts = []
    if match[2] != "0" or not int(match[3] or 0):
        parts.append(f"{_amount(match[2], in_words)} {unit}{'s' * (match[2] != '1')}")
    if small := int(match[3] or 0):
        parts.append(f"{in_words(str(small))} {cent if small == 1 else cents}")
    return " and ".join(parts)


def _measure(match: re.Match[str], in_words: InWords) -> str | None:
    minus, first, last, unit = match.groups()
    if last and (minus or float(first.replace(",", "")) >= float(last.replace(",", ""))):
        return None
    if unit in ("m", "g", "s", "h") and match[0][-2] != " ":
        return None  # "20s", "5m", "4h" may be something else
    number = f"{'minus ' if minus else ''}{_amount(first, in_words)}"
    if last:
        number += f" to {_amount(last, in_words)}"
    if unit == "%":
        return f"{number} percent"
    name = _UNITS[unit]
    if name.endswith("hertz"):
        return f"{number} {name}"
    if not _stands_alone(match):
        return None  # "a 5 km run"
    if not last and first == "1":
        return f"{number} {name}"
    head, *rest = name.split(" ", 1)
    return " ".join([number, f"{head}s", *rest])


def _ordinal(match: re.Match[str], in_words: InWords) -> str | None:
    n = int(match[1].replace(",", ""))
    ending = "th" if n // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return in_words(str(n), to="ordinal") if match[2] == ending else None


def _decade(match: re.Match[str], in_words: InWords) -> str | None:
    century, tens = match.groups()
    if not century and (tens in ("00", "10") or _before(match).lower() not in _BEFORE_DECADES):
        return None  # "30s" may be half a minute
    words = in_words(century + tens, to="year") if century else in_words(tens)
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def _time(match: re.Match[str], in_words: InWords) -> str | None:
    certain = _before(match).lower() in _BEFORE_TIMES and _after(match) not in _AFTER_RANGES
    return _clock(match, in_words) if match[3] or certain else None


def _clock(match: re.Match[str], in_words: InWords) -> str | None:
    hours, minutes, half = int(match[1]), int(match[2] or 0), match[3]
    if hours > (12 if half or not minutes else 23) or hours == 0:
        return None
    words = in_words(str(hours))
    if minutes:
        words += f"{' oh' if minutes < 10 else ''} {in_words(str(minutes))}"
    if half:
        return f"{words} {half.strip()[0].lower()}.m."
    return words if minutes or _after(match) == "o'clock" else f"{words} o'clock"


def _range(match: re.Match[str], in_words: InWords) -> str | None:
    first, last = (int(part.replace(",", "")) for part in match.groups())
    certain = _after(match) in _AFTER_RANGES or _before(match).lower() in _BEFORE_RANGES
    if not certain or first >= last or max(len(part) for part in match.groups()) == 4:
        return None
    return f"{in_words(str(first))} to {in_words(str(last))}"


def _compound(match: re.Match[str], in_words: InWords) -> str | None:
    """ "16-bit", "5-year-old"; a longer number may be a year or a name."""
    certain = len(match[1]) < 3 or (len(match[1]) == 3 and match[1].endswith("00"))
    return _amount(match[1], in_words) + match[2] if certain else None


def _decimal(match: re.Match[str], in_words: InWords) -> str | None:
    before, decimals = _before(match), match[2].partition(".")[2]
    version = before[:1].isupper() and before.lower() not in _FUNCTION_WORDS
    version = version or before.lower() in ("version", "release", "v")
    if _beside_digits(match) or _is_unit(_after(match)) or (len(decimals) > 1 and version):
        return None  # "Python 3.12" is read "three point twelve"
    if decimals == "000":
        return None  # elsewhere "3.000" is three thousand
    return f"{'minus ' if match[1] else ''}{_amount(match[2], in_words)}"


def _whole(match: re.Match[str], in_words: InWords) -> str | None:
    before, after = _before(match), _after(match)
    if _beside_digits(match) or before.endswith(".") or before in ("No", "Nos") or _is_unit(after):
        return None
    digits = match[2].replace(",", "")
    words, year = in_words(digits), in_words(digits, to="year")
    minus = "minus " if match[1] else ""
    if "," in match[2]:
        return minus + words
    if before in _MONTHS and len(digits) < 3:
        day = (not after or after.lower() in _AFTER_DAYS) and 1 <= int(digits) <= 31
        return in_words(digits, to="ordinal") if day else None  # not "in May 3 of us came"
    if after in _MONTHS:
        return None  # "3 May": the third of May, or May third
    if len(digits) < 3:
        return minus + words
    if before.lower() in _BEFORE_CODES:
        return None
    if len(digits) == 4 and int(digits) < 2100 and words != year:
        return year if not minus and _is_year(match) else None
    if int(digits) % 100 == 0 or (len(digits) == 4 and words == year):
        return minus + words
    if before[:1].isupper() and before.lower() not in _FUNCTION_WORDS:
        return None  # "Boeing 747"
    counted = after.islower() and after not in _FUNCTION_WORDS
    return minus + words if len(digits) == 3 or counted else None


def _is_year(match: re.Match[str]) -> bool:
    """ "in 1961 he", "May 3rd, 1961."; not "in 1961 cases" or "in 1500 and 1600 cases"."""
    left, after = match.string[: match.start()], _after(match).lower()
    if (after and after not in _AFTER_YEARS) or re.match(r"\W+\d", match.string[match.end() :]):
        return False
    if _before(match).lower() in _BEFORE_YEARS:
        return True
    return any(re.search(rf"\b{month}(?: \S+,)? $", left) for month in _MONTHS)


_BEFORE_DECADES = {"the", "early", "late", "mid", "his", "her", "their", "my", "your", "our"}
_READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], InWords], str | None]], ...] = (
    tuple(
        (re.compile(f"{_LEFT}{pattern}{_RIGHT}"), reader)
        for pattern, reader in (
            (rf"([$€£])({_NUMBER}) (thousand|million|billion|trillion)", _large_money),
            (rf"([$€£])({_WHOLE})(?:\.(\d\d))?", _money),
            (rf"([-−]?)({_NUMBER})(?:-({_NUMBER}))? ?(%|{_UNIT})", _measure),
            (rf"({_WHOLE})(st|nd|rd|th)", _ordinal),
            (r"((?:1[1-9]|20)?)(\d0)s", _decade),
            (r"(\d{1,2})(?::([0-5]\d))?( ?[AaPp]\.?[Mm]\b\.?)", _time),
            (r"(\d{1,2}):([0-5]\d)()", _time),
            (rf"({_WHOLE})-({_WHOLE})", _range),
            (rf"({_WHOLE})((?:-[a-z]+)+)", _compound),
            (r"([-−]?)(\d*\.\d+)", _decimal),
            (rf"([-−]?)({_WHOLE})", _whole),
        )
    )
)
_ABBREVIATION = re.compile(
    rf"(?<![\w.])(?:{'|'.join(map(re.escape, [*_ABBREVIATIONS, *_TITLES]))})(?!\w)"
    r"|(?<![\d&])&(?![\d&])|(?<= )[+=@](?= )"
)


def _abbreviation(match: re.Match[str]) -> str:
    found = match[0]
    if found in _TITLES:
        last = re.search(r"([\w']+) $", match.string[: match.start()])
        street = last and last[1][0].isupper() and last[1].lower() not in _FUNCTION_WORDS
        return found if street or not _after(match)[:1].isupper() else _TITLES[found]
    if found in _ABBREVIATIONS:
        return _ABBREVIATIONS[found]
    left, right = match.string[: match.start()], match.string[match.end() :]
    before = "" if not left or left[-1] == " " else " "
    return before + _SIGNS[found] + ("" if not right or right[0] == " " else " ")
