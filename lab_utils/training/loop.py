"""The training loop: a decoder learns from kept features, with a checkpoint after each epoch."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from .. import checkpoints
from ..errors import TrainingError
from ..files import replacing
from ..progress import bar
from .config import Config
from .features import Features, autocast
from .labels import IGNORE, batch, labels_of, tokenizer_of
from .lora import add_lora, merge_lora

if TYPE_CHECKING:
    from whisper import Whisper

CHECKPOINT = "training.pt"


@dataclass(frozen=True)
class Epoch:
    """The losses after an epoch, mean over the tokens that count, in nats.

    Attributes
    ----------
    number : int
        0 is the model before training.
    train : float
        On the clips that it learns from, while it learned; for number 0 before.
    validation : dict of str to float
        On clips that it does not learn from, by name.
    """

    number: int
    train: float
    validation: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """A finished training run.

    Attributes
    ----------
    model : whisper.Whisper
        The trained model, in evaluation mode; the model that was given stays as it was and shares
        its encoder.
    config : Config
    history : tuple of Epoch
    n_trained, n_parameters : int
        Numbers that learned, and numbers in all.
    seconds : float
        Wall time of this call.
    resumed_after : int
        Epochs that a checkpoint had done already.
    """

    model: Whisper
    config: Config
    history: tuple[Epoch, ...]
    n_trained: int
    n_parameters: int
    seconds: float
    resumed_after: int


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
        Keep a checkpoint here after each epoch. If one of the same run is there, go on from it:
        a run that was killed ends with the same weights as one that was not.
    on_epoch : callable, optional
        Called with the history so far, before training and after each epoch.
    progress : bool or str
        Show a bar, with this name.

    Returns
    -------
    Run

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
    for part in (features, *validation.values()):
        _check_width(model, part)
    student, trained = prepare(model, config)
    optimizer = torch.optim.AdamW(trained, betas=(0.9, 0.98), weight_decay=config.weight_decay)
    path = None if folder is None else Path(folder) / CHECKPOINT
    mark = "" if path is None else _fingerprint(model, features, config, validation)
    history = _resume(path, mark, trained, optimizer)
    resumed_after = len(history) - 1 if history else 0

    def watch(number: int, train_loss: float) -> None:
        watched = {name: loss(student, part) for name, part in validation.items()}
        history.append(Epoch(number, train_loss, watched))
        if on_epoch is not None:
            on_epoch(tuple(history))

    if not history:
        watch(0, loss(student, features))
    n_steps = config.steps(len(features))
    with bar(n_steps, progress, unit="step") as done:
        done(resumed_after * n_steps // config.epochs)
        for number in range(len(history), config.epochs + 1):
            train_loss = _epoch(student, trained, optimizer, features, config, number, done)
            watch(number, train_loss)
            if path is not None:
                _keep(path, mark, trained, optimizer, history)
    merge_lora(student.decoder)
    student.requires_grad_(True)
    return Run(
        model=student.eval(),
        config=config,
        history=tuple(history),
        n_trained=sum(p.numel() for p in trained),
        n_parameters=sum(p.numel() for p in student.parameters()),
        seconds=time.perf_counter() - started,
        resumed_after=resumed_after,
    )


def prepare(model: Whisper, config: Config) -> tuple[Whisper, list[torch.nn.Parameter]]:
    """A copy of the model that shares the frozen encoder, and the numbers in it that learn."""
    student = copy.deepcopy(model, {id(model.encoder): model.encoder})
    decoder = student.decoder
    decoder.requires_grad_(False)
    if config.method == "lora":
        generator = torch.Generator().manual_seed(config.seed)
        added = add_lora(decoder, rank=config.rank, generator=generator)
        return student, [p for layer in added for p in (layer.a, layer.b)]
    decoder.blocks.requires_grad_(True)
    decoder.ln.requires_grad_(True)
    return student, [p for p in decoder.parameters() if p.requires_grad]


def _epoch(student, trained, optimizer, features, config, number, done) -> float:
    """Every clip once, in an order that the seed and the epoch's number decide."""
    generator = torch.Generator().manual_seed(1000 * config.seed + number)
    order = torch.randperm(len(features), generator=generator).tolist()
    n_steps = config.steps(len(features))
    step = (number - 1) * n_steps // config.epochs
    total, n_tokens = 0.0, 0
    student.decoder.train()
    for start in range(0, len(order), config.batch_size):
        for group in optimizer.param_groups:
            group["lr"] = config.rate(step, n_steps)
        value, n = batch_loss(
            student, features, order[start : start + config.batch_size], config.precision
        )
        if not torch.isfinite(value):
            raise TrainingError(
                f"Expected a number as the loss, found {value.item()} in epoch {number}: training "
                f"diverged; lower learning_rate (now {config.learning_rate:g}) and start again."
            )
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(trained, config.clip)
        optimizer.step()
        step, total, n_tokens = step + 1, total + value.item() * n, n_tokens + n
        done(1, epoch=number, loss=f"{value.item():.2f}")
    student.decoder.eval()
    return total / n_tokens


def batch_loss(model: Whisper, features: Features, rows: list[int], precision: str = "float32"):
    """Cross-entropy of some clips (a tensor, mean over the tokens that count) and their number.

    The vocabulary is scored only at positions that count: the start sequence and the padding would
    cost as much and say nothing.
    """
    examples = [features.examples[row] for row in rows]
    items = [labels_of(example, model) for example in examples]
    inputs, targets = batch(items, padding=tokenizer_of(model).eot)
    inputs, targets = inputs.to(model.device), targets.to(model.device)
    with autocast(model, precision):
        states = hidden_states(model.decoder, inputs, features.audio[rows])
        counted = targets != IGNORE
        logits = F.linear(states[counted], model.decoder.token_embedding.weight)
    return F.cross_entropy(logits.float(), targets[counted]), int(counted.sum())


def hidden_states(decoder: torch.nn.Module, tokens: torch.Tensor, audio: torch.Tensor):
    """The decoder's last layer for tokens (n_clips, n_tokens): all of it but the vocabulary."""
    x = decoder.token_embedding(tokens) + decoder.positional_embedding[: tokens.shape[1]]
    for block in decoder.blocks:
        x = block(x, audio, mask=decoder.mask)
    return decoder.ln(x)


@torch.no_grad()
def loss(model: Whisper, features: Features, *, batch_size: int = 16) -> float:
    """Mean cross-entropy over every token that counts, in nats; nothing is learned."""
    total, n_tokens = 0.0, 0
    for rows in _parts(range(len(features)), batch_size):
        value, n = batch_loss(model, features, list(rows))
        total, n_tokens = total + value.item() * n, n_tokens + n
    return total / n_tokens


def _parts(items: range, size: int) -> Iterator[range]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _check_width(model: Whisper, features: Features) -> None:
    width, expected = features.audio.shape[2], model.dims.n_audio_state
    if width != expected:
        raise TrainingError(
            f"Expected features of this model's encoder, {expected} wide, found {width}: encode "
            "the clips with the model that you train."
        )


def _fingerprint(
    model: Whisper, features: Features, config: Config, validation: Mapping[str, Features]
) -> str:
    """What a run depends on: settings, texts, what was heard, and the weights it starts from.

    The clips that are watched belong to it: else one curve would show two sets of clips.
    """

    def content(part: Features) -> list:
        heard = checkpoints.tensor_digest({"audio": part.audio.cpu()})
        return [heard, [(e.name, e.text, e.language) for e in part.examples]]

    what = {
        "config": dataclasses.asdict(config),
        "learned": content(features),
        "watched": {name: content(part) for name, part in validation.items()},
        "weights": checkpoints.tensor_digest(
            {name: value.cpu() for name, value in model.decoder.state_dict().items()}
        ),
    }
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _keep(path: Path, mark: str, trained, optimizer, history: Iterable[Epoch]) -> None:
    state = {
        "run": mark,
        "weights": [p.detach() for p in trained],
        "optimizer": optimizer.state_dict(),
        "history": [dataclasses.asdict(epoch) for epoch in history],
    }
    with replacing(path) as temporary:
        torch.save(state, temporary)


def _resume(path: Path | None, mark: str, trained, optimizer) -> list[Epoch]:
    """Put a checkpoint's weights back; returns the history so far, empty where there is none."""
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
    if found != mark:
        raise TrainingError(
            f"{path} belongs to another run: its settings, texts, sounds or weights differ. To "
            "resume, use the same ones; to start over, give another folder or delete the file."
        )
    with torch.no_grad():
        for parameter, kept in zip(trained, state["weights"], strict=True):
            parameter.copy_(kept)
    optimizer.load_state_dict(state["optimizer"])
    return [Epoch(**epoch) for epoch in state["history"]]
