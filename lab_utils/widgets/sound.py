"""Play a clip from a file beside the notebook, so that no notebook carries sound inside."""

from __future__ import annotations

import hashlib
import html
import os
from pathlib import Path

import numpy as np

from .. import audio
from ..files import replacing
from .player import audio_element, play
from .recorder import own_voice_heard

OUTPUTS = Path("outputs")  #: beside the notebook, not committed


def listen(clip: str | os.PathLike | np.ndarray, *, sr: int | None = None, label: str) -> None:
    """Show a plain audio player with a label.

    Parameters
    ----------
    clip : path-like or np.ndarray
        A file, or a mono waveform. A waveform is written to ``outputs/`` beside the notebook; once
        the notebook has the reader's own voice, and for a file that the page cannot reach, the
        sound comes from the kernel instead (:func:`lab_utils.widgets.play`).
    sr : int, optional
        The rate of a waveform in Hz; required with an array.
    label : str
        What is heard, for the eye and for a screen reader.
    """
    from IPython.display import display

    if isinstance(clip, np.ndarray):
        if sr is None:
            raise audio.AudioError("Expected sr, the sampling rate in Hz, beside the waveform.")
        path = None if own_voice_heard() else _written(clip, sr=sr)
    else:
        path = Path(clip)
    element = path and audio_element(path, label=label)
    if not element:
        play(clip, sr=sr, label=label)
        return
    markup = f"<div><span>{html.escape(label, quote=True)}</span><br>{element}</div>"
    display({"text/html": markup, "text/plain": f"[sound: {label}]"}, raw=True)


def _written(y: np.ndarray, *, sr: int) -> Path:
    digest = hashlib.sha256(y.tobytes() + str(sr).encode()).hexdigest()[:12]
    path = OUTPUTS / f"{digest}.wav"
    if not path.is_file():
        with replacing(path, private=True) as temporary:  # it may be somebody's voice
            temporary.write_bytes(audio.encode(y, sr=sr))
    return path
