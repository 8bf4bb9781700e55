"""What the teacher's pages share: one HTML file without scripts, every text escaped."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from ..exercises import pages
from ..files import write_text

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem;
       color: #1f2328; background: #fff; overflow-wrap: anywhere }}
table {{ border-collapse: collapse; margin: 1rem 0; overflow-wrap: normal }}
caption {{ position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden }}
th, td {{ border-bottom: 1px solid #ddd; vertical-align: top; max-width: 32rem }}
tbody th {{ font-weight: normal }}
pre {{ margin: 0; font-size: .85em; white-space: pre-wrap; overflow-wrap: anywhere }}
.wide {{ overflow-x: auto }}
</style></head><body>
{body}
</body></html>
"""


def page(title: str, parts: Sequence[str]) -> str:
    """The whole page."""
    return _PAGE.format(title=html.escape(title), body="\n".join(parts))


def write(path: Path, text: str, *, private: bool = False) -> None:
    """Write a page whole or not at all."""
    write_text(path, text, private=private)


def section(
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    before: str = "",
    code_column: int | None = None,
) -> str:
    """A heading and a table of that name, with ``before`` between them."""
    shown = pages.table_html(title, header, rows, code_column=code_column)
    return f"<h2>{html.escape(title)}</h2>{before}<div class=wide>{shown}</div>"


def count(n: int, noun: str) -> str:
    """``1 learner``, ``2 learners``."""
    return f"{n} {noun}{'' if n == 1 else 's'}"
