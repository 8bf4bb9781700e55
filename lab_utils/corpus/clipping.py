"""Clipping: flat tops in the source's own samples, and the pile-up that is left where they blur.

A wave that is too loud for the converter is cut off at one height, its ceiling. In samples that
nobody touched since, each cut-off top is flat and all have the same height: that is certain.
Resampling, a lossy codec or a filter round the tops off. What stays is a crowd of samples at the
ceiling where speech has ever fewer: that raises a suspicion, and is certain only when it is gross.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FRAME = 0.01  #: seconds in which one flat top is looked for
LEAST_FLAT = 125e-6  #: seconds that a flat top lasts; three samples or more
LEAST_TOPS = 3  #: of one height; a single one may be a pop of the breath
COARSE = 4e-3  #: of the height: where the samples know no finer steps, more tops are needed
LEAST_COARSE = (8, 0.01)  #: so many, and this share of the frames
LOWEST = 0.02  #: the lowest ceiling that is looked for: below it the steps of 8 bits are flat tops
DEPTH = 5e-4  #: of its height: how even a top must be to be flat, and at least 1.5 steps of 16 bits
SUSPECTED = 1.4  #: pile-up above which a clip is suspected
CERTAIN = (2.0, 0.02)  #: pile-up and crowd above which even blurred clipping is certain
MOST_CLIPPED = 0.02  #: share of a clip that may be clipped before it is dropped

_BINS = 1000  # of the histogram, in each direction
_WIDTH = 1.12  # of the ceiling's window and of the one below it, as a ratio of levels
_LEAST_CROWD = 0.002  # share of the samples that makes a ceiling
_MOST_ABOVE = 0.25  # samples above a ceiling, as a share of those at it


@dataclass(frozen=True)
class Clipping:
    """What speaks for clipping in a clip."""

    flat: float  #: share of its 10 ms frames that have a flat top at the common height
    pile_up: float  #: how many times as many samples are at the ceiling as just below it
    crowd: float  #: share of its samples at that ceiling

    @property
    def share(self) -> float:
        """The share of the clip that is clipped for certain."""
        gross = self.pile_up > CERTAIN[0] and self.crowd > CERTAIN[1]
        return max(self.flat, self.crowd if gross else 0.0)

    def words(self, limit: float = SUSPECTED) -> str:
        """What was found, for a person; empty where there is not even a suspicion."""
        if self.flat:
            return f"flat tops in {self.flat:.1%} of its 10 ms frames"
        if self.pile_up > limit:
            return f"{self.pile_up:.1f} times as many samples at the ceiling as just below"
        return ""


def examine(y: np.ndarray, *, sr: int) -> Clipping:
    """Both kinds of evidence in a whole clip, float32, shape (n_samples,) or (n, n_channels)."""
    frames = y.reshape(len(y), -1)
    tops = FlatTops(sr=sr)
    tops.feed(frames)
    return Clipping(tops.share(), *pile_up(frames.mean(axis=1)))


class FlatTops:
    """The flat tops of a stream at its own rate: in each channel, upward and downward.

    Only the tops are kept, so clean sound takes no memory however long it is.
    """

    def __init__(self, *, sr: int) -> None:
        self._length = max(8, round(FRAME * sr))
        self._seconds = self._length / sr
        self._run = max(3, 1 + round(LEAST_FLAT * sr))
        self._rest = np.zeros((0, 1), np.float32)
        self._n_frames = 0
        self._found: list[np.ndarray] = []  # rows: frame, side (two a channel), level, step

    def feed(self, frames: np.ndarray) -> None:
        """Take the next samples as they are in the source, float32, shape (n, n_channels)."""
        if len(self._rest):
            frames = np.concatenate([self._rest, frames])
        n = len(frames) // self._length
        self._rest = frames[n * self._length :].copy()
        if n:
            for channel, y in enumerate(np.ascontiguousarray(frames[: n * self._length].T)):
                self._look(y, 2 * channel)
            self._n_frames += n

    def _look(self, y: np.ndarray, side: int) -> None:
        """Note the frames whose highest, or lowest, samples are a flat top."""
        pieces, middle = y.reshape(-1, self._length), y.mean()
        for sign, places in ((1, pieces.argmax(axis=1)), (-1, pieces.argmin(axis=1))):
            places += self._length * np.arange(len(pieces))
            levels = y[places]
            heights = sign * (levels - middle)
            loud = np.flatnonzero(heights >= max(LOWEST, heights.max() / 2))
            around = places[loud, None] + np.arange(-self._run, self._run + 1)
            below = np.abs(y[around.clip(0, len(y) - 1)] - levels[loud, None])
            flat = (below <= _depth(heights[loud])[:, None]).sum(axis=1) >= self._run
            if (frames := loud[flat]).size:
                rows = np.empty((len(frames), 4))
                rows[:, 0], rows[:, 1] = frames + self._n_frames, side + (sign < 0)
                rows[:, 2] = sign * levels[frames]
                rows[:, 3] = below.min(where=below > 0, initial=2.0)
                self._found.append(rows)

    def share(self, start: float = 0.0, end: float = np.inf) -> float:
        """Share of the frames from ``start`` to ``end`` seconds with a flat top at the ceiling.

        0 unless there are some, of one height, and at most half as many of other heights: the
        coarse steps of 8 bits or G.711 make flat tops too, but few, and at every height.
        """
        if not self._found:
            return 0.0
        first, last = start / self._seconds, min(end / self._seconds, self._n_frames)
        self._found = [np.concatenate(self._found)] if len(self._found) > 1 else self._found
        tops = self._found[0]
        tops = tops[(tops[:, 0] >= np.floor(first)) & (tops[:, 0] < last)]
        shares, n_frames = [0.0], max(1.0, last - first)
        for channel in np.unique(tops[:, 1] // 2):
            at, n_below, coarse = [], 0, False
            for side in (2 * channel, 2 * channel + 1):
                frames, _, levels, steps = tops[tops[:, 1] == side].T
                if len(levels):
                    coarse |= np.median(steps) > COARSE * levels.max()
                    near = levels >= levels.max() - 3 * _depth(levels.max())
                    at.append(frames[near])
                    n_below += np.count_nonzero(~near)
            share = len(np.unique(np.concatenate(at))) / n_frames
            least, least_share = LEAST_COARSE if coarse else (LEAST_TOPS, 0.0)
            if sum(map(len, at)) >= max(least, 2 * n_below) and share >= least_share:
                shares.append(share)
        return min(1.0, max(shares))


def _depth(height: np.ndarray) -> np.ndarray:
    """How far below its highest sample a top of this height may fall and is still flat."""
    return np.maximum(DEPTH * np.abs(height), 1.5 / 32768)


def pile_up(y: np.ndarray) -> tuple[float, float]:
    """How samples crowd at a ceiling: the ratio to those just below, and their share of the clip.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)

    Notes
    -----
    Each direction has its own ceiling, and the mean is taken off first: an offset is not clipping.
    For any level that few samples exceed, the samples within 6 % of it are compared with those in
    a window of the same ratio below it. Speech has fewer at the top, at any loudness.
    """
    y = y - np.mean(y, dtype=np.float64).astype(np.float32) if len(y) else y
    highest = float(np.abs(y).max(initial=0))
    if highest == 0:
        return 0.0, 0.0
    loud = y[np.abs(y) > 0.3 * highest]  # nothing softer is looked at
    counts = np.bincount((loud * (_BINS / highest) + _BINS).astype(int), minlength=2 * _BINS + 1)
    best = (0.0, 0.0)
    for side in (counts[_BINS:], counts[_BINS::-1]):
        below = np.append(0, np.cumsum(side))  # samples below each bin
        top = np.searchsorted(below, below[-1] - max(1, len(y) // 20_000))
        ceilings = top * np.geomspace(0.4, 1.0, 25)
        edges = [_WIDTH**-2, _WIDTH**-1, _WIDTH**-0.5, _WIDTH**0.5]
        a, b, c, d = (below[np.rint(e * ceilings).astype(int).clip(max=_BINS + 1)] for e in edges)
        crowd = d - c
        ratio = crowd / (b - a + 3)
        ratio[(crowd < _LEAST_CROWD * len(y)) | (below[-1] - d > _MOST_ABOVE * crowd)] = 0
        i = int(ratio.argmax())
        best = max(best, (float(ratio[i]), float(crowd[i]) / len(y)))
    return best
