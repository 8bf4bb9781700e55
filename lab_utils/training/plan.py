"""How long a run will take and how much memory it will need, before it starts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .config import Config
from .examples import Example
from .features import Features, autocast, check, positions
from .labels import labels_of

if TYPE_CHECKING:
    from whisper import Whisper

MB = 1e6
PROGRAM_MB = 450  #: Python with torch, whisper and NumPy loaded, before any model


@dataclass(frozen=True)
class Plan:
    """An estimate. Memory is counted in megabytes (10^6 bytes).

    Attributes
    ----------
    n_clips, n_steps : int
    n_trained, n_parameters : int
        Numbers that learn, and numbers in all.
    encode_seconds, train_seconds : float
        From one clip and one step that were tried on this machine.
    model_mb, features_mb, optimizer_mb, step_mb : float
        The model and its copied decoder; what the encoder heard; gradients and AdamW's two
        moments; what one step keeps until its gradients are known.
    """

    n_clips: int
    n_steps: int
    n_trained: int
    n_parameters: int
    encode_seconds: float
    train_seconds: float
    model_mb: float
    features_mb: float
    optimizer_mb: float
    step_mb: float

    @property
    def memory_mb(self) -> float:
        """All of it together, with the program itself."""
        parts = (self.model_mb, self.features_mb, self.optimizer_mb, self.step_mb)
        return PROGRAM_MB + sum(parts)

    def text(self) -> str:
        """A few lines to read before you start."""
        share = 100 * self.n_trained / self.n_parameters
        return (
            f"{self.n_clips} clips, {self.n_steps} steps\n"
            f"learns: {self.n_trained:,} of {self.n_parameters:,} numbers ({share:.1f} %)\n"
            f"time:   about {self.encode_seconds:.0f} s for the encoder, once, "
            f"and {self.train_seconds:.0f} s of training\n"
            f"memory: about {self.memory_mb:,.0f} MB"
        )


def plan(
    model: Whisper,
    examples: Sequence[Example],
    config: Config | None = None,
    *,
    seconds: float = 30.0,
    extra_clips: int = 0,
) -> Plan:
    """Try one clip and one step, and reckon the rest.

    Parameters
    ----------
    model : whisper.Whisper
    examples : sequence of Example
        To learn from; their texts are checked.
    config : Config, optional
    seconds : float
        What is kept of each window, as in :func:`encode`.
    extra_clips : int
        Clips of validation and test, kept whole.
    """
    import torch
    from whisper.audio import N_FRAMES

    from .loop import batch_loss, prepare

    config = config or Config()
    check(model, examples)
    dims, n = model.dims, min(positions(seconds), model.dims.n_audio_ctx)
    with torch.no_grad(), autocast(model, config.precision):
        silence = torch.zeros(1, dims.n_mels, N_FRAMES, device=model.device)
        started = time.perf_counter()
        model.encoder(silence)
        one_clip = time.perf_counter() - started
    student, trained = prepare(model, config)
    few = tuple(examples[: config.batch_size])
    tried = Features(few, torch.zeros(len(few), n, dims.n_audio_state, device=model.device))
    started = time.perf_counter()
    value, _ = batch_loss(student, tried, list(range(len(few))), config.precision)
    value.backward()
    one_step = time.perf_counter() - started

    n_steps = config.steps(len(examples))
    longest = max(len(labels_of(e, model).inputs) for e in few)
    n_trained = sum(p.numel() for p in trained)
    n_parameters = sum(p.numel() for p in model.parameters())
    decoder = sum(p.numel() for p in model.decoder.parameters())
    logits = 3 * len(few) * longest * dims.n_vocab
    attention = dims.n_text_layer * len(few) * n * 2 * dims.n_text_state
    blocks = dims.n_text_layer * len(few) * longest * 30 * dims.n_text_state
    kept = len(examples) * n + extra_clips * dims.n_audio_ctx
    return Plan(
        n_clips=len(examples),
        n_steps=n_steps,
        n_trained=n_trained,
        n_parameters=n_parameters,
        encode_seconds=one_clip * (n / dims.n_audio_ctx * len(examples) + extra_clips),
        train_seconds=one_step * n_steps,
        model_mb=4 * (n_parameters + decoder) / MB,
        features_mb=4 * kept * dims.n_audio_state / MB,
        optimizer_mb=4 * 3 * n_trained / MB,
        step_mb=4 * (logits + attention + blocks) / MB,
    )
