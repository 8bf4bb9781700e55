"""A transcript as a picture.

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..constants import CHUNK_LENGTH, FRAMES_PER_SECOND
from . import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..transcripts import Segment


def plot_segments(
    segments: Sequence[Segment],
    *,
    duration: float,
    window: float = CHUNK_LENGTH,
    ax: Axes | None = None,
) -> Axes:
    """Draw each segment as a bar over time, one below the other, and where windows begin.

    Bars of the same window look alike; a solid line marks the start of each window that Whisper
    decoded, dotted lines a grid.

    Parameters
    ----------
    segments : sequence of Segment
        With ``start`` and ``end`` in seconds, and ``seek``, the start of its window in frames.
    duration : float
        Length of the recording in seconds.
    window : float
        Spacing of the dotted grid lines in seconds.
    """
    ax = new_axes(ax, figsize=(9, 0.6 + 0.24 * max(len(segments), 4)))
    begins = sorted({segment.seek for segment in segments})
    for row, segment in enumerate(segments):
        odd = begins.index(segment.seek) % 2
        ax.barh(
            row,
            segment.end - segment.start,
            left=segment.start,
            height=0.8,
            color="#f2b27a" if odd else "#1f5a94",
            hatch="///" if odd else "",
            edgecolor="#6b3a0c" if odd else "#1f5a94",
        )
    for seek in begins:
        start = seek / FRAMES_PER_SECOND
        ax.axvline(start, color="black", linewidth=1)
        ax.text(start, -0.8, f" window {start:.2f} s", va="bottom", fontsize=8)
    for i in range(1, int(duration // window) + 1):
        ax.axvline(i * window, color="black", linestyle=":", linewidth=1.5)
    ax.set(xlim=(0, duration), ylim=(len(segments) - 0.4, -0.6))
    ax.set(xlabel="Time (s)", ylabel="Segment")
    return ax
