"""What a recording's file says of itself: its kind, the samples it promises, whether it is whole.

Decoders repair headers, skip pages with a wrong checksum and stop early, all without a word. So
the structure is read here first: the sizes of chunks, boxes and frames against the bytes that are
there, and the checksums of Ogg pages and of MP3 files with a LAME tag.

Sources: the RIFF, RF64 (EBU Tech 3306), Wave64, AIFF-C, AU and CAF specifications, ISO/IEC 14496-12
(boxes), ASF and RFC 9639 (FLAC).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import mpeg, ogg

PLAYLISTS = (b"#extm3u", b"ffconcat", b"<mpd", b"[playlist]", b"<asx", b"<smil", b"[reference]")
NOTHING = "holds no samples: it breaks off within its header"
ENDLESS = 0x7FFF_F000, 0xFFFF_FF00  #: sizes from here on are what a program writes into a stream
LOOSE_END = 1024  #: bytes behind a complete WAV that may be anything: an upload's boundary line

_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_W64 = b"riff\x2e\x91\xcf\x11"
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"moof", b"styp")
_MAGIC = (
    (b"fLaC", "flac"), (b"OggS", "ogg"), (b".snd", "au"), (b"caff", "caf"), (_W64, "w64"),
    (b"\x1a\x45\xdf\xa3", "matroska"), (_ASF, "asf"), (b"NIST_1A", "nistsphere"),
    (b"Creative Voice File", "voc"), (b"#!AMR", "amr"), (b"wvpk", "wv"), (b"MAC ", "ape"),
    (b"TTA1", "tta"), (b"FLV", "flv"),
)  # fmt: skip


@dataclass(frozen=True)
class Container:
    """What the file says of itself.

    Attributes
    ----------
    kind : str
        ffmpeg's name of the format, ``"playlist"``, or ``""`` if the first bytes are not known.
    n_samples : int
        Samples in each channel that are promised; 0 if nothing is.
    tolerance : int
        Samples by which decoders may differ from the promise.
    fault : str
        What is wrong with the structure, as the end of a sentence that begins with the file's
        name; empty if nothing is.
    unclosed : bool
        A WAV whose sizes were never filled in: the sound runs to the end of the file.
    """

    kind: str
    n_samples: int = 0
    tolerance: int = 0
    fault: str = ""
    unclosed: bool = False


def inspect(path: Path) -> Container:
    """Read the structure of a file that is not empty; nothing is decoded."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        kind, start = _kind(data)
        check = _CHECKS.get(kind)
        try:
            return check(data, start) if check else Container(kind)
        except (struct.error, IndexError):
            return Container(kind, fault="breaks off within its header")


def _kind(data: mmap.mmap) -> tuple[str, int]:
    """The kind, and where it begins behind ID3 tags."""
    start = mpeg.behind_id3(data, 0)
    head = data[start : start + 64]
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind, start
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        return {b"WAVE": "wav", b"AVI ": "avi"}.get(head[8:12], ""), start
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff", start
    if head[4:8] in _BOXES:
        return "mov", start
    if mpeg.is_stream(data, start):
        return "mp3", start
    text = data[: 1 << 12].lower()
    return ("playlist" if any(mark in text for mark in PLAYLISTS) else ""), start


def broken_off(there: float, promised: float) -> str:
    """The end of the sentence that tells what is missing, in seconds."""
    return f"breaks off after {there:.1f} s of {promised:.1f} s"


# ---- chunks: RIFF, AIFF, CAF


def _chunks(data: mmap.mmap, at: int, header: struct.Struct, align: int) -> Iterator[tuple]:
    """Name, place of the content and size of each chunk, also of one that is cut off."""
    while at + header.size <= len(data):
        name, size = header.unpack_from(data, at)
        yield name, at + header.size, size
        at += header.size + size + (-size % align)


def _riff(data: mmap.mmap, start: int) -> Container:
    big = data[start : start + 4] == b"RIFX"
    header = struct.Struct(">4sI" if big else "<4sI")
    total, long_size = header.unpack_from(data, start)[1], None
    block, per_second, counted = 0, 0, False
    for name, at, size in _chunks(data, start + 12, header, 2):
        if name == b"ds64":
            total, long_size = struct.unpack_from("<QQ", data, at)
        elif name == b"fmt ":
            facts = struct.unpack_from((">" if big else "<") + "HHIIHH", data, at)
            kind, channels, sr, per_second, block, bits = facts
            counted = kind in (1, 3, 6, 7, 0xFFFE)
            if kind in (1, 3) and (
                block != channels * ((bits + 7) // 8) or per_second not in (0, sr * block)
            ):
                return Container("wav", fault=(
                    f"contradicts itself: {sr} Hz, {channels} channels of {bits} bits, but "
                    f"{per_second} bytes a second in blocks of {block}"
                ))  # fmt: skip
        elif name == b"data":
            if size == 0xFFFF_FFFF and long_size:
                size = long_size
            return _wav_data(data, at, size, start + 8 + total, block * counted, per_second or 1)
    return Container("wav", fault=NOTHING)


def _wav_data(
    data: mmap.mmap, at: int, size: int, end: int, block: int, per_second: int
) -> Container:
    """Hold the size of the sound against the bytes that are there; ``end`` is the RIFF's."""
    there, n_samples = len(data) - at, size // block if block else 0
    if size == 0 and there > 8 and not _only_chunks(data, at):
        return Container("wav", unclosed=True)
    if size > there:
        if ENDLESS[0] <= size <= 1 << 31 or size >= ENDLESS[1]:
            return Container("wav", unclosed=True)
        return Container("wav", fault=broken_off(there / per_second, size / per_second))
    behind = at + size
    if _only_chunks(data, behind) or _only_chunks(data, behind + size % 2):
        return Container("wav", n_samples)
    rest = len(data) - behind
    if abs(end - behind) <= 1 and rest <= LOOSE_END:
        return Container("wav", n_samples)
    return Container("wav", fault=(
        f"promises {size / per_second:.1f} s of sound, but {rest} bytes that are neither sound "
        "nor tags follow"
    ))  # fmt: skip


def _only_chunks(data: mmap.mmap, at: int) -> bool:
    """Whether only whole chunks, tags or zeros follow."""
    while at < len(data):
        name = data[at : at + 4]
        if name in (b"APET", b"LYRI") or name[:3] in (b"TAG", b"ID3"):
            return True
        if name.strip(b"\0") == b"":
            return not data[at:].strip(b"\0")
        if len(data) - at < 8 or not name.isascii() or not name.decode("ascii").isprintable():
            return False
        at += 8 + struct.unpack_from("<I", data, at + 4)[0]
        if at > len(data):
            return False
        if data[at : at + 1] == b"\0":  # padding to an even size
            at += 1
    return True


def _aiff(data: mmap.mmap, start: int) -> Container:
    n_samples = block = 0
    sr = 1.0
    for name, at, size in _chunks(data, start + 12, struct.Struct(">4sI"), 2):
        if name == b"COMM":
            channels, n_samples, bits, power, mantissa = struct.unpack_from(">hIhHQ", data, at)
            sr = max(1.0, mantissa * 2.0 ** ((power & 0x7FFF) - 16446))
            plain = data[start + 8 : start + 12] == b"AIFF" or data[at + 18 : at + 22] in (
                b"NONE", b"sowt", b"fl32", b"FL32", b"fl64", b"in24", b"in32", b"raw ", b"twos",
            )  # fmt: skip
            block = channels * ((bits + 7) // 8) if plain else 0
        elif name == b"SSND":
            there = len(data) - at
            if size > there and block:
                return Container("aiff", fault=broken_off(there / block / sr, n_samples / sr))
            if size > there:
                return Container("aiff", fault=f"breaks off after {there} of {size} bytes of sound")
            if block and size - 8 < n_samples * block:
                return Container("aiff", fault=broken_off((size - 8) / block / sr, n_samples / sr))
            if block and size - 8 >= (n_samples + 1) * block:
                return Container("aiff", fault=(
                    f"contradicts itself: it promises {n_samples} samples and holds "
                    f"{(size - 8) // block}"
                ))  # fmt: skip
            return Container("aiff", n_samples if block else 0)
    return Container("aiff", fault=NOTHING)


def _au(data: mmap.mmap, start: int) -> Container:
    at, size, encoding, sr, channels = struct.unpack_from(">5I", data, start + 4)
    width = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}.get(encoding, 0)
    block, there = max(1, width * channels), len(data) - start - at
    if size == 0xFFFF_FFFF:
        return Container("au")
    if size > there:
        rate = max(1, sr) * block
        return Container("au", fault=broken_off(max(0, there) / rate, size / rate))
    if there - size > LOOSE_END and data[start + at + size :].strip(b"\0"):
        return Container("au", fault=(
            f"promises {size} bytes of sound, but {there - size} more follow"
        ))  # fmt: skip
    return Container("au", size // block if width else 0)


def _caf(data: mmap.mmap, start: int) -> Container:
    per_second = 0.0
    for name, at, size in _chunks(data, start + 8, struct.Struct(">4sq"), 1):
        if name == b"desc":
            sr, _, _, packet, frames = struct.unpack_from(">d4sIII", data, at)
            per_second = sr * packet / frames if frames else 0.0
        if size < 0:
            break  # runs to the end of the file, and says so
        if at + size > len(data):
            rate = per_second or 1.0
            if name == b"data" and per_second:
                return Container("caf", fault=broken_off((len(data) - at) / rate, size / rate))
            return Container("caf", fault=f"breaks off within its part {name!r}")
    return Container("caf")


# ---- boxes: MP4, ASF, Wave64


def _boxes(data: mmap.mmap, start: int) -> Container:
    at, names = start, set()
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if size == 1:
            size = struct.unpack_from(">Q", data, at + 8)[0]
        if size == 0:
            size = len(data) - at  # to the end of the file
        if size < 8 or not name.isascii():
            if {b"moov", b"mdat"} <= names or b"moof" in names:
                break  # a tag, or what another program left behind
            return Container("mov", fault=f"is damaged {at} bytes after its beginning")
        names.add(name)
        at += size
    if at > len(data):
        share = len(data) / at
        return Container("mov", fault=f"breaks off after {share:.0%} of its {at} bytes")
    if b"moov" not in names:
        return Container("mov", fault="breaks off: the index of its samples (moov) is missing")
    return Container("mov")


def _objects(data: mmap.mmap, start: int) -> Container:
    at = start
    while at + 24 <= len(data):
        size = struct.unpack_from("<Q", data, at + 16)[0]
        if size < 24:
            break
        at += size
    if at > len(data):
        share = len(data) / at
        return Container("asf", fault=f"breaks off after {share:.0%} of its {at} bytes")
    return Container("asf")


def _w64(data: mmap.mmap, start: int) -> Container:
    at, block, per_second = start + 40, 0, 1
    while at + 24 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<Q", data, at + 16)[0]
        if name == b"fmt ":
            per_second, block = struct.unpack_from("<IH", data, at + 32)
        if name == b"data":
            there, promised = len(data) - at - 24, size - 24
            if promised > there:
                rate = max(1, per_second)
                return Container("w64", fault=broken_off(there / rate, promised / rate))
            return Container("w64", promised // block if block else 0)
        at += max(24, size + (-size % 8))
    return Container("w64", fault=NOTHING)


# ---- frames: FLAC


def _flac(data: mmap.mmap, start: int) -> Container:
    packed = struct.unpack_from(">Q", data, start + 18)[0]
    sr, n_samples = packed >> 44, packed & 0xF_FFFF_FFFF
    at, last = start + 4, False
    while not last:
        last = bool(data[at] & 0x80)
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    told = _FLAC_RATES.get(data[at + 2] & 0x0F) if data[at : at + 1] == b"\xff" else None
    if told and told != sr:
        return Container("flac", fault=f"contradicts itself: {sr} Hz, but its frames say {told} Hz")
    return Container("flac", n_samples)


_FLAC_RATES = {
    1: 88_200, 2: 176_400, 3: 192_000, 4: 8_000, 5: 16_000, 6: 22_050, 7: 24_000, 8: 32_000,
    9: 44_100, 10: 48_000, 11: 96_000,
}  # fmt: skip


def _ogg(data: mmap.mmap, start: int) -> Container:
    return Container("ogg", fault=ogg.fault(data, start))


def _mp3(data: mmap.mmap, start: int) -> Container:
    frames = mpeg.walk(data, start)
    return Container("mp3", frames.n_samples, tolerance=2 * 1152, fault=frames.fault)


_CHECKS = {
    "wav": _riff, "aiff": _aiff, "au": _au, "caf": _caf, "w64": _w64, "mov": _boxes,
    "asf": _objects, "flac": _flac, "ogg": _ogg, "mp3": _mp3,
}  # fmt: skip
