"""Sound in chunks: the sizes that WAV, RF64, Wave64, AIFF, AU and CAF promise, against the bytes.

Sources: the specifications of RIFF, RF64 (EBU Tech 3306), Wave64, AIFF-C, AU and CAF.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator

from .facts import LOOSE_END, NOTHING, Container, broken_off

ENDLESS = 0x7FFF_F000, 0xFFFF_FF00  #: sizes from here on are what a program writes into a stream


def _chunks(data: mmap.mmap, at: int, header: struct.Struct, align: int) -> Iterator[tuple]:
    """Name, place of the content and size of each chunk, also of one that is cut off."""
    while at + header.size <= len(data):
        name, size = header.unpack_from(data, at)
        yield name, at + header.size, size
        at += header.size + size + (-size % align)


def riff(data: mmap.mmap, start: int) -> Container:
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


def aiff(data: mmap.mmap, start: int) -> Container:
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


def au(data: mmap.mmap, start: int) -> Container:
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


def caf(data: mmap.mmap, start: int) -> Container:
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


def w64(data: mmap.mmap, start: int) -> Container:
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
