"""Pictures of labs 09 and 10: alignments, error rates with their intervals, losses, labels.

No meaning stands in a colour alone: errors carry a letter, lines a marker and a name, masked
tokens a pattern.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LabError
from . import style
from .style import finish, line_style, new_axes, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

    from ..metrics import Alignment, Interval
    from ..training import Epoch

MARKS = {  # kind → letter, name, background
    "hit": ("", "right", "#ffffff"),
    "substitution": ("S", "substituted", "#ffe3a3"),
    "deletion": ("D", "deleted", "#ffc9c2"),
    "insertion": ("I", "inserted", "#c6e2ff"),
}


def alignment_html(alignment: Alignment, *, label: str = "") -> str:
    """An alignment as columns of said over written; each error has its letter and its color.

    ``label`` is a line above.
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


def show_alignment(alignment: Alignment, *, label: str = "") -> None:
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
    framed = {"boxstyle": "round,pad=0.25", "fc": "white", "ec": style.ORANGE, "lw": 2}
    for (i, j), cost in np.ndenumerate(table):
        look: dict[str, Any] = {"fontweight": "bold", "bbox": framed} if (i, j) in path else {}
        ax.text(j, i, str(cost), ha="center", va="center", fontsize=12, **look)
    ax.set_xticks(range(columns), ["(nothing)", *hypothesis])
    ax.set_yticks(range(rows), ["(nothing)", *reference])
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.set_xticks(np.arange(-0.5, columns), minor=True)
    ax.set_yticks(np.arange(-0.5, rows), minor=True)
    ax.grid(which="minor", color="white", linewidth=2)
    ax.tick_params(which="both", length=0)
    ylabel = "words said (reference)"
    return finish(ax, xlabel="words written (hypothesis)", ylabel=ylabel, sides=())


def plot_intervals(
    intervals: Mapping[str, Interval],
    *,
    xlabel: str = "word error rate (%)",
    zero: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """One row for each interval, in percent, numbers beside it; a dot alone where there is none.

    ``zero`` draws a line at zero, for differences.
    """
    ax = new_axes(ax, figsize=(8.5, 0.9 + 0.5 * len(intervals)))
    for i, interval in enumerate(intervals.values()):
        _draw_interval(ax, interval, i, line=style.BLUE, color=style.ORANGE, marker="o")
    if zero:
        ax.axvline(0, color=style.GRAY, linewidth=1.5, linestyle="--")
    else:
        ax.set_xlim(left=0)
    return _finish_rows(ax, intervals, xlabel=xlabel)


def plot_before_after(
    pairs: Mapping[str, tuple[Interval, Interval]],
    *,
    xlabel: str = "word error rate (%)",
    ax: Axes | None = None,
) -> Axes:
    """Before and after with intervals, in percent: a row for each test set, two marks in each."""
    ax = new_axes(ax, figsize=(8.5, 1.2 + 0.75 * len(pairs)))
    dots: list[Line2D] = []
    for i, (before, after) in enumerate(pairs.values()):
        old = {"line": style.GRAY, "color": style.GRAY, "marker": "o", "name": "before"}
        new = {"line": style.ORANGE, "color": style.ORANGE, "marker": "D", "name": "after"}
        dots = [_draw_interval(ax, before, i - 0.16, **old)]
        dots += [_draw_interval(ax, after, i + 0.16, **new)]
    ax.set_xlim(left=0)
    place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 1), "ncols": 2}
    ax.legend(dots, ["before", "after"], frameon=False, **place)
    return _finish_rows(ax, pairs, xlabel=xlabel)


def _draw_interval(
    ax: Axes, interval: Interval, y: float, *, line: str, color: str, marker: str, name: str = ""
) -> Line2D:
    """A dot, its interval if there is one, and both as numbers at the right edge."""
    value, low, high = 100 * interval.value, 100 * interval.low, 100 * interval.high
    ends = "  no interval" if interval.reason else f"  [{low:.1f}, {high:.1f}]"
    if not interval.reason:
        ax.plot([low, high], [y, y], color=line, linewidth=3, solid_capstyle="butt")
    text = f"{name} {value:.1f}{ends}".lstrip()
    coordinates = ("axes fraction", "data")
    ax.annotate(text, (1.01, y), xycoords=coordinates, va="center", fontsize=style.SMALL)
    look = {"color": color, "markersize": 9, "markeredgecolor": "white"}
    return ax.plot([value], [y], marker, linestyle="none", **look)[0]


def _finish_rows(ax: Axes, names: Mapping[str, object], *, xlabel: str) -> Axes:
    """A named row for each interval, the first on top."""
    ax.set_yticks(range(len(names)), list(names))
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="x", alpha=0.3)
    return finish(ax, xlabel=xlabel)


def plot_resamples(
    values: np.ndarray,
    *,
    interval: Interval,
    xlabel: str,
    zero: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """What a bootstrap drew, as a histogram with the ends of the interval, in percent.

    Parameters
    ----------
    values : np.ndarray, shape (n_resamples,)
        Fractions.
    interval : metrics.Interval
        Its value, and the percentiles of the draws as its ends.
    zero : bool
        Draw a line at zero, for differences.
    """
    ax = new_axes(ax, figsize=(8.5, 2.8))
    bars = {"color": style.PALE_BLUE, "edgecolor": style.BLUE, "linewidth": 0.5}
    ax.hist(100 * np.asarray(values), bins=24, **bars)
    lines = (
        (interval.low, "2.5 %", style.BLUE, "-"),
        (interval.high, "97.5 %", style.BLUE, "-"),
        (interval.value, "measured", style.ORANGE, "--"),
    )
    for end, name, color, dashes in lines:
        ax.axvline(100 * end, color=color, linewidth=2, linestyle=dashes)
        ax.annotate(
            name, (100 * end, 0.97), xycoords=("data", "axes fraction"), xytext=(-4, 0),
            textcoords="offset points", rotation=90, ha="right", va="top", color=color,
            bbox=style.WHITE_BOX,
        )  # fmt: skip
    if zero:
        ax.axvline(0, color="black", linewidth=2.5)
    return finish(ax, xlabel=xlabel, ylabel="resamples (count)")


def plot_error_against(
    x: Sequence[float],
    lines: Mapping[str, Sequence[Interval]],
    *,
    xlabel: str,
    ax: Axes | None = None,
) -> Axes:
    """Word error rate in percent as a curve, each line with its interval as a band.

    ``x`` is the condition (SNR in dB, bit rate in kbit/s, …); a line has an interval for each.
    """
    ax = new_axes(ax, figsize=(8.5, 3.6))
    for i, (name, intervals) in enumerate(lines.items()):
        rows = [(interval.value, interval.low, interval.high) for interval in intervals]
        value, low, high = 100 * np.array(rows).T
        ax.plot(x, value, **line_style(i), marker=style.MARKERS[i % 4], linewidth=2, label=name)
        ax.fill_between(x, low, high, color=style.COLORS[i % 4], alpha=0.15, linewidth=0)
    ax.set_xticks(x, [f"{number:g}" for number in x])
    ax.set_ylim(bottom=0)
    ax.grid(alpha=0.3)
    if len(lines) > 1:
        ax.legend(frameon=False)
    return finish(ax, xlabel=xlabel, ylabel="word error rate (%)")


def plot_losses(
    history: Sequence[Epoch], *, epochs: int | None = None, ax: Axes | None = None
) -> Axes:
    """Training and validation loss by epoch.

    ``epochs`` is how far the axis reaches, for a picture that grows while the model learns.
    """
    ax = new_axes(ax, figsize=(8.5, 3.4))
    numbers = [epoch.number for epoch in history]
    lines = {"training clips": [epoch.train for epoch in history]}
    for name in history[0].validation if history else ():
        lines[name] = [epoch.validation[name] for epoch in history]
    for i, (name, values) in enumerate(lines.items()):
        ax.plot(numbers, values, **line_style(i), marker=style.MARKERS[i % 4], lw=2, label=name)
    last = max(1, epochs or (numbers[-1] if numbers else 1))
    ax.set_xlim(-0.1, last + 0.1)
    ax.set_xticks(range(last + 1))
    ax.set_ylim(bottom=0)
    ax.grid(alpha=0.3)
    if history:
        ax.legend(frameon=False, loc="upper right")
    return finish(ax, xlabel="epoch (0 = before training)", ylabel="loss (nats per token)")


def plot_labels(
    seen: Sequence[str], answers: Sequence[str], *, counts: Sequence[bool], ax: Axes | None = None
) -> Axes:
    """The label sequence token by token: seen above, to be answered below.

    Tokens are given as text; one whose answer does not count is hatched.
    """
    from matplotlib.patches import FancyBboxPatch

    widths = [0.5 + 0.115 * max(len(a), len(b)) for a, b in zip(seen, answers, strict=True)]
    ax = new_axes(ax, figsize=(max(6.0, sum(widths) + 1), 2.2))
    x = 0.0
    for token, answer, counted, width in zip(seen, answers, counts, widths, strict=True):
        middle = x + width / 2
        above = (style.PALE_BLUE, style.BLUE, "")
        below = (style.PALE_GREEN, style.GREEN, "")
        if not counted:
            below = (style.PALE_GRAY, style.GRAY, "////")
        for y, text, (face, edge, hatch) in ((1.0, token, above), (0.0, answer, below)):
            look = {"boxstyle": "round,pad=0.02", "facecolor": face, "edgecolor": edge}
            box = FancyBboxPatch((x + 0.05, y), width - 0.1, 0.55, hatch=hatch, lw=1.2, **look)
            ax.add_patch(box)
            ground = style.WHITE_BOX | {"facecolor": face}
            ax.text(middle, y + 0.27, visible(text), ha="center", va="center", bbox=ground)
        arrow = {"arrowstyle": "->", "color": below[1]}
        ax.annotate("", (middle, 0.58), xytext=(middle, 0.97), arrowprops=arrow)
        x += width
    ax.set(xlim=(-0.02, x), ylim=(-0.1, 1.65), xticks=[])
    ax.set_yticks([0.27, 1.27], ["must answer", "decoder sees"])
    ax.tick_params(length=0)
    return finish(ax, sides=())
