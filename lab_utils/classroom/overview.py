"""The teacher's page: who is where, and which misconceptions the class has.

One HTML file without scripts and without anything from outside; every text is escaped.
"""

from __future__ import annotations

import argparse
import html
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .. import exercises
from ..errors import ExerciseError, LabError
from ..exercises import Exercise, Mistake, record
from ..files import replacing
from .page import PAGE, count, table
from .report import Report, read, shown_name

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
    """Every report of a folder, what could not be read, and what a newer report replaced.

    Attributes
    ----------
    reports : tuple of Report
        One for each learner, by name.
    refused : tuple of (str, str)
        File name and reason.
    replaced : tuple of (str, str)
        File name, and the file of the same learner that counts instead.
    """

    reports: tuple[Report, ...]
    refused: tuple[tuple[str, str], ...]
    replaced: tuple[tuple[str, str], ...] = ()

    def labels(self) -> dict[Report, str]:
        """What each report is called on the page: the name, told apart where two learners share
        it."""
        shared = Counter(_folded(report.name) for report in self.reports)
        return {
            report: report.name
            if shared[_folded(report.name)] == 1
            else f"{report.name} ({report.file})"
            for report in self.reports
        }

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
    """Read every ``.json`` file of a folder; of several by one learner the newest counts.

    Two reports are one learner's if name and number agree. The number was made on the learner's
    machine, so a report with somebody else's name replaces nothing: both are shown.

    Raises
    ------
    ExerciseError
        There is no such folder.
    """
    if not folder.is_dir():
        raise ExerciseError(f"Expected a folder with the learners' reports, found none: {folder}")
    newest: dict[tuple[str, str], Report] = {}
    refused, replaced = [], []
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".json")
    for path in paths[:MAX_FILES]:
        try:
            report = read(path)
        except LabError as error:
            refused.append((shown_name(path.name), str(error)))
            continue
        learner = unicodedata.normalize("NFC", report.name), report.learner
        pair = sorted(filter(None, (newest.get(learner), report)), key=lambda r: r.written)
        newest[learner] = pair[-1]
        replaced += [(older.file, pair[-1].file) for older in pair[:-1]]
    if len(paths) > MAX_FILES:
        refused.append(("…", f"{len(paths) - MAX_FILES} more files: only {MAX_FILES} are read."))
    ordered = sorted(newest.values(), key=lambda report: (_folded(report.name), report.file))
    return Class(tuple(ordered), tuple(refused), tuple(replaced))


def _folded(name: str) -> str:
    """A name without what the eye overlooks: letter case, and how an accent is composed."""
    return unicodedata.normalize("NFC", name).casefold()


def page(found: Class) -> str:
    """The whole page as HTML."""
    every = exercises.all_exercises()
    misconceptions, labels = found.misconceptions(), found.labels()
    parts = [
        f"<h1>The class: {count(len(found.reports), 'learner')}</h1>",
        f"<p>Written {datetime.now(UTC):%Y-%m-%d %H:%M} UTC by <code>python -m lab_utils class"
        f"</code>. {len(every)} exercises in {count(len({e.lab for e in every}), 'lab')}.</p>",
    ]
    if not found.reports:
        parts.append("<p>No report was found in this folder. Learners write theirs with <code>"
                     "python -m lab_utils report</code>.</p>")  # fmt: skip
    else:
        parts += [
            "<h2>Who is where</h2>",
            f"<div class=wide>{_grid(labels, every)}</div>",
            "<p>✓ solved · ✗ tried, not yet solved · one column an exercise, in reading order.</p>",
            table(
                "Who is where",
                ("learner", "solved", "is at", "may need help with", "hints", "solutions seen"),
                [_learner(report, label, every) for report, label in labels.items()],
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
            "<p>These files were skipped; the results do not include them.</p>",
            table("Files that were left out", ("file", "why"), found.refused),
        ]
    if found.replaced:
        parts += [
            "<h2>Reports that a newer one replaced</h2>",
            "<p>Name and number of the learner are the same. Is one of them not theirs? Ask.</p>",
            table("Reports that a newer one replaced", ("file", "counts instead"), found.replaced),
        ]
    return PAGE.format(title="Whisper Lab: the class", body="\n".join(parts))


def _learner(report: Report, label: str, every: tuple[Exercise, ...]) -> tuple[str, ...]:
    entries = report.entries
    solved = sum(entry.solved for entry in entries.values())
    at = next((e.key for e in every if not _entry(report, e).solved), "the end: all solved")
    stuck = [e.key for e in every if _stuck(_entry(report, e))]
    hints = sum(entry.hints for entry in entries.values())
    seen = sum(entry.solution_seen for entry in entries.values())
    return (
        label, f"{solved} of {len(every)}", at, ", ".join(stuck[:5]) or "nothing",
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


def _grid(reports: dict[Report, str], every: tuple[Exercise, ...]) -> str:
    """Learners × exercises as SVG: a sign for each pair, a line between labs."""
    left, top, step = 190, 34, 18
    width, height = left + step * len(every) + 70, top + step * len(reports) + 8
    total = sum(_entry(r, e).solved for r in reports for e in every)
    alt = (
        f"{count(len(reports), 'learner')} by {len(every)} exercises; "
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
    for j, (report, name) in enumerate(reports.items()):
        y = top + step * j
        name = name if len(name) <= 24 else name[:23] + "…"
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
        f"The {count(len(found), 'misconception')} that most learners had. First: "
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


def main(argv: list[str]) -> int:
    """``python -m lab_utils class FOLDER``: merge the learners' reports into one page."""
    parser = argparse.ArgumentParser(
        "python -m lab_utils class",
        description="Merge a folder of learners' reports into one page: who is where, and which "
        "misconceptions the class has.",
    )
    parser.add_argument("folder", type=Path, help="the folder with the reports (.json)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: FOLDER/class.html")
    options = parser.parse_args(argv)
    found = gather(options.folder)
    path = options.out or options.folder / "class.html"
    with replacing(path, private=True) as temporary:
        temporary.write_text(page(found), "utf-8")
    print(f"{path}: {count(len(found.reports), 'learner')}.")
    for name, reason in found.refused:
        print(f"  left out {name}: {reason}")
    for name, newer in found.replaced:
        print(f"  {name} was replaced by {newer}, a newer report of the same learner")
    for one in found.misconceptions()[:3]:
        who = f"{one.learners} of {len(found.reports)}"
        print(f"  {who}: {one.mistake.name} ({one.exercise.key})")
    return 0
