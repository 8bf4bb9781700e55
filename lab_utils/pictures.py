"""Matrices and curves as bytes: what a page paints, and PNG files whose pixels are values.

Taught in: notebooks/07_mel.ipynb.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .errors import AudioError
from .files import replacing


def levels(S: np.ndarray, *, low: float, high: float) -> np.ndarray:
    """A matrix in 256 steps, uint8: 0 at ``low`` and below, 255 at ``high`` and above."""
    span = (high - low) or 1.0
    return np.round(np.clip((S - low) / span, 0, 1) * 255).astype(np.uint8)


def outline(y: np.ndarray, *, columns: int, low: float, high: float) -> np.ndarray:
    """The smallest and the largest value of each column of a curve, so that no peak is lost.

    Returns
    -------
    np.ndarray, int8, shape (at most ``columns``, 2)
        -127 at ``low`` and below, 127 at ``high`` and above.
    """
    pairs = np.stack(envelope(y, columns), axis=1)
    return np.round(np.clip((pairs - low) * (254 / (high - low)), 0, 254) - 127).astype(np.int8)


def run_starts(n: int, pixels: int) -> np.ndarray:
    """Where each of at most ``pixels`` runs begins in ``n`` values side by side."""
    pixels = min(n, pixels)
    return np.arange(pixels) * n // pixels


def pool(S: np.ndarray, starts: np.ndarray, *, axis: int) -> np.ndarray:
    """The largest value of each run along an axis, so that nothing loud is lost.

    Parameters
    ----------
    S : np.ndarray, shape (n_rows, n_columns)
    starts : np.ndarray of int, never falling
        Where each run begins; equal starts repeat one value.
    """
    moved = np.moveaxis(S, axis, 0)
    starts = np.minimum(starts, len(moved) - 1)
    lasts = np.maximum(np.append(starts[1:], len(moved)) - 1, starts)
    largest = moved[starts]
    for step in range(1, int((lasts - starts).max()) + 1):  # ten times as fast as reduceat
        np.maximum(largest, moved[np.minimum(starts + step, lasts)], out=largest)
    return np.moveaxis(largest, 0, axis)


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
    gray = levels(db, low=low, high=high)
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
