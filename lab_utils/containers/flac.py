"""FLAC frames: whether they say the same as the header (RFC 9639).

The decoder checks each frame's checksum, but believes the header's number of samples.
"""

from __future__ import annotations

import mmap
import struct

from .facts import Fault, too_long

_RATES = {
    1: 88_200, 2: 176_400, 3: 192_000, 4: 8_000, 5: 16_000, 6: 22_050, 7: 24_000, 8: 32_000,
    9: 44_100, 10: 48_000, 11: 96_000,
}  # fmt: skip
_SIZES = {1: 192} | {k: 576 << k - 2 for k in range(2, 6)} | {k: 256 << k - 8 for k in range(8, 16)}
_TAIL = 1 << 20  #: bytes at the end in which the last frame begins


def promised(data: mmap.mmap, start: int) -> int:
    """Compare the header's rate and length with the first and the last frame."""
    per_frame = struct.unpack_from(">H", data, start + 8)[0]
    packed = struct.unpack_from(">Q", data, start + 18)[0]
    sr, n_samples = packed >> 44, packed & 0xF_FFFF_FFFF
    at, last = start + 4, False
    while not last:  # the blocks before the first frame
        last = bool(data[at] & 0x80)
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    if _end_of_frame(data, at, per_frame) is None:
        raise Fault("is damaged where its first frame should be")
    told = _RATES.get(data[at + 2] & 0x0F)
    if told and told != sr:
        raise Fault(f"contradicts itself: {sr} Hz, but its frames say {told} Hz")
    end = _end(data, at, per_frame)
    if n_samples and sr and end > n_samples:
        raise too_long(end / sr, n_samples / sr)
    return n_samples


def _end(data: mmap.mmap, begin: int, per_frame: int) -> int:
    """Where the last frame of the file ends, in samples; 0 if none is found."""
    at = len(data)
    while (at := data.rfind(b"\xff", max(begin, len(data) - _TAIL), at)) >= 0:
        if end := _end_of_frame(data, at, per_frame):
            return end
    return 0


def _end_of_frame(data: mmap.mmap, at: int, per_frame: int) -> int | None:
    """The number of the sample that follows the frame that begins here; None if none does."""
    head = data[at : at + 16]
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return None
    size, rate = head[2] >> 4, head[2] & 15
    lead = next((k for k in range(8) if not head[4] & 0x80 >> k), 8)  # ones before the first zero
    extra = 4 + max(1, lead)  # behind the number, which takes as many bytes as in UTF-8
    behind = extra + {6: 1, 7: 2}.get(size, 0) + {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if size == 0 or rate == 15 or lead in (1, 8) or behind >= len(head):
        return None
    if _checksum(head[:behind]) != head[behind]:
        return None
    number = head[4] & (0x7F >> lead)
    for byte in head[5:extra]:
        number = number << 6 | byte & 0x3F
    if size == 6:
        n_samples = head[extra] + 1
    elif size == 7:
        n_samples = int.from_bytes(head[extra : extra + 2], "big") + 1
    else:
        n_samples = _SIZES[size]
    counts_samples = head[1] & 1  # else frames, all of the same length
    return (number if counts_samples else number * per_frame) + n_samples


def _checksum(head: bytes) -> int:
    """CRC-8 of a frame's header, polynomial 0x07."""
    crc = 0
    for byte in head:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x07 if crc & 0x80 else 0)) & 0xFF
    return crc
