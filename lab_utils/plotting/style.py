"""How every picture of the labs looks: one palette, one color map, one frame.

No meaning is in a color alone: lines also differ by marker and dashes, areas by hatching.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

#: as lines and text; each has a contrast of at least 4.5 : 1 on white
BLUE, ORANGE, GREEN, GRAY = COLORS = ("#0b61a4", "#b5460f", "#00745a", "#5a5a5a")
#: as areas under black text, in the same order
PALE_BLUE, PALE_ORANGE, PALE_GREEN, PALE_GRAY = PALE = ("#d7e3ee", "#fbe3d3", "#d8efe8", "#e8eaee")
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", "-.", ":")
HATCHES = ("", "//", "..", "xx", "\\\\", "++")
MAP = "magma"  #: the one sequential map: dark is little, bright is much
SMALL = 9  #: points: notes inside a picture
WHITE_BOX = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}  #: behind a note


def new_figure(
    rows: int = 1, columns: int = 1, *, figsize: tuple[float, float] = (9, 3), **kwargs: Any
) -> tuple[Figure, Any]:
    """A figure and its grid of Axes, drawn without pyplot: ``fig, axes = new_figure(2, 1)``."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=figsize, layout="constrained")
    return fig, fig.subplots(rows, columns, **kwargs)


def new_axes(ax: Axes | None = None, *, figsize: tuple[float, float] = (9, 3)) -> Axes:
    """Return ``ax``, or the Axes of a new figure that no GUI and no pyplot state knows of."""
    return new_figure(figsize=figsize)[1] if ax is None else ax


def finish(
    ax: Axes,
    *,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    sides: tuple[str, ...] = ("left", "bottom"),
) -> Axes:
    """Name the axes and hide the sides of the frame that carry none."""
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if title:
        ax.set_title(title, fontsize=11)
    ax.spines[[side for side in ax.spines if side not in sides]].set_visible(False)
    return ax


def line_style(i: int) -> dict[str, Any]:
    """The color and the dashes of line number ``i``."""
    return {"color": COLORS[i % len(COLORS)], "linestyle": DASHES[i % len(DASHES)]}


def draw_matrix(
    ax: Axes,
    values: np.ndarray,
    *,
    extent: tuple[float, float, float, float],
    unit: str = "",
    limits: tuple[float | None, float | None] | None = None,
    interpolation: str = "nearest",
) -> AxesImage:
    """A matrix in the one color map, row 0 at the bottom; with ``unit``, a labeled color bar."""
    vmin, vmax = limits or (None, None)
    image = ax.imshow(
        values, origin="lower", aspect="auto", extent=extent, cmap=MAP, vmin=vmin, vmax=vmax,
        interpolation=interpolation,
    )  # fmt: skip
    if unit:
        ax.figure.colorbar(image, ax=ax, label=unit, pad=0.015)
    return image


def visible(text: str) -> str:
    """A token as a label: its leading space drawn as ␣, its line break as ⏎."""
    shown = text.replace("\n", "⏎")
    return "␣" + shown[1:] if shown.startswith(" ") else shown
