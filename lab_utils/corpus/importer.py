"""Another corpus becomes one of ours: its clips are copied, cut if need be, and listed.

The other corpus is only read. Each clip becomes a WAV of 16 bits, mono, at the rate of its source,
in the new folder, so that the new corpus is whole wherever it is moved.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import audio, files
from ..constants import CHUNK_LENGTH
from ..errors import AudioError, CorpusError
from ..progress import bar
from . import foreign, passes
from .job import write_clip
from .manifest import MANIFEST, Clip, Dropped, Manifest
from .pipeline import at_work
from .split import Span

STATE = "import.json"  #: there until an import is finished: what it is of
WHOLE = 0.05  #: seconds by which the times in a table may miss the end of a whole file
SHORTEST = 0.01  #: seconds; less is no clip
TOLD = ("speaker", "language", "licence", "consent")  #: what can be said of a whole corpus


def import_corpus(
    source: str | os.PathLike,
    out: str | os.PathLike,
    *,
    audio_folder: str | os.PathLike | None = None,
    text_column: str | None = None,
    told: Mapping[str, str] | None = None,
    progress: bool = False,
) -> Manifest:
    """Make a corpus of a corpus in another format; it resumes where it was interrupted.

    Parameters
    ----------
    source : path-like
        A folder, or a table, in any of ``foreign.FORMATS``. Never written to.
    out : path-like
        The folder of the new corpus: new, empty, or of the same import before it was finished.
    audio_folder, text_column
        As in :func:`foreign.read`.
    told : mapping, optional
        ``speaker``, ``language``, ``licence`` or ``consent`` of the clips whose table says none.

    Returns
    -------
    Manifest
        Saved as ``out/manifest.csv``. What did not become a clip (a file that is missing or
        damaged, a part that ends more than ``foreign.OVERSHOOT`` after its file) is in
        ``out/dropped.csv`` with the reason. ``notes`` tells what was decided.

    Raises
    ------
    CorpusError
        As :func:`foreign.read`; ``out`` holds anything else or is inside ``source``; or none of the
        sound can be read.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb.
    """
    out, told = Path(out), dict(told or {})
    if unknown := sorted(set(told) - set(TOLD)):
        raise CorpusError(f"Expected some of {', '.join(TOLD)}, found {', '.join(unknown)}.")
    found = foreign.read(source, audio_folder=audio_folder, text_column=text_column)
    for folder in (found.folder, Path(source) if Path(source).is_dir() else Path(source).parent):
        if out.resolve().is_relative_to(folder.resolve()):
            raise CorpusError(
                f"{out} is inside {folder}, which is only read: name a folder outside."
            )
    _check_place(out)
    with at_work(out):
        try:
            _check_state(out, _digest(found))
            made = _copy(found, out, told, progress)
            made.save()
            (out / STATE).unlink()
        except OSError as error:
            raise CorpusError(
                f"{out} cannot be written: {error}. Free some space or name another folder, and "
                "start again: what is finished is kept."
            ) from error
    return made


def _check_place(out: Path) -> None:
    """Only a new folder, an empty one, or one that an import began."""
    if os.path.lexists(out / MANIFEST):
        raise CorpusError(f"{out} is a corpus already: name a new folder.")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise CorpusError(f"{out} is a file or a link: name a new folder.")
    names = {path.name for path in out.iterdir()} if out.exists() else set()
    if names - {".lock"} and STATE not in names:
        raise CorpusError(f"{out} is not empty and was not begun by an import: name a new folder.")


def _check_state(out: Path, digest: str) -> None:
    """Begin an import, or go on with the same one."""
    path = out / STATE
    try:
        begun = json.loads(path.read_text("utf-8"))["digest"]
    except FileNotFoundError:
        files.write_text(path, json.dumps({"digest": digest}) + "\n")
        return
    except (ValueError, KeyError, TypeError, RecursionError):
        begun = ""
    if begun != digest:
        raise CorpusError(
            f"{out} holds a part of an import of something else, or of what was changed since: "
            "name a new folder."
        )
    for leftover in (out / "clips").glob("*.partial"):
        leftover.unlink()


def _digest(found: Manifest) -> str:
    """Changes with every row and every file of the other corpus."""
    stats = []
    for file in dict.fromkeys(clip.file for clip in found.clips):
        path = found.folder / file
        stat = path.stat() if path.is_file() else None
        stats.append([file, stat.st_size, stat.st_mtime_ns] if stat else [file])
    text = json.dumps([[dataclasses.astuple(clip) for clip in found.clips], stats])
    return hashlib.sha256(text.encode()).hexdigest()


def _copy(found: Manifest, out: Path, told: Mapping[str, str], progress: bool) -> Manifest:
    """Write the clips, file by file; returns the corpus in the order of its tables."""
    groups: dict[str, list[Clip]] = defaultdict(list)
    for clip in found.clips:
        groups[clip.file].append(clip)
    notes = list(found.notes)
    reasons: dict[str, str] = {}
    with bar(len(found), progress) as move:
        for file, clips in groups.items():
            waiting = [clip for clip in clips if not (out / _file(clip)).is_file()]
            try:
                if waiting:
                    reasons |= _write(found.folder / file, waiting, out, notes)
            except AudioError as error:
                reasons |= {clip.id: str(error) for clip in waiting}
            move(len(clips))
    made = [_clip(clip, out, told) for clip in found.clips if clip.id not in reasons]
    dropped = [
        Dropped(clip.file, f"clip {clip.id!r}: {reasons[clip.id]}", clip.start, clip.end)
        for clip in found.clips
        if clip.id in reasons
    ]
    if not made:
        (out / STATE).unlink()
        raise CorpusError(
            f"None of the {len(found)} clips can be read; {dropped[0].reason} Paths count from "
            f"{found.folder}: --audio FOLDER names another folder."
        )
    if long := [clip.id for clip in made if clip.duration > CHUNK_LENGTH]:
        notes.append(
            f"{len(long)} clips, such as {long[0]!r}, are longer than the {CHUNK_LENGTH} s that "
            "Whisper hears at once: cut them, or leave them to a voice model"
        )
    return Manifest(out, tuple(made), tuple(dropped), notes=tuple(notes))


def _file(clip: Clip) -> str:
    return f"clips/{clip.id}.wav"


def _write(path: Path, clips: list[Clip], out: Path, notes: list[str]) -> dict[str, str]:
    """Write the clips of one file; returns the reasons for those that cannot be, by id."""
    reasons = {}
    with audio.Recording(path) as recording, tempfile.TemporaryFile(dir=out) as sound:
        mixing, n_samples = recording.mixing(), 0
        if mixing.note:
            notes.append(mixing.note)
        for y in recording.blocks(sr=None, mixing=mixing):
            sound.write(y.data)
            n_samples += len(y)
        duration = n_samples / recording.sr
        for clip in clips:
            span = _span(clip, duration)
            if isinstance(span, str):
                reasons[clip.id] = span
                continue
            (y,) = passes.cut(sound, [span], sr=recording.sr)
            if np.abs(y).max() > 1 + 1 / 32768:
                notes.append(f"{clip.id}: its peaks are beyond full scale and are cut off there")
            write_clip(out / _file(clip), y, sr=recording.sr)
    return reasons


def _span(clip: Clip, duration: float) -> Span | str:
    """Where a clip is in its file, or why it cannot be."""
    end = clip.end or duration
    if clip.start == 0 and abs(end - duration) <= WHOLE:
        end = duration
    if clip.start >= duration or end > duration + foreign.OVERSHOOT:
        return (
            f"{clip.start:g} to {end:g} s is beyond the end of the recording, which has "
            f"{duration:.2f} s."
        )
    end = min(end, duration)
    return Span(clip.start, end) if end - clip.start >= SHORTEST else "it has no samples."


def _clip(clip: Clip, out: Path, told: Mapping[str, str]) -> Clip:
    """The row of a clip that is written."""
    duration = audio.describe(out / _file(clip)).duration
    values: dict[str, Any] = {name: getattr(clip, name) or told.get(name, "") for name in TOLD}
    return dataclasses.replace(
        clip,
        file=_file(clip),
        recording=clip.recording or clip.file,
        end=round(clip.start + duration, 4),
        text_by="given" if clip.text else "",
        **values,
    )
