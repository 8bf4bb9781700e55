"""The list of a corpus: one row a clip, one row for everything that was dropped, and why.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import collections
import csv
import dataclasses
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import files
from ..errors import CorpusError

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.csv"
DROPPED = "dropped.csv"


@dataclass(frozen=True)
class Clip:
    """One clip and what is known of it.

    Attributes
    ----------
    id : str
        Unique in the corpus; made from the recording's name, its content and a number.
    file : str
        Path from the folder of the corpus, with forward slashes.
    recording : str
        The recording that the clip was cut from.
    start, end : float
        Where in the recording, in seconds.
    speaker, language, licence, consent : str
        From ``recordings.csv`` beside the recordings.
    text : str
        What is spoken.
    text_by : str
        Where the text came from: ``"whisper base"``, ``"script"``, ``"subtitles"``, ``"given"``.
    heard : str
        What Whisper wrote down, to compare the text with.
    split : str
        ``"train"``, ``"validation"``, ``"test"`` or empty.
    """

    id: str
    file: str
    recording: str = ""
    start: float = 0.0
    end: float = 0.0
    speaker: str = ""
    language: str = ""
    licence: str = ""
    consent: str = ""
    text: str = ""
    text_by: str = ""
    heard: str = ""
    split: str = ""

    @property
    def duration(self) -> float:
        """Seconds that were cut."""
        return self.end - self.start


@dataclass(frozen=True)
class Dropped:
    """What did not become a clip: a recording, or a stretch of one in seconds, and the reason."""

    recording: str
    reason: str
    start: float = 0.0
    end: float = 0.0


@dataclass(frozen=True)
class Manifest:
    """A corpus on disk.

    Attributes
    ----------
    folder : Path
        Every ``Clip.file`` counts from here.
    clips : tuple of Clip
    dropped : tuple of Dropped
    """

    folder: Path
    clips: tuple[Clip, ...]
    dropped: tuple[Dropped, ...] = ()

    def __len__(self) -> int:
        return len(self.clips)

    def path(self, clip: Clip) -> Path:
        """Where a clip's file lies.

        Raises
        ------
        CorpusError
            The row's path leads outside the folder of the corpus.
        """
        root = self.folder.resolve()
        path = (root / clip.file).resolve()
        if not path.is_relative_to(root) or path == root:
            raise CorpusError(
                f"Clip {clip.id!r} names the file {clip.file!r}, which lies outside the corpus. "
                "Expected a path inside its folder: correct the row, or copy the file in."
            )
        return path

    def updated(self, values: Mapping[str, Mapping[str, Any]]) -> Manifest:
        """A copy in which some clips have other values: ``{clip id: {field: value}}``."""
        clips = tuple(dataclasses.replace(c, **values.get(c.id, {})) for c in self.clips)
        return dataclasses.replace(self, clips=clips)

    def select(self, clips: Iterable[Clip]) -> Manifest:
        """The same corpus with these clips only."""
        return dataclasses.replace(self, clips=tuple(clips))

    def table(self) -> pd.DataFrame:
        """One row a clip: id, recording, speaker, start, duration (seconds), text, split."""
        import pandas as pd

        columns = ["id", "recording", "speaker", "start", "duration", "text", "split"]
        rows = [[getattr(clip, name) for name in columns] for clip in self.clips]
        return pd.DataFrame(rows, columns=columns)

    def dropped_table(self) -> pd.DataFrame:
        """One row for each thing that was dropped: recording, start, end (seconds), reason."""
        import pandas as pd

        columns = ["recording", "start", "end", "reason"]
        rows = [[getattr(item, name) for name in columns] for item in self.dropped]
        return pd.DataFrame(rows, columns=columns)

    def save(self) -> Path:
        """Write ``manifest.csv`` and ``dropped.csv``; returns the manifest's path."""
        _write(self.folder / DROPPED, Dropped, self.dropped)
        return _write(self.folder / MANIFEST, Clip, self.clips)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> Manifest:
        """Read the manifest of a corpus.

        Raises
        ------
        CorpusError
            It is missing, is no table of clips, or names a clip twice.
        """
        folder = Path(folder)
        clips = tuple(_read(folder / MANIFEST, Clip))
        counts = collections.Counter(clip.id for clip in clips)
        if twice := [name for name, n in counts.most_common(3) if n > 1]:
            raise CorpusError(
                f"{MANIFEST} has more than one row for {twice}: give each its own id."
            )
        dropped = folder / DROPPED
        return cls(folder, clips, tuple(_read(dropped, Dropped)) if dropped.is_file() else ())


def _write(path: Path, kind: type, rows: Iterable) -> Path:
    names = [field.name for field in dataclasses.fields(kind)]
    try:
        with (
            files.replacing(path) as temporary,
            open(temporary, "w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(names)
            writer.writerows([getattr(row, name) for name in names] for row in rows)
    except OSError as error:
        raise CorpusError(f"{path.name} could not be written to {path.parent}: {error}") from error
    return path


def _read(path: Path, kind: type) -> list:
    fields = {field.name: field for field in dataclasses.fields(kind)}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
            header = list(rows[0]) if rows else None
    except FileNotFoundError as error:
        raise CorpusError(
            f"Expected {path.name} in {path.parent}, found none. Prepare the recordings first."
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path.name} cannot be read as a UTF-8 table: {error}") from error
    needed = [n for n, f in fields.items() if f.default is dataclasses.MISSING]
    if header is not None and (missing := [n for n in needed if n not in header]):
        raise CorpusError(f"{path.name} lacks the columns {missing}; found {header}.")
    made = []
    for line, row in enumerate(rows, start=2):
        values = {n: row[n] for n in fields if row.get(n) is not None}
        try:
            for name in ("start", "end"):
                if name in values:
                    values[name] = float(values[name] or 0)
            made.append(kind(**values))
        except (TypeError, ValueError) as error:
            raise CorpusError(f"{path.name}, line {line}, is not a row of it: {error}") from error
    return made


def read_details(path: str | os.PathLike) -> dict[str, dict[str, str]]:
    """Read ``recordings.csv``: file name -> speaker, language, licence, consent, script.

    Raises
    ------
    CorpusError
        It is no table with a column ``file``.
    """
    path = Path(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path.name} cannot be read as a UTF-8 table: {error}") from error
    if "file" not in (reader.fieldnames or ()):
        raise CorpusError(f"{path.name} needs a column 'file'; found {reader.fieldnames}.")
    return {row["file"]: {k: v or "" for k, v in row.items() if k} for row in rows}
