"""Review clips in a spreadsheet: a table of all clips, the worst on top, and its way back.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Collection
from pathlib import Path

from .. import tables
from ..errors import CorpusError, TableError
from . import pipeline
from .manifest import VERDICTS, Clip, Manifest
from .review import decided, queue, reviewer
from .rules import WHISPER, Contract

COLUMNS = ("id", "file", "speaker", "language", "text", "heard", "findings", "verdict", "version")
_READ = ("id", "text", "verdict", "version")  #: what comes back


def write(
    folder: str | os.PathLike, out: str | os.PathLike, *, contract: Contract = WHISPER
) -> Path:
    """Write the clips as a table for a spreadsheet: what is undecided first, the worst on top.

    Fill in ``verdict`` (accepted or rejected), correct ``text``, and give the table to
    :func:`apply`. A cell that a spreadsheet would calculate has an apostrophe before it.

    Raises
    ------
    CorpusError
        There is no manifest, ``out`` exists already, or it cannot be written.
    """
    out, manifest = Path(out), Manifest.load(folder)
    if os.path.lexists(out):
        raise CorpusError(
            f"{out} exists already, and decisions may be in it: apply it, or name another file."
        )
    order = queue(manifest, contract)
    clips = {clip.id: clip for clip in manifest.clips}
    rows = []
    for name in order.ids[order.n_decided :] + order.ids[: order.n_decided]:
        clip, found = clips[name], "\n".join(order.findings.get(name, ()))
        told = (clip.id, clip.file, clip.speaker, clip.language, clip.text, clip.heard, found)
        rows.append([*map(tables.quoted, told), clip.verdict, _row_version(clip)])
    return tables.write(out, COLUMNS, rows, mark=True)


def apply(folder: str | os.PathLike, sheet: str | os.PathLike, *, by: str) -> tuple[Clip, ...]:
    """Take verdicts and texts from a table that :func:`write` wrote: all of them or none.

    Rows may be missing, and rows without a verdict wait. A verdict that was deleted is withdrawn.

    Parameters
    ----------
    by : str
        Who reviewed.

    Returns
    -------
    tuple of Clip
        What was changed.

    Raises
    ------
    CorpusError
        A column is missing; a row, named with its line, has an unknown or doubled id, no valid
        verdict, a new text without a verdict, or a text that :meth:`Review.decide` refuses; its
        clip was changed since the table was written; another run is at work.
    """
    by, path = reviewer(by), Path(sheet)
    try:
        rows = tables.read(path, required=_READ)
    except FileNotFoundError as error:
        raise CorpusError(f"Expected a table at {path}, found none.") from error
    Manifest.load(folder)  # before a lock is put into a folder that is no corpus
    with pipeline.at_work(Path(folder)):
        manifest = Manifest.load(folder)
        clips = {clip.id: clip for clip in manifest.clips}
        changed: dict[str, Clip] = {}
        for name, line, row in _named(rows, clips, path.name):
            if clip := _from_row(clips[name], row, f"{path.name}, line {line}", by):
                changed[name] = clip
        if changed:
            manifest.updated({name: vars(clip) for name, clip in changed.items()}).save(
                checked=True
            )
    return tuple(changed.values())


def _named(
    rows: list[tuple[int, dict[str, str]]], known: Collection[str], table: str
) -> list[tuple[str, int, dict[str, str]]]:
    """Clip id, line and cells of each row; an id that is unknown or there twice is refused."""
    lines: dict[str, int] = {}
    for line, row in rows:
        name = tables.unquoted(row["id"])
        if name not in known:
            raise TableError(
                f"{table}, line {line}: the corpus has no clip {name[:60]!r}. If a spreadsheet "
                "changed the ids, import the column id as text."
            )
        if (first := lines.setdefault(name, line)) != line:
            raise TableError(f"{table}, line {line}: clip {name!r} is in line {first} already.")
    return [(name, *row) for name, row in zip(lines, rows, strict=True)]


def _from_row(clip: Clip, row: dict[str, str], what: str, by: str) -> Clip | None:
    """The clip as a row of a table wants it; None where that changes nothing."""
    verdict, text = row["verdict"].strip().lower(), tables.unquoted(row["text"])
    new_text = text.split() != clip.text.split()
    untouched = _row_version(dataclasses.replace(clip, text=text, verdict=verdict))
    if row["version"] == untouched or (verdict == clip.verdict and not new_text):
        return None
    if row["version"] != _row_version(clip):
        raise TableError(
            f"{what}: clip {clip.id!r} was changed since the table was written. Nothing was "
            "applied. Write a new table, and copy your decisions into it."
        )
    if verdict not in ("", *VERDICTS):
        raise TableError(
            f"{what}: expected accepted, rejected or no verdict, found {row['verdict']!r:.60}."
        )
    if verdict:
        try:
            return decided(clip, verdict, text=text if new_text else None, by=by)
        except CorpusError as error:
            raise TableError(f"{what}: {error}") from error
    if new_text:
        raise TableError(
            f"{what}: the text was changed and there is no verdict. Write accepted or rejected."
        )
    return dataclasses.replace(clip, verdict="", reviewed_by="", reviewed_at="")


def _row_version(clip: Clip) -> str:
    """Changes with what a decision is about; letters in front, so that it is no number."""
    told = (clip.file, clip.start, clip.end, clip.text, clip.verdict)
    return "v" + hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]
