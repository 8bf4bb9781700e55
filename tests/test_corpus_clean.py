"""The noise gate and the level: against known noise, noisereduce and pyloudnorm."""

from __future__ import annotations

import numpy as np
import pytest
import workshop

from lab_utils import audio
from lab_utils.corpus import clean
from lab_utils.errors import CorpusError


def _si_sdr(estimate: np.ndarray, y: np.ndarray) -> float:
    scale = estimate @ y / (y @ y)
    return 10 * np.log10(np.sum((scale * y) ** 2) / np.sum((estimate - scale * y) ** 2))


@pytest.fixture(scope="module")
def speech():
    y, sr = audio.load(workshop.FOLDER / "student.flac", sr=22_050)
    return y[: 12 * sr], sr


def _noisy(y: np.ndarray, snr_db: float) -> tuple[np.ndarray, np.ndarray]:
    noisy = audio.add_noise(y, snr_db=snr_db, seed=0)
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((40, clean.N_FFT)) * np.std(noisy - y)
    return noisy, noise.astype(np.float32)


@pytest.mark.parametrize("snr_db", [5, 15])
def test_the_gate_brings_white_noise_down_by_more_than_noisereduce(speech, snr_db):
    y, sr = speech
    noisy, noise = _noisy(y, snr_db)
    ours = _si_sdr(clean.reduce_noise(noisy, noise, sr=sr, method="gate"), y)
    theirs = _si_sdr(clean.reduce_noise(noisy, noise, sr=sr, method="noisereduce"), y)
    assert ours > _si_sdr(noisy, y) + 2
    assert ours > theirs


def test_the_gate_leaves_what_is_louder_than_the_noise(speech):
    y, _ = speech
    silence = np.full(clean.N_FFT // 2 + 1, 1e-12, np.float32)
    np.testing.assert_allclose(clean.gate(y, silence, floor=1.0), y, atol=1e-5)


def test_the_gate_does_not_depend_on_its_blocks(speech, monkeypatch):
    noisy, noise = _noisy(speech[0], 10)
    profile = clean.noise_profile(noise)
    whole = clean.gate(noisy, profile)
    monkeypatch.setattr(clean, "FRAMES_AT_ONCE", 37)
    np.testing.assert_allclose(clean.gate(noisy, profile), whole, atol=1e-6)


def test_the_mask_is_a_mean_over_9_bands_and_5_frames():
    from scipy.ndimage import uniform_filter

    loud = np.random.default_rng(0).random((30, 60)) < 0.4
    mean = uniform_filter(loud.astype(float), (5, 9), mode="constant")
    around = clean._loud_around(np.pad(loud.astype(np.uint8), ((2, 2), (4, 4))))
    np.testing.assert_allclose(around / 45, mean, atol=1e-12)


@pytest.mark.parametrize("n", [1, 100, 1023, 1024, 1025, 5000])
def test_the_gate_keeps_the_length(n):
    y = np.ones(n, np.float32)
    profile = np.full(clean.N_FFT // 2 + 1, 1e9, np.float32)
    gated = clean.gate(y, profile)
    assert gated.shape == y.shape and gated.dtype == np.float32
    assert np.abs(gated).max() <= 0.2  # all of it is noise: 20 dB less


def test_a_profile_needs_noise():
    with pytest.raises(CorpusError, match="without speech"):
        clean.noise_profile(np.zeros((0, clean.N_FFT), np.float32))
    y = np.ones(2000, np.float32)
    assert clean.reduce_noise(y, np.zeros((0, 1024), "f4"), sr=22_050, method="gate") is y
    with pytest.raises(CorpusError, match="one of"):
        clean.reduce_noise(y, np.zeros((1, 1024), "f4"), sr=22_050, method="magic")


def test_level_reaches_the_loudness_or_stops_at_the_peak(speech):
    y, sr = speech
    for gain in (0.05, 1.0, 3.0):
        done = clean.level(gain * y, sr=sr, target=-26)
        # the pauses of a soft recording count no more: a little off
        assert clean.loudness(done, sr=sr) == pytest.approx(-26, abs=0.3)
    click = np.zeros(sr, np.float32)
    click[sr // 2] = 0.5
    assert np.abs(clean.level(click, sr=sr)).max() == pytest.approx(0.89, abs=1e-3)


def test_silence_has_no_loudness_and_stays_silence():
    y = np.zeros(22_050, np.float32)
    assert clean.loudness(y, sr=22_050) == -np.inf
    np.testing.assert_array_equal(clean.level(y, sr=22_050), y)
    with pytest.raises(CorpusError, match="0.4 s"):
        clean.loudness(y[:100], sr=22_050)


def test_fade_touches_the_ends_only():
    y = np.ones(2205, np.float32)
    faded = clean.fade(y, sr=22_050)
    assert faded[0] == faded[-1] == 0 and (faded[200:-200] == 1).all()
    assert (y == 1).all(), "the input was changed"
    assert len(clean.fade(np.ones(1, np.float32), sr=22_050)) == 1
