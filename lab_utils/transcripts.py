"""What Whisper wrote down, as results: segments and words, tables and subtitles.

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import audio
from .errors import TranscriptError
from .files import replacing
from .models import load_model

if TYPE_CHECKING:
    import pandas as pd
    from whisper import Whisper

SUBTITLE_FORMATS = ("srt", "vtt", "tsv", "json", "txt")


@dataclass(frozen=True)
class Word:
    """One word: text with its leading space, start and end in seconds, probability in [0, 1]."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True)
class Segment:
    """One phrase as Whisper timed it, with the numbers by which Whisper judges itself.

    Attributes
    ----------
    text : str
    start, end : float
        Seconds from the start of the recording.
    avg_logprob : float
        Mean natural-log probability of the tokens, at most 0.
    no_speech_prob : float
        Probability that the window holds no speech, in [0, 1].
    compression_ratio : float
        Bytes of text over bytes after zlib; repetition makes it large.
    temperature : float
        The temperature that the text was decoded at; 0 is greedy.
    tokens : tuple of int
    words : tuple of Word
        Empty unless word timestamps were asked for.
    """

    text: str
    start: float
    end: float
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    temperature: float
    tokens: tuple[int, ...]
    words: tuple[Word, ...] = ()


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
        """One row a segment: start, end (seconds), text, avg_logprob, no_speech_prob, …"""
        import pandas as pd

        columns = ["start", "end", "text", "avg_logprob", "no_speech_prob", "compression_ratio"]
        rows = [[getattr(segment, name) for name in columns] for segment in self.segments]
        return pd.DataFrame(rows, columns=columns)

    def words_table(self) -> pd.DataFrame:
        """One row a word: word, start, end (seconds), probability."""
        import pandas as pd

        rows = [[w.text.strip(), w.start, w.end, w.probability] for w in self.words]
        return pd.DataFrame(rows, columns=["word", "start", "end", "probability"])

    def to_result(self) -> dict[str, Any]:
        """The transcript as the dictionary that ``whisper`` functions and writers expect."""
        segments = []
        for i, segment in enumerate(self.segments):
            row = {k: getattr(segment, k) for k in Segment.__dataclass_fields__ if k != "words"}
            row |= {"id": i, "seek": 0, "tokens": list(segment.tokens)}
            if segment.words:
                row["words"] = [
                    {"word": w.text, "start": w.start, "end": w.end, "probability": w.probability}
                    for w in segment.words
                ]
            segments.append(row)
        return {"text": self.text, "language": self.language, "segments": segments}

    def subtitles(self, format: str = "srt", **options: Any) -> str:
        """The transcript as subtitles, by whisper's own writers.

        Parameters
        ----------
        format : str
            One of ``srt``, ``vtt``, ``tsv``, ``json``, ``txt``.
        **options
            Passed to whisper's writer: ``max_line_width``, ``max_line_count``,
            ``highlight_words``, ``max_words_per_line`` (these need word timestamps).
        """
        import io

        from whisper.utils import get_writer

        if format not in SUBTITLE_FORMATS:
            raise TranscriptError(f"Expected one of {SUBTITLE_FORMATS}, found {format!r}.")
        buffer = io.StringIO()
        get_writer(format, ".").write_result(self.to_result(), file=buffer, options=options)
        return buffer.getvalue()

    def save_subtitles(self, path: str | os.PathLike, **options: Any) -> Path:
        """Write subtitles; the ending of ``path`` (.srt, .vtt, …) names the format."""
        path = Path(path)
        text = self.subtitles(path.suffix.lstrip(".").lower(), **options)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return path


def from_result(result: dict[str, Any], *, duration: float) -> Transcript:
    """Turn the dictionary that ``model.transcribe`` returns into a :class:`Transcript`."""
    segments = tuple(
        Segment(
            text=segment["text"],
            start=float(segment["start"]),
            end=float(segment["end"]),
            avg_logprob=float(segment["avg_logprob"]),
            no_speech_prob=float(segment["no_speech_prob"]),
            compression_ratio=float(segment["compression_ratio"]),
            temperature=float(segment["temperature"]),
            tokens=tuple(segment["tokens"]),
            words=tuple(
                Word(w["word"], float(w["start"]), float(w["end"]), float(w["probability"]))
                for w in segment.get("words", ())
            ),
        )
        for segment in result["segments"]
    )
    return Transcript(result["text"].strip(), result["language"], segments, float(duration))


def transcribe(
    recording: str | os.PathLike | np.ndarray,
    model: Whisper | str = "base",
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
    model : whisper.Whisper or str
        A model, or the name of one.
    language : str, optional
        A code such as ``"en"``; ``None`` lets a multilingual model detect it.
    task : {"transcribe", "translate"}
        ``translate`` writes English whatever is spoken.
    word_timestamps : bool
        Time every word by cross-attention.
    initial_prompt : str, optional
        Text that Whisper takes for what was said before.
    **options
        Any other option of ``whisper.transcribe``.

    Returns
    -------
    Transcript

    Raises
    ------
    AudioError
        The recording cannot be read or is no waveform.
    TranscriptError
        The language or the task is none that the model knows.

    Notes
    -----
    Taught in: notebooks/02_transcribe.ipynb.
    """
    from whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE

    if isinstance(recording, np.ndarray):
        y = audio.check(recording).astype(np.float32, copy=False)
    else:
        y, _ = audio.load(recording, sr=audio.SAMPLE_RATE)
    if language is not None and language.lower() not in {**LANGUAGES, **TO_LANGUAGE_CODE}:
        raise TranscriptError(
            f"Expected a language code such as 'en' or 'de', found {language!r}. "
            "Lab 04 has a table of all codes."
        )
    if task not in ("transcribe", "translate"):
        raise TranscriptError(f"Expected the task 'transcribe' or 'translate', found {task!r}.")
    if isinstance(model, str):
        model = load_model(model)
    settings = {"temperature": 0.0, "condition_on_previous_text": False} | options
    settings.setdefault("fp16", model.device.type == "cuda")
    settings.setdefault("verbose", None)
    result = model.transcribe(
        y,
        language=language,
        task=task,
        word_timestamps=word_timestamps,
        initial_prompt=initial_prompt,
        **settings,
    )
    return from_result(result, duration=len(y) / audio.SAMPLE_RATE)
