"""Several channels become one: the average, unless the channels cancel each other out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CANCELS = 15.0  #: dB below the loudest channel from which on the mix is not taken


@dataclass(frozen=True)
class Mixing:
    """How a recording becomes mono."""

    channel: int | None = None  #: the channel that is taken, from 0; None for the average of all
    note: str = ""  #: why one channel is taken, a sentence

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Mono samples, shape (n,), of frames, shape (n, n_channels)."""
        n_channels = frames.shape[1]
        if n_channels == 1 or self.channel is not None:
            return frames[:, self.channel or 0].copy()
        return frames @ np.full(n_channels, 1 / n_channels, np.float32)


class Levels:
    """Power of each channel and of the mix, summed up block by block."""

    def __init__(self, n_channels: int) -> None:
        self._products = np.zeros((n_channels, n_channels))

    def add(self, frames: np.ndarray) -> None:
        with np.errstate(invalid="ignore", over="ignore"):  # told when the samples are read
            products = frames.T @ frames
        if np.isfinite(products).all():
            self._products += products

    @property
    def loss(self) -> float:
        """dB that the mix is below the loudest channel; infinite for silence.

        With more than two channels, less what is lost when all but one are silent.
        """
        loudest = float(np.diag(self._products).max())
        if loudest == 0:
            return float("inf")
        mix = float(self._products.sum()) / 4
        return float(10 * np.log10(loudest / max(mix, 1e-12 * loudest)))

    def mixing(self, name: str) -> Mixing:
        """The average, or the loudest channel where the mix loses it."""
        if not CANCELS < self.loss < np.inf:
            return Mixing()
        power = np.diag(self._products)
        channel = int(np.argmax(power))
        return Mixing(
            channel,
            f"{name}: its channels cancel each other out when they are mixed, as if one were wired "
            f"the wrong way around; channel {channel + 1} of {len(power)} is taken.",
        )
