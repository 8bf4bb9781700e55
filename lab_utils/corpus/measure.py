"""What a clip is, in numbers: measured once from its file, judged by the rules later.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import AudioError, CorpusError
from . import clean, clipping

FRAME = 0.01  #: seconds of one level measurement
SILENCE_BELOW_SPEECH = 35.0  #: dB
ABSOLUTE_SILENCE = -75.0  #: dB relative to full scale
HELD = 0.3  #: seconds for which speech holds no pitch
ENERGY_BEYOND = 1e-6  #: above the bandwidth lies this share of the energy (-60 dB)
BANDS, SLICES = 16, 24  #: of the fingerprint


@dataclass(frozen=True)
class ClipFacts:
    """Everything that the rules on sound ask about one file."""

    format: str  #: as libsndfile names it: ``"WAV"``
    subtype: str  #: likewise: ``"PCM_16"``
    sr: int
    channels: int
    n_samples: int
    clipping: clipping.Clipping  #: flat tops, and what is left of them where they blurred
    dc_offset: float  #: mean of the samples, absolute
    loudness: float  #: LUFS; -inf for silence or a clip under 0.4 s
    silence_start: float  #: longest silence at the start, at the end and between, in seconds
    silence_end: float
    silence_inside: float
    snr: float  #: estimated signal-to-noise ratio in dB
    over_held: float  #: dB: the whole sound over what holds its pitch and level, as music does
    bandwidth: float  #: Hz above which nothing is left
    fingerprint: bytes  #: the shape of the sound, whatever its level

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.n_samples / self.sr


def measure(path: str | os.PathLike) -> ClipFacts:
    """Measure a clip.

    Raises
    ------
    AudioError
        The file is not a recording that libsndfile reads, is empty or holds NaN.
    """
    import soundfile

    path = Path(path)
    try:
        with soundfile.SoundFile(str(path)) as file:
            kind, subtype, sr = file.format, file.subtype, file.samplerate
            samples = file.read(dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"{path.name!r} cannot be read as a recording: {error}") from error
    if samples.size == 0:
        raise AudioError(f"{path.name!r} holds no samples.")
    if not np.isfinite(samples).all():
        raise AudioError(f"{path.name!r} holds values that are not numbers (NaN or infinity).")
    y = samples.mean(axis=1)
    offset = float(np.mean(y, dtype=np.float64))
    y = y - np.float32(offset)  # or an offset would pass for noise
    try:
        loudness = clean.loudness(y, sr=sr)
    except CorpusError:
        loudness = -np.inf
    levels = frame_levels(y, sr=sr)
    start, end, inside = silences(levels)
    power = _spectrogram(y)
    return ClipFacts(
        format=kind,
        subtype=subtype,
        sr=sr,
        channels=samples.shape[1],
        n_samples=len(samples),
        clipping=clipping.examine(samples, sr=sr),
        dc_offset=abs(offset),
        loudness=loudness,
        silence_start=start,
        silence_end=end,
        silence_inside=inside,
        snr=snr_estimate(levels),
        over_held=over_held(y, sr=sr),
        bandwidth=bandwidth(power, sr=sr),
        fingerprint=_fingerprint(power, sr=sr),
    )


def frame_levels(y: np.ndarray, *, sr: int) -> np.ndarray:
    """Level of each 10 ms in dB relative to full scale, shape (n_frames,), at least -100."""
    length = max(1, round(FRAME * sr))
    n = max(1, len(y) // length)
    frames = np.resize(y, length) if len(y) < length else y[: n * length]
    power = np.mean(np.square(frames.reshape(-1, length), dtype=np.float64), axis=1)
    return 10 * np.log10(np.maximum(power, 1e-10))


def silence_threshold(levels: np.ndarray) -> float:
    """At this level, in dB, nobody speaks: 35 dB under speech, or just above the noise."""
    floor, speech = np.percentile(levels, [5, 95])
    above_noise = min(floor + 6, speech - 12)
    return float(max(speech - SILENCE_BELOW_SPEECH, above_noise, ABSOLUTE_SILENCE))


def silences(levels: np.ndarray) -> tuple[float, float, float]:
    """Longest silence at the start, at the end and inside, in seconds, from frame levels in dB."""
    loud = np.flatnonzero(levels > silence_threshold(levels))
    if len(loud) == 0:
        return len(levels) * FRAME, len(levels) * FRAME, 0.0
    gaps = np.diff(loud, prepend=loud[0]) - 1
    inside = max(0, int(gaps.max()))
    return loud[0] * FRAME, (len(levels) - 1 - loud[-1]) * FRAME, inside * FRAME


def snr_estimate(levels: np.ndarray) -> float:
    """Speech over noise in dB, at most 80: the louder half of the frames against the softest tenth.

    An estimate: it needs a moment of pause in the clip, and weak consonants count as noise.
    """
    ordered = np.sort(levels)
    noise = 10 ** (ordered[: max(1, len(ordered) // 10)] / 10)
    speech = 10 ** (ordered[len(ordered) // 2 :] / 10)
    signal = max(float(speech.mean() - noise.mean()), 1e-12)
    return min(80.0, 10 * float(np.log10(signal / noise.mean())))


def over_held(y: np.ndarray, *, sr: int) -> float:
    """The whole sound over what holds its pitch and level for 0.3 s, in dB.

    A voice glides, so little of it stays in a band of 16 Hz for so long; the notes of music do, and
    so does a hum. 0 for a steady tone, at most 80, which silence has too.
    """
    import scipy.fft
    from scipy.ndimage import minimum_filter1d

    n_fft = scipy.fft.next_fast_len(round(0.064 * sr), real=True)
    window, hop = np.hanning(n_fft).astype(np.float32), n_fft // 4
    padded = np.pad(y, (0, max(0, n_fft - len(y))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    Z = scipy.fft.rfft(frames * window, axis=1)
    power = Z.real**2 + Z.imag**2
    held = minimum_filter1d(power, max(1, round(HELD * sr / hop)), axis=0)
    whole, held = (float(x.sum(dtype=np.float64)) for x in (power, held))
    return min(80.0, 10 * float(np.log10(whole / held))) if held > 0 else 80.0


def _spectrogram(y: np.ndarray, *, n_fft: int = 512) -> np.ndarray:
    """Power, shape (n_frames, 257), frames side by side."""
    import scipy.fft

    padded = np.pad(y, (0, -len(y) % n_fft)).reshape(-1, n_fft)
    Z = scipy.fft.rfft(padded * np.hanning(n_fft).astype(np.float32), axis=1)
    return Z.real**2 + Z.imag**2


def bandwidth(power: np.ndarray, *, sr: int) -> float:
    """The frequency in Hz with less than a millionth of the energy above it.

    ``power`` has the shape (n_frames, n_bins).
    """
    energy = power.sum(axis=0)[::-1].cumsum()[::-1]
    if energy[0] <= 0:
        return 0.0
    beyond = np.flatnonzero(energy >= ENERGY_BEYOND * energy[0])
    return float(beyond[-1]) * sr / 2 / (power.shape[1] - 1)


def _fingerprint(power: np.ndarray, *, sr: int) -> bytes:
    """Log energy in 16 bands up to 4 kHz and 24 slices of time, without its mean, as float16."""
    top = min(power.shape[1], round(4000 / (sr / 2) * (power.shape[1] - 1)))
    bands = np.array_split(power[:, 1 : max(top, BANDS + 1)], BANDS, axis=1)
    energy = np.stack([band.sum(axis=1) for band in bands], axis=1)
    edges = np.linspace(0, len(energy), SLICES + 1)
    slices = [
        energy[a : max(a + 1, b)].mean(axis=0) for a, b in itertools.pairwise(edges.astype(int))
    ]
    shape = np.log10(np.maximum(np.stack(slices), 1e-9))
    shape -= shape.mean()
    return (shape / max(float(np.linalg.norm(shape)), 1e-9)).astype(np.float16).tobytes()
