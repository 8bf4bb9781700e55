"""How wrong is a transcript: alignment, word and character error rate, and how sure we can be.

Taught in: notebooks/09_evaluate.ipynb.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .errors import MetricsError

if TYPE_CHECKING:
    import pandas as pd

NORMALIZERS = ("english", "basic", "none")
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


@dataclass(frozen=True)
class ClipScore:
    """One clip: its name, both texts as they came, the aligned words and the characters."""

    name: str
    reference: str
    hypothesis: str
    words: Alignment
    character_errors: int
    n_characters: int

    @property
    def wer(self) -> float:
        """Word error rate of this clip, as a fraction."""
        return self.words.wer

    @property
    def cer(self) -> float:
        """Character error rate of this clip, as a fraction; spaces count as characters."""
        return error_rate(self.character_errors, self.n_characters)


@dataclass(frozen=True)
class Interval:
    """A measured value between the ends of its confidence interval."""

    value: float
    low: float
    high: float
    confidence: float = 0.95

    def __format__(self, spec: str) -> str:
        spec = spec or ".3f"
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"

    def __str__(self) -> str:
        return format(self, "")


@dataclass(frozen=True)
class Score:
    """Many clips scored: every table, number and picture of an evaluation is drawn from this."""

    clips: tuple[ClipScore, ...]
    normalizer: str

    def _sum(self, name: str) -> int:
        return sum(getattr(clip.words, name) for clip in self.clips)

    hits = property(lambda self: self._sum("hits"), doc="Words written as said, all clips.")
    substitutions = property(lambda self: self._sum("substitutions"), doc="Words written wrong.")
    deletions = property(lambda self: self._sum("deletions"), doc="Words said, not written.")
    insertions = property(lambda self: self._sum("insertions"), doc="Words written, not said.")
    errors = property(lambda self: self._sum("errors"), doc="S + D + I over all clips.")
    n_reference = property(lambda self: self._sum("n_reference"), doc="Words said, all clips.")

    @property
    def wer(self) -> float:
        """Corpus WER: all errors over all words said. Long clips weigh more."""
        return error_rate(self.errors, self.n_reference)

    @property
    def mean_wer(self) -> float:
        """Mean of the clips' WERs: every clip weighs the same, however short."""
        return float(np.mean([clip.wer for clip in self.clips]))

    @property
    def cer(self) -> float:
        """Corpus character error rate, spaces included."""
        errors = sum(clip.character_errors for clip in self.clips)
        return error_rate(errors, sum(clip.n_characters for clip in self.clips))

    def table(self) -> pd.DataFrame:
        """One row a clip: words said, S, D, I, wer and cer (fractions), both texts."""
        import pandas as pd

        columns = ["words", "S", "D", "I", "wer", "cer", "reference", "hypothesis"]
        rows = {
            clip.name: [
                clip.words.n_reference,
                clip.words.substitutions,
                clip.words.deletions,
                clip.words.insertions,
                clip.wer,
                clip.cer,
                clip.reference,
                clip.hypothesis,
            ]
            for clip in self.clips
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("clip")

    def by(self, labels: Sequence[Hashable]) -> dict[Hashable, Score]:
        """Cut the clips into slices: one label a clip (its speaker, its noise, its length).

        Returns
        -------
        dict
            label → the score of its clips, labels in order of first appearance.
        """
        if len(labels) != len(self.clips):
            raise MetricsError(
                f"Expected one label for each of {len(self.clips)} clips, found {len(labels)}."
            )
        groups: dict[Hashable, list[ClipScore]] = {}
        for label, clip in zip(labels, self.clips, strict=True):
            groups.setdefault(label, []).append(clip)
        return {label: Score(tuple(group), self.normalizer) for label, group in groups.items()}

    def confusions(self, n: int = 10) -> list[tuple[Edit, int]]:
        """The most frequent errors and how often each was made."""
        errors = (e for clip in self.clips for e in clip.words.edits if e.kind != "hit")
        return Counter(errors).most_common(n)


@dataclass(frozen=True)
class Comparison:
    """System B against system A on the same clips.

    Attributes
    ----------
    difference : Interval
        WER of B minus WER of A, as a fraction; below zero B is better.
    better, worse, equal : int
        Clips on which B makes fewer, more, or as many errors.
    """

    difference: Interval
    better: int
    worse: int
    equal: int

    @property
    def verdict(self) -> str:
        """One sentence: better, worse, or not to be told from these clips."""
        if self.difference.high < 0:
            return "B is better: the whole interval lies below zero."
        if self.difference.low > 0:
            return "B is worse: the whole interval lies above zero."
        return "These clips cannot tell: the interval contains zero."


def error_rate(errors: int, n_reference: int) -> float:
    """Errors over units said. Without any unit said it is the number of errors, as in jiwer.

    So silence that stays silent scores 0, and each word invented in silence counts as 1.
    """
    return errors / max(1, n_reference)


@functools.lru_cache(maxsize=4)
def _named_normalizer(name: str) -> Callable[[str], str]:
    if name == "none":
        return lambda text: " ".join(text.split())
    from whisper.normalizers import BasicTextNormalizer, EnglishTextNormalizer

    made = EnglishTextNormalizer() if name == "english" else BasicTextNormalizer()
    return lambda text: made(text).strip()


def normalize(text: str, *, normalizer: str = "english") -> str:
    """Rewrite a text so that only differences that matter are left.

    Parameters
    ----------
    text : str
    normalizer : {"english", "basic", "none"}
        ``english``: whisper's own for English (case, punctuation, "colour"/"color", "twenty"/"20",
        "won't"/"will not", "um"). ``basic``: whisper's own for other languages (case and
        punctuation only). ``none``: white space only.

    Examples
    --------
    >>> normalize("Mr. Smith won't pay twenty pounds, um, today!")
    'mister smith will not pay £20 today'
    """
    if normalizer not in NORMALIZERS:
        raise MetricsError(f"Expected a normalizer out of {NORMALIZERS}, found {normalizer!r}.")
    if not isinstance(text, str):
        raise MetricsError(
            f"Expected a text to score, found {type(text).__name__}. "
            "For a Transcript pass its .text; for many clips use metrics.score."
        )
    return _named_normalizer(normalizer)(text)


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
    return _fill(list(reference), list(hypothesis), unit=1)


def _fill(ref: list[Hashable], hyp: list[Hashable], *, unit: int, unlike=None) -> np.ndarray:
    """Fill the table row by row: an edit costs ``unit``, a substitution ``unlike`` on top."""
    if (len(ref) + 1) * (len(hyp) + 1) > MAX_CELLS:
        raise MetricsError(
            f"Expected texts whose lengths multiply to at most {MAX_CELLS:,} words, found "
            f"{len(ref):,} times {len(hyp):,}. Cut the recording into segments and score those."
        )
    codes: dict[Hashable, int] = {}
    columns = np.array([codes.setdefault(item, len(codes)) for item in hyp], dtype=int)
    steps = unit * np.arange(len(hyp) + 1)
    table = np.empty((len(ref) + 1, len(hyp) + 1), dtype=int)
    table[0] = steps
    for i, item in enumerate(ref, start=1):
        changed = columns != codes.get(item, -1)
        cost = unit * changed if unlike is None else (unit + unlike[i - 1]) * changed
        above = table[i - 1]
        row = above + unit  # a deletion
        row[1:] = np.minimum(row[1:], above[:-1] + cost)  # a hit or a substitution
        table[i] = np.minimum.accumulate(row - steps) + steps  # insertions, from left to right
    return table


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
    unit = 1_000_000  # so that the likeness of words only decides between equal numbers of edits
    parts = {word: _parts(word) for word in {*ref, *hyp}}
    unlike = np.array([[_unlikeness(parts[a], parts[b]) for b in hyp] for a in ref], dtype=int)
    table = _fill(ref, hyp, unit=unit, unlike=unlike)
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


def score(
    references: Sequence[str],
    hypotheses: Sequence[str],
    *,
    normalizer: str = "english",
    names: Sequence[str] | None = None,
) -> Score:
    """Score many clips.

    Parameters
    ----------
    references : sequence of str
        What was said, one text a clip. An empty one is allowed: see :func:`error_rate`.
    hypotheses : sequence of str
        What was written, in the same order.
    normalizer : {"english", "basic", "none"}
        See :func:`normalize`.
    names : sequence of str, optional
        One name a clip, all different. Default: ``"0"``, ``"1"``, …

    Returns
    -------
    Score

    Raises
    ------
    MetricsError
        No clips, lengths that differ, a single text in place of a list, or doubled names.

    Notes
    -----
    Taught in: notebooks/09_evaluate.ipynb.
    """
    if isinstance(references, str) or isinstance(hypotheses, str):
        raise MetricsError("Expected lists of texts, found a single text: put it in a list.")
    if not len(references) or len(references) != len(hypotheses):
        raise MetricsError(
            "Expected as many hypotheses as references and at least one of each, "
            f"found {len(references)} references and {len(hypotheses)} hypotheses."
        )
    names = [str(i) for i in range(len(references))] if names is None else list(names)
    if len(set(names)) != len(references):
        raise MetricsError(f"Expected {len(references)} different names, found {len(set(names))}.")
    clips = []
    for name, said, written in zip(names, references, hypotheses, strict=True):
        said_letters = normalize(said, normalizer=normalizer)
        written_letters = normalize(written, normalizer=normalizer)
        errors = int(distance_table(said_letters, written_letters)[-1, -1])
        words = align(said, written, normalizer=normalizer)
        clips.append(ClipScore(name, said, written, words, errors, len(said_letters)))
    return Score(tuple(clips), normalizer)


def bootstrap(
    score: Score,
    *,
    groups: Sequence[Hashable] | None = None,
    n_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """A confidence interval of the corpus WER: score resampled clips again and again.

    Parameters
    ----------
    score : Score
    groups : sequence, optional
        One label a clip; clips of a group are drawn together. Clips that share a sentence or a
        speaker are not independent: without their group the interval is too narrow.
    n_resamples, confidence, seed
        How many corpora are drawn, the share of them inside the interval, and the seed.

    Returns
    -------
    Interval
        Percentile interval, fractions. It is 0 to 0 where no clip has an error: that says nothing
        about clips you have not seen. With n clips then fewer than about 3/n have an error.

    Notes
    -----
    Taught in: notebooks/09_evaluate.ipynb. Method: Efron and Tibshirani (1993).
    """
    errors, words = _counts(score, groups)
    draws = _draws(len(errors), n_resamples=n_resamples, confidence=confidence, seed=seed)
    rates = errors[draws].sum(axis=1) / np.maximum(1, words[draws].sum(axis=1))
    return _interval(score.wer, rates, confidence)


def compare(
    a: Score,
    b: Score,
    *,
    groups: Sequence[Hashable] | None = None,
    n_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Is system B better than system A? A paired bootstrap over the clips that both transcribed.

    Parameters
    ----------
    a, b : Score
        Of the same clips in the same order, with the same normalizer.
    groups, n_resamples, confidence, seed
        As in :func:`bootstrap`.

    Raises
    ------
    MetricsError
        The scores are of different clips.

    Notes
    -----
    Taught in: notebooks/09_evaluate.ipynb. Method: Bisani and Ney (2004), "Bootstrap estimates
    for confidence intervals in ASR performance evaluation".
    """
    if [(c.name, c.reference) for c in a.clips] != [(c.name, c.reference) for c in b.clips]:
        raise MetricsError("Expected two scores of the same clips in the same order.")
    if a.normalizer != b.normalizer:
        raise MetricsError(f"Expected one normalizer, found {a.normalizer} and {b.normalizer}.")
    errors_a, words = _counts(a, groups)
    errors_b, _ = _counts(b, groups)
    change = errors_b - errors_a
    draws = _draws(len(change), n_resamples=n_resamples, confidence=confidence, seed=seed)
    rates = change[draws].sum(axis=1) / np.maximum(1, words[draws].sum(axis=1))
    signs = [
        np.sign(y.words.errors - x.words.errors) for x, y in zip(a.clips, b.clips, strict=True)
    ]
    return Comparison(
        _interval(b.wer - a.wer, rates, confidence),
        better=signs.count(-1),
        worse=signs.count(1),
        equal=signs.count(0),
    )


def _counts(score: Score, groups: Sequence[Hashable] | None) -> tuple[np.ndarray, np.ndarray]:
    """Errors and words said of each unit that is drawn: a clip, or a group of clips."""
    labels = range(len(score.clips)) if groups is None else groups
    parts = score.by(labels).values()
    return np.array([p.errors for p in parts]), np.array([p.n_reference for p in parts])


def _draws(n: int, *, n_resamples: int, confidence: float, seed: int) -> np.ndarray:
    if not 0 < confidence < 1 or n_resamples < 1:
        raise MetricsError(
            "Expected a confidence between 0 and 1 and at least one resample, "
            f"found {confidence} and {n_resamples}."
        )
    return np.random.default_rng(seed).integers(n, size=(n_resamples, n))


def _interval(value: float, rates: np.ndarray, confidence: float) -> Interval:
    low, high = np.quantile(rates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(value), float(low), float(high), confidence)


def share(hits: int, n: int, *, confidence: float = 0.95) -> Interval:
    """A share such as "23 names of 46" with Wilson's interval, honest also at 0 and at n of n.

    Examples
    --------
    >>> f"{share(46, 46):.2f}"
    '1.00 [0.92, 1.00]'
    """
    from statistics import NormalDist

    if not 0 <= hits <= n or n == 0:
        raise MetricsError(f"Expected 0 <= hits <= n and n > 0, found {hits} of {n}.")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p, middle = hits / n, (hits + z * z / 2) / (n + z * z)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Interval(p, float(low), float(high), confidence)


def terms_right(
    references: Iterable[str], hypotheses: Iterable[str], terms: Iterable[str]
) -> tuple[int, int]:
    """How many of the names that were said are written, spelled exactly; case does not matter.

    Returns
    -------
    right, said : int
        A name written more often in a clip than it was said there is counted as often as said.
    """
    names = [term.casefold() for term in terms]
    right = said = 0
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        wanted, found = (Counter(_words(text)) for text in (reference, hypothesis))
        for name in names:
            said += wanted[name]
            right += min(wanted[name], found[name])
    return right, said


def _words(text: str) -> list[str]:
    return normalize(text, normalizer="basic").casefold().split()
