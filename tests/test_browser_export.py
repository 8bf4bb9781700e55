"""Exported pages opened offline: pictures there, sound inside, nothing asked from anywhere."""

from __future__ import annotations

import labbrowser
import nbformat
import pytest

from lab_utils import samples

pytestmark = pytest.mark.browser

LABS = sorted((labbrowser.REPOSITORY / "notebooks").glob("*.ipynb"))
LIT = ".whisper-lab-player .wl-words [aria-current=true]"


@pytest.fixture(scope="module")
def export_page():
    import export_page

    return export_page


@pytest.fixture
def offline(chromium):
    """``offline(file)``: the page of a file, without a network; what it asked for, what failed."""
    context = chromium.new_context(offline=True, viewport={"width": 1100, "height": 900})
    asked: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: asked.append(f"failed: {request.url}"))
    page.on("pageerror", lambda error: asked.append(f"error: {error}"))

    def open_file(file):
        page.goto(file.as_uri())
        page.evaluate(
            "() => Promise.all([...document.images].map((img) => img.decode().catch(() => 0)))"
        )
        return page, asked

    yield open_file
    context.close()


def strangers(asked: list[str]) -> list[str]:
    return [url[:200] for url in asked if not url.startswith(("file:", "data:", "blob:"))]


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_exported_lab_has_its_pictures_offline(export_page, offline, tmp_path, path):
    file = export_page.export(path, tmp_path, as_is=True)
    page, asked = offline(file)
    assert strangers(asked) == []
    notebook = nbformat.read(path, as_version=4)
    html = "".join(
        "".join(output.get("data", {}).get("text/html", ""))
        for cell in notebook.cells
        for output in cell.get("outputs", ())
    )
    sizes = page.evaluate("() => [...document.images].map((img) => [img.alt, img.naturalWidth])")
    assert len(sizes) >= html.count("<img ")
    assert [alt for alt, width in sizes if not width] == []
    assert [alt for alt, _ in sizes if not alt.strip() or "No description" in alt] == []
    sources = page.evaluate("() => [...document.querySelectorAll('audio')].map((a) => a.src)")
    assert [source[:80] for source in sources if source.startswith("file:")] == []


def test_exported_player_plays_offline(export_page, offline, tmp_path):
    cells = [
        "from lab_utils import samples\nfrom lab_utils.transcripts import Word\n"
        "from lab_utils.widgets import play, my_voice, Recorder\n"
        "words = [Word(f' w{i}', 0.4 * i, 0.4 * i + 0.4, 0.9) for i in range(8)]",
        "play(samples.path('en_mic'), transcript=words, label='The microphone')",
        "Recorder()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    source = tmp_path / "00_player.ipynb"
    nbformat.write(notebook, source)
    before = source.read_bytes()
    page, asked = offline(export_page.export(source, tmp_path / "pages"))
    assert source.read_bytes() == before
    page.get_by_role("button", name="▶ Play").click()
    page.wait_for_function(f"() => document.querySelector('{LIT}')?.textContent === 'w3'")
    assert page.get_by_text("voice recorder: record or upload").is_visible()
    assert strangers(asked) == []


def test_player_page_plays_offline(offline, tmp_path):
    from lab_utils.transcripts import Word
    from lab_utils.widgets import player_html

    words = [Word(f" w{i}", 0.4 * i, 0.4 * i + 0.4, 0.9) for i in range(8)]
    file = tmp_path / "player.html"
    markup = player_html(
        samples.path("en_mic"), transcript=words, label="</script>", view="mel", page=True
    )
    file.write_text(markup, encoding="utf-8")
    page, asked = offline(file)
    page.get_by_role("slider").focus()
    page.keyboard.press("Space")
    page.wait_for_function(f"() => document.querySelector('{LIT}')?.textContent === 'w3'")
    assert strangers(asked) == []
