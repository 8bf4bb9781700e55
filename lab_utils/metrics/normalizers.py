"""Rewrite texts so that only the differences that matter are left, as their language asks."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable

from ..errors import MetricsError, did_you_mean
from ..languages import OTHER_CODES

NORMALIZERS = ("english", "basic", "none")
WITHOUT_SPACES = frozenset("zh yue wuu nan hak gan ja th lo my km bo dz dzo".split())
#: signs that keyboards and publishers write in several ways
SAME = str.maketrans("’‘ʼʻ‐‑–", "''''---")
PLANE = 0xF0000  #: the private area where letters hide from the English normalizer


def unit_of(language: str | None) -> str:
    """What an error rate counts in a language: ``"word"``, or ``"character"`` without spaces.

    Parameters
    ----------
    language : str or None
        A code (``zh``, ``zh-TW``, ``cmn``) or an English name; None counts words.

    Raises
    ------
    MetricsError
        Not a language.

    Notes
    -----
    Taught in: notebooks/09_evaluate.ipynb. The list is that of the Whisper paper (2022, section
    4.4), with other Chinese languages, Khmer, Tibetan and Dzongkha.
    """
    return "character" if _code(language) in WITHOUT_SPACES else "word"


def normalizer_of(language: str | None) -> str:
    """The normalizer of a language: ``english`` for English and for None, else ``basic``."""
    return "english" if _code(language) in (None, "en") else "basic"


def normalize(text: str, *, normalizer: str | None = None, language: str | None = None) -> str:
    """Rewrite a text so that only differences that matter are left.

    Parameters
    ----------
    text : str
    normalizer : {"english", "basic", "none"}, optional
        ``english``: whisper's own, for English (case, punctuation, "colour"/"color", "twenty"/"20",
        "won't"/"will not"; drops "um", accents and remarks in brackets). ``basic``: case and
        punctuation only, in any language. ``none``: white space only. Default: as
        :func:`normalizer_of` says.
    language : str, optional
        Its code, such as ``hi``.

    Raises
    ------
    MetricsError
        Not a text or a language, an unknown normalizer, or ``english`` for another language.

    Notes
    -----
    Whisper's ``basic`` also drops vowel signs and whatever is in brackets; this one does not.
    Characters that nobody sees or hears (soft hyphens, marks of direction) never count.

    Examples
    --------
    >>> normalize("Mr. Smith won't pay twenty pounds, um, today!")
    'mister smith will not pay £20 today'
    >>> normalize("Hello [noise], (laughs) World!", normalizer="basic")
    'hello noise laughs world'
    """
    normalizer = check_normalizer(normalizer, language)
    if not isinstance(text, str):
        raise MetricsError(
            f"Expected a text to score, found {type(text).__name__}. "
            "For a Transcript pass its .text; for many clips use metrics.score."
        )
    if normalizer != "none":
        text = unicodedata.normalize("NFC", seen(text))
        if _code(language) in ("tr", "az"):
            text = text.replace("İ", "i").replace("I", "ı")
        text = _english(text) if normalizer == "english" else _basic(text)
    return " ".join(text.split())


def seen(text: str) -> str:
    """The text without invisible characters, with one form of each apostrophe and hyphen."""
    return "".join(c for c in text.translate(SAME) if not _is_invisible(c))


@functools.lru_cache(maxsize=4096)
def _is_invisible(c: str) -> bool:
    return unicodedata.category(c) == "Cf" or "VARIATION SELECTOR" in unicodedata.name(c, "")


def check_normalizer(normalizer: str | None, language: str | None) -> str:
    """The normalizer to use; refuses an unknown one, and ``english`` for another language."""
    if normalizer is None:
        return normalizer_of(language)
    if normalizer not in NORMALIZERS:
        raise MetricsError(f"Expected a normalizer out of {NORMALIZERS}, found {normalizer!r}.")
    if normalizer == "english" and normalizer_of(language) != "english":
        raise MetricsError(
            f"Expected the English normalizer for English only, found language {language!r}. "
            "Use 'basic', or leave normalizer out."
        )
    return normalizer


def _code(language: str | None) -> str | None:
    """``zh`` for ``zh``, ``zh-TW``, ``ZH``, ``cmn`` and ``Chinese``."""
    if language is None or language == "":
        return None
    from whisper.tokenizer import TO_LANGUAGE_CODE

    name = language.strip().lower() if isinstance(language, str) else ""
    code = TO_LANGUAGE_CODE.get(name) or re.split("[-_]", name)[0]
    if not re.fullmatch("[a-z]{2,3}", code):
        hint = did_you_mean(name.title(), [known.title() for known in TO_LANGUAGE_CODE])
        raise MetricsError(
            "Expected the code or the English name of a language, such as 'de' or 'German', "
            f"found {language!r}.{hint}"
        )
    return OTHER_CODES.get(code, code)


def _basic(text: str) -> str:
    """Lower case; signs become spaces, marks stay with their letter."""
    kept = ""
    for c in unicodedata.normalize("NFKC", text).lower():
        kind = unicodedata.category(c)
        if kind in ("Mn", "Mc"):
            kept += c if kept and is_letter(kept[-1]) else " "
        else:
            kept += " " if kind[0] in "MSP" else c
    return kept


def is_letter(c: str) -> bool:
    """Whether a character is a letter, a digit or a mark on one of them."""
    return unicodedata.category(c)[0] in "LMN"


def _english(text: str) -> str:
    """Whisper's normalizer; it would damage the letters of other scripts, so they are hidden."""
    hidden = "".join(map(_hidden, text))
    shown = _whispers()(hidden)
    return "".join(chr(ord(c) - PLANE) if ord(c) >= PLANE else c for c in shown)


@functools.cache
def _whispers() -> Callable[[str], str]:
    from whisper.normalizers import EnglishTextNormalizer

    return EnglishTextNormalizer()


@functools.lru_cache(maxsize=4096)
def _hidden(c: str) -> str:
    """A letter or mark of another script as a private character, which nothing rewrites."""
    kind = unicodedata.category(c)
    name = unicodedata.name(c, "LATIN")  # characters without a name stay as they are
    ours = name.startswith(("LATIN", "COMBINING", "FULLWIDTH LATIN", "VARIATION", "MODIFIER"))
    if ours or kind not in ("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc") or ord(c) >= 0x20000:
        return c
    return "".join(chr(ord(x) + PLANE) for x in c.lower())
