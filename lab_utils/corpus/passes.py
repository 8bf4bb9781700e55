"""The two passes over a recording: listen, then cut. Memory does not grow with its length.

The first pass finds where speech is and what the room sounds like. The second reads the same file
again and hands out the samples of each span.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from . import clean, split, streams
from .speech import SAMPLE_RATE, SpeechDetector
from .split import Span

MOST_FRAMES = 4096  #: pieces of sound kept to learn the noise from: 16 MB
NEAREST_FRAMES = 48  #: a clip's noise is learned from this many pieces around it


@dataclass(frozen=True)
class Listening:
    """What the first pass heard in a recording.

    Attributes
    ----------
    probabilities : np.ndarray, float32, shape (n_windows,)
        Of speech, one each 32 ms.
    duration : float
        Seconds.
    noise : np.ndarray, float32, shape (n_frames, 1024)
        Pieces in which nobody speaks.
    noise_times : np.ndarray, shape (n_frames,)
        Where they lie, in seconds.
    """

    probabilities: np.ndarray
    duration: float
    noise: np.ndarray
    noise_times: np.ndarray

    def noise_near(self, span: Span) -> np.ndarray:
        """The pieces of noise nearest to a span: a ventilator may run for a while only."""
        middle = (span.start + span.end) / 2
        order = np.argsort(np.abs(self.noise_times - middle), kind="stable")
        return self.noise[np.sort(order[:NEAREST_FRAMES])]


def listen(path: str | os.PathLike, *, sr: int) -> Listening:
    """First pass: speech probabilities and an even sample of pieces without speech."""
    import soxr
    import torch

    detector, frames = SpeechDetector(), _Sample(clean.N_FFT)
    down = soxr.ResampleStream(sr, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # one core a recording: more recordings at a time, not more threads
    try:
        for y in streams.blocks(path, sr=sr):
            frames.feed(y)
            detector.feed(y if sr == SAMPLE_RATE else down.resample_chunk(y))
        if sr != SAMPLE_RATE:
            detector.feed(down.resample_chunk(np.zeros(0, np.float32), last=True))
        probabilities = detector.finish()
    finally:
        torch.set_num_threads(threads)
    times = frames.starts / sr
    windows = np.minimum((times / split.STEP).astype(int), len(probabilities) - 1)
    around = windows[:, None] + np.arange(-3, 5)
    quiet = probabilities[np.clip(around, 0, len(probabilities) - 1)].max(axis=1) < 0.2
    quiet &= np.abs(frames.pieces).max(axis=1) > 0  # digital silence says nothing of the room
    return Listening(
        probabilities, frames.n_samples / sr, frames.pieces[quiet], times[quiet].astype(float)
    )


class _Sample:
    """Every k-th piece of a stream; k doubles when there are too many."""

    def __init__(self, length: int) -> None:
        self.length, self.stride, self.n_samples = length, 1, 0
        self._rest, self._kept, self._number = np.zeros(0, np.float32), [], 0

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


def cut(path: str | os.PathLike, spans: list[Span], *, sr: int) -> Iterator[np.ndarray]:
    """Second pass: the samples of each span, in order, read in one go through the file.

    Parameters
    ----------
    path : path-like
    spans : list of Span
        Sorted; they may touch but not overlap.
    sr : int
        Hz of what is yielded.

    Yields
    ------
    np.ndarray, float32, shape (n_samples,)
    """
    todo = [(round(span.start * sr), round(span.end * sr)) for span in spans]
    buffer, offset, i = np.zeros(0, np.float32), 0, 0
    for y in streams.blocks(path, sr=sr):
        if i == len(todo):
            return
        buffer = np.concatenate([buffer, y])
        while i < len(todo) and todo[i][1] <= offset + len(buffer):
            a, b = todo[i]
            yield buffer[a - offset : b - offset]
            i += 1
        keep = min(todo[i][0] - offset, len(buffer)) if i < len(todo) else len(buffer)
        buffer, offset = buffer[max(0, keep) :], offset + max(0, keep)
    for a, _ in todo[i:]:
        yield buffer[a - offset :]
