"""A recording of any format and any length as blocks of mono samples: memory stays small.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import AudioError

BLOCK = 1 << 17  #: samples of the source in one block
EXTENSIONS = (
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".mp4", ".mov", ".mkv",
    ".webm", ".wma", ".aif", ".aiff", ".au", ".caf", ".w64", ".amr",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """What the header of a recording says.

    Attributes
    ----------
    sr, channels : int
        Sampling rate in Hz and number of channels; 0 where only ffmpeg can read the file.
    n_samples : int
        Samples in each channel that the header promises; 0 if unknown.
    """

    sr: int
    channels: int
    n_samples: int


def recordings(folder: str | os.PathLike) -> list[Path]:
    """Every recording under a folder (or the one file named), sorted by path."""
    root = Path(folder)
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise AudioError(
            f"Expected a recording or a folder of recordings at {root}, found nothing."
        )
    return sorted(p for p in root.rglob("*") if p.suffix.lower() in EXTENSIONS and p.is_file())


def digest(path: str | os.PathLike) -> str:
    """SHA-256 of a file's bytes, read in blocks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe(path: str | os.PathLike) -> Source:
    """Read the header of a recording; zeros where libsndfile cannot."""
    import soundfile

    try:
        info = soundfile.info(str(path))
    except soundfile.SoundFileError:
        return Source(sr=0, channels=0, n_samples=0)
    return Source(sr=info.samplerate, channels=info.channels, n_samples=info.frames)


def blocks(path: str | os.PathLike, *, sr: int, block: int = BLOCK) -> Iterator[np.ndarray]:
    """Decode, mix to mono and resample a recording, block by block.

    Parameters
    ----------
    path : path-like
        Anything that libsndfile reads; everything else goes through a pipe from ffmpeg.
    sr : int
        The rate of the blocks in Hz.
    block : int
        Samples of the source in one block.

    Yields
    ------
    np.ndarray, float32, shape (n,)
        The same samples whatever ``block`` is, up to the resampler's rounding.

    Raises
    ------
    AudioError
        Missing, empty, not a recording, cut off in the middle of a frame, or not finite.
    """
    import soundfile

    path = Path(path)
    if not path.is_file():
        raise AudioError(f"Expected a recording at {path}, found no file. Check the name.")
    if path.stat().st_size == 0:
        raise AudioError(f"{path.name!r} is empty (0 bytes): record or copy it again.")
    try:
        file = soundfile.SoundFile(str(path))
    except soundfile.SoundFileError:
        source = _through_ffmpeg(path, sr=sr, block=block)
    else:
        source = _through_libsndfile(file, path, sr=sr, block=block)
    n_samples = 0
    for y in source:
        if not np.isfinite(y).all():
            raise AudioError(
                f"{path.name!r} holds values that are not numbers (NaN or infinity): "
                "export it again from the program that wrote it."
            )
        n_samples += len(y)
        yield y
    if n_samples == 0:
        raise AudioError(f"{path.name!r} holds no samples: record or copy it again.")


def _through_libsndfile(file, path: Path, *, sr: int, block: int) -> Iterator[np.ndarray]:
    import soundfile
    import soxr

    with file:
        rate, channels = file.samplerate, file.channels
        resampler = soxr.ResampleStream(rate, sr, 1, dtype="float32", quality="HQ")
        weights = np.full(channels, 1 / channels, np.float32)
        buffer = np.empty((block, channels), np.float32)
        while True:
            try:
                y = file.read(out=buffer)
            except soundfile.SoundFileError as error:
                raise AudioError(
                    f"{path.name!r} breaks off after {file.tell() / rate:.1f} s: {error}"
                ) from error
            last = len(y) < block
            mono = y[:, 0].copy() if channels == 1 else y @ weights
            # resample nothing that is not finite: one NaN would spread over the whole block
            if not np.isfinite(mono).all():
                yield mono
            yield mono if rate == sr else resampler.resample_chunk(mono, last=last)
            if last:
                return


def _through_ffmpeg(path: Path, *, sr: int, block: int) -> Iterator[np.ndarray]:
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(path.resolve())]
    command += ["-map", "0:a:0", "-ac", "1", "-ar", str(sr), "-f", "f32le", "pipe:1"]
    with tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints)
        except FileNotFoundError as error:
            raise AudioError(
                f"{path.name!r} needs the program ffmpeg, which is not on the PATH: "
                "run 'python -m lab_utils check'."
            ) from error
        with process:  # on the way out: closes the pipe, which ends ffmpeg, and waits for it
            while raw := process.stdout.read(4 * block):
                yield np.frombuffer(raw[: len(raw) // 4 * 4], "<f4").copy()
        if process.returncode > 0:
            complaints.seek(0)
            lines = complaints.read().decode("utf-8", "replace").strip().splitlines()
            reason = lines[-1] if lines else "no reason given"
            raise AudioError(f"{path.name!r} is not a recording that ffmpeg can read: {reason}")
