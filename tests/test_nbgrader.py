"""The two editions for nbgrader, and a whole round with four invented submissions, offline."""

from __future__ import annotations

import copy
import csv
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lab_utils import audio, exercises
from lab_utils.classroom import editions
from lab_utils.errors import ExerciseError, SetupError

pytest.importorskip("nbgrader", reason="the extra 'classroom' is not installed")
from lab_utils.classroom import collect  # noqa: E402

pytestmark = pytest.mark.slow

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
LAB = "02_transcribe"  # its exercises need no model
SHADOW = """class Anything:
    def __getattr__(self, name):
        return self
    def __call__(self, *args):
        return self
exercises = Anything()
"""  #: a learner's own "exercises", to whom every answer is right


@pytest.fixture(autouse=True, scope="module")
def own_progress(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("progress") / "progress.json"
        patch.setenv("WHISPER_LAB_PROGRESS", str(path))
        voice = path.parent / "my recordings"
        patch.setenv("WHISPER_LAB_RECORDINGS", str(voice))
        voice.mkdir()
        audio.save_wav(voice / "my-voice-recorded.wav", np.full(8000, 0.1, np.float32), sr=16_000)
        yield path


@pytest.fixture(scope="module")
def lab() -> nbformat.NotebookNode:
    """A small lab: only the exercises of lab 02, as they stand in its notebook."""
    notebook = new_notebook()
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
    }
    notebook.cells.append(new_code_cell("from lab_utils import exercises"))
    notebook.cells.append(new_code_cell("from lab_utils.widgets import my_voice\nmy_voice();"))
    for exercise in exercises.of_lab(LAB):
        notebook.cells += [
            new_markdown_cell(f"### Exercise\n\n{exercise.task}", id=f"ex-{exercise.name}-task"),
            new_code_cell(exercise.setup or "pass"),
            new_code_cell(exercise.stub, id=f"ex-{exercise.name}"),
            new_code_cell(exercise.cell, id=f"ex-{exercise.name}-check"),
            new_code_cell("# help", id=f"ex-{exercise.name}-help"),
        ]
    notebook.cells.append(new_code_cell(f'exercises.progress("{LAB}")'))
    return notebook


def answered(notebook, answers: dict[str, str]):
    """The notebook with the code of some exercises' stub cells replaced, as a learner would."""
    done = copy.deepcopy(notebook)
    for cell in done.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        key = grade_id.replace("-", ".")
        if key in answers:
            cell.source = answers[key]
    return done


def test_marks_are_valid_and_marking_twice_changes_nothing(lab):
    from nbgrader.nbgraderformat import MetadataValidator

    marked = editions.mark(copy.deepcopy(lab), lab=LAB)
    assert editions.mark(copy.deepcopy(marked), lab=LAB) == marked
    for cell in marked.cells:
        MetadataValidator().validate_cell(cell)
    marks = [cell.metadata["nbgrader"] for cell in marked.cells if "nbgrader" in cell.metadata]
    assert len(marks) == 3 * len(exercises.of_lab(LAB))
    assert len({mark["grade_id"] for mark in marks}) == len(marks)
    graded = [mark for mark in marks if mark["grade"]]
    assert len(graded) == len(exercises.of_lab(LAB))
    assert all(mark["locked"] and mark["points"] >= 1 for mark in graded)


def test_the_notebooks_run_is_not_changed_by_the_marks(lab):
    marked = editions.mark(copy.deepcopy(lab), lab=LAB)
    assert [cell.source for cell in marked.cells] == [cell.source for cell in lab.cells]


def test_a_lab_that_lacks_a_cell_is_refused(lab):
    broken = copy.deepcopy(lab)
    first = exercises.of_lab(LAB)[0]
    broken.cells = [cell for cell in broken.cells if cell.source != first.cell]
    with pytest.raises(ExerciseError, match=f"{first.key}: expected the cells ex-option-check in"):
        editions.mark(broken, lab=LAB)


def test_a_formatter_may_change_quotes_and_comments_of_a_stub(lab):
    formatted = copy.deepcopy(lab)
    [stub] = [cell for cell in formatted.cells if cell.source.startswith("def timecode")]
    stub.source = stub.source.replace('"""', "'''") + "  # here"
    assert editions.mark(formatted, lab=LAB).cells[formatted.cells.index(stub)].metadata.nbgrader
    assert not editions.leaks(formatted, lab=LAB)


def test_the_teachers_edition_holds_solutions_and_hidden_tests(lab):
    teacher = editions.source_edition(lab, lab=LAB)
    text = "\n".join(cell.source for cell in teacher.cells)
    for exercise in exercises.of_lab(LAB):
        assert exercise.solution_code in text
        assert f'find("{exercise.key}").grade({exercise.variable})' in text
    assert editions.leaks(teacher, lab=LAB)


@pytest.fixture(scope="module")
def course(lab, tmp_path_factory) -> Path:
    """One round: generate, hand in, refuse a wrong name, collect, autograde, feedback, export."""
    folder = tmp_path_factory.mktemp("course")
    notebooks = tmp_path_factory.mktemp("notebooks")
    nbformat.write(lab, notebooks / f"{LAB}.ipynb")
    editions.make_course(folder, [LAB], notebooks=notebooks)
    released = nbformat.read(editions.generate(folder, LAB), as_version=4)

    found = exercises.of_lab(LAB)
    right = {exercise.key: exercise.solution_code for exercise in found}
    wrong = {exercise.key: exercise.mistakes[0].code for exercise in found}
    tampered = answered(released, wrong | {found[0].key: SHADOW + wrong[found[0].key]})
    for cell in tampered.cells:
        if ".check(" in cell.source:
            cell.source = "print('Correct.')"
    submissions = {
        "éloïse": answered(released, right),
        "untouched": released,
        "typical": answered(released, wrong | {found[0].key: right[found[0].key]}),
        "tampered": tampered,
    }
    archive = folder / "downloaded" / LAB / "archive"
    archive.mkdir(parents=True)
    for name, notebook in submissions.items():
        nbformat.write(notebook, archive / f"{name}_{LAB}.ipynb")
    wrong_name = archive / f"jose_garcia_{LAB}.ipynb"
    nbformat.write(released, wrong_name)
    with pytest.raises(
        SetupError, match=f"nbgrader zip_collect {LAB}' failed: .*{wrong_name.name}"
    ):
        editions.nbgrader(folder, "zip_collect", LAB)
    assert not (folder / "submitted").exists(), "nothing was collected"
    wrong_name.unlink()
    editions.nbgrader(folder, "zip_collect", LAB)
    editions.nbgrader(folder, "autograde", LAB, "--create")
    editions.nbgrader(folder, "generate_feedback", LAB)
    editions.nbgrader(folder, "export")
    return folder


def scores(course: Path) -> dict[str, float]:
    with open(course / "grades.csv", encoding="utf-8") as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


def test_the_learners_edition_gives_nothing_away(course, lab):
    released = nbformat.read(course / "release" / LAB / f"{LAB}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in released.cells)
    for marker in ("SOLUTION", "HIDDEN", ".grade("):
        assert marker not in text
    for exercise in exercises.of_lab(LAB):
        assert exercise.solution_code not in text
    ours = [cell.source.strip() for cell in lab.cells]
    assert [cell.source.strip() for cell in released.cells] == ours


def test_points_of_four_submissions(course):
    total = sum(exercise.points for exercise in exercises.of_lab(LAB))
    first = exercises.of_lab(LAB)[0].points
    expected = {"éloïse": total, "untouched": 0, "typical": first, "tampered": 0}
    assert scores(course) == expected


def test_feedback_names_the_mistake(course):
    feedback = (course / "feedback" / "typical" / LAB / f"{LAB}.html").read_text("utf-8")
    second = exercises.of_lab(LAB)[1].mistakes[0]
    assert second.message in feedback


def test_grading_leaves_the_teachers_progress_alone(course, own_progress):
    assert not own_progress.exists()


def test_feedback_has_nothing_of_the_teachers_own_voice(course):
    pages = list((course / "feedback").rglob("*.html"))
    assert len(pages) == 4
    for page in pages:
        text = page.read_text("utf-8")
        assert "no recording of yours yet" in text
        assert "Your recording" not in text and "my recordings" not in text


def test_settings_of_an_earlier_version_are_replaced_and_changed_ones_refused(tmp_path):
    path = tmp_path / "nbgrader_config.py"
    editions.write_config(path)
    assert "WHISPER_LAB_RECORDINGS" in path.read_text("utf-8")
    own = path.read_text("utf-8") + "c.Validator.indent = '  '\n"
    path.write_text(own, "utf-8")
    editions.write_config(path)
    assert path.read_text("utf-8") == own
    path.write_text("c = get_config()\n", "utf-8")
    with pytest.raises(SetupError, match="your own recordings"):
        editions.write_config(path)
    assert path.read_text("utf-8") == "c = get_config()\n"


WRONG_NAMES = (
    f"jose_garcia_{LAB}", LAB, f"_{LAB}", f"ada_{LAB}_2", "ada_03_decode", "ada", f"nul_{LAB}",
    f"ada-{LAB}", f" ada_{LAB}", f"ada_{LAB} (1)",
)  # fmt: skip


def test_a_submission_is_named_learner_and_lab(tmp_path):
    for name in (*WRONG_NAMES, f"ada_{LAB}", f"éloïse_{LAB}", f"a.b-c d_{LAB}"):
        (tmp_path / f"{name}.ipynb").touch()
    named = [line.split(".ipynb")[0] for line in collect.problems(tmp_path, lab=LAB)]
    assert sorted(named) == sorted(WRONG_NAMES)


@pytest.mark.parametrize("lab", exercises.TOPICS)
def test_nbgrader_turns_the_teachers_edition_of_each_lab_back_into_ours(lab):
    from nbgrader.preprocessors import CheckCellMetadata, ClearHiddenTests, ClearSolutions

    ours = nbformat.read(NOTEBOOKS / f"{lab}.ipynb", as_version=4)
    edition = editions.source_edition(ours, lab=lab)
    assert len(editions.leaks(edition, lab=lab)) == 2 * len(exercises.of_lab(lab))
    for kind in (CheckCellMetadata, ClearSolutions, ClearHiddenTests):
        step = kind(code_stub={"python": ""}) if kind is ClearSolutions else kind()
        edition, _ = step.preprocess(edition, {})
    assert not editions.leaks(edition, lab=lab)
    for theirs, cell in zip(edition.cells, ours.cells, strict=True):
        assert theirs.source.strip() == cell.source.strip()
