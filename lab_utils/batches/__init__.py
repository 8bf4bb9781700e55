"""Many short clips through Whisper: shared padding.

Whisper always encodes 30 seconds; of a clip of 3 seconds, nine tenths are padding. The padding of
all clips sounds the same, so it is taken from one reference window, encoded once for a model: a
clip computes its own first positions and attends to that padding. This is an approximation (a few
texts in a hundred change, in both directions); ``exact=True`` switches it off, and a text that
looks wrong is decoded again by ``whisper.decode``. No text depends on the other clips.

Cutting the padding off instead of sharing it ruins the text: the model reads from the padding where
the speech ends.

Taught in: notebooks/08_dataset.ipynb. Measured by: benchmarks/label_clips.py.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from .. import audio
from ..constants import CHUNK_LENGTH, N_SAMPLES, SAMPLE_RATE
from ..errors import TranscriptError
from ..languages import language_code
from ..models import load_model
from .encoder import METHOD, Padding, encode, padding_of

__all__ = ["METHOD", "ClipText", "Padding", "encode", "padding_of", "transcribe_many"]

if TYPE_CHECKING:
    from whisper import DecodingResult, Whisper
    from whisper.decoding import DecodingTask

    from .decoder import Decoded

BATCH_SIZE = 16
READ_AHEAD = 8  #: batches whose clips are in memory at once, and sorted by length
LOWEST_LOGPROB, HIGHEST_RATIO = -1.0, 2.4  #: whisper's own thresholds for a text that looks wrong

Clip = str | os.PathLike | np.ndarray


@dataclass(frozen=True)
class ClipText:
    """What Whisper wrote down for one clip."""

    text: str
    tokens: tuple[int, ...]
    avg_logprob: float  #: mean natural-log probability of the tokens, at most 0
    compression_ratio: float  #: bytes of text over bytes after zlib; repetition makes it large
    no_speech_prob: float = 0.0  #: of the no-speech token after the start token, 0 to 1
    redone: bool = False  #: the text looked wrong, and this one is ``whisper.decode``'s

    @property
    def looks_wrong(self) -> bool:
        """Empty, improbable or repetitive."""
        improbable = self.avg_logprob < LOWEST_LOGPROB
        return not self.text or improbable or self.compression_ratio > HIGHEST_RATIO


def transcribe_many(
    clips: Iterable[Clip],
    model: Whisper | str = "base",
    *,
    language: str = "en",
    batch_size: int = BATCH_SIZE,
    exact: bool = False,
    on_batch: Callable[[dict[int, ClipText]], None] | None = None,
) -> list[ClipText]:
    """Transcribe clips of at most 30 seconds, greedy and without timestamps.

    Parameters
    ----------
    clips : iterable of path-like or np.ndarray
        Files, or mono float waveforms at 16 kHz. 128 are read ahead, never all.
    language : str
        Code or English name of the language that all clips are in.
    batch_size : int
        Clips decoded at once; 16 is a good number on two cores.
    exact : bool
        Give every clip its own 30 seconds, by ``whisper.decode``: slower.
    on_batch : callable, optional
        Called after each batch with its texts, ``{number of the clip: text}``. Clips of similar
        length share a batch.

    Returns
    -------
    list of ClipText
        In the order of ``clips``. A clip's text does not depend on the others.

    Raises
    ------
    AudioError
        A clip cannot be read or is no waveform.
    TranscriptError
        ``clips`` is not a list of clips, or a clip is longer than 30 seconds.
    OptionError
        The model does not know the language.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb.
    """
    import torch
    import whisper

    if isinstance(clips, str | bytes | os.PathLike | np.ndarray) or not isinstance(clips, Iterable):
        raise TranscriptError(
            f"Expected a list of clips, found one {type(clips).__name__}. "
            "Put a single clip in a list: [clip]."
        )
    if batch_size < 1:
        raise TranscriptError(f"Expected a batch of at least 1 clip, found {batch_size}.")
    if isinstance(model, str | os.PathLike):
        model = load_model(model)
    options = whisper.DecodingOptions(
        language=language_code(language, model=model, required=True),
        without_timestamps=True,
        fp16=False,
    )
    task = whisper.decoding.DecodingTask(model, options)
    transcribe = _exact if exact else _shared
    results: dict[int, ClipText] = {}
    waves = map(_read, clips)
    while ahead := dict(
        enumerate(itertools.islice(waves, READ_AHEAD * batch_size), start=len(results))
    ):
        by_length = sorted(ahead, key=lambda i: len(ahead[i]))  # so that a batch wastes little
        for first in range(0, len(by_length), batch_size):
            batch = by_length[first : first + batch_size]
            with torch.inference_mode():
                texts = transcribe(model, task, [ahead[i] for i in batch])
            made = dict(zip(batch, texts, strict=True))
            results |= made
            if on_batch:
                on_batch(made)
    return [results[i] for i in range(len(results))]


def _read(clip: Clip) -> np.ndarray:
    if isinstance(clip, np.ndarray):
        y = audio.check(clip).astype(np.float32, copy=False)
    elif isinstance(clip, str | os.PathLike):
        y, _ = audio.load(clip, sr=SAMPLE_RATE)
    else:
        raise TranscriptError(
            "Expected clips that are paths or NumPy arrays, found one of type "
            f"{type(clip).__name__}."
        )
    if len(y) > N_SAMPLES:
        raise TranscriptError(
            f"Expected clips of at most {CHUNK_LENGTH} s, found one of "
            f"{len(y) / SAMPLE_RATE:.1f} s: split it first, or use transcripts.transcribe, which "
            "takes any length."
        )
    return y


def _shared(model: Whisper, task: DecodingTask, waves: list[np.ndarray]) -> list[ClipText]:
    import torch
    from whisper.utils import compression_ratio

    from .decoder import greedy

    padding = padding_of(model)
    encoded = [encode(model, y, padding) for y in waves]
    n = max(map(len, encoded))
    own = torch.stack([torch.cat([x, padding.encoded[len(x) : n]]) for x in encoded])
    texts = []
    for y, made in zip(waves, greedy(model, task, own, padding.encoded[n:]), strict=True):
        text = task.tokenizer.decode(made.tokens).strip()
        clip = _clip_text(made, text, compression_ratio(text))
        redo = clip.looks_wrong or not made.finished
        texts += _exact(model, task, [y], redone=True) if redo else [clip]
    return texts


def _exact(
    model: Whisper, task: DecodingTask, waves: list[np.ndarray], *, redone: bool = False
) -> list[ClipText]:
    import torch
    import whisper

    windows = (whisper.pad_or_trim(np.ascontiguousarray(y)) for y in waves)
    mels = [whisper.log_mel_spectrogram(y, model.dims.n_mels) for y in windows]
    decoded = whisper.decode(model, torch.stack(mels).to(model.device), task.options)
    texts = cast("list[DecodingResult]", decoded)  # one for each window of the stack
    return [_clip_text(made, made.text, made.compression_ratio, redone) for made in texts]


def _clip_text(
    made: Decoded | DecodingResult, text: str, compression_ratio: float, redone: bool = False
) -> ClipText:
    tokens = tuple(made.tokens)
    return ClipText(text, tokens, made.avg_logprob, compression_ratio, made.no_speech_prob, redone)
