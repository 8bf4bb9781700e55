"""A report a person can look at: one page, worst clips first, each with picture, player and remedy.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import html
import os
from collections import Counter
from pathlib import Path
from urllib.parse import quote

import numpy as np

from .. import audio, files
from ..errors import AudioError, CorpusError
from ..pictures import envelope
from .check import Report
from .findings import Finding
from .measure import FRAME, frame_levels, silence_threshold

PAGE = "report.html"
MOST_SHOWN = 50  #: clips; the table above them counts all
WIDTH, HEIGHT = 640, 90  #: of a clip's picture, pixels
_GENERATOR = '<meta name="generator" content="Whisper Lab corpus report">'
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; color: #1a1a1a; background: #fff }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ccc;
  vertical-align: top }
td:last-child { white-space: nowrap }
article { border: 1px solid #bbb; border-radius: 6px; padding: .8rem 1rem; margin: 1.2rem 0 }
h3 { margin: 0; font-size: 1rem } svg { width: 100%; height: auto; background: #f5f6f8 }
audio { width: 100% } .ok { color: #08602c } .bad { color: #8c1d18; font-weight: 600 }
blockquote { margin: .4rem 0; padding-left: .8rem; border-left: 3px solid #bbb }
li { margin: .3rem 0 } .remedy { color: #444 }
"""


def write(report: Report, out: str | os.PathLike) -> Path:
    """Write the page; it plays the clips from where they are.

    Parameters
    ----------
    out : path-like
        The page's file, or a folder that gets ``report.html``.

    Raises
    ------
    CorpusError
        It cannot be written, or would replace a page that is not such a report.
    """
    out = Path(out)
    path = out if out.suffix == ".html" else out / PAGE
    try:
        if path.exists() and _GENERATOR.encode() not in path.read_bytes():
            raise CorpusError(f"{path} is a page of somebody else: name another file.")
        files.write_text(path, page(report, beside=path.parent))
    except OSError as error:
        raise CorpusError(f"The report could not be written to {path}: {error}") from error
    return path


def page(report: Report, *, beside: Path) -> str:
    """The report as HTML; players refer to the clips relative to the folder ``beside``."""
    title = f"Corpus report: contract “{report.contract.name}”"
    broken = Counter(finding.rule for finding in report.findings)
    verdict = (
        '<p class="ok">✓ Every rule is kept.</p>'
        if report.ok
        else f'<p class="bad">✗ {len(report.findings)} findings, {len(report.worst())} places.</p>'
    )
    rows = "".join(
        f"<tr><td><code>{rule.key}</code></td><td>{html.escape(rule.sentence)}</td>"
        f"<td>{_count(broken[rule.key])}</td></tr>"
        for rule in report.contract.rules
    )
    worst = report.worst()
    cards = "".join(_card(report, name, found, beside) for name, found in worst[:MOST_SHOWN])
    more = f"<p>… and {len(worst) - MOST_SHOWN} more.</p>" if len(worst) > MOST_SHOWN else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{_GENERATOR}<title>{title}</title><style>{_STYLE}</style></head><body><main><h1>{title}</h1>"
        f"<p>{len(report.manifest)} clips.</p>{verdict}<h2>Rules</h2><table><thead><tr><th>Rule"
        f"</th><th>What it asks</th><th>Broken by</th></tr></thead><tbody>{rows}</tbody></table>"
        + (f"<h2>Worst clips first</h2>{cards}{more}" if worst else "")
        + "</main></body></html>"
    )


def _count(n: int) -> str:
    return f'<span class="bad">✗ {n}</span>' if n else '<span class="ok">✓ none</span>'


def _card(report: Report, name: str, findings: tuple[Finding, ...], beside: Path) -> str:
    clip = next((c for c in report.manifest.clips if c.id == name), None)
    heading = html.escape(name.replace("\n", "⏎") or "the corpus as a whole")
    items = "".join(
        f"<li><code>{f.rule}</code>: {html.escape(f.found)}<br>"
        f'<span class="remedy">→ {html.escape(report.remedy(f))}</span></li>'
        for f in findings
    )
    sound = ""
    if clip is not None:
        text = html.escape(clip.text) or "(no text)"
        sound = f"<blockquote>{text}</blockquote>"
        if clip.id in report.facts:
            path = report.manifest.path(clip)
            relative = quote(Path(os.path.relpath(path, beside.resolve())).as_posix())
            sound += _picture(path, name) + (
                f'<audio controls preload="none" aria-label="{heading}" src="{relative}"></audio>'
            )
    return f"<article><h3>{heading}</h3>{sound}<ul>{items}</ul></article>"


def _picture(path: Path, name: str) -> str:
    """The waveform as a drawing, silence shaded; empty if the file cannot be read any more."""
    try:
        y, sr = audio.load(path, sr=None)
    except AudioError:
        return ""
    low, high = envelope(np.clip(y, -1, 1), WIDTH // 2)
    middle, scale = HEIGHT / 2, HEIGHT / 2 - 2
    step = WIDTH / len(low)
    top = [f"{i * step:.1f},{middle - v * scale:.1f}" for i, v in enumerate(high)]
    bottom = [f"{i * step:.1f},{middle - v * scale:.1f}" for i, v in enumerate(low)]
    shade = "".join(
        f'<rect x="{a * WIDTH:.1f}" width="{(b - a) * WIDTH:.1f}" y="0" height="{HEIGHT}" '
        'fill="#dfe3ea"/>'
        for a, b in _quiet(y, sr)
    )
    seconds = len(y) / sr
    words = f"Waveform of {name}, {seconds:.1f} seconds, silence shaded"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(words)}">{shade}'
        f'<polygon points="{" ".join(top + bottom[::-1])}" fill="#2f5d8a"/>'
        f'<text x="{WIDTH - 4}" y="{HEIGHT - 5}" text-anchor="end" font-size="11">'
        f"{seconds:.2f} s</text></svg>"
    )


def _quiet(y: np.ndarray, sr: int, *, least: float = 0.2) -> list[tuple[float, float]]:
    """Silences of at least ``least`` seconds, as fractions of the clip."""
    levels = frame_levels(y, sr=sr)
    quiet = np.concatenate([[0], levels <= silence_threshold(levels), [0]]).astype(int)
    changes = np.flatnonzero(np.diff(quiet)).reshape(-1, 2)
    return [(a / len(levels), b / len(levels)) for a, b in changes if (b - a) * FRAME >= least]
