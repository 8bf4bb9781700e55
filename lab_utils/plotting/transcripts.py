"""A transcript as a picture.

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..transcripts import Segment


def plot_segments(
    segments: Sequence[Segment], *, duration: float, window: float = 30.0, ax: Axes | None = None
) -> Axes:
    """Draw each segment as a bar over time, one below the other, and the grid of windows.

    Parameters
    ----------
    segments : sequence of Segment
        With ``start`` and ``end`` in seconds.
    duration : float
        Length of the recording in seconds.
    window : float
        Spacing of the dotted grid lines in seconds.
    """
    ax = new_axes(ax, figsize=(9, 0.6 + 0.24 * max(len(segments), 4)))
    for row, segment in enumerate(segments):
        ax.barh(row, segment.end - segment.start, left=segment.start, height=0.8, color="tab:blue")
    for i in range(1, int(duration // window) + 1):
        ax.axvline(i * window, color="black", linestyle=":", linewidth=1.5)
    ax.set(xlim=(0, duration), ylim=(len(segments) - 0.4, -0.6))
    ax.set(xlabel="Time (s)", ylabel="Segment")
    return ax
