"""One explorer a lab: sliders, a picture that follows them at once, and the sound at each setting.

Taught in: notebooks/05_waveform.ipynb, 06_spectrogram.ipynb and 07_mel.ipynb.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets
import numpy as np

from .. import audio, features
from ..plotting.live import MatrixPicture, TrimPicture, pixel_starts, pool
from ..plotting.signal import mel_ticks
from .figure import Choice, LiveFigure, LiveSound, Slider

FRAME_LENGTH, HOP_LENGTH = 2048, 512  #: samples; what librosa.effects.trim measures with
LONGEST_SOUND = 10.0  #: seconds that are rebuilt from a picture
WINDOWS = {"hann": "hann", "boxcar (none)": "boxcar", "hamming": "hamming", "blackman": "blackman"}
LINEAR_TICKS = tuple(range(0, 24000, 1000))
LOG_TICKS = (50, 100, 200, 500, 1000, 2000, 4000, 8000, 16000)


class Explorer(ipywidgets.VBox):
    """Controls over a picture; a change of any control draws it anew."""

    def __init__(self, name: str, controls: Sequence[Any], sound: LiveSound):
        self.name, self.picture, self.sound = name, LiveFigure(), sound
        super().__init__([*controls, sound, self.picture])
        for control in controls:
            control.observe(self._moved, "value")
        self._moved()

    def _moved(self, change: Any = None) -> None:
        png, alt, caption = self.step()
        self.picture.update(png, alt=alt, caption=caption)

    def step(self) -> tuple[bytes, str, str]:
        """Picture, alt text and caption for where the controls stand."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"[{self.name}: {self.picture.alt}]"


class TrimExplorer(Explorer):
    """Trim silent edges: a slider for ``top_db``, the cut hatched, the trimmed sound to hear.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
    sr : int
        Hz.
    top_db : int
        Where the slider stands first, 5 to 70 dB.

    Notes
    -----
    Taught in: notebooks/05_waveform.ipynb. The cut is that of ``librosa.effects.trim``.
    """

    LOWEST, HIGHEST = 5, 70

    def __init__(self, y: np.ndarray, *, sr: int, top_db: int = 30):
        self._y, self._sr = audio.check(y), sr
        self._db = frame_levels(y)
        times = features.frame_times(len(self._db), sr=sr, hop_length=HOP_LENGTH)
        lowest = -(self.HIGHEST + 10.0)
        self._drawn = TrimPicture(y, sr=sr, db=self._db, times=times, lowest=lowest)
        self.top_db = Slider(
            label="Threshold top_db", unit="dB", min=self.LOWEST, max=self.HIGHEST, value=top_db
        )
        sound = LiveSound(self._trimmed, label="Hear what is left")
        super().__init__("trim explorer", [self.top_db], sound)

    def cut(self) -> tuple[int, int]:
        """The first sample that is kept, and the first that is not."""
        return trim_index(self._db, top_db=self.top_db.value, n_samples=len(self._y))

    def _trimmed(self) -> tuple[np.ndarray, int]:
        first, last = self.cut()
        if last <= first:
            raise audio.AudioError("Nothing is left at this threshold.")
        return self._y[first:last], self._sr

    def step(self) -> tuple[bytes, str, str]:
        first, last = self.cut()
        start, end, top_db = first / self._sr, last / self._sr, self.top_db.value
        png = self._drawn.draw(start=start, end=end, threshold=-top_db)
        whole = len(self._y) / self._sr
        caption = f"Kept: {start:.2f} to {end:.2f} s, {end - start:.2f} of {whole:.2f} s."
        alt = f"Waveform and frame levels. At top_db = {top_db:.0f} dB {start:.2f} s are cut from "
        return png, f"{alt}the start and {whole - end:.2f} s from the end.", caption


class SpectrogramExplorer(Explorer):
    """A spectrogram under the reader's hands: frame, hop, window, frequency axis, range.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
    sr : int
        Hz.
    n_fft, hop_length : int
        Where the sliders stand first.

    Notes
    -----
    Taught in: notebooks/06_spectrogram.ipynb. Where several frames fall on one column of pixels
    the largest value is drawn; where there are more than four, every second, third … is computed.
    """

    N_FFT = (64, 128, 256, 400, 512, 1024, 2048, 4096)
    HOPS = (32, 64, 160, 256, 320, 512, 1024)
    SCALES = ("linear", "logarithmic")

    def __init__(self, y: np.ndarray, *, sr: int, n_fft: int = 1024, hop_length: int = 320):
        self._y, self._sr = audio.check(y).astype(np.float32, copy=False), sr
        self.n_fft = _samples("Frame length n_fft", self.N_FFT, n_fft, sr)
        self.hop_length = _samples("Hop length", self.HOPS, hop_length, sr)
        self.window = Choice(label="Window", options=list(WINDOWS))
        self.scale = Choice(label="Frequency axis", options=self.SCALES)
        self.top_db = Slider(label="Range of levels", unit="dB", min=20, max=100, value=80, step=10)
        self._drawn = MatrixPicture(
            duration=len(y) / sr, unit="level (dB below the loudest)", limits=(-80, 0)
        )
        controls = [self.n_fft, self.hop_length, self.window, self.scale, self.top_db]
        sound = LiveSound(self._rebuilt, label="Hear what this picture keeps")
        super().__init__("spectrogram explorer", controls, sound)

    def _settings(self) -> tuple[int, int, str]:
        return int(self.n_fft.value), int(self.hop_length.value), WINDOWS[self.window.value]

    def step(self) -> tuple[bytes, str, str]:
        n_fft, hop, window = self._settings()
        rows, columns = self._drawn.shape
        S = columns_of_power(self._y, n_fft=n_fft, hop_length=hop, window=window, columns=columns)
        log = self.scale.value == "logarithmic"
        starts, ticks = frequency_rows(sr=self._sr, n_fft=n_fft, rows=rows, log=log)
        S = pool(S, starts, axis=0)
        self._drawn.set_axis("frequency (Hz)", ticks)
        self._drawn.set_limits(-self.top_db.value, 0)
        png = self._drawn.draw(features.power_to_db(S, ref="max", top_db=self.top_db.value))
        alt = (
            f"Spectrogram, {self.window.value} window of {n_fft} samples, hop {hop}, "
            f"{self.scale.value} frequency axis, {self.top_db.value:.0f} dB from dark to bright."
        )
        return png, alt, resolution(sr=self._sr, n_fft=n_fft, hop_length=hop, n=len(self._y))

    def _rebuilt(self) -> tuple[np.ndarray, int]:
        n_fft, hop, _ = self._settings()
        y = self._y[: int(LONGEST_SOUND * self._sr)]
        S = features.power(features.stft(y, n_fft=n_fft, hop_length=hop))
        S = np.where(S < S.max() * 10 ** (-self.top_db.value / 10), 0, S).astype(np.float32)
        return features.rebuild(S, hop_length=hop, n_samples=len(y)), self._sr


class MelExplorer(Explorer):
    """A mel spectrogram under the reader's hands: bands, frame, scale; empty filters counted.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
    sr : int
        Hz.
    n_mels, n_fft, hop_length : int
        Bands and frame are where the sliders stand first; the hop stays.

    Notes
    -----
    Taught in: notebooks/07_mel.ipynb.
    """

    N_MELS = (8, 16, 24, 32, 40, 48, 64, 80, 96, 128, 192, 256)
    N_FFT = (256, 400, 512, 1024, 2048)
    SCALES = {"Slaney (librosa, Whisper)": "slaney", "HTK": "htk"}

    def __init__(
        self, y: np.ndarray, *, sr: int, n_mels: int = 80, n_fft: int = 400, hop_length: int = 160
    ):
        self._y, self._sr = audio.check(y).astype(np.float32, copy=False), sr
        self._hop = hop_length
        self.n_mels = Slider(label="Bands n_mels", unit="bands", options=self.N_MELS, value=n_mels)
        self.n_fft = _samples("Frame length n_fft", self.N_FFT, n_fft, sr)
        self.scale = Choice(label="Mel scale", options=list(self.SCALES))
        self._drawn = MatrixPicture(
            duration=len(y) / sr, unit="level (dB below the loudest)", limits=(-80, 0)
        )
        sound = LiveSound(self._rebuilt, label="Hear what these bands keep")
        super().__init__("mel explorer", [self.n_mels, self.n_fft, self.scale], sound)

    def _filters(self) -> np.ndarray:
        scale = self.SCALES[self.scale.value]
        sizes = {"n_fft": int(self.n_fft.value), "n_mels": int(self.n_mels.value)}
        return features.mel_filters(sr=self._sr, scale=scale, **sizes)

    def step(self) -> tuple[bytes, str, str]:
        n_mels, n_fft = int(self.n_mels.value), int(self.n_fft.value)
        rows, columns = self._drawn.shape
        hop = thinned(self._hop, n_samples=len(self._y), columns=columns)
        S = features.power(features.stft(self._y, n_fft=n_fft, hop_length=hop))
        filters = self._filters()
        mel = filters @ S
        mel = pool(mel, pixel_starts(mel.shape[1], columns), axis=1)
        mel = pool(mel, pixel_starts(n_mels, rows), axis=0)
        scale = self.SCALES[self.scale.value]
        edges = features.mel_edges(n_mels=n_mels, fmax=self._sr / 2, scale=scale)
        texts, places = mel_ticks(edges)
        ticks = [((p + 0.5) / n_mels, t) for t, p in zip(texts, places, strict=True)]
        self._drawn.set_axis("frequency of the band (Hz)", ticks)
        png = self._drawn.draw(features.power_to_db(mel, ref="max", top_db=80))
        empty = len(features.empty_filters(filters))
        bins = f"{1 + n_fft // 2} bins go into {n_mels} bands"
        caption = f"{bins}; empty bands: {empty}" + (" (black stripes)." if empty else ".")
        alt = f"Mel spectrogram, {self.scale.value} scale, n_fft {n_fft}: {caption}"
        return png, alt, caption

    def _rebuilt(self) -> tuple[np.ndarray, int]:
        """The bands spread over the bins again, with the phase of the original."""
        y = self._y[: int(LONGEST_SOUND * self._sr)]
        hop = min(self._hop, int(self.n_fft.value) // 2)
        D = features.stft(y, n_fft=int(self.n_fft.value), hop_length=hop)
        S, filters = features.power(D), self._filters()
        weight = filters.sum(axis=0)
        share = filters / np.maximum(filters.sum(axis=1, keepdims=True), 1e-12)
        even = (filters.T @ (share @ S)) / np.maximum(weight, 1e-12)[:, np.newaxis]
        gain = np.sqrt(even / np.maximum(S, 1e-12))
        kept = (D * gain).astype(np.complex64)
        kept[weight == 0] = 0
        return features.istft(kept, hop_length=hop, n_samples=len(y)), self._sr


def frame_levels(y: np.ndarray) -> np.ndarray:
    """The RMS of each frame in dB below the loudest, as ``librosa.effects.trim`` measures it."""
    padded = np.pad(y.astype(np.float32, copy=False), FRAME_LENGTH // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME_LENGTH)[::HOP_LENGTH]
    return features.power_to_db(np.mean(np.square(frames), axis=1), ref="max", top_db=None)


def trim_index(db: np.ndarray, *, top_db: float, n_samples: int) -> tuple[int, int]:
    """First sample kept and first not kept, from the levels of :func:`frame_levels`."""
    loud = np.flatnonzero(db > -top_db)
    if not len(loud):
        return 0, 0
    return int(loud[0]) * HOP_LENGTH, min(n_samples, (int(loud[-1]) + 1) * HOP_LENGTH)


def thinned(hop_length: int, *, n_samples: int, columns: int) -> int:
    """A multiple of the hop: no more than four frames a column of pixels are worth computing."""
    return hop_length * max(1, n_samples // columns // hop_length // 2)


def columns_of_power(
    y: np.ndarray, *, n_fft: int, hop_length: int, window: str, columns: int
) -> np.ndarray:
    """The power spectrogram with one column a pixel, shape (1 + n_fft // 2, columns)."""
    hop = thinned(hop_length, n_samples=len(y), columns=columns)
    S = features.power(features.stft(y, n_fft=n_fft, hop_length=hop, window=window))
    return pool(S, pixel_starts(S.shape[1], columns), axis=1)


def frequency_rows(*, sr: int, n_fft: int, rows: int, log: bool):
    """The STFT row under each pixel row, and the ticks as (place from 0 to 1, text)."""
    top, low = sr / 2, 50.0
    edge = np.arange(rows) / rows
    hz = low * (top / low) ** edge if log else top * edge
    starts = (hz * n_fft / sr).astype(int)
    ticks = LOG_TICKS if log else LINEAR_TICKS
    shown = [t for t in ticks if t <= top]
    places = [np.log(t / low) / np.log(top / low) if log else t / top for t in shown]
    return starts, [(float(p), str(t)) for p, t in zip(places, shown, strict=True)]


def resolution(*, sr: int, n_fft: int, hop_length: int, n: int) -> str:
    """What a frame and a hop mean in milliseconds and hertz, in words."""
    text = (
        f"A frame lasts {1000 * n_fft / sr:.0f} ms; rows are {sr / n_fft:.1f} Hz apart, frames "
        f"{1000 * hop_length / sr:.0f} ms. Shape: ({1 + n_fft // 2}, {1 + n // hop_length})."
    )
    gaps = " Between the frames sound is missed." if hop_length > n_fft else ""
    return text + gaps


def _samples(label: str, options: Sequence[int], value: int, sr: int) -> Slider:
    texts = [f"{option} samples = {1000 * option / sr:.3g} ms" for option in options]
    return Slider(label=label, options=options, value=value, texts=texts)
