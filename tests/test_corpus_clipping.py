"""Clipping: found in the source's own samples at any rate, and nowhere in clean speech."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
import soundfile
import workshop

from lab_utils import audio, human_speech, samples
from lab_utils.corpus import check, clipping, pipeline, rules
from lab_utils.corpus.manifest import Manifest

RATES = (8_000, 16_000, 22_050, 44_100, 48_000)
VOICES = ("en_mic", "es", "it", "ru", "en_story_wav")


def _voices() -> list[tuple[str, np.ndarray, int]]:
    """A few seconds of each voice: synthetic ones, and the human ones that are on this machine."""
    keys = [*VOICES, *(clip.key for clip in human_speech.human_clips())]
    made = []
    for key in keys:
        y, sr = audio.load(samples.get(key).path, sr=None)
        made.append((key, y[: 6 * sr], sr))
    return made


def _steps(y: np.ndarray) -> np.ndarray:
    """As 16 bits hold it."""
    return (np.rint(y * 32767) / 32768).astype(np.float32)


def _cut(y: np.ndarray, gain: float, ceiling: float = 1.0) -> np.ndarray:
    """So loud that the peak is ``gain`` times the ceiling, cut off, and turned down."""
    return _steps(np.clip(gain * y / np.abs(y).max(), -1, 1) * ceiling)


@pytest.mark.parametrize("sr", RATES)
def test_flat_tops_are_found_at_any_rate_and_gain_and_none_in_clean_speech(sr):
    for (key, y, rate), ceiling in zip(_voices(), itertools.cycle((1.0, 0.7, 0.2))):
        y = audio.resample(y, sr=rate, target_sr=sr)
        clean = clipping.examine(_steps(y * ceiling / np.abs(y).max()), sr=sr)
        assert clean.flat == clean.share == 0 and not clean.words(), key
        shares = []
        for gain in (3, 6, 12):
            found = clipping.examine(_cut(y, gain, ceiling), sr=sr)
            assert "flat tops" in found.words()
            shares.append(found.flat)
        assert shares[0] < shares[1] < shares[2] < 1 and shares[1] > clipping.MOST_CLIPPED, key


@pytest.fixture(scope="module")
def voice() -> tuple[np.ndarray, int]:
    y, sr = audio.load(workshop.FOLDER / "student.flac", sr=None)
    y = y[: 8 * sr]
    return y / np.abs(y).max(), sr


def test_an_offset_one_direction_or_one_channel_makes_no_difference(voice):
    y, sr = voice
    flat = _cut(y, 4, 0.6)
    expected = clipping.examine(flat, sr=sr).flat
    assert clipping.examine(_steps(0.5 * y + 0.3), sr=sr).words() == ""
    assert clipping.examine(_steps(flat + 0.3), sr=sr).flat == pytest.approx(expected, rel=0.05)
    assert clipping.examine(-flat, sr=sr).flat == pytest.approx(expected, rel=0.05)
    upward = _steps(np.minimum(4 * y, 1) / 4)
    assert clipping.MOST_CLIPPED < clipping.examine(upward, sr=sr).flat < expected
    stereo = np.stack([_steps(y / 2), flat], axis=1)
    assert clipping.examine(stereo, sr=sr).flat == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("subtype", ["PCM_U8", "ULAW", "ALAW", "IMA_ADPCM", "PCM_24"])
@pytest.mark.parametrize("peak", [0.9, 0.1])
def test_the_steps_of_a_coarse_format_are_not_clipping(voice, subtype, peak):
    y = audio.resample(voice[0], sr=voice[1], target_sr=8000)
    for gain, clipped in ((1, False), (4, True)):
        buffer = io.BytesIO()
        soundfile.write(buffer, _cut(y, gain, peak), 8000, subtype=subtype, format="WAV")
        buffer.seek(0)
        found = clipping.examine(soundfile.read(buffer, dtype="float32")[0], sr=8000)
        assert bool(found.words()) == clipped
        certain = clipped and subtype != "IMA_ADPCM"  # which follows a flat top with ripples
        assert (found.share > 0) == certain


def test_a_limiter_that_brings_every_peak_to_one_height_is_not_certain(voice):
    from scipy.ndimage import maximum_filter1d

    y, sr = voice
    loudest = maximum_filter1d(np.abs(y), round(0.02 * sr))
    limited = _steps(0.9 * y / np.maximum(loudest, 0.1))
    heights = np.abs(limited).reshape(-1, sr // 100).max(axis=1)
    assert np.mean(heights > 0.89) > 0.15, "the peaks do not reach one height"
    assert clipping.examine(limited, sr=sr).share == 0


def test_blocks_of_any_size_give_the_same_tops(voice):
    y, sr = voice
    flat = _cut(y, 3)[:, None]
    expected = clipping.examine(flat, sr=sr).flat
    for size in (7, 1000, 65_536):
        tops = clipping.FlatTops(sr=sr)
        for start in range(0, len(flat), size):
            tops.feed(flat[start : start + size])
        assert tops.share() == pytest.approx(expected, rel=0.1)
    assert clipping.FlatTops(sr=sr).share() == 0


def test_only_the_clipped_stretch_is_clipped(voice):
    y, sr = voice
    tops = clipping.FlatTops(sr=sr)
    for part in (0.3 * y, _cut(y, 4), 0.3 * y):
        tops.feed(_steps(part)[:, None])
    seconds = len(y) / sr
    assert tops.share(0, seconds) == tops.share(2 * seconds + 0.01, 3 * seconds) == 0
    assert tops.share(seconds, 2 * seconds) > 0.1


def test_blurred_tops_pile_up_and_speech_does_not(voice):
    y, sr = voice
    through = {
        "another rate": lambda x: audio.resample(x, sr=sr, target_sr=sr * 3 // 4),
        "MP3": lambda x: audio.through_codec(x, sr=sr, bitrate=64),
    }  # fmt: skip
    for name, blurred in through.items():
        assert clipping.pile_up(blurred(0.8 * y))[0] < clipping.SUSPECTED / 2, name
        ratios = [clipping.pile_up(blurred(_cut(y, gain, 0.8)))[0] for gain in (2, 4, 6)]
        assert ratios[0] > clipping.SUSPECTED and min(ratios[1:]) > clipping.CERTAIN[0], name
    ratio, crowd = clipping.pile_up(_cut(y, 4))
    assert clipping.pile_up(0.05 * _cut(y, 4)) == pytest.approx((ratio, crowd), rel=0.05)
    for nothing in (np.zeros(0, np.float32), np.zeros(99, np.float32), np.ones(9, np.float32)):
        assert clipping.pile_up(nothing) == (0, 0)


# ---- in the pipeline


@pytest.fixture(scope="module")
def talk() -> tuple[np.ndarray, int, list[tuple[float, float]]]:
    """The student at 16 kHz: four sentences, and where they are."""
    y, sr = audio.load(workshop.FOLDER / "student.flac", sr=16_000)
    sentences = workshop.sentences("student.flac")[:4]
    y = y[: round((sentences[-1][1] + 0.5) * sr)]
    return 0.9 * y / np.abs(y).max(), sr, sentences


def _prepared(tmp_path, y: np.ndarray, sr: int, **settings) -> Manifest:
    (tmp_path / "in").mkdir(exist_ok=True)
    audio.save_wav(tmp_path / "in" / "talk.wav", y, sr=sr)
    return pipeline.prepare(
        tmp_path / "in", tmp_path / "out", settings=pipeline.Settings(**settings)
    )


def test_at_16_khz_half_of_the_samples_at_the_ceiling_are_seen(talk, tmp_path):
    y, sr, sentences = talk
    flat = np.clip(12 * y, -1, 1)
    assert np.mean(np.abs(flat) == 1) > 0.1
    made = _prepared(tmp_path, flat, sr)
    assert not made.clips and len(made.dropped) == len(sentences)
    assert all("clipped: flat tops in" in item.reason for item in made.dropped)


def test_what_is_certain_is_dropped_and_what_is_light_is_kept_and_flagged(talk, tmp_path):
    y, sr, sentences = talk
    y = y.copy()
    defects = ((1, None), (4, None), (1, 4), (1, None))
    for (start, end), (gain, most) in zip(sentences, defects, strict=True):
        part = slice(round(start * sr), round(end * sr))
        peak = np.abs(y[part]).max()
        if most is None:
            y[part] = np.clip(gain * y[part], -peak, peak)
        else:  # only the four highest tops are cut off, a few samples each
            frames = np.abs(y[part])[: len(y[part]) // 160 * 160].reshape(-1, 160)
            height = np.sort(frames.max(axis=1))[-most - 1] * 0.9
            y[part] = np.clip(y[part], -height, height)
    made = _prepared(tmp_path, y, sr)
    second, third = sentences[1], sentences[2]
    (dropped,) = made.dropped
    assert round(dropped.start) == round(second[0]) and dropped.reason.startswith("clipped:")
    light = [clip for clip in made.clips if clip.clipping]
    assert len(made) == 3 and [round(clip.start) for clip in light] == [round(third[0])]
    assert "flat tops" in light[0].clipping
    assert Manifest.load(tmp_path / "out") == made == _prepared(tmp_path, y, sr)
    found = check.check(made, rules.WHISPER).findings
    assert {f.clip: f.found for f in found if f.rule == "clipping"} == {
        light[0].id: light[0].clipping
    }
    kept = _prepared(tmp_path, y, sr, most_clipped=1.0)
    assert len(kept) == 4 and len([clip for clip in kept.clips if clip.clipping]) == 2


def test_a_suspicion_drops_nothing(talk, tmp_path):
    y, sr, sentences = talk
    (tmp_path / "in").mkdir()
    audio.save_wav(tmp_path / "loud.wav", np.clip(2.2 * y, -1, 1) * 0.9, sr=sr)
    audio.run_ffmpeg(
        "-i", str(tmp_path / "loud.wav"), "-b:a", "48k", str(tmp_path / "in" / "talk.mp3"),
        what="mp3",
    )  # fmt: skip
    made = pipeline.prepare(tmp_path / "in", tmp_path / "out")
    assert len(made) == len(sentences) and not made.dropped
    suspected = {clip.id for clip in made.clips if clip.clipping}
    assert len(suspected) >= 2
    found = check.check(made, rules.VOICE).findings
    assert {f.clip for f in found if f.rule == "clipping"} >= suspected


def test_a_clip_from_elsewhere_is_judged_on_its_own_samples(tmp_path):
    corpus = workshop.small(tmp_path)
    first = corpus.path(corpus.clips[0])
    y, sr = audio.load(first, sr=None)
    assert not {f.clip for f in check.check(corpus, rules.VOICE).findings if f.rule == "clipping"}
    for sound in (_cut(y, 3, 0.5), audio.resample(_cut(y, 4, 0.5), sr=sr, target_sr=16_000)):
        audio.save_wav(first, sound, sr=sr)
        found = check.check(corpus, rules.VOICE).findings
        assert {f.clip for f in found if f.rule == "clipping"} == {corpus.clips[0].id}
