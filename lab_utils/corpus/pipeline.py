"""From recordings to clips on disk: streamed, resumable, and the same bytes from any executor.

Each recording is decoded once, block by block, into a file without a name that ends with the work
(see ``passes``), so only a few seconds of sound are in memory at any moment. A clip gets its name
only when it is whole; what is done is written down per recording.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import hashlib
import json
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import audio, files
from ..errors import AudioError, CorpusError
from . import clean, measure, passes, split
from .manifest import MANIFEST, Clip, Dropped, Manifest, read_details
from .split import SplitSettings

DETAILS = "recordings.csv"


@dataclass(frozen=True)
class Settings:
    """Everything that decides what a clip sounds like.

    Attributes
    ----------
    sr : int
        Hz of the clips; the exports go down from here.
    split : SplitSettings
    denoise : {"none", "gate", "noisereduce"}
    loudness : float
        LUFS of every clip.
    most_clipped : float
        A clip is dropped if more than this share of its samples lies at its ceiling.
    """

    sr: int = 22_050
    split: SplitSettings = SplitSettings()
    denoise: str = "none"
    loudness: float = -23.0
    most_clipped: float = measure.MOST_CLIPPED

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
class _Job:
    """One recording to prepare: plain values, so that it travels to another process or machine."""

    path: str
    name: str  # path under the input folder
    id: str
    sha256: str
    out: str
    settings: Settings


def _state_file(job: _Job) -> Path:
    return Path(job.out) / "recordings" / f"{job.id}.json"


def _read_state(job: _Job) -> dict:
    try:
        state = json.loads(_state_file(job).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    same = state.get("settings") == job.settings.digest and state.get("sha256") == job.sha256
    return state if same else {}


def _write_state(job: _Job, **state) -> dict:
    state = {"settings": job.settings.digest, "sha256": job.sha256, "recording": job.name} | state
    with files.replacing(_state_file(job)) as temporary:
        temporary.write_text(json.dumps(state, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return state


def prepare_recording(job: _Job) -> dict:
    """Make the clips of one recording, or find them made; returns what ``recordings/`` keeps."""
    folder = Path(job.out) / "clips" / job.id
    try:
        state = _read_state(job)
        if not state:  # new, or made with other settings: start from nothing
            shutil.rmtree(folder, ignore_errors=True)
            _write_state(job, done=False)
        elif state["done"] and all((Path(job.out) / c["file"]).is_file() for c in state["clips"]):
            return state
        for leftover in folder.glob("*.partial"):
            leftover.unlink(missing_ok=True)
        try:
            clips, dropped, duration = _make_clips(job, folder)
        except AudioError as error:
            clips, duration = [], 0.0
            dropped = [{"start": 0.0, "end": 0.0, "reason": str(error)}]
        return _write_state(job, done=True, duration=duration, clips=clips, dropped=dropped)
    except OSError as error:
        raise CorpusError(
            f"{job.out} cannot be written: {error}. Free some space or name another folder, and "
            "start again: what is finished is kept."
        ) from error


def _make_clips(job: _Job, folder: Path) -> tuple[list[dict], list[dict], float]:
    settings, limits = job.settings, job.settings.split
    with tempfile.TemporaryFile(dir=job.out) as sound:
        heard = passes.listen(job.path, sr=settings.sr, keep=sound)
        clips, dropped, spans = [], [], []
        for span in split.on_speech(heard.probabilities, duration=heard.duration, settings=limits):
            if span.duration < limits.shortest:
                reason = f"{span.duration:.2f} s of speech, shorter than {limits.shortest:g} s"
                dropped.append({"start": span.start, "end": span.end, "reason": reason})
            else:
                spans.append(span)
        if not spans:
            whole = round(heard.duration, 4)
            dropped.append({"start": 0.0, "end": whole, "reason": "no speech found"})
        pieces = passes.cut(sound, spans, sr=settings.sr)
        for number, (span, y) in enumerate(zip(spans, pieces, strict=True), start=1):
            share = measure.clipped_share(y)
            if share > settings.most_clipped:
                reason = f"clipped: {share:.1%} of the samples lie at the ceiling"
                dropped.append({"start": span.start, "end": span.end, "reason": reason})
                continue
            path = folder / f"{job.id}-{number:04d}.wav"
            if not path.is_file():
                _write_clip(path, clean_clip(y, heard.noise_near(span), settings), sr=settings.sr)
            relative = path.relative_to(job.out).as_posix()
            clips.append({"id": path.stem, "file": relative, "start": span.start, "end": span.end})
    dropped.sort(key=lambda item: item["start"])
    return clips, dropped, round(heard.duration, 4)


def clean_clip(y: np.ndarray, noise: np.ndarray, settings: Settings) -> np.ndarray:
    """What happens to one clip between cutting and writing: noise, level, fades."""
    y = clean.reduce_noise(y, noise, sr=settings.sr, method=settings.denoise)
    return clean.fade(clean.level(y, sr=settings.sr, target=settings.loudness), sr=settings.sr)


def _write_clip(path: Path, y: np.ndarray, *, sr: int) -> None:
    try:
        audio.save_wav(path, y, sr=sr)
    except AudioError as error:  # the sound is sound: what failed is the disk
        raise OSError(str(error)) from error


def slug(name: str) -> str:
    """A name for files: ASCII letters, digits and hyphens, at most 40."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")[:40].strip("-") or "recording"


def prepare(
    recordings: str | os.PathLike,
    out: str | os.PathLike,
    *,
    settings: Settings | None = None,
    executor: concurrent.futures.Executor | None = None,
    progress: bool = False,
) -> Manifest:
    """Turn recordings into clips and a manifest; killed and started again, it goes on.

    Parameters
    ----------
    recordings : path-like
        A folder (searched with its subfolders) or one file. Never written to. A table
        ``recordings.csv`` in it may name speaker, language, licence and consent for each file.
    out : path-like
        The folder of the corpus. A recording takes 4 bytes a sample there while it is worked on.
    settings : Settings, optional
    executor : concurrent.futures.Executor, optional
        Where the recordings are worked on: a ``ProcessPoolExecutor``, or beyond one machine a Dask
        ``Client.get_executor(pure=False)``. Default: one after another, here. Same bytes from all.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Manifest
        Saved as ``out/manifest.csv``; what did not become a clip is in ``out/dropped.csv``. Texts
        and splits of clips that have not changed are kept.

    Raises
    ------
    CorpusError
        No recordings, an ``out`` that cannot be written or lies among the recordings, or another
        run at work there. A recording that cannot be read is listed in ``dropped`` instead.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb.
    """
    import filelock

    settings = settings or Settings()
    source, out = Path(recordings), Path(out)
    try:
        paths = audio.find(source).recordings
    except AudioError as error:
        raise CorpusError(str(error)) from error
    if not paths:
        raise CorpusError(f"Expected recordings in {source}, found no file of a known format.")
    root = source if source.is_dir() else source.parent
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise CorpusError(
            "Expected a folder for the corpus outside the recordings, so that clips are never "
            f"taken for recordings; found {out} inside {source}."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(out / ".lock", blocking=False):
            dropped: list[Dropped] = []
            jobs = _jobs(paths, root, out, settings, dropped)
            states = _run(jobs, len(paths), executor, progress)
            return _collect(out, states, dropped, _details(root))
    except filelock.Timeout as error:
        raise CorpusError(f"Another run is at work in {out}: wait until it ends.") from error
    except OSError as error:
        raise CorpusError(f"{out} cannot be written: {error}. Name another folder.") from error


def _details(root: Path) -> dict[str, dict[str, str]]:
    return read_details(root / DETAILS) if (root / DETAILS).is_file() else {}


def _jobs(
    paths: list[Path], root: Path, out: Path, settings: Settings, dropped: list[Dropped]
) -> Iterator[_Job]:
    """One job for each recording with content of its own; the others go into ``dropped``."""
    seen: dict[str, str] = {}
    for path in paths:
        name = path.relative_to(root).as_posix()
        try:
            sha256 = files.sha256(path)
        except OSError as error:
            dropped.append(Dropped(name, f"cannot be opened: {error.strerror}"))
            continue
        if first := seen.get(sha256):
            dropped.append(Dropped(name, f"the same file as {first!r}, byte for byte"))
            continue
        seen[sha256] = name
        identity = f"{slug(path.stem)}-{sha256[:6]}"
        yield _Job(str(path.resolve()), name, identity, sha256, str(out.resolve()), settings)


def _run(jobs: Iterable[_Job], most: int, executor, progress: bool) -> list[dict]:
    """Work on each job as soon as it is known; there are at most ``most``."""
    from tqdm import tqdm

    with tqdm(total=most, unit="recording", disable=not progress) as bar:
        if executor is None:
            states = []
            for job in jobs:
                states.append(prepare_recording(job))
                bar.update()
            return states
        futures: list[concurrent.futures.Future] = []
        try:
            for job in jobs:
                futures.append(executor.submit(prepare_recording, job))
            for future in concurrent.futures.as_completed(futures):
                future.result()
                bar.update()
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        return [future.result() for future in futures]


def _collect(out: Path, states: list[dict], dropped: list[Dropped], details: dict) -> Manifest:
    """The manifest of everything that was made, with the texts that are still true."""
    known = {}
    if (out / MANIFEST).is_file():
        known = {(c.id, c.start, c.end): c for c in Manifest.load(out).clips}
    clips = []
    for state in sorted(states, key=lambda state: state["recording"]):
        name = state["recording"]
        told = {k: details.get(name, {}).get(k, "") for k in _TOLD}
        for row in state["clips"]:
            clip = Clip(**row, recording=name, **told)
            if old := known.get((clip.id, clip.start, clip.end)):
                kept = {k: getattr(old, k) for k in ("text", "text_by", "heard", "split")}
                clip = dataclasses.replace(clip, **kept)
            clips.append(clip)
        dropped += [Dropped(name, d["reason"], d["start"], d["end"]) for d in state["dropped"]]
    dropped.sort(key=lambda item: (item.recording, item.start))
    manifest = Manifest(out, tuple(clips), tuple(dropped))
    manifest.save()
    return manifest


_TOLD = ("speaker", "language", "licence", "consent")
