"""A text for each clip: heard by Whisper, taken from a script, from subtitles, or given.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import itertools
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .. import audio, batches, files, models, subtitles
from ..constants import CHUNK_LENGTH, N_SAMPLES, SAMPLE_RATE
from ..errors import AudioError, CorpusError, OptionError, TranscriptError
from ..languages import language_code
from ..progress import bar
from .manifest import Clip, Manifest
from .speech import speech_probabilities

if TYPE_CHECKING:
    import numpy as np
    from whisper import Whisper

CACHE = "heard.jsonl"
NO_SPEECH = "(no speech)"  #: heard in a clip in which nobody speaks
NO_SPEECH_PROB = 0.6  #: whisper's own threshold
SPEECH_PROB = 0.5  #: of the speech detector, for one window of 32 ms
LEAST_FOUND = 0.5  #: share of a clip's heard words in the script
NEAR = 3  #: words between a clip's end and a line's end that count as misheard
_WORD = re.compile(r"[\w']+")
_TOKEN = re.compile(r"<\|[^|<>]*\|>")  # <|endoftext|>, <|en|>, <|0.00|>


def with_whisper(
    manifest: Manifest,
    model: Whisper | str | os.PathLike = "base",
    *,
    language: str | None = None,
    exact: bool = False,
    progress: bool = False,
) -> Manifest:
    """Let Whisper transcribe every clip; resumes where it stopped if interrupted.

    Parameters
    ----------
    model : whisper.Whisper, str or path-like
        A model, its name, or the ``.pt`` file of one.
    language : str, optional
        Of all clips, and noted in those that name none. Default: the one that ``Clip.language``
        names, English where it names none.
    exact : bool
        See :func:`lab_utils.batches.transcribe_many`.

    Returns
    -------
    Manifest
        ``heard`` is filled in every clip that can be read, and ``text`` where there was none. A
        clip in which nobody speaks is heard as :data:`NO_SPEECH` and gets no text: the check names
        it. What was heard is also kept, batch by batch, in ``heard.jsonl``: only what is new, or
        was heard in another way or by other weights, is heard again.

    Raises
    ------
    CorpusError
        The model does not know the language of a recording, a clip is longer than 30 s, or the
        folder of the corpus cannot be written.
    OptionError
        The model does not know ``language``.
    """
    name = "of your own"
    if isinstance(model, str | os.PathLike):
        name, model = Path(model).name, models.load_model(model)
    heard: dict[str, str] = {}
    groups = _by_language(manifest, model, language)
    with bar(len(manifest), progress) as move:
        for spoken, clips in groups.items():
            heard |= _hear(manifest, clips, model, language=spoken, exact=exact, move=move)
    clips = []
    for clip in manifest.speaking(language).clips:
        if (text := heard.get(clip.id)) is not None:
            clip = dataclasses.replace(clip, heard=text)
            by_machine = not clip.text or clip.text_by.startswith("whisper")
            if by_machine and not clip.verdict:
                words = "" if text == NO_SPEECH else text
                clip = dataclasses.replace(clip, text=words, text_by=f"whisper {name}")
        clips.append(clip)
    return manifest.select(clips)


def _hear(
    manifest: Manifest,
    clips: list[Clip],
    model: Whisper,
    *,
    language: str,
    exact: bool,
    move: Callable[..., None],
) -> dict[str, str]:
    """Clip id -> what is heard, of every clip that can be read; each file is opened once."""
    cache = manifest.folder / CACHE
    known = _read_cache(cache)
    way = f"{models.fingerprint(model)} {language} {'exact' if exact else batches.METHOD}"
    keys: dict[str, str] = {}  # clip id -> what the cache knows it by
    waiting: list[tuple[str, np.ndarray]] = []

    def unheard() -> Iterator[np.ndarray]:
        for clip in clips:
            y = _samples(manifest, clip)
            if y is None:
                continue
            keys[clip.id] = key = f"{hashlib.sha256(y.data).hexdigest()} {way}"
            if key in known:
                move()
                continue
            waiting.append((key, y))
            yield y

    def keep(texts: dict[int, batches.ClipText]) -> None:
        for i, text in texts.items():
            key, y = waiting[i]
            known[key] = text.text if somebody_speaks(y, text) else NO_SPEECH
            waiting[i] = (key, y[:0].copy())  # the samples can go
        _write_cache(cache, known)
        move(len(texts))

    batches.transcribe_many(unheard(), model, language=language, exact=exact, on_batch=keep)
    return {name: known[key] for name, key in keys.items()}


def _by_language(manifest: Manifest, model: Whisper, language: str | None) -> dict[str, list[Clip]]:
    """The clips of each language; every one is checked before the first clip is heard."""
    groups: dict[str, list[Clip]] = defaultdict(list)
    for clip in manifest.clips:
        named = language or clip.language.strip() or "en"
        try:
            groups[language_code(named, model=model, required=True)].append(clip)
        except OptionError as error:
            if language:
                raise
            raise CorpusError(
                f"Clip {clip.id!r}: {error} Correct the column 'language', or name one language "
                "for all clips."
            ) from error
    return groups


def _samples(manifest: Manifest, clip: Clip) -> np.ndarray | None:
    """A clip as Whisper hears it; None where it cannot be read, which the check names."""
    try:
        y, _ = audio.load(manifest.path(clip), sr=SAMPLE_RATE)
    except (OSError, AudioError, CorpusError):
        return None
    if len(y) > N_SAMPLES:
        raise CorpusError(
            f"Clip {clip.id!r} lasts {len(y) / SAMPLE_RATE:.1f} s, and Whisper hears "
            f"{CHUNK_LENGTH} s at a time: cut it in a pause, or leave the row out."
        )
    return y


def somebody_speaks(y: np.ndarray, heard: batches.ClipText) -> bool:
    """Whether the text of a clip (float32, at 16 kHz) was spoken at all.

    A clip holds no speech if Whisper says so by its own rule (the no-speech token is probable and
    the text is not), or if the speech detector finds none: Whisper writes "you" into a silence, and
    is sure of it.
    """
    if not heard.text:
        return False
    if heard.no_speech_prob > NO_SPEECH_PROB and heard.avg_logprob < batches.LOWEST_LOGPROB:
        return False
    return bool((speech_probabilities(y, sr=SAMPLE_RATE) > SPEECH_PROB).any())


def _read_cache(path: Path) -> dict[str, str]:
    """What was heard before; a last line that a kill cut off is forgotten."""
    known: dict[str, str] = {}
    if path.is_file():
        for line in path.read_text("utf-8", "replace").split("\n"):  # a text may hold U+2028
            try:
                row = json.loads(line)
                known[str(row["clip"])] = str(row["heard"])
            except (ValueError, KeyError, TypeError):
                continue
    return known


def _write_cache(path: Path, known: dict[str, str]) -> None:
    rows = (json.dumps({"clip": k, "heard": v}, ensure_ascii=False) for k, v in known.items())
    try:
        files.write_text(path, "\n".join(rows) + "\n")
    except OSError as error:
        raise CorpusError(f"{path.name} cannot be written in {path.parent}: {error}") from error


def from_texts(manifest: Manifest, texts: Mapping[str, str], *, by: str = "given") -> Manifest:
    """Take each clip's text from a table ``{clip id: text}``; a reviewed clip keeps its own.

    Raises
    ------
    CorpusError
        A text is for a clip that the corpus does not have, or holds a special token of Whisper's;
        another text is given for a reviewed clip.
    """
    if unknown := sorted(set(texts) - {clip.id for clip in manifest.clips})[:3]:
        raise CorpusError(f"Expected texts for clips of this corpus, found ids {unknown}.")
    for name, text in texts.items():
        refuse_tokens(text, f"The text of clip {name!r}")
    reviewed = {clip.id: clip for clip in manifest.clips if clip.verdict}
    for name, clip in reviewed.items():
        if by == "given" and texts.get(name, clip.text) != clip.text:
            raise CorpusError(
                f"Clip {name!r} was reviewed by {clip.reviewed_by} and keeps its text. Change it "
                "in a review."
            )
    return manifest.updated(
        {k: {"text": v, "text_by": by} for k, v in texts.items() if k not in reviewed}
    )


def refuse_tokens(text: str, what: str) -> None:
    """Raise CorpusError if a text, which the message calls ``what``, holds a special token."""
    if found := _TOKEN.search(text):
        raise CorpusError(
            f"{what} holds {found[0]!r}, a special token of Whisper's and not a word. "
            "Expected only what is spoken: delete it."
        )


def from_subtitles(manifest: Manifest, recording: str, content: str) -> Manifest:
    """Give each clip of a recording the subtitles that lie mostly inside it.

    Parameters
    ----------
    recording : str
        As ``Clip.recording`` names it.
    content : str
        Of an SRT or WebVTT file.

    Raises
    ------
    CorpusError
        There is no cue in it, or one that cannot be read; no clip is of this recording.
    """
    try:
        cues = subtitles.parse(content)
    except TranscriptError as error:
        raise CorpusError(str(error)) from error
    texts = {}
    for clip in _of(manifest, recording):
        if inside := [cue.text for cue in cues if cue.text and _mostly_inside(cue, clip)]:
            words = " ".join(inside).replace("\u00a0", " ").split(" ")
            texts[clip.id] = " ".join(filter(None, words))
    return from_texts(manifest, texts, by="subtitles")


def _mostly_inside(cue: subtitles.Cue, clip: Clip) -> bool:
    if cue.start == cue.end:
        return clip.start <= cue.start < clip.end
    return min(cue.end, clip.end) - max(cue.start, clip.start) > (cue.end - cue.start) / 2


def from_script(manifest: Manifest, recording: str, script: str) -> Manifest:
    """Replace what Whisper heard by the words of the script that were read out.

    The heard words of all clips are aligned with the words of the script; each clip gets the
    stretch that its own words fall on, widened to whole lines where an end is near.

    Parameters
    ----------
    recording : str
        As ``Clip.recording`` names it.
    script : str
        What was read, one sentence a line. It may hold lines that are not in any clip. Where
        less than half of a clip's heard words are found in it, the clip's text stays.

    Raises
    ------
    CorpusError
        The script holds no words, or one of Whisper's special tokens; the clips have not been
        heard yet; no clip is of this recording.
    """
    refuse_tokens(script, "The script")
    lines = [line.strip() for line in script.splitlines() if line.strip()]
    script, length = " ".join(lines), 0
    words: list[tuple[int, int]] = []  # where each lies in the script
    begins: dict[int, int] = {}  # the first word of a line -> where the line begins
    ends: dict[int, int] = {}
    for line in lines:
        if found := [(length + m.start(), length + m.end()) for m in _WORD.finditer(line)]:
            begins[len(words)] = length
            words += found
            ends[len(words) - 1] = length + len(line)
        length += len(line) + 1
    if not words:
        raise CorpusError("Expected a script with words, found none.")
    clips = [clip for clip in _of(manifest, recording) if clip.heard not in ("", NO_SPEECH)]
    if not clips:
        raise CorpusError(f"No clip of {recording!r} has been heard: run label.with_whisper first.")
    heard = [[word.lower() for word in _WORD.findall(clip.heard)] for clip in clips]
    written = [script[start:end].lower() for start, end in words]
    matcher = difflib.SequenceMatcher(None, [*itertools.chain(*heard)], written, autojunk=False)
    place = {
        block.a + k: block.b + k
        for block in matcher.get_matching_blocks()
        for k in range(block.size)
    }
    texts, n_before = {}, 0
    for clip, said in zip(clips, heard, strict=True):
        hits = [i for i in range(n_before, n_before + len(said)) if i in place]
        if hits and len(hits) >= LEAST_FOUND * len(said):
            first = place[hits[0]] - (hits[0] - n_before)
            last = place[hits[-1]] + (n_before + len(said) - 1 - hits[-1])
            first = _nearest(begins, max(0, first))
            last = max(first, _nearest(list(ends)[::-1], min(len(words) - 1, last)))
            start, end = begins.get(first, words[first][0]), ends.get(last, words[last][1])
            texts[clip.id] = script[start:end]
        n_before += len(said)
    return from_texts(manifest, texts, by="script")


def _nearest(places: Collection[int], i: int) -> int:
    """The place nearest to ``i`` if it is near, else ``i``."""
    nearest = min(places, key=lambda place: abs(place - i))
    return nearest if abs(nearest - i) <= NEAR else i


def _of(manifest: Manifest, recording: str) -> list[Clip]:
    clips = sorted((c for c in manifest.clips if c.recording == recording), key=lambda c: c.start)
    if not clips:
        names = sorted({clip.recording for clip in manifest.clips})
        raise CorpusError(f"Expected one of the recordings {names}, found {recording!r}.")
    return clips


def read_script(path: str | os.PathLike) -> str:
    """Read a script; raises CorpusError if it is missing or not UTF-8."""
    try:
        return Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"The script {Path(path).name} cannot be read as UTF-8: {error}"
        ) from error
