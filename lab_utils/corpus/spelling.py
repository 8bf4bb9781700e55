"""English text as it is spoken: numbers, money, times and abbreviations in words.

A voice model reads letters. "16 GB" has no letters for "sixteen gigabytes", so the third column
of an LJSpeech table holds the text written out.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import re
import unicodedata

from ..metrics import normalizer_of

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = (
    (10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"),
    (100, "hundred"),
)  # fmt: skip
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
_WORDS = {
    "Mr.": "Mister", "Mrs.": "Missus", "Dr.": "Doctor", "St.": "Saint", "Prof.": "Professor",
    "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus",
    "&": "and", "%": "percent", "+": "plus", "=": "equals", "@": "at",
    "kHz": "kilohertz", "Hz": "hertz", "GB": "gigabytes", "MB": "megabytes", "kB": "kilobytes",
    "km": "kilometers", "cm": "centimeters", "mm": "millimeters", "kg": "kilograms",
    "dB": "decibels", "ms": "milliseconds",
}  # fmt: skip
_UNITS = ("%", "kHz", "Hz", "GB", "MB", "kB", "km", "cm", "mm", "kg", "dB", "ms")
_YEAR_ALONE = rf"(?<![\w.])(?:1[1-9]|20)\d\d(?!\d|\s*(?:{'|'.join(_UNITS)}))"
_MONEY = {"$": ("dollar", "dollars"), "€": ("euro", "euros"), "£": ("pound", "pounds")}
_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})


def number(n: int) -> str:
    """A whole number below 10**15 in words: 1984 is "one thousand nine hundred eighty-four"."""
    if n < 0:
        return "minus " + number(-n)
    if n >= 10**15:
        return " ".join(_SMALL[int(d)] for d in str(n))
    if n < 20:
        return _SMALL[n]
    if n < 100:
        return _TENS[n // 10] + (f"-{_SMALL[n % 10]}" if n % 10 else "")
    for value, name in _SCALES:
        if n >= value:
            rest = f" {number(n % value)}" if n % value else ""
            return f"{number(n // value)} {name}{rest}"
    raise AssertionError(n)  # every n from 100 is above the smallest scale


def ordinal(n: int) -> str:
    """The ordinal in words: 21 is "twenty-first"."""
    words = number(n)
    head, mark, last = words.rpartition("-") if "-" in words.split()[-1] else words.rpartition(" ")
    if last in _ORDINALS:
        last = _ORDINALS[last]
    else:
        last = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return head + mark + last


def year(n: int) -> str:
    """A year as it is said: 1984 is "nineteen eighty-four"; also used for four digits alone."""
    if 1100 <= n <= 1999 and n % 100:
        rest = number(n % 100) if n % 100 >= 10 else f"oh {_SMALL[n % 100]}"
        return f"{number(n // 100)} {rest}"
    if 2010 <= n <= 2099:
        return f"twenty {number(n % 100)}"
    return number(n)


def spoken(text: str, *, language: str = "en") -> str:
    """Write an English text out as it is read aloud; another language's is only set in plain signs.

    Parameters
    ----------
    text : str
    language : str
        A code or a name, such as ``"en-US"`` or ``"English"``; empty counts as English. A number
        in another language stays a number, and the rule ``characters`` then finds it.

    Examples
    --------
    >>> spoken("Whisper hears 30 s at 16 kHz.")
    'Whisper hears thirty s at sixteen kilohertz.'
    >>> spoken("It cost $5.50 on May 3rd, 1984.")
    'It cost five dollars fifty on May third, nineteen eighty-four.'
    """
    text = unicodedata.normalize("NFC", text).translate(_PLAIN)
    if normalizer_of(language) != "english":
        return " ".join(text.split())
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r"(?<!\w)[-−](?=\d)", "minus ", text)
    text = re.sub(r"([$€£])(\d+)(?:\.(\d\d))?\b", _money, text)
    text = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b", lambda m: ordinal(int(m[1])), text)
    text = re.sub(r"\b(\d{1,2}):(\d\d)\b", _time, text)
    text = re.sub(r"(\d+)\.(\d+)", _decimal, text)
    text = re.sub(_YEAR_ALONE, _year, text)
    text = re.sub(r"\d+", lambda m: f" {number(int(m[0]))} ", text)
    for short, long in _WORDS.items():
        if short[0].isalpha():  # "St." but not the end of "best."
            text = re.sub(rf"(?<!\w){re.escape(short)}(?!\w)", long, text)
        else:
            text = text.replace(short, f" {long} ")
    text = re.sub(r"\s+([,.;:!?)])", r"\1", " ".join(text.split()))
    return re.sub(r"\(\s+", "(", text)


def _money(match: re.Match) -> str:
    one, many = _MONEY[match[1]]
    whole, cents = int(match[2]), int(match[3] or 0)
    amount = f"{number(whole)} {one if whole == 1 else many}"
    return f"{amount} {number(cents)}" if cents else amount


def _time(match: re.Match) -> str:
    hours, minutes = int(match[1]), int(match[2])
    if minutes == 0:
        return f"{number(hours)} o'clock"
    return f"{number(hours)} {'oh ' if minutes < 10 else ''}{number(minutes)}"


def _decimal(match: re.Match) -> str:
    digits = " ".join(_SMALL[int(d)] for d in match[2])
    return f"{number(int(match[1]))} point {digits}"


def _year(match: re.Match) -> str:
    return year(int(match[0]))
