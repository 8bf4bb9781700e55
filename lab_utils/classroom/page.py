"""What the teacher's pages share: one HTML file without scripts, every text escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable

from ..exercises.pages import inline

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem;
       color: #1f2328; background: #fff; overflow-wrap: anywhere }}
table {{ border-collapse: collapse; margin: 1rem 0; overflow-wrap: normal }}
caption {{ position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden }}
th, td {{ text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #ddd;
         vertical-align: top; font-weight: normal; max-width: 32rem }}
thead th {{ font-weight: bold }}
pre {{ margin: 0; font-size: .85em; white-space: pre-wrap; overflow-wrap: anywhere }}
.wide {{ overflow-x: auto }}
</style></head><body>
{body}
</body></html>
"""


def table(
    caption: str,
    header: Iterable[str],
    rows: Iterable[Iterable[str]],
    *,
    code_column: int | None = None,
) -> str:
    """A table; the first cell of a row is its header, one column may be code."""
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in header)
    lines = []
    for row in rows:
        cells = []
        for i, cell in enumerate(row):
            text = f"<pre>{html.escape(cell)}</pre>" if i == code_column else inline(cell)
            cells.append(f"<td>{text}</td>" if i else f'<th scope="row">{text}</th>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f"<div class=wide><table><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr>"
        "</thead><tbody>" + "\n".join(lines) + "</tbody></table></div>"
    )


def count(n: int, noun: str) -> str:
    """``1 learner``, ``2 learners``."""
    return f"{n} {noun}{'' if n == 1 else 's'}"
