"""What readers, teachers and attackers once found wrong, one test a finding.

Only commands and names that the product had then are used, so that each test fails on that state
for the finding's own reason. How each mechanism works is tested beside its module.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lab_utils import audio, features, metrics, samples, transcripts
from lab_utils.corpus import export, label
from lab_utils.corpus.manifest import Clip, Manifest
from lab_utils.errors import AudioError, CorpusError, LabError


def command(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "lab_utils", *map(str, arguments)],
        capture_output=True, text=True, encoding="utf-8", env=os.environ | variables, timeout=120,
    )  # fmt: skip


def tone(seconds: float = 1.0, sr: int = 16_000) -> np.ndarray:
    return (0.1 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * sr)) / sr)).astype(np.float32)


def corpus(folder: Path, *, name: str = "one", text: str = "Hello.", **cells: str) -> Manifest:
    (folder / "clips").mkdir(parents=True)
    soundfile.write(folder / "clips" / "a.wav", tone(), 16_000)
    clip = Clip(
        id=name, file="clips/a.wav", recording="a.wav", end=1.0, text=text, split="train", **cells
    )
    manifest = Manifest(folder, (clip,))
    manifest.save()
    return manifest


def ffmpeg(*arguments: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True)


def refused(done: subprocess.CompletedProcess) -> str:
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in said, said
    return said


# ---- nothing is destroyed -----------------------------------------------------------------------


@pytest.mark.parametrize("kept", ["wavs/voice.wav", ".git/HEAD", "checkpoints/best.pt"])
def test_an_export_empties_no_foreign_folder(tmp_path, kept):
    manifest = corpus(tmp_path / "corpus")
    out = tmp_path / "LJSpeech"
    for name in (kept, "metadata.csv"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("theirs")
    with pytest.raises(CorpusError):
        export.ljspeech(manifest, out)
    assert (out / kept).read_text() == (out / "metadata.csv").read_text() == "theirs"


def test_what_a_trainer_writes_into_an_export_survives_the_next_one(tmp_path):
    manifest = corpus(tmp_path / "corpus")
    out = tmp_path / "out"
    export.audiofolder(manifest, out)
    (out / "run-1").mkdir()
    (out / "run-1" / "best.pt").write_text("weights")
    export.audiofolder(manifest, out)
    assert (out / "run-1" / "best.pt").read_text() == "weights"


@pytest.mark.parametrize("name", ["../../outside", "CON", "a" * 101, "a/b"])
def test_a_name_from_a_table_never_becomes_a_path(tmp_path, name):
    manifest = corpus(tmp_path / "corpus", name=name)
    with pytest.raises(CorpusError, match="manifest.csv"):
        export.ljspeech(Manifest.load(manifest.folder), tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("outside*")) and not (tmp_path / "deep" / "out").exists()


# ---- nothing leaks ------------------------------------------------------------------------------


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:3.0,\n{}\n#EXT-X-ENDLIST\n"
DASH = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT3S"
 profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="audio/mp4">
<Representation id="a" bandwidth="64000"><BaseURL>{}</BaseURL></Representation>
</AdaptationSet></Period></MPD>"""
CONCAT = "ffconcat version 1.0\nfile {}\n"


@pytest.mark.parametrize(
    ("name", "text", "private"),
    [
        ("list.m3u8", HLS, "private.mp3"),
        ("list.wav", DASH, "private.m4a"),
        ("list.wav", CONCAT, "private.wav"),
    ],
    ids=["HLS", "DASH", "concat"],
)
def test_a_playlist_plays_no_other_file(tmp_path, name, text, private):
    ffmpeg("-f", "lavfi", "-i", "sine=duration=3", str(tmp_path / private))
    where = private if text is CONCAT else str(tmp_path / private)
    (tmp_path / name).write_text(text.format(where))
    with pytest.raises(AudioError):
        audio.load(tmp_path / name)


@pytest.mark.parametrize("sr", [1, 3_999, 384_001])
def test_a_rate_that_no_speech_has_is_refused(tmp_path, sr):
    soundfile.write(tmp_path / "x.wav", np.zeros(1000, np.int16), sr)
    with pytest.raises(AudioError, match="384"):
        audio.load(tmp_path / "x.wav")


def test_a_report_and_the_progress_are_for_their_owner_only(tmp_path, monkeypatch):
    if sys.platform == "win32":
        pytest.skip("Windows has no such bits")
    from lab_utils.exercises import record

    monkeypatch.setenv("WHISPER_LAB_PROGRESS", str(tmp_path / "progress.json"))
    record.add_attempt("waveform.duration", correct=True)
    done = command("report", "--name", "Ada", "--out", tmp_path / "ada.json")
    files = [tmp_path / "progress.json", *tmp_path.glob("*ada*"), *tmp_path.glob("*Ada*")]
    assert len(files) > 1, done.stdout + done.stderr
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}


# ---- nothing is silently wrong: sound -----------------------------------------------------------


@pytest.mark.parametrize("kind", ["FLAC", "WAV"])
def test_half_a_file_is_an_error_not_half_the_sound(tmp_path, kind):
    path = tmp_path / f"x.{kind.lower()}"
    soundfile.write(path, tone(3), 16_000, format=kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError):
        audio.load(path)


def test_a_wav_of_a_stream_has_all_its_samples(tmp_path):
    path = tmp_path / "x.wav"
    soundfile.write(path, tone(2), 16_000)
    data = bytearray(path.read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = data[4:8] = bytes(4)
    path.write_bytes(bytes(data))
    assert len(audio.load(path)[0]) == 32_000


def test_channels_that_cancel_are_not_silence(tmp_path):
    y = tone()
    soundfile.write(tmp_path / "x.wav", np.stack([y, -y], axis=1), 16_000)
    with pytest.warns(UserWarning, match="cancel"):
        heard, _ = audio.load(tmp_path / "x.wav")
    assert np.abs(heard).max() > 0.09


def test_a_name_with_a_colon_is_a_file(tmp_path, monkeypatch):
    if sys.platform == "win32":
        pytest.skip("Windows has no such names")
    monkeypatch.chdir(tmp_path)
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "a.m4a")
    Path("a.m4a").rename("10:30 talk.m4a")
    assert len(audio.load("10:30 talk.m4a")[0]) >= 16_000


def test_a_length_that_is_only_declared_takes_no_memory(tmp_path):
    soundfile.write(tmp_path / "x.flac", tone(), 16_000)
    data = bytearray((tmp_path / "x.flac").read_bytes())
    data[21] |= 0x0F  # the upper 4 of the 36 bits that count the samples
    data[22:26] = b"\xff" * 4
    (tmp_path / "x.flac").write_bytes(data)
    with pytest.raises(AudioError):
        audio.load(tmp_path / "x.flac")


def test_a_video_without_sound_is_named_so(tmp_path):
    ffmpeg("-f", "lavfi", "-i", "color=size=16x16:duration=1", str(tmp_path / "x.mp4"))
    with pytest.raises(AudioError, match="no sound"):
        audio.load(tmp_path / "x.mp4")


def test_samples_without_a_header_are_refused_in_words(tmp_path):
    (tmp_path / "x.raw").write_bytes(bytes(3200))
    with pytest.raises(AudioError):
        audio.load(tmp_path / "x.raw")


# ---- times, options, languages ------------------------------------------------------------------


def result(*segments: dict) -> dict:
    basis = {"avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.0, "temperature": 0}
    filled = [{"id": i, "tokens": [], "seek": 0} | basis | s for i, s in enumerate(segments)]
    return {"language": "en", "text": "", "segments": filled}


def test_no_segment_ends_after_the_recording():
    found = transcripts.from_result(
        result({"start": 0.0, "end": 28.0, "text": " All."}), duration=9.0
    )
    assert found.segments[-1].end <= 9.0


def test_no_cue_is_empty_or_without_length():
    segments = (
        {"start": 0.0, "end": 1.0, "text": " One."},
        {"start": 1.0, "end": 1.0, "text": " Now."},
        {"start": 1.0, "end": 2.0, "text": " "},
    )
    srt = transcripts.from_result(result(*segments), duration=3.0).subtitles("srt")
    cues = [cue.splitlines() for cue in srt.strip().split("\n\n")]
    assert all(len(cue) >= 3 and cue[2].strip() for cue in cues), srt
    assert all(len(set(cue[1].split(" --> "))) == 2 for cue in cues), srt


def test_subtitles_of_words_bear_a_segment_without_any():
    words = [{"word": " One.", "start": 0.0, "end": 1.0, "probability": 1.0}]
    heard = result(
        {"start": 0.0, "end": 1.0, "text": " One.", "words": words},
        {"start": 1.0, "end": 2.0, "text": "", "words": []},
    )
    found = transcripts.from_result(heard, duration=3.0)
    assert "One." in found.subtitles("srt", max_line_width=20)


def test_web_subtitles_escape_their_signs():
    heard = result({"start": 0.0, "end": 1.0, "text": " a < b & c"})
    vtt = transcripts.from_result(heard, duration=3.0).subtitles("vtt")
    assert "a &lt; b &amp; c" in vtt


@pytest.mark.model
@pytest.mark.slow
def test_a_time_past_the_end_is_an_error_at_once():
    done = subprocess.run(
        [sys.executable, "-c", "from lab_utils import samples, transcripts\n"
         "try: transcripts.transcribe(samples.path('en_mic'), 'tiny.en', clip_timestamps=[90.0])\n"
         "except ValueError as error: print('refused', error)"],
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert "refused" in done.stdout, done.stderr


@pytest.mark.model
@pytest.mark.parametrize(
    "options",
    [
        {"language": "de"},
        {"task": "translate"},
        {"temprature": 0.5},
        {"highlight_words": True, "max_line_widht": 3},
        {"initial_prompt": "<|notimestamps|>"},
        {"initial_prompt": "word " * 600},
        {"prefix": "And"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_the_model_cannot_do_is_said(options):
    with pytest.raises(LabError):
        transcripts.transcribe(samples.path("en_mic"), "tiny.en", **options)


# ---- labels, tables, subtitles ------------------------------------------------------------------


@pytest.mark.model
def test_another_model_labels_anew(tmp_path):
    """Label with one model object, then with another: the second is asked."""
    import copy

    from lab_utils.models import load_model

    manifest = corpus(tmp_path / "corpus", text="")
    y, sr = audio.load(samples.path("en_mic"))
    soundfile.write(tmp_path / "corpus" / "clips" / "a.wav", y, sr)
    first = load_model("tiny.en")
    other = copy.deepcopy(first)
    other.decoder.token_embedding.weight.data[:, 0] += 0.5  # another model
    texts = [
        label.with_whisper(manifest, model, progress=False).clips[0].heard
        or label.with_whisper(manifest, model, progress=False).clips[0].text
        for model in (first, other)
    ]
    assert texts[0] != texts[1]


@pytest.mark.model
def test_silence_gets_no_label(tmp_path):
    manifest = corpus(tmp_path / "corpus", text="")
    soundfile.write(tmp_path / "corpus" / "clips" / "a.wav", np.zeros(32_000, np.int16), 16_000)
    from lab_utils.models import load_model

    assert label.with_whisper(manifest, load_model("tiny.en"), progress=False).clips[0].text == ""


@pytest.mark.parametrize("sign", ["\u2028", "\u0085", "\v", "\r"])
def test_a_line_sign_in_a_cell_makes_no_clip(tmp_path, sign):
    manifest = corpus(tmp_path / "corpus", speaker=f"Ada{sign}L.")
    assert [clip.speaker for clip in Manifest.load(manifest.folder).clips] == [f"Ada{sign}L."]
    back = export.audiofolder(manifest, tmp_path / "out")
    assert len(back.clips) == 1
    assert len(export.read_audiofolder(tmp_path / "out").clips) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [("1.0", "nan"), ("1.0", "inf"), ("0.0", "-5.0"), ("Hello.", "Hel\0lo.")],
    ids=["nan", "infinity", "negative", "NUL"],
)
def test_a_table_that_makes_no_sense_is_refused(tmp_path, old, new):
    manifest = corpus(tmp_path / "corpus")
    table = manifest.folder / "manifest.csv"
    text = table.read_text("utf-8")
    assert old in text
    table.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(CorpusError) as caught:
        Manifest.load(manifest.folder)
    assert "manifest.csv" in str(caught.value) and "could not convert" not in str(caught.value)


@pytest.mark.parametrize(
    ("cue", "text"),
    [
        ("1\n00:00:00,000 --> 00:00:01,000\n3 < 5 and 7 > 5\n\n", "3 < 5 and 7 > 5"),
        ("WEBVTT\n\nNOTE not said\n\n00:00.000 --> 00:01.000\nTom &amp; Ann\n", "Tom & Ann"),
        (
            "1\n00:00:00,000 --> 00:00:01,000\nOne.\n2\n00:00:02,000 --> 00:00:03,000\nTwo.\n",
            "One.",
        ),
    ],
)
def test_subtitles_put_only_what_is_said_into_a_text(tmp_path, cue, text):
    manifest = corpus(tmp_path / "corpus", text="")
    assert label.from_subtitles(manifest, "a.wav", cue).clips[0].text == text


# ---- metrics, features --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "written"), [("की", "का"), ("கி", "கா"), ("he [left] now", "he now")]
)
def test_vowel_signs_and_words_in_brackets_count(said, written):
    assert metrics.score([said], [written], normalizer="basic").wer > 0


@pytest.mark.parametrize("term", ["New York", "Jean-Luc", "O'Brien", "C++"])
def test_a_term_of_any_form_counts(term):
    said = [f"We saw {term} there."]
    assert metrics.terms_right(said, said, [term]) == (1, 1)


def test_a_lecture_can_be_aligned():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in rng.integers(500, size=6_500)]
    heard = [word for word in words if rng.random() > 0.05]
    found = metrics.score([" ".join(words)], [" ".join(heard)], normalizer="none")
    assert found.wer == pytest.approx(1 - len(heard) / len(words))


def test_intervals_are_not_too_narrow_at_twelve_clips():
    rng, inside, corpora = np.random.default_rng(3), 0, 120
    for _ in range(corpora):
        words = rng.integers(4, 9, size=12)
        a = np.minimum(words, rng.poisson(0.05 * words * rng.gamma(0.5, 2, size=12)))
        b = np.minimum(words, rng.poisson(0.03 * words * rng.gamma(0.5, 2, size=12)))
        said = [" ".join(f"c{i}w{k}" for k in range(n)) for i, n in enumerate(words)]

        def wrong(errors, said=said):
            return [
                " ".join("x" if k < e else w for k, w in enumerate(text.split()))
                for text, e in zip(said, errors, strict=True)
            ]

        scores = [metrics.score(said, wrong(errors), normalizer="none") for errors in (a, b)]
        found = metrics.compare(*scores).difference
        inside += bool(np.isnan(found.low)) or found.low <= -0.02 <= found.high
    assert inside / corpora >= 0.93


def test_an_odd_n_fft_is_inverted_or_refused():
    y = tone(0.2)
    try:
        D = features.stft(y, n_fft=401, hop_length=100)
        back = features.istft(D, hop_length=100, n_samples=len(y))
    except LabError:
        return
    np.testing.assert_allclose(back, y, atol=1e-3)


# ---- raw errors ---------------------------------------------------------------------------------


def test_an_empty_table_of_recordings_is_said(tmp_path):
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in" / "a.wav", tone(), 16_000)
    (tmp_path / "in" / "recordings.csv").write_text("")
    said = refused(command("corpus", "prepare", tmp_path / "in", tmp_path / "out"))
    assert "recordings.csv" in said and "closed file" not in said


@pytest.mark.slow
def test_a_name_that_is_no_utf8_does_not_end_the_run(tmp_path):
    if sys.platform != "linux":
        pytest.skip("only Linux has such names")
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in" / "a.wav", tone(4), 16_000)
    with open(os.fsencode(tmp_path / "in") + b"/\xff.wav", "wb") as file:
        file.write((tmp_path / "in" / "a.wav").read_bytes())
    done = command("corpus", "prepare", tmp_path / "in", tmp_path / "out")
    assert "Traceback" not in done.stderr + done.stdout
    with open(tmp_path / "out" / "dropped.csv", encoding="utf-8", newline="") as file:
        assert len({row["recording"] for row in csv.DictReader(file)}) >= 1


@pytest.mark.slow
def test_a_folder_of_weights_that_is_wrong_is_named(tmp_path):
    folder, nowhere = str(tmp_path / "none"), "http://127.0.0.1:9"
    variables = {"WHISPER_LAB_WEIGHTS": folder, "WHISPER_LAB_CACHE": str(tmp_path / "cache")}
    variables |= {
        "HOME": str(tmp_path),
        "USERPROFILE": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path),
    }
    variables |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "https_proxy": nowhere}
    code = "from lab_utils.models import load_model\nload_model('base')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd="/", timeout=100,
        env=os.environ | variables,
    )  # fmt: skip
    assert folder in done.stderr


def test_weights_with_a_flipped_bit_are_not_verified_by_the_note_beside_them(tmp_path, monkeypatch):
    import hashlib
    import json

    from lab_utils import checkpoints

    data = bytearray(checkpoints.fetch("tiny.en").read_bytes())
    data[len(data) // 2] ^= 1
    path = tmp_path / "tiny.en.pt"
    path.write_bytes(data)
    note = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (tmp_path / "tiny.en.pt.json").write_text(json.dumps(note))
    monkeypatch.setenv("WHISPER_LAB_CACHE", str(tmp_path))
    assert checkpoints.locate("tiny.en") != path


# ---- exercises ----------------------------------------------------------------------------------


def test_a_time_that_no_player_reads_is_not_praised(capsys):
    """It rounds the milliseconds alone, and writes 00:00:59,1000."""
    from lab_utils import exercises

    def timecode(seconds):
        whole = int(seconds)
        hours, minutes = whole // 3600, whole // 60 % 60
        return f"{hours:02d}:{minutes:02d}:{whole % 60:02d},{round((seconds - whole) * 1000):03d}"

    exercises.transcribe.timecode.check(timecode)
    assert "not yet" in capsys.readouterr().out.lower()


@pytest.mark.slow
def test_an_endless_loop_ends_with_a_message():
    code = (
        "from lab_utils import exercises\n"
        "def timecode(seconds):\n    while True: pass\n"
        "exercises.transcribe.timecode.check(timecode)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "10" in done.stdout
