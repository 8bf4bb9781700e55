"""What a run costs, known before it starts; what the model gained by it; its file."""

from __future__ import annotations

import copy
import dataclasses
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from whisper.audio import N_FRAMES

from .. import batches, checkpoints, metrics
from ..errors import TrainingError
from ..progress import bar
from .data import Example, Features, autocast, check_texts, labels_of, n_kept
from .train import Config, batch_loss, prepare

if TYPE_CHECKING:
    from whisper import Whisper

MB = 1e6
PROGRAM_MB = 450  #: Python with torch, whisper and NumPy loaded, before any model


@dataclass(frozen=True)
class Plan:
    """An estimate, from one clip and one step that were tried on this machine."""

    n_clips: int
    n_steps: int
    n_trained: int  #: numbers that learn
    n_parameters: int  #: numbers in all
    encode_seconds: float
    train_seconds: float
    memory_mb: float  #: at the peak, with the program itself; 1 MB is 10^6 bytes

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
    seconds: float | None = None,
    extra_clips: int = 0,
) -> Plan:
    """Try one clip and one step, and estimate the rest.

    Parameters
    ----------
    model : whisper.Whisper
    examples : sequence of Example
        To learn from; their texts are checked.
    config : Config, optional
    seconds : float, optional
        What is kept of each window, as in :func:`encode`.
    extra_clips : int
        Clips of validation and test, kept whole.

    Raises
    ------
    TrainingError
        No clips, a text that cannot be learned from, or a name used twice.
    """
    config = config or Config()
    check_texts(model, examples)
    dims, n = model.dims, n_kept(model, seconds)
    silence = torch.zeros(1, dims.n_mels, N_FRAMES, device=model.device)
    started = time.perf_counter()
    with torch.no_grad(), autocast(model, config.precision):
        model.encoder(silence)
    one_clip = time.perf_counter() - started
    student, learning = prepare(model, config)
    few = tuple(examples[: config.batch_size])
    tried = Features(few, torch.zeros(len(few), n, dims.n_audio_state, device=model.device))
    started = time.perf_counter()
    value, _ = batch_loss(student, tried, range(len(few)), config.precision)
    value.backward()
    one_step = time.perf_counter() - started

    n_steps = config.steps(len(examples))
    n_trained = sum(tensor.numel() for tensor in learning)
    n_parameters = sum(tensor.numel() for tensor in model.parameters())
    copied = sum(tensor.numel() for tensor in model.decoder.parameters())
    heard = (len(examples) * n + extra_clips * dims.n_audio_ctx) * dims.n_audio_state
    moments = 3 * n_trained  # the gradient, and AdamW's two
    n_tokens = len(few) * max(len(labels_of(example, model).inputs) for example in few)
    logits = 3 * n_tokens * dims.n_vocab
    attention = dims.n_text_layer * len(few) * n * 2 * dims.n_text_state
    blocks = dims.n_text_layer * n_tokens * 30 * dims.n_text_state
    numbers = n_parameters + copied + heard + moments + logits + attention + blocks
    return Plan(
        n_clips=len(examples),
        n_steps=n_steps,
        n_trained=n_trained,
        n_parameters=n_parameters,
        encode_seconds=one_clip * (n / dims.n_audio_ctx * len(examples) + extra_clips),
        train_seconds=one_step * n_steps,
        memory_mb=PROGRAM_MB + 4 * numbers / MB,
    )


def evaluate(
    model: Whisper,
    examples: Sequence[Example],
    *,
    exact: bool = False,
    progress: bool | str = True,
) -> metrics.Score:
    """Transcribe clips, greedy and without timestamps, and score what was written.

    Parameters
    ----------
    model : whisper.Whisper
    examples : sequence of Example
        In one language; it decides the normalizer and the unit, as in :func:`metrics.score`.
    exact : bool
        Each clip in its own 30 s, five times slower; see :func:`batches.transcribe_many`.
    progress : bool or str
        Show a bar, with this name.

    Raises
    ------
    TranscriptError, AudioError
        A clip over 30 s, or one that cannot be read.
    TrainingError
        The examples are in several languages.
    MetricsError
        No clips, or a name used twice.
    """
    languages = sorted({example.language for example in examples}) or ["en"]
    if len(languages) > 1:
        raise TrainingError(
            f"Expected clips in one language, found {', '.join(languages)}: measure the clips "
            "of each language by themselves."
        )
    paths = [example.path for example in examples]
    with bar(len(paths), progress) as move:
        written = batches.transcribe_many(
            paths, model, language=languages[0], exact=exact, on_batch=lambda made: move(len(made))
        )
    return metrics.score(
        [example.text for example in examples],
        [clip.text for clip in written],
        language=languages[0],
        names=[example.name for example in examples],
    )


def interpolate(before: Whisper, after: Whisper, share: float) -> Whisper:
    """A model between two: its weights went only a share of the way that training went.

    Part of the way often keeps most of what was learned and loses less of what was known. With
    LoRA it is the same as a smaller factor s.

    Parameters
    ----------
    before, after : whisper.Whisper
        A model and what training made of it. Both stay as they are.
    share : float
        0 is ``before``, 1 is ``after``.

    Returns
    -------
    whisper.Whisper
        In evaluation mode; it shares the encoder if the two do.

    Raises
    ------
    TrainingError
        The share is not between 0 and 1, or the models differ in size.

    Notes
    -----
    Taught in: notebooks/10_fine_tune.ipynb. Method: M. Wortsman et al., "Robust fine-tuning of
    zero-shot models" (2022).
    """
    if not 0 <= share <= 1:
        raise TrainingError(f"Expected a share between 0 and 1, found {share}.")
    if before.dims != after.dims:
        raise TrainingError(
            "Expected a model and what training made of it, found two models of different sizes."
        )
    same_encoder = before.encoder is after.encoder
    middle = copy.deepcopy(after, {id(after.encoder): after.encoder} if same_encoder else {})
    start = before.state_dict()
    with torch.no_grad():
        for name, value in middle.state_dict().items():
            learned = value.is_floating_point() and not value.is_sparse
            if learned and not (same_encoder and name.startswith("encoder.")):
                value.copy_(torch.lerp(start[name].to(value), value, share))
    return middle.eval()


def save(model: Whisper, path: str | os.PathLike) -> Path:
    """Write a model in whisper's own format; ``load_model(path)`` reads it in every lab.

    Raises
    ------
    TrainingError
        The name does not end in ``.pt``.
    """
    path = Path(path)
    if path.suffix != ".pt":
        raise TrainingError(f"Expected a name that ends in .pt, found {path.name!r}.")
    state = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    return checkpoints.save(path, dims=dataclasses.asdict(model.dims), state=state)
