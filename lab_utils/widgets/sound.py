"""Play a clip from a file beside the notebook, so that no notebook carries sound inside."""

from __future__ import annotations

import hashlib
import html
import os
from pathlib import Path

import numpy as np

from .. import audio

OUTPUTS = Path("outputs")  #: beside the notebook, not committed


def listen(clip: str | os.PathLike | np.ndarray, *, sr: int | None = None, label: str) -> None:
    """Show a plain audio player with a label.

    Parameters
    ----------
    clip : path-like or np.ndarray
        A file, or a mono waveform; a waveform is written to ``outputs/`` beside the notebook.
    sr : int, optional
        The rate of a waveform in Hz; required with an array.
    label : str
        What is heard, for the eye and for a screen reader.
    """
    from IPython.display import display

    if isinstance(clip, np.ndarray):
        if sr is None:
            raise audio.AudioError("Expected sr, the sampling rate in Hz, beside the waveform.")
        digest = hashlib.sha256(clip.tobytes() + str(sr).encode()).hexdigest()[:12]
        path = OUTPUTS / f"{digest}.wav"
        if not path.is_file():
            audio.save_wav(path, clip, sr=sr)
    else:
        path = Path(clip)
    source = Path(os.path.relpath(path)).as_posix()
    name = html.escape(label, quote=True)
    markup = (
        f'<div><span>{name}</span><br><audio controls preload="none" aria-label="{name}" '
        f'src="{html.escape(source, quote=True)}"></audio></div>'
    )
    display({"text/html": markup, "text/plain": f"[sound: {label}]"}, raw=True)
