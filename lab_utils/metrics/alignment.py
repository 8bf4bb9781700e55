"""What was said beside what was written, in the fewest edits."""

from __future__ import annotations

import functools
import itertools
import unicodedata
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import MetricsError
from .normalizers import check_normalizer, normalize, unit_of

LETTERS = {"hit": " ", "substitution": "S", "deletion": "D", "insertion": "I"}
MAX_CELLS = 25_000_000  #: of a table that is filled cell by cell
WHOLE = 10_000  #: cells of the largest table that is filled for its alignment: 100 words squared
UNIT = 1_000_000  #: an edit, beside which the likeness of two words (0 to 100) is little


@dataclass(frozen=True)
class Edit:
    """One step of an alignment: the unit (a word or character) said and the one written."""

    kind: str  #: "hit", "substitution", "deletion" or "insertion"
    reference: str  #: empty for an insertion
    hypothesis: str  #: empty for a deletion


@dataclass(frozen=True)
class Alignment:
    """What was said beside what was written, in the fewest edits."""

    edits: tuple[Edit, ...]
    unit: str = "word"  #: or "character", where a language has no spaces

    def _count(self, kind: str) -> int:
        return sum(edit.kind == kind for edit in self.edits)

    @property
    def hits(self) -> int:
        """Units written as they were said."""
        return self._count("hit")

    @property
    def substitutions(self) -> int:
        """Written as another."""
        return self._count("substitution")

    @property
    def deletions(self) -> int:
        """Said and not written."""
        return self._count("deletion")

    @property
    def insertions(self) -> int:
        """Written and not said."""
        return self._count("insertion")

    @property
    def errors(self) -> int:
        """All edits but hits."""
        return len(self.edits) - self.hits

    @property
    def n_reference(self) -> int:
        """Units said."""
        return len(self.edits) - self.insertions

    @property
    def wer(self) -> float:
        """Error rate of the units, a fraction that may pass 1; see :func:`error_rate`."""
        return error_rate(self.errors, self.n_reference)

    def text(self) -> str:
        """Three lines: what was said, what was written, and a letter under each error."""
        rows = [["said   "], ["written"], ["       "]]
        for edit in self.edits:
            width = max(_width(edit.reference), _width(edit.hypothesis), 1)
            column = (edit.reference or "*" * width, edit.hypothesis or "*" * width)
            for row, cell in zip(rows, (*column, LETTERS[edit.kind]), strict=True):
                row.append(cell + " " * (width - _width(cell)))
        return "\n".join(" ".join(row).rstrip() for row in rows)


def _width(text: str) -> int:
    """Columns that a text takes in a terminal: wide characters two, marks on letters none."""
    columns = 0
    for c in text:
        if unicodedata.category(c) not in ("Mn", "Me", "Cf"):
            columns += 2 if unicodedata.east_asian_width(c) in "WF" else 1
    return columns


def error_rate(errors: int, n_reference: int) -> float:
    """Errors over units said. Without any unit said it is the number of errors, as in jiwer.

    So silence that stays silent scores 0, and each word invented in silence counts as 1.
    """
    return errors / max(1, n_reference)


def distance_table(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> np.ndarray:
    """The table of edit distances that lab 09 fills by hand.

    Parameters
    ----------
    reference, hypothesis : sequence
        Words, or a string for its characters.

    Returns
    -------
    np.ndarray, int, shape (n_reference + 1, n_hypothesis + 1)
        Cell (i, j): the fewest edits that turn the first i words said into the first j written.

    Raises
    ------
    MetricsError
        The table would have more than 25 million cells.
    """
    if len(reference) * len(hypothesis) > MAX_CELLS:
        raise MetricsError(
            f"Expected texts whose lengths multiply to at most {MAX_CELLS:,}, found "
            f"{len(reference):,} times {len(hypothesis):,}. For the number of edits alone use "
            "metrics.distance."
        )
    return np.array(_table(reference, hypothesis, cost=lambda a, b: int(a != b)))


def _table(
    ref: Sequence, hyp: Sequence, *, cost: Callable[[Any, Any], int], unit: int = 1
) -> list[list[int]]:
    """Wagner and Fischer's table: ``unit`` for a deletion or insertion, ``cost`` for a pair."""
    rows = [[unit * j for j in range(len(hyp) + 1)]]
    for a in ref:
        above = rows[-1]
        row = [above[0] + unit]
        for j, b in enumerate(hyp):
            row.append(min(above[j] + cost(a, b), above[j + 1] + unit, row[j] + unit))
        rows.append(row)
    return rows


def distance(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> int:
    """The last corner of :func:`distance_table`, without the table, for texts of any length."""
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.distance(reference, hypothesis)


def align(
    reference: str, hypothesis: str, *, normalizer: str | None = None, language: str | None = None
) -> Alignment:
    """Compare what was said with what was written, unit by unit, in the fewest edits.

    Of several alignments with the fewest edits it takes the one whose substituted words look most
    alike, so that the reader sees which word became which. In texts of more than about 100 words
    that choice is made for each run of errors alone, between the words that rapidfuzz pairs.

    Parameters
    ----------
    reference, hypothesis : str
    normalizer : {"english", "basic", "none"}, optional
        See :func:`normalize`.
    language : str, optional
        Decides the normalizer and the unit, see :func:`unit_of`. Default: English words.

    Raises
    ------
    MetricsError
        Not a text, an unknown normalizer, or ``english`` for another language.

    Notes
    -----
    Taught in: notebooks/09_evaluate.ipynb. Method: Wagner and Fischer (1974).

    Examples
    --------
    >>> print(align("the cat sat down", "a cat sat").text())
    said    the cat sat down
    written a   cat sat ****
            S           D
    """
    normalizer, unit = check_normalizer(normalizer, language), unit_of(language)
    said, written = (
        units(normalize(text, normalizer=normalizer, language=language), unit)
        for text in (reference, hypothesis)
    )
    return Alignment(tuple(_edits(said, written)), unit)


def units(text: str, unit: str) -> list[str]:
    """The words of a text, or its characters without the spaces."""
    return text.split() if unit == "word" else [c for c in text if not c.isspace()]


def _edits(ref: list[str], hyp: list[str]) -> list[Edit]:
    """The whole table where it is small; else rapidfuzz's hits, and a table between them."""
    if len(ref) * len(hyp) <= WHOLE and ref != hyp:
        return _readable(ref, hyp)
    from rapidfuzz.distance import Levenshtein

    blocks, edits = Levenshtein.opcodes(ref, hyp), []
    for equal, run in itertools.groupby(blocks, key=lambda block: block.tag == "equal"):
        run = list(run)
        said = ref[run[0].src_start : run[-1].src_end]
        written = hyp[run[0].dest_start : run[-1].dest_end]
        if equal:
            edits += [Edit("hit", word, word) for word in said]
        elif len(said) == len(written) or len(said) * len(written) > WHOLE:
            edits += [_edit(*pair) for pair in itertools.zip_longest(said, written, fillvalue="")]
        else:
            edits += _readable(said, written)
    return edits


def _edit(a: str, b: str) -> Edit:
    if a == b:
        return Edit("hit", a, b)
    return Edit("substitution" if a and b else "deletion" if a else "insertion", a, b)


def _readable(ref: list[str], hyp: list[str]) -> list[Edit]:
    """Walk the table back from its last corner; likeness decides between equal numbers of edits."""

    def cost(a: str, b: str) -> int:
        return 0 if a == b else UNIT + _unlikeness(a, b)

    if not ref or not hyp:
        return [_edit(a, b) for a, b in itertools.zip_longest(ref, hyp, fillvalue="")]
    table = _table(ref, hyp, cost=cost, unit=UNIT)
    i, j, edits = len(ref), len(hyp), []
    while i or j:
        here = table[i][j]
        if i and j and here == table[i - 1][j - 1] + cost(ref[i - 1], hyp[j - 1]):
            i, j = i - 1, j - 1
            edits.append(_edit(ref[i], hyp[j]))
        elif j and here == table[i][j - 1] + UNIT:
            j -= 1
            edits.append(_edit("", hyp[j]))
        else:
            i -= 1
            edits.append(_edit(ref[i], ""))
    return edits[::-1]


@functools.lru_cache(maxsize=100_000)
def _unlikeness(a: str, b: str) -> int:
    """0 for words of the same letters and pairs of letters, 100 for words that share none."""
    x, y = _parts(a), _parts(b)
    return 100 - 100 * len(x & y) // max(1, len(x | y))


@functools.lru_cache(maxsize=10_000)
def _parts(word: str) -> frozenset[str]:
    return frozenset(word) | {word[k : k + 2] for k in range(len(word) - 1)}
