"""What goes into an exported page, and what does not: files of the project, no others."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys

import nbformat
import numpy as np
import pytest

from lab_utils import audio, samples
from lab_utils.errors import LabError

TOOL = samples.assets_dir().parent / "tools" / "export_page.py"
SECRET = b"a private file of this machine"


@pytest.fixture
def export_page(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOL.parent))
    import export_page

    return export_page


@pytest.fixture
def folder(tmp_path):
    """A folder of notebooks with an output, beside it what is none of theirs."""
    (tmp_path / "secret.png").write_bytes(SECRET)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret.png").write_bytes(SECRET)
    folder = tmp_path / "notebooks"
    (folder / "outputs").mkdir(parents=True)
    (folder / "outputs" / "mine.png").write_bytes(b"a picture of this notebook")
    (folder / "outputs" / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "outputs" / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "secret.png").write_bytes(SECRET)
    return folder


def notebook(folder, *, markup: str = "", text: str = ""):
    """A notebook whose one output is ``markup``, after a cell of Markdown."""
    output = nbformat.v4.new_output("display_data", {"text/html": markup})
    code = nbformat.v4.new_code_cell("1", outputs=[output], execution_count=1, id="the-cell")
    path = folder / "lab.ipynb"
    cells = [nbformat.v4.new_markdown_cell(text, id="the-text"), code]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


REFERENCES = {
    "absolute": "{root}/secret.png",
    "system": "/etc/hostname",
    "up": "../secret.png",
    "up from outputs": "outputs/../../secret.png",
    "up, quoted": "%2e%2e/secret.png",
    "up, as entities": "&#46;&#46;/secret.png",
    "link": "outputs/link.png",
    "linked folder": "outputs/linked/secret.png",
    "beside the notebook": "secret.png",
    "file": "file://{root}/secret.png",
    "FILE": "FILE:{root}/secret.png",
    "http": "http://127.0.0.1:9/x.png",
    "no scheme": "//127.0.0.1:9/x.png",
    "blanks": "  ../secret.png",
    "missing": "outputs/none.png",
}
TAGS = {
    "img": '<img alt="x" src="{}">',
    "single quotes": "<img alt='x' src='{}'>",
    "no quotes": "<IMG alt=x SRC={}>",
    "two lines": '<img\nalt="x"\nsrc\n=\n"{}"\n>',
    "audio": '<audio controls src="{}"></audio>',
    "video": '<video poster="{}"></video>',
    "object": '<object data="{}"></object>',
    "frame": '<iframe src="{}"></iframe>',
    "srcset": '<img alt="x" srcset="{} 2x">',
    "svg": '<svg><image href="{}"/></svg>',
    "style": "<style>p {{ background: url('{}') }}</style>",
    "attribute": '<p style="background: url({})">x</p>',
    "sheet": '<link rel="stylesheet" href="{}">',
}


@pytest.mark.parametrize("reference", REFERENCES)
def test_what_is_not_the_projects_is_refused_with_its_cell(export_page, folder, reference):
    path = notebook(folder, markup=TAGS["img"].format(REFERENCES[reference]).format(
        root=folder.parent.as_posix()))  # fmt: skip
    with pytest.raises(LabError, match="cell the-cell: "):
        export_page.export(path, folder.parent / "pages", as_is=True)
    assert not (folder.parent / "pages").exists()


@pytest.mark.parametrize("tag", TAGS)
def test_no_tag_brings_a_file_of_somebody_else(export_page, folder, tag):
    path = notebook(folder, markup=TAGS[tag].format("../secret.png"))
    with pytest.raises(LabError, match=r"cell the-cell: \.\./secret"):
        export_page.export(path, folder.parent / "pages", as_is=True)


@pytest.mark.parametrize("text", ["![x](../secret.png)", '<img src="/etc/hostname">'])
def test_text_cells_are_looked_at_too(export_page, folder, text):
    with pytest.raises(LabError, match="cell the-text: "):
        export_page.export(notebook(folder, text=text), folder.parent / "pages", as_is=True)


@pytest.mark.slow
def test_the_command_refuses_and_writes_nothing(folder):
    path = notebook(folder, markup='<img alt="x" src="../secret.png">')
    out = folder.parent / "pages"
    command = [sys.executable, str(TOOL), str(path), "--as-is", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not out.exists()
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "cell the-cell: ../secret.png" in done.stderr


def test_the_projects_own_files_go_in(export_page, folder):
    clip = os.path.relpath(samples.path("en_mic"), folder)
    markup = (
        f'<img alt="src=&quot;x&quot;" src="outputs/mine.png"><audio controls src="{clip}"></audio>'
        '<audio src="outputs/later.wav"></audio><a href="https://example.org/">a link</a>'
    )
    page = export_page.export(notebook(folder, markup=markup), folder.parent / "pages", as_is=True)
    text = page.read_text("utf-8")
    assert base64.b64encode(b"a picture of this notebook").decode() in text
    assert 'alt="src=&quot;x&quot;"' in text
    assert "data:audio/flac;base64," in text
    assert text.count(export_page.NO_SOUND) == 1
    assert "https://example.org/" in text


VOICE = "from lab_utils.widgets import my_voice, play\ny, sr = my_voice()"
PLAY = "play(y, sr=sr, label='My voice')"


@pytest.fixture
def own_voice(tmp_path, monkeypatch):
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    y = np.full(48_000, 0.1, np.float32)
    audio.save_wav(recordings / "my-voice-recorded.wav", y, sr=16_000)
    monkeypatch.setenv("WHISPER_LAB_RECORDINGS", str(recordings))
    cells = [nbformat.v4.new_code_cell(cell) for cell in (VOICE, PLAY)]
    path = tmp_path / "00_voice.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.mark.parametrize("asked", [False, True])
def test_the_readers_own_voice_is_exported_only_if_asked(export_page, own_voice, asked):
    options = {"own_voice": True} if asked else {}
    text = export_page.export(own_voice, own_voice.parent / "pages", **options).read_text("utf-8")
    duration = float(re.search(r'"duration": ([\d.]+)', text)[1])
    assert ("Your recording, 3.0 s" in text) == asked
    assert (duration == 3.0) == asked


@pytest.mark.slow
def test_a_notebook_run_for_the_repository_has_nobodys_voice(own_voice, monkeypatch):
    monkeypatch.syspath_prepend(str(TOOL.parent))
    import run_notebook

    assert run_notebook.run(own_voice, timeout=120) == []
    text = own_voice.read_text("utf-8")
    assert "no recording of yours yet" in text and "Your recording" not in text


def test_the_offline_folder_takes_no_recordings_along(tmp_path, monkeypatch):
    """Earlier versions kept them in ~/whisper-lab/recordings, where the offline clone is too."""
    from lab_utils.classroom import bundle

    project = tmp_path / "whisper-lab"
    (project / "recordings").mkdir(parents=True)
    (project / "recordings" / "my-voice-recorded.wav").write_bytes(b"a voice")
    (project / "README.md").write_text("x")
    monkeypatch.setattr(bundle.shutil, "which", lambda name: None)  # no git
    bundle.copy_project(project, tmp_path / "stick")
    assert [path.name for path in (tmp_path / "stick").rglob("*")] == ["README.md"]
