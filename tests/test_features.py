"""Features against their oracles: librosa, whisper, and the way back."""

import librosa
import numpy as np
import pytest

from lab_utils import audio, features, pictures, samples
from lab_utils.errors import AudioError


@pytest.fixture(scope="module")
def clip():
    return audio.load(samples.path("en_story_wav"))


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, n).astype(np.float32)


@pytest.mark.parametrize("window", ["hann", "boxcar", "hamming", "blackman"])
@pytest.mark.parametrize(
    ("n_fft", "hop", "win"), [(1024, 320, 1024), (400, 160, 400), (512, 100, 300), (2048, 2048, 7)]
)
def test_stft_is_librosas(clip, window, n_fft, hop, win):
    y, _ = clip
    D = features.stft(y, n_fft=n_fft, hop_length=hop, win_length=win, window=window)
    oracle = librosa.stft(y, n_fft=n_fft, hop_length=hop, win_length=win, window=window)
    assert D.dtype == np.complex64 and D.shape == (1 + n_fft // 2, 1 + len(y) // hop)
    np.testing.assert_allclose(D, oracle, atol=2e-4)


@pytest.mark.parametrize("n_fft", [400, 401, 1023])
def test_the_way_there_and_back_with_even_and_odd_frames(n_fft):
    y = noise(8000)
    D = features.stft(y, n_fft=n_fft, hop_length=100)
    oracle = librosa.stft(y, n_fft=n_fft, hop_length=100)
    np.testing.assert_allclose(D, oracle, atol=2e-4)
    assert D.shape == (1 + n_fft // 2, 1 + (len(y) - n_fft % 2) // 100)
    back = features.istft(D, hop_length=100, n_samples=len(y), n_fft=n_fft)
    np.testing.assert_allclose(back, y, atol=1e-5)
    S = features.power(D)
    again = features.rebuild(S, hop_length=100, n_samples=len(y), n_fft=n_fft)
    assert again.shape == y.shape and np.isfinite(again).all()


def test_stft_shape_is_what_the_lab_says():
    for n in (1, 399, 400, 401, 30 * 16000):
        D = features.stft(noise(n), n_fft=400, hop_length=160)
        assert D.shape == (201, 1 + n // 160)


@pytest.mark.parametrize("hop", [128, 256, 512])
def test_istft_gives_the_waveform_back(clip, hop):
    y, _ = clip
    D = features.stft(y, n_fft=1024, hop_length=hop)
    back = features.istft(D, hop_length=hop, n_samples=len(y))
    assert back.shape == y.shape
    np.testing.assert_allclose(back[512:-1024], y[512:-1024], atol=1e-5)


def test_rebuild_comes_nearer_with_each_step(clip):
    y, sr = clip
    y = y[: 2 * sr]
    S = features.power(features.stft(y, n_fft=512, hop_length=128))

    def gap(steps):
        back = features.rebuild(S, hop_length=128, n_samples=len(y), steps=steps)
        again = features.power(features.stft(back, n_fft=512, hop_length=128))
        return np.linalg.norm(np.sqrt(again) - np.sqrt(S)) / np.linalg.norm(np.sqrt(S))

    assert gap(16) < gap(1) < 1
    assert gap(16) < 0.35


@pytest.mark.parametrize("top_db", [80.0, 30.0, None])
@pytest.mark.parametrize("ref", [1.0, 0.01, "max"])
def test_decibels_are_librosas(ref, top_db):
    S = np.abs(noise(4000)).reshape(40, 100) ** 2
    reference = np.max if ref == "max" else ref
    oracle = librosa.power_to_db(S, ref=reference, top_db=top_db)
    np.testing.assert_allclose(features.power_to_db(S, ref=ref, top_db=top_db), oracle, atol=1e-4)


def test_silence_has_finite_decibels():
    db = features.power_to_db(np.zeros((3, 4)), ref="max")
    assert np.isfinite(db).all() and np.ptp(db) == 0


@pytest.mark.parametrize("scale", features.MEL_SCALES)
def test_mel_scale_is_librosas_and_goes_back(scale):
    hz = np.array([0, 1, 440, 999.9, 1000, 1000.1, 4000, 11025])
    mel = features.hz_to_mel(hz, scale=scale)
    np.testing.assert_allclose(mel, librosa.hz_to_mel(hz, htk=scale == "htk"))
    np.testing.assert_allclose(features.mel_to_hz(mel, scale=scale), hz, atol=1e-8)
    assert (np.diff(mel) > 0).all()


@pytest.mark.parametrize("scale", features.MEL_SCALES)
@pytest.mark.parametrize("norm", ["slaney", None])
@pytest.mark.parametrize(("sr", "n_fft", "n_mels"), [(22050, 1024, 64), (16000, 400, 80)])
def test_filters_are_librosas(sr, n_fft, n_mels, scale, norm):
    filters = features.mel_filters(sr=sr, n_fft=n_fft, n_mels=n_mels, scale=scale, norm=norm)
    oracle = librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels, htk=scale == "htk", norm=norm)
    np.testing.assert_allclose(filters, oracle, atol=1e-6)


@pytest.mark.parametrize("n_mels", [80, 128])
def test_filters_are_those_in_whispers_file(n_mels):
    from whisper.audio import mel_filters

    ours = features.mel_filters(sr=16000, n_fft=400, n_mels=n_mels)
    np.testing.assert_allclose(ours, mel_filters("cpu", n_mels).numpy(), atol=1e-7)


def test_empty_filters_are_the_rows_without_a_weight():
    assert len(features.empty_filters(features.mel_filters(sr=16000, n_fft=400, n_mels=80))) == 0
    crowded = features.mel_filters(sr=16000, n_fft=256, n_mels=128)
    empty = features.empty_filters(crowded)
    assert len(empty) > 0 and (crowded[empty] == 0).all()


def test_mel_spectrogram_is_librosas(clip):
    y, sr = clip
    ours = features.mel_spectrogram(y, sr=sr, n_fft=1024, hop_length=320, n_mels=64)
    oracle = librosa.feature.melspectrogram(y=y, sr=sr, n_fft=1024, hop_length=320, n_mels=64)
    np.testing.assert_allclose(ours, oracle, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("n_mels", [80, 128])
@pytest.mark.parametrize("key", ["en_story_wav", "en_joe", "silence", "hum"])
def test_whisper_log_mel_is_whispers(key, n_mels):
    import whisper

    y = whisper.pad_or_trim(audio.load(samples.path(key))[0])
    ours = features.whisper_log_mel(y, n_mels=n_mels)
    oracle = whisper.log_mel_spectrogram(y, n_mels=n_mels).numpy()
    assert ours.shape == oracle.shape == (n_mels, 3000) and ours.dtype == np.float32
    assert np.abs(ours - oracle).max() < 1e-5


@pytest.mark.parametrize("n", [201, 1601, 16000])
def test_whisper_log_mel_of_any_length(n):
    import whisper

    ours = features.whisper_log_mel(noise(n))
    assert np.abs(ours - whisper.log_mel_spectrogram(noise(n)).numpy()).max() < 1e-5


def test_whisper_log_mel_with_another_fourier_transform_is_near(clip):
    """Only the rounding of float32 is left between NumPy's transform and torch's."""
    y, sr = clip
    S = features.power(features.stft(y, n_fft=400, hop_length=160, pad_mode="reflect"))[:, :-1]
    mel = features.mel_filters(sr=sr, n_fft=400, n_mels=80) @ S
    db = features.power_to_db(mel, ref=1.0, top_db=80)
    assert np.abs((db / 10 + 4) / 4 - features.whisper_log_mel(y)).max() < 1e-4


def test_envelope_keeps_every_peak():
    y = noise(1000)
    low, high = pictures.envelope(y, 30)
    assert (low.min(), high.max(), len(low)) == (y.min(), y.max(), 30)
    for part in pictures.envelope(y[:7], 30):
        np.testing.assert_array_equal(part, y[:7])


def test_frames_and_bins():
    assert features.frame_times(3, sr=16000, hop_length=160) == pytest.approx([0, 0.01, 0.02])
    np.testing.assert_allclose(
        features.bin_frequencies(sr=22050, n_fft=1024),
        librosa.fft_frequencies(sr=22050, n_fft=1024),
    )


def test_png_keeps_each_value_to_half_a_step(tmp_path, clip):
    from PIL import Image

    y, sr = clip
    S = features.mel_spectrogram(y, sr=sr, n_fft=1024, hop_length=320, n_mels=64)
    db = features.power_to_db(S, ref="max")
    path = features.save_png(tmp_path / "a name with ä space.png", db, low=-80, high=0)
    back = features.load_png(path, low=-80, high=0)
    assert back.shape == db.shape
    assert np.abs(back - db).max() <= 80 / 510 + 1e-4
    with Image.open(path) as picture:
        assert picture.size == db.shape[::-1] and picture.mode == "L"
        assert picture.getpixel((0, 63)) == round(float(db[0, 0] + 80) / 80 * 255)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


N = 8000  #: samples


def analyzed(n_fft=400, hop_length=160):
    return features.stft(noise(N), n_fft=n_fft, hop_length=hop_length)


def back(D, *, hop_length=160, n_samples=N, **options):
    return features.istft(D, hop_length=hop_length, n_samples=n_samples, **options)


def rebuilt(S):
    return features.rebuild(S, hop_length=160, n_samples=N)


def bank(sr=8000, n_fft=256, n_mels=40, **options):
    return features.mel_filters(sr=sr, n_fft=n_fft, n_mels=n_mels, **options)


def stft(y, n_fft=4, hop_length=1, **options):
    return features.stft(y, n_fft=n_fft, hop_length=hop_length, **options)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: back(analyzed(), n_samples=2 * N), "frames of 16000"),
        (lambda: back(analyzed()[:, 0]), r"shape \(201,\)"),
        (lambda: back(analyzed() * np.nan), "NaN"),
        (lambda: back(analyzed(), n_samples=8000.0), "whole n_samples"),
        (lambda: back(analyzed(), window="x"), "name of a"),
        (lambda: back(analyzed(256, 512), hop_length=512), "sound is missing"),
        (lambda: back(analyzed(400, 400), hop_length=400), "shorter hop"),  # Hann begins with 0
        (lambda: back(analyzed(401)), "pass n_fft=401"),
        (lambda: back(analyzed(401), n_fft=512), "257 rows for n_fft 512, found 201"),
        (lambda: rebuilt(features.power(analyzed(401))), "odd length"),
        (lambda: rebuilt(-abs(analyzed())), "Expected power"),
        (lambda: rebuilt(analyzed()), "found complex"),
        (lambda: stft(noise(9), hop_length=0), "hop of at least 1"),
        (lambda: stft(noise(9), hop_length=1.0), "whole hop of at least 1 sample, found 1.0"),
        (lambda: stft(noise(9), n_fft=4.0), "whole n_fft of at least 1 sample, found 4.0"),
        (lambda: stft(noise(9), win_length=5), "1 to 4"),
        (lambda: stft(noise(9), win_length=0), "1 to 4"),
        (lambda: stft(noise(9), pad_mode="mirror"), "'mirror'"),
        (lambda: stft(noise(9), window="flat-ish"), "name of a window"),
        (lambda: stft(noise(9), window=[1]), "name of a window"),
        (lambda: stft(noise(8).reshape(2, 4)), "mono waveform"),
        (lambda: stft(noise(9) * np.nan), "not numbers"),
        (lambda: stft(noise(0)), "empty"),
        (lambda: features.power_to_db(np.ones(3) * 1j), "complex"),
        (lambda: features.power_to_db(np.ones(3), ref="min"), "'min'"),
        (lambda: features.power_to_db(np.ones(3), ref=-1.0), "-1.0"),
        (lambda: features.power_to_db(np.ones(3), top_db=-1), "top_db"),
        (lambda: features.whisper_log_mel(noise(200)), "Pad the clip"),
        (lambda: features.hz_to_mel(1, scale="bark"), "mel scale"),
        (lambda: bank(fmax=8000), "half of sr"),
        (lambda: bank(n_mels=0), "n_mels"),
        (lambda: bank(n_mels=8.0), "n_mels >= 1"),
        (lambda: bank(norm="x"), "norm"),
        (lambda: features.load_png("no.png", low=0, high=1), "save_png"),
        (lambda: features.save_png("x.png", np.zeros(3), low=0, high=1), "matrix"),
        (lambda: features.save_png("x.png", np.zeros((3, 3)), low=1, high=1), "low < high"),
    ],
)
def test_what_makes_no_sense_is_refused(call, match):
    with pytest.raises(AudioError, match=match):
        call()
