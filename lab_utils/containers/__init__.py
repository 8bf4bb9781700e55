"""What a recording's file says of itself: its kind, the samples it promises, whether it is whole.

Decoders repair headers, skip pages with a wrong checksum and stop early, all without a word. So
the structure is read here first: the sizes of chunks, boxes and frames against the bytes that are
there, and the checksums of Ogg pages and of MP3 files with a LAME tag.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

from ..errors import AudioError
from ..ffmpeg import shown
from . import chunks, flac, mpeg, ogg
from .facts import Fault

_PLAYLISTS = (b"#extm3u", b"ffconcat", b"<mpd", b"[playlist]", b"<asx", b"<smil", b"[reference]")
_MAGIC = (
    (b"fLaC", "flac"), (b"OggS", "ogg"), (b".snd", "au"), (b"caff", "caf"),
    (b"riff\x2e\x91\xcf\x11", "w64"), (b"\x1a\x45\xdf\xa3", "matroska"),
    (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "asf"), (b"NIST_1A", "nistsphere"),
    (b"Creative Voice File", "voc"), (b"#!AMR", "amr"), (b"wvpk", "wv"), (b"MAC ", "ape"),
    (b"TTA1", "tta"), (b"FLV", "flv"), (b"\0\0\1\xba", "mpeg"), (b"\x0bw", "ac3"),
    (b"\x7f\xfe\x80\x01", "dts"), (b"\xff\xf1", "aac"), (b"\xff\xf9", "aac"),
)  # fmt: skip
_FORMS = {
    (b"RIFF", b"WAVE"): "wav", (b"RIFX", b"WAVE"): "wav", (b"RF64", b"WAVE"): "wav",
    (b"BW64", b"WAVE"): "wav", (b"RIFF", b"AVI "): "avi", (b"FORM", b"AIFF"): "aiff",
    (b"FORM", b"AIFC"): "aiff",
}  # fmt: skip
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"moof", b"styp")
#: kind -> what takes the bytes and the start, gives the samples promised and raises a Fault
_CHECKS = {
    "wav": chunks.riff, "aiff": chunks.aiff, "au": chunks.au, "caf": chunks.caf, "w64": chunks.w64,
    "mov": chunks.boxes, "asf": chunks.objects, "flac": flac.promised, "ogg": ogg.promised,
    "mp3": mpeg.promised,
}  # fmt: skip


@dataclass(frozen=True)
class Container:
    """What a file says of itself."""

    kind: str  #: ffmpeg's name of the format, "playlist", or "" if the first bytes are not known
    n_samples: int = 0  #: samples in each channel that are promised; 0 if nothing is
    fault: str = ""  #: what is wrong, the end of a sentence that begins with the file's name
    unclosed: bool = False  #: a WAV whose sizes were never filled in: sound to the end of the file

    @property
    def tolerance(self) -> int:
        """Samples by which decoders may differ from the promise."""
        return 2 * 1152 if self.kind == "mp3" else 0


def inspect(path: Path) -> Container:
    """Read the structure of a file that is not empty; nothing is decoded."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        kind, start = _kind(data)
        try:
            n_samples = _CHECKS[kind](data, start) if kind in _CHECKS else 0
        except Fault as fault:
            return Container(kind, fault=str(fault))
        except (struct.error, IndexError):
            return Container(kind, fault="breaks off within its header")
    return Container(kind, n_samples or 0, unclosed=n_samples is None)


def _kind(data: mmap.mmap) -> tuple[str, int]:
    """The kind, and where it begins behind ID3 tags."""
    start = mpeg.behind_id3(data)
    head = data[start : start + 64]
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind, start
    if kind := _FORMS.get((head[:4], head[8:12])):
        return kind, start
    if head[4:8] in _BOXES:
        return "mov", start
    if head[:1] == data[start + 188 : start + 189] == b"G":
        return "mpegts", start
    if any(mark in data[: 1 << 12].lower() for mark in _PLAYLISTS):
        return "playlist", start
    return ("mp3" if mpeg.first_frame(data, start) >= 0 else ""), start


def no_recording(path: Path) -> str:
    """Why a file with an unknown extension is no recording."""
    if path.suffix.lower() in (".raw", ".pcm"):
        return "has no header that tells rate and channels: save it as WAV"
    return "does not have the extension of a recording"


def recording_at(path: Path) -> Container:
    """The container of a file that can be opened as a recording at all."""
    name = shown(path)
    if path.is_dir():
        raise AudioError(f"{name} is a folder, not a recording. Check the name.")
    if not path.exists():
        raise AudioError(f"Expected a recording at {path}, found no file. Check the name.")
    if not path.is_file():
        raise AudioError(f"{name} is not a regular file: expected a recording. Check the name.")
    try:
        if path.stat().st_size == 0:
            raise AudioError(f"{name} is empty (0 bytes): record or copy it again.")
        container = inspect(path)
    except OSError as error:
        raise AudioError(f"{name} cannot be read: {error.strerror}.") from error
    if container.kind == "playlist":
        raise AudioError(
            f"{name} is a playlist, not a recording: it only names other files. Use those, or "
            "export the sound itself."
        )
    if not container.kind and path.suffix.lower() in (".raw", ".pcm"):
        raise AudioError(f"{name} {no_recording(path)}.")
    return container
