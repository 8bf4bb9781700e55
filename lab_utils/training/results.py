"""What a trained model writes down, how well, and its file."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .. import checkpoints, metrics
from ..errors import TrainingError
from .features import Features, bar

if TYPE_CHECKING:
    from whisper import Whisper


def write_down(
    model: Whisper,
    features: Features,
    *,
    language: str = "en",
    batch_size: int = 16,
    max_tokens: int = 100,
    progress: bool | str = True,
) -> list[str]:
    """Transcribe clips from kept features: greedy, without timestamps.

    Parameters
    ----------
    model : whisper.Whisper
    features : Features
        Of whole windows: ``encode`` without ``seconds``. A decoder that sees a window cut short
        repeats itself without end.
    max_tokens : int
        Where a text is cut off that does not come to an end.

    Returns
    -------
    list of str
        One text a clip.

    Raises
    ------
    TrainingError
        The features are cut.
    """
    import torch
    from whisper import DecodingOptions

    if features.audio.shape[1] != model.dims.n_audio_ctx:
        raise TrainingError(
            f"Expected features of whole windows, {model.dims.n_audio_ctx} positions, found "
            f"{features.audio.shape[1]}. Encode these clips without 'seconds'."
        )
    options = DecodingOptions(
        language=language, without_timestamps=True, fp16=False, sample_len=max_tokens
    )
    texts: list[str] = []
    with torch.no_grad(), bar(len(features), progress) as done:
        for start in range(0, len(features), batch_size):
            results = model.decode(features.audio[start : start + batch_size], options)
            texts += [result.text.strip() for result in results]
            done(len(results))
    return texts


def evaluate(
    model: Whisper, features: Features, *, normalizer: str = "english", progress: bool | str = True
) -> metrics.Score:
    """Transcribe clips from kept features and score the texts; see :func:`write_down`."""
    texts = write_down(model, features, progress=progress)
    names = [example.name for example in features.examples]
    return metrics.score(features.texts, texts, normalizer=normalizer, names=names)


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
