"""A review in JupyterLab in a real browser: by keyboard alone, one key a clip that is right."""

from __future__ import annotations

import shutil
import statistics

import labbrowser
import pytest
import workshop

from lab_utils.corpus.manifest import Manifest

pytestmark = pytest.mark.browser

CELL = """from lab_utils.widgets import Reviewer
Reviewer("outputs/review", by="anna")"""
SAID = {
    "wrong": ("Nobody ever said this.", "Something else was spoken here."),
    "noise": ("No words are in here.", "All of the words were heard."),
    "doubt": ("Four of these words were misheard.", "Four of those words were misheard."),
    **{f"right-{i}": (f"Sentence {i} is right.", f"Sentence {i} is right.") for i in range(9)},
}
PLAYS = "() => !document.querySelector('.whisper-lab-review audio').paused"
PLAYED = """() => { const began = performance.now();
  window.played = new Promise((done) => document.addEventListener("whisper-lab-play",
    () => done(performance.now() - began), { once: true })) }"""


@pytest.fixture
def opened(lab, chromium):
    folder = lab.root / "notebooks" / "outputs" / "review"
    shutil.rmtree(folder, ignore_errors=True)
    workshop.murmured(folder, SAID)
    path = lab.write("review.ipynb", CELL)
    page = labbrowser.LabPage(chromium, lab).open(path).run_all()
    page.page.get_by_text("Clip 1 of 12").wait_for()
    yield page, folder
    page.close()


def test_a_corpus_is_reviewed_by_keyboard(opened, axe):
    studio, folder = opened
    page, keys = studio.page, studio.page.keyboard
    box = page.locator(".whisper-lab-review")
    status, text = box.locator(".wl-status"), box.get_by_label("Text", exact=True)

    def verdicts() -> dict[str, tuple[str, str, str]]:
        clips = Manifest.load(folder).clips
        return {c.id: (c.verdict, c.text, c.reviewed_by) for c in clips if c.verdict}

    for theme in labbrowser.THEMES:
        assert studio.theme(theme).axe(axe) == []
        assert studio.resize(1024).too_wide() == []
    studio.resize(1280)
    cells = page.locator(".jp-Cell").count()
    assert box.locator("del").all_inner_texts() == ["Nobody ever said this."]
    assert "error rate" in box.locator("li").all_inner_texts()[0]

    box.get_by_role("button", name="Accept").focus()
    keys.press("p")
    page.wait_for_function(PLAYS)
    keys.press("e")
    keys.press("ControlOrMeta+a")
    keys.type("Nonsense")
    keys.press("Escape")
    assert text.input_value() == "Nobody ever said this."
    keys.press("e")
    keys.press("ControlOrMeta+a")
    keys.type("Something else was spoken here.")
    box.get_by_text("the same words").wait_for()  # marked anew while one writes
    keys.press("Alt+p")
    keys.press("Enter")
    page.get_by_text("Clip 2 of 12").wait_for()
    page.wait_for_function(PLAYS)  # the next plays by itself
    assert page.evaluate("document.activeElement.textContent") == "Accept"

    cyrillic = {"key": "к", "code": "KeyR", "bubbles": True}  # R by its place on the keyboard
    page.locator(":focus").dispatch_event("keydown", cyrillic)
    page.get_by_text("Clip 3 of 12").wait_for()
    keys.press("u")
    page.get_by_text("Clip 2 of 12").wait_for()
    assert set(verdicts()) == {"wrong"}
    keys.press("R")
    page.get_by_text("Clip 3 of 12").wait_for()
    keys.press("e")
    keys.type("x")
    box.get_by_role("button", name="Next").focus()
    keys.press("Enter")
    status.filter(has_text="The text was changed").wait_for()
    text.focus()
    keys.press("Escape")
    keys.press("ArrowLeft")
    page.get_by_text("rejected by anna").wait_for()
    keys.press("ArrowRight")
    page.get_by_text("Clip 3 of 12").wait_for()
    keys.press("Enter")
    page.get_by_text("Clip 4 of 12").wait_for()
    assert verdicts() == {
        "wrong": ("accepted", "Something else was spoken here.", "anna"),
        "noise": ("rejected", "No words are in here.", "anna"),
        "doubt": ("accepted", "Four of these words were misheard.", "anna"),
    }

    keys.down("Enter")
    page.get_by_text("Clip 5 of 12").wait_for()
    keys.down("Enter")  # held down: what comes next was not heard
    page.wait_for_timeout(500)
    keys.up("Enter")
    assert page.get_by_text("Clip 5 of 12").is_visible()

    waits = []
    for position in range(6, 13):  # right clips: one key each
        page.evaluate(PLAYED)
        keys.press("Enter")
        waits.append(page.evaluate("window.played"))
        page.get_by_text(f"Clip {position} of 12").wait_for()
    print(f"from the key to the next clip's sound: {statistics.median(waits):.0f} ms (median)")
    assert statistics.median(waits) < 1500
    keys.press("Enter")
    status.filter(has_text="All done. Accepted").wait_for()
    assert len(verdicts()) == 12
    assert page.locator(".jp-Cell").count() == cells, "no key reached the notebook"
    assert studio.kernel_said() == [] and studio.page_errors == [] and studio.strangers == []


def test_what_python_refuses_is_said_and_the_text_stays(opened):
    studio, folder = opened
    page, keys = studio.page, studio.page.keyboard
    box = page.locator(".whisper-lab-review")
    (folder / "manifest.csv").write_bytes((folder / "manifest.csv").read_bytes() + b"\n")
    box.get_by_label("Text", exact=True).focus()
    keys.press("End")
    keys.type(" And more")
    keys.press("Enter")
    box.locator(".wl-status").filter(has_text="Open the review again").wait_for()
    assert box.get_by_label("Text", exact=True).input_value().endswith(" And more")
    assert page.get_by_text("Clip 1 of 12").is_visible()
