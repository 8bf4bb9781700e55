"""A lab as one HTML file that works without network and Jupyter: pictures, sound, players.

    python tools/export_page.py notebooks/02_transcribe.ipynb [...] --out build/pages

Each lab is run afresh (its file stays as it is), so that its players carry their sound;
``--as-is`` takes the outputs that stand in the file. Into the page go files of the project's
``assets`` and of ``outputs`` beside the notebook, nothing else; your own recordings only with
``--with-my-voice``.
"""

from __future__ import annotations

import argparse
import base64
import html
import html.parser
import mimetypes
import os
import re
import sys
import urllib.parse
from pathlib import Path

import nbformat

from lab_utils import audio, places, samples
from lab_utils.errors import LabError
from lab_utils.files import write_text

TEMPLATE = """{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
"""
MISSING = "missing"
NO_SOUND = "<em>(this sound is made when the lab is run)</em>"
LAB_LINK = re.compile(r'(<a\b[^>]*?\bhref="\d\d_\w+)\.ipynb(["#])')
NOTHING_FROM_OUTSIDE = (
    '<meta http-equiv="Content-Security-Policy" content="default-src data: blob: '
    "'unsafe-inline'\">"
)
#: attributes by which a browser loads something that a page names
LOADING = {"src", "srcset", "poster", "data", "background", "xlink:href"}
STYLE_URL = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", re.IGNORECASE)


def run(notebook: nbformat.NotebookNode, folder: Path, *, timeout: int, own_voice: bool) -> None:
    """Execute a notebook in its folder; players are shown as HTML with their sound inside."""
    from run_notebook import execute

    env = {"WHISPER_LAB_EXPORT": "1"}
    if own_voice:
        env[places.RECORDINGS_VARIABLE] = str(places.recordings_dir())
    execute(notebook, folder, timeout=timeout, env=env)


def data_uri(file: Path) -> str:
    """A file as a data URI; a WAV as FLAC, half its size."""
    data, mime = file.read_bytes(), mimetypes.guess_type(file.name)[0] or "audio/flac"
    if file.suffix == ".wav":
        y, sr = audio.load(file, sr=None, mono=False)
        if y.ndim == 1:
            data, mime = audio.encode(y, sr=sr, format="flac"), "audio/flac"
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


class Embedder(html.parser.HTMLParser):
    """Copies a page and puts the files that it names into it; collects what it may not.

    Parameters
    ----------
    folder : Path
        The notebook's folder, to which references are relative.
    roots : tuple of Path
        Folders whose files may go into the page.
    """

    def __init__(self, folder: Path, roots: tuple[Path, ...]):
        super().__init__(convert_charrefs=False)
        self.folder, self.roots = folder, tuple(root.resolve() for root in roots)
        self.cell = "head of the page"
        self.refused: list[str] = []
        self.out: list[str] = []
        self._style = False

    def file(self, reference: str) -> Path | None:
        """The file that a reference may bring into the page; None for any other."""
        parts = urllib.parse.urlsplit(reference)
        if parts.scheme or parts.netloc or parts.path.startswith(("/", "\\")):
            return None
        path = Path(os.path.realpath(self.folder / urllib.parse.unquote(parts.path)))
        return path if any(root in path.parents for root in self.roots) else None

    def refuse(self, reference: str) -> None:
        self.refused.append(f"cell {self.cell}: {reference[:200]}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag == "style"
        if (cell := dict(attrs).get("id") or "").startswith("cell-id="):
            self.cell = cell.removeprefix("cell-id=")
        found = [(name, self.brought(tag, name, (value or "").strip())) for name, value in attrs]
        if MISSING in dict(found).values():
            self.out.append(f"{NO_SOUND}<audio hidden>")
        elif any(data for _, data in found):
            put = dict(attrs) | {name: data for name, data in found if data}
            inside = (
                f'{name}="{html.escape(value or "", quote=True)}"' for name, value in put.items()
            )
            self.out.append(f"<{tag} {' '.join(inside)}>")
        else:
            self.out.append(self.get_starttag_text())

    def brought(self, tag: str, name: str, value: str) -> str:
        """What comes into the page in place of an attribute's value; empty: nothing."""
        if name == "style":
            self.look_at_style(value)
        if name == "srcdoc" or (tag, name) == ("base", "href"):
            self.refuse(f"<{tag} {name}>")
        loads = name in LOADING or (name == "href" and tag in ("link", "image", "use"))
        if not loads or not value or value.startswith(("data:", "#", "blob:")):
            return ""
        file = self.file(value)
        if file is not None and file.is_file() and name != "srcset":
            return data_uri(file)
        if file is not None and tag == "audio":
            return MISSING
        self.refuse(value)
        return ""

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        self._style = False
        self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._style:
            self.look_at_style(data)
        self.out.append(data)

    def look_at_style(self, text: str) -> None:
        """Refuse what a style sheet would load."""
        for match in STYLE_URL.finditer(text):
            reference = (match[1] or match[2]).strip()
            if not reference.startswith(("data:", "#")):
                self.refuse(reference)

    def handle_entityref(self, name: str) -> None:
        self.out.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.out.append(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        self.out.append(f"<!--{data}-->")

    def handle_pi(self, data: str) -> None:
        self.out.append(f"<?{data}>")

    def unknown_decl(self, data: str) -> None:
        self.out.append(f"<![{data}]>")

    def handle_decl(self, decl: str) -> None:
        self.out.append(f"<!{decl}>")


def embed(markup: str, folder: Path, *, roots: tuple[Path, ...]) -> str:
    """Replace each reference to a file below one of the roots by the file itself.

    A player whose sound is not there, because the lab was not run on this machine, says so.

    Raises
    ------
    LabError
        The page names something else that a browser would load: each with its cell.
    """
    page = Embedder(folder, roots)
    page.feed(markup)
    page.close()
    if page.refused:
        named = "\n  ".join(page.refused)
        raise LabError(
            "A page holds only files of the project's assets and of outputs/ beside the notebook. "
            f"Nothing was written. Take these out of the notebook:\n  {named}"
        )
    return "".join(page.out)


def export(
    path: Path, out: Path, *, as_is: bool = False, timeout: int = 300, own_voice: bool = False
) -> Path:
    """Write one lab as an HTML file into ``out``; returns the file.

    Raises
    ------
    LabError
        The notebook names a file that does not belong into the page.
    """
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter
    from run_notebook import WIDGET_VIEW

    notebook, folder = nbformat.read(path, as_version=4), path.resolve().parent
    if not as_is:
        run(notebook, folder, timeout=timeout, own_voice=own_voice)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(WIDGET_VIEW, None)
    exporter = HTMLExporter(
        extra_loaders=[DictLoader({"page.html.j2": TEMPLATE})], template_file="page.html.j2"
    )
    markup, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": path.stem}})
    roots = (samples.assets_dir(), folder / "outputs")
    roots += (places.recordings_dir(),) if own_voice else ()
    markup = markup.replace("<head>", f"<head>{NOTHING_FROM_OUTSIDE}", 1)
    markup = LAB_LINK.sub(r"\1.html\2", embed(markup, folder, roots=roots))
    target = out / f"{path.stem}.html"
    write_text(target, markup)
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/pages"))
    parser.add_argument("--as-is", action="store_true", help="do not run the notebook first")
    parser.add_argument("--timeout", type=int, default=300, help="seconds for one cell")
    parser.add_argument(
        "--with-my-voice", action="store_true", help="your own recordings go into the page too"
    )
    options = parser.parse_args()
    failed = False
    for path in options.notebooks:
        try:
            target = export(
                path, options.out, as_is=options.as_is, timeout=options.timeout,
                own_voice=options.with_my_voice,
            )  # fmt: skip
            print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
        except LabError as error:
            failed = True
            print(f"{path}: FAILED. {error}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
