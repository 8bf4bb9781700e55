"""Text as it is spoken: numbers in words, by num2words; in English also money, times and units.

A voice model reads letters. "16 GB" has no letters for "sixteen gigabytes", so the third column
of an LJSpeech table holds the text written out. What is not known stays as it is written, and the
rule ``characters`` finds it.
"""

from __future__ import annotations

import re
import unicodedata

from ..errors import OptionError
from ..languages import language_code
from ..metrics import normalizer_of

_WORDS = {
    "Mr.": "Mister", "Mrs.": "Missus", "Dr.": "Doctor", "St.": "Saint", "Prof.": "Professor",
    "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus",
    "&": "and", "%": "percent", "+": "plus", "=": "equals", "@": "at",
    "kHz": "kilohertz", "Hz": "hertz", "GB": "gigabytes", "MB": "megabytes", "kB": "kilobytes",
    "km": "kilometers", "cm": "centimeters", "mm": "millimeters", "kg": "kilograms",
    "dB": "decibels", "ms": "milliseconds",
}  # fmt: skip
MOST_DIGITS = 15  #: num2words gives nothing, or fails, for longer ones in some languages
BROKEN = {"am"}  #: num2words 0.5.14 does not come back from nine digits of Amharic
#: what num2words raises for a language or a number that it does not know, and by its own mistakes
_FAILURES = (
    NotImplementedError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError,
)  # fmt: skip
_UNIT = r"(?:%|kHz|Hz|GB|MB|kB|km|cm|mm|kg|dB|ms)"
_YEAR_ALONE = rf"(?<![\w.])(?:1[1-9]|20)\d\d(?!\d|\s*{_UNIT})"
#: a number that no sign, letter or unit makes anything else than a number
_NUMBER_ALONE = rf"(?<!\S)\d+(?=[,;:!?]?(?:\s|$)|\.$)(?!\s*{_UNIT})"
_MONEY = {"$": ("dollar", "dollars"), "€": ("euro", "euros"), "£": ("pound", "pounds")}
_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})


def in_words(digits: str, *, language: str = "en", to: str = "cardinal") -> str:
    """A whole number in words; the digits themselves where num2words does not know them.

    With a zero in front they are no number ("007"). ``to`` may also be "ordinal" or "year".

    Examples
    --------
    >>> in_words("1984"), in_words("1984", to="year"), in_words("22", to="ordinal")
    ('one thousand nine hundred eighty-four', 'nineteen eighty-four', 'twenty-second')
    >>> in_words("21", language="de"), in_words("21", language="sq")
    ('einundzwanzig', '21')
    """
    import num2words

    if len(digits) > MOST_DIGITS or (digits.startswith("0") and digits != "0"):
        return digits
    try:
        words = num2words.num2words(int(digits), lang=language, to=to)
    except _FAILURES:
        return digits
    if language == "en":  # as in America
        words = words.replace(" and ", " ").replace(",", "")
    return words


def spoken(text: str, *, language: str = "en") -> str:
    """Write a text out as it is read aloud.

    Parameters
    ----------
    text : str
    language : str
        A code or a name, such as ``"en-US"`` or ``"English"``; empty counts as English. In another
        language only whole numbers are written out, and no number that is read otherwise as a year.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb.

    Examples
    --------
    >>> spoken("Whisper hears 30 s at 16 kHz.")
    'Whisper hears thirty s at sixteen kilohertz.'
    >>> spoken("It cost $5.50 on May 3rd, 1984.")
    'It cost five dollars fifty on May third, nineteen eighty-four.'
    >>> spoken("Es waren 21 Kinder, 3,5 km und 16 kHz.", language="de")
    'Es waren einundzwanzig Kinder, 3,5 km und 16 kHz.'
    """
    text = unicodedata.normalize("NFC", text).translate(_PLAIN)
    if normalizer_of(language) == "english":
        return _english(text)
    text = " ".join(text.split())
    try:
        code = language_code(language)
    except OptionError:
        return text
    if code in BROKEN:
        return text

    def number(match: re.Match[str]) -> str:
        words, year = (in_words(match[0], language=code, to=to) for to in ("cardinal", "year"))
        return match[0] if words != year and re.fullmatch(_YEAR_ALONE, match[0]) else words

    return re.sub(_NUMBER_ALONE, number, text)


def _english(text: str) -> str:
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r"(?<!\w)[-−](?=\d)", "minus ", text)
    text = re.sub(r"([$€£])(\d+)(?:\.(\d\d))?\b", _money, text)
    text = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b", lambda m: in_words(m[1], to="ordinal"), text)
    text = re.sub(r"\b(\d{1,2}):(\d\d)\b", _time, text)
    text = re.sub(r"(\d+)\.(\d+)", _decimal, text)
    text = re.sub(_YEAR_ALONE, lambda m: in_words(m[0], to="year"), text)
    text = re.sub(r"\d+", lambda m: f" {in_words(m[0])} ", text)
    for short, long in _WORDS.items():
        if short[0].isalpha():  # "St." but not the end of "best."
            text = re.sub(rf"(?<!\w){re.escape(short)}(?!\w)", long, text)
        else:
            text = text.replace(short, f" {long} ")
    text = re.sub(r"\s+([,.;:!?)])", r"\1", " ".join(text.split()))
    return re.sub(r"\(\s+", "(", text)


def _money(match: re.Match[str]) -> str:
    one, many = _MONEY[match[1]]
    amount = f"{in_words(match[2])} {one if match[2] == '1' else many}"
    cents = int(match[3] or 0)
    return f"{amount} {in_words(str(cents))}" if cents else amount


def _time(match: re.Match[str]) -> str:
    hours, minutes = (int(digits) for digits in match.groups())
    if minutes == 0:
        return f"{in_words(str(hours))} o'clock"
    return f"{in_words(str(hours))} {'oh ' if minutes < 10 else ''}{in_words(str(minutes))}"


def _decimal(match: re.Match[str]) -> str:
    return f"{in_words(match[1])} point {' '.join(map(in_words, match[2]))}"
