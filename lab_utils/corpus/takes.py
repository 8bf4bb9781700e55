"""One take: a sentence read aloud, what is wrong with it, and the clip that it would become.

The clip goes through the same cleaning as those of ``prepare``, and is judged by the rules of the
check; what only a recording can tell (silence, too quiet, cut off) is added here.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import audio, batches
from ..constants import CHUNK_LENGTH, SAMPLE_RATE
from . import check, passes, split
from .findings import Examined, Finding
from .heard import spoken_text
from .job import Settings, clean_clip
from .manifest import Clip, Manifest
from .measure import ClipFacts, measure
from .rules import Contract
from .speech import speech_probabilities
from .split import Span

if TYPE_CHECKING:
    from whisper import Whisper

EDGE = 0.15  #: seconds; speech nearer to an end of the recording may go on beyond it
QUIET = -45.0  #: LUFS of a recording as it came
LEAST = 0.4  #: seconds; a shorter clip has no loudness

#: rule → what the reader is told about a take that breaks it, and what to do
TOLD = {
    "silence": (
        "No speech",
        "Check that the right microphone is chosen and switched on, and speak after you start.",
    ),
    "cut_start": ("Cut off at the beginning", "Start the recording, then speak."),
    "cut_end": ("Cut off at the end", "Finish the sentence, then stop the recording."),
    "quiet": ("Too quiet", "Come closer to the microphone, or turn it up."),
    "clipping": ("Clipped", "Move away from the microphone a little, or turn it down."),
    "music": ("Music", "Switch the music off."),
    "snr": ("Noisy", "Switch off what hums, close the window, or come closer."),
    "bandwidth": (
        "Dull",
        "Try another microphone: many Bluetooth headsets send no more than a telephone does.",
    ),
    "dc_offset": ("Offset", "The sound card adds a constant: try another input."),
    "duration": ("Too short or too long", "Read the whole sentence, and nothing else."),
    "inner_silence": ("A long pause", "Read the sentence in one breath."),
    "speech_rate": (
        "Too fast or too slow for this sentence",
        "Read all of it, at your own pace.",
    ),
    "disagreement": (
        "Not the words of the sentence",
        "Read it as it is written. If you did, Whisper is wrong: accept the take.",
    ),
}


@dataclass(frozen=True)
class Take:
    """One reading of a sentence, and what is wrong with it."""

    clip: Clip  #: the row that it would become, with the sentence as its text
    duration: float  #: seconds of the whole recording
    findings: tuple[Finding, ...]
    #: the clip that it would become, float32, shape (n_samples,); None where nobody speaks
    y: np.ndarray | None = dataclasses.field(default=None, compare=False, repr=False)

    @property
    def ok(self) -> bool:
        """Nothing is wrong with it."""
        return not self.findings

    @property
    def told(self) -> tuple[str, ...]:
        """Each finding in words, with what to do."""
        return tuple(
            f"{TOLD.get(f.rule, (f.rule.replace('_', ' ').capitalize(),))[0]}: "
            f"{f.found}. {f.remedy}"
            for f in self.findings
        )


def examine(
    path: Path,
    clip: Clip,
    *,
    settings: Settings,
    contract: Contract,
    model: Whisper | None = None,
) -> Take:
    """Find the speech in a recording, make a clip of it, and judge both.

    Parameters
    ----------
    path : Path
        The recording as it came, of any rate.
    clip : Clip
        The row that it is to have; ``text`` is the sentence.
    settings : Settings
        What decides the sound of the clip.
    contract : Contract
        Rules for one clip.
    model : whisper.Whisper, optional
        Hears the clip in its language.

    Raises
    ------
    AudioError
        The recording cannot be read.
    """
    raw = measure(path)
    with tempfile.TemporaryFile() as sound:
        heard = passes.listen(path, sr=settings.sr, keep=sound)
        spans = _spans(heard, settings)
        if spans is None:
            words = "no sound" if raw.loudness == -np.inf else "there is sound, but nobody speaks"
            words = f"only {raw.duration:.2f} s" if raw.duration < LEAST else words
            return Take(clip, raw.duration, (_told(Finding("silence", clip.id, words)),))
        spoken, span = spans
        [y] = passes.cut(sound, [span], sr=settings.sr)
    y = clean_clip(y, heard.noise_near(span), settings)
    words = "" if model is None else _words(y, model, sr=settings.sr, language=clip.language)
    seen = raw.clipping.words()
    clip = dataclasses.replace(clip, start=span.start, end=span.end, heard=words, clipping=seen)
    found = [
        *_of_recording(raw, clip, spoken, contract),
        *_of_clip(y, clip, contract, sr=settings.sr),
    ]
    by_rule = {finding.rule: finding for finding in reversed(found)}
    findings = [_told(by_rule[key]) for key in dict.fromkeys(f.rule for f in found)]
    return Take(clip, raw.duration, tuple(findings), y)


def get_ready(model: Whisper | None, *, language: str) -> None:
    """Load what the first check needs, so that it is as quick as those that follow."""
    y = np.zeros(SAMPLE_RATE, np.float32)
    with tempfile.TemporaryDirectory() as folder:
        measure(audio.save_wav(Path(folder) / "silence.wav", y, sr=SAMPLE_RATE))
    speech_probabilities(y, sr=SAMPLE_RATE)
    if model is not None:
        _words(y, model, sr=SAMPLE_RATE, language=language)


def _spans(heard: passes.Listening, settings: Settings) -> tuple[Span, Span] | None:
    """From the first speech to the last, and the same with the pad; None where there is none."""
    whole = dataclasses.replace(
        settings.split, pause=heard.duration, pad=0.0, shortest=0.0, longest=CHUNK_LENGTH
    )
    spans = split.on_speech(heard.probabilities, duration=heard.duration, settings=whole)
    if not spans:
        return None
    spoken, pad = Span(spans[0].start, spans[-1].end), settings.split.pad
    padded = Span(
        round(max(0.0, spoken.start - pad), 4), round(min(heard.duration, spoken.end + pad), 4)
    )
    return (spoken, padded) if padded.duration >= LEAST else None


def _words(y: np.ndarray, model: Whisper, *, sr: int, language: str) -> str:
    """What Whisper hears in a clip; empty for one that is longer than its window."""
    y = audio.resample(y, sr=sr, target_sr=SAMPLE_RATE)
    if len(y) > CHUNK_LENGTH * SAMPLE_RATE:
        return ""
    [text] = batches.transcribe_many([y], model, language=language)
    return spoken_text(y, text)


def _of_recording(
    raw: ClipFacts, clip: Clip, spoken: Span, contract: Contract
) -> Iterator[Finding]:
    """What only the recording as it came can tell."""
    ends = {"cut_start": ("beginning", spoken.start), "cut_end": ("end", raw.duration - spoken.end)}
    for key, (name, gap) in ends.items():
        if gap < EDGE:
            yield Finding(key, clip.id, f"speech {max(0.0, gap):.2f} s from the {name}")
    if raw.loudness < QUIET:
        yield Finding("quiet", clip.id, f"{raw.loudness:.0f} LUFS")
    if "clipping" in contract:
        rule = contract["clipping"]
        corpus = Examined(Manifest(Path(), (clip,)), {clip.id: raw}, ())
        yield from rule.test(corpus, rule.key, rule.limit)


def _of_clip(y: np.ndarray, clip: Clip, contract: Contract, *, sr: int) -> Iterator[Finding]:
    """What the check of a corpus says of the clip."""
    with tempfile.TemporaryDirectory() as folder:
        audio.save_wav(Path(folder) / clip.file, y, sr=sr)
        report = check.check(Manifest(Path(folder), (clip,)), contract)
    for finding in report.findings:
        yield dataclasses.replace(finding, remedy=report.remedy(finding))


def _told(finding: Finding) -> Finding:
    """A finding with the remedy for a reader who can record again."""
    return dataclasses.replace(finding, remedy=TOLD.get(finding.rule, ("", finding.remedy))[1])
