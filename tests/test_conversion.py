"""The reader of CTranslate2 files believes no length that it has not checked."""

import struct

import numpy as np
import pytest
import smallmodel
from whisper.model import ModelDimensions

from lab_utils.conversion import read_ctranslate2, to_openai
from lab_utils.errors import CheckpointError


def string(text):
    raw = text.encode() + b"\0"
    return struct.pack("<H", len(raw)) + raw


def variable(name, array, *, n_bytes=None):
    code = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}[array.dtype.name]
    head = string(name) + struct.pack("<B", array.ndim)
    head += b"".join(struct.pack("<I", n) for n in array.shape)
    size = array.nbytes if n_bytes is None else n_bytes
    return head + struct.pack("<BI", code, size) + array.tobytes()


def model_file(arrays, *, version=6, aliases=(), n_variables=None):
    count = len(arrays) if n_variables is None else n_variables
    data = struct.pack("<I", version) + string("WhisperSpec") + struct.pack("<II", 3, count)
    data += b"".join(variable(name, array) for name, array in arrays.items())
    data += struct.pack("<I", len(aliases))
    return data + b"".join(string(a) + string(b) for a, b in aliases)


ARRAYS = {
    "a/weight": np.arange(6, dtype=np.float16).reshape(2, 3),
    "b": np.array(7, dtype=np.int8),
    "c": np.linspace(0, 1, 4, dtype=np.float32),
}


def test_every_type_shape_and_alias_comes_back():
    read = read_ctranslate2(model_file(ARRAYS, aliases=[("d", "a/weight")]))
    assert set(read) == {*ARRAYS, "d"}
    for name, array in ARRAYS.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)
    np.testing.assert_array_equal(read["d"], ARRAYS["a/weight"])


def test_a_file_cut_at_any_byte_is_refused():
    data = model_file(ARRAYS, aliases=[("d", "a/weight")])
    for n_bytes in range(len(data)):
        with pytest.raises(CheckpointError):
            read_ctranslate2(data[:n_bytes])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ends too early"),
        (b"PK\3\4" + bytes(100), "format version 6, found"),
        (model_file(ARRAYS, version=5), "found 5"),
        (model_file({}, n_variables=2**32 - 1), "ends too early"),
        (model_file(ARRAYS, aliases=[("d", "nowhere")]), "points to nowhere"),
        (
            struct.pack("<I", 6) + string("S") + struct.pack("<II", 3, 1) + string("x") + b"\xff",
            "claims 255 dimensions",
        ),
        (
            struct.pack("<I", 6)
            + string("S")
            + struct.pack("<II", 3, 1)
            + variable("x", np.zeros(4, np.float32), n_bytes=4),
            "takes 16 bytes, but the file says 4",
        ),
        (
            struct.pack("<I", 6)
            + string("S")
            + struct.pack("<II", 3, 1)
            + string("x")
            + struct.pack("<BIBI", 1, 2**31, 0, 0),
            "takes 8589934592 bytes",
        ),
    ],
)
def test_damaged_and_hostile_files_are_refused(data, message):
    with pytest.raises(CheckpointError, match=message):
        read_ctranslate2(data)


def test_a_file_without_whispers_variables_is_refused():
    with pytest.raises(CheckpointError, match="lacks Whisper's variables"):
        to_openai(ARRAYS)


BLOCK = "self_attention/layer_norm self_attention/linear_0 self_attention/linear_1 "
BLOCK += "ffn/layer_norm ffn/linear_0 ffn/linear_1"
CROSS = " attention/layer_norm attention/linear_0 attention/linear_1 attention/linear_2"


def test_every_parameter_gets_the_name_that_openai_gives_it_and_its_rows():
    layers = ["encoder/conv1", "encoder/conv2", "encoder/layer_norm", "decoder/layer_norm"]
    layers += [f"encoder/layer_0/{name}" for name in BLOCK.split()]
    layers += [f"decoder/layer_{i}/{name}" for name in (BLOCK + CROSS).split() for i in (0, 1)]
    names = ["encoder/position_encodings/encodings", "decoder/position_encodings/encodings"]
    names += ["decoder/embeddings/weight"]
    for layer in layers:
        kinds = ("gamma", "beta") if layer.endswith("norm") else ("weight", "bias")
        names += [f"{layer}/{kind}" for kind in kinds]
    rng = np.random.default_rng(0)
    arrays = {name: rng.standard_normal((6, 2)).astype(np.float16) for name in names}
    flags = {"encoder/layer_0/self_attention/num_heads": np.array(1, np.int8)}
    state = to_openai(arrays | flags)
    dims = ModelDimensions(80, 10, 4, 1, 1, 7, 5, 4, 1, 2)
    assert set(state) == set(smallmodel.small_whisper(dims).state_dict())
    stacked = arrays["encoder/layer_0/self_attention/linear_0/weight"]
    for i, part in enumerate(("query", "key", "value")):
        weight = state[f"encoder.blocks.0.attn.{part}.weight"]
        np.testing.assert_array_equal(weight, stacked[2 * i : 2 * i + 2])
    crossed = arrays["decoder/layer_1/attention/linear_1/bias"]
    np.testing.assert_array_equal(state["decoder.blocks.1.cross_attn.value.bias"], crossed[3:])

    arrays["encoder/layer_0/self_attention/linear_0/weight"] = stacked[:-1]
    with pytest.raises(CheckpointError, match="has 5 rows, expected a multiple of 3"):
        to_openai(arrays)
