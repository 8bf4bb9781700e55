"""Write the cells of exercises into their notebooks: task, stub, check and help.

    python tools/exercises.py                      (every lab)
    python tools/exercises.py 06_spectrogram       (one lab, by its name or the notebook's path)
    python tools/exercises.py --check              (change nothing; say what differs)

The exercises in lab_utils/exercises are the source. Cells are found by their id, ``ex-NAME-task``,
``ex-NAME``, ``ex-NAME-check`` and ``ex-NAME-help``; those of a new exercise are inserted behind
the one before it. All else in a notebook stays as it is, byte for byte.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from lab_utils import exercises
from lab_utils.classroom import editions
from lab_utils.classroom.editions import PARTS
from lab_utils.errors import ExerciseError, LabError
from lab_utils.exercises import Exercise
from lab_utils.files import replacing

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def sources(exercise: Exercise, number: int) -> dict[str, str]:
    """The text of each of the four cells, by the ending of its id."""
    call = f"# exercises.{exercise.key}"
    return {
        "-task": f"### Exercise {number}\n\n{exercise.task}",
        "": exercise.stub,
        "-check": exercise.cell,
        "-help": f"{call}.hint()\n{call}.solution()",
    }


def update(notebook: dict[str, Any], lab: str) -> list[str]:
    """Bring the exercise cells of a decoded notebook up to date, in place; say what changed.

    Raises
    ------
    ExerciseError
        The cells of an exercise are incomplete, of another type or out of order, or there is no
        section for them.
    """
    changes: list[str] = []
    cells, known = notebook["cells"], set()
    after = _section(cells, lab)
    for number, exercise in enumerate(exercises.of_lab(lab), 1):
        wanted = sources(exercise, number)
        found = editions.locate(cells, exercise)
        if not found:
            cells[after + 1 : after + 1] = [_cell(exercise, part, wanted) for part in PARTS]
            changes.append(f"{lab}: ex-{exercise.name} inserted")
            known.update(range(after + 1, after + 1 + len(PARTS)))
            after += len(PARTS)
            continue
        if missing := [f"ex-{exercise.name}{part}" for part in PARTS if part not in found]:
            raise ExerciseError(
                f"{lab}: expected the cells {', '.join(missing)}, found none. Delete the others of "
                "this exercise, too: then the command inserts all of them."
            )
        for part in PARTS:
            cell = cells[found[part]]
            if found[part] <= after:
                raise ExerciseError(f"{lab}: the cell {cell['id']} is too early: move it down.")
            if cell["cell_type"] != _type(part):
                raise ExerciseError(f"{lab}: make the cell {cell['id']} one of {_type(part)}.")
            after = found[part]
            known.add(after)
            if "".join(cell["source"]) != wanted[part]:
                cell["source"] = wanted[part].splitlines(keepends=True)
                changes.append(f"{lab}: {cell['id']} differs from the exercise")
    ids = [cell.get("id", "") for i, cell in enumerate(cells) if i not in known]
    if orphans := [name for name in ids if name.startswith("ex-")]:
        raise ExerciseError(
            f"{lab}: the cells {', '.join(orphans)} belong to no exercise of {lab}. Delete them."
        )
    return changes


def _section(cells: list[dict], lab: str) -> int:
    """The index of the cell that opens the section with the exercises."""
    for i, cell in enumerate(cells):
        if cell["cell_type"] == "markdown" and "".join(cell["source"]).startswith("## Exercises"):
            return i
    raise ExerciseError(f"{lab}: expected a cell that starts with '## Exercises', found none.")


def _type(part: str) -> str:
    return "markdown" if part == "-task" else "code"


def _cell(exercise: Exercise, part: str, wanted: dict[str, str]) -> dict[str, Any]:
    cell = {
        "cell_type": _type(part),
        "id": f"ex-{exercise.name}{part}",
        "metadata": {},
        "source": wanted[part].splitlines(keepends=True),
    }
    if part != "-task":
        cell |= {"execution_count": None, "outputs": []}
    return dict(sorted(cell.items()))


def sync(path: Path, *, check: bool = False) -> list[str]:
    """Update a notebook file, or with ``check`` only say what would change.

    Raises
    ------
    ExerciseError
        The file is no notebook of the course, or not written as Jupyter writes it.
    """
    lab = path.stem
    try:
        raw = path.read_bytes().decode("utf-8")
        notebook = json.loads(raw)
    except (OSError, ValueError, RecursionError) as error:
        raise ExerciseError(f"Expected a notebook, {path} cannot be read: {error}") from error
    if not _valid(notebook):
        raise ExerciseError(f"{path.name} is no notebook of format 4: restore it with git.")
    if _text(notebook, raw) != raw:
        raise ExerciseError(f"{path.name} is not written as Jupyter writes it: save it there once.")
    changes = update(notebook, lab)
    if any(change.endswith("inserted") for change in changes):
        _mark(notebook, lab)
    if changes and not check:
        with replacing(path) as temporary:
            temporary.write_bytes(_text(notebook, raw).encode("utf-8"))
    return changes


def _valid(notebook: Any) -> bool:
    from nbformat.validator import iter_validate

    known = isinstance(notebook, dict) and notebook.get("nbformat") == 4
    return known and not any(iter_validate(notebook))


def _text(notebook: dict, raw: str) -> str:
    """The notebook as JSON, with the line ends and the last line of the file."""
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    text += "\n" if raw.endswith("\n") else ""
    return text.replace("\n", "\r\n") if "\r\n" in raw else text


def _mark(notebook: dict, lab: str) -> None:
    """Put nbgrader's marks on new cells."""
    import nbformat

    marked = editions.mark(nbformat.reads(json.dumps(notebook), as_version=4), lab=lab)
    for cell, other in zip(notebook["cells"], marked.cells, strict=True):
        if "nbgrader" in other.metadata:
            cell["metadata"]["nbgrader"] = dict(sorted(other.metadata["nbgrader"].items()))


def main(argv: list[str] | None = None) -> int:
    """Write or compare; exit code 1 if ``--check`` finds a difference, 2 on an error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="default: every lab")
    parser.add_argument("--check", action="store_true", help="change nothing, say what differs")
    options = parser.parse_args(argv)
    changes = []
    try:
        for name in options.notebooks or exercises.TOPICS:
            path = Path(name) if name.endswith(".ipynb") else NOTEBOOKS / f"{name}.ipynb"
            found = sync(path, check=options.check)
            changes += found
            print("".join(f"{change}\n" for change in found), end="")
    except LabError as error:
        print(error, file=sys.stderr)
        return 2
    if not changes:
        print("Every exercise cell is as its source says.")
    if changes and not options.check:
        print("Run the changed notebooks again: their outputs are as before.")
    return 1 if changes and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
