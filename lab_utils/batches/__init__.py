"""Many short clips through Whisper at once: shared padding.

Whisper always encodes 30 seconds; of a clip of 3 seconds, nine tenths are padding. The padding of
all clips sounds the same, so it is encoded once for a batch: the longest clip goes through the
whole encoder, the others compute their own first positions only and attend to that clip's padding.
The decoder does likewise. This is an approximation (a few texts in a hundred change, in both
directions); ``exact=True`` switches it off, and a text that looks wrong is done again plainly.

Cutting the padding off instead of sharing it ruins the text: the model reads from the padding where
the speech ends.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import audio
from ..errors import TranscriptError
from ..languages import language_code
from ..models import load_model
from .reader import ClipText, Reader

__all__ = ["ClipText", "duration_of", "plan", "transcribe_batches", "transcribe_clips"]

if TYPE_CHECKING:
    from whisper import Whisper

BATCH_SIZE = 16
SECONDS = 30.0  #: the longest clip


def transcribe_clips(
    clips: Sequence[str | os.PathLike | np.ndarray],
    model: Whisper | str = "base",
    *,
    language: str = "en",
    batch_size: int = BATCH_SIZE,
    exact: bool = False,
    on_batch: Callable[[int], None] | None = None,
) -> list[ClipText]:
    """Transcribe clips of at most 30 seconds, greedy and without timestamps.

    Parameters
    ----------
    clips : sequence of path-like or np.ndarray
        Files, or mono float32 waveforms at 16 kHz.
    model : whisper.Whisper or str
        A model, or the name of one.
    language : str
        Code of the language that all clips are in.
    batch_size : int
        Clips at once. They are sorted by length first; 16 is a good number on two cores.
    exact : bool
        Give every clip its own 30 seconds, as ``whisper.decode`` does: slower.
    on_batch : callable, optional
        Called with the number of clips done after each batch.

    Returns
    -------
    list of ClipText
        In the order of ``clips``. The same clips give the same texts in any order.

    Raises
    ------
    AudioError
        A clip cannot be read or is no waveform.
    TranscriptError
        A clip is longer than 30 seconds, or the model does not know the language.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb. How the idea was measured: benchmarks/label_clips.py.
    """
    if batch_size < 1:
        raise TranscriptError(f"Expected a batch of at least 1 clip, found {batch_size}.")
    results: list[ClipText | None] = [None] * len(clips)
    done = 0
    for indices, texts in transcribe_batches(
        clips, model, language=language, batch_size=batch_size, exact=exact
    ):
        for i, text in zip(indices, texts, strict=True):
            results[i] = text
        done += len(indices)
        if on_batch:
            on_batch(done)
    return results


def plan(durations: Sequence[float], *, batch_size: int = BATCH_SIZE) -> list[list[int]]:
    """Which clips go together: sorted by length, so that a batch wastes little.

    Parameters
    ----------
    durations : sequence of float
        Of each clip, in any unit.
    """
    order = sorted(range(len(durations)), key=lambda i: (durations[i], i))
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


def transcribe_batches(
    clips: Sequence[str | os.PathLike | np.ndarray],
    model: Whisper | str = "base",
    *,
    language: str = "en",
    batch_size: int = BATCH_SIZE,
    exact: bool = False,
) -> Iterator[tuple[list[int], list[ClipText]]]:
    """Like :func:`transcribe_clips`, but hand out each batch (indices, texts) when it is done."""
    import torch

    if isinstance(model, str):
        model = load_model(model)
    reader = _reader(model, language_code(language, model=model, required=True))
    for indices in plan([duration_of(clip) for clip in clips], batch_size=batch_size):
        waves = [_read(clips[i]) for i in indices]
        with torch.inference_mode():
            yield indices, reader.read(waves, exact=exact)


def duration_of(clip: str | os.PathLike | np.ndarray) -> float:
    """Seconds of a clip; a TranscriptError if it is longer than 30 s."""
    if isinstance(clip, np.ndarray):
        seconds = len(audio.check(clip)) / audio.SAMPLE_RATE
    else:
        import soundfile

        try:
            seconds = soundfile.info(str(clip)).duration
        except soundfile.SoundFileError:
            y, sr = audio.load(clip)
            seconds = len(y) / sr
    if seconds > SECONDS + 1e-6:
        raise TranscriptError(
            f"Expected clips of at most 30 s, found one of {seconds:.1f} s: split it first, or use "
            "transcripts.transcribe, which takes any length."
        )
    return seconds


def _read(clip: str | os.PathLike | np.ndarray) -> np.ndarray:
    if isinstance(clip, np.ndarray):
        return clip.astype(np.float32, copy=False)
    return audio.load(clip, sr=audio.SAMPLE_RATE)[0]


_READERS: dict[tuple[int, str], Reader] = {}


def _reader(model: Whisper, language: str) -> Reader:
    """The fast reader of a model, made once; it goes when the model goes."""
    key = (id(model), language)
    if key not in _READERS or _READERS[key].stale(model):
        _READERS[key] = Reader(model, language)
        weakref.finalize(model, _READERS.pop, key, None)
    return _READERS[key]
