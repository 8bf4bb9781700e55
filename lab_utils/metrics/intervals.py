"""How sure a score is, and whether one system is better than another."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import MetricsError
from .scores import Score


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
