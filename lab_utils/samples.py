"""The sample clips: key → verified file, its text, language, speaker and licence.

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import files
from .errors import SampleError

if TYPE_CHECKING:
    import pandas as pd

ASSETS_VARIABLE = "WHISPER_LAB_ASSETS"


@dataclass(frozen=True)
class Sample:
    """A clip and what is known of it.

    Attributes
    ----------
    key : str
        The short name that the labs use.
    path : Path
        The file, verified by SHA-256.
    text : str
        What is spoken, word for word; empty where nothing is.
    language : str
        Whisper's code of the language, or ``""``.
    speaker, licence, made : str
        Whose voice, under what licence, and how the clip was made.
    duration : float
        Seconds.
    sr, channels : int
        The file's own sampling rate in Hz and number of channels.
    words : tuple of (str, float, float)
        Where the clip was put together from single words: each with its true start and end, in
        seconds. Empty elsewhere.
    segments : tuple of (str, float, float)
        The same for clips made of sentences with silences of known length between them.
    switch : float or None
        Seconds after which the language changes.
    names : tuple of str
        Names in the text that Whisper does not know how to spell.
    heard_as : str
        The language that Whisper base detects in the clip: not always the one spoken.
    """

    key: str
    path: Path
    text: str
    language: str
    speaker: str
    licence: str
    made: str
    duration: float
    sr: int = 16_000
    channels: int = 1
    words: tuple[tuple[str, float, float], ...] = ()
    segments: tuple[tuple[str, float, float], ...] = ()
    switch: float | None = None
    names: tuple[str, ...] = ()
    heard_as: str = ""


def assets_dir() -> Path:
    """The folder ``assets`` of the project (``WHISPER_LAB_ASSETS`` overrides it)."""
    if folder := os.environ.get(ASSETS_VARIABLE):
        return Path(folder).expanduser()
    return Path(__file__).resolve().parent.parent / "assets"


def keys() -> tuple[str, ...]:
    """The keys of all clips, in the order of the registry."""
    return tuple(_registry())


def get(key: str) -> Sample:
    """Look a clip up and verify its file.

    Raises
    ------
    SampleError
        The key is unknown, or the file is missing or is not the one the registry describes.
    """
    registry = _registry()
    if key not in registry:
        raise SampleError(
            f"Expected the key of a sample clip, found {key!r}. Keys: {', '.join(registry)}."
        )
    entry = registry[key]
    path = assets_dir() / entry["file"]
    if not path.is_file():
        raise SampleError(f"{entry['file']} is missing: get it back with 'git checkout -- assets'.")
    if files.sha256(path) != entry["sha256"]:
        raise SampleError(
            f"{entry['file']} is not the file that assets/registry.json describes: get it back "
            "with 'git checkout -- assets', or, if you changed it on purpose, remake the registry."
        )
    known = {field.name for field in dataclasses.fields(Sample)} - {"key", "path"}
    facts = {name: _frozen(value) for name, value in entry.items() if name in known}
    return Sample(key=key, path=path, **facts)


def _frozen(value):
    """Lists become tuples, all the way down."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def path(key: str) -> Path:
    """The verified file of a clip."""
    return get(key).path


def table() -> pd.DataFrame:
    """Every clip as a row: key, language, duration (seconds), speaker, text."""
    import pandas as pd

    columns = ["language", "duration", "speaker", "text"]
    rows = {key: [entry[column] for column in columns] for key, entry in _registry().items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("key")


def _registry() -> dict[str, dict]:
    path = assets_dir() / "registry.json"
    try:
        return _read_registry(path, path.stat().st_mtime_ns)
    except (OSError, ValueError) as error:
        raise SampleError(f"The registry of sample clips cannot be read: {error}") from error


@functools.lru_cache(maxsize=2)
def _read_registry(path: Path, _changed: int) -> dict[str, dict]:
    return json.loads(path.read_text("utf-8"))["samples"]
