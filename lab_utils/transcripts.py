"""What Whisper wrote down, as results: segments and words, tables and subtitles.

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import audio, subtitles
from .constants import SAMPLE_RATE
from .errors import OptionError, TranscriptError
from .files import write_text
from .languages import check_task, language_code
from .models import load_model
from .options import check_clip_times, check_context, check_names, check_values, transcribe_names

if TYPE_CHECKING:
    import pandas as pd
    from whisper import Whisper

SLACK = 1.0  #: seconds by which whisper's own word times may step back or leave their segment
_JUDGED = ("avg_logprob", "no_speech_prob", "compression_ratio", "temperature")
_KINDS = {Real: "a finite number", str: "a text", Sequence: "a list"}
_OWN = {"language", "task", "word_timestamps", "initial_prompt"}  # parameters of transcribe


@dataclass(frozen=True)
class Word:
    """One word: text with its leading space, start and end in seconds, probability in [0, 1]."""

    text: str
    start: float
    end: float
    probability: float | None  #: None where a phrase stands in for its words


@dataclass(frozen=True)
class Segment:
    """One phrase as Whisper timed it, with the numbers by which Whisper judges itself.

    Whisper keeps a segment whose text it threw away, with an empty text; so does a transcript.
    """

    text: str
    start: float  #: seconds from the start of the recording
    end: float
    avg_logprob: float  #: mean natural-log probability of the tokens, at most 0
    no_speech_prob: float  #: probability that the window has no speech, in [0, 1]
    compression_ratio: float  #: bytes of text over bytes after zlib; repetition makes it large
    temperature: float  #: that the text was decoded at; 0 is greedy
    tokens: tuple[int, ...]
    words: tuple[Word, ...] = ()  #: empty unless word timestamps were asked for
    seek: int = 0  #: where the decoded window begins, in log-mel frames of 10 ms


@dataclass(frozen=True)
class Transcript:
    """A whole recording as text: language code, segments, duration in seconds."""

    text: str
    language: str
    segments: tuple[Segment, ...]
    duration: float

    @property
    def words(self) -> tuple[Word, ...]:
        """Every word of every segment, in order."""
        return tuple(word for segment in self.segments for word in segment.words)

    def segments_table(self) -> pd.DataFrame:
        """One row for each segment: start, end (seconds), text, avg_logprob, no_speech_prob, …"""
        import pandas as pd

        columns = ["start", "end", "text", "avg_logprob", "no_speech_prob", "compression_ratio"]
        rows = [[getattr(segment, name) for name in columns] for segment in self.segments]
        return pd.DataFrame(rows, columns=columns)

    def words_table(self) -> pd.DataFrame:
        """One row for each word: word, start, end (seconds), probability."""
        import pandas as pd

        rows = [[w.text.strip(), w.start, w.end, w.probability] for w in self.words]
        return pd.DataFrame(rows, columns=["word", "start", "end", "probability"])

    def to_result(self) -> dict[str, Any]:
        """The transcript as the dictionary that ``whisper`` functions and writers expect."""
        segments = []
        for i, segment in enumerate(self.segments):
            row = {k: getattr(segment, k) for k in Segment.__dataclass_fields__ if k != "words"}
            row |= {"id": i, "tokens": list(segment.tokens)}
            if self.words:  # as in whisper: every segment has the key, or none
                row["words"] = [
                    {"word": w.text, "start": w.start, "end": w.end, "probability": w.probability}
                    for w in segment.words
                ]
            segments.append(row)
        return {"text": self.text, "language": self.language, "segments": segments}

    def subtitles(self, format: str = "srt", **options: Any) -> str:
        """The transcript as the text of a subtitle file: see :func:`lab_utils.subtitles.write`."""
        return subtitles.write(self, format=format, **options)

    def save_subtitles(self, path: str | os.PathLike, **options: Any) -> Path:
        """Write subtitles; the ending of ``path`` (.srt, .vtt, …) names the format."""
        path = Path(path)
        text = self.subtitles(path.suffix.lstrip(".").lower(), **options)
        write_text(path, text, error=TranscriptError)
        return path


def from_result(result: Mapping[str, Any], *, duration: float) -> Transcript:
    """Turn the dictionary that ``model.transcribe`` returns into a :class:`Transcript`.

    Whisper may time a text past the end of the recording; such times become the end. A word
    time that leaves its segment by up to a second becomes the segment's edge.

    Parameters
    ----------
    result : mapping
        With ``text``, ``language`` and ``segments``, as whisper's; ``words`` are optional.
    duration : float
        Length of the recording in seconds.

    Raises
    ------
    TranscriptError
        Something is missing, of the wrong type, no number, or out of order. The message names it.
    """
    if not _is_number(duration) or duration < 0:
        raise TranscriptError(f"Expected a duration in seconds, found {duration!r}.")
    text, language = (_field(result, key, "the result", str) for key in ("text", "language"))
    rows = _field(result, "segments", "the result", Sequence)
    segments = _segments(rows, duration=float(duration), slack=SLACK)
    return Transcript(text.strip(), language_code(language), segments, float(duration))


def _segments(rows: Sequence[Any], *, duration: float, slack: float) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    for i, row in enumerate(rows):
        place = f"segment {i}"
        before = segments[-1].start if segments else 0.0
        start, end = _span(row, place, limit=duration, low=before, high=duration, slack=slack)
        words: list[Word] = []
        for j, item in enumerate(_field(row, "words", place, Sequence, default=())):
            at = f"word {j} of {place}"
            low = words[-1].start if words else start
            first, last = _span(item, at, limit=duration, low=low, high=end, slack=slack)
            text = _field(item, "word", at, str)
            words.append(Word(text, first, last, _field(item, "probability", at, Real)))
        segments.append(
            Segment(
                _field(row, "text", place, str),
                start,
                end,
                **{name: _field(row, name, place, Real) for name in _JUDGED},
                tokens=tuple(_field(row, "tokens", place, Sequence)),
                words=tuple(words),
                seek=int(_field(row, "seek", place, Real, default=0)),
            )
        )
    return tuple(segments)


def _span(
    row: Any, place: str, *, limit: float, low: float, high: float, slack: float
) -> tuple[float, float]:
    """Start and end of a segment or word, moved inside its bounds where whisper overshoots."""
    start, end = (min(_field(row, key, place, Real), limit) for key in ("start", "end"))
    if math.isfinite(slack) and (end < start or start < low - slack or end > high + slack):
        raise TranscriptError(
            f"Expected times in order from {low:.2f} to {high:.2f} s, found {start:.2f} to "
            f"{end:.2f} s in {place}. Check where the result comes from."
        )
    start = min(max(start, low), high)
    return start, min(max(end, start), high)


def _field(row: Any, key: str, place: str, kind: type, *, default: Any = None) -> Any:
    """A value of whisper's result, if it is of the kind that it should be."""
    value: Any = row.get(key, default) if isinstance(row, Mapping) else None
    if kind is Real:
        good = _is_number(value)
    else:
        good = isinstance(value, kind) and not (kind is Sequence and isinstance(value, str))
    if not good:
        found = "nothing" if value is None else repr(value)[:60]
        raise TranscriptError(
            f"Expected {key!r} in {place} to be {_KINDS[kind]}, as whisper gives it, found {found}."
        )
    return float(value) if kind is Real else value


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def transcribe(
    recording: str | os.PathLike | np.ndarray,
    model: Whisper | str | os.PathLike[str] = "base",
    *,
    language: str | None = None,
    task: str = "transcribe",
    word_timestamps: bool = False,
    initial_prompt: str | None = None,
    **options: Any,
) -> Transcript:
    """Transcribe a recording of any length so that the same input gives the same text.

    Whisper's own defaults sample at a higher temperature when a window looks wrong and feed each
    window its own past; both make the result change from run to run. Here ``temperature=0`` and
    ``condition_on_previous_text=False`` unless you say otherwise.

    Parameters
    ----------
    recording : path-like or np.ndarray
        A file, or a mono float32 waveform at 16 kHz, shape (n_samples,).
    model : whisper.Whisper, str or path-like
        A model, the name of one, or a ``.pt`` file.
    language : str, optional
        A code or a name, such as ``"en"`` or ``"German"``; ``None`` lets a multilingual model
        detect it. See :func:`lab_utils.languages.language_code`.
    task : {"transcribe", "translate"}
        ``translate`` writes English; English-only models and turbo cannot.
    word_timestamps : bool
        Time every word by cross-attention.
    initial_prompt : str, optional
        Text that Whisper takes for what was said before, at most 223 tokens.
    **options
        Any other option of ``whisper.transcribe``.

    Raises
    ------
    AudioError
        The recording cannot be read or is no waveform.
    OptionError
        The language, task, prompt or an option that the model or Whisper cannot take; it is a
        :class:`TranscriptError` too.

    Notes
    -----
    Taught in: notebooks/02_transcribe.ipynb.
    """
    model = os.fspath(model) if isinstance(model, os.PathLike) else model
    check_names(options, transcribe_names() - _OWN, what="transcribe")
    check_task(task, model=model)
    language_code(language, model=model)  # a name says enough to refuse before loading
    if isinstance(recording, np.ndarray):
        y = audio.check(recording).astype(np.float32, copy=False)
    else:
        y, _ = audio.load(recording, sr=SAMPLE_RATE)
    duration = len(y) / SAMPLE_RATE
    if isinstance(model, str):
        model = load_model(model)
    language, task = language_code(language, model=model), check_task(task, model=model)
    settings: dict[str, Any] = {"temperature": 0.0, "condition_on_previous_text": False, **options}
    settings.setdefault("fp16", model.device.type == "cuda")
    settings.setdefault("verbose", None)
    settings |= {"word_timestamps": word_timestamps, "initial_prompt": initial_prompt}
    _check_settings(settings, model=model, duration=duration)
    try:
        result = model.transcribe(y, language=language, task=task, **settings)
    except (TypeError, ValueError, AssertionError) as error:
        raise OptionError(
            f"Whisper refused these options: {error}. help(whisper.transcribe) lists them all."
        ) from error
    # times out of order in whisper's own result are moved, not refused: it took long to make
    segments = _segments(result["segments"], duration=duration, slack=math.inf)
    return Transcript(result["text"].strip(), result["language"], segments, duration)


def _check_settings(settings: dict[str, Any], *, model: Whisper, duration: float) -> None:
    from whisper.tokenizer import get_tokenizer

    check_values(settings, model=model)
    tokenizer = get_tokenizer(model.is_multilingual, num_languages=model.num_languages)
    check_context(settings, tokenizer, model=model)
    if settings.get("prefix") and not settings.get("without_timestamps"):
        raise OptionError(
            "A prefix needs without_timestamps=True: else Whisper must go on with a time stamp, "
            "and writes nothing."
        )
    if "clip_timestamps" in settings:
        times = check_clip_times(settings["clip_timestamps"], duration=duration)
        settings["clip_timestamps"] = times
