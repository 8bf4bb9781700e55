"""Everything that is ``(y, sr)``: read, write, resample, trim and degrade a waveform.

A waveform ``y`` is mono float32, shape (n_samples,), nominal range [-1, 1]; its sampling rate
``sr`` is in Hz and always stands beside it.

Taught in: notebooks/05_waveform.ipynb.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from .errors import AudioError
from .files import replacing

SAMPLE_RATE = 16_000  #: the rate that Whisper hears, Hz
TELEPHONE_BAND = (300.0, 3400.0)  #: Hz, the classic telephone channel (ITU-T G.712)


def load(path: str | os.PathLike, *, sr: int | None = SAMPLE_RATE, mono: bool = True):
    """Read a recording in any format that libsndfile or ffmpeg can read.

    Parameters
    ----------
    path : path-like
        WAV, FLAC, OGG and MP3 are read by libsndfile; everything else goes through ffmpeg.
    sr : int or None
        The rate to resample to, in Hz; ``None`` keeps the file's own.
    mono : bool
        Average the channels.

    Returns
    -------
    y : np.ndarray, float32
        Shape (n_samples,), or (n_channels, n_samples) if ``mono`` is false and there are several.
    sr : int
        The rate of ``y``.

    Raises
    ------
    AudioError
        The file is missing, empty, not a recording, or holds values that are not finite.
    """
    import soundfile

    path = Path(path)
    if not path.is_file():
        raise AudioError(f"Expected a recording at {path}, found no file. Check the name.")
    if path.stat().st_size == 0:
        raise AudioError(f"{path.name} is empty (0 bytes): record or copy it again.")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        samples, rate = _read_with_ffmpeg(path)
    if samples.size == 0:
        raise AudioError(f"{path.name} holds no samples: record or copy it again.")
    if not np.isfinite(samples).all():
        raise AudioError(f"{path.name} holds values that are not numbers (NaN or infinity).")
    y = np.ascontiguousarray(samples.T)
    y = to_mono(y) if mono or len(y) == 1 else y
    if sr is not None and sr != rate:
        y, rate = resample(y, sr=rate, target_sr=sr), sr
    return y, rate


def _read_with_ffmpeg(path: Path) -> tuple[np.ndarray, int]:
    """Decode what libsndfile cannot read to 16-bit WAV, then read that."""
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "decoded.wav"
        run_ffmpeg("-i", str(path), "-c:a", "pcm_s16le", str(wav), what=path.name)
        return soundfile.read(wav, dtype="float32", always_2d=True)


def run_ffmpeg(*arguments: str, what: str) -> None:
    """Run ffmpeg quietly; what goes wrong becomes an AudioError that names ``what``."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments]
    try:
        subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise AudioError(
            "The program ffmpeg is not on the PATH: run 'python -m lab_utils check'."
        ) from error
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise AudioError(f"{what} is not a recording that ffmpeg can read: {reason}") from error


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
    """Resample along the last axis with soxr's high quality filter.

    Parameters
    ----------
    y : np.ndarray, float32, shape (..., n_samples)
    sr, target_sr : int
        Rates in Hz.
    """
    import soxr

    if target_sr <= 0 or sr <= 0:
        raise AudioError(f"Expected sampling rates above 0 Hz, found {sr} and {target_sr}.")
    return np.ascontiguousarray(soxr.resample(y.T, sr, target_sr, quality="HQ").T, np.float32)


def save_wav(path: str | os.PathLike, y: np.ndarray, *, sr: int) -> Path:
    """Write a 16-bit PCM WAV, whole or not at all; values beyond [-1, 1] are clipped.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    AudioError
        ``y`` is not a waveform, or the folder cannot be written.
    """
    import soundfile

    path = Path(path)
    # rounded here: libsndfile cuts the fraction off, which shifts the whole clip by half a step
    steps = np.clip(np.rint(check(y) * 32768), -32768, 32767).astype(np.int16)
    try:
        with replacing(path) as temporary:
            soundfile.write(temporary, steps, sr, subtype="PCM_16", format="WAV")
    except (OSError, soundfile.SoundFileError) as error:
        raise AudioError(f"{path.name} could not be written to {path.parent}: {error}") from error
    return path


def rms_dbfs(y: np.ndarray) -> float:
    """Root mean square level in dB relative to full scale (1.0); silence gives -inf."""
    rms = float(np.sqrt(np.mean(np.square(y, dtype=np.float64))))
    return 20 * float(np.log10(rms)) if rms > 0 else float("-inf")


def add_noise(y: np.ndarray, *, snr_db: float, seed: int, noise: np.ndarray | None = None):
    """Add noise at a signal-to-noise ratio, measured over the whole clip.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
    snr_db : float
        10 log10 of signal power over noise power, in dB.
    seed : int
        Makes the white noise, or the place where ``noise`` is cut, repeatable.
    noise : np.ndarray, optional
        A recording of noise at the same rate, repeated if it is too short. Default: white noise.

    Returns
    -------
    np.ndarray, float32, shape (n_samples,)
        Not clipped: it may pass 1.
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
    back = resample(narrow, sr=8000, target_sr=sr)
    return np.pad(back, (0, max(0, len(y) - len(back))))[: len(y)]


def through_codec(y: np.ndarray, *, sr: int, codec: str = "libmp3lame", bitrate: int = 16):
    """Encode and decode a waveform with a lossy codec of ffmpeg, at ``bitrate`` kbit/s.

    Returns
    -------
    np.ndarray, float32
        At the same rate and of the same length; the codec's delay is left in.
    """
    container = {"libmp3lame": ".mp3", "libopus": ".ogg", "aac": ".m4a"}.get(codec)
    if container is None:
        raise AudioError(f"Expected libmp3lame, libopus or aac, found {codec!r}.")
    with tempfile.TemporaryDirectory() as folder:
        wav, coded = Path(folder) / "in.wav", Path(folder) / f"coded{container}"
        save_wav(wav, y, sr=sr)
        run_ffmpeg("-i", str(wav), "-c:a", codec, "-b:a", f"{bitrate}k", str(coded), what=codec)
        back, _ = load(coded, sr=sr)
    return np.pad(back, (0, max(0, len(y) - len(back))))[: len(y)]
