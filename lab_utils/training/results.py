"""What a trained model writes down, how well, and its file."""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from .. import batches, checkpoints, metrics
from ..errors import TrainingError
from ..progress import bar
from .examples import Example

if TYPE_CHECKING:
    from whisper import Whisper


def write_down(
    model: Whisper,
    examples: Sequence[Example],
    *,
    language: str | None = None,
    exact: bool = False,
    progress: bool | str = True,
) -> list[str]:
    """Transcribe the clips of some examples: greedy, without timestamps.

    Parameters
    ----------
    model : whisper.Whisper
    examples : sequence of Example
    language : str, optional
        What is spoken. Default: what the examples say.
    exact : bool
        Each clip in its own 30 s, five times slower; see :func:`batches.transcribe_many`.
    progress : bool or str
        Show a bar, with this name.

    Returns
    -------
    list of str
        One text a clip.

    Raises
    ------
    TranscriptError, AudioError
        A clip over 30 s, or one that cannot be read.
    TrainingError
        The examples are in several languages.
    """
    language = language or _language(examples)
    paths = [example.path for example in examples]
    with bar(len(paths), progress) as move:
        texts = batches.transcribe_many(
            paths, model, language=language, exact=exact, on_batch=lambda made: move(len(made))
        )
    return [text.text for text in texts]


def evaluate(
    model: Whisper,
    examples: Sequence[Example],
    *,
    language: str | None = None,
    normalizer: str | None = None,
    exact: bool = False,
    progress: bool | str = True,
) -> metrics.Score:
    """Transcribe clips and score what was written; see :func:`write_down`.

    The language decides the normalizer and the unit, as in :func:`metrics.score`.
    """
    language = language or _language(examples)
    texts = write_down(model, examples, language=language, exact=exact, progress=progress)
    references = [example.text for example in examples]
    names = [example.name for example in examples]
    return metrics.score(references, texts, normalizer=normalizer, language=language, names=names)


def _language(examples: Sequence[Example]) -> str:
    found = {example.language for example in examples}
    if len(found) > 1:
        raise TrainingError(
            f"Expected clips in one language, found {', '.join(sorted(found))}: measure the clips "
            "of each language by themselves."
        )
    return found.pop() if found else "en"


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
