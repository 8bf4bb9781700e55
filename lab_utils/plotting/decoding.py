"""Pictures of one window: what goes in, what the decoder weighs, where it listens.

Taught in: notebooks/03_decode.ipynb, notebooks/04_language.ipynb.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..constants import SAMPLE_RATE, SECONDS_PER_FRAME, SECONDS_PER_POSITION
from . import new_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..decoding import (
        BeamSearch,
        LanguageGuess,
        LanguageTrack,
        Step,
        TimedWord,
        Trace,
        Window,
    )

BLUE, ORANGE, GREY, PALE = "#1f5a94", "#c4500a", "#6b6b6b", "#d7e3ee"
MAP = "magma"  #: the one sequential map of the labs
HATCHES = ("", "//", "..", "xx", "\\\\", "++")
LANES = (PALE, "#f6dcc6", "#dcebd8", "#e6dcf0")
MARKERS = ("o", "s", "^", "D", "v", "P")


def visible(text: str) -> str:
    """A token as a label: its leading space drawn as ␣, its line break as ⏎."""
    shown = text.replace("\n", "⏎")
    return "␣" + shown[1:] if shown.startswith(" ") else shown


def plot_window(window: Window) -> Figure:
    """Waveform, log-mel and encoder output of one padded window, one above the other."""
    fig, axes = new_figure(3, 1, figsize=(9, 6.2), sharex=True, height_ratios=[1, 1.5, 1.5])
    length = window.mel.shape[1] * SECONDS_PER_FRAME
    times = np.arange(len(window.y)) / SAMPLE_RATE
    axes[0].plot(times, window.y, color=BLUE, linewidth=0.4)
    axes[0].set(ylabel="amplitude", title="480,000 samples, 16,000 for each second")
    axes[1].imshow(
        window.mel, origin="lower", aspect="auto", cmap=MAP, extent=(0, length, 0, len(window.mel))
    )
    n_mels, n_frames = window.mel.shape
    axes[1].set(ylabel="mel band", title=f"log-mel: {n_mels} bands × {n_frames:,} frames of 10 ms")
    features = window.audio_features.float().cpu().numpy()
    limit = np.percentile(np.abs(features), 99)
    axes[2].imshow(
        features.T,
        origin="lower",
        aspect="auto",
        cmap="gray",
        vmin=-limit,
        vmax=limit,
        interpolation="nearest",
        extent=(0, length, 0, features.shape[1]),
    )
    title = (
        f"encoder output: {len(features):,} positions of 20 ms, {features.shape[1]} numbers each"
    )
    axes[2].set(xlabel="time (s)", ylabel="feature", title=title, xlim=(0, length))
    for ax in axes:
        ax.axvline(window.duration, color=ORANGE, linestyle="--", linewidth=1.5)
        ax.title.set_size(10)
    if window.duration < 0.8 * length:
        axes[0].text(
            window.duration + 0.3, 0.75, "padding: zeros", color=ORANGE, va="top",
            transform=axes[0].get_xaxis_transform(),
        )  # fmt: skip
    return fig


def plot_alternatives(step: Step, *, title: str = "", ax: Axes | None = None) -> Axes:
    """The likeliest tokens of one step as bars; the one taken is dark and marked."""
    labels = [visible(a.text) for a in step.alternatives]
    values = [a.probability for a in step.alternatives]
    taken = next((i for i, a in enumerate(step.alternatives) if a.token == step.token), None)
    return plot_bars(labels, values, marked=taken, title=title, ax=ax)


def plot_bars(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    marked: int | None = None,
    title: str = "",
    xlabel: str = "probability",
    ax: Axes | None = None,
) -> Axes:
    """Horizontal bars of probabilities, the first on top, each with its value."""
    ax = new_axes(ax, figsize=(6, 0.32 * len(labels) + 0.9))
    places = np.arange(len(labels))
    colours = [BLUE if i == marked else PALE for i in places]
    ax.barh(places, values, color=colours, edgecolor=BLUE, height=0.72)
    for place, value in enumerate(values):
        note = f"{value:.2f}" + ("  ◀ taken" if place == marked else "")
        ax.text(value + 0.012, place, note, va="center", fontsize=9)
    ax.set_yticks(places, labels, fontsize=10)
    ax.set(xlim=(0, 1.18), xlabel=xlabel, title=title)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_steps(trace: Trace, *, ax: Axes | None = None) -> Axes:
    """Every step of a trace: the probability of its token as a bar, its entropy as a line."""
    ax = new_axes(ax, figsize=(max(6, 0.24 * len(trace.steps)), 3.4))
    places = np.arange(len(trace.steps))
    stamps = [step.kind != "text" for step in trace.steps]
    probabilities = [step.probability for step in trace.steps]
    ax.bar(
        places,
        probabilities,
        color=[PALE if s else BLUE for s in stamps],
        edgecolor=BLUE,
        hatch=["///" if s else "" for s in stamps],
        linewidth=0.6,
    )
    ax.set(ylabel="probability (bars)", ylim=(0, 1.03), xlim=(-0.7, len(places) - 0.3))
    labels = [visible(step.text) for step in trace.steps]
    ax.set_xticks(places, labels, rotation=90, fontsize=8)
    ax.set_xlabel("token, in the order of the steps (hatched: time stamps and the end)")
    doubt = ax.twinx()
    doubt.plot(places, [s.entropy for s in trace.steps], "o-", color=ORANGE, markersize=3, lw=1)
    doubt.set(ylim=(0, None))
    doubt.set_ylabel("entropy in bits (line)", color=ORANGE)
    return ax


def plot_attention(window: Window, trace: Trace, *, words: Sequence[TimedWord] = ()) -> Figure:
    """Cross-attention of the text tokens over time, under the log-mel they listen to."""
    rows = [i for i, step in enumerate(trace.steps) if step.kind == "text"]
    matrix = trace.attention[rows].mean(axis=1)
    length = matrix.shape[1] * SECONDS_PER_POSITION
    height = 2 + 0.17 * len(rows)
    fig, (top, below) = new_figure(
        2, 1, figsize=(9, height), sharex=True, height_ratios=[1.6, height - 1.6]
    )
    _draw_mel(top, window, length)
    image = below.imshow(
        matrix / matrix.max(axis=1, keepdims=True),
        aspect="auto",
        cmap=MAP,
        interpolation="nearest",
        extent=(0, length, len(rows) - 0.5, -0.5),
    )
    below.set_yticks(np.arange(len(rows)), [visible(trace.steps[i].text) for i in rows], fontsize=8)
    below.set(xlabel="time (s)", ylabel="token, first at the top")
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
    for width, colour in ((5, "black"), (2, "white")):  # seen on dark and on bright
        ax.axvspan(start, end, facecolor="none", edgecolor=colour, linewidth=width)
    scale = ax.twinx()
    times = (np.arange(len(curve)) + 0.5) * SECONDS_PER_POSITION
    scale.plot(times, curve, color="black", linewidth=4)
    scale.plot(times, curve, color="white", linewidth=1.8)
    scale.set(ylim=(0, curve.max() * 1.25), ylabel="attention (line)")
    ax.set(xlabel="time (s)", title=f"step {step}: {visible(trace.steps[step].text)}")
    ax.set_xlim(max(0, start - 1.5), min(length, end + 1.5))
    return ax


def _draw_mel(ax: Axes, window: Window, length: float) -> None:
    frames = window.mel[:, : round(length / SECONDS_PER_FRAME)]
    ax.imshow(
        frames, origin="lower", aspect="auto", cmap=MAP, extent=(0, length, 0, len(window.mel))
    )
    ax.set(ylabel="mel band", xlim=(0, length))


def plot_word_times(
    window: Window, lanes: Mapping[str, Sequence[tuple[str, float, float]]]
) -> Figure:
    """The log-mel, and under it a lane for each source of word times: (word, start, end)."""
    length = window.n_positions * SECONDS_PER_POSITION
    fig, axes = new_figure(
        len(lanes) + 1,
        1,
        figsize=(9.4, 1.7 + 0.62 * len(lanes)),
        sharex=True,
        height_ratios=[2.6] + [1] * len(lanes),
    )
    _draw_mel(axes[0], window, length)
    for ax, (label, items), colour in zip(axes[1:], lanes.items(), LANES, strict=False):
        for text, start, end in items:
            ax.barh(0, end - start, left=start, height=0.8, color=colour, edgecolor="black")
            ax.text((start + end) / 2, 0, text.strip(), ha="center", va="center", fontsize=7.5)
        ax.set_yticks([0], [label])
        ax.set(ylim=(-0.6, 0.6), xlim=(0, length))
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(left=False)
    axes[-1].set_xlabel("time (s)")
    return fig


def plot_beam_tree(
    search: BeamSearch, *, first: int = 0, n_steps: int = 7, ax: Axes | None = None
) -> Axes:
    """The tree of a beam search from step ``first`` on, every candidate with its score.

    Solid: on the path of the text that won. Plain: kept at its step. Crossed out: pruned.
    """
    last = first + n_steps
    nodes = [node for node in search.nodes if first <= node.step < last]
    columns: dict[int, list] = {}
    for node in nodes:
        columns.setdefault(node.step, []).append(node)
    # pruned candidates beyond the best few of a step only fill the picture
    shown: dict[int, list] = {}
    for step, column in columns.items():
        column = sorted(column, key=lambda node: node.score, reverse=True)
        pruned = [node for node in column if node.status == "pruned"][:2]
        shown[step] = [n for n in column if n.status != "pruned" or n in pruned]
    tallest = max(len(column) for column in shown.values())
    ax = new_axes(ax, figsize=(1.6 * n_steps, 0.62 * tallest + 0.7))
    place = {
        node.id: (step - first, -row) for step, col in shown.items() for row, node in enumerate(col)
    }
    winners = set(search.best.nodes)
    for column in shown.values():
        for node in column:
            x, y = place[node.id]
            won = node.id in winners
            if node.parent in place:
                px, py = place[node.parent]
                ax.plot(
                    [px, x], [py, y], color=BLUE if won else GREY,
                    linewidth=2.2 if won else 0.8, zorder=1,
                    linestyle="--" if node.status == "pruned" else "-",
                )  # fmt: skip
            _draw_node(ax, node, x, y, won=won)
    ax.set(xlim=(-0.55, n_steps - 0.45), ylim=(-tallest + 0.4, 0.6), yticks=[])
    ax.set_xticks(range(n_steps), [f"step {first + i}" for i in range(n_steps)])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def _draw_node(ax: Axes, node, x: float, y: float, *, won: bool) -> None:
    pruned = node.status == "pruned"
    name = {"<|endoftext|>": "(end)"}.get(node.text, visible(node.text))
    mark = "✕ " if pruned else "■ " if node.status == "finished" else ""
    style = {
        "boxstyle": "round,pad=0.25",
        "facecolor": BLUE if won else "white",
        "edgecolor": GREY if pruned else BLUE,
        "linestyle": "--" if pruned else "-",
    }
    colour = "white" if won else GREY if pruned else "black"
    label = f"{mark}{name}\n{node.score:.2f}"
    ax.text(x, y, label, ha="center", va="center", fontsize=9.5, color=colour, bbox=style, zorder=2)


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
    crowd = list(points.values())
    right = max(4.0, 1.15 * max(p[0] for p in crowd))
    bottom = min(-2.2, 1.1 * min(p[1] for p in crowd))
    sides = (
        (axes[0], False, f"no_speech_prob ≤ {no_speech_prob}: sounds like speech"),
        (axes[1], True, f"no_speech_prob > {no_speech_prob}: sounds like silence"),
    )
    for ax, silent, title in sides:
        ax.axhline(avg_logprob, color=GREY, linewidth=1)
        ax.plot(
            [compression_ratio] * 2, [avg_logprob if silent else bottom, 0], color=GREY, linewidth=1
        )
        ax.fill_between([0, compression_ratio], avg_logprob, 0, color="#e7f1e4")
        ax.fill_between(
            [compression_ratio, right],
            avg_logprob,
            0,
            color="#fdeee0",
            hatch="//",
            edgecolor="#e6c7a8",
        )
        low = (
            {"color": "#ececec"} if silent else {"color": "#fdeee0", "hatch": "//", "ec": "#e6c7a8"}
        )
        ax.fill_between([0, right], bottom, avg_logprob, **low)
        told = {"fontsize": 10, "style": "italic", "color": "#333333"}
        ax.text(0.08, -0.06, "accept", va="top", **told)
        ax.text(right - 0.1, -0.06, "try again, hotter", va="top", ha="right", **told)
        verdict = "skip: write nothing" if silent else "try again, hotter"
        ax.text(right - 0.1, bottom + 0.05, verdict, va="bottom", ha="right", **told)
        inside = {k: p for k, p in points.items() if (p[2] > no_speech_prob) == silent}
        labelled: list[tuple[float, float]] = []
        for i, (label, (ratio, logprob, _)) in enumerate(inside.items()):
            ax.plot(ratio, logprob, MARKERS[i % len(MARKERS)], color=BLUE, markersize=8, zorder=3)
            far = ratio > 0.6 * right
            near = sum(abs(y - logprob) < 0.07 * -bottom for x, y in labelled if abs(x - ratio) < 2)
            labelled.append((ratio, logprob))
            ax.annotate(
                label, (ratio, logprob), xytext=(-9 if far else 9, -15 * near),
                textcoords="offset points", ha="right" if far else "left", va="center",
                fontsize=9, zorder=4,
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"},
            )  # fmt: skip
        ax.set(xlim=(0, right), ylim=(bottom, 0), xlabel="compression ratio", title=title)
        ax.title.set_size(10)
    axes[0].set_ylabel("avg_logprob (natural log)")
    return fig


def plot_languages(
    guess: LanguageGuess, *, n: int = 8, spoken: str = "", title: str = "", ax: Axes | None = None
) -> Axes:
    """The likeliest languages as bars; the one that is spoken is dark and marked."""
    ax = new_axes(ax, figsize=(6, 0.32 * n + 0.9))
    best = list(guess.probs.items())[:n]
    places = np.arange(len(best))
    colours = [BLUE if code == spoken else PALE for code, _ in best]
    ax.barh(places, [p for _, p in best], color=colours, edgecolor=BLUE, height=0.72)
    for place, (code, p) in enumerate(best):
        ax.text(p + 0.015, place, f"{p:.2f}" + ("  ◀ spoken" if code == spoken else ""),
                va="center", fontsize=9)  # fmt: skip
    ax.set_yticks(places, [code for code, _ in best])
    ax.set(xlim=(0, 1.32), xlabel="probability", title=title)
    ax.set_xticks([0, 0.5, 1])
    ax.title.set_size(10)
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_language_grid(guesses: Mapping[str, LanguageGuess], *, n: int = 4, columns: int = 4):
    """One small bar chart for each clip; the keys are the codes of the languages spoken."""
    rows = -(-len(guesses) // columns)
    fig, axes = new_figure(rows, columns, figsize=(2.45 * columns, 1.75 * rows), squeeze=False)
    for ax in axes.flat[len(guesses) :]:
        ax.set_visible(False)
    for ax, (spoken, guess) in zip(axes.flat, guesses.items(), strict=False):
        plot_languages(guess, n=n, spoken=spoken, title=f"spoken: {spoken}", ax=ax)
        ax.set_xlabel("")
        ax.set_xlim(0, 1.75)
    for ax in axes[-1]:
        ax.set_xlabel("probability")
    return fig


def plot_language_track(
    track: LanguageTrack, *, codes: Sequence[str] = (), switch: float | None = None
) -> Figure:
    """Language over time as a strip chart, and the doubt in bits under it."""
    codes = list(codes) or list(track.top(4))
    fig, (strips, doubt) = new_figure(2, 1, figsize=(9, 4.4), sharex=True, height_ratios=[2, 1])
    centres = track.centres
    shares = [track.probability(code) for code in codes]
    rest = np.clip(1 - np.sum(shares, axis=0), 0, 1)
    colours = (BLUE, "#f2b27a", "#9cc3a5", "#c9b3dc", "#eeeeee")
    bottom = np.zeros(len(centres))
    hop = centres[1] - centres[0] if len(centres) > 1 else track.width
    labels = [*codes, "all others"]
    for i, share in enumerate([*shares, rest]):
        strips.bar(
            centres, share, bottom=bottom, width=0.96 * hop, color=colours[min(i, 4)],
            hatch=HATCHES[i % len(HATCHES)], edgecolor="white" if i == 0 else GREY,
            linewidth=0.3, label=labels[i],
        )  # fmt: skip
        bottom += share
    strips.set(ylabel="probability", ylim=(0, 1))
    strips.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    doubt.plot(centres, track.entropy, "o-", color=ORANGE, markersize=4)
    doubt.set(ylabel="entropy (bits)", ylim=(0, None))
    doubt.set_xlabel(f"middle of the {track.width:g} s window (s)")
    if switch is not None:
        for ax in (strips, doubt):
            ax.axvline(switch, color="black", linestyle="--", linewidth=1.5)
        strips.text(switch, 1.03, "the language changes here ▾", ha="right", va="bottom",
                    transform=strips.get_xaxis_transform())  # fmt: skip
    return fig
