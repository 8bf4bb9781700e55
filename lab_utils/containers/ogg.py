"""Ogg pages: every page carries a number and a checksum, the last one a mark (RFC 3533)."""

from __future__ import annotations

import struct
import zlib

from .facts import Container

_PAGE = struct.Struct("<4sBBqIIIB")
_FIRST, _LAST = 2, 4  # flags
_MIRROR = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(page: bytes) -> int:
    """Ogg's CRC-32 of a page whose checksum field is zero.

    The polynomial is zlib's, but bits are taken from the other end and nothing is inverted.
    """
    mirrored = ~zlib.crc32(page.translate(_MIRROR), 0xFFFF_FFFF) & 0xFFFF_FFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def inspect(data, start: int) -> Container:
    """Hold the pages against their numbers and checksums."""
    return Container("ogg", fault=_fault(data, start))


def _fault(data, start: int) -> str:
    at, numbers, open_streams = start, {}, set()
    while at + _PAGE.size <= len(data):
        magic, _, flags, _, serial, number, told, n_segments = _PAGE.unpack_from(data, at)
        if magic != b"OggS":
            break
        body = at + _PAGE.size + n_segments
        end = body + sum(data[at + _PAGE.size : body])
        if end > len(data):
            return "breaks off within a page"
        page = data[at : at + 22] + bytes(4) + data[at + 26 : end]
        if checksum(page) != told:
            return f"is damaged {at} bytes after its beginning: a page has the wrong checksum"
        if flags & _FIRST:
            open_streams.add(serial)
        elif number != numbers.get(serial, -1) + 1:
            return f"is damaged {at} bytes after its beginning: pages are missing"
        numbers[serial] = number
        if flags & _LAST:
            open_streams.discard(serial)
        at = end
    if data.find(b"OggS", at) >= 0:
        return f"is damaged {at} bytes after its beginning: bytes that belong to no page"
    return "breaks off: the mark of its last page is missing" if open_streams else ""
