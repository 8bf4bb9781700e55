"""From recordings to clips on disk: streamed, resumable, and the same bytes from any executor.

Each recording is decoded once, block by block, into a file without a name that ends with the work
(see ``passes``), so only a few seconds of sound are in memory at any moment. A clip gets its name
only when it is whole; what is done is written down per recording.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from .. import audio, files
from ..errors import AudioError, CorpusError, OptionError
from ..languages import language_code
from ..progress import bar
from .job import Job, Script, Settings, State, prepare_recording, slug
from .manifest import MANIFEST, Clip, Dropped, Manifest, read_details
from .script import read_script, sentences, tokens

DETAILS = "recordings.csv"
MOST_NAMED = 20  #: files in one note
_COMPANIONS = (".csv", ".txt", ".srt", ".vtt", ".json")  #: what a recording may have beside it
#: temporary names of ``files.replacing`` for the tables and states of a corpus
_LEFTOVER = re.compile(
    r"(?:manifest(?:\.before-\d+)?|dropped|heard"
    r"|[a-z0-9-]+-[0-9a-f]{6,64}(?:\.heard)?)-[a-z0-9_]{8}\.partial"
)


def prepare(
    recordings: str | os.PathLike,
    out: str | os.PathLike,
    *,
    settings: Settings | None = None,
    language: str = "",
    scripts: str | os.PathLike | None = None,
    model: str | os.PathLike = "base",
    executor: concurrent.futures.Executor | None = None,
    progress: bool = False,
) -> Manifest:
    """Turn recordings into clips and a manifest; it resumes where it was interrupted.

    Parameters
    ----------
    recordings : path-like
        A folder (searched with its subfolders) or one file. Never written to. A table
        ``recordings.csv`` in it may name speaker, language, licence and consent for each file.
    out : path-like
        The folder of the corpus. A recording takes 4 bytes a sample there while it is worked on.
    language : str
        Of the recordings for which ``recordings.csv`` names none.
    scripts : path-like, optional
        A folder with what was read, in ``NAME.txt`` for each recording, or the one file of one
        recording. Such a recording is cut between the sentences of its script, and each clip gets
        its own; what is only in one of both is in ``dropped.csv``: see ``align``.
    model : str or path-like
        The Whisper that hears where the sentences are: a name or a ``.pt`` file.
    executor : concurrent.futures.Executor, optional
        Where the recordings are worked on: a ``ProcessPoolExecutor``, or beyond one machine a Dask
        ``Client.get_executor(pure=False)``. Default: one after another, here. Same bytes from all.

    Returns
    -------
    Manifest
        Saved as ``out/manifest.csv``; what did not become a clip is in ``out/dropped.csv``. Texts
        and splits of clips that have not changed are kept; where clips with a text by hand are no
        longer cut, the old table is kept too. ``notes`` names ignored files.

    Raises
    ------
    CorpusError
        No recordings, no script where scripts are asked for, one that cannot be read, a language
        that the model does not know, a ``recordings.csv`` or an earlier manifest that is no such
        table, an ``out`` that cannot be written or lies among the recordings, or another run at
        work there. A recording that cannot be read is listed in ``dropped`` instead.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb.
    """
    settings = settings or Settings()
    source, out = Path(recordings), Path(out)
    try:
        found = audio.find(source)
    except AudioError as error:
        raise CorpusError(str(error)) from error
    if not found.recordings:
        raise CorpusError(f"Expected recordings in {source}, found no file of a known format.")
    root = source if source.is_dir() else source.parent
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise CorpusError(
            "Expected a folder for the corpus outside the recordings, so that clips are never "
            f"taken for recordings; found {out} inside {source}."
        )
    details = read_details(root / DETAILS) if os.path.lexists(root / DETAILS) else {}
    notes = _notes(found, root, details)
    languages = _languages(found.recordings, root, details, language)
    if scripts is None:
        texts = {}
    else:
        texts = _scripts(languages, Path(scripts), model)
        if without := [files.printable(name) for name in languages if name not in texts]:
            notes.append(f"without a script, so cut in the pauses: {_some(without)}")
    with at_work(out):
        try:
            before = Manifest.load(out) if os.path.lexists(out / MANIFEST) else Manifest(out, ())
            dropped: list[Dropped] = []
            jobs = _jobs(found.recordings, root, out, settings, texts, dropped)
            with bar(len(found.recordings), progress, unit="recording") as move:
                done = _run(jobs, executor, move)
            done.sort(key=lambda pair: pair[0].name)
            made = _collect(before, done, dropped, details, languages)
            notes += [f"{files.printable(j.name)}: {s.note}" for j, s in done if s.note]
            notes += _keep_texts(before, made)
            made.save()
        except OSError as error:
            raise CorpusError(f"{out} cannot be written: {error}. Name another folder.") from error
    return dataclasses.replace(made, notes=tuple(notes))


@contextlib.contextmanager
def at_work(out: Path) -> Iterator[None]:
    """Lock a corpus for one run, and remove what killed runs left half written.

    Raises
    ------
    CorpusError
        Another run is at work there, or the folder cannot be written.
    """
    import filelock

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(files.lock(out / ".lock"))
        except filelock.Timeout as error:
            raise CorpusError(f"Another run is at work in {out}: wait until it ends.") from error
        except OSError as error:
            raise CorpusError(f"{out} cannot be written: {error}. Name another folder.") from error
        for folder in (out, out / "recordings"):
            for path in folder.glob("*.partial"):
                if _LEFTOVER.fullmatch(path.name):
                    path.unlink(missing_ok=True)
        yield


def _notes(found: audio.Found, root: Path, details: dict[str, dict[str, str]]) -> list[str]:
    """What the reader should know before the work starts."""
    notes = []
    names = [
        f"{files.printable(path.relative_to(root).as_posix())} ({reason})"
        for path, reason in found.ignored
        if path.suffix.lower() not in _COMPANIONS
    ]
    if names:
        notes.append(f"ignored: {_some(names)}")
    there = {_nfc(path.relative_to(root).as_posix()) for path in found.recordings}
    if missing := [files.printable(name) for name in details if _nfc(name) not in there]:
        notes.append(f"{DETAILS} names what is not among the recordings: {_some(missing)}")
    return notes


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    n_files = "1 file" if len(names) == 1 else f"{len(names)} files"
    return f"{n_files}: {', '.join(names[:MOST_NAMED])}{more}"


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _languages(
    paths: Iterable[Path], root: Path, details: dict[str, dict[str, str]], language: str
) -> dict[str, str]:
    """The language of each recording; empty where none is named."""
    by_form = {_nfc(name): row.get("language", "").strip() for name, row in details.items()}
    names = [path.relative_to(root).as_posix() for path in paths]
    return {name: by_form.get(_nfc(name), "") or language for name in names}


def _scripts(
    languages: dict[str, str], scripts: Path, model: str | os.PathLike
) -> dict[str, Script]:
    """The script of each recording that has one."""
    if scripts.is_file():
        if len(languages) > 1:
            raise CorpusError(
                f"Expected one recording for the script {scripts.name}, found {len(languages)}: "
                "name a folder with a NAME.txt for each."
            )
        paths = dict.fromkeys(languages, scripts)
    else:
        paths = {n: (scripts / n).with_suffix(".txt") for n in languages}
        paths = {name: path for name, path in paths.items() if path.is_file()}
    if not paths:
        example = Path(next(iter(languages))).with_suffix(".txt").name
        raise CorpusError(f"Expected scripts like {example!r} in {scripts}, found none.")
    weights = ""
    if isinstance(model, os.PathLike) or str(model).endswith(".pt"):
        model = Path(model).resolve()
        weights = files.sha256(model) if model.is_file() else ""
    made = {}
    for name, path in paths.items():
        try:
            code = language_code(languages[name] or "en", model=os.fspath(model), required=True)
        except OptionError as error:
            raise CorpusError(f"{files.printable(name)!r}: {error}") from error
        made[name] = Script(read_script(path), os.fspath(model), weights, code)
        if not any(tokens(text, code) for text in sentences(made[name].text)):
            raise CorpusError(f"Expected a script with words, found none in {path.name}.")
    return made


def _jobs(
    paths: Iterable[Path],
    root: Path,
    out: Path,
    settings: Settings,
    scripts: dict[str, Script],
    dropped: list[Dropped],
) -> Iterator[Job]:
    """One job for each recording with content of its own; the others go into ``dropped``."""
    seen: dict[str, str] = {}
    ids: set[str] = set()
    for path in paths:
        name = path.relative_to(root).as_posix()
        try:
            name.encode()
        except UnicodeEncodeError:
            reason = "its name is not UTF-8, so no table can hold it: rename the file"
            dropped.append(Dropped(files.printable(name), reason))
            continue
        try:
            sha256 = files.sha256(path)
        except OSError as error:
            dropped.append(Dropped(name, f"cannot be opened: {error.strerror}"))
            continue
        if first := seen.get(sha256):
            dropped.append(Dropped(name, f"the same file as {first!r}, byte for byte"))
            continue
        seen[sha256] = name
        identity = next(
            i for n in (6, 12, 64) if (i := f"{slug(path.stem)}-{sha256[:n]}") not in ids
        )
        ids.add(identity)
        script = scripts.get(name)
        yield Job(str(path.resolve()), name, identity, sha256, str(out.resolve()), settings, script)


def _run(
    jobs: Iterable[Job], executor: concurrent.futures.Executor | None, move: Callable[[], None]
) -> list[tuple[Job, State]]:
    """Work on each job as soon as it is known."""
    done: list[tuple[Job, State]] = []
    futures: list[concurrent.futures.Future] = []
    try:
        for job in jobs:
            if executor is None:
                done.append(prepare_recording(job))
                move()
            else:
                futures.append(executor.submit(prepare_recording, job))
        for future in concurrent.futures.as_completed(futures):
            done.append(future.result())
            move()
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    return done


def _collect(
    before: Manifest,
    done: list[tuple[Job, State]],
    dropped: list[Dropped],
    details: dict[str, dict[str, str]],
    languages: dict[str, str],
) -> Manifest:
    """The manifest of everything that was made, with the texts that are still true."""
    known = {_cut(clip): clip for clip in before.clips}
    by_form = {_nfc(name): row for name, row in details.items()}
    clips, dropped = [], list(dropped)
    for job, state in done:
        told = details.get(job.name) or by_form.get(_nfc(job.name), {})
        values: dict[str, Any] = {k: told.get(k, "") for k in ("speaker", "licence", "consent")} | {
            "language": languages[job.name]
        }
        for cut in state.clips:
            clip = job.clip(cut)
            old = known.get(_cut(clip), clip)
            by_hand = old.verdict or not (
                old.text_by in ("", "script") or old.text_by.startswith("whisper")
            )
            if clip.text and not by_hand:
                old = dataclasses.replace(old, text=clip.text, text_by="script", heard=clip.heard)
            values |= {"file": clip.file, "recording": clip.recording, "clipping": clip.clipping}
            clips.append(dataclasses.replace(old, **values))
        dropped += [Dropped(job.name, *item) for item in state.dropped]
    dropped.sort(key=lambda item: (item.recording, item.start))
    return Manifest(before.folder, tuple(clips), tuple(dropped))


def _keep_texts(before: Manifest, made: Manifest) -> list[str]:
    """Keep the old table where clips with a person's work in them are no longer in the new one."""
    there = {_cut(clip) for clip in made.clips}
    lost = [clip for clip in before.clips if _cut(clip) not in there and _by_hand(clip)]
    if not lost:
        return []
    number = 1
    while (kept := before.folder / f"manifest.before-{number}.csv").exists():
        number += 1
    with files.replacing(kept) as temporary:
        shutil.copyfile(before.folder / MANIFEST, temporary)
    return [f"texts of {len(lost)} clips that are no longer cut: kept in {kept.name}"]


def _cut(clip: Clip) -> tuple[str, float, float]:
    """What must be the same for a text to be still true."""
    return clip.id, clip.start, clip.end


def _by_hand(clip: Clip) -> bool:
    return bool(clip.more or clip.verdict or (clip.text and not clip.text_by.startswith("whisper")))
