"""Whisper weights in CTranslate2's file format, read and renamed to openai-whisper's own.

The file is little-endian: u32 format version, string spec, u32 revision, u32 count, then for
each variable its name, u8 rank, u32 dimensions, u8 type, u32 bytes, data; then u32 aliases as
pairs of strings. A string is a u16 length, which counts a closing zero byte, and the bytes.
Every length is checked against what is left of the file before it is read.
"""

from __future__ import annotations

import math
import re
import struct

import numpy as np

from .errors import CheckpointError

FORMAT_VERSION = 6
_DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_MAX_RANK = 4


class _Reader:
    """A cursor over bytes that refuses to read past the end."""

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = memoryview(data)
        self.position = 0

    def take(self, n_bytes: int, what: str) -> memoryview:
        left = len(self.data) - self.position
        if n_bytes > left:
            raise CheckpointError(
                f"The weights file ends too early: {what} needs {n_bytes} bytes at position "
                f"{self.position}, {left} are left. It is truncated or not a CTranslate2 model: "
                "delete it and fetch it again."
            )
        chunk = self.data[self.position : self.position + n_bytes]
        self.position += n_bytes
        return chunk

    def number(self, code: str, what: str) -> int:
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code), what))[0]

    def string(self, what: str) -> str:
        raw = bytes(self.take(self.number("H", f"the length of {what}"), what))
        try:
            return raw.rstrip(b"\0").decode("utf-8")
        except UnicodeDecodeError as error:
            raise CheckpointError(f"The weights file is damaged: {what} is not text.") from error


def read_ctranslate2(data: bytes | memoryview) -> dict[str, np.ndarray]:
    """Read every variable of a whole CTranslate2 ``model.bin``.

    Returns
    -------
    dict
        Variable name to array, in the file's own types; an alias has an entry of its own.

    Raises
    ------
    CheckpointError
        The file is truncated, has another version, or names lengths that do not agree.
    """
    reader = _Reader(data)
    version = reader.number("I", "the format version")
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"Expected a CTranslate2 model of format version {FORMAT_VERSION}, found {version}: "
            "this is another kind of file."
        )
    reader.string("the name of the model kind")
    reader.number("I", "the revision")
    variables: dict[str, np.ndarray] = {}
    for _ in range(reader.number("I", "the number of variables")):
        name = reader.string("a variable's name")
        rank = reader.number("B", f"the rank of {name}")
        if rank > _MAX_RANK:
            raise CheckpointError(f"{name} claims {rank} dimensions: the file is damaged.")
        shape = tuple(reader.number("I", f"the shape of {name}") for _ in range(rank))
        code = reader.number("B", f"the type of {name}")
        if code not in _DTYPES:
            raise CheckpointError(f"{name} has the unknown type {code}: the file is damaged.")
        n_bytes = reader.number("I", f"the size of {name}")
        expected = math.prod(shape) * np.dtype(_DTYPES[code]).itemsize
        if n_bytes != expected:
            raise CheckpointError(
                f"{name} has shape {shape}, which takes {expected} bytes, but the file "
                f"says {n_bytes}."
            )
        values = np.frombuffer(reader.take(n_bytes, f"the values of {name}"), _DTYPES[code])
        variables[name] = values.reshape(shape)
    for _ in range(reader.number("I", "the number of aliases")):
        alias, name = reader.string("an alias"), reader.string("the name behind an alias")
        if name not in variables:
            raise CheckpointError(f"The alias {alias} points to {name}, which is not in the file.")
        variables[alias] = variables[name]
    return variables


#: CTranslate2's name of a layer → openai-whisper's; several where it stacks their rows
LAYERS = {
    "encoder/conv1": ("encoder.conv1",),
    "encoder/conv2": ("encoder.conv2",),
    "encoder/layer_norm": ("encoder.ln_post",),
    "decoder/embeddings": ("decoder.token_embedding",),
    "decoder/layer_norm": ("decoder.ln",),
    # in a block
    "self_attention/layer_norm": ("attn_ln",),
    "self_attention/linear_0": ("attn.query", "attn.key", "attn.value"),
    "self_attention/linear_1": ("attn.out",),
    "attention/layer_norm": ("cross_attn_ln",),
    "attention/linear_0": ("cross_attn.query",),
    "attention/linear_1": ("cross_attn.key", "cross_attn.value"),
    "attention/linear_2": ("cross_attn.out",),
    "ffn/layer_norm": ("mlp_ln",),
    "ffn/linear_0": ("mlp.0",),
    "ffn/linear_1": ("mlp.2",),
}
PARAMETERS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


def to_openai(variables: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rename CTranslate2's variables to openai-whisper's parameters.

    Returns
    -------
    dict
        openai-whisper's state dict, in the types of the file (float16). What the file has besides
        (numbers of heads, aliases) is left out; that nothing is missing shows in the digest.

    Raises
    ------
    CheckpointError
        These are no variables of a Whisper model, or stacked rows cannot be cut apart.
    """
    state: dict[str, np.ndarray] = {}
    for name, array in variables.items():
        layer, _, parameter = name.rpartition("/")
        if layer in ("encoder/position_encodings", "decoder/position_encodings"):
            state[f"{layer.split('/')[0]}.positional_embedding"] = array
        prefix = ""
        if block := re.fullmatch(r"(encoder|decoder)/layer_(\d+)/(.+)", layer):
            prefix, layer = f"{block[1]}.blocks.{block[2]}.", block[3]
        targets = LAYERS.get(layer, ())
        if not targets or parameter not in PARAMETERS:
            continue
        if len(array) % len(targets):
            raise CheckpointError(
                f"{name} has {len(array)} rows, expected a multiple of {len(targets)}."
            )
        for target, rows in zip(targets, np.split(array, len(targets)), strict=True):
            if not (target.endswith("key") and parameter == "bias"):  # openai's key has none
                state[f"{prefix}{target}.{PARAMETERS[parameter]}"] = rows
    if not state:
        raise CheckpointError("The weights file lacks Whisper's variables: it is another model.")
    return state
