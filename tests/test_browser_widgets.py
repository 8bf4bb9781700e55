"""Recorder and player in JupyterLab in a real browser: microphone, clock, keys, themes, restart."""

from __future__ import annotations

import json
import re

import labbrowser
import pytest

from lab_utils import audio, samples

pytestmark = pytest.mark.browser

SETUP = """
from lab_utils import samples, audio
from lab_utils.transcripts import Word, transcribe
from lab_utils.widgets import play, my_voice, Recorder
"""
RECORDER = "recorder = Recorder()\nrecorder"
VOICE = "y, sr = my_voice(default='en_story_wav')"
WORDS = """
y, sr = audio.load(samples.path("en_mic"))
sure = [1, 0.8, 0.6, 0.3, 1, 1, 1, 1]
words = [Word(f" w{i}", 0.4 * i, 0.4 * i + 0.4, p) for i, p in enumerate(sure)]
play(y, sr=sr, transcript=words, label="Eight words")
"""
MEL = "play(y, sr=sr, label='The same as Whisper hears it', view='mel')"
FIGURE = """
import ipywidgets
from lab_utils import plotting
from lab_utils.widgets.figure import LiveFigure, Slider
picture, slider = LiveFigure(), Slider(label="Height", value=3, options=range(1, 10))
def draw(change=None):
    ax = plotting.new_axes(figsize=(4, 2))
    ax.bar([0], [slider.value])
    ax.set_ylim(0, 10)
    picture.show(ax, alt=f"A bar, {slider.value:.0f} high")
slider.observe(draw, "value")
draw()
ipywidgets.VBox([slider, picture])
"""
PLAYER = ".whisper-lab-player"
LIT = f"{PLAYER} .wl-words [aria-current=true]"


def plain(text: str) -> str:
    """Words only, as Whisper's English normalizer sees them."""
    from whisper.normalizers import EnglishTextNormalizer

    return EnglishTextNormalizer()(text)


@pytest.fixture(scope="module")
def studio(lab, chromium):
    """One notebook with every shared widget, run to the end."""
    path = lab.write("studio.ipynb", SETUP, RECORDER, VOICE, WORDS, MEL, FIGURE)
    page = labbrowser.LabPage(chromium, lab).open(path).run_all()
    yield page
    page.close()


@pytest.fixture
def player(studio):
    """The player with the eight words, at its start."""
    box = studio.page.locator(PLAYER).first
    box.locator("audio").evaluate("(a) => { a.pause(); a.currentTime = 0; a.playbackRate = 1 }")
    return box


def record(page, seconds: float) -> None:
    """Record the microphone for a while, listen, and use it."""
    page.get_by_role("button", name="● Record").click()
    page.get_by_role("button", name="■ Stop").wait_for()
    page.wait_for_timeout(1000 * seconds)
    page.get_by_role("button", name="■ Stop").click()
    page.get_by_role("button", name="Use this").click()
    page.get_by_role("status").filter(has_text="In use").wait_for()


def test_studio_runs_and_asks_no_other_host(studio):
    assert studio.cell_errors() == []
    assert studio.kernel_said() == []
    assert studio.page_errors == []
    assert studio.strangers == []


@pytest.mark.model
def test_recorder_hears_the_microphone(studio, lab):
    page = studio.page
    sample = samples.get("en_mic")
    assert "sample clip en_story_wav" in studio.run_cell(2)
    record(page, sample.duration + 0.2)
    assert "Your recording" in studio.run_cell(2)
    said = studio.ask_kernel("print(transcribe(y, 'tiny.en').text, sr, y.dtype, y.shape)")
    text, shape = re.fullmatch(r"(.*) 16000 float32 \((\d+),\)\s*", said).groups()
    assert plain(text) == plain(sample.text)
    assert sample.duration - 0.5 < int(shape) / 16000 < sample.duration + 2
    assert [f.name for f in (lab.state / "recordings").iterdir()] == ["my-voice-recorded.wav"]

    page.get_by_role("button", name="Delete it").click()
    page.get_by_role("status").filter(has_text="Deleted").wait_for()
    assert list((lab.state / "recordings").iterdir()) == []
    assert "sample clip en_story_wav" in studio.run_cell(2)


def test_recorder_takes_a_file(studio, lab):
    page = studio.page
    page.locator(".whisper-lab-recorder input[type=file]").set_input_files(
        samples.path("en_stereo_44k")
    )
    page.get_by_role("button", name="Use this").click()
    page.get_by_role("status").filter(has_text="In use").wait_for()
    assert "Your uploaded file" in studio.run_cell(2)
    y, sr = audio.load(lab.state / "recordings" / "my-voice-uploaded.wav", sr=None)
    assert sr == 16000
    assert len(y) / sr == pytest.approx(samples.get("en_stereo_44k").duration, abs=0.05)
    page.get_by_role("button", name="Delete it").click()
    page.get_by_role("status").filter(has_text="Deleted").wait_for()


def test_recorder_by_keyboard_and_level_meter(studio):
    page = studio.page
    page.get_by_role("button", name="● Record").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="■ Stop").wait_for()
    page.wait_for_function(
        "() => document.querySelector('.whisper-lab-recorder meter').value > 0.5"
    )
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Discard").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "Use this"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("status").filter(has_text="Discarded").wait_for()
    assert not page.get_by_role("button", name="Use this").is_visible()


def test_a_refused_file_says_what_to_do(studio, tmp_path):
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"no sound in here")
    page = studio.page
    page.locator(".whisper-lab-recorder input[type=file]").set_input_files(broken)
    page.get_by_role("status").filter(has_text="save it as WAV or MP3").wait_for()


def lit_words(page, box, seconds: float) -> list[tuple[float, int]]:
    """Play and note, at every frame, the clock of the sound and the number of the lit word."""
    return box.evaluate(
        """(box, seconds) => new Promise((done) => { const audio = box.querySelector('audio');
          const words = [...box.querySelectorAll('.wl-words .wl-word')]; const seen = [];
          const look = () => { seen.push([audio.currentTime,
              words.findIndex((w) => w.getAttribute('aria-current') === 'true')]);
            if (audio.currentTime >= seconds || audio.ended) { audio.pause(); done(seen); }
            else requestAnimationFrame(look); };
          audio.play().then(look); })""",
        seconds,
    )


def test_lit_word_follows_the_clock(studio, player):
    seen = lit_words(studio.page, player, 2.6)
    assert [t for t, _ in seen][-1] >= 2.6
    late = [t - 0.4 * (int(t / 0.4)) for t, i in seen if i != int(t / 0.4)]
    assert max(late, default=0) < 0.12, "a word is lit within 0.12 s of its start"
    assert {i for _, i in seen} >= set(range(6)), "no word is left out"


def test_nothing_is_lit_before_the_first_touch(lab, chromium, tmp_path):
    from lab_utils.transcripts import Word
    from lab_utils.widgets import player_html

    file = tmp_path / "player.html"
    words = [Word(" a", 0.0, 3.0, 1.0)]
    file.write_text(
        player_html(samples.path("en_mic"), transcript=words, label="x", page=True), "utf-8"
    )
    page = chromium.new_page()
    page.goto(file.as_uri())
    assert page.locator(".wl-caption").inner_text() == "a"
    assert page.locator("[aria-current=true]").count() == 0
    page.get_by_role("slider").press("Home")
    assert page.locator("[aria-current=true]").inner_text() == "a"
    page.close()


def test_player_keys(studio, player):
    page = studio.page
    cells = page.locator(".jp-Cell").count()
    clock = "() => document.querySelector('.whisper-lab-player audio').currentTime"
    stage = player.get_by_role("slider")
    stage.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(clock) == pytest.approx(2.0, abs=0.01)
    assert stage.get_attribute("aria-valuenow") == "2.0"
    assert "w5" in stage.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(clock) == pytest.approx(1.0, abs=0.01)
    page.keyboard.press("End")
    assert page.evaluate(clock) == pytest.approx(samples.get("en_mic").duration, abs=0.05)
    page.keyboard.press("Home")
    assert page.evaluate(clock) == 0
    page.keyboard.press("Space")
    player.get_by_role("button", name="Pause").wait_for()
    page.keyboard.press("Space")
    player.get_by_role("button", name="▶ Play").wait_for()
    page.keyboard.press("b")  # adds a cell where the notebook's own keys are heard
    assert page.locator(".jp-Cell").count() == cells

    player.locator(".wl-word").first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => document.querySelector('{LIT}')?.textContent === 'w4'")
    assert page.evaluate(clock) >= 1.2


def test_player_mouse_speed_and_captions(studio, player):
    page = studio.page
    player.locator(".wl-word", has_text="w2").click()
    page.wait_for_function(f"() => document.querySelector('{LIT}')?.textContent === 'w3'")
    player.locator("audio").evaluate("(a) => a.pause()")
    assert player.locator(".wl-caption .wl-on").inner_text().strip() == "w3"
    player.get_by_label("Captions").uncheck()
    assert not player.locator(".wl-caption").is_visible()
    player.get_by_label("Captions").check()
    player.get_by_label("Speed").select_option(label="1.5×")
    assert player.locator("audio").evaluate("(a) => a.playbackRate") == 1.5
    box = player.get_by_role("slider").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
    middle = samples.get("en_mic").duration / 2
    assert player.locator("audio").evaluate("(a) => a.currentTime") == pytest.approx(
        middle, abs=0.05
    )
    doubts = player.locator(".wl-words .wl-word").evaluate_all(
        "(w) => w.map((x) => x.dataset.doubt)"
    )
    assert doubts == ["0", "1", "2", "3", "0", "0", "0", "0"]


def test_only_one_player_speaks(studio, player):
    second = studio.page.locator(PLAYER).nth(1)
    player.get_by_role("button", name="▶ Play").click()
    player.get_by_role("button", name="Pause").wait_for()
    second.get_by_role("button", name="▶ Play").click()
    player.get_by_role("button", name="▶ Play").wait_for()
    second.get_by_role("button", name="Pause").click()


def test_slider_changes_the_picture(studio):
    page = studio.page
    page.get_by_role("slider", name="Height").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("img", name="A bar, 4 high").wait_for()


@pytest.mark.parametrize("theme", labbrowser.THEMES)
def test_widgets_are_accessible_and_fit(studio, axe, theme):
    studio.theme(theme)
    for width in (1024, 1600):
        assert studio.resize(width).too_wide() == []
    assert studio.axe(axe) == []
    studio.theme("light").resize(1280)


@pytest.mark.model
def test_spliced_words_are_lit_when_they_are_spoken(lab, chromium):
    truth = samples.get("en_spliced").words
    path = lab.write(
        "spliced.ipynb",
        SETUP,
        "clip = samples.path('en_spliced')\n"
        "heard = transcribe(clip, 'base', word_timestamps=True)\n"
        "play(clip, transcript=heard, label='Spliced words')",
    )
    page = labbrowser.LabPage(chromium, lab).open(path).run_all()
    box = page.page.locator(PLAYER)
    words = box.locator(".wl-words .wl-word").all_inner_texts()
    seen = lit_words(page.page, box, truth[-1][2])
    for word, start, end in truth:
        middle = min(seen, key=lambda look: abs(look[0] - (start + end) / 2))
        assert middle[1] >= 0, f"no word is lit while {word!r} is spoken"
        assert plain(words[middle[1]]) == plain(word)
    page.close()


def test_two_views_of_one_player_have_the_sound(lab, chromium):
    made = "from lab_utils.widgets.player import Player\ny, sr = audio.load(samples.path('en_mic'))"
    path = lab.write("views.ipynb", SETUP + made, "one = Player(y, sr=sr, label='x')\none", "one")
    page = labbrowser.LabPage(chromium, lab).open(path).run_all()
    for i in range(2):
        page.page.locator(PLAYER).nth(i).get_by_role("button", name="▶ Play").click()
        page.page.locator(PLAYER).nth(i).get_by_role("button", name="Pause").wait_for()
    assert page.kernel_said() == [] and page.page_errors == []
    page.close()


def test_the_sound_comes_while_the_next_cell_runs(lab, chromium):
    """The page asks the kernel for it: with JupyterLab's subshells it need not wait for Run All."""
    wait = "import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(0.1)"
    play = "play(samples.path('en_mic'), label='x')"
    path = lab.write("busy.ipynb", SETUP, play, wait)
    go = lab.root / "notebooks" / "go"
    page = labbrowser.LabPage(chromium, lab).open(path)
    page.start_all()
    try:
        page.page.locator(f"{PLAYER} audio").wait_for(state="attached", timeout=60_000)
        assert page.page.evaluate(f"() => {labbrowser.KERNEL}.status") == "busy"
    finally:
        go.touch()
    page.wait_all()
    go.unlink()
    page.close()


def test_a_notebook_saved_with_widget_state_holds_no_sound(lab, chromium):
    """ "Save Widget State Automatically" is on in the menu Settings."""
    path = lab.write("saved.ipynb", SETUP, WORDS)
    page = labbrowser.LabPage(chromium, lab).open(path)
    page.command("@jupyter-widgets/jupyterlab-manager:saveWidgetState")
    page.run_all()
    page.page.locator(f"{PLAYER} audio").wait_for(state="attached")
    page.command("docmanager:save")
    saved = json.loads((lab.root / path).read_text("utf-8"))
    state = saved["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    assert any(model["model_name"] == "AnyModel" for model in state.values())
    assert not any(model.get("buffers") for model in state.values())
    page.close()


def test_restart_is_quiet(studio, player):
    """After a restart the page keeps what it has, and the recorder says what to do."""
    page = studio.page
    page.evaluate(f"async () => {{ await {labbrowser.KERNEL}.restart() }}")
    page.wait_for_function(f"() => {labbrowser.KERNEL}.status === 'idle'", timeout=60_000)
    assert page.locator(".jp-Dialog").count() == 0
    player.get_by_role("button", name="▶ Play").click()
    page.wait_for_function(f"() => document.querySelector('{LIT}')?.textContent === 'w2'")
    player.get_by_role("button", name="Pause").click()
    page.get_by_role("slider", name="Height").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="● Record").click()
    page.get_by_role("button", name="■ Stop").wait_for()
    page.wait_for_timeout(500)
    page.get_by_role("button", name="■ Stop").click()
    page.get_by_role("button", name="Use this").click()
    page.get_by_role("status").filter(has_text="kernel does not answer").wait_for()
    assert page.get_by_role("button", name="Use this").is_enabled(), "the recording is not lost"
    assert studio.page_errors == []


def alone(chromium, page: str, widget: str):
    """A page of its own with a widget's script beside it, without Jupyter."""
    from lab_utils.widgets.messages import script

    tab = chromium.new_context().new_page()

    def serve(name: str, kind: str, body: str) -> None:
        url = f"http://localhost/{name}"
        tab.route(url, lambda route: route.fulfill(content_type=kind, body=body))

    serve("page", "text/html", page)
    serve("widget.js", "text/javascript", script(widget))
    tab.goto("http://localhost/page")
    return tab


FIGURE_PAGE = """<!doctype html><title>figure</title><div id="here"></div><script type="module">
import widget from "./widget.js";
const data = Uint8Array.from({ length: 256 }, (_, level) => level);
const panels = [{ data, rows: 2, label: "", ticks: [], bar: null, cuts: [], line: null }];
const values = { picture: { panels, duration: 1 }, alt: "a ramp", caption: "" };
const model = { get: (name) => values[name], on() {}, off() {} };
widget.render({ model, el: document.getElementById("here") });
</script>"""


def test_a_matrix_is_painted_in_the_colors_of_the_static_figures(chromium):
    import matplotlib
    import numpy as np

    from lab_utils.plotting.style import MAP

    page = alone(chromium, FIGURE_PAGE, "figure")
    pixels = page.get_by_role("img", name="a ramp").locator("canvas").evaluate(
        """(canvas) => { const { width, height } = canvas; const context = canvas.getContext("2d");
          const at = (row, column) => context.getImageData((column + 0.5) * width / 128,
            (row + 0.5) * height / 2, 1, 1).data;
          return [1, 0].map((row) => Array.from({ length: 128 }, (_, i) => [...at(row, i)])); }"""
    )  # fmt: skip
    colors = 255 * matplotlib.colormaps[MAP](np.arange(256))
    assert np.abs(np.reshape(pixels, (256, 4)) - colors).max() <= 1.5, "lowest row at the bottom"
    page.context.close()


RECORDER_PAGE = """<!doctype html><title>recorder</title><div id="here"></div><script type="module">
import widget from "./widget.js";
const values = {{ saved: {{}}, folder: "a folder", place: "", warning: "", limit: 60, prompt: "" }};
const model = {{ get: (name) => values[name], on() {{}}, off() {{}}, send() {{}} }};
{before}
widget.render({{ model, el: document.getElementById("here") }});
</script>"""
REFUSE = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('x', '{}'));"
NO_MICROPHONE = "Object.defineProperty(navigator, 'mediaDevices', { get: () => undefined });"
INSECURE = "Object.defineProperty(window, 'isSecureContext', { get: () => false });"
CODE = "Object.defineProperty(navigator, 'userAgent', { get: () => 'Mozilla Code/1.99' });"


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (REFUSE.format("NotAllowedError"), "allow the microphone for this page"),
        (REFUSE.format("NotFoundError"), "Plug one in"),
        (REFUSE.format("NotReadableError"), "Another program holds the microphone"),
        (REFUSE.format("SecurityError"), "settings forbid microphones"),
        (REFUSE.format("AbortError"), "plug it in"),
        (REFUSE.format("TypeError"), "could not record (TypeError"),
        (NO_MICROPHONE + INSECURE, "only to pages on https or on localhost"),
        (NO_MICROPHONE, "This view of the notebook gives no microphone"),
        (REFUSE.format("NotAllowedError") + CODE, "VS Code's notebook view gives no microphone"),
    ],
)
def test_recorder_says_what_is_wrong_and_what_to_do(chromium, before, says):
    page = alone(chromium, RECORDER_PAGE.format(before=before), "recorder")
    page.get_by_role("button", name="● Record").click()
    status = page.get_by_role("status").filter(has_text=says)
    status.wait_for()
    assert "upload a file" in status.inner_text()
    assert "sample clip" in status.inner_text()
    assert page.get_by_role("button", name="● Record").is_enabled()
    page.context.close()
