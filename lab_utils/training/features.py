"""What the frozen encoder heard in each clip, computed once and kept."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import audio, batches
from ..constants import CHUNK_LENGTH, SAMPLE_RATE, SECONDS_PER_POSITION, TOKENS_PER_SECOND
from ..errors import LabError, TrainingError
from ..progress import bar
from .examples import Example
from .labels import labels_of

if TYPE_CHECKING:
    import torch
    from whisper import Whisper


@dataclass(frozen=True)
class Features:
    """Examples and what the encoder made of them.

    Attributes
    ----------
    examples : tuple of Example
    audio : torch.Tensor, float32, shape (n_clips, n_positions, n_audio_state)
        50 positions a second; 1500 are the whole window.
    """

    examples: tuple[Example, ...]
    audio: torch.Tensor

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, part: slice) -> Features:
        if not isinstance(part, slice):
            raise TrainingError(f"Expected a slice such as features[:10], found [{part!r}].")
        return Features(self.examples[part], self.audio[part])

    def __add__(self, other: Features) -> Features:
        """Both together.

        Raises
        ------
        TrainingError
            They keep windows of different length, or come from encoders of different width.
        """
        import torch

        kept, width = self.audio.shape[1:]
        if other.audio.shape[1:] != (kept, width):
            n, other_width = other.audio.shape[1:]
            raise TrainingError(
                f"Expected features of {kept * SECONDS_PER_POSITION:g} s, {width} wide, found "
                f"{n * SECONDS_PER_POSITION:g} s, {other_width} wide: encode both with the same "
                "model and the same seconds."
            )
        return Features(self.examples + other.examples, torch.cat([self.audio, other.audio]))

    @property
    def texts(self) -> list[str]:
        """What is spoken in each clip."""
        return [example.text for example in self.examples]

    @property
    def sentences(self) -> list[str]:
        """The sentence of each clip: the groups of a bootstrap."""
        return [example.sentence or example.name for example in self.examples]


def encode(
    model: Whisper,
    examples: Sequence[Example],
    *,
    seconds: float | None = None,
    precision: str = "auto",
    progress: bool | str = True,
) -> Features:
    """Run the encoder once over every clip, after checking that each can be used.

    Parameters
    ----------
    model : whisper.Whisper
    examples : sequence of Example
    seconds : float, optional
        Keep only this much of each window, from its start; at least the longest clip. Less to keep
        and to attend to makes training faster. The padding is that of ``batches``: shared, nearly
        the same features, five times faster. Default: all 30 s, exact.
    precision : {"auto", "float32", "bfloat16"}
        As in :class:`Config`.
    progress : bool or str
        Show a bar, with this name.

    Returns
    -------
    Features
        On the model's device.

    Raises
    ------
    TrainingError
        No clips; a clip over 30 s or longer than ``seconds``; a text that is empty or has too many
        tokens; a language that the model does not know; a name used twice. The message names the
        clip.

    Notes
    -----
    Taught in: notebooks/10_fine_tune.ipynb.
    """
    import torch
    from whisper.audio import log_mel_spectrogram, pad_or_trim

    check(model, examples)
    n = model.dims.n_audio_ctx
    if seconds is not None:
        n = min(positions(seconds), n)
    kept = torch.empty(len(examples), n, model.dims.n_audio_state, device=model.device)
    with torch.no_grad(), autocast(model, precision), bar(len(examples), progress) as move:
        padding = None if seconds is None else batches.padding_of(model)
        for example, row in zip(examples, kept, strict=True):
            y = _waveform(example, seconds)
            if padding is None:
                mel = log_mel_spectrogram(pad_or_trim(y), model.dims.n_mels, device=model.device)
                row[:] = model.encoder(mel[None])[0]
            else:
                own = batches.encode(model, y, padding)[:n]
                row[: len(own)], row[len(own) :] = own, padding.encoded[len(own) : n]
            move()
    return Features(tuple(examples), kept)


def check(model: Whisper, examples: Sequence[Example]) -> None:
    """Refuse texts that the model cannot learn and names that are not unique; reads no audio."""
    if not len(examples):
        raise TrainingError("Expected at least one clip, found none.")
    seen = set()
    for example in examples:
        if example.name in seen:
            raise TrainingError(f"Expected each name once, found two clips named {example.name!r}.")
        seen.add(example.name)
        try:
            labels_of(example, model)
        except LabError as error:
            raise TrainingError(f"Clip {example.name!r}: {error}") from error


def _waveform(example: Example, seconds: float | None) -> np.ndarray:
    try:
        y, sr = audio.load(example.path, sr=SAMPLE_RATE)
    except LabError as error:
        raise TrainingError(f"Clip {example.name!r}: {error}") from error
    if example.speed != 1:
        y = audio.resample(y, sr=round(sr * example.speed), target_sr=sr)
    duration = len(y) / sr
    if duration > CHUNK_LENGTH:
        raise TrainingError(
            f"Clip {example.name!r}: expected at most 30 s, found {duration:.1f} s. Whisper hears "
            "30 s at a time: cut the recording in pauses, as in lab 08."
        )
    if seconds is not None and duration > seconds:
        raise TrainingError(
            f"Clip {example.name!r} lasts {duration:.1f} s, but only {seconds:g} s of each window "
            "are kept: ask for more seconds."
        )
    return y


def positions(seconds: float) -> int:
    """Encoder positions that cover so many seconds."""
    return math.ceil(seconds * TOKENS_PER_SECOND)


def use_bfloat16(model: Whisper, precision: str) -> bool:
    """Whether to compute in bfloat16: as told, or on a GPU that has it."""
    import torch

    if precision != "auto":
        return precision == "bfloat16"
    return model.device.type == "cuda" and torch.cuda.is_bf16_supported()


def autocast(model: Whisper, precision: str):
    """A block in which matrix products run in bfloat16, or an ordinary one."""
    import torch

    if use_bfloat16(model, precision):
        return torch.autocast(model.device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()
