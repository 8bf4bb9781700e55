"""A matrix kept as a picture whose pixels are its values.

Taught in: notebooks/07_mel.ipynb.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .errors import AudioError
from .files import replacing


def save_png(path: str | os.PathLike, db: np.ndarray, *, low: float, high: float) -> Path:
    """Keep a matrix as a gray PNG whose pixels are its values; the lowest frequency at the bottom.

    Values from ``low`` (black) to ``high`` (white) are kept in 256 steps, each off by up to
    ``(high - low) / 510``. What lies beyond is clipped.

    Raises
    ------
    AudioError
        The matrix does not have two axes, holds NaN, or ``low`` is not below ``high``.
    """
    from PIL import Image

    db = np.asarray(db)
    if db.ndim != 2 or not np.isfinite(db).all():
        raise AudioError(f"Expected a matrix of finite values, found shape {db.shape}.")
    if not low < high:
        raise AudioError(f"Expected low < high, found {low} and {high}.")
    gray = np.round(np.clip((db - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    with replacing(path) as temporary:
        Image.fromarray(gray[::-1]).save(temporary, format="PNG")
    return Path(path)


def load_png(path: str | os.PathLike, *, low: float, high: float) -> np.ndarray:
    """The matrix that :func:`save_png` kept, float32, to half a step of 256.

    Raises
    ------
    AudioError
        There is no such file, or it is no gray picture.
    """
    from PIL import Image

    try:
        gray = np.asarray(Image.open(path))[::-1].astype(np.float32)
    except OSError as error:  # Pillow's own for a file that is no picture, too
        raise AudioError(f"Expected a PNG that features.save_png wrote: {error}.") from error
    if gray.ndim != 2:
        raise AudioError(f"Expected a gray picture, found one of shape {gray.shape}.")
    return low + gray / 255 * np.float32(high - low)


def envelope(y: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest sample of each of ``n`` equal stretches: what a picture shows.

    Fewer than ``n`` samples are their own stretches.
    """
    starts = np.linspace(0, len(y), min(n, len(y)), endpoint=False).astype(int)
    return np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
