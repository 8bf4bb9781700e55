"""Reading, writing and degrading waveforms; soundfile, scipy and theory are the oracles."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lab_utils import audio, samples
from lab_utils.errors import AudioError


def sine(frequency=440.0, *, sr=16_000, seconds=1.0, amplitude=0.5):
    t = np.arange(int(sr * seconds)) / sr
    return (amplitude * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_sample_format_of_wav(tmp_path, subtype):
    y = sine()
    soundfile.write(tmp_path / "a.wav", y, 16_000, subtype=subtype)
    read, sr = audio.load(tmp_path / "a.wav")
    assert sr == 16_000 and read.dtype == np.float32 and read.shape == y.shape
    np.testing.assert_allclose(read, y, atol=1 / 127 if subtype == "PCM_U8" else 1 / 32767)


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_a_tone_keeps_its_pitch_and_level_through_resampling(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", sine(sr=rate), rate)
    y, sr = audio.load(tmp_path / "a.wav", sr=16_000)
    spectrum = np.abs(np.fft.rfft(y * np.hanning(len(y))))
    assert len(y) == pytest.approx(16_000, abs=2)
    assert np.argmax(spectrum) * sr / len(y) == pytest.approx(440, abs=1.5)
    assert audio.rms_dbfs(y[2000:-2000]) == pytest.approx(-9.03, abs=0.05)


def test_the_native_rate_is_kept_on_request(tmp_path):
    soundfile.write(tmp_path / "a.wav", sine(sr=44_100), 44_100)
    y, sr = audio.load(tmp_path / "a.wav", sr=None)
    assert (len(y), sr) == (44_100, 44_100)


def test_channels_are_averaged_or_kept(tmp_path):
    left, right = sine(300), sine(500)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), 16_000, subtype="FLOAT")
    both, _ = audio.load(tmp_path / "a.wav", mono=False)
    assert both.shape == (2, 16_000)
    mono, _ = audio.load(tmp_path / "a.wav")
    np.testing.assert_allclose(mono, (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize("name", ["two words.wav", "größe – é.wav", "ünï cødé 音.wav"])
def test_names_with_spaces_and_accents(tmp_path, name):
    audio.save_wav(tmp_path / name, sine(), sr=16_000)
    assert len(audio.load(tmp_path / name)[0]) == 16_000


def test_one_sample_and_thirty_seconds_and_one_sample(tmp_path):
    for n_samples in (1, 480_001):
        audio.save_wav(tmp_path / "a.wav", np.full(n_samples, 0.25, np.float32), sr=16_000)
        assert len(audio.load(tmp_path / "a.wav")[0]) == n_samples


def test_what_libsndfile_cannot_read_goes_through_ffmpeg(tmp_path):
    audio.save_wav(tmp_path / "a.wav", sine(), sr=16_000)
    audio.run_ffmpeg("-i", str(tmp_path / "a.wav"), str(tmp_path / "a.m4a"), what="a")
    y, sr = audio.load(tmp_path / "a.m4a")
    assert sr == 16_000 and len(y) == pytest.approx(16_000, abs=2100)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"this is a letter, not a recording\n" * 100, "not a recording"),
        (b"RIFF" + struct.pack("<I", 10**9) + b"WAVE", "not a recording|no samples"),
    ],
)
def test_files_that_are_no_recordings(tmp_path, content, message):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(AudioError, match=message):
        audio.load(tmp_path / "a.wav")


def test_a_missing_file_and_a_recording_without_samples(tmp_path):
    with pytest.raises(AudioError, match="found no file"):
        audio.load(tmp_path / "no.wav")
    soundfile.write(tmp_path / "a.wav", np.zeros(0), 16_000)
    with pytest.raises(AudioError, match="no samples"):
        audio.load(tmp_path / "a.wav")


def test_nan_in_a_file_is_refused(tmp_path):
    y = sine()
    y[100] = np.nan
    soundfile.write(tmp_path / "a.wav", y, 16_000, subtype="FLOAT")
    with pytest.raises(AudioError, match="NaN"):
        audio.load(tmp_path / "a.wav")


def test_without_ffmpeg_the_error_names_the_doctor(tmp_path, monkeypatch):
    (tmp_path / "a.m4a").write_bytes(b"x" * 100)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AudioError, match="lab_utils check"):
        audio.load(tmp_path / "a.m4a")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0.0, 1.0], "found list"),
        (np.zeros((2, 5), np.float32), "shape \\(2, 5\\)"),
        (np.zeros(5, np.int16), "divide by 32768"),
        (np.zeros(0, np.float32), "empty"),
        (np.array([np.inf], np.float32), "NaN or infinity"),
    ],
)
def test_arrays_that_are_no_waveforms(y, message):
    with pytest.raises(AudioError, match=message):
        audio.check(y)


def test_a_wav_is_whole_or_not_there(tmp_path, monkeypatch):
    path = audio.save_wav(tmp_path / "a.wav", sine(), sr=16_000)
    before = path.read_bytes()

    def full_disk(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(AudioError, match="could not be written.*No space left"):
        audio.save_wav(path, sine(500), sr=16_000)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


def test_a_wav_is_rounded_to_the_nearest_step_and_not_shifted(tmp_path):
    y = np.random.default_rng(0).uniform(-0.5, 0.5, 20_000).astype(np.float32)
    audio.save_wav(tmp_path / "a.wav", y, sr=16_000)
    error = (audio.load(tmp_path / "a.wav")[0] - y) * 32768
    assert np.abs(error).max() <= 0.51
    assert abs(error.mean()) < 0.02


def test_values_beyond_full_scale_are_clipped_not_wrapped(tmp_path):
    audio.save_wav(tmp_path / "a.wav", np.array([2.0, -2.0, 0.5], np.float32), sr=16_000)
    np.testing.assert_allclose(audio.load(tmp_path / "a.wav")[0], [1, -1, 0.5], atol=1e-4)


@pytest.mark.parametrize("snr_db", [-5, 0, 10, 40])
def test_noise_has_the_power_that_was_asked_for(snr_db):
    y = sine()
    added = audio.add_noise(y, snr_db=snr_db, seed=1) - y
    measured = 10 * np.log10(np.mean(y.astype(float) ** 2) / np.mean(added.astype(float) ** 2))
    assert measured == pytest.approx(snr_db, abs=0.01)


def test_noise_is_repeatable_and_can_be_a_recording():
    y, hum = sine(), sine(50, seconds=0.1)
    np.testing.assert_array_equal(
        audio.add_noise(y, snr_db=10, seed=3), audio.add_noise(y, snr_db=10, seed=3)
    )
    added = audio.add_noise(y, snr_db=0, seed=3, noise=hum) - y
    assert np.argmax(np.abs(np.fft.rfft(added))) == 50
    with pytest.raises(AudioError, match="not silent"):
        audio.add_noise(np.zeros(100, np.float32), snr_db=10, seed=0)


@pytest.mark.parametrize(("frequency", "passes"), [(100, False), (1000, True), (5000, False)])
def test_the_telephone_passes_300_to_3400_hz(frequency, passes):
    y = audio.telephone(sine(frequency), sr=16_000)
    assert len(y) == 16_000
    lost = audio.rms_dbfs(sine(frequency)) - audio.rms_dbfs(y[2000:-2000])
    assert lost < 1 if passes else lost > 20


@pytest.mark.parametrize("codec", ["libmp3lame", "libopus", "aac"])
def test_a_codec_keeps_length_and_most_of_the_sound(codec):
    y = sine()
    back = audio.through_codec(y, sr=16_000, codec=codec, bitrate=32)
    assert back.shape == y.shape
    assert audio.rms_dbfs(back) == pytest.approx(audio.rms_dbfs(y), abs=1)
    with pytest.raises(AudioError, match="found 'magic'"):
        audio.through_codec(y, sr=16_000, codec="magic")


def test_levels():
    assert audio.rms_dbfs(np.ones(10, np.float32)) == 0
    assert audio.rms_dbfs(np.full(10, 0.1, np.float32)) == pytest.approx(-20)
    assert audio.rms_dbfs(np.zeros(10, np.float32)) == float("-inf")


def test_whispers_own_loader_hears_the_same():
    import whisper

    y, _ = audio.load(samples.path("en_story_wav"))
    theirs = whisper.load_audio(str(samples.path("en_story_wav")))
    np.testing.assert_allclose(y, theirs, atol=1 / 32767)
