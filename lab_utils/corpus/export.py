"""One corpus for many trainers: LJSpeech and Piper at 22 050 Hz for a voice, and at 16 kHz
audiofolder for Whisper, Kaldi and NeMo.

Clips that a reviewer rejected are left out, which ``notes`` of the export says.

An export takes the place of an earlier one in one step, and of nothing else (see ``seal``). Each is
read back before that, with the reader for such a corpus (see ``foreign``), and must be what was to
be written. These formats are a few lines of text each, so they are written here: a library would
add a dependency, and check neither ids nor what is read back.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .. import audio, files, tables
from ..constants import SAMPLE_RATE, VOICE_SR
from ..errors import AudioError, CorpusError
from . import seal
from .foreign import read, read_audiofolder, read_ljspeech
from .manifest import SPLITS, Clip, Manifest, check_ids
from .sources import DETAIL_COLUMNS, DETAILS, METADATA
from .spelling import spoken

_TOLD = ("speaker", "language", "licence", "consent", "recording", "heard")
_COLUMNS = ("file_name", "transcription", *_TOLD)
_KALDI_SPLITS = {"train": "train", "validation": "dev", "test": "test"}
_LONGEST_SPEAKER = 32  # characters, in the names of Kaldi's utterances
_BEFORE_HYPHEN = re.compile(r"[\s!-\-]")  # space to hyphen, in the order of the C locale


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
    _check_bars(clips)
    texts = {clip.id: _one_line(clip.text) for clip in clips}
    lines = {c.id: [c.id, texts[c.id], spoken(texts[c.id], language=c.language)] for c in clips}
    with seal.replacing(out, kind="ljspeech") as staging:
        folder = staging.folder
        for clip in clips:
            _write_clip(manifest, clip, folder / "wavs" / f"{clip.id}.wav", sr=VOICE_SR)
        tables.write_unquoted(folder / METADATA, lines.values())
        _write_details(folder, {clip.id: clip for clip in clips})
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
    _check(clips, of="the corpus", splits=True)
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


def kaldi(manifest: Manifest, out: str | os.PathLike) -> Manifest:
    """Write a corpus as Kaldi data folders, ``train``, ``dev`` and ``test``, at 16 kHz.

    Each holds ``wav.scp``, ``text``, ``reco2dur``, ``utt2spk``, ``spk2utt`` and, where every clip
    has a language, ``utt2lang``, sorted as in the C locale. An utterance is called
    ``speaker-clip``; a clip without a speaker is its own. What separates Kaldi's words, and what
    would sort before the hyphen, becomes ``_`` in these names, and 32 characters of a speaker's are
    kept (Common Voice has 128); ``details.csv`` has the speakers as they are. Paths count from
    ``out``: start Kaldi or lhotse there. What is returned is as in :func:`ljspeech`.

    Raises
    ------
    CorpusError
        As :func:`audiofolder`, or two speakers or utterances with the same name.
    """
    manifest, left_out = _kept(manifest)
    clips = manifest.clips
    _check(clips, of="the corpus", splits=True)
    utterances = _utterances(clips)
    texts = {name: _one_line(clip.text) for name, (clip, _) in utterances.items()}
    with_language = all(clip.language for clip in clips)
    seconds = {}
    with seal.replacing(out, kind="kaldi") as staging:
        folder = staging.folder
        for clip in clips:
            path = folder / "wavs" / f"{clip.id}.wav"
            seconds[clip.id] = _write_clip(manifest, clip, path, sr=SAMPLE_RATE)
        for split, place in _KALDI_SPLITS.items():
            part = {name: pair for name, pair in utterances.items() if pair[0].split == split}
            if not part:
                continue
            speakers: dict[str, list[str]] = {}
            for name, (_, speaker) in part.items():
                speakers.setdefault(speaker, []).append(name)
            data = {
                "wav.scp": {name: f"wavs/{clip.id}.wav" for name, (clip, _) in part.items()},
                "text": {name: texts[name] for name in part},
                "reco2dur": {name: f"{seconds[clip.id]:.6f}" for name, (clip, _) in part.items()},
                "utt2spk": {name: speaker for name, (_, speaker) in part.items()},
                "spk2utt": {
                    speaker: " ".join(sorted(names)) for speaker, names in speakers.items()
                },
                "utt2lang": {name: _one_line(clip.language) for name, (clip, _) in part.items()},
            }
            for name, rows in data.items():
                if name != "utt2lang" or with_language:
                    lines = "".join(f"{key} {value}\n" for key, value in sorted(rows.items()))
                    files.write_text(folder / place / name, lines, error=CorpusError)
        _write_details(folder, {name: clip for name, (clip, _) in utterances.items()})
        made = read(folder)
        _compare(made, texts)
    return dataclasses.replace(made, folder=Path(out), notes=(*left_out, *staging.notes))


def _utterances(clips: Sequence[Clip]) -> dict[str, tuple[Clip, str]]:
    """Name of the utterance -> clip and name of its speaker, as Kaldi can sort them.

    Kaldi wants the same order by utterance as by speaker. So the hyphen after the speaker must sort
    before whatever a longer speaker's name has in its place.
    """
    made: dict[str, tuple[Clip, str]] = {}
    speakers: dict[str, str] = {}
    for clip in clips:
        speaker = _BEFORE_HYPHEN.sub("_", clip.speaker or clip.id)
        speaker = speaker[:_LONGEST_SPEAKER] if clip.speaker else speaker
        name = re.sub(r"\s", "_", clip.id) if clip.speaker else speaker
        if clip.speaker and not name.startswith(f"{speaker}-"):
            name = f"{speaker}-{name}"
        who = clip.speaker or clip.id
        first = speakers.setdefault(speaker, who)
        for same, one, other in (
            (speaker, who, first),
            (name, clip.id, made[name][0].id if name in made else clip.id),
        ):
            if one != other:
                raise CorpusError(
                    f"{one!r} and {other!r} would have the same name for Kaldi, {same!r}: "
                    "rename one."
                )
        made[name] = clip, speaker
    check_ids(enumerate(made, start=1), table="The corpus for Kaldi")
    return made


def nemo(manifest: Manifest, out: str | os.PathLike) -> Manifest:
    """Write a corpus for NVIDIA NeMo: lines of JSON for each split, and ``wavs/``, at 16 kHz.

    The lines of ``train_manifest.json``, ``validation_manifest.json`` and ``test_manifest.json``
    have ``audio_filepath`` (from the folder of the file), ``duration`` in seconds, ``text``,
    ``lang``, and what else is known of the clip. What is returned is as in :func:`ljspeech`.

    Raises
    ------
    CorpusError
        As :func:`audiofolder`.
    """
    manifest, left_out = _kept(manifest)
    clips = manifest.clips
    _check(clips, of="the corpus", splits=True)
    texts = {clip.id: _one_line(clip.text) for clip in clips}
    with seal.replacing(out, kind="nemo") as staging:
        folder = staging.folder
        lines = {split: "" for split in SPLITS}
        for clip in clips:
            path = folder / "wavs" / f"{clip.id}.wav"
            seconds = _write_clip(manifest, clip, path, sr=SAMPLE_RATE)
            row = {
                "audio_filepath": f"wavs/{path.name}",
                "duration": round(seconds, 4),
                "text": texts[clip.id],
            }
            more = {"lang" if name == "language" else name: getattr(clip, name) for name in _TOLD}
            row |= {name: value for name, value in more.items() if value}
            lines[clip.split] += json.dumps(row, ensure_ascii=False) + "\n"
        for split in SPLITS:
            if lines[split]:
                path = folder / f"{split}_manifest.json"
                files.write_text(path, lines[split], error=CorpusError)
        made = read(folder)
        _compare(made, texts)
    return dataclasses.replace(made, folder=Path(out), notes=(*left_out, *staging.notes))


def piper(manifest: Manifest, out: str | os.PathLike) -> Manifest:
    """Write a corpus for a Piper voice: ``metadata.csv`` and ``wavs/``, at 22 050 Hz.

    Lines are id|text, and id|speaker|text where there are several speakers. The text is as it is
    written: Piper's phonemizer reads numbers itself. Piper's reader knows quotation marks, so a
    text that begins with one is quoted. What is returned is as in :func:`ljspeech`.

    Raises
    ------
    CorpusError
        As :func:`ljspeech`, but for several speakers; a clip without a speaker where others have
        one.
    """
    manifest, left_out = _kept(manifest)
    clips = manifest.clips
    _check(clips, of="the corpus")
    _check_bars(clips)
    several = len({clip.speaker for clip in clips}) > 1
    if several and (without := [clip.id for clip in clips if not clip.speaker.strip()]):
        raise CorpusError(
            f"Expected a speaker for each clip, found none for {without[:3]}: name them."
        )
    texts = {clip.id: _one_line(clip.text) for clip in clips}
    lines = []
    for clip in clips:
        cells = [_one_line(clip.speaker)] * several + [texts[clip.id]]
        quoted = ['"' + cell.replace('"', '""') + '"' if cell[0] == '"' else cell for cell in cells]
        lines.append([clip.id, *quoted])
    with seal.replacing(out, kind="piper") as staging:
        folder = staging.folder
        for clip in clips:
            _write_clip(manifest, clip, folder / "wavs" / f"{clip.id}.wav", sr=VOICE_SR)
        tables.write_unquoted(folder / METADATA, lines)
        _write_details(folder, {clip.id: clip for clip in clips})
        made = read_ljspeech(folder)
        _compare(made, texts)
    return dataclasses.replace(made, folder=Path(out), notes=(*left_out, *staging.notes))


#: what an export can be, by the name that the command line knows
FORMATS: dict[str, Callable[[Manifest, Path], Manifest]] = {
    "ljspeech": ljspeech,
    "audiofolder": audiofolder,
    "kaldi": kaldi,
    "nemo": nemo,
    "piper": piper,
}


def _kept(manifest: Manifest) -> tuple[Manifest, list[str]]:
    """The corpus without its rejected clips, and a note of how many those are."""
    kept = manifest.kept()
    n_rejected = len(manifest) - len(kept)
    return kept, [f"left out: {n_rejected} clips that were rejected"] if n_rejected else []


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _check(clips: Sequence[Clip], *, of: str, splits: bool = False) -> None:
    """Everything that can be refused before anything is written."""
    if not clips:
        raise CorpusError(f"Expected clips to export, found none for {of}.")
    check_ids(enumerate((clip.id for clip in clips), start=1), table="The corpus")
    if without := [clip.id for clip in clips if not clip.text.strip()]:
        raise CorpusError(
            f"Expected a text for each clip, found none for {len(without)}, such as {without[0]!r}."
        )
    if splits and (without := [clip.id for clip in clips if clip.split not in SPLITS]):
        raise CorpusError(
            f"Expected a split for each clip, found none for {without[:3]}: assign it."
        )


def _check_bars(clips: Sequence[Clip]) -> None:
    if bars := [clip.id for clip in clips if "|" in clip.text]:
        raise CorpusError(
            f"The text of {', '.join(map(repr, bars[:3]))} holds a '|', which separates "
            "the columns of the table: change it."
        )


def _write_details(folder: Path, clips: Mapping[str, Clip]) -> None:
    """What a table has no columns for, by the id that it uses."""
    rows = ([name, *(getattr(clip, k) for k in DETAIL_COLUMNS)] for name, clip in clips.items())
    tables.write(folder / DETAILS, ["id", *DETAIL_COLUMNS], rows)


def _write_clip(manifest: Manifest, clip: Clip, path: Path, *, sr: int) -> float:
    """Write one clip; returns how many seconds it has."""
    try:
        y, _ = audio.load(manifest.path(clip), sr=sr)
        audio.save_wav(path, y, sr=sr)
        return len(y) / sr
    except AudioError as error:
        raise CorpusError(f"The export failed at clip {clip.id!r}: {error}") from error


def _compare(made: Manifest, texts: dict[str, str]) -> None:
    """The new version, read back from the disk, must be what was to be written."""
    if {clip.id: clip.text for clip in made.clips} != texts:
        raise CorpusError("The export read back from the disk is not what was written: try again.")
