"""MPEG audio frames (MP3 and its elders): how many there are, and whether all are there.

Sources: ISO/IEC 11172-3 and 13818-3 for the frame header; the Xing, VBRI and LAME tags as players
have read them since.
"""

from __future__ import annotations

import functools
import mmap
import struct
from typing import NamedTuple

import numpy as np

from .facts import Fault, broken_off, too_long

_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_LOW = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_KBITS = {  # by (MPEG 1?, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): _LOW,
    (False, 3): _LOW,
}
_SAME = 0xFFFE0C00  # the bits that are the same in every frame of a stream: version, layer, rate
_ENCODERS = b"LAME", b"Lavc", b"Lavf", b"L3.9"  # that write a LAME tag
_LONGEST = 1441  #: bytes of the longest frame
_SEARCHED = 1 << 16  #: bytes in which the first frame is looked for
_LEVELS = 20  # a checksum is computed from blocks of 2 ** 20 bytes


class _Frame(NamedTuple):
    """The header of a frame, 32 bits, and what follows from it."""

    word: int
    size: int  #: bytes
    n_samples: int
    sr: int

    def joins(self, other: _Frame | None) -> bool:
        """Whether another frame can be of the same stream."""
        return other is not None and not (self.word ^ other.word) & _SAME


class _Tag(NamedTuple):
    """What a first frame without sound promises."""

    n_frames: int
    trimmed: int = 0  #: samples of padding
    checksum: int | None = None  #: of the sound


def behind_id3(data: mmap.mmap) -> int:
    """Where the file begins behind ID3v2 tags."""
    at = 0
    while data[at : at + 3] == b"ID3" and at + 10 <= len(data):
        size = data[at + 6 : at + 10]
        if max(size) > 127:
            break
        footer = 10 if data[at + 5] & 0x10 else 0
        at += 10 + footer + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3])
        while data[at : at + 1] == b"\0":  # padding that the tag does not count
            at += 1
    return at


def _frame(data: mmap.mmap, at: int) -> _Frame | None:
    """The frame that begins here; one of "free" bit rate does not tell its length: no frame."""
    if at + 4 > len(data):
        return None
    word = struct.unpack_from(">I", data, at)[0]
    version, layer = word >> 19 & 3, 4 - (word >> 17 & 3)
    kbits, rate, padding = word >> 12 & 15, word >> 10 & 3, word >> 9 & 1
    if word >> 21 != 0x7FF or version == 1 or layer == 4 or rate == 3 or kbits in (0, 15):
        return None
    first, sr = version == 3, _RATES[version][rate]
    bits = 1000 * _KBITS[first, layer][kbits - 1]
    if layer == 1:
        return _Frame(word, (12 * bits // sr + padding) * 4, 384, sr)
    n_samples = 1152 if layer == 2 or first else 576
    return _Frame(word, n_samples // 8 * bits // sr + padding, n_samples, sr)


def _followed(data: mmap.mmap, at: int) -> _Frame | None:
    """The frame that begins here if another one, or the end, follows it."""
    frame = _frame(data, at)
    if frame is None or at + frame.size + 4 > len(data):
        return frame
    return frame if frame.joins(_frame(data, at + frame.size)) else None


def first_frame(data: mmap.mmap, start: int) -> int:
    """Where four frames in a row begin, near the start; -1 if they do not."""
    at = start - 1
    while (at := data.find(b"\xff", at + 1, start + _SEARCHED)) >= 0:
        place, n_frames = at, 0
        while n_frames < 4 and (frame := _followed(data, place)):
            place += frame.size
            n_frames += 1
        if n_frames == 4 or (n_frames and at == start):
            return at
    return -1


def promised(data: mmap.mmap, start: int) -> int:
    """Go from frame to frame to the end, and compare what is there with what a tag promises."""
    begin = first_frame(data, start)
    first = _frame(data, begin)
    assert first is not None  # inspect has found it
    tag = _tag(data, begin, first.word)
    if begin - start > _LONGEST or (begin > start and (start or tag)):
        raise Fault(f"begins with {begin - start} bytes that are no sound")
    sound = begin + first.size if tag else begin
    end, n_frames = _walk(data, sound, first, tag)
    if tag is None:
        return 0
    seconds = first.n_samples / first.sr
    if n_frames < tag.n_frames:
        raise broken_off(n_frames * seconds, tag.n_frames * seconds)
    if n_frames > tag.n_frames:
        raise too_long(n_frames * seconds, tag.n_frames * seconds)
    # mp3gain changes frames, says so in a tag and leaves the checksum as it was
    if tag.checksum is not None and b"MP3GAIN" not in data[end:]:
        if checksum(data[sound:end]) != tag.checksum:
            raise Fault("is damaged: the checksum in its tag is not that of its sound")
    return max(0, n_frames * first.n_samples - tag.trimmed)


def _walk(data: mmap.mmap, at: int, first: _Frame, tag: _Tag | None) -> tuple[int, int]:
    """Where the frames end, and how many there are."""
    n_frames, seconds = 0, first.n_samples / first.sr
    while at + 4 <= len(data):
        frame = _frame(data, at)
        if frame is None or not first.joins(frame):
            complete = tag is not None and n_frames >= tag.n_frames
            if not complete and not _is_tag(data, at) and _goes_on(data, at + 1, first):
                after = f"{n_frames * seconds:.1f} s"
                raise Fault(f"is damaged after {after}: its frames do not join")
            return at, n_frames
        if at + frame.size > len(data):
            break
        at += frame.size
        n_frames += 1
    if tag is None and data[at : at + 1] == b"\xff":
        raise Fault(f"breaks off after {n_frames * seconds:.1f} s, within a frame")
    return at, n_frames


def _goes_on(data: mmap.mmap, at: int, first: _Frame) -> bool:
    """Whether frames of the same stream follow later."""
    while (at := data.find(b"\xff", at)) >= 0:
        if first.joins(_followed(data, at)):
            return True
        at += 1
    return False


def _is_tag(data: mmap.mmap, at: int) -> bool:
    return data[at : at + 3] in (b"TAG", b"ID3") or data[at : at + 8] in (b"APETAGEX", b"LYRICSBE")


def _tag(data: mmap.mmap, start: int, word: int) -> _Tag | None:
    """The tag in the first frame; None where that is sound like the others."""
    mono, first = word >> 6 & 3 == 3, word >> 19 & 3 == 3
    at = start + 4 + ((17 if mono else 32) if first else (9 if mono else 17))
    if not word >> 16 & 1:
        at += 2  # a checksum of the header
    if data[start + 36 : start + 40] == b"VBRI":
        return _Tag(struct.unpack_from(">I", data, start + 50)[0])
    if data[at : at + 4] not in (b"Xing", b"Info"):
        return None
    flags, n_frames = struct.unpack_from(">II", data, at + 4)
    if not flags & 1:
        return None
    at += 12 + (4 if flags & 2 else 0) + (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    # three letters of four: a tag with a changed letter is a damaged tag, not none
    name = data[at : at + 4]
    if not any(sum(a == b for a, b in zip(name, known, strict=False)) >= 3 for known in _ENCODERS):
        return _Tag(n_frames)
    packed = int.from_bytes(data[at + 21 : at + 24], "big")
    told = struct.unpack_from(">H", data, at + 32)[0]
    return _Tag(n_frames, (packed >> 12) + (packed & 0xFFF), told or None)  # 0: not computed


def checksum(data: bytes) -> int:
    """The CRC-16 of the LAME tag (polynomial 0x8005, mirrored, from zero).

    The remainders of neighbors are joined, then those of pairs, and so on: the left one is moved
    past the bytes of the right one by a table. Zeros in front of a block change nothing.
    """
    moves, size, whole = _moves(), 1 << _LEVELS, 0
    for end in range(len(data) % size, len(data) + 1, size):
        block = data[max(0, end - size) : end].rjust(size, b"\0")
        crc = moves[0][np.frombuffer(block, np.uint8)]
        for move in moves[:-1]:
            crc = move[crc[::2]] ^ crc[1::2]
        whole = int(moves[-1][whole] ^ crc[0])
    return whole


@functools.cache
def _moves() -> list[np.ndarray]:
    """For k from 0: every remainder after 2 ** k zero bytes."""
    table = np.arange(1 << 16, dtype=np.uint16)
    for _ in range(8):
        table = (table >> 1) ^ np.where(table & 1, np.uint16(0xA001), np.uint16(0))
    moves = [table]
    for _ in range(_LEVELS):
        moves.append(moves[-1][moves[-1]])
    return moves
