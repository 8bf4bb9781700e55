"""Whisper's encoder for short clips: the padding is borrowed from one fixed window.

The encoder's attention lets every position see every other, so the padding of a clip depends a
little on the clip. Here it does not: the keys and values that each layer computes for the padding
come from a reference window, encoded once for a model. A clip then computes its own positions only,
and what it gets depends on nothing else: not on the other clips of a batch, nor on their order.
"""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import models, samples
from ..audio import load
from ..constants import N_POSITIONS, N_SAMPLES, N_SAMPLES_PER_TOKEN, SAMPLE_RATE

if TYPE_CHECKING:
    import torch
    from whisper import Whisper

REFERENCE = "en_mic"
REFERENCE_SECONDS = 3.78
MARGIN_SECONDS = 1.0
METHOD = f"padding of {REFERENCE}, margin {MARGIN_SECONDS} s"  #: changes when texts may change


@dataclass(frozen=True)
class Padding:
    """The reference window as a model hears it.

    ``keys`` and ``values`` have one tensor of shape (1, 1500, width) for each layer of the encoder;
    ``encoded`` is its output, shape (1500, width).
    """

    keys: tuple[torch.Tensor, ...]
    values: tuple[torch.Tensor, ...]
    encoded: torch.Tensor


_PADDINGS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def padding_of(model: Whisper) -> Padding:
    """The reference window encoded by a model: once, and again when its weights have changed."""
    key = models.fingerprint(model), model.device
    if _PADDINGS.get(model, (None, None))[0] != key:
        _PADDINGS[model] = key, _encode_reference(model)
    return _PADDINGS[model][1]


def _encode_reference(model: Whisper) -> Padding:
    import torch

    y, _ = load(samples.get(REFERENCE).path, sr=SAMPLE_RATE)
    with (  # whatever the caller computes in: what is kept can be used in every other mode
        torch.inference_mode(False),
        torch.no_grad(),
        torch.autocast(model.device.type, enabled=False),
    ):
        return _every_layer(model, y)


def _every_layer(model: Whisper, y: np.ndarray) -> Padding:
    x, keys, values = _convolve(model, _mel(model, y, N_POSITIONS), N_POSITIONS), [], []
    for block in model.encoder.blocks:
        heard = block.attn_ln(x)
        keys.append(block.attn.key(heard))
        values.append(block.attn.value(heard))
        x = block(x)
    return Padding(tuple(keys), tuple(values), model.encoder.ln_post(x)[0])


def n_own(n_samples: int) -> int:
    """How many positions a clip computes itself: its sound, a margin, at least the reference's."""
    seconds = max(n_samples / SAMPLE_RATE + MARGIN_SECONDS, REFERENCE_SECONDS)
    return min(math.ceil(seconds * SAMPLE_RATE / N_SAMPLES_PER_TOKEN), N_POSITIONS)


def encode(model: Whisper, y: np.ndarray, padding: Padding) -> torch.Tensor:
    """Encode one clip; what follows its positions is ``padding.encoded``.

    Parameters
    ----------
    model : whisper.Whisper
    y : np.ndarray, float32, shape (n_samples,)
        At 16 kHz, at most 30 s.
    padding : Padding
        From :func:`padding_of`, of the same model.

    Returns
    -------
    torch.Tensor, shape (n_positions, width)
        At most 1,500 positions of 20 ms.
    """
    import torch
    from torch.nn import functional as F

    n = n_own(len(y))
    x = _convolve(model, _mel(model, y, n), n)
    for block, keys, values in zip(model.encoder.blocks, padding.keys, padding.values, strict=True):
        attention, heard = block.attn, block.attn_ln(x)
        q, k, v = attention.query(heard), attention.key(heard), attention.value(heard)
        k = torch.cat([k, keys[:, n:].to(k.dtype)], dim=1)
        v = torch.cat([v, values[:, n:].to(v.dtype)], dim=1)
        attended = F.scaled_dot_product_attention(
            *(split_heads(t, attention.n_head) for t in (q, k, v))
        )
        x = x + attention.out(join_heads(attended))
        x = x + block.mlp(block.mlp_ln(x))
    return model.encoder.ln_post(x)[0]


def _mel(model: Whisper, y: np.ndarray, n: int) -> torch.Tensor:
    """Whisper's log-mel, only as long as ``n`` positions need; shape (1, n_mels, n_frames)."""
    from whisper import log_mel_spectrogram

    # two frames make a position; one more frame reaches into the last position's convolution,
    # and the last frame of a spectrogram hears its mirrored end
    n_samples = min((n + 2) * N_SAMPLES_PER_TOKEN, N_SAMPLES)
    y = np.ascontiguousarray(y, np.float32)
    padding = max(n_samples - len(y), 0)
    return log_mel_spectrogram(y, model.dims.n_mels, padding=padding, device=model.device)[None]


def _convolve(model: Whisper, mel: torch.Tensor, n: int) -> torch.Tensor:
    """The two convolutions and the positions, for the first ``n`` positions."""
    from torch.nn import functional as F

    encoder = model.encoder
    x = F.gelu(encoder.conv2(F.gelu(encoder.conv1(mel)))).transpose(1, 2)[:, :n]
    return x + encoder.positional_embedding[:n]


def split_heads(x: torch.Tensor, n_head: int) -> torch.Tensor:
    """(batch, n, width) -> (batch, n_head, n, width / n_head)"""
    return x.unflatten(-1, (n_head, -1)).transpose(1, 2)


def join_heads(x: torch.Tensor) -> torch.Tensor:
    """(batch, n_head, n, width / n_head) -> (batch, n, width)"""
    return x.transpose(1, 2).flatten(2)
