"""The teacher's page: who is where, and which misconceptions the class has.

One HTML file without scripts and without anything from outside; every text is escaped.
"""

from __future__ import annotations

import argparse
import html
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .. import exercises
from ..errors import ExerciseError
from ..exercises import Exercise, Mistake, record
from ..exercises.pages import inline
from ..files import replacing
from .report import Report, clean_name, read

MAX_FILES = 1000
STUCK = 3  #: tries without success from which on a learner may need help


@dataclass(frozen=True)
class Misconception:
    """A known mistake that somebody in the class made: by how many learners, how often."""

    exercise: Exercise
    mistake: Mistake
    learners: int
    times: int


@dataclass(frozen=True)
class Class:
    """Every report of a folder, and what could not be read: (file name, reason)."""

    reports: tuple[Report, ...]
    refused: tuple[tuple[str, str], ...]

    def misconceptions(self) -> list[Misconception]:
        """Known mistakes that were made, the most widespread first."""
        found = []
        for exercise in exercises.all_exercises():
            for mistake in exercise.mistakes:
                counts = [
                    entry.mistakes[mistake.name]
                    for report in self.reports
                    if (entry := report.entries.get(exercise.key))
                    and entry.mistakes.get(mistake.name)
                ]
                if counts:
                    found.append(Misconception(exercise, mistake, len(counts), sum(counts)))
        return sorted(found, key=lambda m: (-m.learners, -m.times))


def gather(folder: Path) -> Class:
    """Read every ``.json`` file of a folder; of several by one name the newest counts.

    Raises
    ------
    ExerciseError
        There is no such folder.
    """
    if not folder.is_dir():
        raise ExerciseError(f"Expected a folder with the learners' reports, found none: {folder}")
    newest: dict[str, Report] = {}
    refused = []
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".json")
    for path in paths[:MAX_FILES]:
        try:
            report = read(path)
        except ExerciseError as error:
            refused.append((clean_name(path.name), str(error)))
            continue
        other = newest.get(report.name)
        if other is None or report.written >= other.written:
            newest[report.name] = report
    if len(paths) > MAX_FILES:
        refused.append(("…", f"{len(paths) - MAX_FILES} more files: only {MAX_FILES} are read."))
    ordered = sorted(newest.values(), key=lambda report: report.name.casefold())
    return Class(tuple(ordered), tuple(refused))


def page(found: Class) -> str:
    """The whole page as HTML."""
    every = exercises.all_exercises()
    misconceptions = found.misconceptions()
    parts = [
        f"<h1>The class: {_count(len(found.reports), 'learner')}</h1>",
        f"<p>Written {datetime.now(UTC):%Y-%m-%d %H:%M} UTC by <code>python -m lab_utils class"
        f"</code>. {len(every)} exercises in {_count(len({e.lab for e in every}), 'lab')}.</p>",
    ]
    if not found.reports:
        parts.append("<p>No report was found in this folder. Learners write theirs with <code>"
                     "python -m lab_utils report</code>.</p>")  # fmt: skip
    else:
        parts += [
            "<h2>Who is where</h2>",
            f"<div class=wide>{_grid(found.reports, every)}</div>",
            "<p>✓ solved · ✗ tried, not yet solved · one column an exercise, in reading order.</p>",
            table(
                "Who is where",
                ("learner", "solved", "is at", "may need help with", "hints", "solutions seen"),
                [_learner(report, every) for report in found.reports],
            ),
            "<h2>Which misconceptions the class has</h2>",
            _misconception_part(misconceptions, len(found.reports)),
            "<h2>How each exercise goes</h2>",
            table(
                "How each exercise goes",
                ("exercise", "lab", "solved", "not yet", "tries until solved (mean)"),
                [_exercise(exercise, found.reports) for exercise in every],
            ),
        ]
    if found.refused:
        parts += [
            "<h2>Files that were left out</h2>",
            "<p>They harmed nothing and count nowhere.</p>",
            table("Files that were left out", ("file", "why"), found.refused),
        ]
    return PAGE.format(title="Whisper Lab: the class", body="\n".join(parts))


def _learner(report: Report, every: tuple[Exercise, ...]) -> tuple[str, ...]:
    entries = report.entries
    solved = sum(entry.solved for entry in entries.values())
    at = next((e.key for e in every if not _entry(report, e).solved), "the end: all solved")
    stuck = [e.key for e in every if _stuck(_entry(report, e))]
    hints = sum(entry.hints for entry in entries.values())
    seen = sum(entry.solution_seen for entry in entries.values())
    return (
        report.name, f"{solved} of {len(every)}", at, ", ".join(stuck[:5]) or "nothing",
        str(hints), str(seen),
    )  # fmt: skip


def _exercise(exercise: Exercise, reports: Iterable[Report]) -> tuple[str, ...]:
    entries = [_entry(report, exercise) for report in reports]
    tries = [entry.attempts for entry in entries if entry.solved]
    open_ = sum(bool(entry.attempts) and not entry.solved for entry in entries)
    mean = f"{sum(tries) / len(tries):.1f}" if tries else "–"
    return exercise.key, exercise.lab, str(len(tries)), str(open_), mean


def _misconception_part(found: list[Misconception], n_learners: int) -> str:
    if not found:
        return "<p>None of the known mistakes was made yet.</p>"
    rows = [
        (m.mistake.name, m.exercise.key, str(m.learners), str(m.times), m.mistake.code)
        for m in found
    ]  # fmt: skip
    header = ("misconception", "exercise", "learners", "times", "for example they write")
    rows_shown = table("Which misconceptions the class has", header, rows, code_column=4)
    return f"<div class=wide>{_bars(found[:15], n_learners)}</div>{rows_shown}"


def _entry(report: Report, exercise: Exercise) -> record.Entry:
    return report.entries.get(exercise.key, record.Entry())


def _stuck(entry: record.Entry) -> bool:
    return not entry.solved and entry.attempts >= STUCK


def _grid(reports: tuple[Report, ...], every: tuple[Exercise, ...]) -> str:
    """Learners × exercises as SVG: a sign for each pair, a line between labs."""
    left, top, step = 190, 34, 18
    width, height = left + step * len(every) + 70, top + step * len(reports) + 8
    total = sum(_entry(r, e).solved for r in reports for e in every)
    alt = (
        f"{_count(len(reports), 'learner')} by {len(every)} exercises; "
        f"{total} of {len(reports) * len(every)} solved. The table below says the same."
    )
    out = [
        f'<svg role="img" aria-label="{html.escape(alt, quote=True)}" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
    ]
    lab = ""
    for i, exercise in enumerate(every):
        if exercise.lab != lab:
            lab, x = exercise.lab, left + step * i
            out.append(f'<line x1="{x - 2}" x2="{x - 2}" y1="14" y2="{height}" stroke="#bbb"/>')
            out.append(f'<text x="{x}" y="24">{html.escape(lab.split("_")[0])}</text>')
    for j, report in enumerate(reports):
        y = top + step * j
        name = report.name if len(report.name) <= 24 else report.name[:23] + "…"
        out.append(f'<text x="0" y="{y + 13}">{html.escape(name)}</text>')
        for i, exercise in enumerate(every):
            entry, x = _entry(report, exercise), left + step * i
            sign, fill = ("✓", "#c7e9c0") if entry.solved else ("", "#f4f4f4")
            if entry.attempts and not entry.solved:
                sign, fill = "✗", "#fdd0a2"
            out.append(f'<rect x="{x}" y="{y}" width="15" height="15" fill="{fill}"/>')
            if sign:
                out.append(f'<text x="{x + 3}" y="{y + 12}">{sign}</text>')
        solved = sum(_entry(report, e).solved for e in every)
        out.append(f'<text x="{left + step * len(every) + 6}" y="{y + 13}">{solved}</text>')
    return "".join([*out, "</svg>"])


def _bars(found: list[Misconception], n_learners: int) -> str:
    """The most widespread misconceptions as horizontal bars: learners who had each."""
    left, step, full = 380, 24, 320
    width, height = left + full + 60, step * len(found) + 8
    top = found[0]
    alt = (
        f"The {_count(len(found), 'misconception')} that most learners had. First: "
        f"{top.mistake.name}, {top.learners} of {n_learners} learners."
    )
    out = [
        f'<svg role="img" aria-label="{html.escape(alt, quote=True)}" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
    ]
    for i, one in enumerate(found):
        label = one.mistake.name
        label = label if len(label) <= 50 else label[:49] + "…"
        length, y = full * one.learners / max(n_learners, 1), step * i
        out.append(
            f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{html.escape(label)}</text>'
        )
        out.append(
            f'<rect x="{left}" y="{y + 2}" width="{length:.1f}" height="18" fill="#fdae6b"/>'
        )
        out.append(
            f'<text x="{left + length + 6:.1f}" y="{y + 15}">{one.learners} of {n_learners}</text>'
        )
    return "".join([*out, "</svg>"])


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


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


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


def main(argv: list[str]) -> int:
    """``python -m lab_utils class FOLDER``: merge the learners' reports into one page."""
    parser = argparse.ArgumentParser(
        "python -m lab_utils class",
        description="Merge a folder of learners' reports into one page: who is where, and which "
        "misconceptions the class has.",
    )
    parser.add_argument("folder", type=Path, nargs="?", help="where the reports (.json) lie")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: FOLDER/class.html")
    parser.add_argument(
        "--answers", type=Path, metavar="FILE", help="write the teacher's answer book (HTML)"
    )
    options = parser.parse_args(argv)
    if options.answers:
        from .answers import book

        with replacing(options.answers) as temporary:
            temporary.write_text(book(), "utf-8")
        print(f"{options.answers}: every exercise, its solution, its wrong answers.")
    if options.folder is None:
        if not options.answers:
            parser.error("the folder with the reports is missing")
        return 0
    found = gather(options.folder)
    path = options.out or options.folder / "class.html"
    with replacing(path) as temporary:
        temporary.write_text(page(found), "utf-8")
    print(f"{path}: {_count(len(found.reports), 'learner')}.")
    for name, reason in found.refused:
        print(f"  left out {name}: {reason}")
    for one in found.misconceptions()[:3]:
        who = f"{one.learners} of {len(found.reports)}"
        print(f"  {who}: {one.mistake.name} ({one.exercise.key})")
    return 0
