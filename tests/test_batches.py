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


@pytest.fixture(scope="module")
def made(model, clips):
    """The clips with shared padding."""
    return batches.transcribe_many(clips[0], model)


def test_exact_is_whisper_decode(model, clips, decoded):
    made = batches.transcribe_many(clips[0][3:8], model, exact=True, batch_size=2)
    expected = decoded[3:8]
    assert [m.text for m in made] == [d.text for d in expected]
    assert [m.tokens for m in made] == [tuple(d.tokens) for d in expected]
    for name, atol in (("avg_logprob", 1e-3), ("no_speech_prob", 1e-3)):
        np.testing.assert_allclose(
            [getattr(m, name) for m in made], [getattr(d, name) for d in expected], atol=atol
        )


def test_shared_padding_is_as_good(clips, decoded, made):
    same = sum(m.text == d.text for m, d in zip(made, decoded, strict=True))
    assert same >= 10
    wer = metrics.score(clips[1], [m.text for m in made]).wer
    assert wer <= metrics.score(clips[1], [d.text for d in decoded]).wer + 0.03
    assert not any(m.redone for m in made)


def test_the_order_of_the_clips_does_not_matter(model, clips, made):
    backward = batches.transcribe_many(clips[0][4::-1], model)
    assert [m.text for m in backward] == [m.text for m in made[4::-1]]


def test_a_text_does_not_depend_on_the_other_clips(model, clips):
    """The encoder takes one clip at a time: equal bits. The decoder's products have as many rows as
    the batch has clips, which may round the last bit otherwise: equal tokens, logprobs to 1e-4."""
    import torch

    odd, long = clips[0][0], np.concatenate(clips[0][1:6])
    (alone,) = batches.transcribe_many([odd], model)
    for company in ([long], [*clips[0][6:9], np.zeros(100)]):
        (beside, *_), n = batches.transcribe_many([odd, *company], model), len(company) + 1
        assert (beside.text, beside.tokens) == (alone.text, alone.tokens), n
        assert beside.avg_logprob == pytest.approx(alone.avg_logprob, abs=1e-4)
        assert beside.no_speech_prob == pytest.approx(alone.no_speech_prob, abs=1e-4)
    padding = batches.padding_of(model)
    with torch.inference_mode():
        first = batches.encode(model, odd, padding)
        batches.encode(model, long, padding)
        assert torch.equal(batches.encode(model, odd, padding), first)


def test_no_speech_is_as_probable_as_in_whisper_decode(model, made, decoded):
    import whisper

    expected = [d.no_speech_prob for d in decoded]
    np.testing.assert_allclose([m.no_speech_prob for m in made], expected, atol=1e-2)
    silence, _ = audio.load(samples.path("silence"))
    mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(silence))
    options = whisper.DecodingOptions(language="en", without_timestamps=True, fp16=False)
    expected = whisper.decode(model, mel, options).no_speech_prob
    (found,) = batches.transcribe_many([silence], model)
    assert expected > 0.6 and found.no_speech_prob == pytest.approx(expected, abs=0.05)


def test_files_and_waveforms_give_the_same(model):
    corpus = workshop.corpus()
    paths = [corpus.path(clip) for clip in corpus.clips[-3:]]
    waves = [audio.load(path)[0] for path in paths]
    assert batches.transcribe_many(paths, model) == batches.transcribe_many(waves, model)


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
    text = batches.transcribe_many([y[:-1]], model)[0].text
    assert len(text.split()) > 40
    with pytest.raises(TranscriptError, match="at most 30 s"):
        batches.transcribe_many([y], model)


def test_a_text_that_looks_wrong_is_done_again(model, clips, decoded, monkeypatch):
    monkeypatch.setattr(batches, "LOWEST_LOGPROB", 0.0)  # nothing is good enough
    made = batches.transcribe_many(clips[0][:2], model)
    assert all(m.redone for m in made)
    assert [m.text for m in made] == [d.text for d in decoded[:2]]


def test_silence_and_noise_do_not_harm_the_others(model, clips, decoded):
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, 3 * 16_000).astype(np.float32)
    silence = np.zeros(2 * 16_000, np.float32)
    made = batches.transcribe_many([silence, clips[0][0], noise], model)
    assert metrics.align(decoded[0].text, made[1].text).wer <= 0.35


def test_batches_are_sorted_by_length_read_ahead_and_handed_out(model, monkeypatch):
    """300 clips in batches of 16: two rounds of 128, and the rest; every text at its place."""

    def transcribe(model, task, waves):
        return [batches.ClipText(str(len(y)), (), -0.1, 1.0) for y in waves]

    lengths = np.random.default_rng(1).integers(1, 5000, 300).tolist()
    read, told, ahead = 0, [], []

    def clips():
        nonlocal read
        for n in lengths:
            read += 1
            yield np.zeros(n, np.float32)

    def on_batch(made):
        told.append(made)
        ahead.append(read)

    monkeypatch.setattr(batches, "_shared", transcribe)
    texts = batches.transcribe_many(clips(), model, on_batch=on_batch)
    assert [int(text.text) for text in texts] == lengths
    assert ahead == [128] * 8 + [256] * 8 + [300] * 3
    assert [len(made) for made in told] == [16] * 18 + [12]
    for first in (0, 8, 16):
        some = [lengths[i] for made in told[first : first + 8] for i in made]
        assert some == sorted(some)
    assert {i: text.text for made in told for i, text in made.items()} == {
        i: str(n) for i, n in enumerate(lengths)
    }
    assert batches.transcribe_many([], model) == []


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
            batches.transcribe_many([y], model, language=language)
    for language in ("xx", "", 5):
        with pytest.raises(TranscriptError, match="of a language"):
            batches.transcribe_many([y], model, language=language)
    for single in ("a.wav", tmp_path / "a.wav", b"a.wav", y, np.zeros((2, 100)), None, 5):
        with pytest.raises(TranscriptError, match=r"a list of clips.*\[clip\]"):
            batches.transcribe_many(single, model)
    for clip in (None, 5, [0.0, 0.1]):
        with pytest.raises(TranscriptError, match="paths or NumPy arrays"):
            batches.transcribe_many([clip], model)
    with pytest.raises(TranscriptError, match="batch"):
        batches.transcribe_many([y], model, batch_size=0)
    for bad in (np.zeros((2, 100), np.float32), np.full(100, np.nan, np.float32), y[:0]):
        with pytest.raises(AudioError):
            batches.transcribe_many([y, bad], model)
    (tmp_path / "text.wav").write_text("no sound", "utf-8")
    for path in (tmp_path / "text.wav", tmp_path / "none.wav"):
        with pytest.raises(AudioError):
            batches.transcribe_many([path], model)
