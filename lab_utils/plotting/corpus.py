"""Pictures of lab 08: the way of a recording into a corpus, cuts, speech, noise, shared padding.

No meaning stands in a colour alone: spans lie on rows with a name, events carry theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from . import new_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#00745A", "#5A5A5A"
PALE = {"source": "#e8eaee", "step": "#dcebf7", "voice": "#fde6d8", "whisper": "#d8efe8"}


def plot_flow(ax: Axes | None = None) -> Axes:
    """The whole workshop in one picture: one set of recordings in, two contracts out."""
    ax = new_axes(ax, figsize=(9.6, 4.1))
    ax.set_xlim(-0.5, 100.5)
    ax.set_ylim(-0.5, 44.5)
    ax.axis("off")
    _box(ax, 0, 13, 15, 18, "Recordings", "any format\nany length\nnever changed", "source")
    steps = (
        ("Split", "where someone\nspeaks"),
        ("Clean", "noise, level,\n16-bit WAV"),
        ("Label", "a text for\neach clip"),
        ("Check", "every rule,\nworst first"),
    )
    for i, (name, what) in enumerate(steps):
        x = 18.5 + 12.6 * i
        _box(ax, x, 15, 11.2, 14, name, what, "step")
        _arrow(ax, (x - (3.5 if i == 0 else 1.4), 22), (x, 22))
    out = 18.5 + 12.6 * 3 + 11.2
    voice = ("22 050 Hz, one speaker", "quiet room, 100 clips or more", "splits share no text")
    whisper = ("16 000 Hz, many speakers", "at most 30 s and 448 tokens", "splits share no speaker")
    _box(ax, 73, 24, 27, 20, "Contract 1: VOICE", _lines(voice, "written as LJSpeech"), "voice")
    _box(
        ax,
        73,
        0,
        27,
        20,
        "Contract 2: WHISPER",
        _lines(whisper, "written as audiofolder"),
        "whisper",
    )
    _arrow(ax, (out, 24), (73, 34))
    _arrow(ax, (out, 20), (73, 10))
    ax.text(43.8, 33, "corpus: clips at 22 050 Hz + manifest.csv", ha="center", fontsize=9.5)
    ax.plot([18.5, out], [31.5, 31.5], color=GREY, lw=1)
    ax.text(
        43.8, 10.5, "what is dropped is written down, with the reason", ha="center", fontsize=9.5
    )
    return ax


def _lines(lines: Sequence[str], last: str) -> str:
    return "\n".join([*lines, "", last])


def _box(ax: Axes, x: float, y: float, w: float, h: float, head: str, body: str, kind: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    style = "round,pad=0,rounding_size=1"
    ax.add_patch(FancyBboxPatch((x, y), w, h, style, fc=PALE[kind], ec=GREY, lw=1))
    ax.text(x + w / 2, y + h - 1.6, head, ha="center", va="top", weight="bold", fontsize=10)
    ax.text(x + w / 2, y + (h - 3.5) / 2, body, ha="center", va="center", fontsize=9)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": GREY, "shrinkA": 0})


def plot_recording(
    envelope: tuple[np.ndarray, np.ndarray],
    *,
    duration: float,
    events: Sequence[Mapping] = (),
    ax: Axes | None = None,
) -> Axes:
    """A long recording with what happens in it.

    Parameters
    ----------
    envelope : (low, high)
        Lowest and highest sample of each of equal stretches.
    duration : float
        Seconds.
    events : sequence of mapping
        Each with ``kind``, ``start`` and ``end`` (seconds).
    """
    ax = new_axes(ax, figsize=(9.6, 3))
    low, high = envelope
    t = (np.arange(len(low)) + 0.5) / len(low) * duration
    ax.fill_between(t, low, high, color=BLUE, lw=0)
    for event, height in _stacked(events, duration):
        ax.axvspan(event["start"], max(event["end"], event["start"] + 1), color=ORANGE, alpha=0.25)
        ax.annotate(
            event["kind"],
            ((event["start"] + event["end"]) / 2, 1.02),
            ((event["start"] + event["end"]) / 2, 1.14 + 0.2 * height),
            ha="center",
            fontsize=9,
            arrowprops={"arrowstyle": "-", "color": GREY},
            annotation_clip=False,
        )
    ax.set(xlim=(0, duration), ylim=(-1.02, 1.02), xlabel="time (s)", ylabel="amplitude")
    return ax


def _stacked(events: Sequence[Mapping], duration: float) -> list[tuple[Mapping, int]]:
    """Neighbours of one kind as one event; a label too near the last one goes a step higher."""
    joined: list[dict] = []
    for event in sorted(events, key=lambda event: event["start"]):
        last = joined[-1] if joined else None
        if last and last["kind"] == event["kind"] and event["start"] - last["end"] < 5:
            last["end"] = event["end"]
        else:
            joined.append(dict(event))
    placed: list[tuple[Mapping, int]] = []
    for event in joined:
        near = placed and event["start"] - placed[-1][0]["end"] < duration / 12
        placed.append((event, (placed[-1][1] + 1) % 3 if near else 0))
    return placed


def plot_cuts(
    y: np.ndarray,
    *,
    sr: int,
    start: float,
    words: Sequence[tuple[str, float, float]],
    rows: Mapping[str, Sequence[tuple[float, float]]],
    ax: Axes | None = None,
) -> Axes:
    """A stretch of a recording, its sentences, and where ways of splitting cut it.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
        The stretch.
    sr : int
        Hz.
    start : float
        Where the stretch begins in the recording, in seconds.
    words : sequence of (text, start, end)
        What is said, times in seconds of the recording.
    rows : mapping of str to sequence of (start, end)
        Name of a way to split -> its clips.
    """
    ax = new_axes(ax, figsize=(9.6, 3.2))
    end = start + len(y) / sr
    limit = float(np.max(np.abs(y), initial=0)) or 1.0
    step = max(1, len(y) // 6000)
    t = start + np.arange(0, len(y), step) / sr
    ax.plot(t, y[::step] / limit, color=BLUE, lw=0.5)
    for text, a, b in words:
        if a < end and b > start:
            ax.plot(
                [max(a, start), min(b, end)], [1.25, 1.25], color=GREY, lw=3, solid_capstyle="butt"
            )
            x = (max(a, start) + min(b, end)) / 2
            ax.text(x, 1.4, _folded(text), ha="center", va="bottom", fontsize=8)
    ticks = []
    for i, spans in enumerate(rows.values()):
        level = -1.5 - 0.55 * i
        ticks.append(level)
        seen = [(a, b) for a, b in spans if a < end and b > start]
        for j, (a, b) in enumerate(seen):
            left, right = max(a, start), min(b, end)
            face = (PALE["step"], PALE["voice"])[j % 2]
            ax.barh(level, right - left, 0.4, left, color=face, edgecolor=GREY)
        for edge in {e for span in spans for e in span if start < e < end}:
            ax.plot([edge, edge], [level - 0.2, 1.05], color=ORANGE, lw=1, ls=(0, (4, 3)))
    ax.set_yticks([0, *ticks], ["waveform", *rows])
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(start, end), ylim=(min(ticks, default=-1) - 0.4, 2.3), xlabel="time (s)")
    ax.spines[["top", "right", "left"]].set_visible(False)
    return ax


def _folded(text: str, width: int = 24) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))


def plot_speech(
    probabilities: np.ndarray,
    *,
    step: float,
    rows: Mapping[str, Sequence[tuple[float, float]]],
    levels: np.ndarray | None = None,
    level_step: float = 0.01,
) -> Figure:
    """Level, probability of speech, and what ways of splitting make of them.

    Parameters
    ----------
    probabilities : np.ndarray, shape (n_windows,)
        Of speech, in [0, 1].
    step, level_step : float
        Seconds of one probability and of one level.
    rows : mapping of str to sequence of (start, end)
        Name -> spans in seconds, drawn as bars.
    levels : np.ndarray, optional
        dB relative to full scale.
    """
    parts = 3 if levels is not None else 2
    fig, axes = new_figure(parts, 1, figsize=(9.6, 1.7 * parts), sharex=True)
    end = len(probabilities) * step
    if levels is not None:
        axes[0].plot(np.arange(len(levels)) * level_step, levels, color=BLUE, lw=0.7)
        axes[0].set_ylabel("level (dB)")
    axes[-2].plot((np.arange(len(probabilities)) + 0.5) * step, probabilities, color=GREEN, lw=1)
    axes[-2].set(ylabel="P(speech)", ylim=(-0.05, 1.05))
    plot_spans(rows, end=end, ax=axes[-1])
    return fig


def plot_spans(
    rows: Mapping[str, Sequence[tuple[float, float]]], *, end: float, ax: Axes | None = None
) -> Axes:
    """Spans of time as bars, a named row for each way of splitting, with their number."""
    ax = new_axes(ax, figsize=(9.6, 0.5 + 0.4 * len(rows)))
    for i, spans in enumerate(rows.values()):
        colour = (GREY, ORANGE, BLUE, GREEN)[i % 4]
        ax.broken_barh([(a, b - a) for a, b in spans], (i - 0.3, 0.6), color=colour)
    ax.set_yticks(range(len(rows)), [f"{name}: {len(spans)}" for name, spans in rows.items()])
    ax.set(xlim=(0, end), ylim=(len(rows) - 0.5, -0.5), xlabel="time (s)")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_wer_bars(
    rates: Mapping[str, Mapping[str, float]], *, ylabel: str = "word error rate (%)", ax=None
) -> Axes:
    """Grouped bars: condition -> method -> rate as a fraction, the value above each bar."""
    ax = new_axes(ax, figsize=(9.6, 3.2))
    methods = list(next(iter(rates.values())))
    width = 0.8 / len(methods)
    hatches, colours = ("", "//", "..", "xx"), (GREY, ORANGE, BLUE, GREEN)
    for k, method in enumerate(methods):
        x = np.arange(len(rates)) - 0.4 + width * (k + 0.5)
        values = [100 * rates[condition][method] for condition in rates]
        bars = ax.bar(
            x, values, 0.92 * width, color=colours[k % 4], hatch=hatches[k % 4], ec="white",
            label=method,
        )  # fmt: skip
        ax.bar_label(bars, [f"{v:.0f}" for v in values], padding=2, fontsize=9)
    ax.set_xticks(range(len(rates)), list(rates))
    ax.set(ylabel=ylabel)
    ax.margins(y=0.15)
    ax.legend(title="noise reduction", frameon=False, ncols=len(methods), loc="upper left")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_shared_padding(
    durations: Sequence[float],
    *,
    margin: float,
    reference: float,
    least: float = 0.0,
    window: float = 30.0,
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
    window : float
        Seconds of Whisper's window.
    """
    fig, axes = new_figure(1, 2, figsize=(9.6, 3.3), sharey=True)
    order = sorted(durations)
    n = len(order)
    own = [max(seconds + margin, least) for seconds in order]
    bars = ([(seconds, window) for seconds in order],
            [*zip(order, own, strict=True), (reference, window)])  # fmt: skip
    titles = ("each clip alone", "shared padding")
    for k, ax in enumerate(axes):
        for i, (seconds, end) in enumerate(bars[k]):
            ax.barh(i, seconds, 0.8, color=BLUE if i < n else GREY)
            ax.barh(i, end - seconds, 0.8, seconds, color="#c9d8e6", hatch="//", ec="white", lw=0)
        if k == 1:
            ax.annotate(
                "the padding of one reference window,\ncomputed once, serves all clips",
                ((max(own) + window) / 2, n - 0.4),
                ((max(own) + window) / 2, n / 2),
                ha="center",
                va="top",
                fontsize=10,
                arrowprops={"arrowstyle": "<|-", "color": GREY},
            )
        work = sum(end for _, end in bars[k])
        ax.set_title(f"{titles[k]}: {work:.0f} s to encode", fontsize=10)
        ax.set(xlim=(0, window), xlabel="position in the window (s)")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("clips of one batch")
    axes[0].set_yticks([])
    sound, padding = axes[0].containers[0], axes[0].containers[1]
    axes[0].legend(
        [sound[0], padding[0]], ["sound", "padding"], loc="lower right", framealpha=0.95, fontsize=9
    )
    return fig
