"""Explorers and the widgets they are made of: what each step shows, says and sounds like."""

import io

import librosa
import numpy as np
import pytest
import soundfile

from lab_utils import audio, features, samples
from lab_utils.errors import LabError
from lab_utils.pictures import levels, outline, pool, run_starts
from lab_utils.widgets import explorers
from lab_utils.widgets.figure import Choice, LiveFigure, LiveSound, Slider


@pytest.fixture(scope="module")
def clip():
    y, sr = audio.load(samples.path("en_story_wav"))
    return y[: 3 * sr], sr


@pytest.fixture(scope="module")
def pauses():
    return audio.load(samples.path("en_pauses"))


def steps(explorer, control, values):
    """Each (picture, alt, caption) as the control passes through the values."""
    seen = []
    for value in values:
        control.value = value
        shown = explorer.picture
        assert all(panel["data"] for panel in shown.picture["panels"]) and shown.alt.strip()
        seen.append((str(shown.picture), shown.alt, shown.caption))
    return seen


@pytest.mark.parametrize(("n", "pixels"), [(1000, 100), (100, 1000), (7, 7), (1, 5), (333, 100)])
def test_pool_keeps_the_largest_of_each_run(n, pixels):
    S = np.sin(np.arange(3.0 * n)).reshape(3, n)
    starts = run_starts(n, pixels)
    pooled = pool(S, starts, axis=1)
    assert pooled.shape == (3, min(n, pixels))
    np.testing.assert_array_equal(pooled, np.maximum.reduceat(S, starts, axis=1))
    np.testing.assert_array_equal(pool(S.T, starts, axis=0), pooled.T)
    np.testing.assert_array_equal(pooled.max(axis=1), S.max(axis=1))
    repeated = np.repeat(starts, 2)
    np.testing.assert_array_equal(
        pool(S, repeated, axis=1), np.maximum.reduceat(S, repeated, axis=1)
    )


def test_levels_are_the_values_in_256_steps():
    db = np.array([[-90, -80, -60, 0, 5]], np.float32)
    assert levels(db, low=-80, high=0).tolist() == [[0, 0, 64, 255, 255]]
    assert levels(np.ones((2, 2)), low=1, high=1).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("n", [1, 16, 719, 16_000])
def test_outline_keeps_the_lowest_and_the_highest_value(n):
    y = 0.5 * np.sin(np.arange(n) * 0.3)
    pairs = outline(y, columns=720, low=-1, high=1)
    assert pairs.dtype == np.int8 and pairs.shape == (min(n, 720), 2)
    assert (pairs[:, 0] <= pairs[:, 1]).all()
    assert pairs.min() / 127 == pytest.approx(y.min(), abs=0.005)
    assert pairs.max() / 127 == pytest.approx(y.max(), abs=0.005)


@pytest.mark.parametrize("top_db", [5, 15, 30, 42, 60, 70])
def test_trim_is_librosas(pauses, top_db):
    y, sr = pauses
    explorer = explorers.TrimExplorer(y, sr=sr, top_db=top_db)
    _, index = librosa.effects.trim(y, top_db=top_db)
    assert explorer.cut() == tuple(index)


def test_trim_explorer_draws_and_says_each_step(pauses):
    y, sr = pauses
    explorer = explorers.TrimExplorer(y, sr=sr)
    seen = steps(explorer, explorer.top_db, (10, 20, 40, 60))
    assert len({picture for picture, _, _ in seen}) == 4
    wave, level = explorer.picture.picture["panels"]
    assert level["line"] == pytest.approx(1 - 60 / 80) and wave["cuts"] == []
    assert "Kept: 0.00 to" in seen[-1][2]
    explorer.top_db.value = 20
    first, last = explorer.cut()
    cuts = explorer.picture.picture["panels"][0]["cuts"]
    assert cuts == [(0, first / sr), (last / sr, len(y) / sr)]
    heard, rate = explorer.heard()
    assert rate == sr and len(heard) == np.diff(explorer.cut())[0]


def test_silence_can_be_trimmed_and_heard():
    explorer = explorers.TrimExplorer(np.zeros(16000, np.float32), sr=16000)
    assert explorer.cut() == (0, 16000)


def test_spectrogram_explorer_follows_every_control(clip):
    y, sr = clip
    explorer = explorers.SpectrogramExplorer(y, sr=sr)
    for control, values in (
        (explorer.n_fft, (256, 400, 4096)),
        (explorer.hop_length, (32, 160, 1024)),
        (explorer.window, ("boxcar (none)", "hamming")),
        (explorer.scale, ("logarithmic", "linear")),
        (explorer.top_db, (20, 60)),
    ):
        seen = steps(explorer, control, values)
        assert len({picture for picture, _, _ in seen}) == len(values), control.label
        assert len({alt for _, alt, _ in seen}) == len(values), control.label
    assert f"({1 + 4096 // 2}, {1 + len(y) // 1024})" in explorer.picture.caption


def test_spectrogram_explorer_shows_a_tone_where_it_is():
    sr = 16000
    y = np.sin(2 * np.pi * 2000 * np.arange(2 * sr) / sr).astype(np.float32)
    explorer = explorers.SpectrogramExplorer(y, sr=sr, n_fft=512, hop_length=160)
    for scale in explorer.SCALES:
        explorer.scale.value = scale
        [panel] = explorer.picture.picture["panels"]
        S = np.frombuffer(panel["data"], np.uint8).reshape(panel["rows"], -1)
        row = int(S[:, S.shape[1] // 2].argmax())
        place = dict((text, where) for where, text in panel["ticks"])["2000"]
        assert row / len(S) == pytest.approx(place, abs=0.02)
        assert S.max() == 255 and S.min() == 0


def test_a_hop_beyond_the_frame_is_named_and_cannot_be_heard(clip):
    y, sr = clip
    explorer = explorers.SpectrogramExplorer(y, sr=sr, n_fft=256, hop_length=1024)
    assert "sound is missed" in explorer.picture.caption
    with pytest.raises(LabError, match="missing"):
        explorer.sound.answer("make", {}, [])


@pytest.mark.parametrize("hop", [32, 160, 1024])
def test_thinned_hops_are_multiples_and_leave_two_frames_a_pixel(hop):
    thin = explorers.thinned(hop, n_samples=480_000)
    assert thin % hop == 0
    assert thin == hop or 480_000 / thin >= 1.9 * explorers.COLUMNS


def test_mel_explorer_counts_empty_bands(clip):
    y, sr = clip
    explorer = explorers.MelExplorer(y, sr=sr)
    assert "empty bands: 0." in explorer.picture.caption
    seen = steps(explorer, explorer.n_mels, (16, 80, 256))
    assert len({picture for picture, _, _ in seen}) == 3
    bank = features.mel_filters(sr=sr, n_fft=400, n_mels=256)
    assert f"empty bands: {len(features.empty_filters(bank))} " in seen[-1][2]
    steps(explorer, explorer.n_fft, (2048,))
    assert "empty bands: 0." in explorer.picture.caption
    assert len({picture for picture, *_ in steps(explorer, explorer.scale, explorer.SCALES)}) == 2


def test_what_the_bands_keep_sounds_like_the_clip(clip):
    y, sr = clip
    explorer = explorers.MelExplorer(y, sr=sr, n_mels=80)
    heard, rate = explorer.heard()
    assert rate == sr and heard.shape == y.shape and np.abs(heard).max() <= 1.5
    assert np.corrcoef(heard, y)[0, 1] > 0.8


def test_press_for_sound_sends_a_wav(clip):
    y, sr = clip
    sound = LiveSound(lambda: (y, sr), label="Listen")
    status, [wav] = sound.answer("make", {}, [])
    assert "3.0 s" in status
    back, rate = soundfile.read(io.BytesIO(wav), dtype="float32")
    assert rate == sr
    np.testing.assert_allclose(back, y, atol=1e-4)


def test_the_sound_clips_and_refuses_what_is_no_waveform():
    back, _ = soundfile.read(io.BytesIO(audio.encode(np.array([2.0, -2.0, 0.0]), sr=8000)))
    np.testing.assert_allclose(back, [1, -1, 0], atol=1e-3)
    with pytest.raises(LabError, match="mono"):
        audio.encode(np.zeros((2, 3)), sr=8000)


def test_shown_text_is_stable(clip):
    y, sr = clip
    texts = [repr(explorers.MelExplorer(y, sr=sr)) for _ in range(2)]
    assert texts[0] == texts[1] and "0x" not in texts[0]
    for widget in (
        Slider(label="a", value=1, options=(1, 2)),
        Choice(label="b", options=["c"]),
        LiveFigure(),
    ):
        assert "0x" not in repr(widget)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: Slider(label=" ", value=1, options=(1, 2)), "label"),
        (lambda: Slider(label="a", value=3, options=(1, 2)), "among"),
        (lambda: Slider(label="a", value=1, options=(1, 2), texts=("one",)), "for each option, 2"),
        (lambda: Choice(label="a", options=["b"], value="c"), "among"),
        (lambda: LiveFigure().draw(duration=1, alt=" "), "alt text"),
    ],
)
def test_controls_refuse_what_makes_no_sense(call, match):
    with pytest.raises(LabError, match=match):
        call()


def test_figure_is_drawn_with_alt_text():
    from lab_utils.plotting import new_axes

    picture = LiveFigure()
    picture.show(new_axes(), alt="empty axes", caption="nothing yet")
    assert picture.picture["png"].startswith(b"\x89PNG")
    assert (picture.alt, picture.caption) == ("empty axes", "nothing yet")
