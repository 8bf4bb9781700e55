"""Short clips: exact is whisper.decode, shared padding nearly so and independent of company."""

from __future__ import annotations

import numpy as np
import pytest
import workshop

from lab_utils import audio, batches, metrics, samples
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


def test_a_text_does_not_depend_on_the_other_clips(model, clips):
    """The encoder takes one clip at a time: equal bits. The decoder's products have as many rows as
    the batch has clips, which may round the last bit otherwise: equal tokens, logprobs to 1e-4."""
    import torch

    odd, long = clips[0][0], np.concatenate(clips[0][1:6])
    (alone,) = batches.transcribe_clips([odd], model)
    for company in ([long], [*clips[0][6:9], np.zeros(100)]):
        (beside, *_), n = batches.transcribe_clips([odd, *company], model), len(company) + 1
        assert (beside.text, beside.tokens) == (alone.text, alone.tokens), n
        assert beside.avg_logprob == pytest.approx(alone.avg_logprob, abs=1e-4)
        assert beside.no_speech_prob == pytest.approx(alone.no_speech_prob, abs=1e-4)
    padding = batches.padding_of(model)
    with torch.inference_mode():
        first = batches.encode(model, odd, padding)
        batches.encode(model, long, padding)
        assert torch.equal(batches.encode(model, odd, padding), first)


def test_no_speech_is_as_probable_as_in_whisper_decode(model, clips, decoded):
    import whisper

    made = batches.transcribe_clips(clips[0], model)
    expected = [d.no_speech_prob for d in decoded]
    np.testing.assert_allclose([m.no_speech_prob for m in made], expected, atol=1e-2)
    made = batches.transcribe_clips(clips[0][:2], model, exact=True)
    np.testing.assert_allclose([m.no_speech_prob for m in made], expected[:2], atol=1e-3)
    silence, _ = audio.load(samples.path("silence"))
    mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(silence))
    options = whisper.DecodingOptions(language="en", without_timestamps=True, fp16=False)
    expected = whisper.decode(model, mel, options).no_speech_prob
    (found,) = batches.transcribe_clips([silence], model)
    assert expected > 0.6 and found.no_speech_prob == pytest.approx(expected, abs=0.05)


def test_files_and_waveforms_give_the_same(model):
    corpus = workshop.corpus()
    paths = [corpus.path(clip) for clip in corpus.clips[-3:]]
    waves = [audio.load(path)[0] for path in paths]
    assert batches.transcribe_clips(paths, model) == batches.transcribe_clips(waves, model)


@pytest.mark.parametrize("n", [1, 400, 16_000, 29 * 16_000, 30 * 16_000])
def test_the_reference_as_a_clip_is_encoded_as_whisper_does(model, n):
    """With its own keys and values behind it, every clip's positions are the whole window's."""
    import torch
    import whisper

    y = np.random.default_rng(0).normal(0, 0.1, n).astype(np.float32)
    mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(y))[None]
    with torch.no_grad():
        itself = batches.encoder._encode(model, y, 1500)
        torch.testing.assert_close(itself.encoded, model.encoder(mel)[0], atol=1e-4, rtol=1e-4)
        own = batches.encode(model, y, itself)
    torch.testing.assert_close(own, itself.encoded[: len(own)], atol=1e-3, rtol=1e-3)


def test_a_clip_of_exactly_30_seconds_and_one_sample_more(model):
    y = np.resize(audio.load(workshop.FOLDER / "student.flac")[0], 30 * 16_000 + 1)
    text = batches.transcribe_clips([y[:-1]], model)[0].text
    assert len(text.split()) > 40
    with pytest.raises(TranscriptError, match="at most 30 s"):
        batches.transcribe_clips([y], model)


def test_a_text_that_looks_wrong_is_done_again(model, clips, decoded, monkeypatch):
    monkeypatch.setattr(batches, "LOWEST_LOGPROB", 0.0)  # nothing is good enough
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


def test_the_reference_is_encoded_once_and_again_for_other_weights(model):
    import copy

    import torch

    mine = copy.deepcopy(model)
    first = batches.padding_of(mine)
    assert batches.padding_of(mine) is first
    assert not torch.is_inference(first.encoded) and not first.encoded.requires_grad
    with torch.no_grad():
        mine.encoder.ln_post.weight[3] += 0.5
    again = batches.padding_of(mine)
    assert again is not first and not torch.equal(again.encoded, first.encoded)


def test_a_fingerprint_is_the_weights(model):
    import copy

    import torch

    from lab_utils import checkpoints
    from lab_utils.models import fingerprint

    mine = copy.deepcopy(model)
    before = fingerprint(model)
    assert fingerprint(mine) == before == checkpoints.tensor_digest(model.state_dict())
    embedding = mine.decoder.token_embedding.weight
    with torch.no_grad():
        embedding.copy_(embedding.flip(0))  # the same numbers in another order
    assert fingerprint(mine) != before == fingerprint(model)
    with torch.no_grad():
        embedding.copy_(embedding.flip(0))
    assert fingerprint(mine) == before


def test_bad_input(model, tmp_path):
    y = np.zeros(16_000, np.float32)
    for language in ("de", "german"):
        with pytest.raises(TranscriptError, match="knows only English"):
            batches.transcribe_clips([y], model, language=language)
    for language in ("xx", "", 5):
        with pytest.raises(TranscriptError, match="of a language"):
            batches.transcribe_clips([y], model, language=language)
    for single in ("a.wav", tmp_path / "a.wav", b"a.wav", y, np.zeros((2, 100)), None, 5):
        with pytest.raises(TranscriptError, match=r"a list of clips.*\[clip\]"):
            batches.transcribe_clips(single, model)
    for clip in (None, 5, [0.0, 0.1]):
        with pytest.raises(TranscriptError, match="paths or NumPy arrays"):
            batches.transcribe_clips([clip], model)
    with pytest.raises(TranscriptError, match="batch"):
        batches.transcribe_clips([y], model, batch_size=0)
    for bad in (np.zeros((2, 100), np.float32), np.full(100, np.nan, np.float32), y[:0]):
        with pytest.raises(AudioError):
            batches.transcribe_clips([y, bad], model)
    (tmp_path / "text.wav").write_text("no sound", "utf-8")
    for path in (tmp_path / "text.wav", tmp_path / "none.wav"):
        with pytest.raises(AudioError):
            batches.transcribe_clips([path], model)
