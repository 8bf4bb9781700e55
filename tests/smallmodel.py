"""A Whisper of any size with random weights, for tests: every code path, no knowledge."""

from __future__ import annotations

import torch
from whisper.model import ModelDimensions, Whisper


def small_whisper(dims: ModelDimensions, *, seed: int = 0) -> Whisper:
    """The same weights for the same seed, in evaluation mode."""
    torch.manual_seed(seed)
    model = Whisper(dims)
    with torch.no_grad():  # Whisper leaves it as the memory was: NaN at times
        model.decoder.positional_embedding.normal_(std=0.02)
    return model.eval()
