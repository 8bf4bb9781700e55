"""Ogg pages: every page carries a number and a checksum, the last one a mark (RFC 3533)."""

from __future__ import annotations

import mmap
import struct
import zlib

from .facts import Fault

_PAGE = struct.Struct("<4sBBqIIIB")
_FIRST, _LAST = 2, 4  # flags
_MIRROR = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(page: bytes) -> int:
    """Ogg's CRC-32 of a page whose checksum field is zero.

    The polynomial is zlib's, but bits are taken from the other end and nothing is inverted.
    """
    mirrored = ~zlib.crc32(page.translate(_MIRROR), 0xFFFF_FFFF) & 0xFFFF_FFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def promised(data: mmap.mmap, start: int) -> int:
    """Compare the pages with their numbers and checksums; the length is not told: 0."""
    at, numbers, open_streams = start, {}, set()
    while at + _PAGE.size <= len(data):
        magic, _, flags, _, serial, number, told, n_segments = _PAGE.unpack_from(data, at)
        if magic != b"OggS":
            break
        body = at + _PAGE.size + n_segments
        end = body + sum(data[at + _PAGE.size : body])
        if end > len(data):
            raise Fault("breaks off within a page")
        page = data[at : at + 22] + bytes(4) + data[at + 26 : end]
        if checksum(page) != told:
            raise _damaged(at, "a page has the wrong checksum")
        if flags & _FIRST:
            open_streams.add(serial)
        elif number != numbers.get(serial, -1) + 1:
            raise _damaged(at, "pages are missing")
        numbers[serial] = number
        if flags & _LAST:
            open_streams.discard(serial)
        at = end
    if data.find(b"OggS", at) >= 0:
        raise _damaged(at, "bytes that belong to no page")
    if open_streams:
        raise Fault("breaks off: the mark of its last page is missing")
    return 0


def _damaged(at: int, how: str) -> Fault:
    return Fault(f"is damaged {at} bytes after its beginning: {how}")
