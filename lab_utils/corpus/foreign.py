"""Other people's corpora: one reader for each format, and a message for what is none of them.

A reader tells what a table says and opens no recording; nothing is written. The files of the
manifest that it returns are the ones of the other corpus: ``importer`` makes a corpus of them.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import collections
import os
from collections.abc import Callable
from pathlib import Path

from .. import audio, files, tables
from ..errors import AudioError, CorpusError
from . import readers
from .manifest import MANIFEST, Clip, Manifest
from .sources import METADATA, Source, split_of

FORMATS = {  #: as messages name them
    "ljspeech": f"LJSpeech or Piper ({METADATA} with id|text, id|text|text as spoken or "
    "id|speaker|text, and wavs/)",
    "audiofolder": f"Hugging Face audiofolder ({METADATA} or metadata.jsonl with file_name and "
    "transcription, sentence or text; in folders train, validation or test, or in none)",
    "common_voice": "Common Voice (train.tsv, dev.tsv, test.tsv or validated.tsv with path and "
    "sentence, and clips/)",
    "nemo": "NeMo (lines of JSON with audio_filepath, duration and text)",
    "kaldi": "Kaldi (wav.scp with text, utt2spk and segments; also in folders train, dev or test)",
}
OVERSHOOT = 0.5  #: seconds by which a part may end after its recording, as in Kaldi


def read(
    source: str | os.PathLike,
    *,
    audio_folder: str | os.PathLike | None = None,
    text_column: str | None = None,
) -> Manifest:
    """Read a corpus in any of the ``FORMATS``.

    Parameters
    ----------
    source : path-like
        Its folder, or its table where the folder holds several.
    audio_folder : path-like, optional
        The folder that paths in the tables count from, and may not leave. Default: the table's
        own; for Kaldi, whose paths count from where it runs, ``source``.
    text_column : str, optional
        The column with the transcripts, where it is none of ``readers.TEXTS`` or several are there.

    Returns
    -------
    Manifest
        Its files are those of the other corpus. ``start`` and ``end``, in seconds, where a clip is
        a part of its file, or the table gives a duration; ``end`` 0 is the end of the file. Columns
        without a place in a :class:`Clip` are in ``more``. ``notes`` tells what was decided.

    Raises
    ------
    CorpusError
        None of the formats or several, a table that is damaged, an id that is not safe as a file
        name or not unique, a file outside the folder, or a command in place of a file.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb.
    """
    source = Path(source)
    root = source if source.is_dir() else source.parent
    if source.is_dir() and (source / MANIFEST).is_file():
        raise CorpusError(
            f"{source} has a {MANIFEST}: it is a corpus of ours, and is used as it is."
        )
    found = _find(source)
    if len(found) > 1:
        names = ", ".join(_relative(root, paths[0]) for paths in found.values())
        raise CorpusError(
            f"{root} holds tables of several formats: {names}. Name the table that counts in place "
            "of the folder."
        )
    if not found:
        raise CorpusError(_unknown(source, root))
    ((kind, paths),) = found.items()
    folder = Path(audio_folder) if audio_folder else None
    if folder and not folder.is_dir():
        raise CorpusError(f"Expected the folder of the sound at {folder}, found none.")
    return _READERS[kind](Source(root, tuple(paths), folder, text_column))


def parts(manifest: Manifest) -> list[Clip]:
    """The clips that are a part of their file: these can be used only after an import."""
    n_uses = collections.Counter(clip.file for clip in manifest.clips)

    def is_part(clip: Clip) -> bool:
        if clip.start or n_uses[clip.file] > 1 or not clip.end:
            return bool(clip.start or n_uses[clip.file] > 1)
        try:
            return clip.end < audio.describe(manifest.path(clip)).duration - OVERSHOOT
        except (AudioError, CorpusError):
            return False

    return [clip for clip in manifest.clips if is_part(clip)]


def read_ljspeech(folder: str | os.PathLike) -> Manifest:
    """Read an LJSpeech corpus: ``text`` is its last column, the one that a voice model reads.

    Lines of id|text and of id|text|text as spoken are known, also id|speaker|text (Piper, several
    speakers), with or without a byte order mark, a header and blank lines. An id may end in
    ``.wav``; the sound is in ``wavs/`` or ``wav/`` or beside the table.

    Raises
    ------
    CorpusError
        No ``metadata.csv``, a line with another number of columns, or an id, named with its line,
        that is not safe as a file name or not unique.
    """
    return readers.ljspeech(Source(Path(folder), (Path(folder) / METADATA,)))


def read_audiofolder(folder: str | os.PathLike) -> Manifest:
    """Read an audiofolder with the splits that it has.

    Raises
    ------
    CorpusError
        No ``metadata.csv`` or ``metadata.jsonl`` with ``file_name`` and a transcript, or a file
        name that is none, named with its line.
    """
    paths = _find(Path(folder)).get("audiofolder")
    if not paths:
        raise CorpusError(_unknown(Path(folder), Path(folder)))
    return readers.audiofolder(Source(Path(folder), tuple(paths)))


# ---- which format


def _find(source: Path) -> dict[str, list[Path]]:
    """The tables in a folder, its subfolders and those of ``data``, or the one named, by format."""
    found = collections.defaultdict(list)
    if source.is_file():
        if kind := _kind(source, named=True):
            found[kind].append(source)
        return found
    if not source.is_dir():
        raise CorpusError(f"Expected a corpus at {source}, found nothing.")
    data = source / "data"  # as in a recipe of Kaldi's
    inner = [path for root in (source, data) if root.is_dir() for path in sorted(root.iterdir())]
    for folder in (source, *(path for path in inner if path.is_dir() and path.name[0] != ".")):
        for path in sorted(folder.iterdir()):
            if kind := _kind(path, named=False, top=folder == source):
                found[kind].append(path)
    return found


def _kind(path: Path, *, named: bool, top: bool = True) -> str:
    """The format of a table by its name and first line; empty for what is no table."""
    if path.suffix.lower() not in (".csv", ".tsv", ".txt", ".json", ".jsonl", ".scp"):
        return ""
    if not path.is_file():
        return ""
    first = _first_line(path)
    if path.name == "wav.scp":
        return "kaldi"
    if path.suffix.lower() in (".json", ".jsonl"):
        if first.startswith("{") and '"audio_filepath"' in first:
            return "nemo"
        is_metadata = path.name == "metadata.jsonl" or (named and '"file_name"' in first)
        return "audiofolder" if is_metadata else ""
    if {"path", "sentence"} <= {cell.strip() for cell in first.split("\t")}:
        return "common_voice"
    if path.name != METADATA and not named:
        return ""
    if "file_name" in (cell.strip(' "') for cell in first.split(",")):
        return "audiofolder"
    if path.name == METADATA and not top:
        return "audiofolder" if split_of(path.parent.name) else ""
    return "ljspeech" if path.name == METADATA or "|" in first else ""


def _first_line(path: Path) -> str:
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            return file.readline(tables.MAX_CELL).strip()
    except OSError:
        return ""  # its reader says why


def _relative(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _unknown(source: Path, root: Path) -> str:
    known = "; ".join(FORMATS.values())
    if source.is_file():
        found = f"a file that begins with {files.printable(_first_line(source)[:80])!r}"
    else:
        names = sorted(files.printable(path.name) for path in root.iterdir())
        found = ", ".join(names[:8]) or "nothing"
    return f"{source} is no corpus of a known format. Expected {known}; found {found}."


_READERS: dict[str, Callable[[Source], Manifest]] = {
    "ljspeech": readers.ljspeech,
    "audiofolder": readers.audiofolder,
    "common_voice": readers.common_voice,
    "nemo": readers.nemo,
    "kaldi": readers.kaldi,
}
