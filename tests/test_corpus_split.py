"""Where to cut: the fast detector against the packaged one, and the rules of cutting."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest
import workshop
from music import music

from lab_utils import audio, human_speech, samples
from lab_utils.corpus import measure, rules, speech, split
from lab_utils.corpus.split import Span, SplitSettings
from lab_utils.errors import CorpusError


@pytest.fixture(scope="module")
def student():
    return audio.load(workshop.FOLDER / "student.flac", sr=16_000)


DETECTOR = {
    "stft.forward_basis_buffer": (258, 1, 256),
    "encoder.0.reparam_conv.weight": (128, 129, 3),
    "encoder.1.reparam_conv.weight": (64, 128, 3),
    "encoder.2.reparam_conv.weight": (64, 64, 3),
    "encoder.3.reparam_conv.weight": (128, 64, 3),
    "decoder.rnn.weight_ih": (512, 128),
    "decoder.rnn.weight_hh": (512, 128),
    "decoder.decoder.2.weight": (1, 128, 1),
}


def test_silero_vad_has_the_weights_that_are_read():
    """They are not a public interface, so the version is exact: this says what another broke."""
    found = {name: tuple(tensor.shape) for name, tensor in speech._weights().items()}
    assert {name: found.get(name) for name in DETECTOR} == DETECTOR, (
        f"silero-vad {metadata.version('silero-vad')} has another network than 6.2.3: "
        "lab_utils/corpus/speech.py must follow it, or the pin in pyproject.toml go back"
    )


def test_probabilities_equal_the_packaged_models(student):
    import torch
    from silero_vad import load_silero_vad

    y = student[0][: 10 * 16_000]
    model = load_silero_vad()
    padded = torch.from_numpy(np.pad(y, (0, -len(y) % 512)))
    expected = [float(model(window, 16_000)) for window in padded.split(512)]
    np.testing.assert_allclose(speech.speech_probabilities(y, sr=16_000), expected, atol=1e-4)


def test_probabilities_do_not_depend_on_the_blocks(student):
    y, sr = student
    whole = speech.speech_probabilities(y, sr=sr)
    detector = speech.SpeechDetector()
    for piece in np.array_split(y, 37):
        detector.feed(piece)
    np.testing.assert_array_equal(detector.finish(), whole)


LISTEN = """
import re
import numpy as np, torch
from lab_utils.corpus import speech
torch.set_num_threads(1)
resident = lambda: int(re.search(r"VmRSS:\\s*(\\d+)", open("/proc/self/status").read())[1]) / 1024
detector, y = speech.SpeechDetector(), np.random.default_rng(0).normal(0, 0.1, 47_554).astype("f4")
for i in range(3600 * 16_000 // len(y)):
    detector.feed(y)
    if i == 200:  # ten minutes
        before = resident()
print(len(detector.finish()), resident() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads its memory from /proc")
@pytest.mark.slow
def test_an_hour_of_listening_needs_no_more_memory_than_ten_minutes():
    done = subprocess.run(
        [sys.executable, "-c", LISTEN], capture_output=True, text=True, check=True, timeout=300
    )
    n_windows, more = done.stdout.split()
    assert int(n_windows) > 112_000
    assert float(more) < 23, "MB"


@pytest.mark.slow
def test_the_detector_leaves_torchs_threads_alone():
    code = (
        "import torch; torch.set_num_threads(2)\n"
        "from lab_utils.corpus import speech; import numpy as np\n"
        "speech.speech_probabilities(np.zeros(16000, np.float32), sr=16000)\n"
        "print(torch.get_num_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2"


@pytest.mark.parametrize("snr_db", [20, 10, 5])
def test_speech_is_found_in_noise_where_energy_fails(student, snr_db):
    y, sr = student
    noisy = audio.add_noise(y, snr_db=snr_db, seed=0)
    true = workshop.sentences("student.flac")
    p = speech.speech_probabilities(noisy, sr=sr)
    spans = split.on_speech(p, duration=len(y) / sr)
    assert split.found(spans, true, slack=0.5) == len(true)
    assert len(split.on_energy(noisy, sr=sr)) < len(true) / 2 or snr_db == 20


def test_a_grid_covers_everything_and_breaks_words():
    grid = split.on_grid(95.0, every=30.0)
    assert [(s.start, s.end) for s in grid] == [(0, 30), (30, 60), (60, 90), (90, 95)]
    assert split.broken(grid, [(29, 31), (31, 33), (59.99, 60.01)]) == 1
    with pytest.raises(CorpusError, match="more than 0"):
        split.on_grid(10, every=0)


def _p(*parts: tuple[float, float]) -> np.ndarray:
    """Probabilities of (value, seconds) one after another."""
    steps = [np.full(round(seconds / split.STEP), value) for value, seconds in parts]
    return np.concatenate(steps).astype(np.float32)


def test_short_pauses_are_kept_inside_and_long_ones_cut():
    p = _p((0, 1), (1, 2), (0, 0.2), (1, 2), (0, 1.0), (1, 2), (0, 1))
    spans = split.on_speech(p, duration=len(p) * split.STEP)
    assert [round(s.duration, 1) for s in spans] == [4.5, 2.3]
    assert spans[0].start == pytest.approx(1 - 0.15, abs=0.04)


def test_no_span_is_longer_than_the_limit_and_cuts_lie_in_the_least_speech():
    p = _p((1, 9), (0.4, 0.3), (1, 12), (0.36, 0.3), (1, 8))
    settings = SplitSettings(longest=15)
    spans = split.on_speech(p, duration=len(p) * split.STEP, settings=settings)
    assert all(span.duration <= 15 for span in spans)
    assert all(a.end <= b.start + 1e-9 for a, b in zip(spans, spans[1:], strict=False))
    assert any(abs(span.end - 9.15) < 0.2 for span in spans)
    assert spans[0].start == 0 and spans[-1].end == pytest.approx(len(p) * split.STEP, abs=1e-3)


@pytest.mark.parametrize("p", [np.zeros(0), np.zeros(100)])
def test_no_speech_no_spans(p):
    assert split.on_speech(p.astype(np.float32), duration=len(p) * split.STEP) == []


def test_found_wants_a_span_of_its_own():
    assert split.found([Span(0, 4)], [(0, 2), (2, 4)]) == 0
    assert split.found([Span(0, 2.1), Span(2, 4)], [(0, 2), (2, 4)]) == 2


# ---- what a clip is


def test_silences_are_measured_where_they_were_put(student):
    y, sr = student
    clip = y[int(0.8 * sr) : int(2.5 * sr)]
    quiet = np.zeros(sr, np.float32)
    start, end, inside = measure.silences(
        measure.frame_levels(
            np.concatenate([quiet, clip, quiet, quiet, clip, quiet[: sr // 2]]), sr=sr
        )
    )
    assert start == pytest.approx(1.0, abs=0.1)
    assert end == pytest.approx(0.5, abs=0.3)
    assert inside == pytest.approx(2.0, abs=0.3)
    silent = measure.silences(np.full(100, -100.0))
    assert silent[0] == pytest.approx(1.0)


@pytest.mark.parametrize("snr_db", [10, 20, 30])
def test_snr_estimate_is_near_the_truth(snr_db):
    y, sr = audio.load(workshop.FOLDER / "guest.mp3", sr=None)
    y = y[: 20 * sr]
    noisy = audio.add_noise(y, snr_db=snr_db, seed=0)
    estimate = measure.snr_estimate(measure.frame_levels(noisy, sr=sr))
    assert estimate == pytest.approx(snr_db + 3, abs=4)  # half of the frames are pauses


@pytest.mark.parametrize("rate", [8000, 12_000])
def test_bandwidth_is_half_the_rate_that_it_went_through(rate):
    y, sr = audio.load(workshop.FOLDER / "guest.mp3", sr=22_050)
    y = y[: 10 * sr]
    narrow = audio.resample(audio.resample(y, sr=sr, target_sr=rate), sr=rate, target_sr=sr)
    found = measure.bandwidth(measure._spectrogram(narrow), sr=sr)
    assert 0.8 * rate / 2 < found < 1.1 * rate / 2


VOICES = ("en_joe", "en_mic", "es", "it", "ru", "de", "ja")


@pytest.mark.parametrize("style", ["organ", "harp", "band"])
def test_music_as_loud_as_the_voice_is_seen_and_no_voice_is_music(style):
    limit = rules.WHISPER["music"].limit
    assert limit == rules.VOICE["music"].limit
    rng = np.random.default_rng(1)
    for key in (*VOICES, *(clip.key for clip in human_speech.human_clips())):
        y, sr = audio.load(samples.get(key).path, sr=None)
        y = y[: 8 * sr]
        assert measure.over_held(y, sr=sr) > limit, key
        added = music(len(y), sr=sr, style=style, rng=rng)
        mixed = y + added * np.sqrt(np.mean(y**2) / np.mean(added**2))
        assert measure.over_held(mixed.astype(np.float32), sr=sr) < limit, key


def test_what_holds_its_pitch_is_measured_at_any_rate_and_level(student):
    y, sr = student
    y = y[: 8 * sr]
    hum = np.sin(2 * np.pi * 50 * np.arange(len(y)) / sr)
    hum *= np.sqrt(np.mean(y**2) / np.mean(hum**2))
    expected = measure.over_held(y + hum, sr=sr)
    assert 1 < expected < 6 < measure.over_held(y, sr=sr)
    assert measure.over_held(0.01 * (y + hum), sr=sr) == pytest.approx(expected, abs=0.1)
    double = audio.resample((y + hum).astype(np.float32), sr=sr, target_sr=2 * sr)
    assert measure.over_held(double, sr=2 * sr) == pytest.approx(expected, abs=0.5)
    assert measure.over_held(hum, sr=sr) < 1
    noise = np.random.default_rng(0).standard_normal(4 * sr)
    assert measure.over_held(noise, sr=sr) > 10  # noise is the business of another rule
    assert measure.over_held(np.zeros(10), sr=sr) == measure.over_held(np.zeros(sr), sr=sr) == 80


def test_given_cuts_are_trimmed_to_the_speech_between_them():
    p = np.zeros(100, np.float32)
    p[10:30] = p[40:50] = p[52:60] = 0.9
    settings, step = SplitSettings(pad=0.1), split.STEP
    spans = split.at_cuts(p, [35 * step, 51 * step, 80 * step], duration=3.2, settings=settings)
    first, second, third, last = spans
    assert (first.start, first.end) == pytest.approx((10 * step - 0.1, 30 * step + 0.1), abs=1e-3)
    assert second.end == third.start == pytest.approx(51 * step)  # they share the pause
    assert third.end == pytest.approx(60 * step + 0.1, abs=1e-3) and last is None
    inside = split.at_cuts(p, [20 * step], duration=3.2, settings=settings)
    assert inside[0].end == inside[1].start == pytest.approx(20 * step)
    gaps = [(pause.start / step, pause.end / step) for pause in split.pauses(p)]
    assert np.allclose(gaps, [(0, 10), (30, 40), (50, 52), (60, 100)])
    assert split.at_cuts(np.zeros(9), [], duration=0.3) == [None]
