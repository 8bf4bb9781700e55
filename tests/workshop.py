"""The workshop's corpus for the tests of lab_utils.corpus: made once, texts from the truth."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from pathlib import Path

from lab_utils import samples
from lab_utils.corpus import label, pipeline
from lab_utils.corpus.manifest import Manifest

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


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder and its bytes, but for the lock."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
