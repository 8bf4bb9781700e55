"""FLAC frames: whether they say the same as the header (RFC 9639).

The decoder checks each frame's checksum, but believes the header's number of samples.
"""

from __future__ import annotations

import struct

from .facts import Container

_RATES = {
    1: 88_200, 2: 176_400, 3: 192_000, 4: 8_000, 5: 16_000, 6: 22_050, 7: 24_000, 8: 32_000,
    9: 44_100, 10: 48_000, 11: 96_000,
}  # fmt: skip
_SIZES = {1: 192} | {k: 576 << k - 2 for k in range(2, 6)} | {k: 256 << k - 8 for k in range(8, 16)}
_TAIL = 1 << 20  #: bytes at the end in which the last frame begins


def inspect(data, start: int) -> Container:
    """Hold the header's rate and length against the first and the last frame."""
    least = struct.unpack_from(">H", data, start + 8)[0]
    packed = struct.unpack_from(">Q", data, start + 18)[0]
    sr, n_samples = packed >> 44, packed & 0xF_FFFF_FFFF
    at, last = start + 4, False
    while not last:
        last = bool(data[at] & 0x80)
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    first = frame(data, at)
    if first is None:
        return Container("flac", fault="is damaged where its first frame should be")
    told = _RATES.get(data[at + 2] & 0x0F)
    if told and told != sr:
        return Container("flac", fault=f"contradicts itself: {sr} Hz, but its frames say {told} Hz")
    end = _last_sample(data, at, least)
    if n_samples and end > n_samples and sr:
        return Container("flac", fault=(
            f"promises {n_samples / sr:.1f} s of sound and holds {end / sr:.1f} s"
        ))  # fmt: skip
    return Container("flac", n_samples)


def _last_sample(data, begin: int, per_frame: int) -> int:
    """Where the last frame of the file ends, in samples; 0 if none is found."""
    at = len(data)
    while (at := data.rfind(b"\xff", max(begin, len(data) - _TAIL), at)) >= 0:
        if found := frame(data, at):
            number, size, counts_samples = found
            return (number if counts_samples else number * per_frame) + size
    return 0


def frame(data, at: int) -> tuple[int, int, bool] | None:
    """Number, samples and whether the number counts samples, of the frame that begins here."""
    head = data[at : at + 16]
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return None
    size, rate = head[2] >> 4, head[2] & 15
    lead = next((k for k in range(8) if not head[4] & 0x80 >> k), 8)  # ones before the first zero
    n_bytes = max(1, lead)
    behind = 4 + n_bytes + {6: 1, 7: 2}.get(size, 0) + {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if size == 0 or rate == 15 or lead in (1, 8) or behind >= len(head):
        return None
    if _checksum(head[:behind]) != head[behind]:
        return None
    number = head[4] & (0x7F >> lead)
    for byte in head[5 : 4 + n_bytes]:
        number = number << 6 | byte & 0x3F
    extra = head[4 + n_bytes : 4 + n_bytes + 2]
    samples = {6: extra[0] + 1, 7: int.from_bytes(extra, "big") + 1}.get(size) or _SIZES[size]
    return number, samples, bool(head[1] & 1)


def _checksum(head: bytes) -> int:
    """CRC-8 of a frame's header, polynomial 0x07."""
    crc = 0
    for byte in head:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x07 if crc & 0x80 else 0)) & 0xFF
    return crc
