"""A lab as one HTML file that works without network and Jupyter: pictures, sound, players.

    python tools/export_page.py notebooks/02_transcribe.ipynb [...] --out build/pages

Each lab is run afresh (its file stays as it is), so that its players carry their sound;
``--as-is`` takes the outputs that stand in the file.
"""

from __future__ import annotations

import argparse
import base64
import html
import mimetypes
import os
import re
import sys
import urllib.parse
from pathlib import Path

import nbformat

from lab_utils import audio
from lab_utils.files import replacing

sys.path.insert(0, str(Path(__file__).resolve().parent))

TEMPLATE = """{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
"""
SOURCE = re.compile(r'(<(?:audio|img|source)\b[^>]*?\bsrc=")([^":]+)(")')
PLAYER = re.compile(r'<audio\b[^>]*?\bsrc="([^":]+)"[^>]*></audio>')
NO_SOUND = "<em>(this sound is made when the lab is run)</em>"
LAB_LINK = re.compile(r'(<a\b[^>]*?\bhref="\d\d_\w+)\.ipynb(["#])')


def run(notebook: nbformat.NotebookNode, folder: Path, *, timeout: int) -> None:
    """Execute a notebook in its folder; players are shown as HTML with their sound inside."""
    from nbclient import NotebookClient

    os.environ["WHISPER_LAB_EXPORT"] = "1"
    try:
        NotebookClient(
            notebook,
            timeout=timeout,
            kernel_name="python3",
            store_widget_state=False,
            resources={"metadata": {"path": str(folder)}},
        ).execute()
    finally:
        del os.environ["WHISPER_LAB_EXPORT"]


def data_uri(file: Path) -> str:
    """A file as a data URI; a WAV as FLAC, half its size."""
    data, mime = file.read_bytes(), mimetypes.guess_type(file.name)[0] or "audio/flac"
    if file.suffix == ".wav":
        y, sr = audio.load(file, sr=None, mono=False)
        if y.ndim == 1:
            data, mime = audio.encode(y, sr=sr, format="flac"), "audio/flac"
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def embed(markup: str, folder: Path) -> str:
    """Replace each reference to a file beside the notebook by the file itself.

    A player whose sound is not there, because the lab was not run on this machine, says so.
    """

    def named(reference: str) -> Path:
        return folder / urllib.parse.unquote(html.unescape(reference))

    def replace(match: re.Match) -> str:
        file = named(match[2])
        return match[1] + (data_uri(file) if file.is_file() else match[2]) + match[3]

    markup = PLAYER.sub(lambda m: m[0] if named(m[1]).is_file() else NO_SOUND, markup)
    return SOURCE.sub(replace, markup)


def export(path: Path, out: Path, *, as_is: bool = False, timeout: int = 300) -> Path:
    """Write one lab as an HTML file into ``out``; returns the file."""
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter
    from run_notebook import WIDGET_VIEW

    notebook, folder = nbformat.read(path, as_version=4), path.resolve().parent
    if not as_is:
        run(notebook, folder, timeout=timeout)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(WIDGET_VIEW, None)
    exporter = HTMLExporter(
        extra_loaders=[DictLoader({"page.html.j2": TEMPLATE})], template_file="page.html.j2"
    )
    markup, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": path.stem}})
    markup = LAB_LINK.sub(r"\1.html\2", embed(markup, folder))
    target = out / f"{path.stem}.html"
    with replacing(target) as temporary:
        temporary.write_text(markup, encoding="utf-8")
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/pages"))
    parser.add_argument("--as-is", action="store_true", help="do not run the notebook first")
    parser.add_argument("--timeout", type=int, default=300, help="seconds for one cell")
    options = parser.parse_args()
    for path in options.notebooks:
        target = export(path, options.out, as_is=options.as_is, timeout=options.timeout)
        print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
