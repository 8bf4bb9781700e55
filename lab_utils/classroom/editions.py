"""The two editions of a lab for nbgrader: the teacher's with solutions, the learner's without.

The notebooks of the course carry nbgrader's marks on their exercise cells; a reader without
nbgrader never notices. From them :func:`source_edition` makes the teacher's notebook (solutions
and hidden tests from the exercises), and ``nbgrader generate_assignment`` makes the learner's.
"""

from __future__ import annotations

import argparse
import copy
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .. import exercises
from ..environment import project_dir, scripts_dir
from ..errors import ExerciseError, SetupError
from ..exercises import Exercise
from ..files import replacing, sha256, write_text

if TYPE_CHECKING:
    from nbformat import NotebookNode

PARTS = ("-task", "", "-check", "-help")  #: how the ids of an exercise's cells end
SCHEMA_VERSION = 3
BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"

CONFIG = '''"""Settings of nbgrader for this course. Nothing here needs a network."""

import atexit
import os
import shutil
import tempfile

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "whisper-lab"
c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
# The stub of each exercise stands above its solution, so the solution is cut out, not replaced.
c.ClearSolutions.code_stub = {"python": ""}
# Downloaded files are named LEARNER_LAB.ipynb, for example ada_05_waveform.ipynb. A file with
# another name stops zip_collect: its learner would be graded as somebody else.
c.FileNameCollectorPlugin.named_regexp = (
    r"^(?:.*[/\\\\])?(?P<student_id>[^/_\\\\]+)_(?P<file_id>[^/\\\\]+)$"
)
c.ZipCollectApp.extractor_plugin = "lab_utils.classroom.collect.CheckedExtractor"
c.ExecutePreprocessor.timeout = 300
# Grading runs the learners' notebooks. Your own progress and your own voice are none of theirs:
# both names lead to an empty folder.
folder = tempfile.mkdtemp(prefix="whisper-lab-grading-")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ["WHISPER_LAB_PROGRESS"] = os.path.join(folder, "progress.json")
os.environ["WHISPER_LAB_RECORDINGS"] = os.path.join(folder, "recordings")
'''
#: SHA-256 of the settings that earlier versions wrote; they let the teacher's voice into feedback
FORMER_CONFIGS = ("66257abb02719f77d64b600190ca997b70897af3cd92e53d17b0cba26857b108",)


def locate(cells: Sequence[Mapping[str, Any]], exercise: Exercise) -> dict[str, int]:
    """Where the cells of an exercise are, by their ids; a hyphen may replace an underscore.

    Returns
    -------
    dict of str to int
        Those of PARTS that are there → index.

    Raises
    ------
    ExerciseError
        Two cells have the same id.
    """
    ids = [cell.get("id", "").replace("_", "-") for cell in cells]
    found = {}
    for part in PARTS:
        name = f"ex-{exercise.name}{part}"
        many = ids.count(name.replace("_", "-"))
        if many > 1:
            raise ExerciseError(f"Expected one cell with the id {name}, found {many}.")
        if many:
            found[part] = ids.index(name.replace("_", "-"))
    return found


def mark(notebook: NotebookNode, *, lab: str) -> NotebookNode:
    """Put nbgrader's marks on the exercise cells, in place; every other mark of nbgrader goes.

    Raises
    ------
    ExerciseError
        The notebook lacks a cell of an exercise, or has one twice.
    """
    marks: dict[int, dict] = {}
    for exercise in exercises.of_lab(lab):
        at = locate(notebook.cells, exercise)
        if lacking := [f"ex-{exercise.name}{part}" for part in PARTS if part not in at]:
            raise ExerciseError(
                f"{exercise.key}: expected the cells {', '.join(lacking)} in {lab}, found none. "
                f"Run: python tools/exercises.py {lab}"
            )
        name = exercise.key.replace(".", "-")
        marks[at["-task"]] = _mark(f"{name}-task", locked=True)
        marks[at[""]] = _mark(name, solution=True)
        marks[at["-check"]] = _mark(
            f"{name}-check", locked=True, grade=True, points=exercise.points
        )
    for i, cell in enumerate(notebook.cells):
        cell.metadata.pop("nbgrader", None)
        if i in marks:
            cell.metadata["nbgrader"] = marks[i]
    return notebook


def _mark(grade_id: str, **what: Any) -> dict[str, Any]:
    """What nbgrader keeps at a cell; booleans default to False."""
    flags = {"grade": False, "locked": False, "solution": False, "task": False}
    return flags | {"grade_id": grade_id, "schema_version": SCHEMA_VERSION} | what


def _read(path: Path) -> NotebookNode:
    import nbformat

    return cast("NotebookNode", nbformat.read(path, as_version=4))


def mark_file(path: Path) -> bool:
    """Mark a notebook file; returns whether that changed it."""
    import nbformat

    notebook = _read(path)
    before = copy.deepcopy(notebook)
    if mark(notebook, lab=path.stem) == before:
        return False
    with replacing(path) as temporary:
        nbformat.write(notebook, temporary)
    return True


def source_edition(notebook: NotebookNode, *, lab: str) -> NotebookNode:
    """The teacher's edition of a lab for nbgrader's folder ``source``, without outputs.

    Solutions are under the stubs, hidden tests under the checks.
    """
    teacher = mark(copy.deepcopy(notebook), lab=lab)
    for exercise in exercises.of_lab(lab):
        at = locate(teacher.cells, exercise)
        solution = [BEGIN_SOLUTION, exercise.solution_code, END_SOLUTION]
        # imported anew: a learner's own object named "exercises" grades nothing
        grading = f'find("{exercise.key}").grade({exercise.variable})'
        hidden = [BEGIN_HIDDEN, "from lab_utils.exercises import find", grading, END_HIDDEN]
        for part, lines in (("", solution), ("-check", hidden)):
            cell = teacher.cells[at[part]]
            cell.source = "\n".join([cell.source.rstrip(), *lines])
    for cell in teacher.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return teacher


def make_course(folder: Path, labs: list[str], *, notebooks: Path | None = None) -> list[Path]:
    """Make nbgrader's course folder with the teacher's edition of each lab.

    What nbgrader keeps in the folder (gradebook, submissions) stays.

    Parameters
    ----------
    folder, labs
    notebooks : Path, optional
        Where the labs are; default: the project's ``notebooks``.

    Returns
    -------
    list of Path
        The notebooks in ``source/``.
    """
    import nbformat

    notebooks = notebooks or project_dir() / "notebooks"
    write_config(folder / "nbgrader_config.py")
    written = []
    for lab in labs:
        path = notebooks / f"{lab}.ipynb"
        if not path.is_file():
            raise ExerciseError(f"Expected the notebook {lab}.ipynb in {notebooks}, found none.")
        teacher = source_edition(_read(path), lab=lab)
        written.append(folder / "source" / lab / path.name)
        with replacing(written[-1]) as temporary:
            nbformat.write(teacher, temporary)
    return written


def write_config(path: Path) -> None:
    """Write nbgrader's settings; those that an earlier version wrote are replaced.

    Raises
    ------
    SetupError
        The teacher changed the file, and it does not keep their own recordings out of grading.
    """
    if path.exists():
        if "WHISPER_LAB_RECORDINGS" in path.read_text("utf-8", "replace"):
            return
        if sha256(path) not in FORMER_CONFIGS:
            raise SetupError(
                f"{path} was changed and does not keep your own recordings out of what learners "
                "get back. Rename it, run this command again, and carry your changes over."
            )
    write_text(path, CONFIG)


def generate(folder: Path, lab: str) -> Path:
    """Let nbgrader make the learner's edition of a lab in ``release/``.

    Raises
    ------
    SetupError
        nbgrader is missing or failed, or its notebook gave an answer away (and is deleted).
    """
    nbgrader(folder, "generate_assignment", lab, "--create", "--force")
    path = folder / "release" / lab / f"{lab}.ipynb"
    given_away = leaks(_read(path), lab=lab)
    if given_away:
        path.unlink()
        raise SetupError("The learner's edition gave away: " + ", ".join(given_away))
    return path


def leaks(notebook: NotebookNode, *, lab: str) -> list[str]:
    """The keys of exercises of which a notebook shows a line of the solution or a hidden test."""
    found = []
    for exercise in exercises.of_lab(lab):
        at = locate(notebook.cells, exercise)
        stub, check = (notebook.cells[at[part]].source for part in ("", "-check"))
        secret = _lines(exercise.solution_code) - _lines(exercise.stub) | {BEGIN_SOLUTION}
        found += [exercise.key] * bool(secret & _lines(stub))
        found += [exercise.key] * (".grade(" in check)
    return found


def _lines(code: str) -> set[str]:
    return {line.strip() for line in code.splitlines()} - {""}


def nbgrader(folder: Path, *arguments: str) -> str:
    """Run one nbgrader command in the course's folder; returns what it said.

    Raises SetupError if nbgrader is not installed or the command failed.
    """
    command = [sys.executable, "-m", "nbgrader", *arguments]
    path = f"{scripts_dir()}{os.pathsep}{os.environ.get('PATH', '')}"  # nbgrader starts alembic
    variables = {**os.environ, "PATH": path}
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, errors="replace"
    )
    if "No module named nbgrader" in done.stderr:
        raise SetupError('nbgrader is not installed. Run: pip install "nbgrader>=0.9.5"')
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line]
        raise SetupError(
            f"'nbgrader {' '.join(arguments)}' failed: {' '.join(lines[-3:]) or done.stderr[-600:]}"
        )
    return done.stdout + done.stderr


def main(argv: list[str]) -> int:
    """``python -m lab_utils editions FOLDER [LAB …]``: make both editions for nbgrader."""
    parser = argparse.ArgumentParser(
        "python -m lab_utils editions",
        description="Make nbgrader's course folder: the teacher's edition of each lab in source/, "
        "the learner's in release/. TEACHING.md says how to go on.",
    )
    parser.add_argument("folder", type=Path, nargs="?", help="the course's folder")
    parser.add_argument("labs", nargs="*", metavar="LAB", help="default: every lab with exercises")
    parser.add_argument(
        "--mark", action="store_true", help="only put nbgrader's marks on the notebooks themselves"
    )
    options = parser.parse_args(argv)
    if options.mark:
        for lab in exercises.TOPICS:
            path = project_dir() / "notebooks" / f"{lab}.ipynb"
            if path.is_file() and mark_file(path):
                print(f"marked {path.name}")
        return 0
    if options.folder is None:
        parser.error("the course's folder is missing")
    labs = options.labs or [lab for lab in exercises.TOPICS if exercises.of_lab(lab)]
    for lab, source in zip(labs, make_course(options.folder, labs), strict=True):
        released = generate(options.folder, lab)
        points = sum(exercise.points for exercise in exercises.of_lab(lab))
        print(f"{lab}: {source.relative_to(options.folder)} → "
              f"{released.relative_to(options.folder)}, {points} points")  # fmt: skip
    return 0
