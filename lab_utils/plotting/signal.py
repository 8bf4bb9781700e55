"""Waveforms, spectra, spectrograms and mel filters, with units on both axes.

Taught in: notebooks/05_waveform.ipynb, 06_spectrogram.ipynb and 07_mel.ipynb.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..errors import LabError
from ..pictures import envelope
from .style import BLUE, GRAY, MAP, ORANGE, WHITE_BOX, draw_matrix, finish, line_style, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 1200  #: how finely a long waveform is drawn
AMPLITUDE = "amplitude\n(1 = full scale)"
CUT = {"facecolor": "0.85", "edgecolor": "0.45", "hatch": "///", "alpha": 0.8}


def plot_waveform(
    y: np.ndarray,
    *,
    sr: int,
    start: float = 0.0,
    ax: Axes | None = None,
    label: str = "",
    color: str = BLUE,
    title: str = "",
) -> Axes:
    """A waveform, shape (n_samples,), over time from ``start`` seconds on.

    A long one is drawn as the band between the smallest and the largest sample under each pixel,
    so no peak is lost. ``label`` is for a legend.
    """
    y = _vector(y, "a waveform")
    ax = new_axes(ax, figsize=(9, 2.2))
    end = start + len(y) / sr
    if len(y) <= 2 * COLUMNS:
        ax.plot(start + np.arange(len(y)) / sr, y, color=color, linewidth=1, label=label)
    else:
        low, high = envelope(y, COLUMNS)
        times = np.linspace(start, end, COLUMNS, endpoint=False)
        ax.fill_between(times, low, high, color=color, linewidth=0.5, label=label, step="post")
    limit = 1.05 * max(float(np.abs(y).max()), 1e-3)
    ax.set(xlim=(start, end), ylim=(-limit, limit))
    return finish(ax, xlabel="time (s)", ylabel=AMPLITUDE, title=title)


def plot_samples(
    y: np.ndarray,
    *,
    sr: int,
    start: float = 0.0,
    ax: Axes | None = None,
    label: str = "",
    marker: str = "o",
    title: str = "",
) -> Axes:
    """Few samples, each as a dot on its stem; time in milliseconds, ``start`` in seconds."""
    y = _vector(y, "samples")
    ax = new_axes(ax, figsize=(9, 2.6))
    ms = 1000 * (start + np.arange(len(y)) / sr)
    color = BLUE if marker == "o" else ORANGE
    ax.vlines(ms, 0, y, color=color, linewidth=0.8)
    ax.plot(ms, y, marker, color=color, markersize=4, label=label)
    ax.axhline(0, color=GRAY, linewidth=0.8)
    return finish(ax, xlabel="time (ms)", ylabel=AMPLITUDE, title=title)


def plot_trim(
    y: np.ndarray, *, sr: int, start: float, end: float, ax: Axes | None = None, title: str = ""
) -> Axes:
    """A waveform with what was cut off at both ends hatched and named; times in seconds."""
    ax = plot_waveform(y, sr=sr, ax=ax, title=title)
    duration = len(y) / sr
    for left, right in ((0.0, start), (end, duration)):
        if right > left:
            ax.axvspan(left, right, **CUT)
        if right - left > 0.04 * duration:
            middle, top = (left + right) / 2, 0.85 * ax.get_ylim()[1]
            ax.text(middle, top, "cut", ha="center", va="center", bbox=WHITE_BOX)
    return ax


def plot_levels(
    db: np.ndarray, *, times: np.ndarray, threshold: float | None = None, ax: Axes | None = None
) -> Axes:
    """A level in dB over time in seconds, and a threshold as a dashed line."""
    ax = new_axes(ax, figsize=(9, 2.2))
    ax.plot(times, db, color=BLUE, linewidth=1.2, label="level of the frame")
    if threshold is not None:
        ax.axhline(threshold, color=ORANGE, linestyle="--", label="threshold")
        ax.legend(loc="lower right")
    ax.set_xlim(float(times[0]), float(times[-1]))
    return finish(ax, xlabel="time (s)", ylabel="level (dB below the loudest)")


def plot_curve(
    x: np.ndarray,
    curves: Mapping[str, np.ndarray],
    *,
    xlabel: str,
    ylabel: str,
    ax: Axes | None = None,
    title: str = "",
) -> Axes:
    """Curves over one axis, told apart by their dashes; both labels say quantity and unit."""
    ax = new_axes(ax, figsize=(9, 3))
    for i, (label, values) in enumerate(curves.items()):
        ax.plot(x, values, **line_style(i), linewidth=1.5, label=label)
    if any(curves):
        ax.legend()
    return finish(ax, xlabel=xlabel, ylabel=ylabel, title=title)


def plot_spectrum(
    spectra: Mapping[str, np.ndarray] | np.ndarray,
    *,
    frequencies: np.ndarray,
    ax: Axes | None = None,
    unit: str = "level (dB)",
    title: str = "",
) -> Axes:
    """One or several spectra as lines, shape (n_frequencies,) each, over frequencies in Hz.

    ``unit`` is quantity and unit of the values.
    """
    lines = spectra if isinstance(spectra, Mapping) else {"": spectra}
    ax = plot_curve(frequencies, lines, xlabel="frequency (Hz)", ylabel=unit, ax=ax, title=title)
    ax.set_xlim(frequencies[0], frequencies[-1])
    return ax


def plot_spectrogram(
    S: np.ndarray,
    *,
    sr: int,
    hop_length: int,
    scale: str = "linear",
    unit: str = "level (dB)",
    ax: Axes | None = None,
    title: str = "",
    limits: tuple[float, float] | None = None,
) -> Axes:
    """A spectrogram: time to the right, frequency upward, the brighter the more.

    Parameters
    ----------
    S : np.ndarray, shape (1 + n_fft // 2, n_frames)
        Power, magnitude or decibels: say which in ``unit``, the label of the color bar.
    scale : {"linear", "log"}
        Of the frequency axis; ``log`` begins at 50 Hz.
    limits : (float, float), optional
        Values of the darkest and the brightest color; default: the smallest and the largest.
    """
    S = _matrix(S)
    ax = new_axes(ax, figsize=(9, 3.2))
    step, seconds = sr / 2 / max(1, len(S) - 1), hop_length / sr
    edges = (np.arange(S.shape[1] + 1) - 0.5) * seconds
    if scale == "linear":
        extent = (edges[0], edges[-1], -step / 2, sr / 2 + step / 2)
        how = "nearest" if S.shape[1] < 400 else "antialiased"
        draw_matrix(ax, S, extent=extent, unit=unit, limits=limits, interpolation=how)
        ax.set_ylim(0, sr / 2)
    elif scale == "log":
        rows = (np.arange(len(S) + 1) - 0.5) * step
        rows[0] = min(10.0, step / 4)  # the logarithm of 0 does not exist
        vmin, vmax = limits or (None, None)
        mesh = ax.pcolormesh(edges, rows, S, cmap=MAP, vmin=vmin, vmax=vmax, rasterized=True)
        ax.figure.colorbar(mesh, ax=ax, label=unit, pad=0.015)
        ax.set_yscale("log")
        ticks = [hz for hz in (50, 100, 200, 500, 1000, 2000, 5000, 10000) if hz <= sr / 2]
        ax.set_yticks(ticks, [str(hz) for hz in ticks])
        ax.minorticks_off()
        ax.set_ylim(50, sr / 2)
    else:
        raise LabError(f"Expected the scale 'linear' or 'log', found {scale!r}.")
    return _over_time(ax, S, seconds, ylabel="frequency (Hz)", title=title)


def plot_mel(
    mel: np.ndarray,
    *,
    sr: int,
    hop_length: int,
    edges: np.ndarray | None = None,
    unit: str = "level (dB)",
    ax: Axes | None = None,
    title: str = "",
    limits: tuple[float, float] | None = None,
) -> Axes:
    """A mel spectrogram, a row for each band; the rest as in :func:`plot_spectrogram`.

    Parameters
    ----------
    mel : np.ndarray, shape (n_mels, n_frames)
    edges : np.ndarray, shape (n_mels + 2,), optional
        The corners of the triangles in Hz, ``features.mel_edges``: the rows are then named by
        their frequency.
    """
    mel = _matrix(mel)
    ax = new_axes(ax, figsize=(9, 3.2))
    seconds = hop_length / sr
    extent = (-seconds / 2, (mel.shape[1] - 0.5) * seconds, -0.5, len(mel) - 0.5)
    draw_matrix(ax, mel, extent=extent, unit=unit, limits=limits)
    name = "mel band (number)"
    if edges is not None:
        marks, places = mel_ticks(edges)
        ax.set_yticks(places, marks)
        name = "frequency of the band (Hz)"
    return _over_time(ax, mel, seconds, ylabel=name, title=title)


def plot_filter_bank(
    filters: np.ndarray, *, sr: int, ax: Axes | None = None, kind: str = "lines", title: str = ""
) -> Axes:
    """The triangles of a mel filter bank: as ``"lines"``, or as an ``"image"`` of the matrix.

    ``filters`` are weights, no decibels, shape (n_mels, 1 + n_fft // 2).
    """
    filters = _matrix(filters)
    ax = new_axes(ax, figsize=(9, 3))
    hz = np.linspace(0, sr / 2, filters.shape[1])
    if kind == "lines":
        for i, weights in enumerate(filters):
            ax.plot(hz, weights, **line_style(i % 2), linewidth=1)
        ax.set(xlim=(0, sr / 2), ylim=(0, None))
        return finish(ax, xlabel="frequency (Hz)", ylabel="weight", title=title)
    extent = (-hz[1] / 2, sr / 2 + hz[1] / 2, -0.5, len(filters) - 0.5)
    draw_matrix(ax, filters, extent=extent, unit="weight", limits=(0, None))
    return finish(ax, xlabel="frequency (Hz)", ylabel="mel band (number)", title=title)


def mel_ticks(edges: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Labels in Hz and the band numbers where they are, for the rows of a mel picture."""
    centers = np.asarray(edges)[1:-1]
    wanted = np.array([100, 500, 1000, 2000, 3000, 4000, 6000, 8000, 11000])
    wanted = wanted[(wanted >= centers[0]) & (wanted <= edges[-1])]
    if not len(wanted):
        wanted = centers[[0, -1]].round()
    return [f"{hz:.0f}" for hz in wanted], np.interp(wanted, edges, np.arange(-1, len(edges) - 1))


def _over_time(ax: Axes, S: np.ndarray, seconds: float, *, ylabel: str, title: str) -> Axes:
    ax.set_xlim(0, max((S.shape[1] - 1) * seconds, seconds / 2))
    return finish(ax, xlabel="time (s)", ylabel=ylabel, title=title)


def _vector(y: np.ndarray, what: str) -> np.ndarray:
    y = np.asarray(y)
    if y.ndim != 1 or y.size == 0:
        raise LabError(f"Expected {what} of shape (n_samples,), found shape {y.shape}.")
    return y


def _matrix(S: np.ndarray) -> np.ndarray:
    S = np.asarray(S)
    if S.ndim != 2 or S.size == 0:
        raise LabError(f"Expected a matrix (n_frequencies, n_frames), found shape {S.shape}.")
    if np.iscomplexobj(S):
        raise LabError("Expected power or decibels, found a complex STFT: take features.power(D).")
    return S
