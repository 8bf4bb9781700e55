"""The recording studio in JupyterLab in a real browser, with a microphone that reads aloud."""

from __future__ import annotations

import labbrowser
import pytest
import studio_session

from lab_utils.corpus import check, pipeline, rules
from lab_utils.corpus.manifest import Manifest

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def playing(tmp_path_factory):
    """What the microphone plays, and its file."""
    path = tmp_path_factory.mktemp("microphone") / "microphone.wav"
    return studio_session.microphone(path, 2, pause=12.0), path


@pytest.fixture(scope="module")
def reader(playwright, playing):
    """A browser of its own: the microphone must begin at the beginning."""
    browser = labbrowser.launch(playwright, flags=labbrowser.microphone_flags(playing[1]))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def studio(lab, reader, playing, tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio") / "corpus"
    sentences = [*playing[0].sentences, "One more."]
    cell = studio_session.CELL.format(sentences=sentences, folder=str(folder), model=None)
    page = labbrowser.LabPage(reader, lab)
    page.page.add_init_script(studio_session.OPENED)
    page.open(lab.write("recording_studio.ipynb", cell)).run_all()
    page.folder = folder
    yield page
    page.close()


def test_two_sentences_are_read_by_keyboard_and_become_a_corpus(studio, playing, axe):
    page = studio.page
    assert not page.get_by_role("button", name="● Record").is_visible(), "consent comes first"
    assert studio.axe(axe) == []
    studio_session.agree(page)
    assert page.evaluate("document.activeElement.textContent") == "● Record"
    steps = studio_session.read_aloud(page, playing[0])
    assert [step.said[:5] for step in steps] == ["Good:", "Good:"], [step.said for step in steps]
    assert max(step.checking + step.accepting for step in steps) < 11
    corpus = Manifest.load(studio.folder)
    assert [clip.text for clip in corpus.clips] == list(playing[0].sentences)
    assert {clip.licence for clip in corpus.clips} == {"CC0"}
    assert check.check(corpus, rules.VOICE.without("count")).findings == ()
    page.keyboard.press("Enter")  # once too often
    assert page.get_by_role("button", name="● Record").is_visible()
    page.get_by_text("2 in the corpus").wait_for()
    assert page.get_by_text("microphone open").is_visible()
    page.keyboard.press("Escape")
    page.get_by_text("microphone open").wait_for(state="hidden")


def test_a_bad_take_is_told_and_another_one_offered(studio):
    """The microphone begins anew with two seconds of silence; the first sending is refused."""
    page = studio.page
    with pipeline.at_work(studio.folder):
        page.keyboard.press("Space")
        page.get_by_role("button", name="■ Stop").wait_for()
        page.wait_for_timeout(600)
        page.keyboard.press("Space")
        refused = page.locator(".whisper-lab-studio").get_by_role("status")
        refused.filter(has_text="Another run is at work").wait_for()
    page.get_by_role("button", name="Send again").click()
    told = page.locator(".whisper-lab-studio").get_by_role("listitem")
    told.filter(has_text="No speech").wait_for(timeout=30_000)
    assert not page.get_by_role("button", name="Accept", exact=True).is_visible()
    assert not page.get_by_role("button", name="Send again").is_visible()
    assert page.evaluate("document.activeElement.textContent") == "● Record"
    assert len(list((studio.folder / "takes").glob("*.new.flac"))) == 1
    page.get_by_role("button", name="Discard the take").click()
    told.wait_for(state="detached")
    assert not list((studio.folder / "takes").glob("*.new.flac"))


@pytest.mark.parametrize("theme", labbrowser.THEMES)
def test_the_studio_is_accessible_and_fits(studio, axe, theme):
    page = studio.page
    page.keyboard.press("ArrowLeft")  # a clip: the player and "Take it out" are there
    page.get_by_role("button", name="Take it out of the corpus").wait_for()
    studio.theme(theme)
    for width in (1024, 1600):
        assert studio.resize(width).too_wide() == []
    assert studio.axe(axe) == []
    studio.theme("light").resize(1280)


def test_a_session_goes_on_in_a_new_kernel(studio, playing):
    page = studio.page
    page.evaluate(f"async () => {{ await {labbrowser.KERNEL}.restart() }}")
    page.wait_for_function(f"() => {labbrowser.KERNEL}.status === 'idle'", timeout=60_000)
    studio.run_all()
    page.get_by_text("Sentence 3 of 3 (not read yet). 2 in the corpus").wait_for()
    assert page.get_by_role("button", name="● Record").is_visible(), "consent was given before"
    assert studio.cell_errors() == [] and studio.kernel_said() == []
    assert studio.page_errors == [] and studio.strangers == []
