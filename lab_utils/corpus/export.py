"""One corpus, two contracts: LJSpeech at 22 050 Hz for a voice, audiofolder at 16 kHz for Whisper.

Each export is written beside its final name and renamed when it is whole, and can be read back with
``read_ljspeech`` and ``read_audiofolder`` as the program that receives it would read it.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from .. import audio
from ..errors import AudioError, CorpusError
from .check import SPLITS
from .manifest import Clip, Manifest
from .spelling import spoken

VOICE_SR = 22_050
WHISPER_SR = 16_000
METADATA = "metadata.csv"
DETAILS = "details.csv"  #: beside an LJSpeech table, which has no columns for them
_DETAILS = ("recording", "speaker", "language", "licence", "consent", "heard", "split")
_COLUMNS = (
    "file_name",
    "transcription",
    "speaker",
    "language",
    "licence",
    "consent",
    "recording",
    "heard",
)


def ljspeech(
    manifest: Manifest, out: str | os.PathLike, *, speaker: str | None = None, sr: int = VOICE_SR
) -> Manifest:
    """Write a corpus for a voice model: ``metadata.csv`` (id|text|text as spoken) and ``wavs/``.

    Parameters
    ----------
    manifest : Manifest
    out : path-like
        The new folder. If there is one from before, it is replaced when the new one is whole.
    speaker : str, optional
        Whose clips; needed where the corpus has several speakers.
    sr : int
        Hz.

    Returns
    -------
    Manifest
        The export, read back from the disk.

    Raises
    ------
    CorpusError
        Several speakers and none chosen, a clip without a text, or a folder that is not ours.
    """
    speakers = sorted({clip.speaker for clip in manifest.clips})
    if speaker is None and len(speakers) > 1:
        raise CorpusError(
            f"An LJSpeech corpus is one voice, found the speakers {speakers}: name one."
        )
    clips = [clip for clip in manifest.clips if speaker is None or clip.speaker == speaker]
    _need_texts(clips, of=f"speaker {speaker!r}" if speaker else "the corpus")
    with _folder(out) as folder:
        _write_clips(manifest, ((clip, folder / "wavs" / f"{clip.id}.wav") for clip in clips), sr)
        lines = [f"{c.id}|{_one_line(c.text)}|{spoken(_one_line(c.text))}" for c in clips]
        (folder / METADATA).write_text("\n".join(lines) + "\n", "utf-8")
        with open(folder / DETAILS, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["id", *_DETAILS])
            writer.writerows([clip.id, *(getattr(clip, k) for k in _DETAILS)] for clip in clips)
        for split in SPLITS:
            if any(clip.split == split for clip in clips):
                part = [s for s, clip in zip(lines, clips, strict=True) if clip.split == split]
                (folder / f"metadata_{split}.csv").write_text("\n".join(part) + "\n", "utf-8")
    return read_ljspeech(out)


def audiofolder(manifest: Manifest, out: str | os.PathLike, *, sr: int = WHISPER_SR) -> Manifest:
    """Write a corpus for Whisper as a Hugging Face *audiofolder*: a folder a split, at 16 kHz.

    Each of ``train``, ``validation`` and ``test`` holds its WAV files and a ``metadata.csv`` with
    ``file_name``, ``transcription`` and what is known of the clip; it loads with
    ``datasets.load_dataset("audiofolder", data_dir=…)``.

    Returns
    -------
    Manifest
        The export, read back from the disk.

    Raises
    ------
    CorpusError
        A clip without a text or without a split, or a folder that is not ours.
    """
    clips = manifest.clips
    _need_texts(clips, of="the corpus")
    if without := [clip.id for clip in clips if clip.split not in SPLITS]:
        raise CorpusError(
            f"Expected a split for each clip, found none for {without[:3]}: assign it."
        )
    with _folder(out) as folder:
        _write_clips(manifest, ((c, folder / c.split / f"{c.id}.wav") for c in clips), sr)
        for split in SPLITS:
            rows = [clip for clip in clips if clip.split == split]
            if rows:
                with open(folder / split / METADATA, "w", encoding="utf-8", newline="") as file:
                    writer = csv.writer(file, lineterminator="\n")
                    writer.writerow(_COLUMNS)
                    writer.writerows(
                        [f"{c.id}.wav", _one_line(c.text), *(getattr(c, k) for k in _COLUMNS[2:])]
                        for c in rows
                    )
    return read_audiofolder(out)


def read_ljspeech(folder: str | os.PathLike) -> Manifest:
    """Read an LJSpeech corpus: ``text`` is its third column, the one that a voice model reads.

    Raises
    ------
    CorpusError
        No ``metadata.csv``, or a line that is not id|text|text as spoken.
    """
    folder, clips = Path(folder), []
    for number, line in enumerate(_lines(folder / METADATA), start=1):
        parts = line.split("|")
        if len(parts) != 3 or not parts[0]:
            raise CorpusError(
                f"{METADATA}, line {number}: expected id|text|text as spoken, found {line[:60]!r}."
            )
        clips.append(Clip(id=parts[0], file=f"wavs/{parts[0]}.wav", text=parts[2]))
    details = {}
    if (folder / DETAILS).is_file():
        for row in csv.DictReader(_lines(folder / DETAILS, keep_ends=True)):
            details[row.get("id")] = {k: row.get(k) or "" for k in _DETAILS}
    return Manifest(folder, tuple(clips)).updated(details)


def read_audiofolder(folder: str | os.PathLike) -> Manifest:
    """Read an audiofolder with the splits that it has.

    Raises
    ------
    CorpusError
        No split with a ``metadata.csv`` of ``file_name`` and ``transcription``.
    """
    folder, clips = Path(folder), []
    for split in SPLITS:
        if not (folder / split / METADATA).is_file():
            continue
        reader = csv.DictReader(_lines(folder / split / METADATA, keep_ends=True))
        if not {"file_name", "transcription"} <= set(reader.fieldnames or ()):
            raise CorpusError(
                f"{split}/{METADATA}: expected the columns file_name and transcription, found "
                f"{reader.fieldnames}."
            )
        for row in reader:
            told = {k: row.get(k) or "" for k in _COLUMNS[2:]}
            name, text = row["file_name"], row["transcription"] or ""
            clips.append(Clip(Path(name).stem, f"{split}/{name}", text=text, split=split, **told))
    if not clips:
        raise CorpusError(f"Expected train, validation or test with a {METADATA} in {folder}.")
    return Manifest(folder, tuple(clips))


def _lines(path: Path, *, keep_ends: bool = False) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines(keepends=keep_ends)
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path.name} in {path.parent} cannot be read: {error}") from error


def _one_line(text: str) -> str:
    """No line break, no tab, no bar: they are the table's own signs."""
    return " ".join(text.replace("|", " ").split())


def _need_texts(clips: Iterable[Clip], *, of: str) -> None:
    clips = list(clips)
    if not clips:
        raise CorpusError(f"Expected clips to export, found none for {of}.")
    if without := [clip.id for clip in clips if not clip.text.strip()]:
        raise CorpusError(
            f"Expected a text for each clip, found none for {len(without)}, such as {without[0]!r}."
        )


def _write_clips(manifest: Manifest, pairs: Iterable[tuple[Clip, Path]], sr: int) -> None:
    for clip, path in pairs:
        y, _ = audio.load(manifest.path(clip), sr=sr)
        audio.save_wav(path, y, sr=sr)


@contextlib.contextmanager
def _folder(out: str | os.PathLike) -> Iterator[Path]:
    """A new folder beside ``out`` that takes its name, and its place, when it is whole."""
    out = Path(out)
    if out.exists() and not _is_export(out):
        raise CorpusError(
            f"{out} is there and is no export: nothing in it is replaced. Name another folder."
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
        try:
            yield temporary
            temporary.chmod(0o755)
            shutil.rmtree(out, ignore_errors=True)
            os.replace(temporary, out)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except (OSError, AudioError) as error:
        raise CorpusError(f"The export to {out} failed: {error}") from error


def _is_export(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    return not names or METADATA in names or any((folder / s / METADATA).is_file() for s in SPLITS)
