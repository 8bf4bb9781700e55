"""Execute notebooks from a fresh kernel, in place, and keep only what belongs in the repository.

    python tools/run_notebook.py notebooks/05_waveform.ipynb [...]

A notebook is written back only if every cell ran without an error and without a warning. Kept are
the sources, the outputs with their execution counts, cell ids and tags, and nbgrader's marks.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from lab_utils.files import replacing
from lab_utils.places import PROGRESS_VARIABLE, RECORDINGS_VARIABLE

CELL_METADATA = ("tags", "nbgrader")
CARRIAGE = re.compile(r"[^\n]*\r")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def clean(notebook: nbformat.NotebookNode) -> None:
    """Strip what an editor or a run leaves behind: widget state, times, other metadata."""
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = merged(cell.outputs)
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in CELL_METADATA and v}
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(WIDGET_VIEW, None)
            if "metadata" in output:
                output["metadata"] = {}
            if output.output_type == "stream":  # of a progress bar only its last state
                output["text"] = CARRIAGE.sub("", output["text"].replace("\r\n", "\n"))


def merged(outputs: list) -> list:
    """Join neighbouring pieces of one stream, as a page shows them."""
    joined = []
    for output in outputs:
        before = joined[-1] if joined else {}
        if output.output_type == "stream" and before.get("name") == output.name:
            before["text"] += output.text
        else:
            joined.append(output)
    return joined


def problems(notebook: nbformat.NotebookNode) -> list[str]:
    """What a finished lab must not hold: error outputs and text on stderr."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                found.append(f"[{cell.id}] {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                found.append(f"[{cell.id}] stderr: {output.text.strip()[:300]}")
    return found


def mark_exercises(notebook: nbformat.NotebookNode, *, lab: str) -> None:
    """Put nbgrader's marks on the exercise cells; say which cell is missing, and go on."""
    from lab_utils import exercises
    from lab_utils.classroom import editions
    from lab_utils.errors import ExerciseError

    if lab in exercises.TOPICS:
        try:
            editions.mark(notebook, lab=lab)
        except ExerciseError as error:
            print(f"{lab}: not marked for nbgrader. {error}")


def execute(
    notebook: nbformat.NotebookNode,
    folder: Path,
    *,
    timeout: int,
    allow_errors: bool = False,
    env: dict[str, str] | None = None,
) -> None:
    """Run every cell in ``folder``, as a reader who has no recording and no progress yet.

    Parameters
    ----------
    notebook : NotebookNode
        Its outputs are replaced.
    folder : Path
        Where the kernel starts.
    timeout : int
        Seconds for one cell.
    allow_errors : bool
        Go on after a cell that failed.
    env : dict, optional
        More variables for the kernel; they win.
    """
    with tempfile.TemporaryDirectory() as empty:
        nobody = {
            RECORDINGS_VARIABLE: str(Path(empty, "recordings")),
            PROGRESS_VARIABLE: str(Path(empty, "progress.json")),
        }
        NotebookClient(
            notebook,
            timeout=timeout,
            kernel_name="python3",
            allow_errors=allow_errors,
            store_widget_state=False,
            resources={"metadata": {"path": str(folder)}},
        ).execute(env={**os.environ, **nobody, **(env or {})})


def run(path: Path, *, timeout: int) -> list[str]:
    """Execute one notebook; write it back if it is clean. Returns the problems found."""
    notebook = nbformat.read(path, as_version=4)
    execute(notebook, path.resolve().parent, timeout=timeout, allow_errors=True)
    found = problems(notebook)
    if not found:
        clean(notebook)
        mark_exercises(notebook, lab=path.stem)
        nbformat.validate(notebook)
        with replacing(path) as temporary:
            nbformat.write(notebook, temporary)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--timeout", type=int, default=300, help="seconds for one cell")
    options = parser.parse_args()
    failed = False
    for path in options.notebooks:
        found = run(path, timeout=options.timeout)
        size = path.stat().st_size / 1024
        print(f"{path.name}: {'FAILED, left as it was' if found else f'ok, {size:.0f} kB'}")
        for problem in found:
            print("  " + problem)
        failed |= bool(found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
