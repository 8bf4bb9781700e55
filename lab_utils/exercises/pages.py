"""How results look: HTML that a screen reader follows, and the same in plain text.

No meaning is in color alone: each status has its word and its sign. What comes from outside is
escaped; code, bold and italic are marked as in Markdown.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

SIGNS = {"correct": "✓", "not yet": "✗", "not attempted": "○"}
COLORS = {"correct": "#1a7f37", "not yet": "#b35900", "not attempted": "#6e7781"}
BLUE = "#0969da"


def show(text: str, markup: str) -> None:
    """Show HTML in a notebook, and the text where there is none."""
    from IPython import get_ipython

    if get_ipython() is None:
        print(text)
        return
    from IPython.display import display

    display({"text/html": markup, "text/plain": text}, raw=True)


def result_text(status: str, message: str) -> str:
    """One result: sign, status, message."""
    return f"{SIGNS[status]} {status.capitalize()}{'. ' + message if message else '.'}"


def result_html(status: str, message: str) -> str:
    """One result as a box that a screen reader announces."""
    sign = f'<span aria-hidden="true">{SIGNS[status]}</span>'
    body = f"{sign} <strong>{status.capitalize()}.</strong>{message and ' '}{inline(message)}"
    return _box("status", COLORS[status], body)


def note(title: str, text: str) -> None:
    """Show a hint, or a word from the checker itself."""
    body = f"<strong>{html.escape(title)}.</strong> {inline(text)}"
    show(f"{title}. {text}", _box("note", BLUE, body))


def code(title: str, text: str) -> None:
    """Show code under a title."""
    body = f'<pre style="margin:.3em 0"><code>{html.escape(text)}</code></pre>'
    body = f"<strong>{html.escape(title)}</strong>{body}"
    show(f"{title}:\n{text}", _box("note", BLUE, body))


def _box(role: str, color: str, body: str) -> str:
    style = f"border-left:4px solid {color};padding:.3em .8em;margin:.3em 0"
    return f'<div role="{role}" style="{style}">{body}</div>'


def show_table(
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    links: Sequence[str] = (),
) -> None:
    """Show a table, in plain text with its columns padded with spaces."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [caption]
    for row in (header, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
    show("\n".join(lines), table_html(caption, header, rows, links=links))


def table_html(
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    links: Sequence[str] = (),
    code_column: int | None = None,
) -> str:
    """A table with a caption and headers that a screen reader can name.

    ``links`` gives the first cell of each row a target, a notebook beside this one; the cells of
    ``code_column`` are code.
    """
    style = 'style="text-align:left;padding:.2em .8em .2em 0"'
    head = "".join(f'<th scope="col" {style}>{html.escape(cell)}</th>' for cell in header)
    body = ""
    for i, row in enumerate(rows):
        first = inline(row[0])
        if links:
            first = f'<a href="{html.escape(links[i], quote=True)}">{first}</a>'
        body += f'<tr><th scope="row" {style}>{first}</th>'
        for column, cell in enumerate(row[1:], 1):
            text = f"<pre>{html.escape(cell)}</pre>" if column == code_column else inline(cell)
            body += f"<td {style}>{text}</td>"
        body += "</tr>"
    return (
        f'<table><caption style="text-align:left;white-space:nowrap">{inline(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def inline(text: str) -> str:
    """Escaped text; `code`, **bold** and *italic* as in Markdown."""
    pieces = re.split(r"`([^`\n]+)`", html.escape(text))
    for i, piece in enumerate(pieces):
        bold = re.sub(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", r"<strong>\1</strong>", piece)
        both = re.sub(r"(?<!\w)\*(?=\S)([^*]+?)(?<=\S)\*(?!\w)", r"<em>\1</em>", bold)
        pieces[i] = f"<code>{piece}</code>" if i % 2 else both
    return "".join(pieces)
