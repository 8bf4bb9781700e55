"""Waveforms, spectra, spectrograms and mel filters, with units on both axes.

Taught in: notebooks/05_waveform.ipynb, 06_spectrogram.ipynb and 07_mel.ipynb.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..errors import LabError
from . import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOUR_MAP = "magma"  #: one sequential map for every matrix: dark is little, bright is much
BLUE, ORANGE = "#0b61a4", "#b5460f"  #: both at least 4.5 : 1 on white
COLUMNS = 1200  #: how finely a long waveform is drawn
DASHES = ("-", "--", ":", "-.")


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
    """A waveform over time: a line where it is short, its outline where it is long.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
    sr : int
        Hz.
    start : float
        The time of the first sample in seconds.
    label : str
        For a legend.

    Returns
    -------
    Axes
        A long waveform is drawn as the band between the smallest and the largest sample under
        each pixel, so no peak is lost.
    """
    y = _vector(y, "a waveform")
    ax = new_axes(ax, figsize=(9, 2.2))
    if len(y) <= 2 * COLUMNS:
        ax.plot(start + np.arange(len(y)) / sr, y, color=color, linewidth=1, label=label)
    else:
        edges = np.linspace(0, len(y), COLUMNS + 1).astype(int)[:-1]
        low, high = np.minimum.reduceat(y, edges), np.maximum.reduceat(y, edges)
        ax.fill_between(
            start + edges / sr, low, high, color=color, linewidth=0.5, label=label, step="post"
        )
    ax.set_xlim(start, start + len(y) / sr)
    limit = 1.05 * max(float(np.abs(y).max(initial=0)), 1e-3)
    ax.set_ylim(-limit, limit)
    return _finish(ax, "time (s)", "amplitude\n(1 = full scale)", title)


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
    """Few samples, each as a dot on its stem; time in milliseconds."""
    y = _vector(y, "samples")
    ax = new_axes(ax, figsize=(9, 2.6))
    ms = 1000 * (start + np.arange(len(y)) / sr)
    color = BLUE if marker == "o" else ORANGE
    ax.vlines(ms, 0, y, color=color, linewidth=0.8)
    ax.plot(ms, y, marker, color=color, markersize=4, label=label)
    ax.axhline(0, color="0.4", linewidth=0.8)
    return _finish(ax, "time (ms)", "amplitude\n(1 = full scale)", title)


def plot_trim(
    y: np.ndarray, *, sr: int, start: float, end: float, ax: Axes | None = None, title: str = ""
) -> Axes:
    """A waveform with what was cut off at both ends hatched and named; times in seconds."""
    ax = plot_waveform(y, sr=sr, ax=ax, title=title)
    duration = len(y) / sr
    for left, right in ((0.0, start), (end, duration)):
        if right > left:
            ax.axvspan(left, right, facecolor="0.85", edgecolor="0.45", hatch="///", alpha=0.8)
            if right - left > 0.04 * duration:
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
                middle, top = (left + right) / 2, 0.85 * ax.get_ylim()[1]
                ax.text(middle, top, "cut", ha="center", va="center", bbox=box)
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
    return _finish(ax, "time (s)", "level (dB below the loudest)", "")


def plot_spectrum(
    spectra: Mapping[str, np.ndarray] | np.ndarray,
    *,
    frequencies: np.ndarray,
    ax: Axes | None = None,
    scale: str = "linear",
    unit: str = "level (dB)",
    title: str = "",
) -> Axes:
    """One or several spectra as lines, told apart by their dashes.

    Parameters
    ----------
    spectra : np.ndarray or mapping of label to np.ndarray
        Shape (n_frequencies,) each.
    frequencies : np.ndarray
        Hz.
    scale : {"linear", "log"}
        Of the frequency axis.
    unit : str
        Quantity and unit of the values.
    """
    ax = new_axes(ax, figsize=(9, 3))
    lines = spectra if isinstance(spectra, Mapping) else {"": spectra}
    for i, (label, values) in enumerate(lines.items()):
        color = (BLUE, ORANGE, "0.25", "0.5")[i % 4]
        dashes = DASHES[i % len(DASHES)]
        ax.plot(frequencies, values, dashes, color=color, linewidth=1.4, label=label)
    if len(lines) > 1:
        ax.legend()
    if scale == "log":
        ax.set_xscale("log")
    ax.set_xlim(max(frequencies[0], frequencies[1] if scale == "log" else 0), frequencies[-1])
    return _finish(ax, "frequency (Hz)", unit, title)


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
        Power, magnitude or decibels: say which in ``unit``.
    sr, hop_length : int
        Without the right ones both axes lie, so there is no default.
    scale : {"linear", "log"}
        Of the frequency axis; ``log`` begins at 50 Hz.
    unit : str
        What the colour bar says.
    limits : (float, float), optional
        Values of the darkest and the brightest colour; default: the smallest and the largest.
    """
    S = _matrix(S)
    ax = new_axes(ax, figsize=(9, 3.2))
    step, seconds = sr / 2 / max(1, len(S) - 1), hop_length / sr
    vmin, vmax = limits or (float(S.min()), float(S.max()))
    if scale == "linear":
        extent = (-seconds / 2, (S.shape[1] - 0.5) * seconds, -step / 2, sr / 2 + step / 2)
        picture = ax.imshow(
            S, origin="lower", aspect="auto", extent=extent, cmap=COLOUR_MAP, vmin=vmin, vmax=vmax
        )
        picture.set_interpolation("nearest" if S.shape[1] < 400 else "antialiased")
        ax.set_ylim(0, sr / 2)
    elif scale == "log":
        rows = (np.arange(len(S) + 1) - 0.5) * step
        columns = (np.arange(S.shape[1] + 1) - 0.5) * seconds
        rows[0] = min(10.0, step / 4)
        picture = ax.pcolormesh(
            columns, rows, S, cmap=COLOUR_MAP, vmin=vmin, vmax=vmax, rasterized=True
        )
        ax.set_yscale("log")
        ax.set_ylim(50, sr / 2)
        ticks = [t for t in (50, 100, 200, 500, 1000, 2000, 5000, 10000) if t <= sr / 2]
        ax.set_yticks(ticks, [f"{tick:,}".replace(",", "") for tick in ticks], minor=False)
        ax.minorticks_off()
    else:
        raise LabError(f"Expected the scale 'linear' or 'log', found {scale!r}.")
    ax.set_xlim(0, max((S.shape[1] - 1) * seconds, seconds / 2))
    ax.get_figure().colorbar(picture, ax=ax, label=unit, pad=0.015)
    return _finish(ax, "time (s)", "frequency (Hz)", title)


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
    """A mel spectrogram: one row a band; with ``edges`` the rows are named by their frequency.

    Parameters
    ----------
    mel : np.ndarray, shape (n_mels, n_frames)
    sr, hop_length : int
    edges : np.ndarray, shape (n_mels + 2,), optional
        The corners of the triangles in Hz, ``features.mel_edges``.
    unit : str
        What the colour bar says.
    limits : (float, float), optional
        Values of the darkest and the brightest colour.
    """
    mel = _matrix(mel)
    ax = new_axes(ax, figsize=(9, 3.2))
    seconds = hop_length / sr
    extent = (-seconds / 2, (mel.shape[1] - 0.5) * seconds, -0.5, len(mel) - 0.5)
    vmin, vmax = limits or (float(mel.min()), float(mel.max()))
    picture = ax.imshow(
        mel, origin="lower", aspect="auto", extent=extent, cmap=COLOUR_MAP, vmin=vmin, vmax=vmax
    )
    picture.set_interpolation("nearest")
    ax.set_xlim(0, max((mel.shape[1] - 1) * seconds, seconds / 2))
    name = "mel band (number)"
    if edges is not None:
        marks, places = mel_ticks(edges)
        ax.set_yticks(places, marks)
        name = "frequency of the band (Hz)"
    ax.get_figure().colorbar(picture, ax=ax, label=unit, pad=0.015)
    return _finish(ax, "time (s)", name, title)


def plot_filter_bank(
    filters: np.ndarray, *, sr: int, ax: Axes | None = None, kind: str = "lines", title: str = ""
) -> Axes:
    """The triangles of a mel filter bank: as lines, or as a picture of the matrix.

    Parameters
    ----------
    filters : np.ndarray, shape (n_mels, 1 + n_fft // 2)
        Weights, no decibels.
    sr : int
        Hz.
    kind : {"lines", "image"}
    """
    filters = _matrix(filters)
    ax = new_axes(ax, figsize=(9, 3))
    hz = np.arange(filters.shape[1]) * sr / 2 / (filters.shape[1] - 1)
    if kind == "lines":
        for i, weights in enumerate(filters):
            ax.plot(hz, weights, DASHES[i % 2], color=(BLUE, ORANGE)[i % 2], linewidth=1)
        ax.set_xlim(0, sr / 2)
        ax.set_ylim(0, None)
        return _finish(ax, "frequency (Hz)", "weight", title)
    step = hz[1]
    extent = (-step / 2, sr / 2 + step / 2, -0.5, len(filters) - 0.5)
    picture = ax.imshow(
        filters, origin="lower", aspect="auto", extent=extent, cmap=COLOUR_MAP, vmin=0
    )
    picture.set_interpolation("nearest")
    ax.get_figure().colorbar(picture, ax=ax, label="weight", pad=0.015)
    return _finish(ax, "frequency (Hz)", "mel band (number)", title)


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
        color, dashes = (BLUE, ORANGE, "0.25", "0.5")[i % 4], DASHES[i % len(DASHES)]
        ax.plot(x, values, dashes, color=color, linewidth=1.6, label=label)
    if len(curves) > 1 or "" not in curves:
        ax.legend()
    return _finish(ax, xlabel, ylabel, title)


def mel_ticks(edges: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Labels in Hz and the band numbers where they stand, for the rows of a mel picture."""
    centres = np.asarray(edges)[1:-1]
    wanted = np.array([100, 500, 1000, 2000, 3000, 4000, 6000, 8000, 11000])
    wanted = wanted[(wanted >= centres[0]) & (wanted <= edges[-1])]
    if not len(wanted):
        wanted = centres[[0, -1]].round()
    return [f"{hz:.0f}" for hz in wanted], np.interp(wanted, edges, np.arange(-1, len(edges) - 1))


def _finish(ax: Axes, xlabel: str, ylabel: str, title: str) -> Axes:
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if title:
        ax.set_title(title, fontsize=11)
    return ax


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
