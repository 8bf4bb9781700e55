"""The door for recordings: any format and any length, as blocks of mono samples.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from . import containers, ffmpeg
from .constants import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from .errors import AudioError, AudioWarning
from .mixing import Levels, Mixing

if TYPE_CHECKING:
    import soundfile

BLOCK = 1 << 17  #: samples of the source in one block
MAX_CHANNELS = 64
EXTENSIONS = (
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".m4a", ".m4b", ".aac", ".mp4",
    ".mov", ".mkv", ".mka", ".webm", ".wma", ".wmv", ".asf", ".avi", ".flv", ".aif", ".aiff",
    ".aifc", ".au", ".caf", ".w64", ".rf64", ".amr", ".3gp", ".3ga", ".ac3", ".eac3", ".dts",
    ".ape", ".wv", ".tta", ".spx", ".sph", ".nist", ".voc", ".mpg", ".mpeg", ".ts", ".m4v",
    ".ogv", *ffmpeg.RAW,
)  # fmt: skip
_LIBSNDFILE = ("wav", "w64", "aiff", "au", "caf", "flac", "ogg", "mp3", "nistsphere", "voc")
_SMALL = 1024  # samples in a block up to damage
_CLEAR = 6.0  # dB: a mix that loses no more than this in samples of the recording is taken at once
_AHEAD = 1 << 22  # values decoded ahead to hear whether channels cancel: 16 MB
_N_WINDOWS = 16  # of half a second, spread over what follows
_PLACES = (600, 3600)  # seconds at which ffmpeg listens to 16 s of what follows


@dataclass(frozen=True)
class Found:
    """What is in a folder: sorted recordings, and all other files with the reason to pass over."""

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


class Recording(contextlib.AbstractContextManager):
    """An open recording: frames of all channels, or mono samples, block after block.

    Parameters
    ----------
    path : path-like
    partial : bool
        Read what is there of a file that is cut off or damaged.

    Raises
    ------
    AudioError
        Missing, empty, not a recording, a rate or number of channels that no recording has; and,
        unless ``partial``, damaged.
    """

    def __init__(self, path: str | os.PathLike, *, partial: bool = False) -> None:
        self.path, self._partial = Path(path), partial
        self._container = containers.recording_at(self.path)
        self._name = ffmpeg.shown(self.path)
        if self._container.fault and not partial:
            raise AudioError(f"{self._name} {self._container.fault}: copy or export it again.")
        self._source = self._open()
        self.sr: int = self._source.samplerate  #: Hz
        self.channels: int = self._source.channels
        #: samples in each channel that the file promises; 0 if it promises none
        self.n_samples = self._container.n_samples
        if not self.n_samples and not getattr(self._source, "subtype", "").startswith("MPEG"):
            self.n_samples = getattr(self._source, "frames", 0)
        self._decoder, self._ahead = self._decoded(), []
        self._stumble: str | AudioError = ""  # what ended the decoder early
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
    def duration(self) -> float:
        """Seconds that the file promises; 0 if it promises none."""
        return self.n_samples / self.sr

    def frames(self) -> Iterator[np.ndarray]:
        """Frames of all channels, float32, shape (n, n_channels); once, from the beginning."""
        n_samples = 0
        for y in self._everything():
            n_samples += len(y)
            if not np.isfinite(np.vdot(y, y)) and not np.isfinite(y).all():
                raise AudioError(
                    f"{self._name} holds values that are not numbers (NaN or infinity): "
                    "export it again from the program that wrote it."
                )
            yield y
        if isinstance(self._stumble, AudioError):
            raise self._stumble
        missing = n_samples < self.n_samples - self._container.tolerance
        if (self._stumble or missing) and not self._partial:
            of = f" of {self.duration:.1f} s" if self.n_samples else ""
            why = f" or is damaged there ({self._stumble})" if self._stumble else ""
            raise AudioError(
                f"{self._name} breaks off after {n_samples / self.sr:.1f} s{of}{why}: copy or "
                "export it again."
            )
        if n_samples == 0:
            raise AudioError(f"{self._name} holds no samples: record or copy it again.")

    def blocks(
        self, *, sr: int | None, mixing: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> Iterator[np.ndarray]:
        """Mono samples at ``sr`` Hz; see :func:`blocks`."""
        import soxr

        if sr is not None and not 0 < sr <= MAX_SAMPLE_RATE:
            raise AudioError(
                f"Expected a rate above 0 and up to {MAX_SAMPLE_RATE:,} Hz, found {sr}."
            )
        if mixing is None:
            mixing = chosen = self.mixing()
            if chosen.note:
                warnings.warn(chosen.note, AudioWarning, stacklevel=3)
        if sr is None or sr == self.sr:
            yield from map(mixing, self.frames())
            return
        resampler = soxr.ResampleStream(self.sr, sr, 1, dtype="float32", quality="HQ")
        for y in self.frames():
            yield resampler.resample_chunk(mixing(y))
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)

    def mixing(self) -> Mixing:
        """How the channels become one; to be asked before anything is read.

        The first seconds are decoded ahead, and seconds from all over a longer recording are heard
        too. Only where channels nearly cancel in these is the whole recording decoded to decide.
        """
        if self.channels == 1:
            return Mixing()
        levels = Levels(self.channels)
        while len(self._ahead) * BLOCK * self.channels < _AHEAD:
            y = self._next()
            if y is None:
                return levels.mixing(self._name)
            self._ahead.append(y)
            levels.add(y)
        for y in self._windows():
            levels.add(y)
        if not levels.loss < _CLEAR:
            levels = Levels(self.channels)
            with Recording(self.path, partial=True) as again:
                for y in again.frames():
                    levels.add(y)
        return levels.mixing(self._name)

    def close(self) -> None:
        """Close the file, or end ffmpeg."""
        self._source.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, *, at: float = 0, seconds: float = 0) -> soundfile.SoundFile | ffmpeg.Pipe:
        """Open a decoder; ``at`` and ``seconds`` choose a part, for ffmpeg only."""
        import soundfile

        kind, unclosed = self._container.kind, self._container.unclosed
        if kind in _LIBSNDFILE and not unclosed:
            with contextlib.suppress(soundfile.SoundFileError, OSError):  # only ffmpeg knows it
                return soundfile.SoundFile(_openable(self.path))
        options = ("-ignore_length", "1") if unclosed else ()
        if seconds:
            options += "-ss", f"{at:g}", "-t", f"{seconds:g}"
        strict = not (self._partial or unclosed or seconds)
        return ffmpeg.Pipe(self.path, kind=kind, strict=strict, options=options)

    def _decoded(self) -> Iterator[np.ndarray]:
        """Blocks of the source; libsndfile goes in small steps up to damage."""
        block, done = BLOCK, 0
        while True:
            try:
                y = _read(self._source, block)
            except RuntimeError as error:
                if block == BLOCK and self._back_to(done):
                    block = _SMALL
                    continue
                self._stumble = str(error).rstrip(".")
                return
            done += len(y)
            if len(y):
                yield y
            if len(y) < block:
                return

    def _next(self) -> np.ndarray | None:
        """The next block; None at the end, which ``_stumble`` may tell more about."""
        try:
            return next(self._decoder, None)
        except AudioError as error:
            self._stumble = error
            return None

    def _everything(self) -> Iterator[np.ndarray]:
        """What was decoded ahead, then the rest."""
        while self._ahead:
            yield self._ahead.pop(0)
        while (y := self._next()) is not None:
            yield y

    def _back_to(self, n_samples: int) -> bool:
        """Open the file anew at a sample, if it can be reached."""
        self.close()
        self._source = source = self._open()
        try:
            cast("soundfile.SoundFile", source).seek(n_samples)
        except RuntimeError:
            return False
        return True

    def _windows(self) -> Iterator[np.ndarray]:
        """Frames from all over what follows the beginning; damage is told by :meth:`frames`."""
        with contextlib.suppress(AudioError, RuntimeError):
            if isinstance(self._source, ffmpeg.Pipe):
                for at in _PLACES:
                    with self._open(at=at, seconds=16) as part:
                        yield part.read(16 * self.sr)
                return
            with self._open() as again:
                first = sum(map(len, self._ahead))
                for at in np.linspace(first, max(first, again.frames), _N_WINDOWS, endpoint=False):
                    again.seek(int(at))
                    yield _read(again, self.sr // 2)


def _openable(path: Path) -> str | BinaryIO:
    """What soundfile takes: it guesses from ``.raw`` and stumbles over names that are not UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return open(path, "rb")
    return open(path, "rb") if path.suffix.lower() == ".raw" else str(path)


def _read(source: soundfile.SoundFile | ffmpeg.Pipe, n: int) -> np.ndarray:
    if isinstance(source, ffmpeg.Pipe):
        return source.read(n)
    return source.read(n, dtype="float32", always_2d=True)


def describe(path: str | os.PathLike) -> Recording:
    """What the header of a recording says: ``sr``, ``channels``, ``n_samples``, ``duration``."""
    with Recording(path) as recording:
        return recording


def blocks(
    path: str | os.PathLike, *, sr: int | None, partial: bool = False
) -> Iterator[np.ndarray]:
    """Decode, mix to mono and resample a recording of any length, block by block.

    Parameters
    ----------
    path : path-like
        Any audio or video container; playlists and streams are refused.
    sr : int or None
        The rate of the blocks in Hz; None keeps the file's own.
    partial : bool
        Read what is there of a file that is cut off or damaged.

    Yields
    ------
    np.ndarray, float32, shape (n,)
        The average of the channels; where they cancel, the loudest, with an ``AudioWarning``.

    Raises
    ------
    AudioError
        Missing, empty, not a recording, damaged, cut off, or not finite. What only decoding can
        tell is raised after the last good block: what came before is then not a whole recording.
    """
    with Recording(path, partial=partial) as recording:
        yield from recording.blocks(sr=sr)
