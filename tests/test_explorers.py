"""Explorers and the widgets they are made of: what each step shows, says and sounds like."""

import io

import librosa
import numpy as np
import pytest
import soundfile

from lab_utils import audio, features, samples
from lab_utils.errors import LabError
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
        picture = explorer.picture
        assert picture.png.startswith(b"\x89PNG") and picture.alt.strip()
        seen.append((picture.png, picture.alt, picture.caption))
    return seen


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
    assert len({png for png, _, _ in seen}) == 4
    assert "Kept: 0.00 to" in seen[-1][2]
    heard, rate = explorer.sound._make()
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
        assert len({png for png, _, _ in seen}) == len(values), control.label
        assert len({alt for _, alt, _ in seen}) == len(values), control.label
    assert f"({1 + 4096 // 2}, {1 + len(y) // 1024})" in explorer.picture.caption


def test_spectrogram_explorer_shows_a_tone_where_it_is():
    sr = 16000
    y = np.sin(2 * np.pi * 2000 * np.arange(2 * sr) / sr).astype(np.float32)
    S = explorers.columns_of_power(y, n_fft=512, hop_length=128, window="hann", columns=700)
    for log in (False, True):
        starts, ticks = explorers.frequency_rows(sr=sr, n_fft=512, rows=290, log=log)
        row = int(S[:, 350][starts].argmax())
        place = dict((text, where) for where, text in ticks)["2000"]
        assert row / 290 == pytest.approx(place, abs=0.02)


def test_a_hop_beyond_the_frame_is_named_and_cannot_be_heard(clip):
    y, sr = clip
    explorer = explorers.SpectrogramExplorer(y, sr=sr, n_fft=256, hop_length=1024)
    assert "sound is missed" in explorer.picture.caption
    with pytest.raises(LabError, match="missing"):
        explorer.sound.answer("make", {}, [])


@pytest.mark.parametrize("hop", [32, 160, 1024])
def test_thinned_hops_are_multiples_and_leave_two_frames_a_pixel(hop):
    thin = explorers.thinned(hop, n_samples=480_000, columns=700)
    assert thin % hop == 0
    assert thin == hop or 480_000 / thin >= 1.9 * 700


def test_mel_explorer_counts_empty_bands(clip):
    y, sr = clip
    explorer = explorers.MelExplorer(y, sr=sr)
    assert "empty bands: 0." in explorer.picture.caption
    seen = steps(explorer, explorer.n_mels, (16, 80, 256))
    assert len({png for png, _, _ in seen}) == 3
    bank = features.mel_filters(sr=sr, n_fft=400, n_mels=256)
    assert f"empty bands: {len(features.empty_filters(bank))} " in seen[-1][2]
    steps(explorer, explorer.n_fft, (2048,))
    assert "empty bands: 0." in explorer.picture.caption
    assert len({png for png, *_ in steps(explorer, explorer.scale, explorer.SCALES)}) == 2


def test_what_the_bands_keep_sounds_like_the_clip(clip):
    y, sr = clip
    explorer = explorers.MelExplorer(y, sr=sr, n_mels=80)
    heard, rate = explorer.sound._make()
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
    for widget in (Slider(label="a", value=1), Choice(label="b", options=["c"]), LiveFigure()):
        assert "0x" not in repr(widget)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: Slider(label="a", value=101), "from 0.0 to 100.0"),
        (lambda: Slider(label=" ", value=1), "label"),
        (lambda: Slider(label="a", value=3, options=(1, 2)), "among"),
        (lambda: Slider(label="a", value=1, options=(1, 2), texts=("one",)), "2 texts"),
        (lambda: Choice(label="a", options=["b"], value="c"), "among"),
        (lambda: LiveFigure().update(b"", alt=" "), "alt text"),
    ],
)
def test_controls_refuse_what_makes_no_sense(call, match):
    with pytest.raises(LabError, match=match):
        call()


def test_figure_is_drawn_with_alt_text():
    from lab_utils.plotting import new_axes

    picture = LiveFigure()
    picture.show(new_axes(), alt="empty axes", caption="nothing yet")
    assert picture.png.startswith(b"\x89PNG")
    assert (picture.alt, picture.caption) == ("empty axes", "nothing yet")
