"""MPEG audio frames (MP3 and its elders): how many there are, and whether all are there.

Sources: ISO/IEC 11172-3 and 13818-3 for the frame header; the Xing, VBRI and LAME tags as players
have read them since.
"""

from __future__ import annotations

import struct

import numpy as np

from .facts import Container, broken_off

_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_KBITS = {  # by (MPEG 1?, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAME = 0xFFFE0C00  # the bits that are the same in every frame of a stream: version, layer, rate
_LANES = 4096
_ENCODERS = b"LAME", b"Lavc", b"Lavf", b"L3.9"  # that write a LAME tag
_LONGEST = 1441  #: bytes of the longest frame
_SEARCHED = 1 << 16  #: bytes in which the first frame is looked for


def behind_id3(data, at: int) -> int:
    """Where the sound begins behind ID3v2 tags."""
    while data[at : at + 3] == b"ID3" and at + 10 <= len(data):
        size = data[at + 6 : at + 10]
        if max(size) > 127:
            break
        footer = 10 if data[at + 5] & 0x10 else 0
        at += 10 + footer + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3])
        while data[at : at + 1] == b"\0" and at < len(data):  # padding that the tag does not count
            at += 1
    return at


def frame_facts(word: int) -> tuple[int, int, int] | None:
    """Bytes, samples and rate of the frame with this header, 32 bits; None if it is no header.

    A frame of "free" bit rate does not tell its length: it counts as no header.
    """
    version, layer, kbits, rate = (
        word >> 19 & 3,
        4 - (word >> 17 & 3),
        word >> 12 & 15,
        word >> 10 & 3,
    )
    if word >> 21 != 0x7FF or version == 1 or layer == 4 or rate == 3 or kbits in (0, 15):
        return None
    first, sr, padding = version == 3, _RATES[version][rate], word >> 9 & 1
    bits = 1000 * _KBITS[first, layer][kbits - 1]
    if layer == 1:
        return (12 * bits // sr + padding) * 4, 384, sr
    n_samples = 1152 if layer == 2 or first else 576
    return n_samples // 8 * bits // sr + padding, n_samples, sr


def is_stream(data, at: int) -> bool:
    """Whether a frame begins here and another one, or the end, follows it."""
    if at + 4 > len(data):
        return False
    word = struct.unpack_from(">I", data, at)[0]
    facts = frame_facts(word)
    if facts is None:
        return False
    behind = at + facts[0]
    if behind + 4 > len(data):
        return True
    following = struct.unpack_from(">I", data, behind)[0]
    return frame_facts(following) is not None and not (word ^ following) & _SAME


def first_frame(data, start: int) -> int:
    """Where four frames in a row begin, near the start; -1 if they do not."""
    at = start - 1
    while (at := data.find(b"\xff", at + 1, start + _SEARCHED)) >= 0:
        place, frames = at, 0
        while frames < 4 and place >= 0 and is_stream(data, place):
            place += frame_facts(struct.unpack_from(">I", data, place)[0])[0]
            frames += 1
        if frames == 4 or (frames and at == start):
            return at
    return -1


def inspect(data, start: int) -> Container:
    """Go from frame to frame to the end, and hold the tag's promise against what is there."""
    begin = first_frame(data, start)
    word = struct.unpack_from(">I", data, begin)[0]
    size, per_frame, sr = frame_facts(word)
    promised, trimmed, crc = _tag(data, begin, word)
    if begin - start > _LONGEST or (begin > start and (start or promised is not None)):
        return Container("mp3", fault=f"begins with {begin - start} bytes that are no sound")
    sound = begin + size if promised is not None else begin
    end, n_frames, why = _walk(data, sound, word, promised)
    seconds = n_frames * per_frame / sr
    if why:
        return Container("mp3", fault=why.format(seconds))
    if promised is None:
        return Container("mp3")
    whole = promised * per_frame / sr
    if n_frames < promised:
        return Container("mp3", fault=broken_off(seconds, whole))
    if n_frames > promised:
        fault = f"promises {whole:.1f} s of sound and holds {seconds:.1f} s"
        return Container("mp3", fault=fault)
    # mp3gain changes frames, says so in a tag and leaves the checksum as it was
    if crc is not None and b"MP3GAIN" not in data[end:] and checksum(data[sound:end]) != crc:
        return Container(
            "mp3", fault="is damaged: the checksum in its tag is not that of its sound"
        )
    return Container("mp3", max(0, promised * per_frame - trimmed), tolerance=2 * 1152)


def _walk(data, at: int, word: int, promised: int | None) -> tuple[int, int, str]:
    """Where the frames end, how many there are, and what breaks the row, if anything does."""
    n_frames = 0
    while at + 4 <= len(data):
        found = struct.unpack_from(">I", data, at)[0]
        facts = frame_facts(found)
        if facts is None or (found ^ word) & _SAME:
            complete = promised is not None and n_frames >= promised
            if not complete and not _is_tag(data, at) and _goes_on(data, at + 1, word):
                return at, n_frames, "is damaged after {:.1f} s: its frames do not join"
            return at, n_frames, ""
        if at + facts[0] > len(data):
            break
        at += facts[0]
        n_frames += 1
    cut = promised is None and data[at : at + 1] == b"\xff"
    return at, n_frames, "breaks off after {:.1f} s, within a frame" if cut else ""


def _goes_on(data, at: int, word: int) -> bool:
    """Whether frames of the same stream follow later."""
    step = struct.pack(">I", word)[:2]
    while (at := data.find(step[:1], at)) >= 0 and at + 4 <= len(data):
        if is_stream(data, at) and not (struct.unpack_from(">I", data, at)[0] ^ word) & _SAME:
            return True
        at += 1
    return False


def _is_tag(data, at: int) -> bool:
    return data[at : at + 3] in (b"TAG", b"ID3") or data[at : at + 8] in (b"APETAGEX", b"LYRICSBE")


def _tag(data, start: int, word: int) -> tuple[int | None, int, int | None]:
    """Frames, padding in samples and checksum that the first frame promises.

    The number of frames is None where the first frame is sound like the others.
    """
    mono, first = word >> 6 & 3 == 3, word >> 19 & 3 == 3
    at = start + 4 + ((17 if mono else 32) if first else (9 if mono else 17))
    if not word >> 16 & 1:
        at += 2  # a checksum of the header
    if data[start + 36 : start + 40] == b"VBRI":
        return struct.unpack_from(">I", data, start + 50)[0], 0, None
    if data[at : at + 4] not in (b"Xing", b"Info"):
        return None, 0, None
    flags, n_frames = struct.unpack_from(">II", data, at + 4)
    if not flags & 1:
        return None, 0, None
    at += 12 + (4 if flags & 2 else 0) + (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    trimmed, crc = 0, None
    # three letters of four: a tag with a changed letter is a damaged tag, not none
    name = data[at : at + 4]
    if any(sum(a == b for a, b in zip(name, known, strict=False)) >= 3 for known in _ENCODERS):
        packed = int.from_bytes(data[at + 21 : at + 24], "big")
        trimmed = (packed >> 12) + (packed & 0xFFF)
        crc = struct.unpack_from(">H", data, at + 32)[0] or None  # of the sound; 0: not computed
    return n_frames, trimmed, crc


def checksum(data: bytes) -> int:
    """The CRC-16 of the LAME tag (polynomial 0x8005, mirrored, from zero).

    Many lanes go side by side; a lane's remainder is then moved past the bytes behind it.
    """
    lanes = max(1, min(_LANES, len(data) // 64))
    n = len(data) // lanes
    columns = np.frombuffer(data, np.uint8, n * lanes).reshape(lanes, n).T.copy()
    table, crc = _TABLE, np.zeros(lanes, np.uint16)
    for row in columns:
        crc = table[(crc ^ row) & 0xFF] ^ (crc >> 8)
    whole, shift = 0, _zeros(n)
    for lane in crc.tolist():
        whole = _move(shift, whole) ^ lane
    for byte in data[n * lanes :]:
        whole = int(table[(whole ^ byte) & 0xFF]) ^ whole >> 8
    return whole


def _table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint16)
    for _ in range(8):
        table = (table >> 1) ^ np.where(table & 1, np.uint16(0xA001), np.uint16(0))
    return table


_TABLE = _table()


def _move(matrix: list[int], crc: int) -> int:
    """A remainder after the zeros that the matrix stands for."""
    moved = 0
    while crc:
        bit = crc & -crc
        moved ^= matrix[bit.bit_length() - 1]
        crc ^= bit
    return moved


def _zeros(n: int) -> list[int]:
    """What ``n`` zero bytes make of each of the 16 bits: by squaring, as zlib's combine does."""
    power = [int(_TABLE[bit & 0xFF]) ^ bit >> 8 for bit in (1 << k for k in range(16))]
    result = [1 << k for k in range(16)]
    while n:
        if n & 1:
            result = [_move(power, column) for column in result]
        power, n = [_move(power, column) for column in power], n >> 1
    return result
