"""The sample clips: key → verified file, its text, language, speaker and licence.

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import registry
from .constants import SAMPLE_RATE
from .errors import SampleError
from .places import cache_dir
from .registry import ASSETS_VARIABLE as ASSETS_VARIABLE
from .registry import assets_dir

if TYPE_CHECKING:
    import pandas as pd

Times = tuple[tuple[str, float, float], ...]  #: text, start and end in seconds


@dataclass(frozen=True)
class Sample:
    """A clip and what is known of it."""

    key: str  #: the short name that the labs use
    path: Path  #: verified by SHA-256
    text: str  #: what is spoken, word for word; empty where nothing is
    language: str  #: Whisper's code of the language, or ``""``
    speaker: str
    licence: str
    made: str  #: how the clip was made
    duration: float  #: seconds
    sr: int = SAMPLE_RATE  #: Hz, the file's own
    channels: int = 1
    words: Times = ()  #: the true times, where the clip was put together from single words
    segments: Times = ()  #: the same for sentences with silences of known length between them
    switch: float | None = None  #: seconds after which the language changes
    names: tuple[str, ...] = ()  #: in the text, which Whisper does not know how to spell
    heard_as: str = ""  #: the language that Whisper base detects: not always the one spoken


def keys() -> tuple[str, ...]:
    """The keys of all clips in the repository, in the order of the registry."""
    return tuple(registry.read("samples"))


def get(key: str) -> Sample:
    """Look a clip up and verify its file, those of human speakers included.

    Raises
    ------
    SampleError
        The key is unknown, or the file is missing or is not the one the registry describes.
    """
    shipped, human = registry.read("samples"), registry.read("human")
    if key in shipped:
        return _sample(key, shipped[key], registry.verified(shipped[key], folder=assets_dir()))
    if key not in human:
        known = ", ".join([*shipped, *human])
        raise SampleError(f"Expected the key of a sample clip, found {key!r}. Keys: {known}.")
    path = cache_dir() / human[key]["file"]
    if not registry.is_here(path, human[key]["sha256"]):
        raise SampleError(
            f"The clip {key} is not on this machine: bring it with "
            "'python -m lab_utils samples --human'."
        )
    return _sample(key, human[key], path)


def _sample(key: str, entry: Mapping[str, Any], path: Path) -> Sample:
    known = {field.name for field in dataclasses.fields(Sample)}
    facts = {name: _frozen(value) for name, value in entry.items() if name in known}
    return Sample(key=key, path=path, **facts)


def _frozen(value: Any) -> Any:
    """Lists become tuples, all the way down."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def path(key: str) -> Path:
    """The verified file of a clip."""
    return get(key).path


def table() -> pd.DataFrame:
    """Every clip as a row: key, language, duration (seconds), speaker, text."""
    import pandas as pd

    rows = pd.DataFrame.from_dict(registry.read("samples"), orient="index").rename_axis("key")
    return rows[["language", "duration", "speaker", "text"]]
