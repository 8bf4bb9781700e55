"""The reader of CTranslate2 files believes no length that it has not checked."""

import struct

import numpy as np
import pytest

from lab_utils.checkpoints import DIMS
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
        (model_file({}, n_variables=2**32 - 1), "claims 4294967295 variables"),
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
    dims = dict(zip(DIMS, (80, 10, 4, 1, 1, 7, 5, 4, 1, 1), strict=True))
    with pytest.raises(CheckpointError, match="lacks encoder/position_encodings"):
        to_openai(ARRAYS, dims)


def test_stacked_projections_are_cut_in_the_order_query_key_value():
    n, dims = 2, dict(zip(DIMS, (80, 10, 2, 1, 1, 7, 5, 2, 1, 1), strict=True))
    rng = np.random.default_rng(0)

    def linear(name, rows, columns):
        return {
            f"{name}/weight": rng.standard_normal((rows, columns)).astype(np.float16),
            f"{name}/bias": rng.standard_normal(rows).astype(np.float16),
        }

    def norm(name):
        return {f"{name}/gamma": np.ones(n, np.float16), f"{name}/beta": np.zeros(n, np.float16)}

    arrays = {**linear("encoder/conv1", n, n), **linear("encoder/conv2", n, n)}
    for side in ("encoder", "decoder"):
        layer = f"{side}/layer_0"
        arrays |= {f"{side}/position_encodings/encodings": np.zeros((10, n), np.float16)}
        arrays |= norm(f"{side}/layer_norm") | norm(f"{layer}/self_attention/layer_norm")
        arrays |= linear(f"{layer}/self_attention/linear_0", 3 * n, n)
        arrays |= linear(f"{layer}/self_attention/linear_1", n, n)
        arrays |= norm(f"{layer}/ffn/layer_norm")
        arrays |= linear(f"{layer}/ffn/linear_0", 4 * n, n) | linear(
            f"{layer}/ffn/linear_1", n, 4 * n
        )
    arrays |= norm("decoder/layer_0/attention/layer_norm")
    arrays |= linear("decoder/layer_0/attention/linear_0", n, n)
    arrays |= linear("decoder/layer_0/attention/linear_1", 2 * n, n)
    arrays |= linear("decoder/layer_0/attention/linear_2", n, n)
    arrays |= {"decoder/embeddings/weight": np.zeros((7, n), np.float16)}
    state = to_openai(arrays, dims)
    stacked = arrays["encoder/layer_0/self_attention/linear_0/weight"]
    for i, part in enumerate(("query", "key", "value")):
        weight = state[f"encoder.blocks.0.attn.{part}.weight"]
        np.testing.assert_array_equal(weight, stacked[i * n : (i + 1) * n])
    assert "encoder.blocks.0.attn.key.bias" not in state
    crossed = arrays["decoder/layer_0/attention/linear_1/weight"]
    np.testing.assert_array_equal(state["decoder.blocks.0.cross_attn.value.weight"], crossed[n:])

    arrays["encoder/layer_0/self_attention/linear_0/weight"] = stacked[:-1]
    with pytest.raises(CheckpointError, match="expected \\(6, 2\\)"):
        to_openai(arrays, dims)
