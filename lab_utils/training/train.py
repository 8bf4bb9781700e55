"""Training from top to bottom: the settings, what learns, the loop, a run that can be resumed.

The encoder is frozen; what it heard comes as :class:`Features`. Only the decoder learns, all of its
blocks or a small addition to their matrices (LoRA; Hu et al., 2021).
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from .. import checkpoints, models
from ..errors import TrainingError
from ..files import replacing
from ..progress import bar
from .data import IGNORE, PRECISIONS, Features, autocast, batch, labels_of

if TYPE_CHECKING:
    from whisper import Whisper

METHODS = ("lora", "decoder")
CHECKPOINT = "training.pt"


@dataclass(frozen=True)
class Config:
    """How to train. The same settings, clips and machine give the same weights."""

    method: str = "lora"  #: "lora" trains small additions to the matrices, "decoder" its blocks
    learning_rate: float = 1e-3  #: the highest; about 1e-3 suits LoRA, 1e-4 the decoder
    epochs: int = 4  #: how often every clip is seen
    batch_size: int = 8  #: clips in a step
    rank: int = 8  #: the inner width of a LoRA addition
    weight_decay: float = 0.01  #: AdamW's pull toward 0
    clip: float = 1.0  #: the length that a gradient is cut to
    warmup: float = 0.1  #: the share of the steps over which the rate rises
    seed: int = 0  #: decides the order of the clips and the first weights of LoRA
    precision: str = "auto"  #: "float32", "bfloat16"; "auto": bfloat16 on a GPU that has it

    def __post_init__(self) -> None:
        for name, allowed in (("method", METHODS), ("precision", PRECISIONS)):
            if getattr(self, name) not in allowed:
                raise TrainingError(
                    f"Expected {name} to be one of {allowed}, found {getattr(self, name)!r}."
                )
        for name in ("epochs", "batch_size", "rank"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise TrainingError(f"Expected {name} to be a whole number from 1, found {value}.")
        if not 0 < self.learning_rate < 1:
            raise TrainingError(
                "Expected a learning_rate between 0 and 1, such as 1e-3 for LoRA, "
                f"found {self.learning_rate}."
            )
        if not 0 <= self.warmup < 1 or self.clip <= 0 or self.weight_decay < 0:
            raise TrainingError(
                "Expected 0 <= warmup < 1, clip > 0 and weight_decay >= 0, "
                f"found {self.warmup}, {self.clip} and {self.weight_decay}."
            )

    def steps(self, n_clips: int) -> int:
        """How many times the weights change."""
        return self.epochs * -(-n_clips // self.batch_size)

    def batches(self, n_clips: int, *, epoch: int) -> list[list[int]]:
        """The clips of each step of an epoch, counted from 1: the seed and its number decide."""
        generator = torch.Generator().manual_seed(1000 * self.seed + epoch)
        order = torch.randperm(n_clips, generator=generator)
        return [rows.tolist() for rows in order.split(self.batch_size)]

    def rate(self, step: int, n_steps: int) -> float:
        """The learning rate of a step, counted from 0: up in a straight line, then down to 0."""
        rising = max(1, round(self.warmup * n_steps))
        up, down = (step + 1) / rising, (n_steps - step) / (n_steps - rising + 1)
        return self.learning_rate * min(up, down, 1.0)


class LoRA(nn.Module):
    """A linear layer W x + b that became W x + b + s B A x; only A and B learn.

    A has shape (rank, n_in), B (n_out, rank). B starts at 0, so that the model starts unchanged.
    """

    def __init__(self, linear: nn.Linear, *, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        n_out, n_in = linear.weight.shape
        a = torch.randn(rank, n_in, generator=generator) / n_in**0.5
        self.linear = linear
        self.a = nn.Parameter(a.to(linear.weight.device))
        self.b = nn.Parameter(torch.zeros(n_out, rank, device=linear.weight.device))
        self.scale = 2.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) + self.scale * F.linear(F.linear(x, self.a), self.b)

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """The plain layer with the addition inside: the same function, no extra cost."""
        self.linear.weight += self.scale * self.b @ self.a
        return self.linear


def merge_lora(decoder: nn.Module) -> None:
    """Turn every LoRA layer back into a plain one that does the same."""
    for parent in list(decoder.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, LoRA):
                setattr(parent, name, child.merged())


def prepare(model: Whisper, config: Config) -> tuple[Whisper, list[nn.Parameter]]:
    """A copy of the model that shares its frozen encoder, and the tensors in it that learn."""
    student = copy.deepcopy(model, {id(model.encoder): model.encoder})
    decoder = student.decoder.requires_grad_(False)
    learning: list[nn.Parameter] = []
    if config.method == "decoder":
        for part in (*decoder.blocks, decoder.ln):
            learning += part.requires_grad_(True).parameters()
        return student, learning
    generator = torch.Generator().manual_seed(config.seed)
    for block in decoder.blocks:
        for parent, names in (
            (block.attn, ("query", "value", "out")),
            (block.cross_attn, ("query", "out")),  # key and value read the frozen encoder
            (block.mlp, ("0", "2")),
        ):
            for name in names:
                layer = LoRA(getattr(parent, name), rank=config.rank, generator=generator)
                setattr(parent, name, layer)
                learning += [layer.a, layer.b]
    return student, learning


@dataclass(frozen=True)
class Epoch:
    """The losses after an epoch, mean over the tokens that count, in nats."""

    number: int  #: 0 is the model before training
    train: float  #: on the clips that it learns from, while it learned; for number 0 before
    #: on clips that it does not learn from, by name
    validation: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """A finished training run."""

    model: Whisper  #: trained, in evaluation mode; it shares the encoder of the model given
    config: Config
    history: tuple[Epoch, ...]
    n_trained: int  #: numbers that learned
    n_parameters: int  #: numbers in all
    seconds: float  #: wall time of this call
    resumed_after: int  #: epochs that a checkpoint had done already


def train(
    model: Whisper,
    features: Features,
    config: Config | None = None,
    *,
    validation: Mapping[str, Features] | None = None,
    folder: str | os.PathLike | None = None,
    on_epoch: Callable[[tuple[Epoch, ...]], None] | None = None,
    progress: bool | str = True,
) -> Run:
    """Teach a copy of a model's decoder what its clips say.

    Parameters
    ----------
    model : whisper.Whisper
        Stays as it is.
    features : Features
        From :func:`encode`, of this model's encoder.
    config : Config, optional
    validation : mapping of str to Features, optional
        Clips on which the loss is watched after each epoch.
    folder : path-like, optional
        Keep a checkpoint here after each epoch. If one of the same run is there, resume it:
        a run that was killed ends with the same weights as one that was not.
    on_epoch : callable, optional
        Called with the history so far, before training and after each epoch.
    progress : bool or str
        Show a bar, with this name.

    Raises
    ------
    TrainingError
        The features are another model's, the folder holds the checkpoint of another run, or the
        loss is no longer a number.

    Notes
    -----
    Taught in: notebooks/10_fine_tune.ipynb.
    """
    started, config, validation = time.perf_counter(), config or Config(), validation or {}
    expected = model.dims.n_audio_state
    for part in (features, *validation.values()):
        if (width := part.audio.shape[2]) != expected:
            raise TrainingError(
                f"Expected features of this model's encoder, {expected} wide, found {width}: "
                "encode the clips with the model that you train."
            )
    student, learning = prepare(model, config)
    optimizer = torch.optim.AdamW(learning, betas=(0.9, 0.98), weight_decay=config.weight_decay)
    path = None if folder is None else Path(folder) / CHECKPOINT
    run = "" if path is None else _fingerprint(model, features, config, validation)
    history = _resume(path, run, learning, optimizer)
    resumed_after = max(len(history) - 1, 0)

    def watch(number: int, train_loss: float) -> None:
        losses = {name: loss(student, part) for name, part in validation.items()}
        history.append(Epoch(number, train_loss, losses))
        if on_epoch is not None:
            on_epoch(tuple(history))

    if not history:
        watch(0, loss(student, features))
    n_steps = config.steps(len(features))
    step = resumed_after * n_steps // config.epochs
    with bar(n_steps, progress, unit="step") as move:
        move(step)
        for number in range(len(history), config.epochs + 1):
            total, n_tokens = 0.0, 0
            for rows in config.batches(len(features), epoch=number):
                value, n = batch_loss(student, features, rows, config.precision)  # forward, loss
                optimizer.zero_grad()
                value.backward()  # backward
                length = nn.utils.clip_grad_norm_(learning, config.clip)  # clip
                if not (value.isfinite() and length.isfinite()):
                    raise TrainingError(
                        f"Expected a number as the loss and as the length of its gradient, found "
                        f"{value.item()} and {length.item()} in epoch {number}: training diverged; "
                        f"lower learning_rate (now {config.learning_rate:g}) and start again."
                    )
                optimizer.param_groups[0]["lr"] = config.rate(step, n_steps)  # schedule
                optimizer.step()  # step
                step, total, n_tokens = step + 1, total + value.item() * n, n_tokens + n
                move(1, epoch=number, loss=f"{value.item():.2f}")
            watch(number, total / n_tokens)
            if path is not None:
                state = {
                    "run": run,
                    "weights": [tensor.detach() for tensor in learning],
                    "optimizer": optimizer.state_dict(),
                    "history": [dataclasses.asdict(epoch) for epoch in history],
                }
                with replacing(path) as temporary:
                    torch.save(state, temporary)
    merge_lora(student.decoder)
    student.requires_grad_(True)
    return Run(
        model=student.eval(),
        config=config,
        history=tuple(history),
        n_trained=sum(tensor.numel() for tensor in learning),
        n_parameters=sum(tensor.numel() for tensor in student.parameters()),
        seconds=time.perf_counter() - started,
        resumed_after=resumed_after,
    )


def batch_loss(
    model: Whisper, features: Features, rows: Sequence[int], precision: str = "float32"
) -> tuple[torch.Tensor, int]:
    """Cross-entropy of some clips, mean over the tokens that count, and how many count."""
    inputs, targets = batch(labels_of(features.examples[row], model) for row in rows)
    targets = targets.to(model.device)
    with autocast(model, precision):
        logits = model.decoder(inputs.to(model.device), features.audio[rows])
    value = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)
    return value, int((targets != IGNORE).sum())


@torch.no_grad()
def loss(model: Whisper, features: Features, *, batch_size: int = 16) -> float:
    """Mean cross-entropy over every token that counts, in nats; nothing is learned."""
    total, n_tokens = 0.0, 0
    for rows in torch.arange(len(features)).split(batch_size):
        value, n = batch_loss(model, features, rows.tolist())
        total, n_tokens = total + value.item() * n, n_tokens + n
    return total / n_tokens


def _fingerprint(
    model: Whisper, features: Features, config: Config, validation: Mapping[str, Features]
) -> str:
    """What a run depends on: settings, the weights it starts from, texts, what was heard.

    The clips that are watched belong to it: else one curve would show two sets of clips.
    """
    what = [dataclasses.asdict(config), models.fingerprint(model)]
    for name, part in [("", features), *sorted(validation.items())]:
        heard = checkpoints.tensor_digest({"audio": part.audio.cpu()})
        what += [name, heard, [(e.name, e.text, e.language) for e in part.examples]]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def _resume(
    path: Path | None, run: str, learning: list[nn.Parameter], optimizer: torch.optim.Optimizer
) -> list[Epoch]:
    """Put a checkpoint's weights back; the history so far, empty where there is none."""
    if path is None or not path.is_file():
        return []
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = state["run"]
    except Exception as error:  # torch raises many kinds for a damaged file
        raise TrainingError(
            f"{path} is not a checkpoint of a training run, or it is damaged "
            f"({type(error).__name__}). Delete it to start from the beginning."
        ) from error
    if found != run:
        raise TrainingError(
            f"{path} belongs to another run: its settings, texts, sounds or weights differ. To "
            "resume, use the same ones; to start over, give another folder or delete the file."
        )
    with torch.no_grad():
        for tensor, kept in zip(learning, state["weights"], strict=True):
            tensor.copy_(kept)
    optimizer.load_state_dict(state["optimizer"])
    return [Epoch(**epoch) for epoch in state["history"]]
