"""Training on a Whisper small enough for a test; the real model where its words matter."""

from __future__ import annotations

import dataclasses
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import smallmodel
import torch
from torch.nn import functional as F
from whisper.audio import log_mel_spectrogram, pad_or_trim
from whisper.model import ModelDimensions, Whisper
from whisper.tokenizer import get_tokenizer

from lab_utils import audio, models, samples, training, transcripts
from lab_utils.corpus.manifest import Clip, Manifest
from lab_utils.errors import TrainingError
from lab_utils.training.data import IGNORE, waveform
from lab_utils.training.train import CHECKPOINT, batch_loss

DIMS = ModelDimensions(80, 1500, 16, 2, 1, 51864, 448, 16, 2, 2)
SMALL = training.Config(epochs=3, batch_size=2, learning_rate=1e-2, rank=2)
TOKENIZER = get_tokenizer(False)
METHODS = ("lora", "decoder")


@pytest.fixture(scope="module")
def model() -> Whisper:
    """Whisper with 16 channels; no test may change it."""
    return smallmodel.small_whisper(DIMS)


@pytest.fixture(scope="module")
def features() -> training.Features:
    return fake_features()


@pytest.fixture(scope="module")
def watched() -> dict[str, training.Features]:
    return {"other": fake_features(seed=2)}


@pytest.fixture(scope="module", params=METHODS)
def run(request, model, features, watched) -> training.Run:
    """One finished run of each method, for all tests that only look at it."""
    config = dataclasses.replace(SMALL, method=request.param)
    return training.train(model, features, config, validation=watched, progress=False)


def fake_features(n: int = 6, *, positions: int = 50, seed: int = 1) -> training.Features:
    """Features of clips that do not exist, with texts of different length."""
    generator = torch.Generator().manual_seed(seed)
    examples = tuple(
        training.Example(Path(f"{i}.wav"), "one two three four"[: 3 + 3 * i], f"clip {seed} {i}")
        for i in range(n)
    )
    shape = (n, positions, DIMS.n_audio_state)
    return training.Features(examples, torch.randn(shape, generator=generator))


def clip(folder: Path, name: str, seconds: float, text: str = "hello") -> training.Example:
    t = np.arange(round(seconds * 16_000)) / 16_000
    y = (0.1 * np.sin(2 * np.pi * 200 * t)).astype(np.float32)
    return training.Example(audio.save_wav(folder / f"{name}.wav", y, sr=16_000), text, name)


def weights(model: Whisper) -> dict[str, torch.Tensor]:
    return {
        name: value.clone()
        for name, value in model.state_dict().items()
        if value.is_floating_point() and not value.is_sparse
    }


def changed(a: Whisper, b: Whisper) -> set[str]:
    """Names of the tensors that differ."""
    first, second = weights(a), weights(b)
    assert first.keys() == second.keys()
    return {name for name in first if not torch.equal(first[name], second[name])}


# Labels ---------------------------------------------------------------------------------------


def test_labels_have_the_start_sequence_once_and_one_end_token():
    made = training.labels("Zyntriq is here.", TOKENIZER)
    text = TOKENIZER.encode(" Zyntriq is here.")
    assert made.inputs == (TOKENIZER.sot, TOKENIZER.no_timestamps, *text)
    assert made.targets == (IGNORE, *text, TOKENIZER.eot)
    assert made.targets.count(TOKENIZER.eot) == made.inputs.count(TOKENIZER.sot) == 1
    assert TOKENIZER.decode([t for t in made.targets if t != IGNORE][:-1]) == " Zyntriq is here."


def test_labels_of_a_multilingual_model_name_language_and_task():
    tokenizer = get_tokenizer(True, num_languages=99, language="de", task="transcribe")
    made = training.labels("Guten Tag", tokenizer)
    start = ["<|startoftranscript|>", "<|de|>", "<|transcribe|>", "<|notimestamps|>"]
    assert [tokenizer.decode_with_timestamps([t]) for t in made.inputs[:4]] == start
    assert made.targets[:4] == (IGNORE,) * 3 + (made.inputs[4],)


def test_a_batch_is_padded_so_that_padding_never_counts():
    short, long = training.labels("Hi", TOKENIZER), training.labels("Hi there, all", TOKENIZER)
    inputs, targets = training.batch([short, long])
    assert inputs.shape == targets.shape == (2, len(long.inputs))
    assert (targets[0, len(short.targets) :] == IGNORE).all()
    assert targets[0, : len(short.targets)].tolist() == list(short.targets)


def test_the_label_table_reads_like_the_lesson():
    table = training.labels("Hi", TOKENIZER).table(TOKENIZER)
    assert table["decoder sees"].tolist() == ["<|startoftranscript|>", "<|notimestamps|>", " Hi"]
    assert table["must answer"].tolist() == ["-100", " Hi", "<|endoftext|>"]
    assert table["counts"].tolist() == ["no", "yes", "yes"]


@pytest.mark.parametrize("text", ["", "   ", None])
def test_a_text_that_is_empty_is_refused(text):
    with pytest.raises(TrainingError, match="leave it out"):
        training.labels(text, TOKENIZER)


@pytest.mark.parametrize("text", ["hello <|endoftext|>", "<|en|> hello", "<|notimestamps|>"])
def test_a_special_token_in_a_text_is_refused_by_name(text, model):
    with pytest.raises(TrainingError, match=r"special token <\|"):
        training.labels(text, TOKENIZER)
    with pytest.raises(TrainingError, match=r"'marked'.*special token"):
        training.encode(model, [training.Example(Path("x.wav"), text, "marked")], progress=False)


def test_the_longest_text_fits_and_one_token_more_does_not():
    fits = " ".join(["the"] * 446)
    assert len(training.labels(fits, TOKENIZER).inputs) == 448
    with pytest.raises(TrainingError, match="at most 446 text tokens, found 447"):
        training.labels(fits + " the", TOKENIZER)


@pytest.mark.parametrize("language", ["de", "German", ""])
def test_a_corpus_of_lab_08_is_learned_in_its_own_language(tmp_path, language):
    there = clip(tmp_path, "one", 1)
    shared = {"text": "Guten Tag", "speaker": "ann", "language": language}
    rows = (
        Clip(id="one", file="one.wav", split="train", **shared),
        Clip(id="two", file="two.wav", split="test", **shared),
    )
    Manifest(tmp_path, rows).save()
    (found,) = training.from_manifest(tmp_path, split="train")
    assert (found.text, found.name, found.voice) == ("Guten Tag", "one", "ann")
    assert found.path.samefile(there.path)
    examples = training.from_manifest(tmp_path)
    several = smallmodel.small_whisper(dataclasses.replace(DIMS, n_vocab=51865))
    heard = torch.randn(len(examples), 50, 16, generator=torch.Generator().manual_seed(0))
    tokenizer = get_tokenizer(True, language="de" if language else "en", task="transcribe")
    start, words = tokenizer.sot_sequence_including_notimestamps, tokenizer.encode(" Guten Tag")
    with torch.no_grad():
        logits = several.decoder(torch.tensor([[*start, *words]] * len(examples)), heard)
    logits = logits[:, len(start) - 1 :].flatten(0, 1)
    targets = torch.tensor([*words, tokenizer.eot] * len(examples))
    expected = F.cross_entropy(logits, targets).item()
    assert training.loss(several, training.Features(examples, heard)) == pytest.approx(expected)


def test_languages_that_cannot_be_learned_or_measured_at_once_are_refused(model):
    german = training.Example(Path("tag.wav"), "Guten Tag", "tag", language="de")
    english = training.Example(Path("day.wav"), "Good day", "day")
    with pytest.raises(TrainingError, match="'tag'.*knows only English"):
        training.encode(model, [german], progress=False)
    with pytest.raises(TrainingError, match="one language, found de, en"):
        training.evaluate(model, [german, english], progress=False)


# Settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "full"},
        {"precision": "float16"},
        {"epochs": 0},
        {"batch_size": 2.5},
        {"learning_rate": 0},
        {"learning_rate": 10},
        {"warmup": 1},
        {"clip": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(TrainingError, match=f"Expected.*{next(iter(wrong))}"):
        training.Config(**wrong)


def test_the_learning_rate_rises_and_falls_to_nearly_zero():
    config = training.Config(learning_rate=1e-3)
    rates = [config.rate(step, 50) for step in range(50)]
    assert rates[4] == max(rates) == 1e-3
    assert rates[0] == pytest.approx(2e-4) and 0 < rates[-1] < 3e-5
    assert training.Config(epochs=3, batch_size=8).steps(17) == 9


def test_every_clip_is_in_one_step_of_an_epoch_and_seed_and_epoch_decide_in_which():
    config = training.Config(batch_size=8)
    first = config.batches(17, epoch=1)
    assert [len(rows) for rows in first] == [8, 8, 1] and sorted(sum(first, [])) == [*range(17)]
    assert first == config.batches(17, epoch=1) != config.batches(17, epoch=2)
    assert first != dataclasses.replace(config, seed=1).batches(17, epoch=1)


# Examples and features ------------------------------------------------------------------------


def test_encode_equals_whispers_own_encoder(tmp_path, model):
    example = clip(tmp_path, "a b ü", 1.5)
    y, _ = audio.load(example.path)
    with torch.no_grad():
        expected = model.encoder(log_mel_spectrogram(pad_or_trim(y))[None])
    whole = training.encode(model, [example], progress=False)
    assert whole.audio.shape == (1, 1500, 16)
    assert torch.allclose(whole.audio, expected, atol=1e-5)
    assert not whole.audio.requires_grad


def test_features_that_are_cut_do_not_depend_on_the_other_clips(tmp_path, model):
    short, long = clip(tmp_path, "short", 1.5), clip(tmp_path, "long", 7.5)
    alone = training.encode(model, [short], seconds=8, progress=False).audio
    beside = training.encode(model, [long, short], seconds=8, progress=False).audio
    assert beside.shape == (2, 400, 16) and not beside.requires_grad
    assert torch.equal(beside[1], alone[0])
    less = training.encode(model, [short], seconds=2.5, progress=False).audio
    assert torch.equal(less[0], alone[0, :125])


@pytest.mark.model
def test_features_with_shared_padding_are_nearly_the_exact_ones():
    """Of real speech, in the order given; the padding is the reference window's."""
    model, examples = models.load_model("tiny.en"), training.jargon("names", "validation")[:5]
    heard = training.encode(model, examples, seconds=8, progress=False)
    for example, found in zip(examples, heard.audio, strict=True):
        y, _ = audio.load(example.path, sr=16_000)
        with torch.no_grad():
            exact = model.encoder(log_mel_spectrogram(pad_or_trim(y))[None])[0]
        n = len(y) // 320  # positions with sound
        assert (found[:n] - exact[:n]).norm() < 0.1 * exact[:n].norm()
        assert (found[n:] - exact[n:400]).norm() < 0.3 * exact[n:400].norm()


def test_clips_that_do_not_fit_are_refused_by_name(tmp_path, model):
    training.encode(model, [clip(tmp_path, "just fits", 30)], progress=False)
    (tmp_path / "empty.wav").touch()
    cases = [
        ([clip(tmp_path, "long", 30 + 1 / 16_000)], "'long'.*at most 30 s"),
        ([clip(tmp_path, "mute", 1, text=" ")], "'mute'.*text"),
        ([clip(tmp_path, "wordy", 1, text="the " * 447)], "'wordy'.*446 text tokens"),
        ([clip(tmp_path, "twin", 1)] * 2, "two clips named 'twin'"),
        ([training.Example(tmp_path / "none.wav", "hello", "none")], "'none'.*no file"),
        ([training.Example(tmp_path / "empty.wav", "hello", "empty")], "'empty'.*0 bytes"),
        ([], "at least one clip"),
    ]
    for examples, match in cases:
        with pytest.raises(TrainingError, match=match):
            training.encode(model, examples, progress=False)
    with pytest.raises(TrainingError, match="more seconds"):
        training.encode(model, [clip(tmp_path, "x", 3)], seconds=2, progress=False)
    with pytest.raises(TrainingError, match="precision to be one of.*float16"):
        training.encode(model, [clip(tmp_path, "y", 1)], precision="float16", progress=False)


def test_a_clip_played_slower_is_longer_and_deeper(tmp_path):
    (slow,) = training.at_speed([clip(tmp_path, "tone", 1)], 0.8)
    y = waveform(slow)
    assert slow.name == "tone x0.8" and len(y) == pytest.approx(20_000, abs=2)
    assert np.abs(np.fft.rfft(y)).argmax() * 16_000 / len(y) == pytest.approx(160, abs=1)
    with pytest.raises(TrainingError, match="between 0.5 and 2"):
        training.at_speed([slow], 5)


def test_the_jargon_clips_are_what_the_manifest_says():
    sets = {
        (kind, split): training.jargon(kind, split)
        for kind, first in (("names", "train"), ("general", "replay"))
        for split in (first, "validation", "test")
    }
    assert {voice for e in sets["names", "train"] for voice in [e.voice]} == {"heart"}
    assert {e.voice for e in sets["names", "test"]} == {"heart", "joe"}
    assert len(sets["general", "test"]) >= 100
    everything = list(sets)
    for i, a in enumerate(everything):
        for b in everything[i + 1 :]:
            assert not training.shared_sentences(sets[a], sets[b]), (a, b)
    said = " ".join(e.text for e in sets["names", "train"])
    assert all(said.count(term) >= 3 for term in training.jargon_terms())
    durations = [audio.load(e.path)[0].size / 16_000 for e in sets["names", "validation"]]
    assert max(durations) < 10
    with pytest.raises(TrainingError, match="replay"):
        training.jargon("general", "train")


def test_the_frames_of_clips_are_their_sentences_without_names_and_no_split_shares_one():
    clips = {split: training.jargon("names", split) for split in ("train", "validation", "test")}
    frames = {split: training.sentence_frames(found) for split, found in clips.items()}
    train, validation, test = (set(found) for found in frames.values())
    assert not train & (validation | test) and not validation & test
    assert not any(term in f for term in training.jargon_terms() for f in train | test)
    assert len(frames["test"]) == len(clips["test"]) > len(test)
    same = [e for e, f in zip(clips["test"], frames["test"], strict=True) if f == frames["test"][0]]
    assert len(same) > 1 and len({example.text for example in same}) < len(clips["test"])
    assert {example.voice for example in clips["validation"]} == {"heart", "joe"}


def test_a_changed_jargon_file_is_refused(tmp_path, monkeypatch):
    shutil.copytree(samples.assets_dir() / "jargon", tmp_path / "jargon")
    monkeypatch.setenv(samples.ASSETS_VARIABLE, str(tmp_path))
    file = training.jargon("names", "validation")[0].path
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(TrainingError, match="git checkout"):
        training.jargon("names", "validation")


# The loop -------------------------------------------------------------------------------------


def test_the_loss_equals_cross_entropy_over_whispers_own_logits(model):
    features = fake_features(3)
    inputs, targets = training.batch([training.labels(t, TOKENIZER) for t in features.texts])
    with torch.no_grad():
        log_p = model.decoder(inputs, features.audio).log_softmax(dim=-1)
    counted = targets != IGNORE
    expected = -log_p[counted].gather(1, targets[counted][:, None]).mean().item()
    assert training.loss(model, features) == pytest.approx(expected, rel=1e-5)
    assert training.loss(model, features, batch_size=2) == pytest.approx(expected, rel=1e-5)


def test_padding_does_not_change_the_loss(model, features):
    alone, n = zip(*(batch_loss(model, features, [i]) for i in range(6)), strict=True)
    mean = sum(v.item() * k for v, k in zip(alone, n, strict=True)) / sum(n)
    assert training.loss(model, features) == pytest.approx(mean, rel=1e-5)


def test_the_model_learns_and_the_given_one_stays(run, model):
    assert run.history[-1].train < 0.9 * run.history[0].train
    assert not changed(model, smallmodel.small_whisper(DIMS))
    assert run.model.encoder is model.encoder
    assert run.model.state_dict().keys() == model.state_dict().keys()
    assert not run.model.training and 0 < run.n_trained < run.n_parameters


def test_only_what_should_learn_has_changed(run, model):
    names = changed(model, run.model)
    assert names and all(name.startswith(("decoder.blocks", "decoder.ln")) for name in names)
    if run.config.method == "lora":
        frozen = ("_ln", "bias", "cross_attn.key", "cross_attn.value")
        assert not any(part in name for name in names for part in frozen)


def test_ten_plain_lines_give_the_same_weights(run, model, features):
    """Forward, loss, backward, clip, schedule, step: as lab 10 writes them."""
    config = run.config
    student, learning = training.prepare(model, config)
    optimizer = torch.optim.AdamW(learning, betas=(0.9, 0.98), weight_decay=config.weight_decay)
    step, n_steps = 0, config.steps(len(features))
    for epoch in range(1, config.epochs + 1):
        for rows in config.batches(len(features), epoch=epoch):
            texts = [features.texts[row] for row in rows]
            inputs, targets = training.batch([training.labels(t, TOKENIZER) for t in texts])
            logits = student.decoder(inputs, features.audio[rows])
            loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learning, config.clip)
            optimizer.param_groups[0]["lr"] = config.rate(step, n_steps)
            optimizer.step()
            step += 1
    training.merge_lora(student.decoder)
    assert not changed(student, run.model)


def test_another_seed_gives_another_curve(run, model, features):
    config = dataclasses.replace(run.config, seed=1)
    other = training.train(model, features, config, progress=False)
    assert [e.train for e in other.history[1:]] != [e.train for e in run.history[1:]]


def test_a_run_that_was_killed_ends_with_the_same_weights(run, model, features, watched, tmp_path):
    """It also shows that two runs give the same curve."""

    def kill(history):
        if len(history) == 3:  # after epoch 2, before its checkpoint is written
            raise KeyboardInterrupt

    options = {"validation": watched, "folder": tmp_path, "progress": False}
    with pytest.raises(KeyboardInterrupt):
        training.train(model, features, run.config, on_epoch=kill, **options)
    for done in (1, 3):  # resumed, then nothing left to do
        resumed = training.train(model, features, run.config, **options)
        assert resumed.resumed_after == done and resumed.history == run.history
        assert not changed(resumed.model, run.model)
    assert [p.name for p in tmp_path.iterdir()] == [CHECKPOINT]


def test_another_runs_checkpoint_and_a_damaged_one_are_refused(tmp_path, model, features, watched):
    """Watched clips belong to a run too; so does the sound, not only its text."""
    options = {"folder": tmp_path, "progress": False}
    training.train(model, features, SMALL, validation=watched, **options)
    again = training.Features(features.examples, features.audio + 1e-3)  # recorded anew
    for other in (
        (model, features, dataclasses.replace(SMALL, seed=5), watched),
        (model, features[:4], SMALL, watched),
        (model, again, SMALL, watched),
        (smallmodel.small_whisper(DIMS, seed=1), features, SMALL, watched),
        (model, features, SMALL, {"other": fake_features(seed=3)}),
        (model, features, SMALL, None),
    ):
        with pytest.raises(TrainingError, match="another run"):
            training.train(*other[:3], validation=other[3], **options)
    (tmp_path / CHECKPOINT).write_bytes(b"half a file")
    with pytest.raises(TrainingError, match="Delete it"):
        training.train(model, features, SMALL, **options)


def test_lora_starts_as_the_model_it_came_from_and_merges_into_the_same_function(model):
    features = fake_features(2)
    before = training.loss(model, features)
    student, learning = training.prepare(model, SMALL)
    assert training.loss(student, features) == pytest.approx(before, rel=1e-6)
    with torch.no_grad():
        for tensor in learning:
            tensor.add_(0.1)
    moved = training.loss(student, features)
    assert moved != pytest.approx(before, rel=1e-4)
    training.merge_lora(student.decoder)
    assert training.loss(student, features) == pytest.approx(moved, rel=1e-5)
    assert not any(isinstance(module, training.LoRA) for module in student.modules())


def test_a_loss_that_runs_away_stops_with_advice(model, features, tmp_path):
    broken = training.Features(features.examples, features.audio * float("nan"))
    with pytest.raises(TrainingError, match="lower learning_rate"):
        training.train(model, broken, SMALL, folder=tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


def test_features_of_another_encoder_are_refused(model, features):
    wide = training.Features(features.examples, torch.zeros(6, 50, 32))
    with pytest.raises(TrainingError, match="16 wide, found 32"):
        training.train(model, wide, SMALL, progress=False)


def test_the_path_in_bfloat16_learns_too(model, features):
    """The path a GPU takes, on the CPU: autocast keeps the weights in float32."""
    config = dataclasses.replace(SMALL, precision="bfloat16")
    run = training.train(model, features, config, progress=False)
    assert run.history[-1].train < 0.9 * run.history[0].train
    assert all(value.dtype == torch.float32 for value in weights(run.model).values())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_training_on_a_gpu(features):
    model = smallmodel.small_whisper(DIMS).to("cuda")
    there = training.Features(features.examples, features.audio.to("cuda"))
    run = training.train(model, there, SMALL, progress=False)
    assert run.model.device.type == "cuda" and run.history[-1].train < run.history[0].train


# Results --------------------------------------------------------------------------------------


def test_a_plan_is_made_before_the_start(model, features):
    examples = features.examples[:5]
    small, large = (
        training.plan(model, examples, SMALL, seconds=5, extra_clips=n) for n in (0, 10)
    )
    assert (small.n_clips, small.n_steps) == (5, 9)
    assert large.memory_mb - small.memory_mb == pytest.approx(4 * 10 * 1500 * 16 / 1e6)
    learning = training.prepare(model, SMALL)[1]
    assert small.n_trained == sum(tensor.numel() for tensor in learning)
    assert small.memory_mb > 450 and "9 steps" in small.text()


def test_features_are_sliced_and_joined():
    a, b = fake_features(4), fake_features(2, seed=2)
    both = a[:3] + b
    assert len(both) == 5 and torch.equal(both.audio[3:], b.audio)
    assert both.examples[3].name == "clip 2 0" and both.texts[3] == b.texts[0]
    with pytest.raises(TrainingError, match="slice"):
        a[0]


def test_no_sound_is_cut_off_when_features_are_joined():
    """Eight seconds beside thirty: the texts of the longer clips would stay whole."""
    short, long = fake_features(2, positions=400), fake_features(2, positions=1500)
    for a, b in ((short, long), (long, short)):
        with pytest.raises(TrainingError, match="same seconds"):
            a + b
    wide = training.Features(short.examples, torch.zeros(2, 400, 32))
    with pytest.raises(TrainingError, match="32 wide"):
        short + wide


def test_a_saved_model_loads_as_any_other_and_is_the_same(run, tmp_path):
    path = training.save(run.model, tmp_path / "mine.pt")
    assert not changed(models.load_model(path, device="cpu"), run.model)
    with pytest.raises(TrainingError, match=".pt"):
        training.save(run.model, tmp_path / "mine.bin")


def test_a_share_of_the_change_lies_between_the_two_models(run, model):
    before, after, kept = model, run.model, weights(run.model)
    assert not changed(training.interpolate(before, after, 0), before)
    assert not changed(training.interpolate(before, after, 1), after)
    middle = training.interpolate(before, after, 0.25)
    assert middle.encoder is before.encoder and not middle.training
    name = "decoder.blocks.0.attn.query.weight"
    a, b, found = (model.state_dict()[name] for model in (before, after, middle))
    assert not torch.equal(a, b)
    torch.testing.assert_close(found, 0.75 * a + 0.25 * b)
    assert torch.equal(kept[name], b), "the trained model was changed"
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(TrainingError, match="between 0 and 1"):
            training.interpolate(before, after, share)
    other = Whisper(ModelDimensions(80, 1500, 16, 2, 1, 51864, 448, 16, 2, 1))
    with pytest.raises(TrainingError, match="different sizes"):
        training.interpolate(before, other, 0.5)


@pytest.mark.model
def test_tiny_en_learns_a_name_it_has_never_heard():
    """A few sentences with one name, a few steps: it writes the name in sentences new to it."""
    model = models.load_model("tiny.en")
    train = [e for e in training.jargon("names", "train") if "Kaelith" in e.text][:5]
    test = [e for e in training.jargon("names", "test", voice="heart") if "Kaelith" in e.text][:2]
    seen = training.encode(model, train, seconds=6, progress=False)
    before = training.evaluate(model, test, progress=False)
    assert not any("Kaelith" in clip.hypothesis for clip in before.clips)
    config = training.Config(epochs=6, batch_size=5)
    run = training.train(model, seen, config, progress=False)
    assert run.history[-1].train < 0.2 < run.history[0].train
    after = training.evaluate(run.model, test, progress=False)
    assert all("Kaelith" in clip.hypothesis for clip in after.clips)
    assert math.isclose(run.n_trained / run.n_parameters, 0.007, abs_tol=0.003)
    exact = training.evaluate(run.model, test, exact=True, progress=False)
    assert all("Kaelith" in clip.hypothesis for clip in exact.clips)
    timed = transcripts.transcribe(test[0].path, run.model, language="en")  # it still gives times
    assert "Kaelith" in timed.text
    assert 0 < timed.segments[-1].end < timed.duration + 0.5
