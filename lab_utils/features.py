"""From a waveform to what Whisper hears: STFT, power, decibels, mel bands, log-mel; kept in files.

Shapes: a spectrogram has one row for each frequency and one column for each moment. NumPy and SciPy
do the work on the way there, librosa on the way back; the tests compare with librosa and whisper.

Taught in: notebooks/06_spectrogram.ipynb and notebooks/07_mel.ipynb.
"""

from __future__ import annotations

import functools

import numpy as np

from . import audio
from .constants import HOP_LENGTH, N_FFT, SAMPLE_RATE
from .errors import AudioError
from .pictures import load_png, save_png  # noqa: F401  (lab 07 calls them here)

N_MELS = 80  #: bands of Whisper up to large-v2; large-v3 has 128
AMIN = 1e-10  #: power below this counts as this: the logarithm of 0 does not exist
MEL_SCALES = ("slaney", "htk")
PAD_MODES = ("constant", "reflect")


def stft(
    y: np.ndarray,
    *,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    window: str = "hann",
    pad_mode: str = "constant",
) -> np.ndarray:
    """Short-time Fourier transform: one Fourier transform each ``hop_length`` samples.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
    n_fft, hop_length : int
        Samples in one frame, and from the start of one frame to the start of the next.
    win_length, window
        See :func:`frame_window`; the default length is ``n_fft``.
    pad_mode : {"constant", "reflect"}
        How half a frame is added at both ends, so that frame ``i`` is centered on sample
        ``i * hop_length``: zeros, as librosa, or mirrored sound, as Whisper.

    Returns
    -------
    np.ndarray, complex64, shape (1 + n_fft // 2, 1 + n_samples // hop_length)
        With an odd ``n_fft`` there are ``1 + (n_samples - 1) // hop_length`` columns.

    Raises
    ------
    AudioError
        ``y`` is not a waveform, is too short to be reflected, or a size makes no sense.

    Notes
    -----
    Taught in: notebooks/06_spectrogram.ipynb. Equal to ``librosa.stft``, and faster: a slider
    calls it at each step.
    """
    from scipy import fft

    audio.check(y)
    _check_sizes(n_fft=n_fft, hop=hop_length)
    shape = frame_window(window, n_fft if win_length is None else win_length, n_fft=n_fft)
    if pad_mode not in PAD_MODES:
        raise AudioError(f"Expected a pad_mode among {PAD_MODES}, found {pad_mode!r}.")
    if pad_mode == "reflect" and len(y) <= n_fft // 2:
        raise AudioError(
            f"Expected over {n_fft // 2} samples to reflect, found {len(y)}: pad with zeros first."
        )
    padded = np.pad(y.astype(np.float32, copy=False), n_fft // 2, mode=pad_mode)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    return fft.rfft(frames * shape, axis=1).T


def istft(
    D: np.ndarray,
    *,
    hop_length: int,
    n_samples: int,
    n_fft: int | None = None,
    window: str = "hann",
) -> np.ndarray:
    """Add the frames of an STFT up again: the waveform, shape (n_samples,), float32.

    ``n_fft`` is by default the even number that fits ``D``; an odd one must be given.

    Raises
    ------
    AudioError
        ``n_fft`` does not fit the rows or ``n_samples`` the frames, or the window and the hop
        leave samples out.
    """
    import librosa
    from scipy import signal

    length = _frame_length(D, n_fft=n_fft, hop_length=hop_length, n_samples=n_samples)
    shape = frame_window(window, length, n_fft=length)
    if not signal.check_NOLA(shape, length, length - hop_length):
        raise AudioError(
            f"Expected a shorter hop than {hop_length}: some samples are under no part of the "
            f"window {window!r}."
        )
    y = librosa.istft(D, n_fft=length, hop_length=hop_length, window=window, length=n_samples)
    return y.astype(np.float32, copy=False)


def rebuild(
    S: np.ndarray, *, hop_length: int, n_samples: int, n_fft: int | None = None, steps: int = 16
) -> np.ndarray:
    """A waveform whose power spectrogram is nearly ``S``: the phase is guessed in ``steps`` steps.

    The rest is as in :func:`istft`. Method: Griffin and Lim (1984).
    """
    import librosa

    if np.iscomplexobj(S) or (np.asarray(S) < 0).any():
        raise AudioError(
            "Expected power, found complex or negative numbers: features.power makes it."
        )
    n_fft = _frame_length(S, n_fft=n_fft, hop_length=hop_length, n_samples=n_samples)
    return librosa.griffinlim(
        np.sqrt(S), n_iter=steps, n_fft=n_fft, hop_length=hop_length, length=n_samples,
        momentum=0.0, random_state=0,
    )  # fmt: skip


def _frame_length(
    spectrum: np.ndarray, *, n_fft: int | None, hop_length: int, n_samples: int
) -> int:
    """The n_fft that fits a spectrum of so many samples."""
    if np.ndim(spectrum) != 2 or not np.isfinite(spectrum).all():
        nan = " with NaN or infinity" if np.ndim(spectrum) == 2 else ""
        raise AudioError(
            f"Expected a matrix of finite numbers, found shape {np.shape(spectrum)}{nan}."
        )
    rows, n_frames = spectrum.shape
    even = 2 * (rows - 1)
    if n_fft is None and rows and np.any(np.imag(spectrum[-1])):  # real if the frames are even
        raise AudioError(
            f"Expected an even n_fft, found signs of an odd one: pass n_fft={even + 1}, or "
            f"n_fft={even} if that is right."
        )
    n_fft = even if n_fft is None else n_fft
    _check_sizes(n_fft=n_fft, hop=hop_length, n_samples=n_samples)
    if rows != 1 + n_fft // 2:
        raise AudioError(f"Expected {1 + n_fft // 2} rows for n_fft {n_fft}, found {rows}.")
    if hop_length > n_fft:
        raise AudioError(
            f"Expected a hop up to n_fft = {n_fft}, found {hop_length}: sound is missing between."
        )
    expected = 1 + (n_samples - n_fft % 2) // hop_length
    if n_frames != expected:
        raise AudioError(
            f"Expected {expected} frames of {n_samples} samples with n_fft {n_fft} and hop "
            f"{hop_length}, found {n_frames}: if the frames had an odd length, pass it as n_fft."
        )
    return n_fft


def _check_sizes(**sizes: int) -> None:
    for name, n in sizes.items():
        if not isinstance(n, (int, np.integer)) or n < 1:
            raise AudioError(f"Expected a whole {name} of at least 1 sample, found {n!r}.")


def frame_window(window: str, win_length: int, *, n_fft: int) -> np.ndarray:
    """The weights of a frame's samples, float32, shape (n_fft,).

    Parameters
    ----------
    window : str
        Any name that ``scipy.signal.get_window`` knows: ``hann``, ``boxcar``, ``hamming``, …
    win_length : int
        Samples under the window, with zeros on both sides up to ``n_fft``.

    Raises
    ------
    AudioError
        The window has no such name, or is longer than the frame.
    """
    from scipy import signal

    if not isinstance(win_length, (int, np.integer)) or not 1 <= win_length <= n_fft:
        raise AudioError(f"Expected a window of 1 to {n_fft} (n_fft) samples, found {win_length}.")
    try:
        shape = signal.get_window(window, win_length, fftbins=True)
    except (ValueError, TypeError) as error:
        raise AudioError(
            f"Expected the name of a window such as 'hann' or 'boxcar', found {window!r}."
        ) from error
    left = (n_fft - win_length) // 2
    return np.pad(shape, (left, n_fft - win_length - left)).astype(np.float32)


def power(D: np.ndarray) -> np.ndarray:
    """Squared magnitude of an STFT, float32, same shape."""
    return D.real**2 + D.imag**2


def power_to_db(
    S: np.ndarray, *, ref: float | str = 1.0, top_db: float | None = 80.0
) -> np.ndarray:
    """Power in decibels, ``10 log10(S / ref)``, float32, same shape.

    Parameters
    ----------
    ref : float or "max"
        What counts as 0 dB: a power, or the largest one in ``S``.
    top_db : float or None
        Nothing is more than this below the loudest; None keeps all above ``AMIN``.

    Raises
    ------
    AudioError
        ``S`` is complex, or ``ref`` or ``top_db`` makes no sense.
    """
    if np.iscomplexobj(S):
        raise AudioError("Expected power, found complex numbers: features.power makes it.")
    known = ref == "max" if isinstance(ref, str) else bool(np.isscalar(ref)) and ref > 0
    if not known or (top_db is not None and not top_db >= 0):
        raise AudioError(
            "Expected ref to be 'max' or a power above 0, and top_db at least 0 or None, "
            f"found {ref!r} and {top_db!r}."
        )
    import librosa

    reference = np.max if isinstance(ref, str) else ref
    db = librosa.power_to_db(S, ref=reference, amin=AMIN, top_db=top_db)
    return np.asarray(db, np.float32)


def frame_times(n_frames: int, *, sr: int, hop_length: int) -> np.ndarray:
    """The moment of each frame's center in seconds, shape (n_frames,)."""
    return np.arange(n_frames) * hop_length / sr


def bin_frequencies(*, sr: int, n_fft: int) -> np.ndarray:
    """The frequency of each row of an STFT in Hz, shape (1 + n_fft // 2,)."""
    return np.arange(1 + n_fft // 2) * sr / n_fft


def hz_to_mel(hz: float | np.ndarray, *, scale: str = "slaney") -> np.ndarray:
    """Frequency in Hz on a mel scale.

    ``slaney`` is a straight line up to 1000 Hz and a logarithm above; ``htk`` is
    ``2595 log10(1 + hz / 700)``. Their units differ: never mix them.
    """
    if scale not in MEL_SCALES:
        raise AudioError(f"Expected a mel scale among {MEL_SCALES}, found {scale!r}.")
    hz = np.asarray(hz, dtype=np.float64)
    if scale == "htk":
        return 2595 * np.log10(1 + hz / 700)
    above = 15 + np.log(np.maximum(hz, 1000) / 1000) * 27 / np.log(6.4)
    return np.where(hz < 1000, hz * 3 / 200, above)


def mel_to_hz(mel: float | np.ndarray, *, scale: str = "slaney") -> np.ndarray:
    """The way back from :func:`hz_to_mel`."""
    if scale not in MEL_SCALES:
        raise AudioError(f"Expected a mel scale among {MEL_SCALES}, found {scale!r}.")
    mel = np.asarray(mel, dtype=np.float64)
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    above = 1000 * np.exp((np.maximum(mel, 15) - 15) * np.log(6.4) / 27)
    return np.where(mel < 15, mel * 200 / 3, above)


def mel_edges(*, n_mels: int, fmax: float, fmin: float = 0.0, scale: str = "slaney") -> np.ndarray:
    """The corners of the triangles in Hz, evenly spaced in mel, shape (n_mels + 2,).

    Band ``i`` begins at edge ``i``, peaks at edge ``i + 1`` and ends at edge ``i + 2``.
    """
    low, high = hz_to_mel(np.array([fmin, fmax]), scale=scale)
    return mel_to_hz(np.linspace(low, high, n_mels + 2), scale=scale)


@functools.lru_cache(maxsize=64)
def mel_filters(
    *,
    sr: int,
    n_fft: int,
    n_mels: int,
    fmin: float = 0.0,
    fmax: float | None = None,
    scale: str = "slaney",
    norm: str | None = "slaney",
) -> np.ndarray:
    """The mel filter bank: a matrix that turns the power of n_fft bins into bands.

    Parameters
    ----------
    fmin, fmax : float
        Hz; by default from 0 to half the sampling rate.
    norm : {"slaney", None}
        ``slaney`` gives every triangle the same area; None gives every triangle the height 1.

    Returns
    -------
    np.ndarray, float32, shape (n_mels, 1 + n_fft // 2)

    Raises
    ------
    AudioError
        A size or a frequency makes no sense.

    Notes
    -----
    Taught in: notebooks/07_mel.ipynb. Equal to ``librosa.filters.mel``; with sr 16000, n_fft 400
    and 80 bands also to the filters that Whisper carries in a file.
    """
    fmax = sr / 2 if fmax is None else fmax
    if not isinstance(n_mels, (int, np.integer)) or n_mels < 1 or n_fft < 2:
        raise AudioError(f"Expected n_mels >= 1 and n_fft >= 2, found {n_mels} and {n_fft}.")
    if norm not in ("slaney", None):
        raise AudioError(f"Expected norm to be 'slaney' or None, found {norm!r}.")
    if not 0 <= fmin < fmax <= sr / 2:
        raise AudioError(
            f"Expected 0 <= fmin < fmax <= {sr / 2:g} Hz (half of sr), found {fmin} and {fmax}."
        )
    edges = mel_edges(n_mels=n_mels, fmin=fmin, fmax=fmax, scale=scale)
    bins = bin_frequencies(sr=sr, n_fft=n_fft)
    left, peak, right = (part[:, np.newaxis] for part in (edges[:-2], edges[1:-1], edges[2:]))
    rising, falling = (bins - left) / (peak - left), (right - bins) / (right - peak)
    filters = np.maximum(0, np.minimum(rising, falling))
    if norm == "slaney":
        filters *= 2 / (right - left)
    filters = filters.astype(np.float32)
    filters.flags.writeable = False
    return filters


def empty_filters(filters: np.ndarray) -> np.ndarray:
    """The numbers of the bands that hear nothing: no bin lies under their triangle."""
    return np.flatnonzero(filters.max(axis=1) == 0)


def mel_spectrogram(
    y: np.ndarray, *, sr: int, n_fft: int, hop_length: int, n_mels: int
) -> np.ndarray:
    """Power in mel bands, float32, shape (n_mels, n_frames); see :func:`mel_filters`."""
    filters = mel_filters(sr=sr, n_fft=n_fft, n_mels=n_mels)
    return filters @ power(stft(y, n_fft=n_fft, hop_length=hop_length))


def whisper_log_mel(y: np.ndarray, *, n_mels: int = N_MELS) -> np.ndarray:
    """What Whisper's encoder is given, built step by step without Whisper.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
        At 16 kHz, of any length over 200 samples; Whisper itself pads to 30 s first.

    Returns
    -------
    np.ndarray, float32, shape (n_mels, n_samples // 160)

    Raises
    ------
    AudioError
        ``y`` is not a waveform, or too short.

    Notes
    -----
    Taught in: notebooks/07_mel.ipynb. Equal to ``whisper.log_mel_spectrogram`` to 1e-5, with
    torch's Fourier transform; another one rounds differently, by up to 5e-5.
    """
    import torch

    if len(audio.check(y)) <= N_FFT // 2:
        raise AudioError(
            f"Expected over {N_FFT // 2} samples, found {len(y)}. Pad the clip with zeros."
        )
    samples = torch.from_numpy(np.array(y, np.float32))
    hann = torch.hann_window(N_FFT)
    D = torch.stft(samples, N_FFT, HOP_LENGTH, window=hann, return_complex=True).numpy()[:, :-1]
    mel = mel_filters(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=n_mels) @ power(D)
    mel = np.log10(np.maximum(mel, AMIN))
    mel = np.maximum(mel, mel.max() - 8)
    return (mel + 4) / 4
