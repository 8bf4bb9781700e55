"""One corpus, two contracts: LJSpeech at 22 050 Hz for a voice, audiofolder at 16 kHz for Whisper.

Clips that a reviewer rejected are left out, which ``notes`` of the export says. An export takes the
place of an earlier one in one step, and of nothing else (see ``seal``). Both can be read back, with
``read_ljspeech`` and ``read_audiofolder``, as the program that receives them would read them.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from .. import audio, tables
from ..constants import SAMPLE_RATE, VOICE_SR
from ..errors import AudioError, CorpusError, TableError
from . import seal
from .manifest import SPLITS, Clip, Manifest, check_ids
from .spelling import spoken

METADATA = "metadata.csv"
DETAILS = "details.csv"  #: beside an LJSpeech table, which has no columns for them
_DETAILS = ("recording", "speaker", "language", "licence", "consent", "heard", "split")
_TOLD = ("speaker", "language", "licence", "consent", "recording", "heard")
_COLUMNS = ("file_name", "transcription", *_TOLD)
#: first cells of a header that some programs write above an LJSpeech table, and what follows them
_HEADER_IDS = {"id", "file", "filename", "file_name", "audio", "audio_file", "wav", "path", "name"}
_HEADER_SPEAKERS = {"speaker", "speaker_name", "speaker_id"}
_HEADER_TEXTS = {"text", "transcript", "transcription", "sentence"} | _HEADER_SPEAKERS


def ljspeech(
    manifest: Manifest,
    out: str | os.PathLike,
    *,
    speaker: str | None = None,
    config: Callable[[Manifest, Path], object] | None = None,
) -> Manifest:
    """Write a corpus for a voice model: ``metadata.csv`` (id|text|text as spoken) and ``wavs/``.

    Parameters
    ----------
    out : path-like
        The new folder. An earlier export there is replaced in one step when the new one is whole;
        files that are not ours are kept.
    speaker : str, optional
        Whose clips; needed where the corpus has several speakers.
    config : callable, optional
        Called with the export and a path in it: writes a trainer's settings, as a part of the
        export.

    Returns
    -------
    Manifest
        The export, read back from the disk; ``notes`` says what was kept.

    Raises
    ------
    CorpusError
        Several speakers and none chosen, a clip without a text or with a ``|`` in it, an id that is
        not safe as a file name, or a folder that is not ours (see :func:`seal.replacing`).

    Notes
    -----
    The table has no quotes: a line of it is a clip. So every run of white space in a text, line
    separators too, becomes one space there; ``manifest.csv`` keeps the text as it is.
    """
    manifest, left_out = _kept(manifest)
    speakers = sorted({clip.speaker for clip in manifest.clips})
    if speaker is None and len(speakers) > 1:
        raise CorpusError(
            f"An LJSpeech corpus is one voice, found the speakers {speakers}: name one."
        )
    clips = [clip for clip in manifest.clips if speaker is None or clip.speaker == speaker]
    _check(clips, of=f"speaker {speaker!r}" if speaker else "the corpus")
    if bars := [clip.id for clip in clips if "|" in clip.text]:
        raise CorpusError(
            f"The text of {', '.join(map(repr, bars[:3]))} holds a '|', which separates the "
            "columns of an LJSpeech table: change the text."
        )
    texts = {clip.id: _one_line(clip.text) for clip in clips}
    lines = {c.id: [c.id, texts[c.id], spoken(texts[c.id], language=c.language)] for c in clips}
    with seal.replacing(out, kind="ljspeech") as staging:
        folder = staging.folder
        for clip in clips:
            _write_clip(manifest, clip, folder / "wavs" / f"{clip.id}.wav", sr=VOICE_SR)
        tables.write_unquoted(folder / METADATA, lines.values())
        details = ([clip.id, *(getattr(clip, k) for k in _DETAILS)] for clip in clips)
        tables.write(folder / DETAILS, ["id", *_DETAILS], details)
        for split in SPLITS:
            if part := [lines[clip.id] for clip in clips if clip.split == split]:
                tables.write_unquoted(folder / f"metadata_{split}.csv", part)
        made = read_ljspeech(folder)
        _compare(made, {name: line[2] for name, line in lines.items()})
        if config:
            config(made, folder / "config.json")
    return dataclasses.replace(made, folder=Path(out), notes=(*left_out, *staging.notes))


def audiofolder(manifest: Manifest, out: str | os.PathLike) -> Manifest:
    """Write a corpus for Whisper as a Hugging Face *audiofolder*: a folder a split, at 16 kHz.

    Each of ``train``, ``validation`` and ``test`` holds its WAV files and a ``metadata.csv`` with
    ``file_name``, ``transcription`` and what is known of the clip; it loads with
    ``datasets.load_dataset("audiofolder", data_dir=…)``. White space in a text becomes one space.
    What is returned is as in :func:`ljspeech`.

    Raises
    ------
    CorpusError
        A clip without a text or without a split, an id that is not safe as a file name, or a
        folder that is not ours (see :func:`seal.replacing`).
    """
    manifest, left_out = _kept(manifest)
    clips = manifest.clips
    _check(clips, of="the corpus")
    if without := [clip.id for clip in clips if clip.split not in SPLITS]:
        raise CorpusError(
            f"Expected a split for each clip, found none for {without[:3]}: assign it."
        )
    texts = {clip.id: _one_line(clip.text) for clip in clips}
    with seal.replacing(out, kind="audiofolder") as staging:
        folder = staging.folder
        for clip in clips:
            _write_clip(manifest, clip, folder / clip.split / f"{clip.id}.wav", sr=SAMPLE_RATE)
        for split in SPLITS:
            rows = [
                [f"{c.id}.wav", texts[c.id], *(getattr(c, k) for k in _TOLD)]
                for c in clips
                if c.split == split
            ]
            if rows:
                tables.write(folder / split / METADATA, _COLUMNS, rows)
        made = read_audiofolder(folder)
        _compare(made, texts)
    return dataclasses.replace(made, folder=Path(out), notes=(*left_out, *staging.notes))


def read_ljspeech(folder: str | os.PathLike) -> Manifest:
    """Read an LJSpeech corpus: ``text`` is its last column, the one that a voice model reads.

    Lines of id|text and of id|text|text as spoken are known, also id|speaker|text (Piper, several
    speakers), with or without a byte order mark, a header and blank lines.

    Raises
    ------
    CorpusError
        No ``metadata.csv``, a line with another number of columns, or an id, named with its line,
        that is not safe as a file name or not unique.
    """
    folder, told = Path(folder), {}
    rows, speaker_at = _without_header(folder, _table(folder, METADATA, tables.read_unquoted))
    for line, cells in rows:
        if len(cells) not in (2, 3) or len(cells) != len(rows[0][1]) or not cells[0].strip():
            raise TableError(
                f"{METADATA}, line {line}: expected id|text or id|text|text as spoken, found "
                f"{'|'.join(cells)[:60]!r}."
            )
    check_ids(((line, cells[0]) for line, cells in rows), table=METADATA)
    if (folder / DETAILS).exists():
        for _, row in tables.read(folder / DETAILS, required=["id"]):
            told[row["id"]] = {k: row.get(k, "") for k in _DETAILS}
    elif speaker_at is None and _names_speakers([cells for _, cells in rows]):
        speaker_at = 1
    clips = []
    for _, cells in rows:
        texts = [cell for i, cell in enumerate(cells) if i and i != speaker_at]
        text = texts[-1].strip() or texts[0].strip()
        speaker = cells[speaker_at].strip() if speaker_at else ""
        clips.append(Clip(cells[0], f"wavs/{cells[0]}.wav", text=text, speaker=speaker))
    return Manifest(folder, tuple(clips)).updated(told)


def _without_header(
    folder: Path, rows: list[tuple[int, list[str]]]
) -> tuple[list[tuple[int, list[str]]], int | None]:
    """The rows of an LJSpeech table without a header, and the column that it calls speaker."""
    first = [cell.strip().casefold() for cell in rows[0][1]]
    if len(first) == 1 and "," in first[0]:
        raise TableError(
            f"{METADATA} in {folder} is separated by commas, with the columns {first[0][:80]}: "
            "expected id|text|text as spoken (LJSpeech). An audiofolder has its "
            f"{METADATA} (file_name,transcription) in folders train, validation and test."
        )
    is_header = first[0] in _HEADER_IDS and _HEADER_TEXTS.intersection(first[1:2])
    if not is_header or (folder / "wavs" / f"{rows[0][1][0]}.wav").exists():
        return rows, None
    if not rows[1:]:
        raise TableError(f"{METADATA} in {folder} has a header and no clips.")
    return rows[1:], next((i for i, cell in enumerate(first) if cell in _HEADER_SPEAKERS), None)


def _names_speakers(rows: list[list[str]]) -> bool:
    """Whether the second of three columns is a speaker: one word, and never a word of the text.

    In LJSpeech the third column is the second one written out, so that the two share words.
    """
    for _, second, third in (cells for cells in rows if len(cells) == 3):
        words = set(third.casefold().split())
        if len(second.split()) != 1 or not words or second.casefold() in words:
            return False
        if spoken(second).casefold().split()[0].strip(".,!?") in {w.strip(".,!?") for w in words}:
            return False
    return bool(rows) and len(rows[0]) == 3


def read_audiofolder(folder: str | os.PathLike) -> Manifest:
    """Read an audiofolder with the splits that it has.

    Raises
    ------
    CorpusError
        No split with a ``metadata.csv`` of ``file_name`` and ``transcription``, or a file name that
        is none, named with its line.
    """
    folder, clips = Path(folder), []
    for split in SPLITS:
        if not (folder / split / METADATA).exists():
            continue
        table = f"{split}/{METADATA}"
        rows = _table(folder, table, tables.read, required=["file_name", "transcription"])
        check_ids(((line, row["file_name"]) for line, row in rows), table=table)
        for _, row in rows:
            name, values = row["file_name"], {k: row.get(k, "") for k in _TOLD}
            text = row["transcription"]
            clips.append(Clip(Path(name).stem, f"{split}/{name}", text=text, split=split, **values))
    if not clips:
        found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        raise CorpusError(
            f"Expected train, validation or test with a {METADATA} (columns file_name and "
            f"transcription) in {folder}, or an LJSpeech corpus ({METADATA} and wavs/), found "
            f"{', '.join(found[:8]) or 'nothing'}."
        )
    check_ids(enumerate((clip.id for clip in clips), start=1), table="The audiofolder")
    return Manifest(folder, tuple(clips))


def _table(folder: Path, name: str, read: Callable[..., list], **options: object) -> list:
    try:
        if rows := read(folder / name, **options):
            return rows
    except FileNotFoundError as error:
        raise CorpusError(f"Expected {name} in {folder}, found none.") from error
    raise CorpusError(f"{name} in {folder} has no rows.")


def _kept(manifest: Manifest) -> tuple[Manifest, list[str]]:
    """The corpus without its rejected clips, and a note of how many those are."""
    kept = manifest.kept()
    n_rejected = len(manifest) - len(kept)
    return kept, [f"left out: {n_rejected} clips that were rejected"] if n_rejected else []


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _check(clips: Sequence[Clip], *, of: str) -> None:
    """Everything that can be refused before anything is written."""
    if not clips:
        raise CorpusError(f"Expected clips to export, found none for {of}.")
    check_ids(enumerate((clip.id for clip in clips), start=1), table="The corpus")
    if without := [clip.id for clip in clips if not clip.text.strip()]:
        raise CorpusError(
            f"Expected a text for each clip, found none for {len(without)}, such as {without[0]!r}."
        )


def _write_clip(manifest: Manifest, clip: Clip, path: Path, *, sr: int) -> None:
    try:
        y, _ = audio.load(manifest.path(clip), sr=sr)
        audio.save_wav(path, y, sr=sr)
    except AudioError as error:
        raise CorpusError(f"The export failed at clip {clip.id!r}: {error}") from error


def _compare(made: Manifest, texts: dict[str, str]) -> None:
    """The new version, read back from the disk, must be what was to be written."""
    if {clip.id: clip.text for clip in made.clips} != texts:
        raise CorpusError("The export read back from the disk is not what was written: try again.")
