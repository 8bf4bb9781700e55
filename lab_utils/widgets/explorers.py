"""One explorer a lab: sliders, a picture that follows them at once, and the sound at each setting.

Taught in: notebooks/05_waveform.ipynb, 06_spectrogram.ipynb and 07_mel.ipynb.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets
import numpy as np

from .. import audio, features
from ..pictures import levels, outline, pool, run_starts
from ..plotting.signal import mel_ticks
from .figure import Choice, LiveFigure, LiveSound, Panel, Slider, Ticks

FRAME_LENGTH, HOP_LENGTH = 2048, 512  #: samples; what librosa.effects.trim measures with
LONGEST_SOUND = 10.0  #: seconds that are rebuilt from a picture
ROWS, COLUMNS = 288, 720  #: how finely a matrix is painted
WINDOWS = {"hann": "hann", "boxcar (none)": "boxcar", "hamming": "hamming", "blackman": "blackman"}
LINEAR_TICKS = tuple(range(0, 24000, 1000))
LOG_TICKS = (50, 100, 200, 500, 1000, 2000, 4000, 8000, 16000)


class Explorer(ipywidgets.VBox):
    """Controls over a picture of a waveform; a change of any control draws it anew."""

    name: str
    sound_label: str

    def __init__(self, y: np.ndarray, *, sr: int, controls: Sequence[Slider | Choice]) -> None:
        self._y, self._sr = audio.check(y).astype(np.float32, copy=False), sr
        self._duration = len(y) / sr
        self.picture = LiveFigure()
        self.sound = LiveSound(self.heard, label=self.sound_label)
        super().__init__([*controls, self.sound, self.picture])
        for control in controls:
            control.observe(self._moved, "value")
        self._moved()

    def _moved(self, change: Any = None) -> None:
        panels, alt, caption = self.step()
        self.picture.draw(*panels, duration=self._duration, alt=alt, caption=caption)

    def step(self) -> tuple[list[Panel], str, str]:
        """Panels, alt text and caption for the current settings."""
        raise NotImplementedError

    def heard(self) -> tuple[np.ndarray, int]:
        """The waveform to hear at the current settings, and its rate in Hz."""
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
        The threshold at first, 5 to 70 dB.

    Notes
    -----
    Taught in: notebooks/05_waveform.ipynb. The cut is that of ``librosa.effects.trim``.
    """

    name, sound_label = "trim explorer", "Hear what is left"
    LOWEST, HIGHEST = 5, 70

    def __init__(self, y: np.ndarray, *, sr: int, top_db: int = 30) -> None:
        options = range(self.LOWEST, self.HIGHEST + 1)
        self.top_db = Slider(label="Threshold top_db", unit="dB", options=options, value=top_db)
        self._db = frame_levels(audio.check(y))
        super().__init__(y, sr=sr, controls=[self.top_db])

    def cut(self) -> tuple[int, int]:
        """The first sample that is kept, and the first that is not."""
        return trim_index(self._db, top_db=self.top_db.value, n_samples=len(self._y))

    def heard(self) -> tuple[np.ndarray, int]:
        first, last = self.cut()
        if last <= first:
            raise audio.AudioError("Nothing is left at this threshold.")
        return self._y[first:last], self._sr

    def step(self) -> tuple[list[Panel], str, str]:
        first, last = self.cut()
        start, end, top_db = first / self._sr, last / self._sr, self.top_db.value
        whole = self._duration
        loudest = float(np.abs(self._y).max()) or 1.0
        wave = Panel(
            outline(self._y, columns=COLUMNS, low=-loudest, high=loudest),
            label="amplitude",
            ticks=[(0, f"{-loudest:.2f}"), (0.5, "0"), (1, f"{loudest:.2f}")],
            cuts=[cut for cut in ((0, start), (end, whole)) if cut[0] < cut[1]],
        )
        low = -(self.HIGHEST + 10)
        level = Panel(
            outline(self._db, columns=COLUMNS, low=low, high=0),
            label="level (dB)",
            ticks=level_ticks(low),
            line=1 + top_db / low,
        )
        caption = f"Kept: {start:.2f} to {end:.2f} s, {end - start:.2f} of {whole:.2f} s."
        alt = f"Waveform and frame levels. At top_db = {top_db:.0f} dB {start:.2f} s are cut from "
        return [wave, level], f"{alt}the start and {whole - end:.2f} s from the end.", caption


class SpectrogramExplorer(Explorer):
    """A spectrogram under the reader's hands: frame, hop, window, frequency axis, range.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
    sr : int
        Hz.
    n_fft, hop_length : int
        Their sliders' values at first.

    Notes
    -----
    Taught in: notebooks/06_spectrogram.ipynb. Where several frames share one column of the picture
    the largest value is drawn; where there are more than four, every second, third … is computed.
    """

    name, sound_label = "spectrogram explorer", "Hear what this picture keeps"
    N_FFT = (64, 128, 256, 400, 512, 1024, 2048, 4096)
    HOPS = (32, 64, 160, 256, 320, 512, 1024)
    SCALES = ("linear", "logarithmic")

    def __init__(self, y: np.ndarray, *, sr: int, n_fft: int = 1024, hop_length: int = 320) -> None:
        self.n_fft = _samples("Frame length n_fft", self.N_FFT, n_fft, sr)
        self.hop_length = _samples("Hop length", self.HOPS, hop_length, sr)
        self.window = Choice(label="Window", options=list(WINDOWS))
        self.scale = Choice(label="Frequency axis", options=self.SCALES)
        ranges = range(20, 101, 10)
        self.top_db = Slider(label="Range of levels", unit="dB", options=ranges, value=80)
        controls = [self.n_fft, self.hop_length, self.window, self.scale, self.top_db]
        super().__init__(y, sr=sr, controls=controls)

    def step(self) -> tuple[list[Panel], str, str]:
        n_fft, hop, top_db = int(self.n_fft.value), int(self.hop_length.value), self.top_db.value
        S = columns_of_power(
            self._y, n_fft=n_fft, hop_length=hop, window=WINDOWS[self.window.value]
        )
        log = self.scale.value == "logarithmic"
        starts, ticks = frequency_rows(sr=self._sr, n_fft=n_fft, log=log)
        S = pool(S, starts, axis=0)
        panel = _matrix(S, top_db=top_db, label="frequency (Hz)", ticks=ticks)
        alt = (
            f"Spectrogram, {self.window.value} window of {n_fft} samples, hop {hop}, "
            f"{self.scale.value} frequency axis, {top_db:.0f} dB from dark to bright."
        )
        return [panel], alt, resolution(sr=self._sr, n_fft=n_fft, hop_length=hop, n=len(self._y))

    def heard(self) -> tuple[np.ndarray, int]:
        hop = int(self.hop_length.value)
        y = self._y[: int(LONGEST_SOUND * self._sr)]
        S = features.power(features.stft(y, n_fft=int(self.n_fft.value), hop_length=hop))
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
        Bands and frame are their sliders' values at first; the hop stays.

    Notes
    -----
    Taught in: notebooks/07_mel.ipynb.
    """

    name, sound_label = "mel explorer", "Hear what these bands keep"
    N_MELS = (8, 16, 24, 32, 40, 48, 64, 80, 96, 128, 192, 256)
    N_FFT = (256, 400, 512, 1024, 2048)
    SCALES = {"Slaney (librosa, Whisper)": "slaney", "HTK": "htk"}

    def __init__(
        self, y: np.ndarray, *, sr: int, n_mels: int = 80, n_fft: int = 400, hop_length: int = 160
    ) -> None:
        self._hop = hop_length
        self.n_mels = Slider(label="Bands n_mels", unit="bands", options=self.N_MELS, value=n_mels)
        self.n_fft = _samples("Frame length n_fft", self.N_FFT, n_fft, sr)
        self.scale = Choice(label="Mel scale", options=list(self.SCALES))
        super().__init__(y, sr=sr, controls=[self.n_mels, self.n_fft, self.scale])

    def _filters(self) -> np.ndarray:
        scale = self.SCALES[self.scale.value]
        sizes = {"n_fft": int(self.n_fft.value), "n_mels": int(self.n_mels.value)}
        return features.mel_filters(sr=self._sr, scale=scale, **sizes)

    def step(self) -> tuple[list[Panel], str, str]:
        n_mels, n_fft = int(self.n_mels.value), int(self.n_fft.value)
        hop = thinned(self._hop, n_samples=len(self._y))
        S = features.power(features.stft(self._y, n_fft=n_fft, hop_length=hop))
        filters = self._filters()
        mel = filters @ S
        mel = pool(mel, run_starts(mel.shape[1], COLUMNS), axis=1)
        scale = self.SCALES[self.scale.value]
        edges = features.mel_edges(n_mels=n_mels, fmax=self._sr / 2, scale=scale)
        texts, places = mel_ticks(edges)
        ticks = [(float((p + 0.5) / n_mels), t) for t, p in zip(texts, places, strict=True)]
        panel = _matrix(mel, top_db=80, label="frequency of the band (Hz)", ticks=ticks)
        empty = len(features.empty_filters(filters))
        bins = f"{1 + n_fft // 2} bins go into {n_mels} bands"
        caption = f"{bins}; empty bands: {empty}" + (" (black stripes)." if empty else ".")
        alt = f"Mel spectrogram, {self.scale.value} scale, n_fft {n_fft}: {caption}"
        return [panel], alt, caption

    def heard(self) -> tuple[np.ndarray, int]:
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


def thinned(hop_length: int, *, n_samples: int) -> int:
    """A multiple of the hop: no more than four frames a column are worth computing."""
    return hop_length * max(1, n_samples // COLUMNS // hop_length // 2)


def columns_of_power(y: np.ndarray, *, n_fft: int, hop_length: int, window: str) -> np.ndarray:
    """The power spectrogram, shape (1 + n_fft // 2, at most COLUMNS)."""
    hop = thinned(hop_length, n_samples=len(y))
    S = features.power(features.stft(y, n_fft=n_fft, hop_length=hop, window=window))
    return pool(S, run_starts(S.shape[1], COLUMNS), axis=1)


def frequency_rows(*, sr: int, n_fft: int, log: bool) -> tuple[np.ndarray, Ticks]:
    """The STFT row at which each row of the picture begins, and the ticks of the axis."""
    top, low = sr / 2, 50.0
    edge = np.arange(ROWS) / ROWS
    hz = low * (top / low) ** edge if log else top * edge
    shown = [t for t in (LOG_TICKS if log else LINEAR_TICKS) if t <= top]
    places = [np.log(t / low) / np.log(top / low) if log else t / top for t in shown]
    ticks = [(float(p), str(t)) for p, t in zip(places, shown, strict=True)]
    return (hz * n_fft / sr).astype(int), ticks


def level_ticks(lowest: float) -> Ticks:
    """A tick every 20 dB from 0 down to ``lowest``."""
    return [(1 - db / lowest, f"{db}") for db in range(0, int(lowest) - 1, -20)]


def resolution(*, sr: int, n_fft: int, hop_length: int, n: int) -> str:
    """What a frame and a hop mean in milliseconds and hertz, in words."""
    text = (
        f"A frame lasts {1000 * n_fft / sr:.0f} ms; rows are {sr / n_fft:.1f} Hz apart, frames "
        f"{1000 * hop_length / sr:.0f} ms. Shape: ({1 + n_fft // 2}, {1 + n // hop_length})."
    )
    gaps = " Between the frames sound is missed." if hop_length > n_fft else ""
    return text + gaps


def _matrix(S: np.ndarray, *, top_db: float, label: str, ticks: Ticks) -> Panel:
    """Power as a panel with a color bar of ``top_db`` below the loudest."""
    db = features.power_to_db(S, ref="max", top_db=top_db)
    bar = "level (dB below the loudest)", level_ticks(-top_db)
    return Panel(levels(db, low=-top_db, high=0), label=label, ticks=ticks, bar=bar)


def _samples(label: str, options: Sequence[int], value: int, sr: int) -> Slider:
    texts = [f"{option} samples = {1000 * option / sr:.3g} ms" for option in options]
    return Slider(label=label, options=options, value=value, texts=texts)
