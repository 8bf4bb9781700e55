"""Everything that is ``(y, sr)``: read, write, resample, trim and degrade a waveform.

Files are opened by ``recordings``, whose functions are part of this module.

A waveform ``y`` is mono float32, shape (n_samples,), nominal range [-1, 1]; its sampling rate
``sr`` is in Hz and always stands beside it.

Taught in: notebooks/05_waveform.ipynb.
"""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np

from .constants import MAX_SAMPLE_RATE, SAMPLE_RATE
from .errors import AudioError
from .ffmpeg import run_ffmpeg, shown
from .files import replacing
from .recordings import (  # noqa: F401 - part of this module for those who import it
    Found,
    Recording,
    blocks,
    check_rate,
    describe,
    find,
)

MOST_VALUES = 12 * 3600 * SAMPLE_RATE  #: samples that :func:`load` reads at most: 2.8 GB
TELEPHONE_BAND = (300.0, 3400.0)  #: Hz, the classic telephone channel (ITU-T G.712)
_CODECS = {"libmp3lame": ".mp3", "libopus": ".ogg", "aac": ".m4a"}


def load(
    path: str | os.PathLike,
    *,
    sr: int | None = SAMPLE_RATE,
    mono: bool = True,
    partial: bool = False,
) -> tuple[np.ndarray, int]:
    """Read a whole recording into memory: the blocks of :func:`blocks`, joined.

    Parameters
    ----------
    path : path-like
        Any audio or video container; playlists and streams are refused.
    sr : int or None
        The rate to resample to, in Hz; ``None`` keeps the file's own.
    mono : bool
        Average the channels; where they cancel, the loudest is taken, with an ``AudioWarning``.
    partial : bool
        Return what is there of a file that is cut off or damaged.

    Returns
    -------
    y : np.ndarray, float32
        Shape (n_samples,), or (n_channels, n_samples) if ``mono`` is false and there are several.
    sr : int

    Raises
    ------
    AudioError
        As :func:`blocks`, and for what is longer than memory should hold (``MOST_VALUES``).
    """
    with Recording(path, partial=partial) as recording:
        rate, separate = recording.sr, not mono and recording.channels > 1
        target = rate if sr is None else sr
        if not partial:
            per_sample = recording.channels if separate else max(0, target) / rate
            _check_size(recording.n_samples * per_sample, recording.path)
        parts, n_values = [], 0
        for y in recording.frames() if separate else recording.blocks(sr=sr):
            parts.append(y)
            n_values += y.size
            _check_size(n_values, recording.path)
    y = np.concatenate(parts)
    if separate:
        y = np.ascontiguousarray(y.T)
        y = y if target == rate else resample(y, sr=rate, target_sr=target)
    return y, target


def _check_size(n_values: float, path: Path) -> None:
    if n_values > MOST_VALUES:
        raise AudioError(
            f"{shown(path)} holds more than {MOST_VALUES / SAMPLE_RATE / 3600:g} hours of sound at "
            f"{SAMPLE_RATE:,} Hz would, too much for memory: go through it with audio.blocks, or "
            "cut it with 'python -m lab_utils corpus prepare'."
        )


def check(y: np.ndarray) -> np.ndarray:
    """Return ``y`` if it is a mono float waveform with finite values, else raise AudioError."""
    if not isinstance(y, np.ndarray) or y.ndim != 1:
        found = f"shape {y.shape}" if isinstance(y, np.ndarray) else type(y).__name__
        raise AudioError(
            f"Expected a mono waveform, a NumPy array of shape (n_samples,), found {found}. "
            "For several channels call audio.to_mono first."
        )
    if not np.issubdtype(y.dtype, np.floating):
        raise AudioError(
            f"Expected float samples between -1 and 1, found {y.dtype}. "
            "For 16-bit integers divide by 32768."
        )
    if y.size == 0:
        raise AudioError("The waveform is empty.")
    if not np.isfinite(y).all():
        raise AudioError("The waveform holds values that are not numbers (NaN or infinity).")
    return y


def to_mono(y: np.ndarray) -> np.ndarray:
    """Average the channels of ``y``, shape (n_channels, n_samples); one channel passes through."""
    return y if y.ndim == 1 else y.mean(axis=0, dtype=np.float32)


def resample(y: np.ndarray, *, sr: int, target_sr: int) -> np.ndarray:
    """Resample float32 samples, shape (..., n_samples), with soxr's high quality filter."""
    import soxr

    if not (0 < sr <= MAX_SAMPLE_RATE and 0 < target_sr <= min(MAX_SAMPLE_RATE, 256 * sr)):
        raise AudioError(
            f"Expected sampling rates above 0 Hz, up to {MAX_SAMPLE_RATE:,} Hz and at most 256 "
            f"times the old one, found {sr} and {target_sr}."
        )
    return np.ascontiguousarray(soxr.resample(y.T, sr, target_sr, quality="HQ").T, np.float32)


def encode(y: np.ndarray, *, sr: int, format: Literal["wav", "flac"] = "wav") -> bytes:
    """A waveform, shape (n_samples,), as a 16-bit file; values beyond [-1, 1] are clipped.

    Raises
    ------
    AudioError
        ``y`` is not a waveform, or the format cannot hold it.
    """
    import soundfile

    if format not in ("wav", "flac"):
        raise AudioError(f"Expected the format 'wav' or 'flac', found {format!r}.")
    # rounded here: libsndfile cuts the fraction off, which shifts the whole clip by half a step
    steps = np.clip(np.rint(check(y) * 32768), -32768, 32767).astype(np.int16)
    buffer = io.BytesIO()
    try:
        soundfile.write(buffer, steps, int(sr), subtype="PCM_16", format=format.upper())
    except soundfile.SoundFileError as error:
        raise AudioError(f"The sound could not be written as {format}: {error}") from error
    return buffer.getvalue()


def save_wav(path: str | os.PathLike, y: np.ndarray, *, sr: int) -> Path:
    """Write a 16-bit PCM WAV, whole or not at all, and return its path; see :func:`encode`.

    Raises
    ------
    AudioError
        ``y`` is not a waveform, or the folder cannot be written.
    """
    data = encode(y, sr=sr)
    with replacing(path, error=AudioError) as temporary:
        temporary.write_bytes(data)
    return Path(path)


def rms_dbfs(y: np.ndarray) -> float:
    """Root mean square level in dB relative to full scale (1.0); silence gives -inf."""
    rms = float(np.sqrt(np.mean(np.square(y, dtype=np.float64))))
    return 20 * float(np.log10(rms)) if rms > 0 else float("-inf")


def add_noise(
    y: np.ndarray, *, snr_db: float, seed: int, noise: np.ndarray | None = None
) -> np.ndarray:
    """Add noise at a signal-to-noise ratio, measured over the whole clip; nothing is clipped.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
    snr_db : float
        10 log10 of signal power over noise power, in dB.
    seed : int
        Makes the white noise, or the place where ``noise`` is cut, repeatable.
    noise : np.ndarray, optional
        A recording of noise at the same rate, repeated if it is too short. Default: white noise.
    """
    check(y)
    rng = np.random.default_rng(seed)
    if noise is None:
        added = rng.standard_normal(len(y))
    else:
        added = np.take(check(noise), rng.integers(len(noise)) + np.arange(len(y)), mode="wrap")
    power, noise_power = np.mean(np.square(y, dtype=np.float64)), np.mean(np.square(added))
    if power == 0 or noise_power == 0:
        raise AudioError("A signal-to-noise ratio needs a signal and a noise that are not silent.")
    gain = np.sqrt(power / noise_power / 10 ** (snr_db / 10))
    return (y + gain * added).astype(np.float32)


def telephone(y: np.ndarray, *, sr: int) -> np.ndarray:
    """Pass a waveform through a telephone: 300 to 3400 Hz, 8 kHz, and back to ``sr``."""
    from scipy import signal

    narrow = resample(check(y), sr=sr, target_sr=8000)
    sos = signal.butter(4, TELEPHONE_BAND, "bandpass", fs=8000, output="sos")
    narrow = signal.sosfiltfilt(sos, narrow).astype(np.float32)
    return _fit(resample(narrow, sr=8000, target_sr=sr), len(y))


def through_codec(
    y: np.ndarray, *, sr: int, codec: str = "libmp3lame", bitrate: int = 16
) -> np.ndarray:
    """Encode and decode a waveform with libmp3lame, libopus or aac, at ``bitrate`` kbit/s.

    The result has the same rate and length; the codec's delay is left in.
    """
    if codec not in _CODECS:
        raise AudioError(f"Expected libmp3lame, libopus or aac, found {codec!r}.")
    with tempfile.TemporaryDirectory() as folder:
        wav, coded = Path(folder) / "in.wav", Path(folder) / f"coded{_CODECS[codec]}"
        save_wav(wav, y, sr=sr)
        run_ffmpeg("-i", str(wav), "-c:a", codec, "-b:a", f"{bitrate}k", str(coded), what=codec)
        back, _ = load(coded, sr=sr)
    return _fit(back, len(y))


def _fit(y: np.ndarray, n_samples: int) -> np.ndarray:
    return np.pad(y, (0, max(0, n_samples - len(y))))[:n_samples]
