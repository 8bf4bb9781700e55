"""A window of sound as the decoder meets it: waveform, log-mel and the encoder's output."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from .. import audio
from ..constants import N_SAMPLES, SAMPLE_RATE, SECONDS_PER_FRAME, SECONDS_PER_POSITION
from ..errors import DecodingError

if TYPE_CHECKING:
    import torch
    from whisper import Whisper


@dataclass(frozen=True, eq=False)
class Window:
    """At most 30 seconds of sound after the encoder, with everything that led there."""

    #: the sound at 16 kHz, not padded, float32, shape (n_samples,); empty if a log-mel was given
    y: np.ndarray = field(repr=False)
    #: Whisper's log-mel of the padded window, float32, shape (n_mels, 3000); about -1 to 2
    mel: np.ndarray = field(repr=False)
    #: what the encoder makes of it, shape (1500, n_state): one vector for every 20 ms
    audio_features: torch.Tensor = field(repr=False)
    duration: float  #: seconds of sound before the padding
    model: Whisper = field(repr=False)  #: the model that encoded it

    @property
    def n_positions(self) -> int:
        """Encoder positions that hold sound and not padding."""
        n_positions = math.ceil(round(self.duration / SECONDS_PER_POSITION, 6))
        return max(1, min(self.model.dims.n_audio_ctx, n_positions))


def encode(
    recording: str | os.PathLike | np.ndarray, model: Whisper, *, start: float = 0.0
) -> Window:
    """Cut a window of 30 seconds, pad it with zeros, and run log-mel and encoder over it.

    Parameters
    ----------
    recording : path-like or np.ndarray
        A file; or a mono waveform at 16 kHz, shape (n_samples,); or a finished log-mel, shape
        (n_mels, 3000).
    model : whisper.Whisper
    start : float
        Where the window begins, in seconds.

    Raises
    ------
    AudioError
        The recording cannot be read or is no waveform.
    DecodingError
        ``start`` is outside, or the log-mel does not have the shape that the model takes.

    Notes
    -----
    Taught in: notebooks/03_decode.ipynb. The features are those of ``whisper.decode``: the log-mel
    of this window alone. ``whisper.transcribe`` cuts them from the log-mel of the whole file.
    """
    import torch
    import whisper

    if isinstance(recording, np.ndarray) and recording.ndim == 2:
        if start != 0:
            raise DecodingError(
                f"Expected start=0 beside a log-mel, found {start!r}: cut the sound."
            )
        if not np.isfinite(recording).all():
            raise DecodingError(
                "Expected a log-mel of finite numbers, found NaN or infinity in it."
            )
        y, mel = np.zeros(0, np.float32), torch.from_numpy(recording.astype(np.float32))
        duration = mel.shape[1] * SECONDS_PER_FRAME
    else:
        if not isinstance(recording, np.ndarray):
            recording, _ = audio.load(recording, sr=SAMPLE_RATE)
        y = _cut(audio.check(recording).astype(np.float32, copy=False), start=start)
        mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(y), n_mels=model.dims.n_mels)
        duration = len(y) / SAMPLE_RATE
    expected = (model.dims.n_mels, 2 * model.dims.n_audio_ctx)
    if tuple(mel.shape) != expected:
        raise DecodingError(
            f"Expected a log-mel of {expected[0]} bands and {expected[1]} frames, found "
            f"{mel.shape[0]} bands and {mel.shape[1]} frames. Make it with "
            "whisper.log_mel_spectrogram(y, n_mels=model.dims.n_mels) after whisper.pad_or_trim."
        )
    batch = mel.unsqueeze(0).to(model.device)
    with torch.no_grad():
        features = model.encoder(batch.half() if model.device.type == "cuda" else batch)[0]
    return Window(y, mel.cpu().numpy(), features, duration, model)


def _cut(y: np.ndarray, *, start: float) -> np.ndarray:
    if not isinstance(start, Real) or not 0 <= start < len(y) / SAMPLE_RATE:
        raise DecodingError(
            f"Expected a start between 0 and {len(y) / SAMPLE_RATE:.2f} s, found {start!r}."
        )
    first = min(round(start * SAMPLE_RATE), len(y) - 1)
    return y[first : first + N_SAMPLES]
