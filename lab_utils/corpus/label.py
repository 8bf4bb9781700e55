"""A text for each clip: heard by Whisper, taken from a script, from subtitles, or given.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .. import batches, files, subtitles
from ..errors import AudioError, CorpusError, TranscriptError
from ..subtitles import Cue
from .manifest import Clip, Manifest

if TYPE_CHECKING:
    from whisper import Whisper

CACHE = "heard.jsonl"
_WORD = re.compile(r"[\w']+")


def with_whisper(
    manifest: Manifest,
    model: Whisper | str = "base",
    *,
    language: str = "en",
    exact: bool = False,
    progress: bool = False,
) -> Manifest:
    """Let Whisper write down every clip; killed and started again, it goes on.

    Parameters
    ----------
    manifest : Manifest
    model : whisper.Whisper or str
    language : str
    exact : bool
        See :func:`lab_utils.batches.transcribe_clips`.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Manifest
        ``heard`` is filled in every clip, and ``text`` where there was none. What was heard is also
        kept, batch by batch, in ``heard.jsonl``: only what is new or changed is heard again, in the
        same batches as before, so that the texts are the same whether or not it was interrupted.
    """
    from tqdm import tqdm

    from ..models import load_model

    name = model if isinstance(model, str) else "of your own"
    done = _read_cache(manifest.folder / CACHE)
    clips, keys, durations = [], [], []
    for clip in manifest.clips:
        try:
            key = files.sha256(manifest.path(clip))
            durations.append(batches.duration_of(manifest.path(clip)))
        except (OSError, AudioError, CorpusError):
            continue  # the check names it
        clips.append(clip)
        keys.append(f"{key[:24]} {name} {language} {'exact' if exact else 'shared'}")
    # only whole batches are left out: who sits beside a clip decides a little what is heard
    todo = [b for b in batches.plan(durations) if any(keys[i] not in done for i in b)]
    if todo and isinstance(model, str):
        model = load_model(model)
    with tqdm(total=sum(map(len, todo)), unit="clip", disable=not progress) as bar:
        for batch in todo:
            texts = batches.transcribe_clips(
                [manifest.path(clips[i]) for i in batch], model, language=language, exact=exact
            )
            new = {keys[i]: text.text for i, text in zip(batch, texts, strict=True)}
            _append_cache(manifest.folder / CACHE, new)
            done |= new
            bar.update(len(batch))
    values = {}
    for clip, key in zip(clips, keys, strict=True):
        values[clip.id] = {"heard": done[key]}
        if not clip.text or clip.text_by.startswith("whisper"):
            values[clip.id] |= {"text": done[key], "text_by": f"whisper {name}"}
    return manifest.updated(values)


def _read_cache(path: Path) -> dict[str, str]:
    """What was heard before; a last line that a kill cut off is forgotten."""
    known: dict[str, str] = {}
    if path.is_file():
        for line in path.read_text("utf-8").splitlines():
            try:
                row = json.loads(line)
                known[row["clip"]] = row["heard"]
            except (ValueError, KeyError, TypeError):
                continue
    return known


def _append_cache(path: Path, new: dict[str, str]) -> None:
    """Write the whole file anew with the new lines: whole or not at all."""
    known = _read_cache(path) | new
    try:
        with files.replacing(path) as temporary:
            lines = (
                json.dumps({"clip": k, "heard": v}, ensure_ascii=False) for k, v in known.items()
            )
            temporary.write_text("\n".join(lines) + "\n", "utf-8")
    except OSError as error:
        raise CorpusError(f"{path.name} cannot be written in {path.parent}: {error}") from error


def from_texts(manifest: Manifest, texts: Mapping[str, str], *, by: str = "given") -> Manifest:
    """Take each clip's text from a table ``{clip id: text}``.

    Raises
    ------
    CorpusError
        A text is for a clip that the corpus does not have.
    """
    if unknown := sorted(set(texts) - {clip.id for clip in manifest.clips})[:3]:
        raise CorpusError(f"Expected texts for clips of this corpus, found ids {unknown}.")
    return manifest.updated({k: {"text": v, "text_by": by} for k, v in texts.items()})


def parse_subtitles(text: str) -> list[Cue]:
    """Read SRT or WebVTT: see :func:`lab_utils.subtitles.parse`.

    Raises
    ------
    CorpusError
        There is no cue in it, or one that cannot be read.
    """
    try:
        return subtitles.parse(text)
    except TranscriptError as error:
        raise CorpusError(str(error)) from error


def from_subtitles(manifest: Manifest, recording: str, subtitles: str) -> Manifest:
    """Give each clip of a recording the subtitles that lie mostly inside it.

    Parameters
    ----------
    recording : str
        As ``Clip.recording`` names it.
    subtitles : str
        The content of an SRT or WebVTT file.
    """
    cues, values = parse_subtitles(subtitles), {}
    for clip in _of(manifest, recording):
        inside = [cue.text for cue in cues if cue.text and _mostly_inside(cue, clip)]
        if inside:
            words = " ".join(inside).replace("\u00a0", " ").split(" ")
            values[clip.id] = {"text": " ".join(filter(None, words)), "text_by": "subtitles"}
    return manifest.updated(values)


def _mostly_inside(cue: Cue, clip: Clip) -> bool:
    if cue.start == cue.end:
        return clip.start <= cue.start < clip.end
    return min(cue.end, clip.end) - max(cue.start, clip.start) > (cue.end - cue.start) / 2


def from_script(manifest: Manifest, recording: str, script: str, *, least: float = 0.5) -> Manifest:
    """Replace what Whisper heard by the words of the script that were read out.

    The heard words of all clips are aligned with the words of the script; each clip gets the
    stretch that its own words fall on, widened to whole lines where an end is near.

    Parameters
    ----------
    recording : str
        As ``Clip.recording`` names it.
    script : str
        What was read, one sentence a line. It may hold lines that are not in any clip.
    least : float
        Share of a clip's heard words that must be found in the script; else its text stays.

    Returns
    -------
    Manifest

    Raises
    ------
    CorpusError
        The script holds no words, or the clips have not been heard yet.
    """
    lines = [line.strip() for line in script.splitlines() if line.strip()]
    words = [(m.start(), m.end(), i) for i, line in enumerate(lines) for m in _WORD.finditer(line)]
    if not words:
        raise CorpusError("Expected a script with words, found none.")
    clips = [clip for clip in _of(manifest, recording) if clip.heard]
    if not clips:
        raise CorpusError(f"No clip of {recording!r} has been heard: run label.with_whisper first.")
    heard = [(w.lower(), n) for n, c in enumerate(clips) for w in _WORD.findall(c.heard)]
    written = [lines[i][a:b].lower() for a, b, i in words]
    matcher = difflib.SequenceMatcher(None, [w for w, _ in heard], written, autojunk=False)
    hits: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for block in matcher.get_matching_blocks():
        for k in range(block.size):
            hits[heard[block.a + k][1]].append((block.a + k, block.b + k))
    starts = {n: heard.index(next(h for h in heard if h[1] == n)) for n in hits}
    values = {}
    for n, pairs in hits.items():
        length = len(_WORD.findall(clips[n].heard))
        if len(pairs) < least * length:
            continue
        first = pairs[0][1] - (pairs[0][0] - starts[n])
        last = pairs[-1][1] + (starts[n] + length - 1 - pairs[-1][0])
        text = _stretch(lines, words, max(0, first), min(len(words) - 1, last))
        values[clips[n].id] = {"text": text, "text_by": "script"}
    return manifest.updated(values)


def _stretch(lines: list[str], words: list[tuple[int, int, int]], first: int, last: int) -> str:
    """The script from one word to another; an end within three words of a line's moves there."""
    begins = [i for i, word in enumerate(words) if i == 0 or words[i - 1][2] != word[2]]
    ends = [i - 1 for i in begins[1:]] + [len(words) - 1]
    first = min(begins, key=lambda i: (abs(i - first), i)) if _near(begins, first) else first
    last = min(ends, key=lambda i: (abs(i - last), -i)) if _near(ends, last) else last
    last = max(first, last)
    pieces = []
    for line in range(words[first][2], words[last][2] + 1):
        inside = [w for w in words[first : last + 1] if w[2] == line]
        whole_start = words.index(inside[0]) in begins
        whole_end = words.index(inside[-1]) in ends
        a = 0 if whole_start else inside[0][0]
        b = len(lines[line]) if whole_end else inside[-1][1]
        pieces.append(lines[line][a:b])
    return " ".join(pieces)


def _near(places: list[int], i: int) -> bool:
    return min(abs(place - i) for place in places) <= 3


def _of(manifest: Manifest, recording: str) -> list[Clip]:
    clips = sorted((c for c in manifest.clips if c.recording == recording), key=lambda c: c.start)
    if not clips:
        names = sorted({clip.recording for clip in manifest.clips})
        raise CorpusError(f"Expected one of the recordings {names}, found {recording!r}.")
    return clips


def read_script(path: str | os.PathLike) -> str:
    """Read a script as UTF-8.

    Raises
    ------
    CorpusError
        It is missing or not UTF-8.
    """
    try:
        return Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"The script {Path(path).name} cannot be read as UTF-8: {error}"
        ) from error
