"""Damaged and hostile weights files for ``damaged_inputs.py``.

A small model is called tiny.en in a cache of its own, pinned by the digest of its tensors as the
real one is. Each file is read (``checkpoints.read``) and looked up by name
(``checkpoints.locate``). "wrong" means that tensors other than the pinned ones were accepted under
the name, or that a file whose tensors were changed by damage was read without an error. A file
made on purpose with whole checksums and other weights may be read by its path, as a fine-tuned
model may; under the name it is refused. "lost" means that code in a file was run.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import json
import os
import pickle
import random
import struct
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.damaged_inputs import Case, Lost

DIMS = (80, 1500, 16, 1, 1, 51864, 448, 16, 1, 1)
KINDS = ("flip", "cut", "zeroed", "wrong model", "hostile pickle", "forged note", "zip")


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


def judge(path: Path, *, digest: str, on_purpose: bool, marker: Path) -> str:
    """What becomes of one file; run in a process of its own."""
    from lab_utils import checkpoints
    from lab_utils.errors import CheckpointError
    from lab_utils.models import load_model

    warnings.simplefilter("ignore")
    os.environ.update(WHISPER_LAB_CACHE=str(path.parent), XDG_CACHE_HOME=f"{path.parent}/none")
    os.environ.pop("WHISPER_LAB_WEIGHTS", None)
    try:
        state = checkpoints.read(path)["model_state_dict"]
        by_path = "whole" if checkpoints.tensor_digest(state) == digest else "other"
        load_model(path, device="cpu")
    except CheckpointError as error:
        by_path = "error"
        assert str(error), "an error without a word"
    real = checkpoints.PACKAGED["tiny.en"]
    checkpoints.PACKAGED["tiny.en"] = dataclasses.replace(real, dims=DIMS, digest=digest)
    try:
        by_name = checkpoints.locate("tiny.en")
    finally:
        checkpoints.PACKAGED["tiny.en"] = real
        if marker.exists():
            marker.unlink()
            raise Lost("code in the file was run")
    if by_path == "other":
        return "unknowable" if on_purpose and not by_name else "wrong"
    return by_path


def cases(folder: Path, *, seed: int, files: int) -> Iterator[Case]:
    """As many damaged files, the kinds in turn."""
    from lab_utils import checkpoints

    chance = random.Random(seed)
    dims, state = small_model()
    data, digest = saved(dims, state), checkpoints.tensor_digest(state)
    path, marker = folder / "tiny.en.pt", folder / "ran"
    for number in range(files):
        kind = KINDS[number % len(KINDS)]
        content, on_purpose = damage(kind, chance, data, dims, state, marker)
        path.write_bytes(content)
        note = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        path.with_name("tiny.en.pt.json").write_text(json.dumps(note))
        how = {"digest": digest, "on_purpose": on_purpose, "marker": marker}
        yield Case("weights", kind, functools.partial(judge, path, **how))
