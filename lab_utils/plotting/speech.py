"""What is spoken, drawn over its waveform: the printed form of the player.

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from . import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..transcripts import Word

ROW_SECONDS = 6.0  #: as much as fits on a line of the page with its words
LONGEST_WITH_WORDS = 36.0  #: seconds; above, the words would fill pages
COLUMNS = 900  #: how finely a row is drawn
DOUBT = 0.5  #: words below this probability get a dashed frame


def spoken_figure(y: np.ndarray, *, sr: int, words: Sequence[Word] = ()) -> Figure:
    """A clip as lines of waveform, each word under its moment.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
    sr : int
        Hz.
    words : sequence of Word
        Words with start, end (seconds) and probability. A clip of more than 36 s is drawn
        without them, in one line.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each six seconds or less; words that Whisper doubts (probability below 0.5) are
        framed by a dashed line, the others shaded the more the less sure it is.
    """
    duration = len(y) / sr
    words = words if duration <= LONGEST_WITH_WORDS else ()
    rows = max(1, int(np.ceil(duration / ROW_SECONDS - 0.05))) if words else 1
    height = 1.35 if words else 1.6
    fig, axes = new_figure(rows, 1, figsize=(9, 0.3 + height * rows), squeeze=False)
    length = duration / rows
    limit = float(np.max(np.abs(y), initial=0)) or 1.0
    for row, ax in enumerate(axes[:, 0]):
        start = row * length
        plot_spoken(y, sr=sr, words=words, start=start, end=start + length, ax=ax)
        ax.set_ylim(-1.9 * limit if words else -1.05 * limit, 1.05 * limit)
        ax.set_yticks([-limit, 0, limit], [f"{-limit:.1g}", "0", f"{limit:.1g}"])
        if row < rows - 1:
            ax.set_xlabel("")
    return fig


def plot_spoken(
    y: np.ndarray,
    *,
    sr: int,
    words: Sequence[Word] = (),
    start: float = 0.0,
    end: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the outline of a waveform from ``start`` to ``end`` seconds and the words in it."""
    if ax is None:
        fig, ax = new_figure(1, 1, figsize=(9, 1.8))
    end = len(y) / sr if end is None else end
    part = y[int(start * sr) : int(end * sr)]
    if len(part):
        edges = np.linspace(0, len(part), min(COLUMNS, len(part)) + 1).astype(int)[:-1]
        low, high = np.minimum.reduceat(part, edges), np.maximum.reduceat(part, edges)
        ax.fill_between(start + edges / sr, low, high, color="tab:blue", linewidth=0.4)
    limit = float(np.max(np.abs(y), initial=0)) or 1.0
    spoken = [word for word in words if start <= word.start < end]
    for i, word in enumerate(spoken):
        sure = 1.0 if word.probability is None else word.probability
        ax.axvline(word.start, color="0.6", linewidth=0.6, linestyle=":")
        ax.text(
            word.start,
            (-1.3 - 0.33 * (i % 2)) * limit,
            word.text.strip().replace("$", r"\$"),
            fontsize=9,
            va="center",
            bbox={
                "boxstyle": "round,pad=0.15",
                "facecolor": (0.9, 0.62, 0.0, 0.6 * (1 - sure)),
                "edgecolor": "black" if sure < DOUBT else (0, 0, 0, 0),
                "linestyle": "--",
                "linewidth": 0.8,
            },
        )
    ax.set_xlim(start, end)
    ax.set_xlabel("time (s)")
    ax.set_ylabel("amplitude")
    return ax
