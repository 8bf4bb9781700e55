"""How often do 95 % intervals of a word error rate contain the truth?

    python benchmarks/interval_coverage.py
    python benchmarks/interval_coverage.py --corpora 4000 --seed 7 --clips 10 12 16 24 40 100

Draws many small corpora from a known population, computes an interval from each, and counts how
often the true value lies inside; 95 of 100 is right. Compared are the percentiles of a bootstrap
(old) and ``metrics.rate_interval`` and ``metrics.change_interval`` (new). About a minute.

Populations: the clips of assets/results/two_systems.json, drawn again and again; invented clips of
3 to 20 words whose errors are as uneven as those of the stored results (for a clip, the expected
rate has a gamma distribution), also very uneven ones; long clips of 150 to 600 words; pairs of
clips that share a sentence; and clips of which a few are lost whole. The last one no interval
passes: where no clip of a corpus was lost, nothing in it says that some are.
A corpus without an error has no interval of its rate, and one in which no clip differs none of its
difference: "none" is the share of those; "new" does not count them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from lab_utils import metrics, samples

CLIPS = (8, 10, 12, 16, 24, 40, 100)
N_RESAMPLES = 400  # of each old interval
Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray, np.ndarray]]


def stored() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors of tiny.en, errors of base and words said, clip by clip."""
    path = samples.assets_dir() / "results" / "two_systems.json"
    rows = json.loads(Path(path).read_text("utf-8"))["clips"]
    said = [row["reference"] for row in rows]
    scores = [metrics.score(said, [row[name] for row in rows]) for name in ("tiny.en", "base")]
    (a, words), (b, _) = (metrics.counts(score) for score in scores)
    return a, b, words


def from_population(a: np.ndarray, b: np.ndarray, words: np.ndarray) -> Draw:
    def draw(rng, n):
        chosen = rng.integers(len(words), size=n)
        return a[chosen], b[chosen], words[chosen]

    return draw


def invented(
    rate_a: float, rate_b: float, *, shape: float, longest: int = 20, per_sentence: int = 1
) -> Draw:
    """Clips of 3 to 20 words, or longer ones. A small ``shape``: few clips with many errors each.

    With ``per_sentence`` 2 two voices read each sentence, and what is hard is hard for both.
    """

    def draw(rng, n):
        words = rng.integers(3 if longest == 20 else longest // 4, longest + 1, size=n)
        hard = rng.gamma(shape, 1 / shape, size=n) * words * per_sentence
        return rng.poisson(rate_a * hard), rng.poisson(rate_b * hard), words * per_sentence

    return draw


def lost(share: float, rate: float) -> Draw:
    """Clips of 3 to 20 words with few errors, but a share of them is lost whole, as in a loop."""

    def draw(rng, n):
        words = rng.integers(3, 21, size=n)
        a, b = (np.where(rng.random(n) < share, words, rng.binomial(words, rate)) for _ in "ab")
        return a, b, words

    return draw


def scenarios() -> dict[str, tuple[Draw, float, float]]:
    """Name → how to draw a corpus, the true rate of A, and the true difference B - A."""
    a, b, words = stored()
    total = words.sum()
    found = {
        "tiny.en and base": (from_population(a, b, words), a.sum() / total, (b - a).sum() / total)
    }
    for rate_a, rate_b, shape, how in (
        (0.02, 0.02, 1, "uneven"),
        (0.05, 0.03, 1, "uneven"),
        (0.10, 0.08, 1, "uneven"),
        (0.25, 0.20, 5, "even"),
        (0.25, 0.20, 1, "uneven"),
        (0.20, 0.01, 5, "even"),
        (0.10, 0.08, 0.3, "very uneven"),
    ):
        name = f"{rate_a:.0%} and {rate_b:.0%}, {how}"
        found[name] = (invented(rate_a, rate_b, shape=shape), rate_a, rate_b - rate_a)
    pairs = invented(0.1, 0.08, shape=1, per_sentence=2)
    found["10% and 8%, two voices a sentence"] = (pairs, 0.1, 0.08 - 0.1)
    for shape, how in ((5, "even"), (1, "uneven")):
        long = invented(0.1, 0.08, shape=shape, longest=600)
        found[f"10% and 8%, long clips, {how}"] = (long, 0.1, 0.08 - 0.1)
    found["1%, and 1 clip in 20 lost"] = (lost(0.05, 0.01), 0.05 + 0.95 * 0.01, 0.0)
    return found


def percentiles(errors: np.ndarray, words: np.ndarray, rng) -> metrics.Interval:
    """The interval that the course had before: the middle 95 % of the draws of a bootstrap."""
    draws = rng.integers(len(errors), size=(N_RESAMPLES, len(errors)))
    low, high = np.quantile(errors[draws].sum(1) / words[draws].sum(1), [0.025, 0.975])
    return metrics.Interval(errors.sum() / words.sum(), low, high)


def coverage(
    draw: Draw, rate: float, change: float, *, n: int, corpora: int, seed: int = 0
) -> dict[str, float]:
    """Shares of corpora whose interval contains the truth, and of those that have none."""
    rng = np.random.default_rng(seed)
    inside: dict[str, list[bool]] = {
        name: [] for name in ("rate old", "rate new", "change old", "change new")
    }
    for _ in range(corpora):
        a, b, words = draw(rng, n)
        for name, errors, truth, new in (
            ("rate", a, rate, metrics.rate_interval(a, words)),
            ("change", b - a, change, metrics.change_interval(a, b, words)),
        ):
            old = percentiles(errors, words, rng)
            inside[f"{name} old"].append(old.low <= truth <= old.high)
            if not new.reason:
                inside[f"{name} new"].append(new.low <= truth <= new.high)
    none = {f"{name} none": 1 - len(inside[f"{name} new"]) / corpora for name in ("rate", "change")}
    return {name: float(np.mean(hits)) for name, hits in inside.items()} | none


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora", type=int, default=1000, help="for each row of the table")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clips", type=int, nargs="+", default=CLIPS, help="sizes of a corpus")
    options = parser.parse_args(arguments)
    columns = ("rate old", "rate new", "rate none", "change old", "change new", "change none")
    print(f"{'A and B':34} {'clips':>5}  " + "  ".join(columns) + "  (%)")
    for name, (draw, rate, change) in scenarios().items():
        for n in options.clips:
            found = coverage(draw, rate, change, n=n, corpora=options.corpora, seed=options.seed)
            cells = [f"{100 * found[column]:{len(column)}.0f}" for column in columns]
            print(f"{name:34} {n:5}  " + "  ".join(cells), flush=True)


if __name__ == "__main__":
    main()
