"""What was said beside what was written, in the fewest edits."""

from __future__ import annotations

import collections
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import MetricsError
from .normalizers import normalize

LETTERS = {"hit": " ", "substitution": "S", "deletion": "D", "insertion": "I"}
MAX_CELLS = 25_000_000  #: words in the reference times words in the hypothesis


@dataclass(frozen=True)
class Edit:
    """One step of an alignment: its kind, the word that was said and the word that was written.

    ``kind`` is hit, substitution, deletion (``hypothesis`` is empty) or insertion (``reference``
    is empty).
    """

    kind: str
    reference: str
    hypothesis: str


@dataclass(frozen=True)
class Alignment:
    """What was said beside what was written, in the fewest edits."""

    edits: tuple[Edit, ...]

    def _count(self, kind: str) -> int:
        return sum(edit.kind == kind for edit in self.edits)

    @property
    def hits(self) -> int:
        """Words that were written as they were said."""
        return self._count("hit")

    @property
    def substitutions(self) -> int:
        """Words that were written as another word."""
        return self._count("substitution")

    @property
    def deletions(self) -> int:
        """Words that were said and not written."""
        return self._count("deletion")

    @property
    def insertions(self) -> int:
        """Words that were written and not said."""
        return self._count("insertion")

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions together."""
        return len(self.edits) - self.hits

    @property
    def n_reference(self) -> int:
        """Words that were said."""
        return len(self.edits) - self.insertions

    @property
    def wer(self) -> float:
        """Word error rate, a fraction that may pass 1; see :func:`error_rate` for no words."""
        return error_rate(self.errors, self.n_reference)

    def text(self) -> str:
        """Three lines: what was said, what was written, and a letter under each error."""
        rows = []
        for edit in self.edits:
            width = max(len(edit.reference), len(edit.hypothesis), 1)
            rows.append(
                (
                    (edit.reference or "*" * width).ljust(width),
                    (edit.hypothesis or "*" * width).ljust(width),
                    LETTERS[edit.kind].ljust(width),
                )
            )
        said, written, marks = zip(*rows, strict=True) if rows else ((), (), ())
        lines = (("said   ", said), ("written", written), ("       ", marks))
        return "\n".join(f"{name} {' '.join(words)}".rstrip() for name, words in lines)


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
    """
    _check_size(len(reference), len(hypothesis))
    return np.stack(list(_rows(list(reference), list(hypothesis), unit=1)))


def _check_size(n_reference: int, n_hypothesis: int) -> None:
    if n_reference * n_hypothesis > MAX_CELLS:
        raise MetricsError(
            f"Expected texts whose lengths multiply to at most {MAX_CELLS:,}, found "
            f"{n_reference:,} times {n_hypothesis:,}. Cut the recording and score its parts."
        )


def distance(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> int:
    """The last corner of :func:`distance_table`, kept to two rows of it, so any length will do."""
    (last,) = collections.deque(_rows(list(reference), list(hypothesis), unit=1), maxlen=1)
    return int(last[-1])


def _rows(
    ref: list[Hashable], hyp: list[Hashable], *, unit: int, unlike: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """The table row by row: an edit costs ``unit``, a substitution ``unlike`` on top."""
    codes: dict[Hashable, int] = {}
    columns = np.array([codes.setdefault(item, len(codes)) for item in hyp], dtype=int)
    steps = unit * np.arange(len(hyp) + 1)
    row = steps
    yield row
    for i, item in enumerate(ref):
        changed = columns != codes.get(item, -1)
        cost = unit * changed if unlike is None else (unit + unlike[i]) * changed
        best = row + unit  # a deletion
        best[1:] = np.minimum(best[1:], row[:-1] + cost)  # a hit or a substitution
        row = np.minimum.accumulate(best - steps) + steps  # insertions, from left to right
        yield row


def align(reference: str, hypothesis: str, *, normalizer: str = "english") -> Alignment:
    """Lay two texts beside each other, word by word, in the fewest edits.

    Of several alignments with the fewest edits it takes the one whose substituted words look most
    alike, so that the reader sees which word became which.

    Parameters
    ----------
    reference : str
        What was said.
    hypothesis : str
        What was written.
    normalizer : {"english", "basic", "none"}
        See :func:`normalize`.

    Raises
    ------
    MetricsError
        Not a text, an unknown normalizer, or texts too long for one table.

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
    said = normalize(reference, normalizer=normalizer).split()
    written = normalize(hypothesis, normalizer=normalizer).split()
    return Alignment(tuple(_edits(said, written)))


def _edits(ref: list[str], hyp: list[str]) -> list[Edit]:
    """Walk the table back from its last corner."""
    _check_size(len(ref), len(hyp))
    unit = 1_000_000  # so that the likeness of words only decides between equal numbers of edits
    parts = {word: _parts(word) for word in {*ref, *hyp}}
    unlike = np.array([[_unlikeness(parts[a], parts[b]) for b in hyp] for a in ref], dtype=int)
    table = np.stack(list(_rows(ref, hyp, unit=unit, unlike=unlike)))
    i, j, edits = len(ref), len(hyp), []
    while i or j:
        here = table[i, j]
        if i and j:
            hit = ref[i - 1] == hyp[j - 1]
            cost = 0 if hit else unit + unlike[i - 1, j - 1]
            if here == table[i - 1, j - 1] + cost:
                i, j = i - 1, j - 1
                edits.append(Edit("hit" if hit else "substitution", ref[i], hyp[j]))
                continue
        if j and here == table[i, j - 1] + unit:
            j -= 1
            edits.append(Edit("insertion", "", hyp[j]))
        else:
            i -= 1
            edits.append(Edit("deletion", ref[i], ""))
    return edits[::-1]


def _parts(word: str) -> frozenset[str]:
    return frozenset(word) | {word[k : k + 2] for k in range(len(word) - 1)}


def _unlikeness(a: frozenset[str], b: frozenset[str]) -> int:
    """0 for words of the same letters and pairs of letters, 100 for words that share none."""
    return 100 - 100 * len(a & b) // max(1, len(a | b))
