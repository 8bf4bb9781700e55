"""Names and other terms that must be spelled exactly."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from ..errors import MetricsError
from .normalizers import is_letter, seen

#: scripts in which a name touches the next word; in Korean the particle that follows it
TOUCHING = (
    "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN",
)  # fmt: skip
_POINT = re.compile(r"\d[.,]\d")  #: inside a number: "GPT-4" is not in "GPT-4.5"


def terms_right(
    references: Iterable[str], hypotheses: Iterable[str], terms: Iterable[str]
) -> tuple[int, int]:
    """How many of the terms that were said are written, spelled exactly; case does not matter.

    Parameters
    ----------
    references, hypotheses : iterable of str
        What was said and what was written.
    terms : iterable of str
        One word or several, in any script, with any signs: ``New York``, ``C++``, ``東京``.
        Where one contains another, the longer one counts.

    Returns
    -------
    right, said : int
        A term written more often in a clip than it was said there is counted as often as said.

    Raises
    ------
    MetricsError
        A single text in place of a list, something that is no text, an empty term, or lists of
        different length.

    Examples
    --------
    >>> terms_right(["New York or Kaelith?"], ["New York or Kay Lith?"], ["New York", "Kaelith"])
    (1, 2)
    """
    given = {"references": references, "hypotheses": hypotheses, "terms": terms}
    for name, value in given.items():
        if isinstance(value, str):
            raise MetricsError(
                f"Expected {name} to be a list of texts, found the single text {value[:40]!r}: "
                "put it in a list."
            )
    references, hypotheses = list(references), list(hypotheses)
    if len(references) != len(hypotheses):
        raise MetricsError(
            f"Expected as many hypotheses as references, found {len(references)} references and "
            f"{len(hypotheses)} hypotheses."
        )
    wanted = {_same(term) for term in terms}
    if "" in wanted:
        raise MetricsError("Expected terms of at least one character, found an empty one.")
    right = said = 0
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        spoken, written = _count(reference, wanted), _count(hypothesis, wanted)
        said += spoken.total()
        right += (spoken & written).total()
    return right, said


def _same(text: str) -> str:
    """One form of each sign and one space between words, without case."""
    if not isinstance(text, str):
        raise MetricsError(f"Expected lists of texts, found {text!r} in one.")
    folded = unicodedata.normalize("NFKC", seen(text).replace("İ", "i")).lower()
    return " ".join(folded.split())


def _count(text: str, terms: set[str]) -> Counter[str]:
    """How often each term is in a text, as whole words; of overlapping ones the longest."""
    text, found = _same(text), Counter()
    taken = [False] * len(text)
    for term in sorted(terms, key=len, reverse=True):
        at = text.find(term)
        while at >= 0:
            end = at + len(term)
            if not any(taken[at:end]) and _is_whole(text, at, end):
                found[term] += 1
                taken[at:end] = [True] * len(term)
            at = text.find(term, at + 1)
    return found


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether a part of a text ends where words end: not "cat" in "category", nor "C" in "C++"."""
    left, right = text[max(0, start - 2) : start], text[end : end + 2]
    before, after = left[-1:] or " ", right[:1] or " "
    if unicodedata.category(after)[0] == "M" or before == "&" or after in "&+#":
        return False
    inside_number = _POINT.fullmatch(left + text[start]) or _POINT.fullmatch(text[end - 1] + right)
    if left.lstrip() == "." or inside_number:
        return False
    return not (_joined(before, text[start]) or _joined(text[end - 1], after))


def _joined(a: str, b: str) -> bool:
    """Whether two neighbors are of one word."""
    return all(is_letter(c) and not unicodedata.name(c, "").startswith(TOUCHING) for c in (a, b))
