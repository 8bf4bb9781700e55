"""Whisper's encoder for short clips: the padding is borrowed from one reference window.

The encoder's attention lets every position see every other, so the padding of a clip depends a
little on the clip. Here it does not: the keys and values that each layer computes for the padding
come from a reference window, encoded once for a model. A clip then computes its own positions only,
and what it gets depends on nothing else: not on the other clips of a batch, nor on their order.
"""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .. import audio, models, samples
from ..constants import N_POSITIONS, N_SAMPLES, N_SAMPLES_PER_TOKEN, SAMPLE_RATE

if TYPE_CHECKING:
    import torch
    from whisper import Whisper

#: A sentence of a microphone test. Somebody must speak in the reference: with the padding of a
#: silent window fewer texts stay those of the whole window, and a longer sentence costs more.
REFERENCE, REFERENCE_SECONDS = "en_mic", 3.78
MARGIN_SECONDS = 1.0  #: that a clip computes itself after its end
#: A label remembers it: another reference or margin may give other texts.
METHOD = f"padding of {REFERENCE}, margin {MARGIN_SECONDS} s"


class Padding(NamedTuple):
    """The reference window as a model hears it."""

    encoded: torch.Tensor  #: the encoder's output, shape (1500, width)
    keys: list[torch.Tensor]  #: of each layer's self-attention, shape (1, 1500, width)
    values: list[torch.Tensor]


_PADDINGS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def padding_of(model: Whisper) -> Padding:
    """The reference window encoded by a model: once, and again when its weights have changed."""
    import torch

    key = models.fingerprint(model), model.device
    if _PADDINGS.get(model, (None, None))[0] != key:
        y, sr = audio.load(samples.path(REFERENCE), sr=SAMPLE_RATE)
        y = y[: round(REFERENCE_SECONDS * sr)]
        with (  # whatever mode the caller computes in: what is kept can be used in every other
            torch.inference_mode(False),
            torch.no_grad(),
            torch.autocast(model.device.type, enabled=False),
        ):
            _PADDINGS[model] = key, _encode(model, y, N_POSITIONS)
    return _PADDINGS[model][1]


def n_own(n_samples: int) -> int:
    """How many positions a clip computes itself: its sound, a margin, at least the reference's."""
    seconds = max(n_samples / SAMPLE_RATE + MARGIN_SECONDS, REFERENCE_SECONDS)
    return min(math.ceil(seconds * SAMPLE_RATE / N_SAMPLES_PER_TOKEN), N_POSITIONS)


def encode(model: Whisper, y: np.ndarray, padding: Padding) -> torch.Tensor:
    """Encode one clip of at most 30 s at 16 kHz, with the padding of the same model.

    Returns
    -------
    torch.Tensor, shape (n_positions, width)
        At most 1,500 positions of 20 ms; what follows them is the rest of ``padding.encoded``.
    """
    return _encode(model, y, n_own(len(y)), padding).encoded


def _encode(model: Whisper, y: np.ndarray, n: int, padding: Padding | None = None) -> Padding:
    """Whisper's encoder for the first ``n`` positions; the others are those of ``padding``."""
    import torch
    from torch.nn import functional as F

    encoder, keys, values = model.encoder, [], []
    x = F.gelu(encoder.conv2(F.gelu(encoder.conv1(_mel(model, y, n))))).transpose(1, 2)[:, :n]
    x = x + encoder.positional_embedding[:n]
    for i, block in enumerate(encoder.blocks):
        attention, heard = block.attn, block.attn_ln(x)
        q, k, v = attention.query(heard), attention.key(heard), attention.value(heard)
        keys.append(k)
        values.append(v)
        if padding is not None:
            k = torch.cat([k, padding.keys[i][:, n:].to(k.dtype)], dim=1)
            v = torch.cat([v, padding.values[i][:, n:].to(v.dtype)], dim=1)
        q, k, v = (split_heads(t, attention.n_head) for t in (q, k, v))
        x = x + attention.out(join_heads(F.scaled_dot_product_attention(q, k, v)))
        x = x + block.mlp(block.mlp_ln(x))
    return Padding(encoder.ln_post(x)[0], keys, values)


def _mel(model: Whisper, y: np.ndarray, n: int) -> torch.Tensor:
    """Whisper's log-mel, only as long as ``n`` positions need; shape (1, n_mels, n_frames)."""
    from whisper import log_mel_spectrogram

    # two frames make a position; the last position's convolutions reach one frame further, and
    # the last frame of a spectrogram hears its own mirror image
    n_samples = min((n + 2) * N_SAMPLES_PER_TOKEN, N_SAMPLES)
    y = np.ascontiguousarray(y, np.float32)
    padding = max(n_samples - len(y), 0)
    return log_mel_spectrogram(y, model.dims.n_mels, padding=padding, device=model.device)[None]


def split_heads(x: torch.Tensor, n_head: int) -> torch.Tensor:
    """(batch, n, width) -> (batch, n_head, n, width / n_head)"""
    return x.unflatten(-1, (n_head, -1)).transpose(1, 2)


def join_heads(x: torch.Tensor) -> torch.Tensor:
    """(batch, n_head, n, width / n_head) -> (batch, n, width)"""
    return x.transpose(1, 2).flatten(2)
