"""Sound in chunks or boxes: the sizes that a file promises, against the bytes that are there.

Each function gives the samples in each channel that are promised: 0 if the file does not say.

Sources: the specifications of RIFF, RF64 (EBU Tech 3306), Wave64, AIFF-C, AU, CAF, MP4 (ISO/IEC
14496-12) and ASF.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator

from .facts import LOOSE_END, NOTHING, Fault, broken_off

ENDLESS = 0x7FFF_F000, 0xFFFF_FF00  #: sizes from here on are what a program writes into a stream
_PLAIN = (b"NONE", b"sowt", b"fl32", b"FL32", b"fl64", b"in24", b"in32", b"raw ", b"twos")


def _chunks(data: mmap.mmap, at: int, form: str, align: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, place of the content and size of each chunk, also of one that is cut off."""
    header = struct.Struct(form)
    while at + header.size <= len(data):
        name, size = header.unpack_from(data, at)
        yield name, at + header.size, size
        at += header.size + size + (-size % align)


def riff(data: mmap.mmap, start: int) -> int | None:
    """None if the sizes were never filled in: the sound runs to the end of the file."""
    order = ">" if data[start : start + 4] == b"RIFX" else "<"
    total = struct.unpack_from(f"{order}I", data, start + 4)[0]
    long_size, block, per_second = 0, 0, 1
    for name, at, size in _chunks(data, start + 12, f"{order}4sI", 2):
        if name == b"ds64":
            total, long_size = struct.unpack_from("<QQ", data, at)
        elif name == b"fmt ":
            block, per_second = _wave_format(data, at, order)
        elif name == b"data":
            if size == 0xFFFF_FFFF and long_size:
                size = long_size
            if _is_unclosed(data, at, size):
                return None
            if size > len(data) - at:
                raise broken_off(len(data) - at, size, per_second)
            behind, rest = at + size, len(data) - at - size
            loose = abs(start + 8 + total - behind) <= 1 and rest <= LOOSE_END
            if loose or _only_chunks(data, behind) or _only_chunks(data, behind + size % 2):
                return size // block if block else 0
            raise Fault(
                f"promises {size / per_second:.1f} s of sound, but {rest} bytes that are neither "
                "sound nor tags follow"
            )
    raise Fault(NOTHING)


def _wave_format(data: mmap.mmap, at: int, order: str) -> tuple[int, int]:
    """Bytes in each sample of all channels, 0 if that does not count samples; and in a second."""
    code, channels, sr, per_second, block, bits = struct.unpack_from(f"{order}HHIIHH", data, at)
    fits = block == channels * ((bits + 7) // 8) and per_second in (0, sr * block)
    if code in (1, 3) and not fits:
        raise Fault(
            f"contradicts itself: {sr} Hz, {channels} channels of {bits} bits, but {per_second} "
            f"bytes a second in blocks of {block}"
        )
    return block if code in (1, 3, 6, 7, 0xFFFE) else 0, per_second or 1


def _is_unclosed(data: mmap.mmap, at: int, size: int) -> bool:
    there = len(data) - at
    if size == 0:
        return there > 8 and not _only_chunks(data, at)
    return size > there and (ENDLESS[0] <= size <= 1 << 31 or size >= ENDLESS[1])


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


def aiff(data: mmap.mmap, start: int) -> int:
    n_samples = block = 0
    sr = 1.0
    for name, at, size in _chunks(data, start + 12, ">4sI", 2):
        if name == b"COMM":
            channels, n_samples, bits, power, mantissa = struct.unpack_from(">hIhHQ", data, at)
            sr = max(1.0, mantissa * 2.0 ** ((power & 0x7FFF) - 16446))
            plain = data[start + 8 : start + 12] == b"AIFF" or data[at + 18 : at + 22] in _PLAIN
            block = channels * ((bits + 7) // 8) if plain else 0
        elif name == b"SSND":
            there = len(data) - at
            if not block:
                if size > there:
                    raise Fault(f"breaks off after {there} of {size} bytes of sound")
                return 0
            if size > there:
                raise broken_off(there / block, n_samples, sr)
            if size - 8 < n_samples * block:
                raise broken_off((size - 8) / block, n_samples, sr)
            if size - 8 >= (n_samples + 1) * block:
                raise Fault(
                    f"contradicts itself: it promises {n_samples} samples and holds "
                    f"{(size - 8) // block}"
                )
            return n_samples
    raise Fault(NOTHING)


def au(data: mmap.mmap, start: int) -> int:
    at, size, encoding, sr, channels = struct.unpack_from(">5I", data, start + 4)
    width = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}.get(encoding, 0)
    block, there = max(1, width * channels), len(data) - start - at
    if size == 0xFFFF_FFFF:
        return 0
    if size > there:
        raise broken_off(there, size, max(1, sr) * block)
    if there - size > LOOSE_END and data[start + at + size :].strip(b"\0"):
        raise Fault(f"promises {size} bytes of sound, but {there - size} more follow")
    return size // block if width else 0


def caf(data: mmap.mmap, start: int) -> int:
    per_second = 0.0
    for name, at, size in _chunks(data, start + 8, ">4sq", 1):
        if name == b"desc":
            sr, _, _, packet, frames = struct.unpack_from(">d4sIII", data, at)
            per_second = sr * packet / frames if frames else 0.0
        if size < 0:
            break  # runs to the end of the file, and says so
        if at + size > len(data):
            if name == b"data" and per_second:
                raise broken_off(len(data) - at, size, per_second)
            raise Fault(f"breaks off within its part {name!r}")
    return 0


def w64(data: mmap.mmap, start: int) -> int:
    at, block, per_second = start + 40, 0, 1
    while at + 24 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<Q", data, at + 16)[0]
        if name == b"fmt ":
            per_second, block = struct.unpack_from("<IH", data, at + 32)
        if name == b"data":
            there, promised = len(data) - at - 24, size - 24
            if promised > there:
                raise broken_off(there, promised, max(1, per_second))
            return promised // block if block else 0
        at += max(24, size + (-size % 8))
    raise Fault(NOTHING)


def boxes(data: mmap.mmap, start: int) -> int:
    """MP4 and its relatives."""
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
            raise Fault(f"is damaged {at} bytes after its beginning")
        names.add(name)
        at += size
    _check_end(data, at)
    if b"moov" not in names:
        raise Fault("breaks off: the index of its samples (moov) is missing")
    return 0


def objects(data: mmap.mmap, start: int) -> int:
    """ASF: Windows Media."""
    at, size = start, 24
    while at + 24 <= len(data) and size >= 24:
        size = struct.unpack_from("<Q", data, at + 16)[0]
        at += size if size >= 24 else 0
    _check_end(data, at)
    return 0


def _check_end(data: mmap.mmap, end: int) -> None:
    if end > len(data):
        raise Fault(f"breaks off after {len(data) / end:.0%} of its {end} bytes")
