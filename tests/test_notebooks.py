"""Every lab keeps the house style, so that the next one can be read like the last.

That each runs from top to bottom with the outputs it shows is tested by nbval, which collects the
notebooks themselves.
"""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from lab_utils.exercises import LABS

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))
LONGEST_CELL = 15
CELL_METADATA = {"tags", "nbgrader"}
TAGS = {"nbval-ignore-output", "raises-exception"}

lab = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def cells(path, kind):
    return [cell for cell in read(path).cells if cell.cell_type == kind]


def headings(path):
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^(#+) (.+)$", text, re.MULTILINE)


def test_all_labs_are_there():
    assert tuple(path.stem for path in NOTEBOOKS) == LABS


@lab
def test_the_parts_stand_in_order(path):
    found = headings(path)
    number = int(path.stem[:2])
    assert found[0][0] == "#" and found[0][1].startswith(f"{number} · ")
    assert sum(level == "#" for level, _ in found) == 1
    sections = [title for level, title in found if level == "##"]
    parts = ["You will learn", "Setup", "Recap", "Sources and next"]
    if number > 1:
        parts.insert(2, "Exercises")
    assert [title for title in sections if title in parts] == parts
    assert 3 <= len(sections) - len(parts) <= 9
    levels = [len(level) for level, _ in found]
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False)), "a level is skipped"
    first = read(path).cells[0].source
    for word in ("**Time**", "**Needs**", "**Next**" if number < 10 else "**Before**"):
        assert word in first


@lab
def test_links_lead_to_labs_and_files_that_exist(path):
    for cell in cells(path, "markdown"):
        for target in re.findall(r"\]\(([^)\s#]+)", cell.source):
            if not re.match(r"https?://|mailto:", target):
                assert (path.parent / target).exists(), f"{cell.id} links to {target}"


@lab
def test_there_is_as_much_text_as_a_class_reads(path):
    words = sum(len(cell.source.split()) for cell in cells(path, "markdown"))
    assert 800 <= words <= 3200, f"{words} words"


@lab
def test_code_cells_are_short(path):
    for cell in cells(path, "code"):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= LONGEST_CELL, f"{cell.id} has {len(lines)} lines"


@lab
def test_every_cell_was_run_in_order_without_error_or_warning(path):
    counts = [cell.execution_count for cell in cells(path, "code") if cell.source.strip()]
    assert counts == list(range(1, len(counts) + 1)), "run it with tools/run_notebook.py"
    for cell in cells(path, "code"):
        for output in cell.outputs:
            assert output.output_type != "error", f"{cell.id} shows an error"
            assert output.get("name") != "stderr", f"{cell.id} shows a warning"


@lab
def test_nothing_of_an_editor_or_a_machine_is_kept(path):
    notebook = read(path)
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert set(cell.metadata) <= CELL_METADATA, cell.id
        assert set(cell.metadata.get("tags", ())) <= TAGS, cell.id
    text = json.dumps([[c.source, c.get("outputs", [])] for c in notebook.cells])
    found = re.findall(r"(?<![\w.:/])/(?:home|root|Users|work|tmp)/[\w./-]+", text)
    assert not found, f"paths of a machine: {found[:3]}"


@lab
def test_it_is_small_enough_for_the_web(path):
    assert path.stat().st_size <= 2**20, f"{path.stat().st_size / 2**20:.2f} MB"


@lab
def test_setup_holds_all_imports(path):
    setup = [c for c in cells(path, "code")][0].source
    assert re.search(r"^(import|from) ", setup, re.MULTILINE)


class Pictures(HTMLParser):
    """Collects the alt text of each picture and the label of each player."""

    def __init__(self):
        super().__init__()
        self.bad = []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "img" and len((values.get("alt") or "").strip()) < 8:
            self.bad.append("picture without alt text")
        if tag == "audio" and not values.get("aria-label"):
            self.bad.append("player without label")
        source = values.get("src") or ""
        if source.startswith("http"):
            self.bad.append(f"loads {source}")


@lab
def test_every_picture_says_what_it_shows_and_no_sound_is_inside(path):
    for cell in cells(path, "code"):
        for output in cell.outputs:
            data = output.get("data", {})
            assert "image/png" not in data, f"{cell.id}: show it with plotting.show(fig, alt=…)"
            page = Pictures()
            page.feed("".join(data.get("text/html", "")))
            assert not page.bad, f"{cell.id}: {page.bad[0]}"
            assert "data:audio" not in data.get("text/html", ""), f"{cell.id} holds sound"
