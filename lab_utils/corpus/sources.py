"""What the readers of foreign corpora share: where a corpus is, its rows, and what must be unique.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from .. import files, tables
from ..errors import CorpusError, TableError
from .manifest import Clip, Manifest, check_ids

METADATA = "metadata.csv"
DETAILS = "details.csv"  #: beside tables of ours that have no columns for them
DETAIL_COLUMNS = ("recording", "speaker", "language", "licence", "consent", "heard", "split")
_SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}


class Source(NamedTuple):
    """Where a corpus is, and what its reader was told about it."""

    folder: Path
    tables: tuple[Path, ...]
    audio: Path | None = None  #: the folder that paths count from; None: the table's own
    text: str | None = None  #: the column with the transcripts

    @property
    def root(self) -> Path:
        """The folder that every file counts from and is in."""
        return self.audio or self.folder

    def name(self, table: Path) -> str:
        """A table as messages name it."""
        return table.relative_to(self.folder).as_posix()

    def file(self, table: Path, line: int, path: str) -> str:
        """A path from a table, counted from the root."""
        base = self.audio or table.parent
        if any(len(part.encode()) > 255 for part in path.split("/")) or len(path) > 1000:
            raise TableError(
                f"{self.name(table)}, line {line}: expected the path of a file, found a name that "
                f"is too long for one, {path[:60]!r}."
            )
        found = files.inside(
            self.root,
            str(Path(os.path.relpath(base, self.root)) / path),
            what=f"{self.name(table)}, line {line}: the file",
            where="the corpus (--audio FOLDER names the folder of its sound)",
        )
        return found.relative_to(self.root.resolve()).as_posix()


class Row(NamedTuple):
    """A clip and where it is told of."""

    table: str
    line: int
    clip: Clip


def split_of(name: str) -> str:
    """The split that a folder or table is called after; empty if none, or several.

    Examples
    --------
    >>> split_of("train_manifest"), split_of("dev-clean"), split_of("validated")
    ('train', 'validation', '')
    """
    words = re.split(r"[^a-z]+", name.lower())
    found = {_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS}
    return found.pop() if len(found) == 1 else ""


def rows(path: Path, read: Callable[..., list], **options: object) -> list:
    """What a reader of tables finds; a table that is missing or has no rows is refused."""
    try:
        if rows := read(path, **options):
            return rows
    except FileNotFoundError as error:
        raise CorpusError(f"Expected {path.name} in {path.parent}, found none.") from error
    raise CorpusError(f"{path.name} in {path.parent} has no rows.")


def unquoted(cell: str) -> str:
    """A cell as it was before the csv module quoted it: only that doubles every inner mark."""
    is_quoted = '""' in cell[1:-1] and re.fullmatch(r'"(?:[^"]|"")*"', cell)
    return cell[1:-1].replace('""', '"') if is_quoted else cell


def details(folder: Path) -> dict[str, dict[str, str]]:
    """What ``details.csv`` tells of each clip."""
    if not (folder / DETAILS).exists():
        return {}
    rows = tables.read(folder / DETAILS, required=["id"])
    return {row["id"]: {k: row.get(k, "") for k in DETAIL_COLUMNS} for _, row in rows}


def manifest(source: Source, rows: list[Row], notes: Iterable[str] = ()) -> Manifest:
    """The clips, once their ids are checked in each table and over all tables."""
    for table in dict.fromkeys(row.table for row in rows):
        check_ids(((r.line, r.clip.id) for r in rows if r.table == table), table=table)
    seen: dict[str, Row] = {}
    for row in rows:
        first = seen.setdefault(files.fold(row.clip.id), row)
        if first is not row:
            raise TableError(
                f"{row.table}, line {row.line}: the clip {row.clip.id!r} is in {first.table}, line "
                f"{first.line}, too. Keep one, or name one of the tables in place of the folder."
            )
    notes = list(notes)
    if silent := sum(not row.clip.text for row in rows):
        notes.append(f"{silent} of {len(rows)} clips have no text")
    return Manifest(source.root, tuple(row.clip for row in rows), notes=tuple(notes))
