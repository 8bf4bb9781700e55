"""Record the reader's own voice in the page, and give it to the cells that follow.

A recording stays on the machine that runs the notebook, in :func:`lab_utils.places.recordings_dir`,
where only its owner can read it. One button deletes it.

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import traitlets

from .. import audio, samples
from ..errors import AudioError, LabError
from ..files import replacing
from ..places import RECORDINGS_VARIABLE, named, recordings_dir, shown
from .messages import Answering, script, style

KINDS = {"recording": "recorded", "uploaded file": "uploaded"}  #: kind → ending of the file's name
LONGEST = 240  #: seconds; recorder.js cuts what is longer
MAX_BYTES = 64_000_000  #: a message of the page has 8 MB at most
PRINTED = (
    "[voice recorder: record or upload a clip here; the cells below use it, "
    "and a sample clip until then]"
)

_heard: set[Path] = set()  # recordings that this kernel has read: see own_voice_heard


class Recorder(Answering):
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

    printed = PRINTED
    _esm = script("recorder")
    _css = style("recorder")

    prompt = traitlets.Unicode("").tag(sync=True)
    limit = traitlets.Float(60.0).tag(sync=True)
    folder = traitlets.Unicode("").tag(sync=True)
    place = traitlets.Unicode("").tag(sync=True)
    warning = traitlets.Unicode("").tag(sync=True)
    saved = traitlets.Dict({}).tag(sync=True)

    def __init__(self, *, name: str = "my-voice", prompt: str = "", limit: float = 60) -> None:
        self._clip = _checked(name)
        if not 1 <= limit <= LONGEST:
            raise LabError(f"Expected a limit from 1 to {LONGEST} seconds, found {limit}.")
        folder = shown(recordings_dir())
        super().__init__(prompt=prompt, limit=float(limit), folder=folder)
        self._look()

    def receive(self, wav: bytes | memoryview, *, kind: str = "recording") -> Path:
        """Keep a WAV as the clip in use, whole or not at all, in place of an earlier one.

        Raises
        ------
        AudioError
            The bytes are no recording of 240 s at most, or the folder cannot be written.
        """
        if not isinstance(kind, str) or kind not in KINDS:
            raise LabError(f"Expected one of {', '.join(KINDS)}, found {kind!r:.60}.")
        y, sr = received(wav)
        path = _files(self._clip)[kind]
        try:
            with replacing(path, private=True) as temporary:
                temporary.write_bytes(audio.encode(y, sr=sr))
            if not named(RECORDINGS_VARIABLE):
                path.parent.chmod(0o700)  # our own folder; an earlier version left it open
        except OSError as error:
            folder = shown(path.parent)
            raise AudioError(f"{path.name} could not be written to {folder}: {error}") from error
        for other, old in _files(self._clip).items():
            if other != kind:
                old.unlink(missing_ok=True)
        self._look()
        return path

    def delete(self) -> None:
        """Delete this recorder's clip from the disk."""
        delete_voice(name=self._clip)
        self._look()

    def answer(
        self, action: str, content: dict[str, Any], buffers: Sequence[memoryview]
    ) -> tuple[str, list[bytes]] | None:
        if action == "use":
            if not buffers:
                raise AudioError("The page sent no sound. Record again.")
            self.receive(buffers[0], kind=content.get("kind", "recording"))
            return "In use. Run the next cell to hear and read it.", []
        if action == "delete":
            self.delete()
            return "Deleted. The cells below use the sample clip again.", []
        return None

    def _look(self) -> None:
        kind, path = _find(self._clip)
        with self.hold_sync():
            self.place = shown(path) if path else ""
            self.saved = {"kind": kind, "seconds": _seconds(path)} if path else {}
            self.warning = _warning()


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
        print(f"Your {kind}, {len(y) / sr:.1f} s, from {shown(path)}")
        _heard.add(path)
    return y, sr


def own_voice_heard() -> bool:
    """Whether :func:`my_voice` gave a cell of this kernel the reader's own sound.

    From then on an array may hold it, and :func:`lab_utils.widgets.listen` writes none to disk.
    """
    return bool(_heard)


def delete_voice(*, name: str = "my-voice") -> None:
    """Delete every clip of the reader's of that name, recorded or uploaded, and what is left of one
    whose writing was interrupted."""
    _checked(name)
    for _, path in _clips(name):
        path.unlink()
    for ending in KINDS.values():
        for partial in recordings_dir().glob(f"{name}-{ending}-*.partial"):
            partial.unlink()


def _checked(name: str) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", name):
        raise LabError(
            f"Expected a name of letters, digits, '-' and '_' (at most 60), found {name!r:.80}."
        )
    return name


def received(
    wav: object, *, sr: int | None = audio.SAMPLE_RATE, longest: float = LONGEST
) -> tuple[np.ndarray, int]:
    """The samples of a WAV that a page sent; nothing in its header is believed.

    Parameters
    ----------
    wav : bytes-like
    sr : int or None
        The rate to return, in Hz; None keeps the page's.
    longest : float
        Seconds; one more is let pass.

    Returns
    -------
    y : np.ndarray, float32, shape (n_samples,)
    sr : int
        Hz.

    Raises
    ------
    AudioError
        The bytes are no recording of this length.
    """
    import soundfile

    if not isinstance(wav, bytes | bytearray | memoryview):
        raise AudioError(f"Expected the bytes of a WAV, found {type(wav).__name__}.")
    if (size := memoryview(wav).nbytes) > MAX_BYTES:
        raise AudioError(
            f"Expected at most {MAX_BYTES} bytes, found {size}: record a shorter clip."
        )
    try:
        with soundfile.SoundFile(io.BytesIO(bytes(wav))) as file:
            rate = audio.check_rate(file.samplerate)
            if file.format not in ("WAV", "WAVEX"):
                raise AudioError(f"Expected a WAV from the page, found {file.format}.")
            if file.frames > (longest + 1) * rate:
                raise AudioError(
                    f"Expected at most {longest:g} s, found {file.frames / rate:.0f} s: cut the "
                    "clip."
                )
            y = file.read(dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError, TypeError) as error:
        raise AudioError(f"What the page sent is no WAV recording: {error}") from error
    y = audio.check(audio.to_mono(np.ascontiguousarray(y.T)))
    target = rate if sr is None else sr
    return (y if target == rate else audio.resample(y, sr=rate, target_sr=target)), target


def _files(name: str) -> dict[str, Path]:
    return {kind: recordings_dir() / f"{name}-{ending}.wav" for kind, ending in KINDS.items()}


def _earlier_dir() -> Path | None:
    """Where earlier versions kept recordings; None where the reader named a folder."""
    return None if named(RECORDINGS_VARIABLE) else Path.home() / "whisper-lab" / "recordings"


def _clips(name: str) -> Iterator[tuple[str, Path]]:
    """The clips of a name, (kind, file), the one in use first."""
    for folder in filter(None, (recordings_dir(), _earlier_dir())):
        for kind, ending in KINDS.items():
            for path in sorted(folder.glob(f"{name}-{ending}.*")):
                if path.suffix not in (".partial", ".txt"):
                    yield kind, path


def _find(name: str) -> tuple[str, Path | None]:
    """The kind and the file of the clip in use; ``("", None)`` without one."""
    return next(_clips(name), ("", None))


def checkout_warning(folder: Path) -> str:
    """That a folder of recordings is inside a git checkout; empty if it is not."""
    folder = folder.resolve()
    checkout = next((p for p in (folder, *folder.parents) if (p / ".git").exists()), None)
    if checkout is None:
        return ""
    return (
        f"This folder is inside the git checkout {shown(checkout)}: your voice may be "
        f"committed with it. Use a folder outside: the variable {RECORDINGS_VARIABLE} names one."
    )


def _warning() -> str:
    """What the reader should know about the folder; empty if nothing."""
    said = list(filter(None, [checkout_warning(recordings_dir())]))
    earlier = _earlier_dir()
    if earlier and any(e for end in KINDS.values() for e in earlier.glob(f"*-{end}.*")):
        said.append(
            f"Recordings of an earlier version are still in {shown(earlier)}, where others on this "
            "machine may read them. They are used until you record anew; move or delete them."
        )
    return " ".join(said)


def _seconds(path: Path) -> float:
    try:
        y, sr = audio.load(path, sr=None)
    except LabError:
        return 0.0
    return len(y) / sr
