"""Pictures of one window: what goes in, what the decoder weighs, where it listens.

Taught in: notebooks/03_decode.ipynb, notebooks/04_language.ipynb.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..constants import SAMPLE_RATE, SECONDS_PER_FRAME, SECONDS_PER_POSITION
from . import style
from .signal import plot_waveform
from .style import draw_matrix, finish, new_axes, new_figure, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..decoding import (
        BeamSearch,
        LanguageGuess,
        LanguageTrack,
        TimedWord,
        Trace,
        Window,
    )

LANES = (style.PALE_BLUE, style.PALE_ORANGE, style.PALE_GREEN, style.PALE_GRAY)
ZERO_TO_ONE = (0, 0.25, 0.5, 0.75, 1)


def plot_window(window: Window) -> Figure:
    """Waveform, log-mel and encoder output of one padded window, one above the other."""
    fig, axes = new_figure(3, 1, figsize=(9, 6.2), sharex=True, height_ratios=[1, 1.5, 1.5])
    wave, mel, encoded = axes
    n_mels, n_frames = window.mel.shape
    length = n_frames * SECONDS_PER_FRAME
    plot_waveform(window.y, sr=SAMPLE_RATE, ax=wave)
    title = f"{len(window.y):,} samples, {SAMPLE_RATE:,} for each second"
    finish(wave, ylabel="amplitude", title=title)
    _draw_mel(mel, window, length)
    mel.set_title(f"log-mel: {n_mels} bands × {n_frames:,} frames of 10 ms")
    features = window.audio_features.float().cpu().numpy()
    n_positions, n_state = features.shape
    limit = np.percentile(np.abs(features), 99)
    image = draw_matrix(encoded, features.T, extent=(0, length, 0, n_state), limits=(-limit, limit))
    image.set_cmap("gray")
    title = f"encoder output: {n_positions:,} positions of 20 ms, {n_state} numbers each"
    finish(encoded, xlabel="time (s)", ylabel="feature", title=title)
    for ax in axes:
        ax.axvline(window.duration, color=style.ORANGE, linestyle="--", linewidth=1.5)
        ax.title.set_size(10)
    wave.set_xlim(0, length)
    if window.duration < 0.8 * length:
        place = {"va": "top", "transform": wave.get_xaxis_transform()}
        wave.text(window.duration + 0.3, 0.75, "padding: zeros", color=style.ORANGE, **place)
    return fig


def plot_bars(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    marked: int | None = None,
    mark: str = "taken",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Horizontal bars of probabilities, the first on top, each with its value.

    The bar number ``marked`` is dark and called ``mark``.
    """
    ax = new_axes(ax, figsize=(6, 0.32 * len(labels) + 0.9))
    rows = np.arange(len(labels))
    colors = [style.BLUE if row == marked else style.PALE_BLUE for row in rows]
    bars = ax.barh(rows, values, color=colors, edgecolor=style.BLUE, height=0.72)
    notes = [f"{v:.2f}" + (f"  ◀ {mark}" if i == marked else "") for i, v in enumerate(values)]
    ax.bar_label(bars, notes, padding=4, fontsize=style.SMALL)
    ax.set_yticks(rows, labels)
    ax.set_xticks(ZERO_TO_ONE)
    ax.set_xlim(0, 1.25)
    ax.invert_yaxis()
    return finish(ax, xlabel="probability", title=title)


def plot_languages(
    guess: LanguageGuess, *, n: int = 8, spoken: str = "", title: str = "", ax: Axes | None = None
) -> Axes:
    """The likeliest languages as bars; the one that is spoken is dark and marked."""
    codes = list(guess.probs)[:n]
    marked = codes.index(spoken) if spoken in codes else None
    values = [guess.probs[code] for code in codes]
    return plot_bars(codes, values, marked=marked, mark="spoken", title=title, ax=ax)


def plot_language_grid(guesses: Mapping[str, LanguageGuess]) -> Figure:
    """One small bar chart for each clip; the keys are the codes of the languages spoken."""
    rows, columns = -(-len(guesses) // 4), 4
    fig, axes = new_figure(rows, columns, figsize=(9.8, 1.75 * rows), squeeze=False)
    for ax in axes.flat[len(guesses) :]:
        ax.set_visible(False)
    for ax, (spoken, guess) in zip(axes.flat, guesses.items(), strict=False):
        plot_languages(guess, n=4, spoken=spoken, title=f"spoken: {spoken}", ax=ax)
        ax.title.set_size(10)
        ax.set_xticks(ZERO_TO_ONE[::2])
        ax.set(xlim=(0, 1.75), xlabel="probability" if ax in axes[-1] else "")
    return fig


def plot_steps(trace: Trace, *, ax: Axes | None = None) -> Axes:
    """Every step of a trace: the probability of its token as a bar, its entropy as a line."""
    ax = new_axes(ax, figsize=(max(6, 0.24 * len(trace.steps)), 3.4))
    places = np.arange(len(trace.steps))
    for kind in (True, False):
        some = [i for i, step in enumerate(trace.steps) if (step.kind == "text") == kind]
        look = {"color": style.BLUE if kind else style.PALE_BLUE, "hatch": "" if kind else "///"}
        values = [trace.steps[i].probability for i in some]
        ax.bar(some, values, edgecolor=style.BLUE, linewidth=0.6, **look)
    ax.set(ylim=(0, 1.03), xlim=(-0.7, len(places) - 0.3))
    ax.set_xticks(places, [visible(step.text) for step in trace.steps], rotation=90, fontsize=8)
    xlabel = "token, in the order of the steps (hatched: time stamps and the end)"
    finish(ax, xlabel=xlabel, ylabel="probability (bars)")
    doubt = ax.twinx()
    entropies = [step.entropy for step in trace.steps]
    doubt.plot(places, entropies, "o-", color=style.ORANGE, markersize=3, lw=1)
    doubt.set_ylim(0, None)
    finish(doubt, ylabel="entropy in bits (line)", sides=("right",))
    doubt.yaxis.label.set_color(style.ORANGE)
    return ax


def plot_attention(window: Window, trace: Trace, *, words: Sequence[TimedWord] = ()) -> Figure:
    """Cross-attention of the text tokens over time, under the log-mel they listen to."""
    rows = [i for i, step in enumerate(trace.steps) if step.kind == "text"]
    matrix = trace.attention[rows].mean(axis=1)
    length = matrix.shape[1] * SECONDS_PER_POSITION
    height = 2 + 0.17 * len(rows)
    ratios = [1.6, height - 1.6]
    fig, axes = new_figure(2, 1, figsize=(9, height), sharex=True, height_ratios=ratios)
    top, below = axes
    _draw_mel(top, window, length)
    extent = (0, length, -0.5, len(rows) - 0.5)
    image = draw_matrix(below, matrix / matrix.max(axis=1, keepdims=True), extent=extent)
    below.invert_yaxis()
    below.set_yticks(np.arange(len(rows)), [visible(trace.steps[i].text) for i in rows], fontsize=8)
    finish(below, xlabel="time (s)", ylabel="token, first at the top")
    fig.colorbar(image, ax=[top, below], label="attention / its highest in the row", shrink=0.6)
    for word in words:
        top.axvline(word.start, color="white", linewidth=0.8, linestyle=":")
    return fig


def plot_attended(
    window: Window, trace: Trace, step: int, *, start: float, end: float, ax: Axes | None = None
) -> Axes:
    """One step's attention as a curve over the log-mel, around the stretch ``start`` to ``end``."""
    ax = new_axes(ax, figsize=(9, 3.4))
    curve = trace.attention[step].mean(axis=0)
    length = len(curve) * SECONDS_PER_POSITION
    _draw_mel(ax, window, length)
    scale = ax.twinx()
    times = (np.arange(len(curve)) + 0.5) * SECONDS_PER_POSITION
    for width, color in ((4, "black"), (1.8, "white")):  # seen on dark and on bright
        ax.axvspan(start, end, facecolor="none", edgecolor=color, linewidth=1.2 * width)
        scale.plot(times, curve, color=color, linewidth=width)
    scale.set_ylim(0, curve.max() * 1.25)
    finish(scale, ylabel="attention (line)", sides=("right",))
    title = f"step {step}: {visible(trace.steps[step].text)}"
    finish(ax, xlabel="time (s)", ylabel="mel band", title=title)
    ax.set_xlim(max(0, start - 1.5), min(length, end + 1.5))
    return ax


def _draw_mel(ax: Axes, window: Window, length: float) -> None:
    frames = window.mel[:, : round(length / SECONDS_PER_FRAME)]
    draw_matrix(ax, frames, extent=(0, length, 0, len(frames)), interpolation="antialiased")
    finish(ax, ylabel="mel band")


def plot_word_times(
    window: Window, lanes: Mapping[str, Sequence[tuple[str, float, float]]]
) -> Figure:
    """The log-mel, and under it a lane for each source of word times: (word, start, end)."""
    length = window.n_positions * SECONDS_PER_POSITION
    rows, size = len(lanes) + 1, (9.4, 1.7 + 0.62 * len(lanes))
    ratios = [2.6] + [1] * len(lanes)
    fig, axes = new_figure(rows, 1, figsize=size, sharex=True, height_ratios=ratios)
    _draw_mel(axes[0], window, length)
    for i, (ax, (label, items)) in enumerate(zip(axes[1:], lanes.items(), strict=True)):
        for text, start, end in items:
            color = LANES[i % len(LANES)]
            ax.barh(0, end - start, left=start, height=0.8, color=color, edgecolor="black")
            ax.text((start + end) / 2, 0, text.strip(), ha="center", va="center", fontsize=7.5)
        ax.set_yticks([0], [label])
        ax.set(ylim=(-0.6, 0.6), xlim=(0, length))
        ax.tick_params(left=False)
        finish(ax, xlabel="time (s)" if ax is axes[-1] else "", sides=("bottom",))
    return fig


def plot_beam_tree(
    search: BeamSearch, *, first: int = 0, n_steps: int = 7, ax: Axes | None = None
) -> Axes:
    """The tree of a beam search from step ``first`` on, every candidate with its score.

    Solid: on the path of the text that won. Plain: kept at its step. Crossed out: pruned.
    """
    columns = []
    for step in range(first, first + n_steps):
        nodes = [node for node in search.nodes if node.step == step]
        nodes.sort(key=lambda node: -node.score)
        # pruned candidates beyond the best two of a step only fill the picture
        pruned = [node for node in nodes if node.status == "pruned"][:2]
        columns.append([n for n in nodes if n.status != "pruned" or n in pruned])
    tallest = max(len(column) for column in columns)
    ax = new_axes(ax, figsize=(1.6 * n_steps, 0.62 * tallest + 0.7))
    place = {node.id: (x, -y) for x, column in enumerate(columns) for y, node in enumerate(column)}
    winners = set(search.best.nodes)
    for node in (node for column in columns for node in column):
        won, pruned = node.id in winners, node.status == "pruned"
        dashes = "--" if pruned else "-"
        if node.parent in place:
            xs, ys = zip(place[node.parent], place[node.id], strict=True)
            color, width = (style.BLUE, 2.2) if won else (style.GRAY, 0.8)
            ax.plot(xs, ys, color=color, linewidth=width, linestyle=dashes, zorder=1)
        name = "(end)" if node.text == "<|endoftext|>" else visible(node.text)
        mark = "✕ " if pruned else "■ " if node.status == "finished" else ""
        box = {
            "boxstyle": "round,pad=0.25",
            "facecolor": style.BLUE if won else "white",
            "edgecolor": style.GRAY if pruned else style.BLUE,
            "linestyle": dashes,
        }
        color = "white" if won else style.GRAY if pruned else "black"
        label = f"{mark}{name}\n{node.score:.2f}"
        ax.text(*place[node.id], label, ha="center", va="center", color=color, bbox=box, zorder=2)
    ax.set(xlim=(-0.55, n_steps - 0.45), ylim=(-tallest + 0.4, 0.6), yticks=[])
    ax.set_xticks(range(n_steps), [f"step {first + i}" for i in range(n_steps)])
    ax.tick_params(length=0)
    return finish(ax, sides=())


def plot_verdicts(
    points: Mapping[str, tuple[float, float, float]],
    *,
    compression_ratio: float = 2.4,
    avg_logprob: float = -1.0,
    no_speech_prob: float = 0.6,
) -> Figure:
    """Whisper's rule as two maps: what happens to a text, by its two numbers.

    Parameters
    ----------
    points : mapping of label to (compression_ratio, avg_logprob, no_speech_prob)
    compression_ratio, avg_logprob, no_speech_prob : float
        The limits.
    """
    fig, axes = new_figure(1, 2, figsize=(9.6, 4.2), sharey=True)
    right = max(4.0, 1.15 * max(point[0] for point in points.values()))
    bottom = min(-2.2, 1.1 * min(point[1] for point in points.values()))
    again = {"facecolor": style.PALE_ORANGE, "edgecolor": "#e0b796", "hatch": "//", "lw": 0}
    note = {"style": "italic", "color": style.GRAY}
    for ax, silent in zip(axes, (False, True), strict=True):
        ax.fill_between([0, compression_ratio], avg_logprob, 0, color=style.PALE_GREEN)
        ax.fill_between([compression_ratio, right], avg_logprob, 0, **again)
        low = {"facecolor": style.PALE_GRAY} if silent else again
        ax.fill_between([0, right], bottom, avg_logprob, **low)
        ax.axhline(avg_logprob, color=style.GRAY, linewidth=1)
        ends = [avg_logprob if silent else bottom, 0]
        ax.plot([compression_ratio] * 2, ends, color=style.GRAY, linewidth=1)
        ax.text(0.08, -0.06, "accept", va="top", **note)
        ax.text(right - 0.1, -0.06, "try again, hotter", va="top", ha="right", **note)
        verdict = "skip: write nothing" if silent else "try again, hotter"
        ax.text(right - 0.1, bottom + 0.05, verdict, va="bottom", ha="right", **note)
        ax.set(xlim=(0, right), ylim=(bottom, 0))
        _draw_points(ax, {k: p[:2] for k, p in points.items() if (p[2] > no_speech_prob) == silent})
        side = (">", "silence") if silent else ("≤", "speech")
        title = f"no_speech_prob {side[0]} {no_speech_prob}: sounds like {side[1]}"
        finish(ax, xlabel="compression ratio", title=title)
    axes[0].set_ylabel("avg_logprob (natural log)")
    return fig


def _draw_points(ax: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Each point with its name on the side that has room, below those of its neighbors."""
    right, bottom = ax.get_xlim()[1], ax.get_ylim()[0]
    placed: list[tuple[float, float]] = []
    for i, (label, (x, y)) in enumerate(points.items()):
        marker = style.MARKERS[i % len(style.MARKERS)]
        ax.plot(x, y, marker, color=style.BLUE, markersize=8, zorder=3)
        near = sum(abs(b - y) < -0.07 * bottom and abs(a - x) < 2 for a, b in placed)
        placed.append((x, y))
        shift, side = (-9, "right") if x > 0.6 * right else (9, "left")
        ax.annotate(
            label, (x, y), xytext=(shift, -15 * near), textcoords="offset points", ha=side,
            va="center", fontsize=style.SMALL, zorder=4, bbox=style.WHITE_BOX,
        )  # fmt: skip


def plot_language_track(
    track: LanguageTrack, *, codes: Sequence[str] = (), switch: float | None = None
) -> Figure:
    """Language over time as a strip chart, and the doubt in bits under it."""
    fig, (strips, doubt) = new_figure(2, 1, figsize=(9, 4.4), sharex=True, height_ratios=[2, 1])
    centers = track.centres
    shares = {code: track.probability(code) for code in codes or track.top(4)}
    shares["all others"] = np.clip(1 - np.sum(list(shares.values()), axis=0), 0, 1)
    width = 0.96 * (centers[1] - centers[0] if len(centers) > 1 else track.width)
    colors = (style.BLUE, style.PALE_ORANGE, style.PALE_GREEN, style.PALE_BLUE, style.PALE_GRAY)
    bottom = np.zeros(len(centers))
    for i, (label, share) in enumerate(shares.items()):
        look = {"color": colors[min(i, 4)], "hatch": style.HATCHES[i % len(style.HATCHES)]}
        edge = {"edgecolor": style.GRAY if i else "white", "linewidth": 0.3}
        strips.bar(centers, share, bottom=bottom, width=width, label=label, **look, **edge)
        bottom += share
    strips.set_ylim(0, 1)
    strips.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    finish(strips, ylabel="probability")
    doubt.plot(centers, track.entropy, "o-", color=style.ORANGE, markersize=4)
    doubt.set_ylim(0, None)
    finish(doubt, xlabel=f"middle of the {track.width:g} s window (s)", ylabel="entropy (bits)")
    if switch is not None:
        for ax in (strips, doubt):
            ax.axvline(switch, color="black", linestyle="--", linewidth=1.5)
        place = {"ha": "right", "va": "bottom", "transform": strips.get_xaxis_transform()}
        strips.text(switch, 1.03, "the language changes here ▾", **place)
    return fig
