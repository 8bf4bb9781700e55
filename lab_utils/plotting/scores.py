"""Pictures of labs 09 and 10: alignments, error rates with their intervals, losses, labels.

No meaning stands in a colour alone: errors carry a letter, lines a marker and a name, masked
tokens a pattern.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import LabError
from . import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#00745A", "#5A5A5A"
STYLES = ((BLUE, "o", "-"), (ORANGE, "s", "--"), (GREEN, "^", "-."), (GREY, "D", ":"))
MARKS = {  # kind → letter, name, background
    "hit": ("", "right", "#ffffff"),
    "substitution": ("S", "substituted", "#ffe3a3"),
    "deletion": ("D", "deleted", "#ffc9c2"),
    "insertion": ("I", "inserted", "#c6e2ff"),
}


def alignment_html(alignment, *, label: str = "") -> str:
    """An alignment as columns of said over written; each error has its letter and its colour.

    Parameters
    ----------
    alignment : metrics.Alignment
    label : str, optional
        A line above.
    """
    cells = []
    for edit in alignment.edits:
        letter, name, background = MARKS[edit.kind]
        said = html.escape(edit.reference) or "—"
        written = html.escape(edit.hypothesis) or "—"
        border = "1px solid #bbb" if edit.kind == "hit" else "2px solid #333"
        cells.append(
            f'<span style="display:inline-block;text-align:center;margin:2px;padding:2px 6px;'
            f'border:{border};border-radius:4px;background:{background};color:#111" '
            f'title="{name}">{said}<br>{written}<br><b>{letter or "&nbsp;"}</b></span>'
        )
    head = f"<div><b>{html.escape(label)}</b></div>" if label else ""
    legend = (
        "<div><small>above: said · below: written · S substituted · D deleted · I inserted"
        "</small></div>"
    )
    return f'<div style="line-height:1.35">{head}{"".join(cells)}{legend}</div>'


def show_alignment(alignment, *, label: str = "") -> None:
    """Show an alignment in a notebook; plain text where there is no HTML."""
    from IPython.display import display

    text = f"{label}\n{alignment.text()}".strip()
    markup = alignment_html(alignment, label=label)
    display({"text/html": markup, "text/plain": text}, raw=True)


def plot_distance_table(
    table: np.ndarray,
    *,
    reference: Sequence[str],
    hypothesis: Sequence[str],
    path: Sequence[tuple[int, int]] = (),
    ax: Axes | None = None,
) -> Axes:
    """The table of edit distances as numbers in a grid.

    Parameters
    ----------
    table : np.ndarray, shape (n_reference + 1, n_hypothesis + 1)
    reference, hypothesis : sequence of str
        The words down the side and along the top.
    path : sequence of (row, column), optional
        Cells to frame: the alignment.
    """
    table = np.asarray(table)
    rows, columns = table.shape
    if (rows, columns) != (len(reference) + 1, len(hypothesis) + 1):
        raise LabError(
            f"Expected a table of {len(reference) + 1} by {len(hypothesis) + 1} cells, "
            f"found {rows} by {columns}."
        )
    ax = new_axes(ax, figsize=(1 + 0.95 * columns, 0.6 + 0.55 * rows))
    ax.imshow(table, cmap="Blues", vmin=0, vmax=2 * max(1, table.max()), aspect="auto")
    on_path = set(path)
    for i in range(rows):
        for j in range(columns):
            framed = (i, j) in on_path
            box = {"boxstyle": "round,pad=0.25", "fc": "white", "ec": ORANGE, "lw": 2}
            ax.text(
                j,
                i,
                str(table[i, j]),
                ha="center",
                va="center",
                fontsize=12,
                fontweight="bold" if framed else "normal",
                bbox=box if framed else None,
            )
    ax.set_xticks(range(columns), ["(nothing)", *hypothesis])
    ax.set_yticks(range(rows), ["(nothing)", *reference])
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.set_xlabel("words written (hypothesis)")
    ax.set_ylabel("words said (reference)")
    ax.set_xticks(np.arange(-0.5, columns), minor=True)
    ax.set_yticks(np.arange(-0.5, rows), minor=True)
    ax.grid(which="minor", color="white", linewidth=2)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
    return ax


def plot_intervals(
    intervals: Mapping[str, object],
    *,
    xlabel: str = "word error rate (%)",
    zero: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """One row for each interval, numbers beside it; a dot alone where there is no interval.

    Parameters
    ----------
    intervals : mapping of str to metrics.Interval
        Fractions; drawn in percent, the first at the top.
    zero : bool
        Draw a line at zero, for differences.
    """
    ax = new_axes(ax, figsize=(8.5, 0.9 + 0.5 * len(intervals)))
    for i, interval in enumerate(intervals.values()):
        _plot_interval(ax, interval, i, line=BLUE, color=ORANGE, marker="o")
    ax.set_yticks(range(len(intervals)), list(intervals))
    ax.set_ylim(len(intervals) - 0.5, -0.5)
    if zero:
        ax.axvline(0, color=GREY, linewidth=1.5, linestyle="--")
    else:
        ax.set_xlim(left=0)
    ax.set_xlabel(xlabel)
    ax.grid(axis="x", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _plot_interval(ax, interval, y: float, *, line: str, color: str, marker: str, name: str = ""):
    """A dot, its interval if there is one, and both as numbers at the right edge."""
    value, low, high = 100 * interval.value, 100 * interval.low, 100 * interval.high
    ends = "  no interval" if interval.reason else f"  [{low:.1f}, {high:.1f}]"
    if not interval.reason:
        ax.plot([low, high], [y, y], color=line, linewidth=3, solid_capstyle="butt")
    ax.annotate(
        f"{name} {value:.1f}{ends}".lstrip(),
        (1.01, y),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=9,
    )
    return ax.plot(
        [value], [y], marker, markersize=9, color=color, markeredgecolor="white", linestyle="none"
    )


def plot_resamples(
    values: np.ndarray, *, interval, xlabel: str, zero: bool = False, ax: Axes | None = None
) -> Axes:
    """What a bootstrap drew, as a histogram with the ends of the interval.

    Parameters
    ----------
    values : np.ndarray, shape (n_resamples,)
        Fractions; drawn in percent.
    interval : metrics.Interval
        Its value, and the percentiles of the draws as its ends.
    """
    ax = new_axes(ax, figsize=(8.5, 2.8))
    ax.hist(100 * np.asarray(values), bins=24, color="#9cc3e0", edgecolor="white")
    for end, name in ((interval.low, "2.5 %"), (interval.high, "97.5 %")):
        ax.axvline(100 * end, color=BLUE, linewidth=2)
        ax.annotate(
            name,
            (100 * end, 0.97),
            xycoords=("data", "axes fraction"),
            rotation=90,
            ha="right",
            va="top",
            color=BLUE,
        )
    ax.axvline(100 * interval.value, color=ORANGE, linewidth=2, linestyle="--")
    ax.annotate(
        "measured",
        (100 * interval.value, 0.97),
        xycoords=("data", "axes fraction"),
        rotation=90,
        ha="right",
        va="top",
        color=ORANGE,
        bbox={"fc": "white", "ec": "none", "pad": 1},
    )
    if zero:
        ax.axvline(0, color="black", linewidth=2.5)
    ax.set_xlabel(xlabel)
    ax.set_ylabel("resamples (count)")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_error_against(
    x: Sequence[float],
    lines: Mapping[str, Sequence],
    *,
    xlabel: str,
    ylabel: str = "word error rate (%)",
    ax: Axes | None = None,
) -> Axes:
    """Error as a curve, each line with its interval as a band.

    Parameters
    ----------
    x : sequence of float
        The condition: SNR in dB, bit rate in kbit/s, …
    lines : mapping of str to sequence of metrics.Interval
        One interval for each value of ``x``.
    """
    ax = new_axes(ax, figsize=(8.5, 3.6))
    for (name, intervals), (color, marker, line) in zip(lines.items(), STYLES, strict=False):
        value, low, high = (
            100 * np.array([getattr(i, part) for i in intervals])
            for part in ("value", "low", "high")
        )
        ax.plot(x, value, color=color, marker=marker, linestyle=line, linewidth=2, label=name)
        ax.fill_between(x, low, high, color=color, alpha=0.15, linewidth=0)
    ax.set_xticks(x, [f"{number:g}" for number in x])
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_ylim(bottom=0)
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    if len(lines) > 1:
        ax.legend(frameon=False)
    return ax


def plot_losses(history: Sequence, *, epochs: int | None = None, ax: Axes | None = None) -> Axes:
    """Training and validation loss by epoch, each line named at its end.

    Parameters
    ----------
    history : sequence of training.Epoch
    epochs : int, optional
        How far the axis reaches, for a picture that grows while the model learns.
    """
    ax = new_axes(ax, figsize=(8.5, 3.4))
    numbers = [epoch.number for epoch in history]
    lines = {"training clips": [epoch.train for epoch in history]}
    for name in history[0].validation if history else ():
        lines[name] = [epoch.validation[name] for epoch in history]
    for (name, values), (color, marker, line) in zip(lines.items(), STYLES, strict=False):
        ax.plot(numbers, values, color=color, marker=marker, linestyle=line, lw=2, label=name)
    last = max(1, epochs or (numbers[-1] if numbers else 1))
    ax.set_xlim(-0.1, last + 0.1)
    ax.set_xticks(range(last + 1))
    ax.set_ylim(bottom=0)
    ax.set_xlabel("epoch (0 = before training)")
    ax.set_ylabel("loss (nats per token)")
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    if lines and history:
        ax.legend(frameon=False, loc="upper right")
    return ax


def plot_before_after(
    pairs: Mapping[str, tuple], *, xlabel: str = "word error rate (%)", ax: Axes | None = None
) -> Axes:
    """Before and after with intervals: one row for each test set, two marks in each.

    Parameters
    ----------
    pairs : mapping of str to (metrics.Interval, metrics.Interval)
        Before and after, fractions; drawn in percent.
    """
    ax = new_axes(ax, figsize=(8.5, 1.2 + 0.75 * len(pairs)))
    for i, pair in enumerate(pairs.values()):
        marks = ((pair[0], "before", GREY, "o", -0.16), (pair[1], "after", ORANGE, "D", 0.16))
        for interval, name, color, marker, shift in marks:
            (dot,) = _plot_interval(
                ax, interval, i + shift, line=color, color=color, marker=marker, name=name
            )
            dot.set_label(name if i == 0 else None)
    ax.set_yticks(range(len(pairs)), list(pairs))
    ax.set_ylim(len(pairs) - 0.5, -0.5)
    ax.set_xlim(left=0)
    ax.set_xlabel(xlabel)
    ax.grid(axis="x", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return ax


def plot_labels(
    seen: Sequence[str], answers: Sequence[str], *, counts: Sequence[bool], ax: Axes | None = None
) -> Axes:
    """The label sequence token by token: seen above, to be answered below, masked ones hatched.

    A space at the start of a token is drawn as ␣.

    Parameters
    ----------
    seen, answers : sequence of str
        Tokens as text, one a position.
    counts : sequence of bool
        Whether the answer at this position counts.
    """
    from matplotlib.patches import FancyBboxPatch

    widths = [0.5 + 0.115 * max(len(a), len(b)) for a, b in zip(seen, answers, strict=True)]
    ax = new_axes(ax, figsize=(max(6.0, sum(widths) + 1), 2.2))
    x = 0.0
    for token, answer, counted, width in zip(seen, answers, counts, widths, strict=True):
        below = ("#d9efe6", GREEN, None) if counted else ("#eeeeee", GREY, "////")
        for y, text, (face, edge, hatch) in (
            (1.0, _visible(token), ("#dcebf7", BLUE, None)),
            (0.0, _visible(answer), below),
        ):
            box = FancyBboxPatch(
                (x + 0.05, y), width - 0.1, 0.55, boxstyle="round,pad=0.02",
                facecolor=face, edgecolor=edge, hatch=hatch, linewidth=1.2,
            )  # fmt: skip
            ax.add_patch(box)
            ground = {"fc": face, "ec": "none", "pad": 1.5}
            ax.text(x + width / 2, y + 0.27, text, ha="center", va="center", bbox=ground)
        arrow = {"arrowstyle": "->", "color": edge}
        middle = x + width / 2
        ax.annotate("", (middle, 0.58), xytext=(middle, 0.97), arrowprops=arrow)
        x += width
    ax.set_xlim(-0.02, x)
    ax.set_ylim(-0.1, 1.65)
    ax.set_yticks([0.27, 1.27], ["must answer", "decoder sees"])
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def _visible(token: str) -> str:
    """A token whose leading space can be seen."""
    return "␣" + token[1:] if token.startswith(" ") else token
