"""A folder that we wrote and can prove it: replaced in one step, and nothing else is touched.

The seal names every file that an export wrote, with size and SHA-256, and a digest over the list.
A folder without a valid seal is never written to; files that we did not write, or that were changed
since, are never removed.

A new version is written whole into a hidden folder beside the old one and gets links to the files
that are not ours. Then both swap names in one step (:func:`lab_utils.files.exchange`), so that at
every instant the name leads to the whole old version or to the whole new one. Where the system
cannot do that (Windows, some network disks), two renames follow one another; a run that is killed
between them leaves both versions whole in the hidden folder, and the next run finishes.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .. import files
from ..errors import CorpusError

SEAL = ".whisper-lab-export.json"
VERSION = 1
_OURS = re.compile(  # what an export can write: a seal that names anything else is none
    r"(?:metadata|metadata_(?:train|validation|test)|details)\.csv|config\.json"
    r"|wavs/[^/]+\.wav|(?:train|validation|test)/(?:metadata\.csv|[^/]+\.wav)"
    r"|(?:train|validation|test)_manifest\.json"
    r"|(?:train|dev|test)/(?:wav\.scp|text|reco2dur|utt2spk|spk2utt|utt2lang)"
)


@dataclass
class Staging:
    """A new version that is being written."""

    folder: Path  #: where to write
    notes: list[str] = field(default_factory=list)  #: afterwards: which other files were kept


@contextlib.contextmanager
def replacing(out: str | os.PathLike, *, kind: str) -> Iterator[Staging]:
    """Write a new version of a folder; it takes the place of the old one when the block ends well.

    Parameters
    ----------
    out : path-like
        A folder that does not exist, is empty, or was written by this function.
    kind : str
        Of the export, for the seal.

    Raises
    ------
    CorpusError
        ``out`` is a file, a link, somebody else's folder, or has files of ours that were changed;
        another export is at work there; the new version cannot be written or take its place. In
        each case what was there stays as it was.
    """
    out = Path(os.path.abspath(out))
    try:
        _check_place(out)
        with _workspace(out) as work:
            staging = Staging(work / "staging")
            _clean_up(work, out, staging.notes)
            ours = _proved(out)
            try:
                staging.folder.mkdir()
                yield staging
                _write_seal(staging.folder, kind)
                kept = _link_others(out, staging.folder, ours)
                os.rename(staging.folder, work / "new")
                _swap(work / "new", out, work / "old")
                if kept:
                    staging.notes.append(f"kept in {out.name}, not ours: {', '.join(kept)}")
            finally:
                _clean_up(work, out, staging.notes)
    except OSError as error:
        raise CorpusError(
            f"The export to {out} failed: {error}. What was there is still there. Free some space; "
            "if it is a disk of its own or open in another program, name a folder inside it."
        ) from error


def read(folder: Path) -> dict[str, tuple[int, str]]:
    """The files that a folder's seal names: path -> (bytes, SHA-256).

    Raises
    ------
    CorpusError
        There is no seal, or it is not as it was written.
    """
    try:
        if (folder / SEAL).is_symlink():
            raise ValueError("is a link")
        seal = json.loads((folder / SEAL).read_text("utf-8"))
        kind, listed = seal["kind"], seal["files"]
        if seal["version"] != VERSION or seal["digest"] != _digest(kind, listed):
            raise ValueError("was changed")
        for name, (size, sha256) in listed.items():
            if not (_OURS.fullmatch(name) and isinstance(size, int) and isinstance(sha256, str)):
                raise ValueError(f"names {name[:80]!r}")
            for part in name.split("/"):
                files.check_name(part.removesuffix(".wav"))
    except FileNotFoundError:
        raise CorpusError(
            f"{folder} is there and is no export of ours: nothing in it is replaced. "
            "Name another folder."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorpusError(
            f"{folder} is no export that can be replaced: its {SEAL} is not as it was written "
            f"({error}). Name another folder."
        ) from error
    return {name: (size, sha256) for name, (size, sha256) in listed.items()}


def _digest(kind: object, listed: object) -> str:
    text = json.dumps([VERSION, kind, listed], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _write_seal(folder: Path, kind: str) -> None:
    listed = {
        path.relative_to(folder).as_posix(): [path.stat().st_size, files.sha256(path)]
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    seal = {"version": VERSION, "kind": kind, "files": listed, "digest": _digest(kind, listed)}
    files.write_text(folder / SEAL, json.dumps(seal, indent=1, ensure_ascii=False) + "\n")
    read(folder)


def _check_place(out: Path) -> None:
    if out.is_symlink():
        raise CorpusError(f"{out} is a link: name the folder itself.")
    if out.exists() and not out.is_dir():
        raise CorpusError(f"{out} is a file and no export: name a folder.")
    if Path.cwd().is_relative_to(out.resolve()):
        raise CorpusError(f"{out} is the folder this runs in: start from outside it.")


@contextlib.contextmanager
def _workspace(out: Path) -> Iterator[Path]:
    """The hidden folder beside ``out``, for this run alone; gone afterwards if it is empty."""
    import filelock

    work = out.with_name(f".{out.name}.whisper-lab")
    if work.is_symlink():
        raise CorpusError(f"{work} is a link: remove it.")
    lock = work / "lock"
    try:
        with files.lock(lock):
            try:
                yield work
            finally:
                with contextlib.suppress(OSError):
                    lock.unlink()
    except filelock.Timeout as error:
        raise CorpusError(f"Another export to {out} is at work: wait until it ends.") from error
    finally:
        with contextlib.suppress(OSError):
            work.rmdir()


def _content(path: Path) -> tuple[int, str] | str | None:
    """What a file holds (bytes, SHA-256) or where a link leads; None for anything else."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return os.readlink(path)
    return (found.st_size, files.sha256(path)) if stat.S_ISREG(found.st_mode) else None


def _proved(out: Path) -> set[str]:
    """The files in ``out`` that we wrote and nobody changed; anything less is refused."""
    if not out.exists() or not any(out.iterdir()):
        return set()
    listed = read(out)
    there = {name for name in listed if os.path.lexists(out / name)}
    changed = sorted(
        name
        for name in there
        if (out / name).parent.is_symlink() or _content(out / name) != listed[name]
    )
    if changed:
        raise CorpusError(
            f"{out} holds files that were changed since they were exported: "
            f"{', '.join(changed[:5])}. Move them elsewhere, or name another folder."
        )
    if not there:
        raise CorpusError(
            f"{out} is no export: its {SEAL} names no file that is there. Name another folder."
        )
    return there


def _entries(folder: Path) -> Iterator[Path]:
    """Everything under a folder that is not a folder with something in it; links not followed."""

    def stop(error: OSError) -> None:
        raise error

    for root, folders, names in os.walk(folder, topdown=False, onerror=stop):
        here = Path(root)
        yield from (here / name for name in sorted(names))
        yield from (here / name for name in sorted(folders) if (here / name).is_symlink())
        if here != folder and not folders and not names:
            yield here


def _link_others(out: Path, staging: Path, ours: set[str]) -> list[str]:
    """Give the new version every file in ``out`` that is not ours; returns their top names."""
    kept = set()
    if not out.exists():
        return []
    shutil.copymode(out, staging)
    for path in _entries(out):
        name = path.relative_to(out).as_posix()
        if name in ours or name == SEAL:
            continue
        if path.lstat().st_dev != out.stat().st_dev:
            raise CorpusError(f"{path} lies on another disk than {out}: name another folder.")
        try:
            if path.is_dir() and not path.is_symlink():
                (staging / name).mkdir(parents=True, exist_ok=True)
            else:
                _link(path, staging / name)
                kept.add(name.split("/")[0])
        except (FileExistsError, NotADirectoryError) as error:
            raise CorpusError(
                f"{path} is not ours, and the export needs its name: move it elsewhere."
            ) from error
    return sorted(kept)


def _link(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):  # a disk without links: copy
        if not (path.is_symlink() or path.is_file()):
            raise
        shutil.copy2(path, target, follow_symlinks=False)


def _swap(new: Path, out: Path, old: Path) -> None:
    """Put ``new`` in the place of ``out``; the old version is then at ``new`` or at ``old``."""
    if not out.exists():
        os.rename(new, out)
        return
    try:
        files.exchange(new, out)
    except OSError as error:
        if error.errno in (errno.EBUSY, errno.EXDEV):
            raise
        os.rename(out, old)
        try:
            os.rename(new, out)
        except OSError:
            os.rename(old, out)
            raise


def _clean_up(work: Path, out: Path, notes: list[str]) -> None:
    """Finish or undo a swap, by this run or by one that was killed, and remove what is left."""
    shutil.rmtree(work / "staging", ignore_errors=True)  # never the only copy of anything
    new, old = work / "new", work / "old"
    if new.is_symlink() or old.is_symlink():
        raise CorpusError(f"{work} holds a link that no export made: remove it.")
    if old.is_dir() and not out.exists():
        os.rename(new if new.is_dir() else old, out)
    for left in (old, new):
        if left.is_dir():
            try:
                notes += [f"kept as {name}" for name in _dissolve(left, out)]
            except OSError as error:
                notes.append(f"left behind: {left} ({error})")


def _dissolve(folder: Path, out: Path) -> list[str]:
    """Remove a version that was replaced; what is neither ours nor in ``out`` is moved there."""
    try:
        ours = read(folder)
    except CorpusError:
        ours = {}
    moved = []
    for path in list(_entries(folder)):
        name = path.relative_to(folder).as_posix()
        if name == SEAL:
            continue
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        elif _is_twin(path, out / name) or _content(path) == ours.get(name, ""):
            path.unlink()
        else:
            moved.append(_move(path, out / name).relative_to(out.parent).as_posix())
    for root, _, _ in os.walk(folder, topdown=False):
        if Path(root) != folder:
            os.rmdir(root)
    (folder / SEAL).unlink(missing_ok=True)
    folder.rmdir()
    return moved


def _is_twin(path: Path, other: Path) -> bool:
    if not os.path.lexists(other):
        return False
    if os.path.samestat(path.lstat(), other.lstat()):
        return True
    return (content := _content(path)) is not None and content == _content(other)


def _move(path: Path, target: Path) -> Path:
    """Move a file to a name that is free."""
    free, number = target, 1
    while os.path.lexists(free):
        free, number = target.with_name(f"{target.name}.kept-{number}"), number + 1
    free.parent.mkdir(parents=True, exist_ok=True)
    os.rename(path, free)
    return free
