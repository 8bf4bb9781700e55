"""One recording to prepare: what decides its clips, what is done of it, and the work itself.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from .. import audio, files
from ..constants import VOICE_SR
from ..errors import AudioError, CorpusError
from . import align, clean, clipping, passes, split
from .manifest import Clip
from .split import SplitSettings


@dataclass(frozen=True)
class Settings:
    """Everything that decides what a clip sounds like."""

    sr: int = VOICE_SR  #: Hz of the clips; the exports go down from here
    split: SplitSettings = SplitSettings()
    denoise: str = "none"  #: or ``"gate"``, ``"noisereduce"``
    loudness: float = -23.0  #: LUFS of every clip
    most_clipped: float = clipping.MOST_CLIPPED  #: a clip of which more is clipped is dropped

    def __post_init__(self) -> None:
        if self.denoise not in clean.METHODS:
            raise CorpusError(f"Expected denoise in {clean.METHODS}, found {self.denoise!r}.")
        if self.sr < 8000:
            raise CorpusError(f"Expected clips at 8000 Hz or more, found sr={self.sr}.")

    @property
    def digest(self) -> str:
        """Changes with every setting."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Script:
    """What was read in a recording, and how it is found there."""

    text: str
    model: str = "base"  #: name or ``.pt`` file of the Whisper that hears it
    weights: str = ""  #: SHA-256 of the file
    language: str = "en"


class Cut(NamedTuple):
    """A clip that was made, ``start`` and ``end`` in seconds."""

    number: int
    start: float
    end: float
    clipping: str = ""  #: what the source shows of it, where that is too little to drop the clip
    text: str = ""  #: of the script
    heard: str = ""


class Skipped(NamedTuple):
    """A stretch that was dropped; a whole recording has no times."""

    reason: str
    start: float = 0.0
    end: float = 0.0


@dataclass(frozen=True)
class Job:
    """One recording to prepare: plain values, so that it travels to another process or machine."""

    path: str
    name: str  #: path under the input folder
    id: str
    sha256: str
    out: str
    settings: Settings
    script: Script | None = None  #: cut between its sentences

    @property
    def folder(self) -> Path:
        """Where its clips go."""
        return Path(self.out) / "clips" / self.id

    @property
    def state_file(self) -> Path:
        """Where it is written down what is done."""
        return Path(self.out) / "recordings" / f"{self.id}.json"

    @property
    def heard_file(self) -> Path:
        """Where the words that Whisper heard in it are kept."""
        return self.state_file.with_suffix(".heard.jsonl")

    def path_of(self, number: int) -> Path:
        """Where one of its clips goes."""
        return self.folder / f"{self.id}-{number:04d}.wav"

    def clip(self, cut: Cut) -> Clip:
        """The row of one of its clips."""
        path = self.path_of(cut.number)
        file = path.relative_to(self.out).as_posix()
        by = "script" if cut.text else ""
        return Clip(path.stem, file, self.name, cut.start, cut.end, clipping=cut.clipping,
                    text=cut.text, text_by=by, heard=cut.heard)  # fmt: skip


@dataclass(frozen=True)
class State:
    """What is done of one recording."""

    recording: str
    done: bool = False
    duration: float = 0.0  #: seconds
    clips: tuple[Cut, ...] = ()
    dropped: tuple[Skipped, ...] = ()
    note: str = ""

    def digest(self, job: Job) -> str:
        """Changes with the recording, the settings and everything that is written down."""
        script = dataclasses.astuple(job.script) if job.script else None
        text = json.dumps([job.sha256, job.settings.digest, script, dataclasses.astuple(self)])
        return hashlib.sha256(text.encode()).hexdigest()


def _read_state(job: Job) -> State | None:
    """What was written down, if it is of this recording and these settings and as it was."""
    try:
        row = json.loads(job.state_file.read_text("utf-8"))
        digest = row.pop("digest")
        row["clips"] = tuple(Cut(*cut) for cut in row["clips"])
        row["dropped"] = tuple(Skipped(*item) for item in row["dropped"])
        state = State(**row)
        return state if digest == state.digest(job) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _write_state(job: Job, state: State) -> None:
    row = dataclasses.asdict(state) | {"digest": state.digest(job)}
    files.write_text(job.state_file, json.dumps(row, indent=1, ensure_ascii=False) + "\n")


def prepare_recording(job: Job) -> tuple[Job, State]:
    """Make the clips of one recording, or find them made; returns what ``recordings/`` keeps."""
    try:
        state = _read_state(job)
        if state is None:  # new, or made with other settings: start from nothing
            for path in job.folder.glob(f"{job.id}-*.wav"):
                path.unlink()
            _write_state(job, State(job.name))
        elif state.done and all(job.path_of(cut.number).is_file() for cut in state.clips):
            return job, dataclasses.replace(state, recording=job.name)
        for leftover in job.folder.glob("*.partial"):
            leftover.unlink()
        try:
            state = _make_clips(job)
        except AudioError as error:
            state = State(job.name, done=True, dropped=(Skipped(str(error)),))
        _write_state(job, state)
        return job, state
    except OSError as error:
        raise CorpusError(
            f"{job.out} cannot be written: {error}. Free some space or name another folder, and "
            "start again: what is finished is kept."
        ) from error


def _make_clips(job: Job) -> State:
    settings = job.settings
    with tempfile.TemporaryFile(dir=job.out) as sound:
        heard = passes.listen(job.path, sr=settings.sr, keep=sound)
        duration = round(heard.duration, 4)
        clips = []
        pieces, dropped, note = _cuts(job, sound, heard)
        spans = [piece.span for piece in pieces]
        if not spans and job.script is None:
            dropped.append(Skipped("no speech found", 0.0, duration))
        sounds = passes.cut(sound, spans, sr=settings.sr)
        for number, (piece, y) in enumerate(zip(pieces, sounds, strict=True), start=1):
            span = piece.span
            flat = heard.flat_tops.share(span.start, span.end)
            found = clipping.Clipping(flat, *clipping.pile_up(y))
            if found.share > settings.most_clipped:
                dropped.append(Skipped(f"clipped: {found.words()}", span.start, span.end))
                continue
            path = job.path_of(number)
            if not path.is_file():
                write_clip(path, clean_clip(y, heard.noise_near(span), settings), sr=settings.sr)
            clips.append(Cut(number, span.start, span.end, found.words(), piece.text, piece.heard))
    dropped.sort(key=lambda item: item.start)
    return State(job.name, True, duration, tuple(clips), tuple(dropped), note)


def _cuts(
    job: Job, sound: BinaryIO, heard: passes.Listening
) -> tuple[list[align.Piece], list[Skipped], str]:
    """Where to cut: between the sentences of the script, or wherever speech pauses."""
    limits, p = job.settings.split, heard.probabilities
    dropped, pieces = [], []
    if job.script is None:
        for span in split.on_speech(p, duration=heard.duration, settings=limits):
            if span.duration < limits.shortest:
                reason = f"{span.duration:.2f} s of speech, shorter than {limits.shortest:g} s"
                dropped.append(Skipped(reason, span.start, span.end))
            else:
                pieces.append(align.Piece(span, "", ""))
        return pieces, dropped, heard.note
    model, language, duration = job.script.model, job.script.language, heard.duration
    words = align.hear(sound, p, sr=job.settings.sr, duration=duration, model=model,
                       language=language, cache=job.heard_file)  # fmt: skip
    pieces, told, note = align.align(job.script.text, words, p, duration=duration,
                                     language=language, settings=limits)  # fmt: skip
    dropped = [Skipped(item.reason, item.start, item.end) for item in told]
    return pieces, dropped, "; ".join(filter(None, [heard.note, note]))


def clean_clip(y: np.ndarray, noise: np.ndarray, settings: Settings) -> np.ndarray:
    """What happens to one clip between cutting and writing: noise, level, fades."""
    y = clean.reduce_noise(y, noise, sr=settings.sr, method=settings.denoise)
    return clean.fade(clean.level(y, sr=settings.sr, target=settings.loudness), sr=settings.sr)


def write_clip(path: Path, y: np.ndarray, *, sr: int) -> None:
    """Write a clip whose samples are valid; raises OSError where the disk refuses it."""
    try:
        audio.save_wav(path, y, sr=sr)
    except AudioError as error:
        raise OSError(str(error)) from error


def slug(name: str) -> str:
    """A name for files: ASCII letters, digits and hyphens, at most 40."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")[:40].strip("-") or "recording"
