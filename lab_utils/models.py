"""A ready Whisper model on the right device.

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

import functools
import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from . import checkpoints
from .errors import CheckpointError

if TYPE_CHECKING:
    from whisper import Whisper


def default_device() -> str:
    """``"cuda"`` where torch sees an NVIDIA GPU, else ``"cpu"``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def load_model(name: str | os.PathLike = "base", *, device: str | None = None) -> Whisper:
    """Load a Whisper model, from this machine if its weights are here.

    Parameters
    ----------
    name : str or path-like
        A model name (``"base"``, ``"tiny.en"``, …) or the path of a ``.pt`` file, such as one
        that lab 10 saved.
    device : str, optional
        A torch device. Default: :func:`default_device`.

    Returns
    -------
    whisper.Whisper
        In evaluation mode, with whisper's own alignment heads. A model loaded by name is shared
        within a process: ``copy.deepcopy`` it before you change its weights.

    Raises
    ------
    CheckpointError
        No weights, or not the right ones; see :func:`lab_utils.checkpoints.fetch`.
    """
    device = device or default_device()
    if isinstance(name, os.PathLike) or str(name).endswith(".pt"):
        return _build(Path(name), device)
    return _shared(str(name), device)


_FINGERPRINTS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def fingerprint(model: Whisper) -> str:
    """SHA-256 of a model's weights: equal for equal weights, whatever object or file they are in.

    64 hexadecimal digits: :func:`lab_utils.checkpoints.tensor_digest`, computed once for a model
    object, and again only when its weights have changed. Whether they have shows in the product
    of every tensor with a fixed vector, which is much faster.
    """
    import torch

    with torch.inference_mode():
        state = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
        rows = (tensor.reshape(len(tensor), -1).float() for tensor in state.values())
        probes = [x @ torch.linspace(1, 2, x.shape[1]) for x in rows]
        seen = torch.cat(probes).numpy().tobytes()
    if _FINGERPRINTS.get(model, (None, None))[0] != seen:
        _FINGERPRINTS[model] = seen, checkpoints.tensor_digest(state)
    return _FINGERPRINTS[model][1]


@functools.lru_cache(maxsize=4)
def _shared(name: str, device: str) -> Whisper:
    return _build(checkpoints.fetch(name), device, name=name)


def _build(path: Path, device: str, *, name: str | None = None) -> Whisper:
    from whisper import _ALIGNMENT_HEADS
    from whisper.model import ModelDimensions, Whisper

    checkpoint = checkpoints.read(path)
    dims = checkpoint["dims"]
    try:
        model = Whisper(ModelDimensions(**dims))
        model.load_state_dict(checkpoint["model_state_dict"])
    except (RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"The weights in {path.name} do not fit the dimensions that the file names: {error}"
        ) from error
    if name is None:  # a fine-tuned model keeps the heads of the model it came from
        shape = tuple(dims[field] for field in checkpoints.DIMS)
        name = next((n for n, p in checkpoints.PACKAGED.items() if p.dims == shape), None)
    if name in _ALIGNMENT_HEADS:
        model.set_alignment_heads(_ALIGNMENT_HEADS[name])
    return model.to(device).eval()
