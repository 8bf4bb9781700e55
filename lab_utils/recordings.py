"""The door for recordings: any format and any length, as blocks of mono samples.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import containers, ffmpeg
from .constants import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from .errors import AudioError, AudioWarning
from .mixing import Levels, Mixing

BLOCK = 1 << 17  #: samples of the source in one block
MAX_CHANNELS = 64
EXTENSIONS = (
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".m4a", ".m4b", ".aac", ".mp4",
    ".mov", ".mkv", ".mka", ".webm", ".wma", ".wmv", ".asf", ".avi", ".flv", ".aif", ".aiff",
    ".aifc", ".au", ".caf", ".w64", ".rf64", ".amr", ".3gp", ".3ga", ".ac3", ".eac3", ".dts",
    ".ape", ".wv", ".tta", ".spx", ".sph", ".nist", ".voc", ".mpg", ".mpeg", ".ts", ".m4v",
    ".ogv", *ffmpeg.RAW,
)  # fmt: skip
_CLEAR = 6.0  # dB: a mix that loses no more than this in samples of the recording is taken at once
_LEAST = 1024  # frames in a block up to damage
_AHEAD = 1 << 22  # values decoded ahead to hear whether channels cancel: 16 MB
_WINDOWS = 16  # half seconds, spread over the rest
_PLACES = (600, 3600)  # seconds at which ffmpeg listens to longer recordings

_LIBSNDFILE = ("wav", "w64", "aiff", "au", "caf", "flac", "ogg", "mp3", "nistsphere", "voc")


@dataclass(frozen=True)
class Source:
    """What the header of a recording says.

    Attributes
    ----------
    container : str
        ffmpeg's name of the format, such as ``"wav"`` or ``"mov"``; empty where ffmpeg recognizes
        what the first bytes do not tell.
    subtype : str
        libsndfile's name of the encoding, such as ``"PCM_16"``; empty if ffmpeg decodes.
    sr, channels : int
        Sampling rate in Hz and number of channels.
    n_samples : int
        Samples in each channel that the header promises; 0 if it promises none.
    """

    container: str
    subtype: str
    sr: int
    channels: int
    n_samples: int

    @property
    def duration(self) -> float:
        """Seconds that are promised; 0 if unknown."""
        return self.n_samples / self.sr


@dataclass(frozen=True)
class Found:
    """What lies in a folder.

    Attributes
    ----------
    recordings : tuple of Path
        Files with the extension of a recording, sorted.
    ignored : tuple of (Path, str)
        Everything else but folders, and why it is passed over.
    """

    recordings: tuple[Path, ...]
    ignored: tuple[tuple[Path, str], ...]


def find(folder: str | os.PathLike) -> Found:
    """Every recording under a folder (or the one file named), and what is passed over."""
    root = Path(folder)
    if root.is_file():
        return Found((root,), ())
    if not root.is_dir():
        raise AudioError(
            f"Expected a recording or a folder of recordings at {root}, found nothing."
        )
    taken, ignored = [], []
    for path in sorted(root.rglob("*")):
        known = path.suffix.lower() in EXTENSIONS
        if known and path.is_file():
            taken.append(path)
        elif path.is_symlink() and not path.exists():
            ignored.append((path, "is a link to something that is not there"))
        elif path.is_dir() and known:
            ignored.append((path, "is a folder"))
        elif not path.is_dir():
            why = "is not a regular file" if known else containers.no_recording(path)
            ignored.append((path, why))
    return Found(tuple(taken), tuple(ignored))


def check_rate(sr: float, *, what: str = "The sound") -> int:
    """Return a sampling rate in Hz as an integer, or raise AudioError."""
    if not (MIN_SAMPLE_RATE <= sr <= MAX_SAMPLE_RATE and sr == int(sr)):
        raise AudioError(
            f"{what} says that it has a rate of {sr:,} Hz; expected {MIN_SAMPLE_RATE:,} to "
            f"{MAX_SAMPLE_RATE:,} Hz: export it again."
        )
    return int(sr)


class Recording:
    """An open recording: frames of all channels, or mono samples, block after block.

    Parameters
    ----------
    path : path-like
    partial : bool
        Read what is there of a file that is cut off or damaged.

    Attributes
    ----------
    path : Path
    sr, channels : int
        Of the file.
    container : Container
        What the file says of itself.

    Raises
    ------
    AudioError
        Missing, empty, not a recording, a rate or number of channels that no recording has; and,
        unless ``partial``, damaged.
    """

    def __init__(self, path: str | os.PathLike, *, partial: bool = False) -> None:
        self.path, self._partial = Path(path), partial
        self.container = containers.recording_at(self.path)
        if self.container.fault and not partial:
            raise AudioError(f"{self._name} {self.container.fault}: copy or export it again.")
        self._source, self._ahead = self._open(), []
        self.sr, self.channels = self._source.samplerate, self._source.channels
        try:
            check_rate(self.sr, what=self._name)
            if not 1 <= self.channels <= MAX_CHANNELS:
                raise AudioError(
                    f"{self._name} says that it has {self.channels} channels; expected 1 to "
                    f"{MAX_CHANNELS}: export it again."
                )
        except AudioError:
            self.close()
            raise

    @property
    def _name(self) -> str:
        return ffmpeg.shown(self.path)

    @property
    def n_samples(self) -> int:
        """Samples in each channel that the file promises; 0 if it promises none."""
        if self.container.n_samples or self.subtype.startswith("MPEG"):
            return self.container.n_samples
        return getattr(self._source, "frames", 0)

    @property
    def subtype(self) -> str:
        """libsndfile's name of the encoding, such as ``"PCM_16"``; empty if ffmpeg decodes."""
        return getattr(self._source, "subtype", "")

    def _open(self, *, at: float = 0, seconds: float = 0):
        """Open the decoder; ``at`` and ``seconds`` choose a part, for ffmpeg only."""
        import soundfile

        kind, unclosed = self.container.kind, self.container.unclosed
        if kind in _LIBSNDFILE and not unclosed:
            try:
                return soundfile.SoundFile(_openable(self.path))
            except (soundfile.SoundFileError, OSError):
                pass  # an encoding that only ffmpeg knows
        options = ("-ignore_length", "1") if unclosed else ()
        if seconds:
            options += "-ss", f"{at:g}", "-t", f"{seconds:g}"
        strict = not (self._partial or unclosed or seconds)
        return ffmpeg.Pipe(self.path, kind=kind, strict=strict, options=options)

    def frames(self, block: int = BLOCK) -> Iterator[np.ndarray]:
        """Frames of all channels, float32, shape (n, n_channels); once, from the beginning."""
        n_samples, why = 0, ""
        for y in self._decoded(block):
            if isinstance(y, str):
                why = y
                break
            n_samples += len(y)
            if not np.isfinite(np.vdot(y, y)) and not np.isfinite(y).all():
                raise AudioError(
                    f"{self._name} holds values that are not numbers (NaN or infinity): "
                    "export it again from the program that wrote it."
                )
            yield y
        missing = n_samples < self.n_samples - self.container.tolerance
        if (why or missing) and not self._partial:
            of = f" of {self.n_samples / self.sr:.1f} s" if self.n_samples else ""
            raise AudioError(
                f"{self._name} breaks off after {n_samples / self.sr:.1f} s{of}"
                f"{why and f' or is damaged there ({why})'}: copy or export it again."
            )
        if n_samples == 0:
            raise AudioError(f"{self._name} holds no samples: record or copy it again.")

    def _decoded(self, block: int) -> Iterator[np.ndarray | str]:
        """Blocks, then, where libsndfile stumbles, its reason."""
        ahead, self._ahead = self._ahead, []
        for y in ahead:
            if len(y):
                yield y
        if ahead and len(ahead[-1]) < BLOCK:
            return
        done = sum(map(len, ahead))
        while True:
            try:
                y = _read(self._source, block)
            except RuntimeError as error:
                if block > _LEAST and self._back_to(done):  # in small steps up to the damage
                    yield from self._decoded(_LEAST)
                else:
                    yield str(error).rstrip(".")
                return
            done += len(y)
            if len(y):
                yield y
            if len(y) < block:
                return

    def _back_to(self, n_samples: int) -> bool:
        """Open the file anew at a sample, if it can be reached."""
        self.close()
        self._source = self._open()
        try:
            self._source.seek(n_samples)
        except RuntimeError:
            return False
        return True

    def blocks(
        self, *, sr: int | None, block: int = BLOCK, mixing: Mixing | None = None
    ) -> Iterator[np.ndarray]:
        """Mono samples at ``sr`` Hz; see :func:`blocks`."""
        import soxr

        if sr is not None and not 0 < sr <= MAX_SAMPLE_RATE:
            raise AudioError(
                f"Expected a rate above 0 and up to {MAX_SAMPLE_RATE:,} Hz, found {sr}."
            )
        if mixing is None:
            mixing = self.mixing()
            if mixing.note:
                warnings.warn(mixing.note, AudioWarning, stacklevel=3)
        if sr is None or sr == self.sr:
            yield from map(mixing, self.frames(block))
            return
        resampler = soxr.ResampleStream(self.sr, sr, 1, dtype="float32", quality="HQ")
        for y in self.frames(block):
            yield resampler.resample_chunk(mixing(y))
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)

    def mixing(self) -> Mixing:
        """How the channels become one; to be asked before anything is read.

        The first seconds are decoded ahead, and seconds from all over a longer recording are heard
        too. Only where channels nearly cancel in these is the whole recording decoded to decide.
        """
        if self.channels == 1:
            return Mixing()
        levels, complete = Levels(self.channels), False
        for y, complete in self._tastes():  # noqa: B007
            levels.add(y)
        if not complete and not levels.loss < _CLEAR:
            levels = Levels(self.channels)
            with Recording(self.path, partial=True) as again:
                for y in again.frames():
                    levels.add(y)
        return levels.mixing(self._name)

    def _tastes(self) -> Iterator[tuple[np.ndarray, bool]]:
        """The beginning, kept for :meth:`frames`, then windows; and whether this was all."""
        try:
            while len(self._ahead) * BLOCK * self.channels < _AHEAD:
                y = _read(self._source, BLOCK)
                self._ahead.append(y)
                yield y, len(y) < BLOCK
                if len(y) < BLOCK:
                    return
            if isinstance(self._source, ffmpeg.Pipe):
                for at in _PLACES:
                    with self._open(at=at, seconds=_WINDOWS) as part:
                        yield _read(part, _WINDOWS * self.sr), False
                return
            behind = self._source.tell()
            for start in np.linspace(behind, max(behind, self._source.frames), _WINDOWS + 1)[:-1]:
                self._source.seek(int(start))
                yield _read(self._source, self.sr // 2), False
            self._source.seek(behind)
        except AudioError:
            if not isinstance(self._source, ffmpeg.Pipe) or not self._ahead:
                raise
        except RuntimeError:  # damage, told when it is read from the beginning
            self.close()
            self._source, self._ahead = self._open(), []

    def close(self) -> None:
        """Close the file, or end ffmpeg."""
        self._source.close()

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _openable(path: Path):
    """What soundfile takes: it guesses from ``.raw`` and stumbles over names that are not UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return open(path, "rb")
    return open(path, "rb") if path.suffix.lower() == ".raw" else str(path)


def _read(source, n: int) -> np.ndarray:
    if isinstance(source, ffmpeg.Pipe):
        return source.read(n)
    return source.read(n, dtype="float32", always_2d=True)


def describe(path: str | os.PathLike) -> Source:
    """Read the header of a recording; nothing is decoded beyond the first block."""
    with Recording(path) as recording:
        return Source(
            recording.container.kind, recording.subtype, recording.sr, recording.channels,
            recording.n_samples,
        )  # fmt: skip


def mixing(path: str | os.PathLike) -> Mixing:
    """How a recording becomes mono: the average of its channels unless they cancel."""
    with Recording(path) as recording:
        return recording.mixing()


def blocks(
    path: str | os.PathLike,
    *,
    sr: int | None,
    block: int = BLOCK,
    mixing: Mixing | None = None,
    partial: bool = False,
) -> Iterator[np.ndarray]:
    """Decode, mix to mono and resample a recording of any length, block by block.

    Parameters
    ----------
    path : path-like
        Any audio or video container; playlists and streams are refused.
    sr : int or None
        The rate of the blocks in Hz; None keeps the file's own.
    block : int
        Samples of the source in one block.
    mixing : Mixing, optional
        How the channels become one. Default: asked for here, with a warning where they cancel.
    partial : bool
        Read what is there of a file that is cut off or damaged.

    Yields
    ------
    np.ndarray, float32, shape (n,)
        The same samples whatever ``block`` is, up to the resampler's rounding.

    Raises
    ------
    AudioError
        Missing, empty, not a recording, damaged, cut off, or not finite. What only decoding can
        tell is raised after the last good block: what came before is then not a whole recording.
    """
    with Recording(path, partial=partial) as recording:
        yield from recording.blocks(sr=sr, block=block, mixing=mixing)
