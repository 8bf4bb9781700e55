"""The teacher's page: who is where, and which misconceptions the class has.

One HTML file without scripts and without anything from outside; every text is escaped.
"""

from __future__ import annotations

import argparse
import html
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .. import exercises
from ..errors import ExerciseError, LabError
from ..exercises import Exercise, Mistake, record
from ..files import fold
from .page import count, page, section, write
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
    """Every report of a folder, what could not be read, and what a newer report replaced."""

    reports: tuple[Report, ...]  #: one for each learner, by name
    refused: tuple[tuple[str, str], ...]  #: file name and reason
    replaced: tuple[tuple[str, str], ...] = ()  #: file name, and the same learner's newer file

    def labels(self) -> dict[Report, str]:
        """What each report is called: the name, with the file where two learners share it."""
        shared = Counter(fold(report.name) for report in self.reports)
        return {
            report: report.name + (f" ({report.file})" if shared[fold(report.name)] > 1 else "")
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
    ordered = sorted(newest.values(), key=lambda report: (fold(report.name), report.file))
    return Class(tuple(ordered), tuple(refused), tuple(replaced))


def class_page(found: Class) -> str:
    """The whole page as HTML."""
    every, labels = exercises.all_exercises(), found.labels()
    parts = [
        f"<h1>The class: {count(len(found.reports), 'learner')}</h1>",
        f"<p>Written {datetime.now(UTC):%Y-%m-%d %H:%M} UTC by <code>python -m lab_utils class"
        f"</code>. {len(every)} exercises in {count(len(exercises.TOPICS), 'lab')}.</p>",
    ]
    if found.reports:
        parts += [
            section(
                "Who is where",
                ("learner", "solved", "is at", "may need help with", "hints", "solutions seen"),
                [_learner(report, label, every) for report, label in labels.items()],
                before=f"<div class=wide>{_grid(labels, every)}</div><p>✓ solved · ✗ tried, not "
                "yet solved · one column an exercise, in reading order.</p>",
            ),
            _misconceptions(found.misconceptions(), len(found.reports)),
            section(
                "How each exercise goes",
                ("exercise", "lab", "solved", "not yet", "tries until solved (mean)"),
                [_exercise(exercise, found.reports) for exercise in every],
            ),
        ]
    else:
        parts.append("<p>No report was found in this folder. Learners write theirs with <code>"
                     "python -m lab_utils report</code>.</p>")  # fmt: skip
    if found.refused:
        why = "<p>These files were skipped; the results do not include them.</p>"
        parts.append(
            section("Files that were left out", ("file", "why"), found.refused, before=why)
        )
    if found.replaced:
        why = "<p>Name and number of the learner are the same. Is one of them not theirs? Ask.</p>"
        header = ("file", "counts instead")
        parts.append(
            section("Reports that a newer one replaced", header, found.replaced, before=why)
        )
    return page("Whisper Lab: the class", parts)


def _entry(report: Report, exercise: Exercise) -> record.Entry:
    return report.entries.get(exercise.key, record.Entry())


def _learner(report: Report, label: str, every: Sequence[Exercise]) -> tuple[str, ...]:
    entries = {exercise.key: _entry(report, exercise) for exercise in every}
    still = [key for key, entry in entries.items() if not entry.solved]
    stuck = [key for key in still if entries[key].attempts >= STUCK]
    return (
        label,
        f"{len(every) - len(still)} of {len(every)}",
        still[0] if still else "the end: all solved",
        ", ".join(stuck[:5]) or "nothing",
        str(sum(entry.hints for entry in entries.values())),
        str(sum(entry.solution_seen for entry in entries.values())),
    )


def _exercise(exercise: Exercise, reports: Sequence[Report]) -> tuple[str, ...]:
    entries = [_entry(report, exercise) for report in reports]
    tries = [entry.attempts for entry in entries if entry.solved]
    unsolved = sum(bool(entry.attempts) and not entry.solved for entry in entries)
    mean = f"{sum(tries) / len(tries):.1f}" if tries else "–"
    return exercise.key, exercise.lab, str(len(tries)), str(unsolved), mean


def _misconceptions(found: list[Misconception], n_learners: int) -> str:
    title = "Which misconceptions the class has"
    if not found:
        return f"<h2>{title}</h2><p>None of the known mistakes was made yet.</p>"
    rows = [
        (m.mistake.name, m.exercise.key, str(m.learners), str(m.times), m.mistake.code)
        for m in found
    ]  # fmt: skip
    header = ("misconception", "exercise", "learners", "times", "for example they write")
    bars = f"<div class=wide>{_bars(found[:15], n_learners)}</div>"
    return section(title, header, rows, before=bars, code_column=4)


def _grid(labels: dict[Report, str], every: Sequence[Exercise]) -> str:
    """Learners × exercises: a sign for each pair, a line between labs."""
    left, top, step = 190, 34, 18
    right, bottom = left + step * len(every), top + step * len(labels) + 8
    shapes, total, lab = [], 0, ""
    for i, exercise in enumerate(every):
        if exercise.lab != lab:
            lab, x = exercise.lab, left + step * i
            shapes.append(f'<line x1="{x - 2}" x2="{x - 2}" y1="14" y2="{bottom}" stroke="#bbb"/>')
            shapes.append(_text(x, 24, lab.split("_")[0]))
    for j, (report, name) in enumerate(labels.items()):
        y, solved = top + step * j, 0
        shapes.append(_text(0, y + 13, _cut(name, 24)))
        for i, exercise in enumerate(every):
            entry, x = _entry(report, exercise), left + step * i
            solved += entry.solved
            sign, fill = ("✓", "#c7e9c0") if entry.solved else ("", "#f4f4f4")
            if entry.attempts and not entry.solved:
                sign, fill = "✗", "#fdd0a2"
            shapes.append(f'<rect x="{x}" y="{y}" width="15" height="15" fill="{fill}"/>')
            shapes.append(_text(x + 3, y + 12, sign))
        shapes.append(_text(right + 6, y + 13, str(solved)))
        total += solved
    alt = (
        f"{count(len(labels), 'learner')} by {len(every)} exercises; "
        f"{total} of {len(labels) * len(every)} solved. The table below says the same."
    )
    return _svg(alt, right + 70, bottom, shapes)


def _bars(found: list[Misconception], n_learners: int) -> str:
    """The most widespread misconceptions as horizontal bars: learners who had each."""
    left, step, full = 380, 24, 320
    shapes = []
    for i, one in enumerate(found):
        length, y = full * one.learners / n_learners, step * i
        shapes += [
            _text(left - 8, y + 15, _cut(one.mistake.name, 50), anchor="end"),
            f'<rect x="{left}" y="{y + 2}" width="{length:.1f}" height="18" fill="#fdae6b"/>',
            _text(left + length + 6, y + 15, f"{one.learners} of {n_learners}"),
        ]
    top = found[0]
    alt = (
        f"The {count(len(found), 'misconception')} that most learners had. First: "
        f"{top.mistake.name}, {top.learners} of {n_learners} learners."
    )
    return _svg(alt, left + full + 60, step * len(found) + 8, shapes)


def _svg(alt: str, width: int, height: int, shapes: list[str]) -> str:
    return (
        f'<svg role="img" aria-label="{html.escape(alt, quote=True)}" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12">{"".join(shapes)}</svg>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


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
    write(path, class_page(found), private=True)
    print(f"{path}: {count(len(found.reports), 'learner')}.")
    for name, reason in found.refused:
        print(f"  left out {name}: {reason}")
    for name, newer in found.replaced:
        print(f"  {name} was replaced by {newer}, a newer report of the same learner")
    for one in found.misconceptions()[:3]:
        who = f"{one.learners} of {len(found.reports)}"
        print(f"  {who}: {one.mistake.name} ({one.exercise.key})")
    return 0
