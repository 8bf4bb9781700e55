"""Damaged recordings for ``damaged_inputs.py``: ten formats, five kinds of damage.

What can be known: FLAC, Ogg and MP3 with a LAME tag carry checksums; WAV, AIFF, AU, M4A, WebM and
WMA only lengths, so that changed bytes of their sound are "unknowable" as long as the length is
right; MP3 of constant bit rate without a tag carries neither.
"""

from __future__ import annotations

import functools
import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.damaged_inputs import Case
from lab_utils import audio, samples

#: format -> what ffmpeg is told after the input, and whether length and checksum are carried
FORMATS: dict[str, tuple[list[str], str]] = {
    "wav": (["-c:a", "pcm_s16le"], "length"),
    "flac": ([], "checksum"),
    "mp3": (["-b:a", "48k"], "checksum"),
    "cbr.mp3": (["-b:a", "48k", "-write_xing", "0", "-id3v2_version", "0"], "nothing"),
    "m4a": (["-c:a", "aac", "-movflags", "+faststart"], "length"),
    "ogg": (["-c:a", "libvorbis"], "checksum"),
    "opus": (["-c:a", "libopus"], "checksum"),
    "webm": (["-c:a", "libopus"], "length"),
    "aiff": ([], "length"),
    "wma": (["-c:a", "wmav2"], "length"),
}
SECONDS = 3.0
DELAY = 0.06  #: seconds by which a codec's own padding may change the length


def sound_files(folder: Path) -> dict[str, Path]:
    """One undamaged recording of each format, with what it decodes to beside it."""
    y, sr = audio.load(samples.path("en_story_wav"), sr=None)
    source = audio.save_wav(folder / "source.wav", y[: round(SECONDS * sr)], sr=sr)
    made = {}
    for name, (options, _) in FORMATS.items():
        made[name] = folder / f"sound.{name}"
        audio.run_ffmpeg("-i", str(source), *options, str(made[name]), what=name)
        y, rate = audio.load(made[name], sr=None)
        np.savez(_decoded(made[name]), y=y, sr=rate)
    return made


def _decoded(sound: Path) -> Path:
    return sound.with_name(f"{sound.name}.npz")


def judge(path: Path, *, sound: Path, carried: str, fault: str) -> str:
    """Read a damaged recording; errors go to the caller."""
    y, sr = audio.load(path, sr=None)
    whole = np.load(_decoded(sound))
    same_length = sr == whole["sr"] and abs(len(y) - len(whole["y"])) <= DELAY * sr
    if same_length:
        n = min(len(y), len(whole["y"]))
        error = np.sqrt(np.mean((y[:n] - whole["y"][:n]) ** 2))
        if error < 1e-3 * np.sqrt(np.mean(whole["y"] ** 2)):
            return "whole"
    if carried == "nothing" or (carried == "length" and same_length and fault != "cut"):
        return "unknowable"
    return "wrong"


def cut(data: bytes, rng: random.Random, _: str) -> bytes:
    """End at a random place."""
    return data[: rng.randrange(len(data) // 20, len(data) - 200)]


def flipped(data: bytes, rng: random.Random, _: str) -> bytes:
    """One to thirty-two bits, anywhere behind the first 100 bytes."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 4, 32))):
        changed[rng.randrange(100, len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def zeroed(data: bytes, rng: random.Random, _: str) -> bytes:
    """A block of zeros, as a disk leaves it."""
    size = rng.choice((512, 2048, 4096))
    at = rng.randrange(100, max(101, len(data) - size))
    return data[:at] + bytes(min(size, len(data) - at)) + data[at + size :]


def lying(data: bytes, rng: random.Random, name: str) -> bytes:
    """A field of the header says something else."""
    if name not in _FIELDS:  # no field known: any byte of the header
        changed = bytearray(data)
        for _ in range(3):
            changed[rng.randrange(4, 400)] = rng.randrange(256)
        return bytes(changed)
    code, find, values = rng.choice(_FIELDS[name])
    at = find(data)
    old = struct.unpack_from(code, data, at)[0]
    changed = bytearray(data)
    most = (1 << 8 * struct.calcsize(code)) - 1
    struct.pack_into(code, changed, at, max(0, rng.choice(values)(old)) & most)
    return bytes(changed)


def _behind_tag(skip: int) -> Callable[[bytes], int]:
    return lambda data: max(data.find(b"Xing"), data.find(b"Info")) + skip


def _behind(mark: bytes, skip: int) -> Callable[[bytes], int]:
    return lambda data: data.index(mark) + skip


_SIZES = (
    lambda n: n // 2, lambda n: n - 1000, lambda n: n + 1000, lambda n: 2 * n, lambda n: 0x7FFF0000,
)  # fmt: skip
_RATES = (lambda n: n // 2, lambda n: 2 * n, lambda n: 1, lambda n: 10**9, lambda n: 2**31 - 1)
_FIELDS = {
    "wav": [
        ("<I", _behind(b"data", 4), (*_SIZES, lambda n: 0, lambda n: 0xFFFF_FFFF)),
        ("<I", _behind(b"RIFF", 4), _SIZES),
        ("<I", _behind(b"fmt ", 12), _RATES),
        ("<H", _behind(b"fmt ", 10), (lambda n: 2 * n, lambda n: 0, lambda n: 65_535)),
    ],
    "flac": [
        (">I", _behind(b"fLaC", 22), (*_SIZES, lambda n: 0xFFFF_FFFF)),
        (">Q", _behind(b"fLaC", 18), (lambda n: n ^ 1 << 45, lambda n: n ^ 1 << 41)),
    ],
    "mp3": [(">I", _behind_tag(skip), _SIZES) for skip in (8, 12)],
    "m4a": [
        (">I", _behind(b"mdat", -4), _SIZES), (">I", _behind(b"moov", -4), _SIZES),
        (">I", _behind(b"stsz", 12), _SIZES), (">I", _behind(b"mdhd", 12), _RATES),
    ],
    "aiff": [
        (">I", _behind(b"SSND", 4), _SIZES), (">I", _behind(b"COMM", 10), _SIZES),
        (">H", _behind(b"COMM", 8), (lambda n: 2 * n, lambda n: 0, lambda n: 32_767)),
    ],
}  # fmt: skip


def misplaced(data: bytes, rng: random.Random, _: str) -> bytes:
    """Something else before or behind."""
    other = rng.choice((rng.randbytes(3000), b"\r\n--boundary--\r\n", bytes(5000), b"<html>" * 50))
    return data + other if rng.random() < 0.7 else other + data


FAULTS = {"cut": cut, "flipped": flipped, "zeroed": zeroed, "lying": lying, "misplaced": misplaced}


def cases(folder: Path, *, seed: int, files: int) -> Iterator[Case]:
    """As many damaged recordings, formats and faults in turn; a tenth has a wrong extension."""
    made, rng = sound_files(folder), random.Random(seed)
    plan = [(name, fault) for name in made for fault in FAULTS]
    for number in range(files):
        name, fault = plan[number % len(plan)]
        extension = rng.choice(list(FORMATS)) if number % 10 == 9 else name
        path = folder / f"{number:04d}-{fault}-{name.replace('.', '-')}.{extension}"
        path.write_bytes(FAULTS[fault](made[name].read_bytes(), rng, name))
        carried = FORMATS[name][1]
        how = {"sound": made[name], "carried": carried, "fault": fault}
        yield Case(name, fault, functools.partial(judge, path, **how))
        path.unlink()
