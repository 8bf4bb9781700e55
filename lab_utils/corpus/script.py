"""Lay the sentences of a known text on the words that Whisper heard.

A table like that of the edit distance (lab 09), filled for the whole text, but a sentence may be
left out as a whole, and words may lie between two sentences.

Taught in: notebooks/08_dataset.ipynb. Method: Needleman and Wunsch (1970) with whole sentences
left out. Measured by: benchmarks/align_script.py.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CorpusError
from ..metrics import normalize, unit_of
from ..metrics.alignment import units
from ..transcripts import Word
from .spelling import spoken
from .split import Span

LEFT_OUT = 0.45  #: a word of a sentence that was left out as a whole, or said between two
SURELY = 0.3  #: the same while only sentences are sought that are much alike
NO_PAUSE = 0.5  #: a sentence that begins or ends without a pause
UNLIKE = 1.6  #: times the share of letters that differ: the cost of a misheard word, at most 1
LEAST_LIKE = 0.5  #: share of its letters that must be heard of a sentence
MORE_LIKE = 0.7  #: the same for one that is out of order, for which nothing else speaks
PAUSE = 0.1  #: seconds without speech that are enough to cut between two sentences
_TOKEN = re.compile(r"<\|[^|<>]*\|>")  # <|endoftext|>, <|en|>, <|0.00|>
_WALL, _NEVER = "", 1e6  #: between stretches that do not follow each other, and the cost to cross
#: the end of a sentence: a stop and what closes it, before a space; or the stop of a script
#: that writes none
_END = re.compile(r"""(?<=[.!?…؟۔।॥։።။។])["'»”’)\]]*\s+|(?<=[。！？])[」』”）]*\s*""")


@dataclass(frozen=True)
class Passage:
    """A sentence of the script with what was heard of it, or what is only in one of both."""

    text: str = ""  #: as it is written; empty: said, and not in the script
    words: tuple[Word, ...] = ()  #: as Whisper heard them; empty: not said
    likeness: float = 0.0  #: share of the letters that are the same, 0 to 1
    place: int = -1  #: its number in the script
    note: str = ""  #: what is odd about it

    @property
    def heard(self) -> str:
        """The words as a text."""
        return " ".join("".join(word.text for word in self.words).split())


def read_script(path: str | os.PathLike) -> str:
    """Read a script; raises CorpusError if it is missing, not UTF-8, or holds a special token."""
    try:
        text = Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"The script {Path(path).name} cannot be read as UTF-8: {error}"
        ) from error
    refuse_tokens(text, f"The script {Path(path).name}")
    return text


def refuse_tokens(text: str, what: str) -> None:
    """Raise CorpusError if a text holds a special token of Whisper's."""
    if found := _TOKEN.search(text):
        raise CorpusError(
            f"{what} holds {found[0]!r}, a special token of Whisper's and not a word. "
            "Expected only what is spoken: delete it."
        )


def sentences(script: str) -> list[str]:
    """The sentences of a text: each line is cut where a sentence ends.

    Examples
    --------
    >>> sentences('"Stop!" he said. Nobody moved.\\nThen, silence')
    ['"Stop!"', 'he said.', 'Nobody moved.', 'Then, silence']
    """
    found = []
    for line in script.splitlines():
        first = 0
        for end in [*(match.end() for match in _END.finditer(line)), len(line)]:
            if any(map(str.isalnum, line[first:end])):  # "... and" begins no sentence of its own
                found.append(" ".join(line[first:end].split()))
                first = end
        if found and line[first:].strip() and first:
            found[-1] += " " + " ".join(line[first:].split())
    return found


@functools.lru_cache(maxsize=100_000)
def tokens(text: str, language: str) -> tuple[str, ...]:
    """What is compared of a text: its words, or its characters where no spaces are written."""
    plain = normalize(spoken(text, language=language), normalizer="basic", language=language)
    return tuple(units(plain, unit_of(language)))


def likeness(written: Iterable[str], heard: Iterable[str]) -> float:
    """The share of letters that two texts have in common, whatever the words: 0 to 1."""
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.normalized_similarity("".join(written), "".join(heard))


def place(
    script: Sequence[Sequence[str]],
    heard: Sequence[str],
    *,
    edges: np.ndarray | None = None,
    left_out: float = LEFT_OUT,
) -> list[tuple[int, int] | None]:
    """The stretch of what was heard that each sentence falls on, in the order of the script.

    Parameters
    ----------
    script : sequence of sequence of str
        The tokens of each sentence.
    heard : sequence of str
        Tokens; an empty one is a wall that no sentence crosses.
    edges : np.ndarray, shape (n_heard + 1,), optional
        What it costs to begin or end a sentence before each token. Default: nothing.
    left_out : float
        What it costs to leave out a word, together with its sentence or between two sentences;
        a word that is missing, added or another inside a sentence costs 1.

    Returns
    -------
    list of (first, last) or None
        For each sentence: ``heard[first:last]``, or None where it is cheaper to leave it out.

    Notes
    -----
    One row of the table for each word of the script, computed as a whole; only where a sentence
    began is remembered. 20,000 by 20,000 words (two hours) take about ten seconds and 320 MB.
    """
    from rapidfuzz import process
    from rapidfuzz.distance import Levenshtein

    columns = np.arange(len(heard) + 1, dtype=np.int32)
    edges = np.zeros(len(columns)) if edges is None else edges
    written = sorted(set(itertools.chain.from_iterable(script)))
    known = sorted(set(heard))
    unlike: Any = Levenshtein.normalized_distance
    costs = process.cdist(written, known, scorer=unlike, dtype=np.float32)
    costs = np.minimum(1, UNLIKE * costs.reshape(len(written), len(known)))
    walls = np.array([word == _WALL for word in heard], bool)
    costs[:, [word == _WALL for word in known]] = _NEVER
    rows = {word: i for i, word in enumerate(written)}
    heard_as = np.array([bisect.bisect_left(known, word) for word in heard], np.intp)
    insert, between = (
        np.concatenate([[0.0], np.cumsum(np.where(walls, wall, cost))])
        for wall, cost in ((_NEVER, 1.0), (0.0, left_out))
    )

    def carried(row: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cheapest way to each column by steps to the right, and where they begin."""
        ahead = row - steps
        low = np.minimum.accumulate(ahead)
        return low + steps, np.maximum.accumulate(np.where(ahead <= low, columns, 0))

    best, began, ended = between, [], []
    for words in script:
        row, origin = best + edges, columns
        for word in words:
            across = row[:-1] + costs[rows[word], heard_as]
            row, before = row + 1.0, origin
            taken = across < row[1:]
            row[1:] = np.where(taken, across, row[1:])
            origin = before.copy()
            origin[1:] = np.where(taken, before[:-1], before[1:])
            row, at = carried(row, insert)
            origin = origin[at]
        placed, without = row + edges, best + left_out * len(words)
        began.append(np.where(placed < without, origin, -1))
        best, at = carried(np.minimum(placed, without), between)
        ended.append(at)
    found: list[tuple[int, int] | None] = []
    column = len(heard)
    for origins, ends in zip(reversed(began), reversed(ended), strict=True):
        last = int(ends[column])
        first = int(origins[last])
        found.append((first, last) if 0 <= first < last else None)
        column = first if first >= 0 else last
    return found[::-1]


def passages(
    script: Sequence[str],
    words: Sequence[Word],
    *,
    language: str = "en",
    pauses: Callable[[float, float], Span] | None = None,
) -> list[Passage]:
    """Lay the sentences of a script on the words of a recording.

    Parameters
    ----------
    script : sequence of str
        Sentences, in the order in which they should have been read.
    words : sequence of Word
        What Whisper heard, in the order of time.
    pauses : callable, optional
        The longest pause that touches the stretch between two times.

    Returns
    -------
    list of Passage
        What was said, in the order of time, then the sentences that were not. A sentence that
        was read at another place is found there; of one that was read twice, one reading is
        taken, and the other is a passage without a text.
    """
    pairs = [(t, i) for i, word in enumerate(words) for t in tokens(word.text, language)]
    heard, owner = [token for token, _ in pairs], [i for _, i in pairs]
    written = [tokens(text, language) for text in script]
    edges = np.zeros(len(heard) + 1)
    if pauses is not None:
        for i in range(1, len(heard)):
            a, b = words[owner[i - 1]], words[owner[i]]
            if a is b or pauses(middle(a), middle(b)).duration < PAUSE:
                edges[i] = NO_PAUSE
    waiting = [k for k, words_of in enumerate(written) if words_of]
    taken: dict[int, tuple[int, int]] = {}  # number of a sentence -> its stretch of tokens
    in_order: dict[int, tuple[int, int]] = {}
    free, found_more = [(0, len(heard))], True
    while found_more:
        new = _place_in(free, waiting, written, heard, edges, MORE_LIKE)
        in_order |= {k: s for k, s in new.items() if not _moved(k, s, in_order)}
        if not new:  # what is less alike only between its neighbors
            fixed = [(-1, (0, 0)), *sorted(in_order.items()), (len(written), (len(heard), 0))]
            for (k, (_, begin)), (after, (end, _)) in itertools.pairwise(fixed):
                between = [stretch for stretch in free if begin <= stretch[0] < end]
                some = [n for n in waiting if k < n < after]
                new |= _place_in(between, some, written, heard, edges, LEAST_LIKE)
            in_order |= new
        taken |= new
        waiting = [k for k in waiting if k not in taken]
        free, found_more = _rest(taken.values(), len(heard)), bool(new)
    again = _place_in(free, sorted(taken), written, heard, edges, MORE_LIKE)
    said = [(s, k, "out of order" * _moved(k, s, in_order)) for k, s in taken.items()]
    said += [(stretch, -1, f"said again: {script[k]!r}") for k, stretch in again.items()]
    said += [(s, -1, "") for s in _rest([s for s, _, _ in said], len(heard))]
    found, end = [], 0
    for (first, last), k, note in sorted(said):
        text, like = "", 0.0
        if k >= 0:
            text, like = script[k], likeness(written[k], heard[first:last])
        begin, end = max(owner[first], end), max(owner[last - 1] + 1, end)
        if begin < end:
            found.append(Passage(text, tuple(words[begin:end]), like, k, note))
        elif text:
            waiting.append(k)
    return found + [Passage(script[k], place=k) for k in sorted(waiting)]


def _moved(k: int, stretch: tuple[int, int], in_order: dict[int, tuple[int, int]]) -> bool:
    """Whether a sentence stands before an earlier one or after a later one."""
    return any((other < k) != (place < stretch) for other, place in in_order.items() if other != k)


def middle(word: Word) -> float:
    """Of its time, in seconds: what is most surely inside the word."""
    return (word.start + word.end) / 2


def _place_in(
    free: list[tuple[int, int]],
    numbers: list[int],
    written: Sequence[Sequence[str]],
    heard: Sequence[str],
    edges: np.ndarray,
    least: float,
) -> dict[int, tuple[int, int]]:
    """Number of a sentence -> its stretch, of those found in free stretches and alike enough."""
    if not free or not numbers:
        return {}
    at: list[int] = []
    for first, last in free:
        at += [*range(first, last), -1]
    some = [heard[i] if i >= 0 else _WALL for i in at]
    costs = np.array([edges[i] if i >= 0 else 0.0 for i in at] + [0.0])
    found, left_out = {}, SURELY if least == MORE_LIKE else LEFT_OUT
    stretches = place([written[k] for k in numbers], some, edges=costs, left_out=left_out)
    for k, stretch in zip(numbers, stretches, strict=True):
        if stretch and likeness(written[k], some[slice(*stretch)]) >= least:
            found[k] = at[stretch[0]], at[stretch[1] - 1] + 1
    return found


def _rest(taken: Iterable[tuple[int, int]], n: int) -> list[tuple[int, int]]:
    """The stretches of ``range(n)`` that are not taken."""
    ends = [(0, 0), *sorted(taken), (n, n)]
    return [(a, b) for (_, a), (b, _) in itertools.pairwise(ends) if a < b]
