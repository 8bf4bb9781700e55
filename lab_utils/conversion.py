"""Whisper weights in CTranslate2's file format, read and renamed to openai-whisper's own.

The file is little-endian: u32 format version, string spec, u32 revision, u32 count, then for
each variable its name, u8 rank, u32 dimensions, u8 type, u32 bytes, data; then u32 aliases as
pairs of strings. A string is a u16 length, which counts a closing zero byte, and the bytes.
Every length is checked against what is left of the file before it is read.
"""

from __future__ import annotations

import math
import struct

import numpy as np

from .errors import CheckpointError

FORMAT_VERSION = 6
_DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_MAX_VARIABLES = 10_000
_MAX_RANK = 4


class _Reader:
    """A cursor over bytes that refuses to read past the end."""

    def __init__(self, data: bytes | memoryview):
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
    """Read every variable of a CTranslate2 ``model.bin``.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    dict of str to np.ndarray
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
    n_variables = reader.number("I", "the number of variables")
    if n_variables > _MAX_VARIABLES:
        raise CheckpointError(f"The weights file claims {n_variables} variables: it is damaged.")
    variables: dict[str, np.ndarray] = {}
    for _ in range(n_variables):
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


def to_openai(variables: dict[str, np.ndarray], dims: dict[str, int]) -> dict[str, np.ndarray]:
    """Rename CTranslate2's variables to openai-whisper's parameters.

    Parameters
    ----------
    variables : dict of str to np.ndarray
        As :func:`read_ctranslate2` returns them.
    dims : dict of str to int
        The fields of ``whisper.model.ModelDimensions``.

    Returns
    -------
    dict of str to np.ndarray
        openai-whisper's state dict, in the types of the file (float16).

    Raises
    ------
    CheckpointError
        A variable is missing or has another shape than the dimensions ask for.
    """
    state: dict[str, np.ndarray] = {}

    def get(name: str) -> np.ndarray:
        if name not in variables:
            raise CheckpointError(f"The weights file lacks {name}: it is not a Whisper model.")
        return variables[name]

    def copy(source: str, target: str, kinds: dict[str, str]) -> None:
        for theirs, ours in kinds.items():
            state[f"{target}.{ours}"] = get(f"{source}/{theirs}")

    def split(source: str, target: str, parts: tuple[str, ...], n_state: int) -> None:
        """Cut stacked projections apart; the key's bias is zero and openai's key has none."""
        weight, bias = get(f"{source}/weight"), get(f"{source}/bias")
        if weight.shape != (len(parts) * n_state, n_state) or bias.shape != (len(parts) * n_state,):
            raise CheckpointError(
                f"{source} has shape {weight.shape}, expected {(len(parts) * n_state, n_state)}."
            )
        for i, part in enumerate(parts):
            rows = slice(i * n_state, (i + 1) * n_state)
            state[f"{target}.{part}.weight"] = weight[rows]
            if part != "key":
                state[f"{target}.{part}.bias"] = bias[rows]

    linear = {"weight": "weight", "bias": "bias"}
    norm = {"gamma": "weight", "beta": "bias"}

    def block(source: str, target: str, n_state: int, *, cross: bool) -> None:
        copy(f"{source}/self_attention/layer_norm", f"{target}.attn_ln", norm)
        split(
            f"{source}/self_attention/linear_0",
            f"{target}.attn",
            ("query", "key", "value"),
            n_state,
        )
        copy(f"{source}/self_attention/linear_1", f"{target}.attn.out", linear)
        if cross:
            attention = f"{source}/attention"
            copy(f"{attention}/layer_norm", f"{target}.cross_attn_ln", norm)
            split(f"{attention}/linear_0", f"{target}.cross_attn", ("query",), n_state)
            split(f"{attention}/linear_1", f"{target}.cross_attn", ("key", "value"), n_state)
            copy(f"{attention}/linear_2", f"{target}.cross_attn.out", linear)
        copy(f"{source}/ffn/layer_norm", f"{target}.mlp_ln", norm)
        copy(f"{source}/ffn/linear_0", f"{target}.mlp.0", linear)
        copy(f"{source}/ffn/linear_1", f"{target}.mlp.2", linear)

    for convolution in ("conv1", "conv2"):
        copy(f"encoder/{convolution}", f"encoder.{convolution}", linear)
    state["encoder.positional_embedding"] = get("encoder/position_encodings/encodings")
    for i in range(dims["n_audio_layer"]):
        block(f"encoder/layer_{i}", f"encoder.blocks.{i}", dims["n_audio_state"], cross=False)
    copy("encoder/layer_norm", "encoder.ln_post", norm)
    state["decoder.token_embedding.weight"] = get("decoder/embeddings/weight")
    state["decoder.positional_embedding"] = get("decoder/position_encodings/encodings")
    for i in range(dims["n_text_layer"]):
        block(f"decoder/layer_{i}", f"decoder.blocks.{i}", dims["n_text_state"], cross=True)
    copy("decoder/layer_norm", "decoder.ln", norm)
    return state
