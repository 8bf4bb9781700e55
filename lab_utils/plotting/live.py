"""Pictures that change at every step of a slider, fast: axes drawn once, only the data anew.

A whole spectrogram by pcolormesh takes several hundred milliseconds. Here the axes are kept as
pixels; a step colours a matrix that already has one value a pixel, and packs it as a PNG.
Measured by benchmarks/slider_latency.py.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from ..errors import LabError
from .signal import plot_levels, plot_waveform
from .style import MAP, ORANGE

DPI = 100
SHADES = 192  #: of the 256 colours of a palette; the rest are greys for text and lines


def pool(S: np.ndarray, starts: np.ndarray, *, axis: int) -> np.ndarray:
    """The largest value of each run along an axis, so that nothing loud is lost.

    Parameters
    ----------
    S : np.ndarray, shape (n_rows, n_columns)
    starts : np.ndarray of int, never falling
        Where the run under each pixel begins; equal starts repeat one value.
    """
    moved = np.moveaxis(S, axis, 0)
    starts = np.minimum(starts, len(moved) - 1)
    lasts = np.maximum(np.append(starts[1:], len(moved)) - 1, starts)
    largest = moved[starts]
    for step in range(1, int((lasts - starts).max()) + 1):  # ten times as fast as reduceat
        np.maximum(largest, moved[np.minimum(starts + step, lasts)], out=largest)
    return np.moveaxis(largest, 0, axis)


def pixel_starts(n: int, pixels: int) -> np.ndarray:
    """Where the run under each of ``pixels`` begins, for ``n`` values side by side."""
    return np.arange(pixels) * n // pixels


class MatrixPicture:
    """Time to the right, rows upward, a labelled colour bar; ``draw`` gives PNG bytes.

    Parameters
    ----------
    duration : float
        Seconds on the time axis.
    unit : str
        Quantity and unit of the colour bar.
    limits : (float, float)
        Values of the darkest and the brightest colour.

    Attributes
    ----------
    shape : (int, int)
        Rows and columns of pixels: what ``draw`` expects.
    """

    def __init__(
        self,
        *,
        duration: float,
        unit: str,
        limits: tuple[float, float],
        figsize: tuple[float, float] = (9, 3.6),
    ):
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize
        from matplotlib.figure import Figure

        self._fig = Figure(figsize=figsize, dpi=DPI)
        self._canvas = FigureCanvasAgg(self._fig)
        self._ax = self._fig.add_axes((0.085, 0.15, 0.8, 0.81))
        self._ax.set(xlim=(0, duration), ylim=(0, 1), xlabel="time (s)")
        bar = self._fig.add_axes((0.9, 0.15, 0.016, 0.81))
        self._scale = ScalarMappable(Normalize(*limits), cmap=MAP)
        self._fig.colorbar(self._scale, cax=bar, label=unit)
        self._moving = (self._ax.yaxis, bar.yaxis)
        for axis in self._moving:
            axis.set_animated(True)
        colours = matplotlib.colormaps[MAP](np.linspace(0, 1, SHADES))[:, :3]
        greys = np.linspace(0, 1, 256 - SHADES)[:, np.newaxis].repeat(3, axis=1)
        self._palette = (np.vstack([colours, greys]) * 255).round().astype(np.uint8)
        self._limits, self._axis, self._pixels, self._kept = limits, None, None, None
        self._drawn, self._bar = {}, None
        box = self._ax.bbox
        self._left, self._right = int(np.ceil(box.x0)), int(np.floor(box.x1))
        height = self._fig.bbox.height
        self._top, self._bottom = int(height - box.y1) + 1, int(height - box.y0)
        self.shape = (self._bottom - self._top, self._right - self._left)

    def set_axis(self, label: str, ticks: Sequence[tuple[float, str]]) -> None:
        """Name the vertical axis; ticks as (place from 0 to 1, text)."""
        axis = (label, tuple(ticks))
        if axis == self._axis:
            return
        self._axis, self._pixels = axis, None
        self._ax.set_ylabel(label)
        self._ax.set_yticks([place for place, _ in ticks], [text for _, text in ticks])

    def set_limits(self, low: float, high: float) -> None:
        """Change what the darkest and the brightest colour mean."""
        if (low, high) != self._limits:
            self._limits = (low, high)
            self._scale.set_clim(low, high)
            self._pixels = None

    def _redraw(self) -> None:
        """All but the two vertical axes is drawn once; they are drawn when they are new."""
        key = (self._axis, self._limits)
        if key in self._drawn:
            self._pixels = self._drawn[key]
            return
        if self._kept is None:
            self._canvas.draw()
            self._kept = self._canvas.copy_from_bbox(self._fig.bbox)
        self._canvas.restore_region(self._kept)
        for axis in self._moving:
            axis.axes.draw_artist(axis)
        self._pixels = self._indexed(np.asarray(self._canvas.buffer_rgba())[..., :3])
        self._drawn[key] = self._pixels

    def _indexed(self, rgb: np.ndarray) -> np.ndarray:
        """Each pixel as a number in the palette: greys for text and lines, else the colour map."""
        grey = SHADES + np.rint(rgb[..., 0] * ((255 - SHADES) / 255)).astype(np.uint8)
        if self._bar is None:  # the colours of the bar stay, whatever its labels say
            coloured = np.ptp(rgb, axis=-1) > 0
            found, palette = rgb[coloured].astype(int), self._palette[:SHADES].astype(int)
            gaps = [((found - colour) ** 2).sum(axis=1) for colour in palette]
            self._bar = coloured, np.argmin(gaps, axis=0)
        coloured, shades = self._bar
        grey[coloured] = shades
        return grey

    def draw(self, values: np.ndarray) -> bytes:
        """Colour ``values``, one a pixel, row 0 at the bottom, and return the picture."""
        if values.shape != self.shape:
            raise LabError(f"Expected one value a pixel, {self.shape}, found {values.shape}.")
        if self._pixels is None:
            self._redraw()
        low, high = self._limits
        level = np.clip((values - low) * ((SHADES - 1) / (high - low)), 0, SHADES - 1)
        place = np.s_[self._top : self._bottom, self._left : self._right]
        self._pixels[place] = level[::-1]
        return _png(self._pixels, palette=self._palette)


class TrimPicture:
    """A waveform over the level of its frames; ``draw`` hatches what is cut and moves the line."""

    def __init__(self, y: np.ndarray, *, sr: int, db: np.ndarray, times: np.ndarray, lowest: float):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self._duration = len(y) / sr
        self._fig = Figure(figsize=(9, 4), dpi=DPI)
        self._canvas = FigureCanvasAgg(self._fig)
        wave = self._fig.add_axes((0.085, 0.56, 0.89, 0.41))
        level = self._fig.add_axes((0.085, 0.12, 0.89, 0.37))
        plot_waveform(y, sr=sr, ax=wave)
        wave.set(xlabel="", xticklabels=[], ylabel="amplitude")
        plot_levels(np.maximum(db, lowest), times=times, ax=level)
        level.set(xlim=(0, self._duration), ylim=(lowest, 2), ylabel="level (dB)")
        hatch = {"facecolor": "0.85", "edgecolor": "0.4", "hatch": "///", "alpha": 0.85}
        self._spans = [wave.axvspan(0, 0, animated=True, **hatch) for _ in range(2)]
        self._line = level.axhline(0, color=ORANGE, linestyle="--", linewidth=1.5, animated=True)
        self._axes = (wave, level)
        self._canvas.draw()
        self._kept = self._canvas.copy_from_bbox(self._fig.bbox)

    def draw(self, *, start: float, end: float, threshold: float) -> bytes:
        """The picture with a cut at ``start`` and ``end`` (seconds) and a threshold in dB."""
        self._canvas.restore_region(self._kept)
        wave, level = self._axes
        for span, (left, right) in zip(
            self._spans, ((0, start), (end, self._duration)), strict=True
        ):
            span.set(x=left, width=max(0.0, right - left))
            if right > left:
                wave.draw_artist(span)
        self._line.set_ydata([threshold, threshold])
        level.draw_artist(self._line)
        return _png(np.asarray(self._canvas.buffer_rgba())[..., :3])


def _png(pixels: np.ndarray, *, palette: np.ndarray | None = None) -> bytes:
    """Packed with the fastest compression; a palette makes it three times as fast again."""
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if palette is not None:
        picture.putpalette(palette.tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
