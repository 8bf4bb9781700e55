"""Batches of short clips: exact against whisper.decode, shared padding nearly so, and the guard."""

from __future__ import annotations

import numpy as np
import pytest
import workshop

from lab_utils import audio, batches, metrics
from lab_utils.batches import products
from lab_utils.errors import AudioError, TranscriptError

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def model():
    from lab_utils.models import load_model

    return load_model("tiny.en")


@pytest.fixture(scope="module")
def clips():
    """Twelve clips of three voices, 16 kHz, not sorted by length."""
    corpus = workshop.corpus()
    chosen = [*corpus.clips[0:20:5], *corpus.clips[30:50:5], *corpus.clips[-12::3]]
    return [audio.load(corpus.path(clip))[0] for clip in chosen], [clip.text for clip in chosen]


@pytest.fixture(scope="module")
def decoded(model, clips):
    """whisper.decode, one clip after another: the oracle."""
    import whisper

    options = whisper.DecodingOptions(language="en", without_timestamps=True, fp16=False)
    mel = [whisper.log_mel_spectrogram(whisper.pad_or_trim(y)) for y in clips[0]]
    return [whisper.decode(model, m, options) for m in mel]


def test_exact_is_whisper_decode(model, clips, decoded):
    made = batches.transcribe_clips(clips[0], model, exact=True, batch_size=5)
    assert [m.text for m in made] == [d.text for d in decoded]
    assert [m.tokens for m in made] == [tuple(d.tokens) for d in decoded]
    np.testing.assert_allclose(
        [m.avg_logprob for m in made], [d.avg_logprob for d in decoded], atol=1e-3
    )


def test_shared_padding_is_as_good(model, clips, decoded):
    made = batches.transcribe_clips(clips[0], model)
    same = sum(m.text == d.text for m, d in zip(made, decoded, strict=True))
    assert same >= 10
    wer = metrics.score(clips[1], [m.text for m in made]).wer
    assert wer <= metrics.score(clips[1], [d.text for d in decoded]).wer + 0.03
    assert not any(m.redone for m in made)


def test_the_order_of_the_clips_does_not_matter(model, clips):
    some = clips[0][:5]
    forward = [m.text for m in batches.transcribe_clips(some, model)]
    assert [m.text for m in batches.transcribe_clips(some[::-1], model)] == forward[::-1]


def test_files_and_waveforms_give_the_same(model):
    corpus = workshop.corpus()
    paths = [corpus.path(clip) for clip in corpus.clips[-3:]]
    waves = [audio.load(path)[0] for path in paths]
    assert batches.transcribe_clips(paths, model) == batches.transcribe_clips(waves, model)


@pytest.mark.parametrize("n", [1, 400, 16_000, 29 * 16_000, 30 * 16_000])
def test_the_mel_is_whispers_own(model, n):
    import whisper

    y = np.random.default_rng(0).normal(0, 0.1, n).astype(np.float32)
    expected = whisper.log_mel_spectrogram(whisper.pad_or_trim(y))
    got = batches._reader(model, "en").mel(y)
    assert got.shape == (80, 3000)
    np.testing.assert_allclose(got, expected, atol=2e-6)


def test_a_clip_of_exactly_30_seconds_and_one_sample_more(model):
    y = np.resize(audio.load(workshop.FOLDER / "student.flac")[0], 30 * 16_000 + 1)
    text = batches.transcribe_clips([y[:-1]], model)[0].text
    assert len(text.split()) > 40
    with pytest.raises(TranscriptError, match="at most 30 s"):
        batches.transcribe_clips([y], model)


def test_a_text_that_looks_wrong_is_done_again(model, clips, decoded, monkeypatch):
    monkeypatch.setattr(batches.reader, "LOWEST_LOGPROB", 0.0)  # nothing is good enough
    made = batches.transcribe_clips(clips[0][:2], model)
    assert all(m.redone for m in made)
    assert [m.text for m in made] == [d.text for d in decoded[:2]]


def test_silence_and_noise_do_not_harm_the_others(model, clips, decoded):
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, 3 * 16_000).astype(np.float32)
    silence = np.zeros(2 * 16_000, np.float32)
    made = batches.transcribe_clips([silence, clips[0][0], noise], model)
    assert metrics.align(decoded[0].text, made[1].text).wer <= 0.35


def test_plan_sorts_and_loses_nothing():
    rng = np.random.default_rng(1)
    durations = rng.uniform(0.5, 30, 50).tolist()
    made = batches.plan(durations, batch_size=16)
    assert [len(batch) for batch in made] == [16, 16, 16, 2]
    flat = [i for batch in made for i in batch]
    assert sorted(flat) == list(range(50))
    assert [durations[i] for i in flat] == sorted(durations)
    assert batches.plan([]) == []


def test_progress_is_told(model, clips):
    told = []
    batches.transcribe_clips(clips[0][:5], model, batch_size=2, on_batch=told.append)
    assert told == [2, 4, 5]
    assert batches.transcribe_clips([], model) == []


def test_packed_products_equal_torchs():
    import torch

    x, weight, bias = torch.randn(7, 64), torch.randn(32, 64), torch.randn(32)
    kinds = products.kernels()
    expected = kinds["plain"](weight, bias, 7)(x)
    try:
        got = kinds["onednn"](weight, bias, 7)(x)
    except (AttributeError, RuntimeError):  # a torch without oneDNN: then it must not be chosen
        assert products.fastest_linear() == "plain"
    else:
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_changed_weights_are_noticed(model):
    import copy

    import torch

    mine = copy.deepcopy(model)
    reader = batches._reader(mine, "en")
    assert batches._reader(mine, "en") is reader
    with torch.no_grad():
        mine.decoder.ln.weight.mul_(1.0)
    assert batches._reader(mine, "en") is not reader


def test_bad_input(model, tmp_path):
    y = np.zeros(16_000, np.float32)
    with pytest.raises(TranscriptError, match="language"):
        batches.transcribe_clips([y], model, language="de")
    with pytest.raises(TranscriptError, match="batch"):
        batches.transcribe_clips([y], model, batch_size=0)
    for bad in (np.zeros((2, 100), np.float32), np.full(100, np.nan, np.float32), y[:0]):
        with pytest.raises(AudioError):
            batches.transcribe_clips([y, bad], model)
    (tmp_path / "text.wav").write_text("no sound", "utf-8")
    for path in (tmp_path / "text.wav", tmp_path / "none.wav"):
        with pytest.raises(AudioError):
            batches.transcribe_clips([path], model)
