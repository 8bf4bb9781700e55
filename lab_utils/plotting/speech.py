"""What is spoken: words over their waveform, the printed form of the player, and segments.

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..constants import CHUNK_LENGTH, FRAMES_PER_SECOND
from .signal import plot_waveform
from .style import BLUE, GRAY, HATCHES, ORANGE, PALE_ORANGE, SMALL, finish, new_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..transcripts import Segment, Word

ROW_SECONDS = 6.0  #: as much as fits on a line of the page with its words
LONGEST_WITH_WORDS = 36.0  #: seconds; above, the words would fill pages
DOUBT = 0.5  #: words below this probability get a dashed frame


def spoken_figure(y: np.ndarray, *, sr: int, words: Sequence[Word] = ()) -> Figure:
    """A clip as lines of waveform, each word under its moment.

    A row for each six seconds or less. Words that Whisper doubts (probability below 0.5) are
    framed by a dashed line, all are shaded the more the less sure it is. A clip of more than 36 s
    is drawn without words, in one line.
    """
    duration = len(y) / sr
    words = words if duration <= LONGEST_WITH_WORDS else ()
    rows = max(1, int(np.ceil(duration / ROW_SECONDS - 0.05))) if words else 1
    height = 1.35 if words else 1.6
    fig, axes = new_figure(rows, 1, figsize=(9, 0.3 + height * rows), squeeze=False)
    limit = float(np.max(np.abs(y), initial=0)) or 1.0
    for row, ax in enumerate(axes[:, 0]):
        start, end = row * duration / rows, (row + 1) * duration / rows
        part = y[int(start * sr) : int(end * sr)]
        plot_waveform(part if len(part) else np.zeros(1), sr=sr, start=start, ax=ax)
        _write_words(ax, [word for word in words if start <= word.start < end], limit)
        ax.set(xlim=(start, end), ylim=((-1.9 if words else -1.05) * limit, 1.05 * limit))
        ax.set_yticks([-limit, 0, limit], [f"{-limit:.1g}", "0", f"{limit:.1g}"])
        finish(ax, xlabel="time (s)" if row == rows - 1 else "", ylabel="amplitude")
    return fig


def _write_words(ax: Axes, words: Sequence[Word], limit: float) -> None:
    for i, word in enumerate(words):
        sure = 1.0 if word.probability is None else word.probability
        box = {
            "boxstyle": "round,pad=0.15",
            "facecolor": (0.9, 0.62, 0.0, 0.6 * (1 - sure)),
            "edgecolor": "black" if sure < DOUBT else "none",
            "linestyle": "--",
            "linewidth": 0.8,
        }
        text, height = word.text.strip().replace("$", r"\$"), (-1.3 - 0.33 * (i % 2)) * limit
        ax.axvline(word.start, color="0.6", linewidth=0.6, linestyle=":")
        ax.text(word.start, height, text, fontsize=SMALL, va="center", bbox=box)


def plot_segments(segments: Sequence[Segment], *, duration: float, ax: Axes | None = None) -> Axes:
    """Draw each segment as a bar over time, one below the other, and where windows begin.

    Bars of the same window look alike; a solid line marks the start of each window that Whisper
    decoded, dotted lines each 30 s. ``duration`` is that of the recording in seconds.
    """
    ax = new_axes(ax, figsize=(9, 0.6 + 0.24 * max(len(segments), 4)))
    begins = sorted({segment.seek for segment in segments})
    styles: tuple[dict[str, Any], ...] = (
        {"color": BLUE, "edgecolor": BLUE},
        {"color": PALE_ORANGE, "edgecolor": ORANGE, "hatch": HATCHES[1]},
    )
    for row, segment in enumerate(segments):
        style = styles[begins.index(segment.seek) % 2]
        ax.barh(row, segment.end - segment.start, left=segment.start, height=0.8, **style)
    for seek in begins:
        start = seek / FRAMES_PER_SECOND
        ax.axvline(start, color="black", linewidth=1)
        ax.text(start, -0.8, f" window {start:.2f} s", va="bottom", fontsize=SMALL)
    for start in range(CHUNK_LENGTH, int(duration) + 1, CHUNK_LENGTH):
        ax.axvline(start, color=GRAY, linestyle=":", linewidth=1.5)
    ax.set(xlim=(0, duration), ylim=(len(segments) - 0.4, -0.6))
    return finish(ax, xlabel="time (s)", ylabel="segment")
