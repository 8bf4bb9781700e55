"""The workshop's corpus for the tests of lab_utils.corpus: made once, texts from the truth."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from lab_utils import audio, samples
from lab_utils.constants import VOICE_SR
from lab_utils.corpus import label, pipeline
from lab_utils.corpus.manifest import Clip, Manifest

FOLDER = samples.assets_dir() / "workshop"


@functools.cache
def truth() -> dict:
    return json.loads((FOLDER / "truth.json").read_text("utf-8"))


def sentences(recording: str) -> list[tuple[float, float]]:
    return [(start, end) for _, start, end in truth()[recording]["sentences"]]


@functools.cache
def corpus() -> Manifest:
    """All three recordings, with noise reduction; every text is what was said."""
    folder = Path(tempfile.mkdtemp(prefix="whisper-lab-corpus-"))
    settings = pipeline.Settings(denoise="gate")
    made = pipeline.prepare(FOLDER, folder / "corpus", settings=settings)
    texts = {clip.id: said(clip) for clip in made.clips}
    made = label.from_texts(made, texts).updated({k: {"heard": v} for k, v in texts.items()})
    made.save()
    return made


def said(clip) -> str:
    rows = truth()[clip.recording]["sentences"]
    return min(rows, key=lambda row: abs(row[1] - clip.start))[0]


def small(folder: Path, n: int = 3) -> Manifest:
    """A copy of a few of the student's clips, to spoil."""
    clips = [clip for clip in corpus().clips if clip.recording == "student.flac"][:n]
    for clip in clips:
        (folder / clip.file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(corpus().path(clip), folder / clip.file)
    made = Manifest(folder, tuple(clips))
    made.save()
    return made


def murmured(folder: Path, said: dict[str, tuple[str, str]]) -> Manifest:
    """A corpus of synthetic sounds with these texts, made at once: clip id -> (text, heard)."""
    clips = []
    for i, (name, (text, heard)) in enumerate(said.items()):
        clip = Clip(
            *(name, f"clips/{name}.wav", "talk.flac", 3.0 * i, 3.0 * i + 2.5),
            **{"speaker": "ann", "language": "en", "licence": "CC0", "consent": "written"},
            **{"text": text, "text_by": "whisper base" if text else "", "heard": heard},
            more=(("mood", "calm"),),
        )
        (folder / "clips").mkdir(parents=True, exist_ok=True)
        audio.save_wav(folder / clip.file, murmur(i), sr=VOICE_SR)
        clips.append(clip)
    made = Manifest(folder, tuple(clips))
    made.save()
    return made


def murmur(seed: int, seconds: float = 2.5) -> np.ndarray:
    """Noise that rises and falls as speech does: no two seeds alike."""
    rng = np.random.default_rng(seed)
    beat = np.interp(
        np.arange(0, seconds, 1 / VOICE_SR), np.arange(26) / 10, rng.uniform(0.02, 1, 26)
    )
    return (0.2 * beat * rng.standard_normal(len(beat))).clip(-0.9, 0.9).astype(np.float32)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder and its bytes, but for the lock."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
