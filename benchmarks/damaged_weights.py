"""Damaged and hostile weights files, seeded: what reading them ends in, counted.

    python benchmarks/damaged_weights.py [--files 40] [--seed 0]

A small model stands under the name tiny.en in a cache of its own, pinned by the digest of its
tensors as the real one is. Each file is read (``checkpoints.read``) and looked up by name
(``checkpoints.locate``), in another process with a time limit. *Silently wrong* means that
tensors other than the pinned ones were accepted under the name, or that a file whose tensors were
changed by damage was read without an error. A file made on purpose with whole checksums and other
weights may be read by its path, as a fine-tuned model may; under the name it is refused.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import io
import json
import multiprocessing
import os
import pickle
import random
import struct
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

DIMS = (80, 1500, 16, 1, 1, 51864, 448, 16, 1, 1)
KINDS = ("flip", "cut", "zeroed", "wrong model", "hostile pickle", "forged note", "zip")
LIMIT = 120  #: seconds for one file


def small_model() -> tuple[dict[str, int], dict]:
    """Dimensions and state dict of a Whisper with random weights."""
    import torch
    from whisper.model import ModelDimensions, Whisper

    from lab_utils import checkpoints

    torch.manual_seed(0)
    dims = dict(zip(checkpoints.DIMS, DIMS, strict=True))
    model = Whisper(ModelDimensions(**dims))
    torch.nn.init.normal_(model.decoder.positional_embedding)
    return dims, model.half().state_dict()


def saved(dims: dict, state: object) -> bytes:
    import torch

    file = io.BytesIO()
    torch.save({"dims": dims, "model_state_dict": state}, file)
    return file.getvalue()


class Writes:
    """Unpickled by a careless reader, it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple:
        return open, (self.marker, "w")


def rezipped(data: bytes, *, compress: bool = False, drop: int | None = None) -> bytes:
    """The same archive written by Python, compressed or without one of its members."""
    out = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", kind) as new:
        for number, info in enumerate(old.infolist()):
            if number != drop:
                new.writestr(info.filename, old.read(info))
    return out.getvalue()


def hostile(chance: random.Random, dims: dict, state: dict, marker: Path) -> bytes:
    """Code in a pickle, in three places, or tensors that claim far more than the file holds."""
    import torch

    kind = chance.randrange(4)
    if kind == 0:
        return pickle.dumps(Writes(marker), protocol=chance.choice((2, 4)))
    if kind == 1:
        return saved(dims, Writes(marker))
    if kind == 2:
        return saved({**dims, "n_mels": Writes(marker)}, state)
    huge = torch.zeros(1).expand(chance.randrange(10**10, 10**12))
    return saved(dims, {**state, "decoder.ln.bias": huge})


def changed(state: dict) -> dict:
    return {**state, "decoder.ln.bias": state["decoder.ln.bias"] + 1}


def damage(kind: str, chance: random.Random, data: bytes, dims: dict, state: dict, marker: Path):
    """One damaged file of a kind, and whether it was made with whole checksums."""
    n = len(data)
    if kind == "flip":
        flipped = bytearray(data)
        for _ in range(chance.choice((1, 1, 8, 1000))):
            flipped[chance.randrange(n)] ^= 1 << chance.randrange(8)
        return bytes(flipped), False
    if kind == "cut":
        at = chance.choice((0, 1, 100, n - 1, n - 22, chance.randrange(n)))
        return data[:at] if chance.random() < 0.8 else data[n - at :], False
    if kind == "zeroed":
        size = chance.choice((512, 4096, n // 2, n))
        start = chance.randrange(n - size + 1)
        return data[:start] + bytes(size) + data[start + size :], False
    if kind == "wrong model":
        other = {**dims, chance.choice(sorted(dims)): chance.choice((0, -1, 2, 10**9, True, "80"))}
        lacking = dict(state)
        lacking.pop(chance.choice(sorted(state)))
        return saved(*chance.choice([(other, state), (dims, lacking), (dims, [1]), ([], {})])), True
    if kind == "hostile pickle":
        return hostile(chance, dims, state, marker), True
    if kind == "forged note":
        return saved(dims, changed(state)), True
    choice = chance.randrange(4)
    if choice == 0:
        return rezipped(data, compress=True), False
    if choice == 1:
        return rezipped(data, drop=chance.randrange(5)), False
    if choice == 2:
        return data + struct.pack("<I", chance.randrange(2**32)) * 1000, False
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(50_000_000))
    return bomb.getvalue(), False


def judge(path: Path, digest: str) -> str:
    """What becomes of one file; run in another process."""
    import dataclasses

    from lab_utils import checkpoints
    from lab_utils.errors import CheckpointError
    from lab_utils.models import load_model

    warnings.simplefilter("ignore")
    try:
        state = checkpoints.read(path)["model_state_dict"]
        by_path = "same" if checkpoints.tensor_digest(state) == digest else "other"
        load_model(path, device="cpu")
    except CheckpointError as error:
        assert str(error), "an error without a word"
        by_path = "no"
    real = checkpoints.PACKAGED["tiny.en"]
    checkpoints.PACKAGED["tiny.en"] = dataclasses.replace(real, dims=DIMS, digest=digest)
    try:
        by_name = "found" if checkpoints.locate("tiny.en") else "refused"
    finally:
        checkpoints.PACKAGED["tiny.en"] = real
    return f"{by_path} weights read, {by_name} by name"


class Worker:
    """One process that judges files, replaced when it hangs."""

    def __init__(self) -> None:
        self.pool = multiprocessing.get_context("spawn").Pool(1)

    def judge(self, path: Path, digest: str) -> str:
        try:
            return self.pool.apply_async(judge, (path, digest)).get(LIMIT)
        except multiprocessing.TimeoutError:
            self.pool.terminate()
            self.pool = multiprocessing.get_context("spawn").Pool(1)
            return "hang"
        except Exception as error:  # whatever is not a CheckpointError is the finding
            print(f"{type(error).__name__}: {error}")
            return "raw"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    from lab_utils import checkpoints

    chance = random.Random(options.seed)
    dims, state = small_model()
    data, digest = saved(dims, state), checkpoints.tensor_digest(state)
    counts: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    bad = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        path, marker = Path(folder) / "tiny.en.pt", Path(folder) / "ran"
        os.environ.update(WHISPER_LAB_CACHE=folder, XDG_CACHE_HOME=f"{folder}/none")
        os.environ.pop("WHISPER_LAB_WEIGHTS", None)
        worker = Worker()
        for number in range(options.files):
            kind = KINDS[number % len(KINDS)]
            content, on_purpose = damage(kind, chance, data, dims, state, marker)
            path.write_bytes(content)
            note = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            path.with_name("tiny.en.pt.json").write_text(json.dumps(note))
            end = worker.judge(path, digest)
            bad["hung"] += end == "hang"
            bad["raw"] += end == "raw"
            bad["ran code"] += marker.exists()
            other = end.startswith("other")
            wrong = other and (not on_purpose or end.endswith("found by name"))
            bad["silently wrong"] += wrong
            marker.unlink(missing_ok=True)
            counts[kind][end] += 1
        worker.pool.terminate()
    for kind, ends in counts.items():
        print(f"{kind:<16}", "; ".join(f"{n} {end}" for end, n in sorted(ends.items())))
    kinds = ("raw", "ran code", "silently wrong", "hung")
    print(f"{options.files} files: " + ", ".join(f"{bad[kind]} {kind}" for kind in kinds))
    return int(any(bad.values()))


if __name__ == "__main__":
    sys.exit(main())
