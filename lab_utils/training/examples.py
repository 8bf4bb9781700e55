"""What a model learns from: clips with the text that they should become."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .. import samples
from ..errors import TrainingError
from ..files import sha256


@dataclass(frozen=True)
class Example:
    """A clip and its text.

    Attributes
    ----------
    path : Path
        A recording of at most 30 s.
    text : str
        What is spoken, written as the model shall write it.
    name : str
        Unique among the examples.
    voice : str
        Who speaks.
    sentence : str
        The same for clips that read the same sentence.
    speed : float
        How fast the clip is played: below 1 slower and deeper, above 1 faster and higher.
    language : str
        What is spoken: the labels name it where the model knows several languages.
    """

    path: Path
    text: str
    name: str
    voice: str = ""
    sentence: str = ""
    speed: float = 1.0
    language: str = "en"


def at_speed(examples: Iterable[Example], speed: float) -> tuple[Example, ...]:
    """The same clips played slower or faster: other voices for free (Ko et al., 2015).

    Raises
    ------
    TrainingError
        The speed is not between 0.5 and 2.
    """
    if not 0.5 <= speed <= 2:
        raise TrainingError(f"Expected a speed between 0.5 and 2, found {speed}.")
    return tuple(
        dataclasses.replace(example, name=f"{example.name} x{speed:g}", speed=speed)
        for example in examples
    )


def jargon(kind: str, split: str, *, voice: str | None = None) -> tuple[Example, ...]:
    """The course's own clips for lab 10: sentences with invented names, and general speech.

    Parameters
    ----------
    kind : {"names", "general"}
    split : {"train", "validation", "test"}
        General speech has ``"replay"`` in place of ``"train"``.
    voice : {"heart", "joe"}, optional
        Only this voice. ``joe`` reads no name in training.

    Raises
    ------
    TrainingError
        No such clips, or a file that is not the one the manifest describes.
    """
    folder = samples.assets_dir() / "jargon"
    found = tuple(
        _example(folder, clip)
        for clip in _manifest(folder / "manifest.json")["clips"]
        if (clip["set"], clip["split"]) == (kind, split) and voice in (None, clip["voice"])
    )
    if not found:
        raise TrainingError(
            "Expected names (train, validation, test) or general (replay, validation, test), "
            f"found {kind!r}, {split!r}, voice {voice!r}."
        )
    return found


def jargon_terms() -> tuple[str, ...]:
    """The invented names."""
    return tuple(_manifest(samples.assets_dir() / "jargon" / "manifest.json")["terms"])


@functools.lru_cache(maxsize=2)
def _manifest(path: Path) -> dict:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"assets/jargon/manifest.json cannot be read ({error}): get it back with "
            "'git checkout -- assets'."
        ) from error


def _example(folder: Path, clip: dict) -> Example:
    path = folder / clip["file"]
    if not path.is_file() or sha256(path) != clip["sha256"]:
        raise TrainingError(
            f"assets/jargon/{clip['file']} is missing or changed: get it back with "
            "'git checkout -- assets'."
        )
    return Example(path, clip["text"], path.stem, clip["voice"], clip["sentence"])


def sentence_frames(examples: Iterable[Example]) -> list[str]:
    """The sentence of each clip without its invented names: the groups of an interval.

    Clips of one frame share their words, and so their errors: they are not independent.
    """
    names = "|".join(jargon_terms())
    return [re.sub(names, "*", example.text) for example in examples]


def from_manifest(folder: str | os.PathLike, *, split: str | None = None) -> tuple[Example, ...]:
    """The clips of a corpus that lab 08 made, each in its language (none noted: English).

    Parameters
    ----------
    folder : path-like
        The corpus: the folder with ``manifest.csv``.
    split : str, optional
        Only the clips of this split.
    """
    from ..corpus.manifest import Manifest

    manifest = Manifest.load(folder)
    return tuple(
        Example(
            manifest.path(clip),
            clip.text,
            clip.id,
            clip.speaker,
            clip.id,
            language=clip.language or "en",
        )
        for clip in manifest.clips
        if split in (None, clip.split)
    )


def shared_sentences(train: Iterable[Example], test: Iterable[Example]) -> tuple[str, ...]:
    """Texts that are in both: a test on them would measure memory, not skill."""
    from ..metrics import normalize

    known = {normalize(e.text, language=e.language) for e in train}
    return tuple(e.text for e in test if normalize(e.text, language=e.language) in known)
