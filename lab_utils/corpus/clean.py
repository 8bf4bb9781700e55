"""Noise and level: a spectral gate in blocks, loudness after ITU-R BS.1770, short fades.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CorpusError

if TYPE_CHECKING:
    import pyloudnorm

N_FFT = 1024
HOP_LENGTH = 256
FRAMES_AT_ONCE = 256  #: columns that stay in the processor's cache
SPREAD = 1.5  #: standard deviations (in dB) by which a signal exceeds the mean of the noise
METHODS = ("none", "gate", "noisereduce")


@functools.lru_cache(maxsize=1)
def _window() -> np.ndarray:
    return np.hanning(N_FFT + 1)[:N_FFT].astype(np.float32)


def power_spectra(frames: np.ndarray) -> np.ndarray:
    """Power of each windowed frame: (n_frames, 1024) samples -> (n_frames, 513)."""
    import scipy.fft

    Z = scipy.fft.rfft(frames * _window(), axis=1)
    return Z.real**2 + Z.imag**2


def noise_profile(frames: np.ndarray) -> np.ndarray:
    """The power above which a time-frequency cell counts as signal: float32, shape (513,).

    Parameters
    ----------
    frames : np.ndarray, float32, shape (n_frames, 1024)
        Pieces of the recording in which nobody speaks.

    Raises
    ------
    CorpusError
        There is no frame to learn from.
    """
    if frames.ndim != 2 or len(frames) == 0:
        raise CorpusError(
            "Expected moments without speech to learn the noise from, found none. Leave a second "
            "of silence in the recording, or prepare it without noise reduction."
        )
    decibels = 10 * np.log10(np.maximum(power_spectra(frames), 1e-10))
    return (10 ** ((decibels.mean(axis=0) + SPREAD * decibels.std(axis=0)) / 10)).astype("f4")


def gate(y: np.ndarray, profile: np.ndarray, *, floor: float = 0.1) -> np.ndarray:
    """Turn down every time-frequency cell that is no louder than the noise.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
    profile : np.ndarray, shape (513,)
        From :func:`noise_profile`, at the same sampling rate.
    floor : float
        What is left of a gated cell's amplitude: 0.1 is 20 dB less.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb. A stationary spectral gate as in ``noisereduce``: the
    yes/no mask is smoothed over 9 bands and 5 frames. It works on ``FRAMES_AT_ONCE`` columns at a
    time, so that they stay in the cache.
    """
    import scipy.fft

    window, overlap = _window(), N_FFT // HOP_LENGTH
    padded = np.pad(y, (N_FFT, N_FFT + -len(y) % HOP_LENGTH))  # every sample in four windows
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP_LENGTH]
    out = np.zeros(len(padded) + N_FFT, np.float32)
    gains = (floor + (1 - floor) * np.arange(46) / 45).astype(np.float32)  # of 45 cells around
    for a in range(0, len(frames), FRAMES_AT_ONCE):
        b = min(len(frames), a + FRAMES_AT_ONCE)
        first, last = max(0, a - 2), min(len(frames), b + 2)  # the mask looks 2 frames around
        Z = scipy.fft.rfft(frames[first:last] * window, axis=1)
        loud = np.zeros((b - a + 4, Z.shape[1] + 8), np.uint8)  # with a margin of zeros
        loud[first - a + 2 : last - a + 2, 4:-4] = Z.real**2 + Z.imag**2 > profile
        Z = Z[a - first : b - first]
        Z *= np.take(gains, _loud_around(loud))
        pieces = scipy.fft.irfft(Z, N_FFT, axis=1) * window
        pieces = pieces.reshape(b - a, overlap, HOP_LENGTH)
        block = np.zeros((b - a + overlap - 1, HOP_LENGTH), np.float32)
        for i in range(overlap):
            block[i : i + b - a] += pieces[:, i]
        out[a * HOP_LENGTH : a * HOP_LENGTH + block.size] += block.ravel()
    # squared Hann windows at a quarter hop add up to 1.5
    return out[N_FFT : N_FFT + len(y)] / np.float32(1.5)


def _loud_around(loud: np.ndarray) -> np.ndarray:
    """How many of the 9 x 5 cells around each are loud; the edges are not in the result."""
    two = loud[:, :-1] + loud[:, 1:]
    four = two[:, :-2] + two[:, 2:]
    bands = four[:, :-5] + four[:, 4:-1] + loud[:, 8:]
    two = bands[:-1] + bands[1:]
    return two[:-3] + two[2:-1] + bands[4:]


def reduce_noise(y: np.ndarray, frames: np.ndarray, *, sr: int, method: str) -> np.ndarray:
    """Reduce noise in one clip by a method's name, with a profile learned from ``frames``.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
    frames : np.ndarray, float32, shape (n_frames, 1024)
        Pieces of the same recording in which nobody speaks.
    method : {"none", "gate", "noisereduce"}
    """
    if method not in METHODS:
        raise CorpusError(f"Expected noise reduction by one of {METHODS}, found {method!r}.")
    if method == "none" or len(frames) == 0:
        return y
    if method == "gate":
        return gate(y, noise_profile(frames))
    import noisereduce

    noise = frames.reshape(-1)
    return noisereduce.reduce_noise(y=y, sr=sr, y_noise=noise, stationary=True).astype("f4")


@functools.lru_cache(maxsize=4)
def _meter(sr: int) -> pyloudnorm.Meter:
    import pyloudnorm

    return pyloudnorm.Meter(sr)


def loudness(y: np.ndarray, *, sr: int) -> float:
    """Loudness in LUFS after ITU-R BS.1770 (pyloudnorm); -inf for silence.

    Raises
    ------
    CorpusError
        The clip is shorter than one measuring block, 0.4 s.
    """
    if len(y) < 0.4 * sr:
        raise CorpusError(f"Loudness needs at least 0.4 s of sound, found {len(y) / sr:.2f} s.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the logarithm of silence
        value = float(_meter(sr).integrated_loudness(y))
    return value if np.isfinite(value) else -np.inf


def level(y: np.ndarray, *, sr: int, target: float = -23.0, peak: float = 0.89) -> np.ndarray:
    """Bring a clip to ``target`` LUFS, or as near as its highest sample may go (``peak``)."""
    measured = loudness(y, sr=sr)
    if measured == -np.inf:
        return y
    gain = 10 ** ((target - measured) / 20)
    highest = float(np.abs(y).max())
    return y * np.float32(min(gain, peak / highest))


def fade(y: np.ndarray, *, sr: int, seconds: float = 0.005) -> np.ndarray:
    """Fade both ends in and out, so that a clip neither begins nor ends with a click."""
    n = min(round(seconds * sr), len(y) // 2)
    y, ramp = y.copy(), np.linspace(0, 1, n, dtype=np.float32)
    if n:
        y[:n] *= ramp
        y[-n:] *= ramp[::-1]
    return y
