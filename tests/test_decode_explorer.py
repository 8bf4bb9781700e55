"""The decode explorer: its Python half alone, then moved by keyboard in a real browser."""

from __future__ import annotations

import io

import labbrowser
import numpy as np
import pytest
import soundfile

from lab_utils import decoding, samples
from lab_utils.errors import LabError
from lab_utils.models import load_model
from lab_utils.widgets.decode_explorer import DecodeExplorer, explore

pytestmark = pytest.mark.model

BOX = ".whisper-lab-explorer"
SETUP = """
from lab_utils import samples
from lab_utils.models import load_model
from lab_utils.widgets.decode_explorer import explore
"""
SHOW = "x = explore(samples.path('en_story_wav'), load_model('tiny.en'))\nx"


@pytest.fixture(scope="module")
def window():
    return decoding.encode(samples.path("en_joe"), load_model("tiny.en"))


@pytest.fixture
def explorer(window):
    return DecodeExplorer(window)


# --- the Python half --------------------------------------------------------------------------


def test_it_shows_the_models_own_path(explorer, window):
    path = decoding.trace(window)
    assert explorer.trace.tokens == path.tokens
    assert [s["token"] for s in explorer.path["steps"]] == [s.token for s in path.steps]
    assert explorer.path["text"] == path.text == explorer.first_path["text"]
    assert all(0 <= v <= 100 for s in explorer.path["steps"] for v in s["curve"])
    y, sr = soundfile.read(io.BytesIO(explorer.sound))
    assert sr == 16000 and len(y) == len(window.y)
    mel = np.frombuffer(explorer.picture, np.uint8).reshape(explorer.facts["rows"], -1)
    assert mel.shape == (80, 2 * window.n_positions) and (mel.min(), mel.max()) == (0, 255)
    assert repr(explorer).startswith("[decode explorer: ")


def test_forcing_and_going_back(explorer):
    own = explorer.trace
    place, other = next(
        (i, a)
        for i, s in enumerate(own.steps)
        for a in s.alternatives
        if s.kind == "text" and a.token != s.token
    )
    branch = explorer.force(place, other.text)
    assert branch.tokens[: place + 1] == (*own.tokens[:place], other.token)
    assert explorer.step == place
    assert explorer.path["steps"][place]["forced"]
    assert explorer.first_path["text"] == own.text
    assert explorer.reset().tokens == own.tokens
    with pytest.raises(LabError, match="Expected one of"):
        explorer.force(place, "no such token")


def test_options_decode_anew_and_errors_are_told(explorer):
    explorer.beam_size = 2
    explorer.options = explorer.options | {"without_timestamps": True}
    assert explorer.trace.start[-1] == "<|notimestamps|>"
    assert all(s.kind != "timestamp" for s in explorer.trace.steps)
    assert explorer.beam_size == 0 and explorer.tree == {}
    before = explorer.trace
    explorer.options = explorer.options | {"language": "de"}
    assert "knows only English" in explorer.status
    assert explorer.trace is before


def test_the_tree_goes_to_the_page(explorer, window):
    explorer.beam_size = 2
    search = decoding.beam_search(window, beam_size=2)
    assert [n["status"] for n in explorer.tree["nodes"]] == [n.status for n in search.nodes]
    assert [n["id"] for n in explorer.tree["nodes"] if n["won"]] == sorted(search.best.nodes)
    assert explorer.tree["texts"][0]["text"] == search.text


def test_explore_takes_a_file_and_options():
    found = explore(
        samples.path("en_joe"), load_model("tiny.en"), without_timestamps=True, sample_len=4
    )
    assert len(found.trace.steps) == 4
    assert found.options["without_timestamps"] is True


# --- in a browser -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(lab, chromium):
    path = lab.write("explorer.ipynb", SETUP, SHOW)
    opened = labbrowser.LabPage(chromium, lab).open(path).run_all()
    opened.page.locator(f"{BOX} .token").first.wait_for()
    yield opened
    opened.close()


def text_of(page, part):
    return page.page.locator(f"{BOX} {part}").inner_text()


@pytest.mark.browser
def test_walk_force_listen_search(page):
    """One walk through everything, by keyboard alone."""
    tab, keys = page.page, page.page.keyboard
    tab.get_by_role("listbox").focus()
    for _ in range(4):
        keys.press("ArrowRight")
    assert "step 4 of" in text_of(page, ".place")
    page.until(lambda: page.ask_kernel("print(x.step)").strip() == "4")
    selected = tab.locator(f"{BOX} [aria-selected=true]")
    assert selected.count() == 1
    assert tab.get_by_role("listbox").get_attribute("aria-activedescendant") == (
        selected.get_attribute("id")
    )
    assert "listens from" in tab.locator(f"{BOX} .wl-mel").get_attribute("aria-label")

    keys.press("Enter")  # hear what the token attends to
    tab.wait_for_function(f"() => document.querySelector('{BOX}').dataset.playing")
    start, end = map(float, tab.locator(BOX).get_attribute("data-playing").split("-"))
    span = page.ask_kernel(
        "from lab_utils import decoding; s = decoding.attended(x.trace, 4); print(s.start, s.end)"
    )
    assert (start, end) == pytest.approx(tuple(map(float, span.split())), abs=0.011)

    own = text_of(page, ".texts dd")
    other = tab.locator(f"{BOX} .bar:not(.taken)").first
    word = other.locator(".name").inner_text().strip()
    other.focus()
    keys.press("Enter")
    tab.locator(f"{BOX} .texts dd").nth(1).wait_for()
    changed = tab.locator(f"{BOX} .texts dd").nth(1).inner_text()
    assert word in changed and changed != own
    assert tab.locator(f"{BOX} .token.forced").count() == 1
    assert "step 4 of" in text_of(page, ".place")

    tab.get_by_role("button", name="Back to the model").focus()
    keys.press("Enter")
    tab.wait_for_function(f"() => document.querySelectorAll('{BOX} .texts dd').length === 1")
    tab.wait_for_function(f"() => !document.querySelector('{BOX} .token.forced')")

    tab.locator(f"{BOX} summary").focus()
    keys.press("Enter")
    tab.get_by_label("Keep").select_option("2")
    tab.get_by_role("button", name="Search").focus()
    keys.press("Enter")
    tab.locator(f"{BOX} .chip").first.wait_for(timeout=60_000)
    tab.locator(f"{BOX} .chip[tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        keys.press(key)
    assert tab.evaluate("() => document.activeElement.className").startswith("chip")
    assert "step 2" in tab.evaluate("() => document.activeElement.textContent")
    assert "score" in tab.locator(f"{BOX} details .status").inner_text()
    assert tab.locator(f"{BOX} .chip.pruned").count() > 10


@pytest.mark.browser
def test_options_from_the_page(page):
    tab = page.page
    tab.get_by_label("Time stamps").uncheck()
    tab.wait_for_function(
        f"() => document.querySelector('{BOX} .start').textContent.includes('notimestamps')"
    )
    assert tab.locator(f"{BOX} .token.timestamp").count() == 0
    prompt = tab.get_by_label("Prompt")
    prompt.fill("A talk about ships")
    prompt.press("Enter")
    tab.wait_for_function(
        f"() => document.querySelector('{BOX} .start').textContent.includes('startofprev')"
    )
    prompt.fill("")
    prompt.press("Enter")
    tab.get_by_label("Time stamps").check()
    tab.locator(f"{BOX} .token.timestamp").first.wait_for()


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_themes_width_and_axe(page, axe, theme):
    page.theme(theme)
    for width in (1280, 620):
        page.resize(width)
        assert page.too_wide() == []
    page.resize(1280)
    assert page.axe(axe) == []


@pytest.mark.browser
def test_nothing_complained_and_nothing_was_fetched(page):
    assert page.cell_errors() == []
    assert page.kernel_said() == []
    assert page.page_errors == []
    assert page.strangers == []
