"""How sure a score is, and whether one system is better than another."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import MetricsError
from .scores import Score

MIN_DEGREES = 4  #: of freedom: fewer only widen, see the benchmark
MIN_GROUPS = 8  #: below it no interval: benchmarks/interval_coverage.py starts here


@dataclass(frozen=True)
class Interval:
    """A measured value between the ends of its confidence interval."""

    value: float
    low: float  #: NaN, like ``high``, where the clips allow no interval
    high: float
    confidence: float = 0.95
    reason: str = ""  #: why there is no interval

    def __format__(self, spec: str) -> str:
        spec = spec or ".3f"
        if self.reason:
            return f"{self.value:{spec}} (no interval: {self.reason})"
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"

    def __str__(self) -> str:
        return format(self, "")


@dataclass(frozen=True)
class Comparison:
    """System B against system A on the same clips."""

    difference: Interval  #: WER of B minus WER of A, a fraction; below zero B is better
    better: int  #: clips on which B makes fewer errors
    worse: int
    equal: int

    @property
    def verdict(self) -> str:
        """One sentence: better, worse, or not to be told from these clips."""
        if self.difference.reason:
            return f"These clips cannot tell: {self.difference.reason}."
        if self.difference.high < 0:
            return "B is better: the whole interval lies below zero."
        if self.difference.low > 0:
            return "B is worse: the whole interval lies above zero."
        return "These clips cannot tell: the interval contains zero."


def interval(
    score: Score, *, groups: Sequence[Hashable] | None = None, confidence: float = 0.95
) -> Interval:
    """A confidence interval of the corpus WER.

    The spread of the rate is the jackknife's (each clip left out once), the ends are those of
    Student's t on a logarithmic scale, with fewer degrees of freedom where a few clips make most
    of the spread. In simulations of corpora such as the labs' it contains the true rate in 93 to
    98 % of the cases, from 8 clips on; the percentiles of a bootstrap of 12 clips do so in 80 to
    90 % where errors are not rare. See ``benchmarks/interval_coverage.py``. It knows the errors of
    these clips only: where one clip in 20 is lost whole, and none of yours was, it is too low.

    Parameters
    ----------
    score : Score
    groups : sequence, optional
        One label for each clip; clips of a group count as one. Clips that share a sentence or a
        speaker are not independent: without their group the interval is too narrow.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Interval
        Without ends where there are fewer than 8 groups, or no error at all: then the rule of
        three says how many of all clips may still have one.

    Raises
    ------
    MetricsError
        The confidence is not between 0 and 1, or not one label for each clip.

    Notes
    -----
    Taught in: notebooks/09_evaluate.ipynb. Methods: Efron and Tibshirani (1993), chapter 11;
    Satterthwaite (1946); Hanley and Lippman-Hand (1983).
    """
    return rate_interval(*counts(score, groups=groups), confidence=confidence)


def rate_interval(
    errors: Sequence[int] | np.ndarray,
    words: Sequence[int] | np.ndarray,
    *,
    confidence: float = 0.95,
) -> Interval:
    """:func:`interval` from the errors and the words said of each independent part."""
    errors, words = np.asarray(errors), np.asarray(words)
    n, value = len(errors), float(errors.sum() / max(1, words.sum()))
    if none := _no_interval(value, n, confidence):
        return none
    if not errors.any():
        most = 1 - (1 - confidence) ** (1 / n)
        reason = f"no error in {n} clips, up to {most:.0%} of all may have one"
        return Interval(0.0, math.nan, math.nan, confidence, reason)
    factor = math.exp(_half_width(errors, words, confidence, most=n - 1) / value)
    return Interval(value, value / factor, value * factor, confidence)


def compare(
    a: Score, b: Score, *, groups: Sequence[Hashable] | None = None, confidence: float = 0.95
) -> Comparison:
    """Is system B better than system A, on the clips that both transcribed?

    The clips are compared in pairs: what makes a clip hard for both cancels out. The interval is
    Student's t with the jackknife's spread, and half as many degrees of freedom as clips: a few
    clips often make most of a difference. In the simulations of :func:`interval` it contains the
    true difference in 93 to 98 % of the cases, from 8 clips on, and in up to 100 % where only a
    few clips differ. Where none differs there is no interval.

    Parameters
    ----------
    a, b : Score
        Of the same clips in the same order, with the same normalizer.
    groups, confidence
        As in :func:`interval`.

    Raises
    ------
    MetricsError
        The scores are of different clips, or as in :func:`interval`.

    Notes
    -----
    Taught in: notebooks/09_evaluate.ipynb. Pairing: Bisani and Ney (2004), "Bootstrap estimates
    for confidence intervals in ASR performance evaluation".
    """
    if [(c.name, c.reference) for c in a.clips] != [(c.name, c.reference) for c in b.clips]:
        raise MetricsError("Expected two scores of the same clips in the same order.")
    for what in ("normalizer", "unit"):
        if getattr(a, what) != getattr(b, what):
            raise MetricsError(
                f"Expected one {what}, found {getattr(a, what)} and {getattr(b, what)}."
            )
    errors_a, words = counts(a, groups=groups)
    errors_b, _ = counts(b, groups=groups)
    changes = [y.words.errors - x.words.errors for x, y in zip(a.clips, b.clips, strict=True)]
    return Comparison(
        change_interval(errors_a, errors_b, words, confidence=confidence),
        better=sum(change < 0 for change in changes),
        worse=sum(change > 0 for change in changes),
        equal=changes.count(0),
    )


def change_interval(
    errors_a: Sequence[int] | np.ndarray,
    errors_b: Sequence[int] | np.ndarray,
    words: Sequence[int] | np.ndarray,
    *,
    confidence: float = 0.95,
) -> Interval:
    """The difference of :func:`compare` from the counts of each independent part."""
    change, words = np.subtract(errors_b, errors_a), np.asarray(words)
    n, value = len(change), float(change.sum() / max(1, words.sum()))
    if none := _no_interval(value, n, confidence):
        return none
    if not change.any():
        return Interval(0.0, math.nan, math.nan, confidence, f"no clip of {n} differs")
    half = _half_width(change, words, confidence, most=n / 2)
    return Interval(value, value - half, value + half, confidence)


def counts(
    score: Score, *, groups: Sequence[Hashable] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Errors and words said of each independent part: a clip, or a group of clips."""
    labels = range(len(score.clips)) if groups is None else groups
    parts = score.by(labels).values()
    return np.array([p.errors for p in parts]), np.array([p.n_reference for p in parts])


def _no_interval(value: float, n: int, confidence: float) -> Interval | None:
    """The value alone, if there are too few groups."""
    if not 0 < confidence < 1:
        raise MetricsError(f"Expected a confidence between 0 and 1, found {confidence}.")
    if n >= MIN_GROUPS:
        return None
    reason = f"only {n} independent clips, {MIN_GROUPS} are needed"
    return Interval(value, math.nan, math.nan, confidence, reason)


def _moves(errors: np.ndarray, words: np.ndarray) -> np.ndarray:
    """How far a corpus rate moves when each group is left out."""
    rates = (errors.sum() - errors) / np.maximum(1, words.sum() - words)
    return rates - errors.sum() / max(1, words.sum())


def _spread(errors: np.ndarray, words: np.ndarray) -> float:
    """The standard error of a corpus rate: the jackknife's."""
    n = len(words)
    return float(np.sqrt((n - 1) / n * np.sum(_moves(errors, words) ** 2)))


def _half_width(errors: np.ndarray, words: np.ndarray, confidence: float, *, most: float) -> float:
    """Student's t times the spread, with at most so many degrees of freedom."""
    from scipy import stats

    degrees = _degrees(_moves(errors, words), most)
    return float(stats.t.ppf((1 + confidence) / 2, degrees) * _spread(errors, words))


def _degrees(moves: np.ndarray, most: float) -> float:
    """Degrees of freedom: fewer where a few groups make most of the spread.

    Then the spread itself is little known: its variance follows from the kurtosis.
    """
    n, squares = len(moves), (moves - moves.mean()) ** 2
    if not squares.any():
        return most
    kurtosis = np.mean(squares**2) / np.mean(squares) ** 2
    return float(np.clip(2 * n / max(1e-9, kurtosis - (n - 3) / (n - 1)), MIN_DEGREES, most))


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
