"""Record the reader's own voice in the page, and give it to the cells that follow.

A recording stays on the machine that runs the notebook: in the folder ``whisper-lab/recordings``
of the user's home (``WHISPER_LAB_RECORDINGS`` names another). One button deletes it.

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from .. import audio, samples
from ..errors import AudioError, LabError

RECORDINGS_VARIABLE = "WHISPER_LAB_RECORDINGS"
KINDS = {"recording": "recorded", "uploaded file": "uploaded"}  #: kind → ending of the file's name
PRINTED = (
    "[voice recorder: record or upload a clip here; the cells below use it, "
    "and a sample clip until then]"
)

_HERE = Path(__file__).parent


def recordings_dir() -> Path:
    """The folder with the reader's recordings; it is made when there is something to keep."""
    if folder := os.environ.get(RECORDINGS_VARIABLE):
        return Path(folder).expanduser()
    return Path.home() / "whisper-lab" / "recordings"


class Recorder(anywidget.AnyWidget):
    """A voice recorder for the notebook page; show it, then call :func:`my_voice`.

    Parameters
    ----------
    name : str
        What the clip is called: letters, digits, ``-`` and ``_``. Labs share ``my-voice``.
    prompt : str
        A sentence that the reader is asked to read aloud.
    limit : float
        Seconds after which a recording stops by itself, at most 240.

    Raises
    ------
    LabError
        The name holds other characters, or the limit is out of range.

    Notes
    -----
    Taught in: notebooks/02_transcribe.ipynb.
    """

    _esm = _HERE / "recorder.js"
    _css = _HERE / "recorder.css"

    prompt = traitlets.Unicode("").tag(sync=True)
    limit = traitlets.Float(60.0).tag(sync=True)
    folder = traitlets.Unicode("").tag(sync=True)
    place = traitlets.Unicode("").tag(sync=True)
    saved = traitlets.Dict({}).tag(sync=True)

    def __init__(
        self, *, name: str = "my-voice", prompt: str = "", limit: float = 60, **kwargs: Any
    ):
        self._clip = _checked(name)
        if not 1 <= limit <= 240:
            raise LabError(f"Expected a limit from 1 to 240 seconds, found {limit}.")
        super().__init__(prompt=prompt, limit=float(limit), folder=str(recordings_dir()), **kwargs)
        self.on_msg(lambda _widget, content, buffers: self._answer(content, buffers))
        self._look()

    def receive(self, wav: bytes | memoryview, *, kind: str = "recording") -> Path:
        """Keep a WAV as the clip in use, whole or not at all, in place of an earlier one.

        Raises
        ------
        AudioError
            The bytes are no recording, or the folder cannot be written.
        """
        if kind not in KINDS:
            raise LabError(f"Expected one of {', '.join(KINDS)}, found {kind!r}.")
        with tempfile.TemporaryDirectory() as folder:
            sent = Path(folder) / "sent.wav"
            sent.write_bytes(wav)
            try:
                y, _ = audio.load(sent)
            except AudioError as error:
                raise AudioError(f"What the page sent is no WAV recording: {error}") from error
        path = audio.save_wav(_files(self._clip)[kind], y, sr=audio.SAMPLE_RATE)
        for other, old in _files(self._clip).items():
            if other != kind:
                old.unlink(missing_ok=True)
        self._look()
        return path

    def delete(self) -> None:
        """Delete this recorder's clip from the disk."""
        delete_voice(name=self._clip)
        self._look()

    def _answer(self, content: dict, buffers: Sequence[memoryview]) -> None:
        """Do what the page asks, and tell it what came of it."""
        action = content.get("action")
        try:
            if action == "use" and buffers:
                self.receive(buffers[0], kind=content.get("kind", "recording"))
                message = "In use. Run the next cell to hear and read it."
            elif action == "delete":
                self.delete()
                message = "Deleted. The cells below use the sample clip again."
            else:
                return
            ok = True
        except (LabError, OSError) as error:
            ok, message = False, str(error)
        self.send({"id": content.get("id"), "ok": ok, "message": message})

    def _look(self) -> None:
        kind, path = _find(self._clip)
        with self.hold_sync():
            self.place = str(path or "")
            self.saved = {"kind": kind, "seconds": _seconds(path)} if path else {}

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["text/plain"] = PRINTED
        return bundle

    def __repr__(self) -> str:
        return PRINTED


def my_voice(
    default: str = "en_story_wav", *, name: str = "my-voice", sr: int = audio.SAMPLE_RATE
) -> tuple[np.ndarray, int]:
    """The reader's clip: the recording, else the uploaded file, else a sample clip; says which.

    A recording made in one lab serves in the next. Without a browser, a file of any format that
    is put into the folder of recordings under the name ``my-voice-uploaded`` (``.wav``, ``.mp3``,
    ``.m4a``, …) is taken.

    Parameters
    ----------
    default : str
        The key of the sample clip to fall back on.
    name : str
        The name given to :class:`Recorder`.
    sr : int
        The rate to return, in Hz.

    Returns
    -------
    y : np.ndarray, float32, shape (n_samples,)
    sr : int
        Hz.

    Raises
    ------
    AudioError
        The reader's file cannot be read.
    SampleError
        There is no clip of the reader's and no sample of that key.

    Notes
    -----
    Taught in: notebooks/02_transcribe.ipynb.
    """
    kind, path = _find(_checked(name))
    if path is None:
        y, sr = audio.load(samples.path(default), sr=sr)
        print(f"The sample clip {default}, {len(y) / sr:.1f} s: no recording of yours yet.")
    else:
        y, sr = audio.load(path, sr=sr)
        print(f"Your {kind}, {len(y) / sr:.1f} s, from {path}")
    return y, sr


def delete_voice(*, name: str = "my-voice") -> None:
    """Delete the reader's clip of that name, recorded or uploaded."""
    while (found := _find(_checked(name)))[1] is not None:
        found[1].unlink()


def _checked(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", name):
        raise LabError(
            f"Expected a name of letters, digits, '-' and '_' (at most 60), found {name!r}."
        )
    return name


def _files(name: str) -> dict[str, Path]:
    return {kind: recordings_dir() / f"{name}-{ending}.wav" for kind, ending in KINDS.items()}


def _find(name: str) -> tuple[str, Path | None]:
    """The kind and the file of the clip in use; ``("", None)`` without one."""
    for kind, ending in KINDS.items():
        for path in sorted(recordings_dir().glob(f"{name}-{ending}.*")):
            if path.suffix not in (".partial", ".txt"):
                return kind, path
    return "", None


def _seconds(path: Path) -> float:
    try:
        y, sr = audio.load(path, sr=None)
    except LabError:
        return 0.0
    return len(y) / sr
