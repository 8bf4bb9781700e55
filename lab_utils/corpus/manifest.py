"""The list of a corpus: one row a clip, one row for everything that was dropped, and why.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import files, tables
from ..errors import CorpusError, TableError
from ..languages import known_code, language_code

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.csv"
DROPPED = "dropped.csv"
SPLITS = ("train", "validation", "test")
VERDICTS = ("accepted", "rejected")


@dataclass(frozen=True)
class Clip:
    """One clip and what is known of it."""

    id: str  #: unique in the corpus and safe as a file name
    file: str  #: path from the folder of the corpus, with forward slashes
    recording: str = ""  #: the recording that it was cut from
    start: float = 0.0  #: where in the recording, in seconds
    end: float = 0.0
    speaker: str = ""  #: this and the next three come from ``recordings.csv``
    language: str = ""
    licence: str = ""
    consent: str = ""
    text: str = ""  #: what is spoken
    #: ``"whisper base"``, ``"script"``, ``"subtitles"``, ``"given"`` or ``"review"``
    text_by: str = ""
    heard: str = ""  #: what Whisper wrote down, to compare the text with
    split: str = ""  #: ``"train"``, ``"validation"``, ``"test"`` or empty
    clipping: str = ""  #: what speaks for clipping in the recording's own samples; empty: nothing
    verdict: str = ""  #: a reviewer's, ``"accepted"`` or ``"rejected"``; empty: not reviewed
    reviewed_by: str = ""
    reviewed_at: str = ""  #: date and time in UTC, as in ISO 8601
    more: tuple[tuple[str, str], ...] = ()  #: columns of your own and their cells, kept as they are

    @property
    def duration(self) -> float:
        """Seconds that were cut."""
        return self.end - self.start

    @property
    def code(self) -> str:
        """Of the language, English where none is named; ``"und"`` for one that is not known."""
        return known_code(self.language, default="en")


@dataclass(frozen=True)
class Dropped:
    """What did not become a clip: a recording, or a stretch of one in seconds, and the reason."""

    recording: str
    reason: str
    start: float = 0.0
    end: float = 0.0


@dataclass(frozen=True)
class Manifest:
    """A corpus on disk."""

    folder: Path  #: every ``Clip.file`` counts from here
    clips: tuple[Clip, ...]
    dropped: tuple[Dropped, ...] = ()
    #: what the run that made it noticed, in sentences: ignored files, files that were kept
    notes: tuple[str, ...] = dataclasses.field(default=(), compare=False)

    def __len__(self) -> int:
        return len(self.clips)

    def path(self, clip: Clip) -> Path:
        """Where a clip's file is; raises CorpusError for a path outside the corpus."""
        what = f"Clip {clip.id!r}: the file"
        return files.inside(self.folder, clip.file, what=what, where="the corpus")

    def updated(self, values: Mapping[str, Mapping[str, Any]]) -> Manifest:
        """A copy in which some clips have other values: ``{clip id: {field: value}}``."""
        clips = tuple(dataclasses.replace(c, **values.get(c.id, {})) for c in self.clips)
        return dataclasses.replace(self, clips=clips)

    def speaking(self, language: str | None) -> Manifest:
        """A copy in which the clips that name no language have this one; None: as it is.

        Raises
        ------
        OptionError
            Not the code or the English name of a language that Whisper knows.
        """
        if language is None:
            return self
        language_code(language)
        unnamed = (clip.id for clip in self.clips if not clip.language.strip())
        return self.updated({name: {"language": language} for name in unnamed})

    def select(self, clips: Iterable[Clip]) -> Manifest:
        """The same corpus with these clips only."""
        return dataclasses.replace(self, clips=tuple(clips))

    def kept(self) -> Manifest:
        """The same corpus without the clips that a reviewer rejected."""
        return self.select(clip for clip in self.clips if clip.verdict != "rejected")

    def table(self) -> pd.DataFrame:
        """One row a clip: id, recording, speaker, start, duration (seconds), text, split."""
        columns = ["id", "recording", "speaker", "start", "duration", "text", "split"]
        return _frame(self.clips, columns)

    def dropped_table(self) -> pd.DataFrame:
        """One row for each thing that was dropped: recording, start, end (seconds), reason."""
        return _frame(self.dropped, ["recording", "start", "end", "reason"])

    def save(self, *, checked: bool = False) -> Path:
        """Write ``manifest.csv`` and ``dropped.csv``; returns the manifest's path.

        Parameters
        ----------
        checked : bool
            The manifest on disk is known to be the one that this one was made from.

        Raises
        ------
        CorpusError
            The manifest on disk has later reviews of the same clips, or it cannot be written.
        """
        if not checked:
            self._refuse_to_lose_reviews()
        _write(self.folder / DROPPED, Dropped, self.dropped)
        return _write(self.folder / MANIFEST, Clip, self.clips)

    def _refuse_to_lose_reviews(self) -> None:
        try:
            before = Manifest.load(self.folder).clips
        except CorpusError:  # none, or no table
            return
        ours = {(clip.id, clip.start, clip.end): clip.reviewed_at for clip in self.clips}
        later = [c.id for c in before if ours.get((c.id, c.start, c.end), "~") < c.reviewed_at]
        if later:
            raise CorpusError(
                f"{MANIFEST} in {self.folder} has reviews of {len(later)} clips that would be "
                f"lost, such as {later[0]!r}. Load it again (Manifest.load), and repeat the step."
            )

    @classmethod
    def load(cls, folder: str | os.PathLike) -> Manifest:
        """Read the manifest of a corpus.

        Raises
        ------
        CorpusError
            It is missing or no table of clips, or a row, which is named, has an id that is not
            safe as a file name or not unique, times that are none, or an unknown split or verdict.
        """
        folder = Path(folder)
        if not (folder / MANIFEST).exists():
            raise CorpusError(
                f"Expected {MANIFEST} in {folder}, found none. Prepare the recordings first."
            )
        rows = _read(folder / MANIFEST, Clip, required=("id", "file"))
        check_ids(((line, clip.id) for line, clip in rows), table=MANIFEST)
        for line, clip in rows:
            for name, known in (("split", SPLITS), ("verdict", VERDICTS)):
                if (found := getattr(clip, name)) and found not in known:
                    raise TableError(
                        f"{MANIFEST}, line {line}: expected one of the {name}s {', '.join(known)} "
                        f"or none, found {found!r}."
                    )
        dropped = ()
        if (folder / DROPPED).exists():
            dropped = _read(folder / DROPPED, Dropped, required=("recording", "reason"))
        return cls(folder, tuple(clip for _, clip in rows), tuple(item for _, item in dropped))


def check_ids(ids: Iterable[tuple[int, str]], *, table: str) -> None:
    """Check the ids of a table, each with its line, as file names on every system.

    Raises
    ------
    CorpusError
        One is not safe as a file name, or two are the same where case or the form of accents
        does not count.
    """
    seen: dict[str, tuple[int, str]] = {}
    for line, name in ids:
        files.check_name(name, what=f"{table}, line {line}: the id")
        first, other = seen.setdefault(files.fold(name), (line, name))
        if first != line:
            alike = "" if name == other else f", the same file name as {other!r} on some systems,"
            raise TableError(
                f"{table} has more than one row for {name!r}{alike}: lines {first} and {line}. "
                "Give each clip its own id."
            )


def _frame(rows: Iterable[Clip | Dropped], columns: list[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([[getattr(r, name) for name in columns] for r in rows], columns=columns)


def _names(kind: type[Clip] | type[Dropped]) -> list[str]:
    return [field.name for field in dataclasses.fields(kind) if field.name != "more"]


def _write(path: Path, kind: type[Clip] | type[Dropped], rows: Sequence[Clip | Dropped]) -> Path:
    names = _names(kind)
    others = [dict(getattr(row, "more", ())) for row in rows]
    more = list(dict.fromkeys(name for cells in others for name in cells))
    cells = (
        [*(getattr(row, name) for name in names), *(other.get(name, "") for name in more)]
        for row, other in zip(rows, others, strict=True)
    )
    return tables.write(path, [*names, *more], cells)


def _read(
    path: Path, kind: type[Clip] | type[Dropped], *, required: Sequence[str]
) -> list[tuple[int, Any]]:
    names, made = set(_names(kind)), []
    for line, cells in tables.read(path, required=required):
        values: dict[str, Any] = {name: cell for name, cell in cells.items() if name in names}
        for name in ("start", "end"):
            if name in values:
                values[name] = seconds(values[name], f"{path.name}, line {line}: the {name}")
        start = values.get("start", 0.0)
        if (end := values.setdefault("end", start)) < start:
            raise TableError(
                f"{path.name}, line {line}: the end, {end:g} s, comes before the start, "
                f"{start:g} s."
            )
        if kind is Clip:
            values["more"] = tuple(item for item in cells.items() if item[0] not in names)
        made.append((line, kind(**values)))
    return made


def seconds(cell: str, what: str) -> float:
    """A cell as seconds, 0 if it is empty; raises TableError for anything else."""
    try:
        value = float(cell or 0)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise TableError(f"{what}: expected seconds, 0 or more, found {cell[:40]!r}.")
    return value


def read_details(path: str | os.PathLike) -> dict[str, dict[str, str]]:
    """Read ``recordings.csv``: file name -> speaker, language, licence, consent, script.

    Raises
    ------
    CorpusError
        It is no table with a column ``file``, or has two rows for one file.
    """
    path = Path(path)
    try:
        rows = tables.read(path, required=["file"], short=True)
    except FileNotFoundError as error:
        raise TableError(f"Expected {path.name} in {path.parent}, found none.") from error
    lines: dict[str, int] = {}
    for line, row in rows:
        first = lines.setdefault(row["file"], line)
        if first != line:
            raise TableError(
                f"{path.name} has two rows for {row['file']!r}, lines {first} and {line}: "
                "delete one."
            )
    return {row["file"]: row for _, row in rows}
