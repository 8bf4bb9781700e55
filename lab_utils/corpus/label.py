"""A text for each clip: heard by Whisper, taken from a script, from subtitles, or given.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import audio, batches, models, subtitles
from ..constants import CHUNK_LENGTH, N_SAMPLES, SAMPLE_RATE
from ..errors import AudioError, CorpusError, OptionError, TranscriptError
from ..languages import language_code
from ..metrics import unit_of
from ..metrics.alignment import units
from ..progress import bar
from ..transcripts import Word
from .heard import NO_SPEECH, Heard, hear_clips, spoken_text, spread
from .manifest import Clip, Manifest
from .script import Passage, passages, refuse_tokens, sentences, tokens
from .script import read_script as read_script
from .split import Span

if TYPE_CHECKING:
    from whisper import Whisper

CACHE = "heard.jsonl"
LEAST_FOUND = 0.5  #: share of a clip's heard words in the script
NEAR = 3  #: words of a sentence in another clip that count as misheard


def with_whisper(
    manifest: Manifest,
    model: Whisper | str | os.PathLike = "base",
    *,
    language: str | None = None,
    exact: bool = False,
    executor: Executor | None = None,
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
    executor : concurrent.futures.Executor, optional
        Where the clips are heard: a ``ProcessPoolExecutor``, or beyond one machine a Dask
        ``Client.get_executor(pure=False)``. Clips travel as samples, so that no disk is shared;
        each worker loads the model itself, once, and its weights are compared. Default: here.

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
        The model does not know the language of a recording, a clip is longer than 30 s, the folder
        of the corpus cannot be written, or with an executor ``model`` is an object, or a worker
        has other weights.
    OptionError
        The model does not know ``language``.
    """
    name, source = "of your own", ""
    if isinstance(model, str | os.PathLike):
        name, source = Path(model).name, os.fspath(model)
        model = models.load_model(model)
    elif executor is not None:
        raise CorpusError(
            "Expected the name or the .pt file of a model, which each worker loads itself, found "
            f"a {type(model).__name__}: save it with training.save first."
        )
    heard: dict[str, str] = {}
    groups = _by_language(manifest, model, language)
    with bar(len(manifest), progress) as move:
        for spoken, clips in groups.items():
            heard |= _hear(
                manifest, clips, model, name=source, language=spoken, exact=exact,
                executor=executor, move=move,
            )  # fmt: skip
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
    name: str,
    language: str,
    exact: bool,
    executor: Executor | None,
    move: Callable[..., None],
) -> dict[str, str]:
    """Clip id -> what is heard, of every clip that can be read; each file is opened once."""
    weights = models.fingerprint(model)
    way = f"{weights} {language} {'exact' if exact else batches.METHOD}"
    known = Heard(manifest.folder / CACHE, way=way)
    keys: dict[str, str] = {}  # clip id -> what the cache knows it by
    waiting: list[tuple[str, np.ndarray]] = []

    def unheard() -> Iterator[np.ndarray]:
        for clip in clips:
            y = _samples(manifest, clip)
            if y is None:
                continue
            keys[clip.id] = key = known.key(y)
            if key in known:
                move()
                continue
            waiting.append((key, y))
            yield y

    def keep(texts: dict[int, str]) -> None:
        known.add({waiting[i][0]: text for i, text in texts.items()})
        for i in texts:
            waiting[i] = (waiting[i][0], np.zeros(0, np.float32))  # the samples can go
        move(len(texts))

    def judge(texts: dict[int, batches.ClipText]) -> None:
        keep({i: spoken_text(waiting[i][1], text) for i, text in texts.items()})

    if executor is None:
        batches.transcribe_many(unheard(), model, language=language, exact=exact, on_batch=judge)
    else:
        task = functools.partial(
            hear_clips, model=name, weights=weights, language=language, exact=exact
        )
        spread(executor, task, unheard(), keep)
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

    The sentences of the script are laid on the heard words of all clips; each clip gets those that
    its own words fall on. One that was cut in two is shared out word by word.

    Parameters
    ----------
    recording : str
        As ``Clip.recording`` names it.
    script : str
        What was read: lines or running text. It may hold sentences that are not in any clip.
        Where less than half of a clip's heard words are found in it, the clip's text stays.

    Raises
    ------
    CorpusError
        The script holds no words, or one of Whisper's special tokens; the clips have not been
        heard yet; no clip is of this recording.
    """
    refuse_tokens(script, "The script")
    clips = _of(manifest, recording)
    language = clips[0].language.strip() or "en"
    written = [text for text in sentences(script) if tokens(text, language)]
    if not written:
        raise CorpusError("Expected a script with words, found none.")
    clips = [clip for clip in clips if clip.heard not in ("", NO_SPEECH)]
    if not clips:
        raise CorpusError(f"No clip of {recording!r} has been heard: run label.with_whisper first.")
    unit = unit_of(language)
    owner = [n for n, clip in enumerate(clips) for _ in units(clip.heard, unit)]
    heard = itertools.chain.from_iterable(units(clip.heard, unit) for clip in clips)
    words = [Word(word, i, i, None) for i, word in enumerate(heard)]  # in place of a time, a number

    def pauses(i: float, j: float) -> Span:
        """A second between two clips, none inside one."""
        return Span(0.0, float(owner[int(i)] != owner[int(j)]))

    texts: dict[int, list[str]] = defaultdict(list)
    found: Counter[int] = Counter()
    for passage in passages(written, words, language=language, pauses=pauses):
        if passage.text and passage.words:
            numbers = [int(word.start) for word in passage.words]
            found.update(owner[i] for i in numbers)
            for n, text in _shared_out(passage, [owner[i] for i in numbers], language):
                texts[n].append(text)
    joint = "" if unit == "character" else " "
    return from_texts(
        manifest,
        {
            clips[n].id: joint.join(parts)
            for n, parts in texts.items()
            if found[n] >= LEAST_FOUND * owner.count(n)
        },
        by="script",
    )


def _shared_out(passage: Passage, owners: list[int], language: str) -> Iterator[tuple[int, str]]:
    """A sentence to the clip that its words are in; parts of it where several have many."""
    counts = Counter(owners)
    most = max(counts.values())
    named = sorted(n for n, count in counts.items() if count > NEAR or count == most)
    if len(named) == 1:
        yield named[0], passage.text
        return
    unit = unit_of(language)
    pieces = units(passage.text, unit)
    places = {
        word.start: piece.place
        for piece in passages(pieces, passage.words, language=language)
        for word in piece.words
        if piece.place >= 0
    }
    first, joint = 0, "" if unit == "character" else " "
    for n, after in itertools.zip_longest(named, named[1:]):
        last = len(pieces)
        if after is not None:
            begin = passage.words[owners.index(after)].start
            last = min((k for i, k in places.items() if i >= begin), default=last)
        if first < last:
            yield n, joint.join(pieces[first:last])
        first = max(first, last)


def _of(manifest: Manifest, recording: str) -> list[Clip]:
    clips = sorted((c for c in manifest.clips if c.recording == recording), key=lambda c: c.start)
    if not clips:
        names = sorted({clip.recording for clip in manifest.clips})
        raise CorpusError(f"Expected one of the recordings {names}, found {recording!r}.")
    return clips
