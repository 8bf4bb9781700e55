"""Pictures of lab 08: the way of a recording into a corpus, cuts, speech, noise, shared padding.

Spans are on rows with a name, events carry theirs.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..constants import CHUNK_LENGTH
from . import style
from .signal import plot_waveform
from .style import finish, new_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Spans = Sequence[tuple[float, float]]  #: start and end of each, in seconds

#: x, y, width, height, color, heading, what is below it
FLOW = (
    (0, 13, 15, 18, style.PALE_GRAY, "Recordings", "any format\nany length\nnever changed"),
    (18.5, 15, 11.2, 14, style.PALE_BLUE, "Split", "where someone\nspeaks"),
    (31.1, 15, 11.2, 14, style.PALE_BLUE, "Clean", "noise, level,\n16-bit WAV"),
    (43.7, 15, 11.2, 14, style.PALE_BLUE, "Label", "a text for\neach clip"),
    (56.3, 15, 11.2, 14, style.PALE_BLUE, "Check", "every rule,\nworst first"),
    (73, 24, 27, 20, style.PALE_ORANGE, "Contract 1: VOICE",
     "22 050 Hz, one speaker\nquiet room, 100 clips or more\nsplits share no text\n\n"
     "written as LJSpeech"),
    (73, 0, 27, 20, style.PALE_GREEN, "Contract 2: WHISPER",
     "16 000 Hz, many speakers\nat most 30 s and 448 tokens\nsplits share no speaker\n\n"
     "written as audiofolder"),
)  # fmt: skip
FLOW_ARROWS = (
    ((15, 22), (18.5, 22)), ((29.7, 22), (31.1, 22)), ((42.3, 22), (43.7, 22)),
    ((54.9, 22), (56.3, 22)), ((67.5, 24), (73, 34)), ((67.5, 20), (73, 10)),
)  # fmt: skip


def plot_flow(ax: Axes | None = None) -> Axes:
    """The whole workshop in one picture: one set of recordings in, two contracts out."""
    from matplotlib.patches import FancyBboxPatch

    ax = new_axes(ax, figsize=(9.6, 4.1))
    ax.set(xlim=(-0.5, 100.5), ylim=(-0.5, 44.5))
    ax.axis("off")
    rounded = "round,pad=0,rounding_size=1"
    for x, y, width, height, color, heading, body in FLOW:
        ax.add_patch(FancyBboxPatch((x, y), width, height, rounded, fc=color, ec=style.GRAY))
        middle = x + width / 2
        ax.text(middle, y + height - 1.6, heading, ha="center", va="top", weight="bold")
        ax.text(middle, y + height / 2 - 1.75, body, ha="center", va="center", fontsize=style.SMALL)
    for start, end in FLOW_ARROWS:
        arrow = {"arrowstyle": "-|>", "color": style.GRAY, "shrinkA": 0}
        ax.annotate("", end, start, arrowprops=arrow)
    ax.plot([18.5, 67.5], [31.5, 31.5], color=style.GRAY, lw=1)
    ax.text(43, 33, "corpus: clips at 22 050 Hz + manifest.csv", ha="center")
    ax.text(43, 10.5, "what is dropped is written down, with the reason", ha="center")
    return ax


def plot_recording(
    y: np.ndarray,
    *,
    sr: int,
    events: Sequence[Mapping] = (),
    ax: Axes | None = None,
) -> Axes:
    """A long recording with what happens in it.

    Parameters
    ----------
    y : np.ndarray, shape (n_samples,)
    events : sequence of mapping
        Each with ``kind``, ``start`` and ``end`` (seconds).
    """
    ax = plot_waveform(y, sr=sr, ax=new_axes(ax, figsize=(9.6, 3)))
    duration = len(y) / sr
    level, last = 0, -duration
    for kind, start, end in _joined(events):
        level = (level + 1) % 3 if start - last < duration / 12 else 0  # labels do not meet
        last, middle = end, (start + end) / 2
        ax.axvspan(start, max(end, start + 1), color=style.ORANGE, alpha=0.25)
        ax.annotate(
            kind, (middle, 1.02), (middle, 1.14 + 0.2 * level), ha="center", fontsize=style.SMALL,
            arrowprops={"arrowstyle": "-", "color": style.GRAY}, annotation_clip=False,
        )  # fmt: skip
    ax.set(ylim=(-1.02, 1.02))
    return ax


def _joined(events: Sequence[Mapping]) -> list[tuple[str, float, float]]:
    """Neighbors of one kind as one event, in order."""
    joined: list[tuple[str, float, float]] = []
    for event in sorted(events, key=lambda event: event["start"]):
        kind, start, end = event["kind"], event["start"], event["end"]
        if joined and joined[-1][0] == kind and start - joined[-1][2] < 5:
            start = joined.pop()[1]
        joined.append((kind, start, end))
    return joined


def plot_cuts(
    y: np.ndarray,
    *,
    sr: int,
    start: float,
    words: Sequence[tuple[str, float, float]],
    rows: Mapping[str, Spans],
    ax: Axes | None = None,
) -> Axes:
    """A stretch of a recording, its sentences, and where ways of splitting cut it.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
        The stretch, which begins at ``start`` seconds of the recording, as all times.
    words : sequence of (text, start, end)
        What is said.
    rows : mapping of str to sequence of (start, end)
        Name of a way to split -> its clips.
    """
    ax = new_axes(ax, figsize=(9.6, 3.2))
    end = start + len(y) / sr
    limit = float(np.max(np.abs(y), initial=0)) or 1.0
    plot_waveform(y / limit, sr=sr, start=start, ax=ax)
    for text, first, last in words:
        left, right = max(first, start), min(last, end)
        if left < right:
            ax.plot([left, right], [1.25, 1.25], color=style.GRAY, lw=3, solid_capstyle="butt")
            folded = "\n".join(textwrap.wrap(text, 24))
            ax.text((left + right) / 2, 1.4, folded, ha="center", va="bottom", fontsize=8)
    levels = -1.5 - 0.55 * np.arange(len(rows))
    for level, spans in zip(levels, rows.values(), strict=True):
        seen = [(max(a, start), min(b, end)) for a, b in spans if a < end and b > start]
        for j, (left, right) in enumerate(seen):
            face = (style.PALE_BLUE, style.PALE_ORANGE)[j % 2]
            ax.barh(level, right - left, 0.4, left, color=face, edgecolor=style.GRAY)
        for edge in {e for span in spans for e in span if start < e < end}:
            ax.plot([edge, edge], [level - 0.2, 1.05], color=style.ORANGE, lw=1, ls=(0, (4, 3)))
    ax.set_yticks([0, *levels], ["waveform", *rows])
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(start, end), ylim=(-1.35 - 0.55 * len(rows), 2.3))
    return finish(ax, xlabel="time (s)", sides=("bottom",))


def plot_speech(
    probabilities: np.ndarray,
    *,
    step: float,
    rows: Mapping[str, Spans],
    levels: np.ndarray,
    level_step: float = 0.01,
) -> Figure:
    """Level, probability of speech, and what ways of splitting make of them.

    Parameters
    ----------
    probabilities : np.ndarray, shape (n_windows,)
        Of speech, in [0, 1], each for ``step`` seconds.
    rows : mapping of str to sequence of (start, end)
        Name -> spans in seconds, drawn as bars.
    levels : np.ndarray
        dB relative to full scale, each for ``level_step`` seconds.
    """
    fig, axes = new_figure(3, 1, figsize=(9.6, 5.1), sharex=True)
    axes[0].plot(np.arange(len(levels)) * level_step, levels, color=style.BLUE, lw=0.7)
    finish(axes[0], ylabel="level (dB)")
    times = (np.arange(len(probabilities)) + 0.5) * step
    axes[1].plot(times, probabilities, color=style.GREEN, lw=1)
    axes[1].set_ylim(-0.05, 1.05)
    finish(axes[1], ylabel="P(speech)")
    for i, spans in enumerate(rows.values()):
        color = (style.GRAY, style.ORANGE, style.BLUE, style.GREEN)[i % 4]
        axes[2].broken_barh([(a, b - a) for a, b in spans], (i - 0.3, 0.6), color=color)
    names = [f"{name}: {len(spans)}" for name, spans in rows.items()]
    axes[2].set_yticks(range(len(rows)), names)
    axes[2].set(xlim=(0, len(probabilities) * step), ylim=(len(rows) - 0.5, -0.5))
    finish(axes[2], xlabel="time (s)")
    return fig


def plot_wer_bars(rates: Mapping[str, Mapping[str, float]], *, ax: Axes | None = None) -> Axes:
    """Grouped bars: condition -> method -> word error rate as a fraction, in percent above."""
    ax = new_axes(ax, figsize=(9.6, 3.2))
    methods = list(next(iter(rates.values())))
    width = 0.8 / len(methods)
    for k, method in enumerate(methods):
        x = np.arange(len(rates)) - 0.4 + width * (k + 0.5)
        values = [100 * rates[condition][method] for condition in rates]
        look = {"color": style.COLORS[k % 4], "hatch": style.HATCHES[k % 4], "ec": "white"}
        bars = ax.bar(x, values, 0.92 * width, label=method, **look)
        ax.bar_label(bars, [f"{v:.0f}" for v in values], padding=2, fontsize=style.SMALL)
    ax.set_xticks(range(len(rates)), list(rates))
    ax.margins(y=0.15)
    ax.legend(title="noise reduction", frameon=False, ncols=len(methods), loc="upper left")
    return finish(ax, ylabel="word error rate (%)")


def plot_shared_padding(
    durations: Sequence[float], *, margin: float, reference: float, least: float = 0.0
) -> Figure:
    """What the encoder works on: every clip's 30 seconds, against shared padding.

    Parameters
    ----------
    durations : sequence of float
        Seconds of the clips of one batch.
    margin : float
        Seconds after its end that every clip computes itself.
    reference : float
        Seconds of sound in the reference window, which is computed whole.
    least : float
        Seconds that every clip computes at least.
    """
    fig, axes = new_figure(1, 2, figsize=(9.6, 3.3), sharey=True)
    order = sorted(durations)
    own = [(seconds, max(seconds + margin, least)) for seconds in order]
    panels = {
        "each clip alone": [(seconds, CHUNK_LENGTH) for seconds in order],
        "shared padding": [*own, (reference, CHUNK_LENGTH)],
    }
    padding = {"color": style.PALE_BLUE, "hatch": "//", "ec": "white", "lw": 0, "label": "padding"}
    for ax, (title, bars) in zip(axes, panels.items(), strict=True):
        rows, sound, end = np.arange(len(bars)), *np.array(bars, float).T
        colors = [style.BLUE if row < len(order) else style.GRAY for row in rows]
        ax.barh(rows, sound, 0.8, color=colors, label="sound")
        ax.barh(rows, end - sound, 0.8, sound, **padding)
        ax.set(xlim=(0, CHUNK_LENGTH), yticks=[])
        title = f"{title}: {end.sum():.0f} s to encode"
        finish(ax, xlabel="position in the window (s)", title=title)
    middle = (max(end for _, end in own) + CHUNK_LENGTH) / 2
    axes[1].annotate(
        "the padding of one reference window,\ncomputed once, serves all clips",
        (middle, len(order) - 0.4), (middle, len(order) / 2), ha="center", va="top",
        arrowprops={"arrowstyle": "<|-", "color": style.GRAY},
    )  # fmt: skip
    axes[0].set_ylabel("clips of one batch")
    axes[0].legend(loc="lower right", framealpha=0.95)
    return fig
