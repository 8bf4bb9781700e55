"""Two steps through a recording: listen, then cut. Memory does not grow with its length.

The first step decodes the recording once, finds where speech is and what the room sounds like, and
keeps the samples in a file on disk. The second takes the samples of each span from there.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from .. import audio
from . import clean, split
from .clipping import FlatTops
from .speech import SAMPLE_RATE, SpeechDetector
from .split import Span

MOST_FRAMES = 4096  #: pieces of sound kept to learn the noise from: 16 MB
NEAREST_FRAMES = 48  #: a clip's noise is learned from this many pieces around it


@dataclass(frozen=True)
class Listening:
    """What the first pass heard in a recording."""

    probabilities: np.ndarray  #: of speech, one each 32 ms: float32, shape (n_windows,)
    duration: float  #: seconds
    noise: np.ndarray  #: pieces in which nobody speaks: float32, shape (n_frames, 1024)
    noise_times: np.ndarray  #: where they lie, in seconds: shape (n_frames,)
    flat_tops: FlatTops  #: of the source's own samples
    note: str = ""  #: what the reader should know about the recording

    def noise_near(self, span: Span) -> np.ndarray:
        """The pieces of noise nearest to a span: a fan may run for a while only."""
        middle = (span.start + span.end) / 2
        order = np.argsort(np.abs(self.noise_times - middle), kind="stable")
        return self.noise[np.sort(order[:NEAREST_FRAMES])]


def listen(path: str | os.PathLike, *, sr: int, keep: BinaryIO | None = None) -> Listening:
    """First step: where speech is, an even sample of pieces without it, and flat tops.

    Parameters
    ----------
    sr : int
        Hz of the noise and of what is kept.
    keep : binary file, optional
        Open for writing: gets the samples as float32, for :func:`cut`. 318 MB an hour at 22050 Hz.
    """
    import soxr
    import torch

    detector, frames = SpeechDetector(), _Sample(clean.N_FFT)
    down = soxr.ResampleStream(sr, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # one core a recording: more recordings at a time, not more threads
    try:
        with audio.Recording(path) as recording:
            mixing = recording.mixing()
            tops = FlatTops(sr=recording.sr)

            def mono(source: np.ndarray) -> np.ndarray:
                tops.feed(source if mixing.channel is None else source[:, [mixing.channel]])
                return mixing(source)

            for y in recording.blocks(sr=sr, mixing=mono):
                frames.feed(y)
                if keep is not None:
                    keep.write(y.data)
                detector.feed(y if sr == SAMPLE_RATE else down.resample_chunk(y))
        if sr != SAMPLE_RATE:
            detector.feed(down.resample_chunk(np.zeros(0, np.float32), last=True))
        probabilities = detector.finish()
    finally:
        torch.set_num_threads(threads)
    times, pieces = frames.starts / sr, frames.pieces
    windows = np.minimum((times / split.STEP).astype(int), len(probabilities) - 1)
    around = windows[:, None] + np.arange(-3, 5)
    quiet = probabilities[np.clip(around, 0, len(probabilities) - 1)].max(axis=1) < 0.2
    quiet &= np.abs(pieces).max(axis=1) > 0  # digital silence says nothing of the room
    return Listening(
        probabilities,
        frames.n_samples / sr,
        pieces[quiet],
        times[quiet].astype(float),
        tops,
        mixing.note,
    )


class _Sample:
    """Every k-th piece of a stream; k doubles when there are too many."""

    def __init__(self, length: int) -> None:
        self.length, self.stride, self.n_samples = length, 1, 0
        self._rest, self._number = np.zeros(0, np.float32), 0
        self._kept: list[tuple[int, np.ndarray]] = []

    def feed(self, y: np.ndarray) -> None:
        self.n_samples += len(y)
        y = np.concatenate([self._rest, y])
        n = len(y) // self.length
        for piece in y[: n * self.length].reshape(n, self.length):
            if self._number % self.stride == 0:
                self._kept.append((self._number, piece.copy()))
                if len(self._kept) > MOST_FRAMES:
                    self.stride *= 2
                    self._kept = self._kept[::2]
            self._number += 1
        self._rest = y[n * self.length :]

    @property
    def starts(self) -> np.ndarray:
        return np.array([number for number, _ in self._kept], dtype=int) * self.length

    @property
    def pieces(self) -> np.ndarray:
        pieces = [piece for _, piece in self._kept]
        return np.stack(pieces) if pieces else np.zeros((0, self.length), np.float32)


def cut(kept: BinaryIO, spans: list[Span], *, sr: int) -> Iterator[np.ndarray]:
    """Second step: the samples of each span, from what :func:`listen` kept at the rate ``sr``."""
    for span in spans:
        first, last = round(span.start * sr), round(span.end * sr)
        kept.seek(4 * first)
        yield np.frombuffer(kept.read(4 * (last - first)), np.float32).copy()
