"""Cut a recording between the sentences of a known text.

Whisper writes down the words that it hears, each with its time; ``script`` lays the text on them.
The times are some tenths of a second wrong, so they only choose the pause: the cut goes where the
speech detector hears nobody.

Taught in: notebooks/08_dataset.ipynb. Measured by: benchmarks/align_script.py.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from .. import audio, models, transcripts
from ..constants import CHUNK_LENGTH, SAMPLE_RATE
from ..errors import CorpusError
from ..metrics import unit_of
from ..metrics.alignment import units
from ..transcripts import Word
from . import passes, split
from .heard import Heard
from .script import LEAST_LIKE, PAUSE, Passage, likeness, middle, passages, sentences, tokens
from .split import STEP, Span, SplitSettings

if TYPE_CHECKING:
    from whisper import Whisper

HEARD_PAUSE = 0.3  #: seconds without speech in which a stretch for Whisper may end
LONG_SILENCE = 5.0  #: seconds that are not given to Whisper: it would invent words in them
TOUCH = 0.05  #: seconds of a word that must lie in a stretch of speech
UNHEARD = 0.5  #: seconds of speech without any word that are told


@dataclass(frozen=True)
class Piece:
    """A clip to cut: where, its text of the script, and what Whisper heard."""

    span: Span
    text: str
    heard: str


@dataclass(frozen=True)
class Told:
    """What is only in the script, or only in the recording: the reason and where, in seconds."""

    reason: str
    start: float
    end: float


def hear(
    sound: BinaryIO,
    probabilities: np.ndarray,
    *,
    sr: int,
    duration: float,
    model: Whisper | str | os.PathLike = "base",
    language: str = "en",
    cache: Path | None = None,
) -> list[Word]:
    """Let Whisper write down a recording of any length, each word with its time.

    Parameters
    ----------
    sound : binary file
        The samples that :func:`lab_utils.corpus.passes.listen` kept.
    probabilities : np.ndarray, shape (n_windows,)
        Of speech, one each 32 ms: the recording is heard in stretches that end in a pause.
    sr : int
        Hz of ``sound``.
    duration : float
        Seconds of the whole recording.
    cache : Path, optional
        A file for what was heard, stretch by stretch, so that a run that was stopped goes on.

    Returns
    -------
    list of Word
        In the order of time, in seconds from the start of the recording.

    Raises
    ------
    OptionError
        The model does not know the language.
    CorpusError
        The cache cannot be written.
    """
    if isinstance(model, str | os.PathLike):
        model = models.load_model(model)
    way = f"{models.fingerprint(model)} {language} words"
    known = Heard(cache, way=way)
    words = []
    stretches = _stretches(probabilities, duration)
    for span, y in zip(stretches, passes.cut(sound, stretches, sr=sr), strict=True):
        y = audio.resample(y, sr=sr, target_sr=SAMPLE_RATE)
        if (key := known.key(y)) not in known:
            made = transcripts.transcribe(y, model, language=language, word_timestamps=True)
            known.add({key: [[w.text, w.start, w.end, w.probability] for w in made.words]})
        words += [Word(t, span.start + a, span.start + b, p) for t, a, b, p in known[key]]
    return words


def _stretches(probabilities: np.ndarray, duration: float) -> list[Span]:
    """Spans of at most a window of Whisper's, which begin and end in pauses."""
    settings = SplitSettings(pause=HEARD_PAUSE, longest=CHUNK_LENGTH - 1)
    made: list[Span] = []
    for span in split.on_speech(probabilities, duration=duration, settings=settings):
        near = made and span.start - made[-1].end < LONG_SILENCE
        if near and span.end - made[-1].start <= settings.longest:
            made[-1] = Span(made[-1].start, span.end)
        else:
            made.append(span)
    return made


class _Pauses:
    """Where nobody speaks, to look up between two times."""

    def __init__(self, probabilities: np.ndarray, settings: SplitSettings) -> None:
        self.all = split.pauses(probabilities, settings=settings)
        self._ends = [pause.end for pause in self.all]
        self._smooth = np.convolve(probabilities, np.ones(3) / 3, mode="same")

    def longest(self, start: float, end: float) -> Span:
        """The longest pause that touches a stretch, in seconds.

        Without any: the moment that is least like speech, of no length.
        """
        first = bisect.bisect_left(self._ends, start)
        touching = itertools.takewhile(lambda p: p.start <= end, self.all[first:])
        if found := max(touching, key=lambda p: p.duration, default=None):
            return found
        window = self._smooth[int(start / STEP) : int(end / STEP) + 1]
        time = (int(start / STEP) + (int(np.argmin(window)) if len(window) else 0)) * STEP
        return Span(time, time)

    def without(self, start: float, end: float) -> Span:
        """A stretch without the pauses at its ends: a word may begin long before its sound."""
        for pause in self.all[bisect.bisect_left(self._ends, start) :]:
            if pause.start > end:
                break
            if pause.start <= start:
                start = pause.end
            elif pause.end >= end:
                end = pause.start
        return Span(min(start, end), end)

    def trimmed(self, word: Word) -> Word:
        """A word without the pauses at its ends; one that is all in a pause stays as it is."""
        span = self.without(word.start, word.end)
        return dataclasses.replace(word, start=span.start, end=span.end) if span.duration else word


def align(
    script: str,
    words: Sequence[Word],
    probabilities: np.ndarray,
    *,
    duration: float,
    language: str = "en",
    settings: SplitSettings | None = None,
) -> tuple[list[Piece], list[Told], str]:
    """Cut a recording between the sentences of its script.

    Parameters
    ----------
    script : str
        What was to be read: lines or running text.
    words : sequence of Word
        What Whisper heard, in the order of time, with times in seconds.
    probabilities : np.ndarray, shape (n_windows,)
        Of speech, one each 32 ms.
    duration : float
        Seconds of the whole recording.

    Returns
    -------
    pieces : list of Piece
        In the order of time. One sentence each; more where they follow without a pause or are
        shorter than ``settings.shortest``, a part of one where it is longer than
        ``settings.longest``.
    told : list of Told
        Sentences that nobody said, speech that is not in the script, and what is too unlike.
    note : str
        How many sentences have a clip, in words.

    Raises
    ------
    CorpusError
        There are no words in the script.
    """
    settings = settings or SplitSettings()
    quiet = _Pauses(probabilities, settings)
    written = [text for text in sentences(script) if tokens(text, language)]
    if not written:
        raise CorpusError("Expected a script with words, found none.")
    words = [quiet.trimmed(word) for word in words]
    found = passages(written, words, language=language, pauses=quiet.longest)
    parts = [part for part in found if part.words]
    parts += _unheard(parts, probabilities, duration=duration, settings=settings)
    parts.sort(key=lambda part: middle(part.words[0]))
    parts = [p for part in parts for p in _shortened(part, quiet, language, settings)]
    gaps = [
        quiet.longest(middle(a.words[-1]), middle(b.words[0])) for a, b in itertools.pairwise(parts)
    ]
    groups = _groups(parts, gaps, settings)
    cuts = [(gaps[last - 1].start + gaps[last - 1].end) / 2 for _, last in groups[:-1]]
    cuts = list(itertools.accumulate(cuts, max))
    spans = split.at_cuts(probabilities, cuts, duration=duration, settings=settings)
    pieces, told, in_clips, joint = [], [], {-1}, "" if unit_of(language) == "character" else " "
    for (first, last), span in zip(groups, spans, strict=bool(groups)):
        group = parts[first:last]
        text = joint.join(part.text for part in group if part.text)
        heard = " ".join(filter(None, (part.heard for part in group)))
        if span is None:  # words that Whisper wrote where nobody speaks
            if text:
                start, end = group[0].words[0].start, group[-1].words[-1].end
                told.append(Told(f"heard where nobody speaks: {text!r}", start, end))
        elif reason := _trouble(group, text, heard, span, language, settings):
            told.append(Told(reason, span.start, span.end))
        else:
            pieces.append(Piece(span, text, heard))
            in_clips |= {part.place for part in group}
    ends = {part.place: part.words[-1].end for part in parts}
    unsaid = [part for part in found if not part.words]
    for part in unsaid:
        where = next((ends[k] for k in range(part.place - 1, -1, -1) if k in ends), 0.0)
        told.append(Told(f"in the script and not heard: {part.text!r}", where, where))
    told.sort(key=lambda item: item.start)
    moved = sum(part.note == "out of order" for part in found)
    note = f"{len(in_clips) - 1} of the {len(written)} sentences of the script are in clips"
    note += f", {moved} read out of order" if moved else ""
    return pieces, told, note


def _unheard(
    parts: list[Passage], probabilities: np.ndarray, *, duration: float, settings: SplitSettings
) -> list[Passage]:
    """Speech between passages in which Whisper heard no word."""
    fine = dataclasses.replace(settings, pause=PAUSE, pad=0.0, longest=CHUNK_LENGTH)
    words = sorted((w for part in parts for w in part.words), key=lambda w: w.start)
    ends = list(itertools.accumulate((w.end for w in words), max))
    starts = [middle(part.words[0]) for part in parts]
    found = []
    for span in split.on_speech(probabilities, duration=duration, settings=fine):
        word = Word("", span.start, span.end, None)
        near = bisect.bisect_left(ends, span.start + TOUCH)
        heard = near < len(words) and words[near].start < span.end - TOUCH
        around = bisect.bisect_left(starts, middle(word)) - 1
        inside = around >= 0 and middle(word) < middle(parts[around].words[-1])
        if span.duration >= UNHEARD and not heard and not inside:
            found.append(Passage(words=(word,)))
    return found


def _shortened(
    part: Passage, quiet: _Pauses, language: str, settings: SplitSettings
) -> list[Passage]:
    """A sentence that is too long, in parts that are not, cut at its longest pauses."""
    around = quiet.without(part.words[0].start, part.words[-1].end)
    if not part.text or around.duration <= settings.longest - 2 * settings.pad - 2 * STEP:
        return [part]
    unit = unit_of(language)
    pieces, joint = units(part.text, unit), " " if unit == "word" else ""
    said = [p for p in passages(pieces, part.words, language=language) if p.words]
    best, where = 0.0, None
    for a, b in itertools.pairwise(said):
        if a.place < 0 or b.place != a.place + 1:
            continue
        gap = quiet.longest(middle(a.words[-1]), middle(b.words[0]))
        to_edge = min(gap.start - around.start, around.end - gap.end)
        worth = min(gap.duration, 1.0) + 0.1 * to_edge
        if to_edge >= settings.shortest and worth > best:
            best, where = worth, (b.place, part.words.index(b.words[0]))
    if where is None:
        return [part]
    k, n = where
    halves = (
        dataclasses.replace(part, text=joint.join(pieces[:k]), words=part.words[:n]),
        dataclasses.replace(part, text=joint.join(pieces[k:]), words=part.words[n:]),
    )
    return [p for half in halves for p in _shortened(half, quiet, language, settings)]


def _groups(
    parts: list[Passage], gaps: list[Span], settings: SplitSettings
) -> list[tuple[int, int]]:
    """Which parts make one clip: ranges in the order of time."""

    def middle_of(gap: Span) -> float:
        return (gap.start + gap.end) / 2

    def seconds(first: int, last: int) -> float:
        start, end = parts[0].words[0].start - settings.pad, parts[-1].words[-1].end + settings.pad
        if first:
            start = max(gaps[first - 1].end - settings.pad, middle_of(gaps[first - 1]))
        if last < len(parts):
            end = min(gaps[last - 1].start + settings.pad, middle_of(gaps[last - 1]))
        return end - start

    def places(group: tuple[int, int]) -> list[int]:
        return [part.place for part in parts[slice(*group)] if part.text]

    def fitting(first: int, last: int) -> list[tuple[int, int]]:
        if last - first == 1 or seconds(first, last) <= settings.longest:
            return [(first, last)]
        inner = range(first, last - 1)
        cut = 1 + max(inner, key=lambda i: (gaps[i].duration, min(i - first, last - i)))
        return fitting(first, cut) + fitting(cut, last)

    ends = [i + 1 for i, gap in enumerate(gaps) if gap.duration >= PAUSE]
    ranges = itertools.pairwise([0, *ends, len(parts)]) if parts else ()
    groups = [group for first, last in ranges for group in fitting(first, last)]
    i = 0
    while i < len(groups):  # a short one goes to its nearer neighbor
        near = []
        if places(groups[i]) and seconds(*groups[i]) < settings.shortest:
            for n in (i - 1, i):
                if 0 <= n < len(groups) - 1:
                    a, b = places(groups[n]), places(groups[n + 1])
                    both = groups[n][0], groups[n + 1][1]
                    follows = a and b and b[0] == a[-1] + 1
                    if follows and seconds(*both) <= settings.longest:
                        near.append((gaps[groups[n][1] - 1].duration, n, both))
        if near:
            _, n, both = min(near)
            groups[n : n + 2] = [both]
            i = n
        else:
            i += 1
    return groups


def _trouble(
    group: list[Passage], text: str, heard: str, span: Span, language: str, settings: SplitSettings
) -> str:
    """Why a group is no clip; empty if it is one."""
    if not text:
        notes = ", ".join(part.note for part in group if part.note)
        said = f"said, and not in the script: {heard!r}" if heard else "speech without a word"
        return f"{said} ({notes})" if notes else said
    if span.duration < settings.shortest:
        return f"{span.duration:.2f} s of speech, shorter than {settings.shortest:g} s: {text!r}"
    if span.duration > settings.longest:
        return f"{span.duration:.1f} s without a place to cut: {text!r}"
    if likeness(tokens(text, language), tokens(heard, language)) < LEAST_LIKE:
        return f"the script says {text!r}, and Whisper heard {heard!r}"
    return ""
