"""Sound in boxes: MP4 and its relatives (ISO/IEC 14496-12), and ASF."""

from __future__ import annotations

import mmap
import struct

from .facts import Container


def boxes(data: mmap.mmap, start: int) -> Container:
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


def objects(data: mmap.mmap, start: int) -> Container:
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
