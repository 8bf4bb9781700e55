"""Damaged tables and hostile corpora for ``damaged_inputs.py``."""

from __future__ import annotations

import contextlib
import csv
import functools
import io
import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.damaged_inputs import Case, Lost
from lab_utils import audio
from lab_utils.corpus import command, export, manifest, pipeline
from lab_utils.corpus.manifest import Clip, Manifest

SIGNS = [*"\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\t\"',;|\ufeff\u202e é東{[#=<", "\r\n", "नी", ""]
#: works on a folder and says whether what was read is right
Work = Callable[[Path, random.Random], bool]


def tables(_: Path, *, seed: int, files: int) -> Iterator[Case]:
    """Tables with odd cells or damage, a quarter of each kind."""
    for number in range(files):
        kind = (_odd_cells, _damaged_manifest, _damaged_details, _damaged_ljspeech)[number % 4]
        judge = functools.partial(_read, kind, f"tables {seed} {number}")
        yield Case("table", kind.__name__, judge)


def manifests(_: Path, *, seed: int, files: int) -> Iterator[Case]:
    """Corpora whose names, rows, times, states or seals are hostile."""
    kinds = (_hostile_row, _hostile_seal, _hostile_place, _hostile_export, _hostile_state)
    for number in range(files):
        kind = kinds[number % 5]
        judge = functools.partial(_work, kind, f"manifests {seed} {number}")
        yield Case("corpus", kind.__name__, judge)


def _read(kind: Work, seed: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return "whole" if kind(Path(folder), random.Random(seed)) else "wrong"


# ---- tables


def _word(rng: random.Random) -> str:
    return "".join(rng.choices([*SIGNS, *"abc"], k=rng.randint(1, 8)))


def _clips(rng: random.Random, folder: Path, n: int = 3) -> Manifest:
    """A small corpus whose cells hold odd signs; its sound files are real."""
    (folder / "clips").mkdir()
    clips = []
    for i in range(n):
        t = np.arange(2205) / 22_050
        y = (0.1 * np.sin(2 * np.pi * (200 + 90 * i) * t)).astype(np.float32)
        audio.save_wav(folder / "clips" / f"{i}.wav", y, sr=22_050)
        cells = {k: _word(rng) for k in ("recording", "licence", "consent", "heard")}
        text = f"Words {_word(rng)} {i}".replace("|", "/")
        clips.append(Clip(f"c{i}", f"clips/{i}.wav", text=text, split=manifest.SPLITS[i], **cells))
    return Manifest(folder, tuple(clips))


def _odd_cells(folder: Path, rng: random.Random) -> bool:
    """What goes into a manifest and both exports comes out of them."""
    made = _clips(rng, folder)
    made.save()
    if Manifest.load(folder) != made:
        return False
    for write in (export.ljspeech, export.audiofolder):
        back = {c.id: c for c in write(made, folder / write.__name__).clips}
        for clip in made.clips:
            same = all(
                getattr(back[clip.id], k) == getattr(clip, k)
                for k in ("recording", "licence", "consent", "heard", "split")
            )
            plain = write is export.ljspeech or back[clip.id].text == " ".join(clip.text.split())
            if not (same and plain):
                return False
    return len(back) == len(made)


def _damage(raw: bytes, rng: random.Random) -> bytes:
    """One of ten kinds of damage that files meet on their way."""
    at = rng.randrange(1, len(raw))
    lines = raw.split(b"\n")
    line = rng.randrange(len(lines) - 1)
    return rng.choice(
        [
            lambda: raw[:at],
            lambda: raw[:at] + bytes([rng.randrange(256)]) + raw[at + 1 :],
            lambda: raw[:at] + rng.choice(SIGNS).encode() + raw[at:],
            lambda: raw.replace(b",", b";"),
            lambda: b"\xef\xbb\xbf" + raw.replace(b"\n", b"\r\n"),
            lambda: raw.decode().encode("utf-16"),
            lambda: b"\n".join([*lines[: line + 1], *lines[line:]]),
            lambda: b"\n".join([*lines[:line], *lines[line + 1 :]]),
            lambda: raw[:at] + bytes(rng.randrange(1, 64)) + raw[at:],
            lambda: raw[:at] + b'"' + raw[at:],
        ]
    )()


def _rows(raw: bytes) -> list[dict[str, str]]:
    """What Python's own csv module reads, strictly."""
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True))


def _damaged_manifest(folder: Path, rng: random.Random) -> bool:
    path = _clips(rng, folder).save()
    path.write_bytes(raw := _damage(path.read_bytes(), rng))
    back, rows = Manifest.load(folder), _rows(raw)
    names = [name for name in rows[0] if name not in ("start", "end")] if rows else []
    cells = [
        dict(c.more) | {k: getattr(c, k, "") for k in names if k in c.__dict__} for c in back.clips
    ]
    return len(back) == len(rows) and all(
        all((row[k] or "") == got.get(k.strip(), "") for k in names)
        for got, row in zip(cells, rows, strict=True)
    )


def _damaged_details(folder: Path, rng: random.Random) -> bool:
    path = folder / "recordings.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(["file", "speaker", "language", "licence"])
        writer.writerows([f"{i}.wav", _word(rng), "en", _word(rng)] for i in range(4))
    path.write_bytes(raw := _damage(path.read_bytes(), rng))
    back, rows = manifest.read_details(path), _rows(raw)
    return list(back) == [row["file"] for row in rows] and all(
        back[row["file"]] == {k.strip(): v or "" for k, v in row.items()} for row in rows
    )


def _damaged_ljspeech(folder: Path, rng: random.Random) -> bool:
    lines = [f"LJ{i:03d}|Words {i} of it|words {i} of it" for i in range(5)]
    raw = _damage(("\n".join(lines) + "\n").encode(), rng)
    (folder / "metadata.csv").write_bytes(raw)
    back = export.read_ljspeech(folder)
    text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    expected = [line.split("|") for line in text.split("\n") if line.strip()]
    return [c.id for c in back.clips] == [cells[0] for cells in expected] and all(
        c.text in (cells[-1].strip(), cells[1].strip())
        for c, cells in zip(back.clips, expected, strict=True)
    )


# ---- hostile corpora

NAMES = (
    "../victim/v", "../../victim/v", "../../../victim/v", "..", ".", "", "/SOMEWHERE/victim/v",
    "victim/v", "a\\b", "C:v", "nul", "com1.x",
    "x" * 101, "a|b", "a\nb", "a\rb", "a\u2028b", "a\u202eb", "a\0b", " a", "a.", ".hidden", "C1",
    "c1", "-rf", "%d", "$(id)", "<b>", "a*", "caf\u0301", "=cmd()", "\ud800",
)  # fmt: skip
TIMES = ("nan", "inf", "-inf", "-1", "1e999", "soon", "0x10", "1,5", "1_0", "", "٣")
JUNK = ("", "[]", "{}", "null", "3", "[" * 10**5, '{"done": true}', '{"files": {"../v": [1, "x"]}}')


def _work(kind: Work, seed: str) -> str:
    with tempfile.TemporaryDirectory() as base:
        base = Path(base)
        (base / "victim").mkdir()
        (base / "victim" / "v.wav").write_bytes(b"precious")
        (base / "victim" / "metadata.csv").write_text("v|not yours|not yours\n", "utf-8")
        (base / "corpus").mkdir()
        _clips(random.Random(0), base / "corpus").save()
        before = _tree(base / "victim")
        around = {path.name for path in base.iterdir()}
        try:
            return "whole" if kind(base, random.Random(seed)) else "wrong"
        finally:
            extra = {path.name for path in base.iterdir()} - around - {"out", "recordings", "made"}
            if extra or _tree(base / "victim") != before:
                raise Lost(f"{sorted(extra)} or the victim")


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _export(base: Path, out: str, to: str) -> bool:
    """Export on the command line; right if what comes out lies in ``out`` and is complete."""
    code = command.main(["export", str(base / "corpus"), str(base / out), "--to", to])
    made = command.open_corpus(base / out)
    return code == 0 and all(made.path(clip).is_file() for clip in made.clips) and len(made) == 3


def _hostile_row(base: Path, rng: random.Random) -> bool:
    """An id, a file, a recording, a time or a split that leads elsewhere or makes no sense."""
    column = rng.choice(["id", "id", "file", "recording", "start", "end", "split"])
    values = TIMES if column in ("start", "end") else [*NAMES, "../victim/v.wav", "clips"]
    value = rng.choice(values).replace("/SOMEWHERE", str(base))
    path = base / "corpus" / "manifest.csv"
    rows = _rows(path.read_bytes())
    rows[0][column] = value
    with open(path, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
    if column == "recording":
        made = command._read_scripts(Manifest.load(base / "corpus"), base / "corpus")
        return [c.text for c in made.clips] == [row["text"] for row in rows]
    return _export(base, "out", rng.choice(["ljspeech", "audiofolder"]))


def _hostile_seal(base: Path, rng: random.Random) -> bool:
    """A folder of somebody else with a seal that was copied, edited or made up."""
    _export(base, "out", "ljspeech")
    name = next((base / "out").glob(".*.json")).name
    seal = (base / "out" / name).read_text("utf-8")
    edited = seal.replace(rng.choice(["details.csv", "c1", "metadata", "ljspeech"]), "../victim/v")
    text = rng.choice([seal, edited, *JUNK])
    (base / "victim" / name).write_text(text, "utf-8")
    try:
        _export(base, "victim", rng.choice(["ljspeech", "audiofolder"]))
    finally:
        (base / "victim" / name).unlink(missing_ok=True)
    return False  # it must be refused


def _hostile_place(base: Path, rng: random.Random) -> bool:
    """A place for the export that is a link, a file, or somebody else's."""
    out = base / "out"
    rng.choice(
        [
            lambda: os.symlink(base / "victim", out),
            lambda: os.symlink(base / "nowhere", out),
            lambda: out.write_text("a file", "utf-8"),
            lambda: shutil.copytree(base / "victim", out),
            lambda: (
                (out / "train").mkdir(parents=True)
                or (out / "train" / "metadata.csv").write_text("a,b\n", "utf-8")
            ),
        ]
    )()
    before = _tree(base)
    try:
        return _export(base, "out", "ljspeech") and False
    finally:
        if _tree(base) != before:
            raise Lost("something changed")


def _hostile_export(base: Path, rng: random.Random) -> bool:
    """An export of somebody else, to check: its tables name files elsewhere."""
    name = rng.choice(NAMES).replace("/SOMEWHERE", str(base))
    with contextlib.suppress(UnicodeEncodeError):
        name.encode()
        _export(base, "made", to := rng.choice(["ljspeech", "audiofolder"]))
        for table in (base / "made").rglob("metadata*.csv"):
            text = table.read_text("utf-8")
            table.write_text(text.replace("c0", name.replace("\n", "")), "utf-8")
        found = command.main(["check", str(base / "made"), "--contract", "whisper"])
        made = command.open_corpus(base / "made")
        return found == 1 and all(c.file.count("..") == 0 for c in made.clips) and bool(to)
    return True


def _hostile_state(base: Path, rng: random.Random) -> bool:
    """Notes of a half finished run that are damaged or made up: the work is done again."""
    (base / "recordings").mkdir()
    sound = audio.add_noise(np.zeros(22_050, np.float32) + 0.01, snr_db=0, seed=0)
    audio.save_wav(base / "recordings" / "a.wav", sound, sr=22_050)
    made = pipeline.prepare(base / "recordings", base / "made")
    (state,) = (base / "made" / "recordings").glob("*.json")
    row = json.loads(state.read_text("utf-8"))
    hostile = [
        *JUNK,
        json.dumps(row | {"clips": [[1, 0.0, 1.0]]}),
        json.dumps(row | {"clips": [{"id": "../x", "file": "../victim/v.wav"}]}),
        json.dumps(row | {"dropped": [["", "nan", 1]]}),
        json.dumps({k: v for k, v in row.items() if k != rng.choice(list(row))}),
    ]
    state.write_text(rng.choice(hostile), "utf-8")
    return pipeline.prepare(base / "recordings", base / "made") == made
