"""The Python half of player and recorder, without a browser."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from lab_utils import audio, samples
from lab_utils.errors import AudioError, LabError, SampleError
from lab_utils.transcripts import Segment, Transcript, Word
from lab_utils.widgets import Player, Recorder, listen, my_voice, play, player_html
from lab_utils.widgets import player as player_module
from lab_utils.widgets import recorder as recorder_module

SR = 16_000


def tone(seconds: float = 1.0, *, sr: int = SR) -> np.ndarray:
    t = np.arange(int(seconds * sr)) / sr
    return (0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


def transcript(*groups: tuple[str, ...], timed: bool = True, language: str = "en") -> Transcript:
    """Segments of words, each word 0.2 s long."""
    segments, start = [], 0.0
    for group in groups:
        words = tuple(
            Word(text, start + 0.2 * i, start + 0.2 * i + 0.2, 0.9) for i, text in enumerate(group)
        )
        segments.append(
            Segment("".join(group), start, words[-1].end, -0.1, 0.0, 1.0, 0.0, (), words * timed)
        )
        start = words[-1].end
    text = "".join(map("".join, groups)).strip()
    return Transcript(text, language, tuple(segments), start)


def wav(y: np.ndarray, *, sr: int = SR, format: str = "WAV", subtype: str | None = None) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, y, sr, format=format, subtype=subtype)
    return buffer.getvalue()


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    folder = tmp_path / "my recordings é"
    monkeypatch.setenv(recorder_module.RECORDINGS_VARIABLE, str(folder))
    return folder


@pytest.fixture(autouse=True)
def nothing_heard(monkeypatch):
    """A kernel that has not given out the reader's voice yet."""
    monkeypatch.setattr(recorder_module, "_heard", set(), raising=False)


@pytest.fixture
def shown(monkeypatch):
    """What was displayed, as bundles of MIME types."""
    bundles = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: bundles.append(data))
    monkeypatch.delenv(player_module.EXPORT_VARIABLE, raising=False)
    return bundles


# ---------------------------------------------------------------- player


def test_play_shows_a_widget_and_its_printed_form(shown):
    play(tone(), sr=SR, transcript=transcript((" one", " two")), label="A <tone>")
    [bundle] = shown
    assert set(bundle) == {player_module.WIDGET_VIEW, "text/html", "text/plain"}
    assert bundle["text/plain"] == "[player: A <tone>]"
    assert '<p lang="en">one two</p>' in bundle["text/html"]
    assert "A &lt;tone&gt;" in bundle["text/html"]
    assert "data:audio" not in bundle["text/html"], "no sound in a committed notebook"
    assert len(bundle["text/html"]) < 100_000


def test_printed_form_is_the_same_each_time_and_refers_to_the_file(shown, monkeypatch):
    monkeypatch.chdir(samples.assets_dir())
    for _ in range(2):
        play(samples.path("en_mic"), label="The microphone clip")
    first, second = (bundle["text/html"] for bundle in shown)
    assert first == second
    assert 'src="audio/en_mic.wav"' in first


def test_export_carries_the_sound(shown, monkeypatch):
    monkeypatch.setenv(player_module.EXPORT_VARIABLE, "1")
    play(tone(), sr=SR, label="A tone")
    assert set(shown[0]) == {"text/html", "text/plain"}
    assert "<script" in shown[0]["text/html"]


def test_player_html_is_whole_and_asks_for_nothing():
    y = tone(2.0, sr=44_100)
    markup = player_html(y, sr=44_100, transcript=transcript((" </script>",)), label="x", page=True)
    links = set(re.findall(r"https?://[^\s\"'`)]+", markup)) - {"http://www.w3.org/2000/svg"}
    assert links == set()
    assert markup.count("</script>") == 1, "a word cannot end the script"
    content = json.loads(re.search(r"const data = ({.*});\n", markup).group(1))
    sound = base64.b64decode(content["audio"])
    back, sr = soundfile.read(io.BytesIO(sound), dtype="float32")
    assert sr == SR
    expected = audio.resample(y, sr=44_100, target_sr=SR)
    np.testing.assert_allclose(back, expected, atol=2 / 32768)


def test_two_players_on_a_page_have_their_own_places():
    places = {re.search(r'id="([^"]+)"', player_html(tone(), sr=SR, label="x"))[1] for _ in "ab"}
    assert len(places) == 2


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"label": "  "}, LabError, "label"),
        ({"label": "x", "view": "cepstrum"}, LabError, "'waveform' or 'mel'"),
    ],
)
def test_player_refuses(options, error, says):
    with pytest.raises(error, match=says):
        Player(tone(), sr=SR, **options)


@pytest.mark.parametrize(
    ("y", "sr", "says"),
    [
        (tone(), None, "Expected sr"),
        (np.zeros((2, 100), np.float32), SR, "mono"),
        (np.zeros(0, np.float32), SR, "empty"),
        (np.full(100, np.nan, np.float32), SR, "not numbers"),
        (np.zeros(100, np.int16), SR, "int16"),
    ],
)
def test_play_refuses_what_is_no_waveform(y, sr, says):
    with pytest.raises(AudioError, match=says):
        play(y, sr=sr, label="x")


def test_words_and_lines_of_a_transcript():
    player = Player(tone(), sr=SR, transcript=transcript((" a", " b"), (" c",)), label="x")
    data = player.data
    assert [word["text"] for word in data["words"]] == [" a", " b", " c"]
    assert [(line["first"], line["last"]) for line in data["lines"]] == [(0, 2), (2, 3)]
    assert data["lines"][1]["start"] == pytest.approx(0.4)
    assert data["language"] == "en"


def test_a_transcript_without_word_times_lights_phrases():
    data = Player(
        tone(), sr=SR, transcript=transcript((" a", " b"), (" c",), timed=False), label="x"
    ).data
    assert [word["text"] for word in data["words"]] == [" a b", " c"]
    assert {word["probability"] for word in data["words"]} == {None}


def test_a_list_of_words_and_an_empty_transcript():
    words = [Word(" a", 0.0, 0.5, 1.0), Word(" b", 0.5, 0.9, 0.1)]
    assert len(Player(tone(), sr=SR, transcript=words, label="x").data["lines"]) == 1
    for nothing in (None, [], Transcript("", "en", (), 1.0)):
        assert Player(tone(), sr=SR, transcript=nothing, label="x").data["words"] == []


@pytest.mark.parametrize("y", [tone(), tone(0.001), np.zeros(1, np.float32), np.zeros(SR, "f4")])
def test_a_waveform_is_scaled_to_its_loudest_sample(y):
    player = Player(y, sr=SR, label="x")
    pairs = np.frombuffer(player.picture, np.int8).reshape(-1, 2)
    assert player.data["rows"] == 0 and len(pairs) == min(len(y), player_module.COLUMNS)
    loudest = np.abs(y).max() or 1
    assert pairs.max() / 127 == pytest.approx(y.max() / loudest, abs=0.01)
    assert pairs.min() / 127 == pytest.approx(y.min() / loudest, abs=0.01)


def test_mel_view_shows_the_tone_in_its_band():
    import whisper

    player = Player(tone(2.0), sr=SR, label="x", view="mel")
    levels = np.frombuffer(player.picture, np.uint8).reshape(player.data["rows"], -1)
    assert levels.shape == (80, 200)
    expected = whisper.log_mel_spectrogram(tone(2.0)).numpy()
    assert abs(int(levels.mean(1).argmax()) - int(expected.mean(1).argmax())) <= 1


def test_sound_is_sent_compactly():
    y, sr = audio.load(samples.path("en_story_wav"), sr=None)
    player = Player(y, sr=sr, label="x")
    assert len(player.audio) < 0.75 * 2 * len(y)
    back, _ = soundfile.read(io.BytesIO(player.audio), dtype="float32")
    np.testing.assert_allclose(back, y, atol=1 / 32768)


@pytest.fixture(scope="module")
def lecture(tmp_path_factory):
    """30 minutes: each second is as loud as its number says."""
    path = tmp_path_factory.mktemp("long") / "lecture.wav"
    loudness = (np.arange(1800, dtype=np.float32) + 1) / 2000
    soundfile.write(path, np.repeat(loudness, 4000), 4000, subtype="PCM_16")
    return path


def test_half_an_hour_is_refused_with_what_to_do(lecture, shown):
    y, sr = soundfile.read(lecture, dtype="float32")
    for clip in (lecture, y):
        with pytest.raises(LabError, match="at most 300 s .*found 1800 s.*start=0, end=300"):
            play(clip, sr=sr, label="A lecture")
    with pytest.raises(LabError, match="start=700, end=1000"):
        play(lecture, label="A lecture", start=700)
    with pytest.raises(LabError, match="at most 300 s"):
        Player(y, sr=sr, label="A lecture")
    with pytest.raises(LabError, match="at most 300 s"):
        player_html(lecture, label="A lecture")
    assert shown == []


@pytest.mark.parametrize("as_array", [False, True])
def test_a_part_is_played_with_its_words(lecture, shown, monkeypatch, as_array):
    made = []
    monkeypatch.setattr(
        player_module, "Player", lambda y, **k: made.append((y, k)) or Player(y, **k)
    )
    y, sr = soundfile.read(lecture, dtype="float32")
    spoken = Transcript("", "en", tuple(
        Segment("", t, t + 2, -0.1, 0.0, 1.0, 0.0, (), (Word(f" {t}", t, t + 1.5, 0.9),))
        for t in (998.0, 1000.0, 1002.0, 1004.0)), 1800.0)  # fmt: skip
    play(y if as_array else lecture, sr=sr, label="x", transcript=spoken, start=999.0, end=1003.0)
    [(part, options)] = made
    np.testing.assert_array_equal(part, y[999 * 4000 : 1003 * 4000])
    words = [w for s in options["transcript"].segments for w in s.words]
    assert [(w.text, w.start, w.end) for w in words] == [
        (" 998.0", 0.0, 0.5), (" 1000.0", 1.0, 2.5), (" 1002.0", 3.0, 4.0)]  # fmt: skip
    assert "<audio" not in shown[0]["text/html"], "the file is longer than what is shown"


@pytest.mark.parametrize(
    ("start", "end"),
    [(-1, 2), (2, 2), (3, 2), (float("nan"), 2), (0, float("nan")), (0, float("inf")), (5, None)],
)
def test_a_part_that_is_none_is_refused(start, end):
    with pytest.raises(LabError, match="Expected 0 <= start < end"):
        play(tone(), sr=SR, label="x", start=start, end=end)


def test_a_notebook_with_a_player_and_a_recorder_stays_small_and_silent(tmp_path, monkeypatch):
    """As the notebooks are committed: no widget state, no sound, the same text each time."""
    import nbformat

    monkeypatch.syspath_prepend(str(samples.assets_dir().parent / "tools"))
    import run_notebook

    sys.modules.pop("run_notebook")
    cells = [
        "from lab_utils.widgets import play, my_voice, Recorder\nfrom lab_utils import samples",
        "play(samples.path('en_story_wav'), label='The story')",
        "recorder = Recorder()\nrecorder",
        "y, sr = my_voice()",
    ]
    path = tmp_path / "lab.ipynb"
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path
    )
    assert run_notebook.run(path, timeout=60) == []
    assert path.stat().st_size < 150_000
    notebook = nbformat.read(path, as_version=4)
    _, player, recorder, voice = (cell.outputs for cell in notebook.cells)
    assert player[0]["data"].keys() == {"text/html", "text/plain"}
    assert recorder[0]["data"]["text/plain"] == recorder_module.PRINTED
    seconds = f"{samples.get('en_story_wav').duration:.1f} s"
    said = f"The sample clip en_story_wav, {seconds}: no recording of yours yet.\n"
    assert voice[0]["text"] == said
    assert "widgets" not in notebook.metadata


# ---------------------------------------------------------------- recorder


def test_my_voice_says_which_clip_it_is(recordings, capsys):
    y, sr = my_voice(default="en_mic")
    assert "sample clip en_mic" in capsys.readouterr().out
    assert (sr, y.dtype, y.ndim) == (SR, np.float32, 1)
    assert not recordings.exists(), "nothing is made before there is something to keep"

    recorder = Recorder()
    recorder.receive(wav(tone(3.0)), kind="uploaded file")
    assert len(my_voice()[0]) == 3 * SR
    assert "Your uploaded file, 3.0 s" in capsys.readouterr().out

    recorder.receive(memoryview(wav(tone(2.0))))
    assert len(my_voice()[0]) == 2 * SR
    said = capsys.readouterr().out
    assert "Your recording, 2.0 s" in said and str(recordings) in said
    assert [path.name for path in recordings.iterdir()] == ["my-voice-recorded.wav"]

    recorder.delete()
    assert list(recordings.iterdir()) == []
    my_voice()
    assert "sample clip" in capsys.readouterr().out


def test_my_voice_at_another_rate(recordings):
    Recorder().receive(wav(tone(1.0)))
    y, sr = my_voice(sr=8000)
    assert (len(y), sr) == (8000, 8000)


def test_a_file_put_into_the_folder_by_hand(recordings, capsys):
    recordings.mkdir()
    (recordings / "my-voice-uploaded.mp3").write_bytes(samples.path("en_story_mp3").read_bytes())
    y, sr = my_voice()
    assert len(y) / sr == pytest.approx(samples.get("en_story_mp3").duration, abs=0.1)
    recorder = Recorder()
    assert recorder.saved["kind"] == "uploaded file"
    recorder.receive(wav(tone()))
    recorder.delete()
    assert list(recordings.iterdir()) == [], "delete takes every clip of that name"


def test_a_recorder_finds_the_recording_of_another_lab(recordings):
    Recorder().receive(wav(tone(2.5)))
    assert Recorder().saved == {"kind": "recording", "seconds": 2.5}
    assert Recorder(name="prompt-1").saved == {}


def test_stereo_and_other_rates_become_mono_16_khz(recordings):
    stereo = np.stack([tone(1.0, sr=44_100), np.zeros(44_100, np.float32)], axis=1)
    y, sr = audio.load(Recorder().receive(wav(stereo, sr=44_100)), sr=None)
    assert (sr, len(y)) == (SR, SR)
    assert np.abs(y).max() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("sent", [b"", b"no sound", wav(np.zeros(0, np.float32))])
def test_what_is_no_recording_is_refused_and_the_old_one_stays(recordings, sent):
    recorder = Recorder()
    path = recorder.receive(wav(tone()))
    before = path.read_bytes()
    with pytest.raises(AudioError):
        recorder.receive(sent)
    assert [file.read_bytes() for file in recordings.iterdir()] == [before]


@pytest.mark.parametrize("name", ["", "../evil", "a b", "a/b", "x" * 61, "my-voice\n"])
def test_names_cannot_leave_the_folder(name):
    for call in (lambda: Recorder(name=name), lambda: my_voice(name=name)):
        with pytest.raises(LabError, match="letters, digits"):
            call()


def test_limit_and_unknown_kind_and_unknown_sample(recordings):
    for limit in (0, 241):
        with pytest.raises(LabError, match="1 to 240"):
            Recorder(limit=limit)
    with pytest.raises(LabError, match="recording, uploaded file"):
        Recorder().receive(wav(tone()), kind="dream")
    with pytest.raises(SampleError, match="no_such_clip"):
        my_voice(default="no_such_clip")


def answers(recorder, monkeypatch, content, buffers=()):
    """Send a message as the page does; what Python answers."""
    sent = []
    monkeypatch.setattr(recorder, "send", lambda message: sent.append(message))
    recorder._handle_custom_msg(content, buffers)
    return sent


def test_the_page_is_answered(recordings, monkeypatch):
    recorder = Recorder()
    message = {"action": "use", "kind": "recording", "id": 1}
    [answer] = answers(recorder, monkeypatch, message, [memoryview(wav(tone(1.5)))])
    assert answer["ok"] and answer["id"] == 1 and "next cell" in answer["message"]
    assert recorder.saved == {"kind": "recording", "seconds": 1.5}
    [answer] = answers(recorder, monkeypatch, {"action": "delete", "id": 2})
    assert answer["ok"] and recorder.saved == {}
    assert answers(recorder, monkeypatch, {"action": "dance", "id": 3}) == []


def test_the_page_is_told_what_went_wrong(recordings, monkeypatch):
    recordings.write_text("a file where the folder should be")
    message = {"action": "use", "kind": "recording", "id": 1}
    [answer] = answers(Recorder(), monkeypatch, message, [memoryview(wav(tone()))])
    assert not answer["ok"] and "could not be written" in answer["message"]


def test_broken_file_in_the_folder_is_an_error_that_names_it(recordings):
    recordings.mkdir()
    (recordings / "my-voice-uploaded.wav").write_bytes(b"")
    assert Recorder().saved["seconds"] == 0
    with pytest.raises(AudioError, match="my-voice-uploaded.wav.? is empty"):
        my_voice()


@pytest.mark.parametrize("lab", ["02", "04", "05", "09"])
def test_these_labs_offer_your_own_voice(lab):
    """A recorder, and a cell that takes its clip, in a section of that name."""
    [path] = (samples.assets_dir().parent / "notebooks").glob(f"{lab}_*.ipynb")
    cells = json.loads(path.read_text("utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    at = next(i for i, text in enumerate(sources) if text.startswith("## Now with your own voice"))
    recorder, use = sources[at + 1 : at + 3]
    assert "Recorder(" in recorder
    assert "my_voice(" in use


def test_lab_8_offers_a_studio():
    text = (samples.assets_dir().parent / "notebooks" / "08_dataset.ipynb").read_text("utf-8")
    assert text.index("## Now with your own voice") < text.index("Studio(speaker=")


def private_notebook(folder, *cells):
    """A notebook with these cells, and the reader's own recording where they keep it."""
    import nbformat

    path = folder / "lab.ipynb"
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=code), path)
    return path


OWN_VOICE = """
from lab_utils import samples
from lab_utils.widgets import Recorder, listen, my_voice, play
from lab_utils.widgets.figure import LiveSound
from lab_utils.widgets.player import Player
y, sr = my_voice()
play(y, sr=sr, label='My voice')
listen(y[: 2 * sr], sr=sr, label='The first two seconds')
recorder = Recorder()
recorder
"""


def sounds_in(path) -> list[str]:
    """Heads of sound files in a notebook, in plain bytes or in any text that is base64."""
    raw = path.read_bytes()
    texts = [raw, *(base64.b64decode(m + b"=" * (-len(m) % 4)) for m in BASE64.findall(raw))]
    return [repr(found[0]) for text in texts for found in SOUND.finditer(text)]


BASE64 = re.compile(rb"[A-Za-z0-9+/]{64,}")
SOUND = re.compile(rb"fLaC|RIFF.{4}WAVE|OggS|ID3[\x02-\x04]", re.DOTALL)


def test_a_notebook_saved_with_its_widgets_state_holds_no_voice(recordings, tmp_path):
    """As ``jupyter nbconvert --execute`` and "Save Widget State" save it."""
    import nbformat
    from nbclient import NotebookClient

    Recorder().receive(wav(tone(3.0)))
    path = private_notebook(tmp_path, OWN_VOICE)
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, store_widget_state=True, resources=resources).execute()
    nbformat.write(notebook, path)
    state = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    assert len(state) >= 4, "the widgets' state was saved"
    assert sounds_in(path) == []
    assert not (tmp_path / "outputs").exists(), "nor does a file beside the notebook"


@pytest.mark.slow
def test_nbconvert_on_the_command_line_keeps_the_voice_out(recordings, tmp_path):
    Recorder().receive(wav(tone(3.0)))
    path = private_notebook(tmp_path, OWN_VOICE)
    command = [sys.executable, "-m", "nbconvert", "--execute", "--inplace", "--to", "notebook"]
    subprocess.run([*command, str(path)], check=True, capture_output=True)
    assert "Your recording, 3.0 s" in path.read_text("utf-8")
    assert sounds_in(path) == []


def test_what_the_page_asks_for_is_sent_and_not_state():
    player = Player(tone(), sr=SR, label="x")
    sent = []
    player.send = lambda content, buffers=None: sent.append((content, buffers))
    player._handle_custom_msg({"id": "a1", "action": "carry"}, [])
    [(content, buffers)] = sent
    assert content == {"id": "a1", "ok": True, "message": ""}
    assert buffers == [player.audio, player.picture]
    assert not any(isinstance(value, bytes) for value in player.get_state().values())


# ---------------------------------------------------------------- where a voice stays


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of its own, and no variable that names a folder of recordings."""
    folder = tmp_path / "home" / "ada"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    for variable in ("XDG_DATA_HOME", "LOCALAPPDATA", recorder_module.RECORDINGS_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    return folder


def mode(path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_only_the_reader_can_read_a_recording(home, tmp_path, monkeypatch):
    path = Recorder().receive(wav(tone()))
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    path.parent.chmod(0o755)
    assert mode(Recorder().receive(wav(tone())).parent) == 0o700
    monkeypatch.chdir(tmp_path)
    listen(tone(), sr=SR, label="a tone, which may be somebody's voice")
    [sound] = (tmp_path / "outputs").iterdir()
    assert mode(sound) == 0o600


def test_a_recording_never_goes_into_the_clone(home):
    """The offline installer puts the clone into ~/whisper-lab."""
    path = Recorder().receive(wav(tone()))
    assert home in path.parents
    assert home / "whisper-lab" not in path.parents
    ignored = (samples.assets_dir().parent / ".gitignore").read_text("utf-8").splitlines()
    assert "recordings/" in ignored


def test_what_is_saved_with_a_notebook_does_not_name_the_login(home, capsys):
    recorder = Recorder()
    recorder.receive(wav(tone()))
    my_voice()
    shown = capsys.readouterr().out + recorder.folder + recorder.place + recorder.warning
    assert "ada" not in shown
    assert f"~{os.sep}" in shown


def test_the_printed_player_of_a_file_elsewhere_does_not_say_where(home, shown, monkeypatch):
    monkeypatch.chdir(samples.assets_dir())
    play(Recorder().receive(wav(tone())), label="My voice")
    markup = re.sub(r"base64,[^\"]*", "", shown[0]["text/html"])
    assert "<audio" not in markup and "ada" not in markup


def test_a_recording_of_an_earlier_version_is_found_and_said(home, capsys):
    earlier = home / "whisper-lab" / "recordings"
    earlier.mkdir(parents=True)
    old = earlier / "my-voice-recorded.wav"
    old.write_bytes(wav(tone(2.0)))
    recorder = Recorder()
    assert recorder.saved == {"kind": "recording", "seconds": 2.0}
    assert "earlier version" in recorder.warning and "~" in recorder.warning
    assert len(my_voice()[0]) == 2 * SR
    recorder.receive(wav(tone(1.0)))
    assert recorder.saved["seconds"] == 1.0, "the new one is used"
    assert old.exists(), "nothing is moved or replaced in silence"
    recorder.delete()
    assert not old.exists() and recorder.saved == {}, "delete takes every clip of that name"


def test_a_folder_inside_a_checkout_is_said(home, tmp_path, monkeypatch):
    assert Recorder().warning == ""
    (tmp_path / "project" / ".git").mkdir(parents=True)
    folder = tmp_path / "project" / "data" / "recordings"
    monkeypatch.setenv(recorder_module.RECORDINGS_VARIABLE, str(folder))
    assert "inside the git checkout" in Recorder().warning


def test_delete_takes_what_an_interrupted_run_left(recordings):
    recorder = Recorder()
    path = recorder.receive(wav(tone()))
    path.with_name("my-voice-recorded-abc123.partial").write_bytes(wav(tone()))
    recorder.delete()
    assert list(recordings.iterdir()) == []


def with_rate(rate: int) -> bytes:
    """A WAV whose header says another rate."""
    return wav(tone())[:24] + rate.to_bytes(4, "little") + wav(tone())[28:]


GOOD = memoryview(wav(tone()))
MALFORMED = {
    "no object": (["use"], [GOOD]),
    "nothing": (None, []),
    "action is a list": ({"action": ["use"], "id": 1}, [GOOD]),
    "no sound": ({"action": "use", "id": 1}, []),
    "kind is a list": ({"action": "use", "kind": [], "id": 1}, [GOOD]),
    "kind is an object": ({"action": "use", "kind": {}, "id": 1}, [GOOD]),
    "kind is a path": ({"action": "use", "kind": "../x", "id": 1}, [GOOD]),
    "sound is text": ({"action": "use", "id": 1}, ["RIFF"]),
    "sound is nothing": ({"action": "use", "id": 1}, [None]),
    "id is an object": ({"action": "use", "id": {}}, [memoryview(b"x")]),
    "1 Hz": ({"action": "use", "id": 1}, [memoryview(with_rate(1))]),
    "0 Hz": ({"action": "use", "id": 1}, [memoryview(with_rate(0))]),
    "3999 Hz": ({"action": "use", "id": 1}, [memoryview(with_rate(3999))]),
    "384001 Hz": ({"action": "use", "id": 1}, [memoryview(with_rate(384_001))]),
    "4 GHz": ({"action": "use", "id": 1}, [memoryview(with_rate(2**32 - 1))]),
    "too long": ({"action": "use", "id": 1}, [memoryview(wav(tone(250.0, sr=8000), sr=8000))]),
    "too large": ({"action": "use", "id": 1}, [memoryview(bytes(64_000_001))]),
    "other format": ({"action": "use", "id": 1}, [memoryview(wav(tone(), format="FLAC"))]),
    "not numbers": ({"action": "use", "id": 1}, [
        memoryview(wav(np.full(SR, np.nan, np.float32), subtype="FLOAT"))]),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_message_is_refused_or_ignored(recordings, monkeypatch, case):
    recorder = Recorder()
    kept = recorder.receive(wav(tone(0.5))).read_bytes()
    sent = []
    monkeypatch.setattr(recorder, "send", lambda message: sent.append(message))
    recorder._answer(*MALFORMED[case])
    assert all(not answer["ok"] and answer["message"] for answer in sent)
    assert len(sent) == (MALFORMED[case][0] is not None and case not in
                         ("no object", "action is a list"))  # fmt: skip
    json.dumps(sent)
    assert [path.read_bytes() for path in recordings.iterdir()] == [kept]


@pytest.mark.parametrize("rate", [4_000, 384_000])
def test_rates_at_the_limits_are_taken(recordings, rate):
    assert Recorder().receive(with_rate(rate)).is_file()
