"""Text as it is spoken: numbers in words, by num2words; in English also money, times and units.

A voice model reads letters. "16 GB" has no letters for "sixteen gigabytes", so the third column
of an LJSpeech table holds the text written out. Only what can be read in one way is: in many
languages the word for a number depends on what is counted ("21 casas" is "veintiuna"), and in some
on the whole sentence. The rest stays as it is written, and the rule ``characters`` finds it.
"""

from __future__ import annotations

import re
import unicodedata

from .. import languages
from . import alphabets, english

MOST_DIGITS = 15  #: num2words gives nothing, or fails, for longer ones in some languages
#: what num2words raises for a language or a number that it does not know, and by its own mistakes
_FAILURES = (
    NotImplementedError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError,
)  # fmt: skip
_ONES = frozenset({1, *range(21, 100, 10)})
_TWOS = frozenset({2, *range(22, 100, 10)})
#: code → last two digits whose word depends on what is counted, or on the country. Languages that
#: are not here have cases, several series of numbers or two words for one, or num2words does not
#: know them
_DEPENDS: dict[str, frozenset[int]] = {
    "az": frozenset(), "ca": _ONES | _TWOS, "da": frozenset({1}), "de": frozenset({1}),
    "es": _ONES, "fr": _ONES - {71, 91}, "id": frozenset(), "it": _ONES, "ja": frozenset(),
    "nl": frozenset(), "pt": _ONES | _TWOS | {16, 17, 19}, "ro": _ONES | _TWOS | {12},
    "sv": _ONES, "th": frozenset(), "tr": frozenset(), "vi": frozenset(),
}  # fmt: skip
_HUNDREDS_DEPEND = {"ca", "es", "pt"}  #: "doscientas casas"
#: converter → digits that num2words 0.5.14 spells wrong, or in one of several ways (compared with
#: the number words of Unicode's Common Locale Data Repository)
_WRONG = {
    "da": r"\d*6\d|1\d\d|\d{4,}", "fr_BE": r"\d*[79]1|\d*8\d|[2-9]\d\d|\d{4,}",
    "fr_CH": r"\d*[79]1|[2-9]\d\d|\d{4,}", "it": r"\d+(?:18|[02-9]3)(?:\d{3})?|\d*[02-9]1\d{3}",
    "pt_BR": r"\d{4,}", "ro": r"\d{4,}", "sv": r"\d*4\d|\d{4,}", "th": r"\d+01",
    "vi": r"[2-9]4|\d{3,}",
}  # fmt: skip
MOST = 999_999  #: in the other languages: "un million *de* clips"
#: where "5." or "5 maj" is "fifth"
_DOT_IS_ORDINAL = {"az", "da", "de", "sv", "tr"}
_MONTH = re.compile(
    r"(?:januari?|jänner|februari?|märz|mars|marts|april|mai|maj|juni|juli|augusti?|september"
    r"|oktober|november|de[czs]ember)\b",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"(?:[kcdm]?m|[km]?g|[kMG]?Hz|[kKMGT]B|dB|[cdm]?l|m?s|h|min|km/h|[kMx]|[A-Z]{3}|\W\S*)(?!\w)"
)
_NUMBER = re.compile(r"(?<!\S)([(\"'¿¡]*)(\d+)(?=([)\"'.,;:!?]*)(?:\s|$))")
_PLAIN = str.maketrans("‘’‚‛‹›“”„‟«»–—‐‑", 6 * "'" + 6 * '"' + 4 * "-")
_ROMAN = re.compile(
    r"(?<=[a-z] )V(?![\w'])|"  # "Henry V"
    r"(?<![\w'])(?=[IVX]{2}|[MDCLXVI]{4})M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})"
    r"(?:IX|IV|V?I{0,3})(?![\w'])"
)


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

    if len(digits) > MOST_DIGITS or (int(digits[0]) == 0 and len(digits) > 1):
        return digits
    try:
        words = num2words.num2words(int(digits), lang=language, to=to)
    except _FAILURES:
        return digits
    if language == "en":  # as in America
        words = words.replace(" and ", " ").replace(",", "")
    return words


def spoken(text: str, *, language: str = "en") -> str:
    """Write a text out as it is read aloud, where that is certain.

    Parameters
    ----------
    text : str
    language : str
        A code or a name, such as ``"en-US"`` or ``"English"``; empty counts as English. In another
        language only whole numbers are written out.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb.

    Examples
    --------
    >>> spoken("Whisper hears 30 s at 16 kHz.")
    'Whisper hears thirty seconds at sixteen kilohertz.'
    >>> spoken("Es waren 21 Kinder, 3,5 km und 16 kHz.", language="de")
    'Es waren einundzwanzig Kinder, 3,5 km und 16 kHz.'
    >>> spoken("Marque 1 o 2.", language="es"), spoken("Нажмите 2.", language="ru")
    ('Marque 1 o dos.', 'Нажмите 2.')
    """
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r"«\s+|\s+»", lambda quote: quote[0].strip(), text)  # as in French
    text = " ".join(text.translate(_PLAIN).replace("…", "...").split())
    code = languages.known_code(language, default="en")
    if code == "en":
        return english.read(text, in_words)
    if code not in _DEPENDS:
        return text
    return _NUMBER.sub(lambda match: match[1] + _number(match, code, language), text)


def _number(match: re.Match[str], code: str, language: str) -> str:
    """A whole number of another language in words; as it is written where that is not certain."""
    digits, closing = match[2], match[3]
    before, after = match.string[: match.start()], match.string[match.end() :]
    if re.search(r"\d\.? $", before) or re.match(r"\.? [(]?\d", after):
        return digits  # "06 12", "20 000", "3. 5."
    if len(digits) > len(str(MOST)) or (int(digits[0]) == 0 and len(digits) > 1):
        return digits
    following = after[1:] if after[:1] == " " else ""
    ordinal = closing.startswith(".") or _MONTH.match(following)
    if _UNIT.match(following) or (ordinal and code in _DOT_IS_ORDINAL):
        return digits
    name, by_country = _converter(code, language)
    wrong = re.fullmatch(_WRONG.get(name, ""), digits)
    if wrong or _depends(int(digits), code, by_country=by_country):
        return digits
    words, year = (in_words(digits, language=name, to=to) for to in ("cardinal", "year"))
    if 1100 <= int(digits) <= 2099:
        return words if words == year else digits
    named = before.split(" ")[-2:][0][:1].isupper()  # "Boeing 747", "Zimmer 101"
    certain = len(digits) < 3 or int(digits) % 100 == 0 or (int(digits) < 1100 and not named)
    return words if certain else digits


def _converter(code: str, language: str) -> tuple[str, bool]:
    """The name of a language in num2words (``pt_BR``), and whether a country was named."""
    import num2words

    country = re.fullmatch(r"[A-Za-z]{2}[-_]([A-Za-z]{2})", language.strip())
    name = f"{code}_{country[1].upper()}" if country else code
    return (name if name in num2words.CONVERTER_CLASSES else code), country is not None


def _depends(n: int, code: str, *, by_country: bool) -> bool:
    """Whether a number's word depends on something that is not in the number."""
    endings = _DEPENDS[code] - ({16, 17, 19} if by_country else set())
    if n > MOST or n % 100 in endings:
        return True
    if code not in _HUNDREDS_DEPEND:
        return False
    thousands = n // 1000
    return n % 1000 >= 200 or thousands >= 200 or (thousands > 1 and thousands % 100 in endings)


def unread(text: str, *, language: str = "en") -> list[str]:
    """What :func:`spoken` left to a person: words with digits in them, Roman numerals, "Main St.".

    Examples
    --------
    >>> unread(spoken("Henry VIII had 6 wives, 2 or 3-4 at a time."))
    ['VIII', '3-4']
    """
    code = languages.known_code(language, default="en")
    found = re.findall(r"\S*\d\S*", text)
    if alphabets.is_written("X", code):
        found = [*_ROMAN.findall(text), *found]
    if code == "en":
        found += english.unclear(text)
    return [word.strip(" !\"'(),.:;?") for word in found]
