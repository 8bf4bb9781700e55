"""Where to cut a recording: on speech, on energy (the lesson that fails in noise), on a fixed grid.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..constants import CHUNK_LENGTH
from ..errors import CorpusError
from . import speech

STEP = speech.WINDOW / speech.SAMPLE_RATE  #: seconds of one speech decision


@dataclass(frozen=True)
class Span:
    """A stretch of a recording, in seconds."""

    start: float
    end: float

    @property
    def duration(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class SplitSettings:
    """How speech probabilities become clips; every time in seconds."""

    on: float = 0.5  #: speech begins where the probability reaches this
    off: float = 0.35  #: and ends where it stays below this
    pause: float = 0.4  #: a gap shorter than this does not end a clip
    pad: float = 0.15  #: kept before and after, so that no soft sound at the edge is lost
    shortest: float = 1.0  #: a shorter clip is dropped
    longest: float = 15.0  #: a longer one is cut at its least speech-like moment

    def __post_init__(self) -> None:
        if not 0 < self.off <= self.on < 1:
            raise CorpusError(
                f"Expected 0 < off <= on < 1 for the speech thresholds, found off={self.off}, "
                f"on={self.on}."
            )
        if not 0 <= self.shortest < self.longest <= CHUNK_LENGTH:
            raise CorpusError(
                f"Expected 0 <= shortest < longest <= {CHUNK_LENGTH} seconds (Whisper hears no "
                f"more at a time), found shortest={self.shortest}, longest={self.longest}."
            )
        if not (0 <= self.pause < np.inf and 0 <= self.pad < np.inf):
            raise CorpusError(
                f"Expected a pause and a pad of 0 s or more, found {self.pause} and {self.pad}."
            )


def on_speech(
    probabilities: np.ndarray, *, duration: float, settings: SplitSettings | None = None
) -> list[Span]:
    """Turn speech probabilities into spans to cut.

    Parameters
    ----------
    probabilities : np.ndarray, shape (n_windows,)
        From :func:`lab_utils.corpus.speech.speech_probabilities`, one each 32 ms.
    duration : float
        Seconds of the whole recording.

    Returns
    -------
    list of Span
        In order, not overlapping, none longer than ``settings.longest``. Spans shorter than
        ``settings.shortest`` are in the list: the caller drops them and says so.
    """
    settings = settings or SplitSettings()
    runs = _runs(probabilities, settings, pause=settings.pause)
    pieces = [piece for run in runs for piece in _limit(run, probabilities, settings)]
    return _padded(pieces, duration, settings.pad)


def at_cuts(
    probabilities: np.ndarray,
    cuts: Sequence[float],
    *,
    duration: float,
    settings: SplitSettings | None = None,
) -> list[Span | None]:
    """Cut at given times, and trim each part to the speech in it.

    Parameters
    ----------
    probabilities : np.ndarray, shape (n_windows,)
        From :func:`lab_utils.corpus.speech.speech_probabilities`, one each 32 ms.
    cuts : sequence of float
        Seconds, in order.
    duration : float
        Seconds of the whole recording.

    Returns
    -------
    list of Span or None
        One more than there are cuts, with the pad on both sides; None where nobody speaks.
    """
    settings = settings or SplitSettings()
    edges = [0, *(round(cut / STEP) for cut in cuts), len(probabilities)]
    runs = _runs(probabilities, settings, pause=0.0)
    parts: list[list[int] | None] = []
    for first, last in itertools.pairwise(edges):
        inside = [(max(a, first), min(b, last)) for a, b in runs if a < last and b > first]
        parts.append([inside[0][0], inside[-1][1]] if inside else None)
    padded = iter(_padded([part for part in parts if part], duration, settings.pad))
    return [next(padded) if part else None for part in parts]


def pauses(probabilities: np.ndarray, *, settings: SplitSettings | None = None) -> list[Span]:
    """Every stretch without speech, however short, in order."""
    runs = _runs(probabilities, settings or SplitSettings(), pause=0.0)
    ends = [0, *itertools.chain.from_iterable(runs), len(probabilities)]
    return [Span(a * STEP, b * STEP) for a, b in zip(ends[::2], ends[1::2], strict=True) if a < b]


def _runs(probabilities: np.ndarray, settings: SplitSettings, *, pause: float) -> list[list[int]]:
    """First and last window of every stretch of speech; a gap shorter than ``pause`` ends none."""
    runs: list[list[int]] = []
    speaking = False
    for i, p in enumerate(probabilities):
        if not speaking and p >= settings.on:
            speaking = True
            if not runs or (i - runs[-1][1]) * STEP >= pause:
                runs.append([i, i])
        elif p < settings.off:
            speaking = False
        if speaking:
            runs[-1][1] = i + 1
    return runs


def _limit(run: list[int], probabilities: np.ndarray, settings: SplitSettings) -> list[list[int]]:
    """Cut a run that is too long where speech is least likely, in the second half of the limit."""
    most = int((settings.longest - 2 * settings.pad) / STEP)
    pieces, (start, end) = [], run
    while end - start > most:
        window = probabilities[start + most // 2 : start + most]
        smooth = np.convolve(window, np.ones(5) / 5, mode="same")
        cut = start + most // 2 + int(np.argmin(smooth[2:-2])) + 2
        pieces.append([start, cut])
        start = cut
    return [*pieces, [start, end]]


def _padded(pieces: list[list[int]], duration: float, pad: float) -> list[Span]:
    """Add the pad on both sides; where two pads would meet, they share the gap."""
    times = [(a * STEP, min(b * STEP, duration)) for a, b in pieces]
    spans = []
    for i, (start, end) in enumerate(times):
        before = times[i - 1][1] if i else -np.inf
        after = times[i + 1][0] if i + 1 < len(times) else np.inf
        first = max(0.0, start - pad, (before + start) / 2)
        last = min(duration, end + pad, (end + after) / 2)
        spans.append(Span(round(first, 4), round(last, 4)))
    return spans


def on_energy(y: np.ndarray, *, sr: int, top_db: float = 35.0) -> list[Span]:
    """Split where the level falls ``top_db`` below the loudest moment (``librosa.effects.split``).

    Right in a quiet room; in noise the pauses are as loud as the threshold and nothing is cut.
    """
    import librosa

    intervals = librosa.effects.split(y, top_db=top_db)
    return [Span(start / sr, end / sr) for start, end in intervals.tolist()]


def on_grid(duration: float, *, every: float = 30.0) -> list[Span]:
    """Cut each ``every`` seconds, whatever is being said."""
    if every <= 0:
        raise CorpusError(f"Expected a grid of more than 0 seconds, found {every}.")
    starts = np.arange(0, duration, every)
    return [Span(float(a), float(min(a + every, duration))) for a in starts]


def broken(spans: list[Span], words: list[tuple[float, float]], *, margin: float = 0.02) -> int:
    """How many words (start, end in seconds) a cut runs through, at least ``margin`` s deep."""
    cuts = np.array(sorted({t for span in spans for t in (span.start, span.end)}))
    return sum(bool(((cuts > a + margin) & (cuts < b - margin)).any()) for a, b in words)


def found(spans: list[Span], truth: list[tuple[float, float]], *, slack: float = 0.3) -> int:
    """How many true stretches of speech have one span of their own, ends within ``slack`` s."""
    return sum(
        any(abs(s.start - a) <= slack and abs(s.end - b) <= slack for s in spans) for a, b in truth
    )
