"""The recording studio without a browser: takes, their checks, the corpus, the messages."""

from __future__ import annotations

import functools
import json
import os
import re

import numpy as np
import pytest
import soundfile
import workshop
from test_widgets import wav

from lab_utils import audio
from lab_utils.corpus import check, export, label, pipeline, rules, session, splits, takes
from lab_utils.corpus.manifest import Clip, Manifest
from lab_utils.corpus.session import SENTENCES, Session
from lab_utils.errors import AudioError, CorpusError, LabError, OptionError
from lab_utils.training import data
from lab_utils.widgets import Studio
from lab_utils.widgets.messages import script

ROOM = 0.4  #: seconds around a sentence of the lecture
ALONE = rules.VOICE.without("count")


@functools.cache
def lecture() -> tuple[np.ndarray, int]:
    return audio.load(workshop.FOLDER / "lecture.ogg", sr=None)


def sentence(i: int) -> str:
    return workshop.truth()["lecture.ogg"]["sentences"][i][0]


def reading(i: int, *, before: float = ROOM, after: float = ROOM) -> np.ndarray:
    """Somebody reads sentence ``i``, with the room around it; negative: cut off."""
    y, sr = lecture()
    _, start, end = workshop.truth()["lecture.ogg"]["sentences"][i]
    return y[round((start - before) * sr) : round((end + after) * sr)]


SR = 44_100
READ = [sentence(i) for i in range(3)]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "a corpus é"


def begun(folder, sentences=READ, **options) -> Session:
    made = Session(sentences, folder, **{"speaker": "Anna", **options})
    made.agree("tests", licence="CC BY 4.0")
    return made


def full(folder, n: int = 3, **options) -> Session:
    made = begun(folder, [sentence(i) for i in range(n)], **options)
    for i in range(n):
        made.record(i, reading(i), sr=SR)
        made.accept(i)
    return made


# ---- the check of a take


def test_a_good_take_becomes_a_clip_and_the_recording_stays_as_it_came(folder):
    made = begun(folder)
    y = reading(0)
    take = made.record(0, y, sr=SR)
    assert take.ok and take.told == ()
    clip = made.accept(0)
    assert (clip.text, clip.text_by, clip.speaker, clip.language) == (
        READ[0],
        "script",
        "Anna",
        "en",
    )
    assert clip.licence == "CC BY 4.0" and clip.consent.startswith("tests (Anna, 20")
    facts = soundfile.info(made.manifest.path(clip))
    assert (facts.samplerate, facts.format, facts.subtype) == (22_050, "WAV", "PCM_16")
    assert facts.duration == pytest.approx(clip.duration, abs=1e-3)
    assert clip.duration == pytest.approx(len(y) / SR - 2 * ROOM + 0.3, abs=0.2)
    kept, sr = soundfile.read(folder / clip.recording, dtype="float32")
    assert sr == SR and np.abs(kept - y).max() < 2 / 32768
    assert Manifest.load(folder) == made.manifest


def noise(seconds: float, level: float) -> np.ndarray:
    rng = np.random.default_rng(3)
    return (level * rng.standard_normal(round(seconds * SR))).astype(np.float32)


def hiss(y: np.ndarray) -> np.ndarray:
    return audio.add_noise(y, snr_db=5, seed=1)


BAD = {
    "nothing": ("silence", lambda: np.zeros(2 * SR, np.float32), "No speech: no sound"),
    "a room": ("silence", lambda: noise(2, 0.01), "No speech: there is sound"),
    "far away": ("quiet", lambda: reading(0) * np.float32(0.002), "Too quiet: -"),
    "far too loud": ("clipping", lambda: np.clip(reading(0) * 20, -1, 1), "Clipped: "),
    "a fan": ("snr", lambda: hiss(reading(0)), "Noisy: "),
    "late start": ("cut_start", lambda: reading(0, before=-0.4), "Cut off at the beginning: "),
    "early stop": ("cut_end", lambda: reading(0, after=-0.4), "Cut off at the end: "),
    "a moment": ("silence", lambda: noise(0.3, 0.1), "No speech: only 0.30 s"),
    "a telephone": ("bandwidth", lambda: audio.telephone(reading(0), sr=SR), "Dull: "),
    "a moment of thought": ("inner_silence", lambda: np.concatenate(
        [reading(0), noise(1.5, 1e-4), reading(1)]), "A long pause: "),
    "an offset": ("dc_offset", lambda: reading(0) * np.float32(0.5) + np.float32(0.3), "Offset: "),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_take_is_told_what_is_wrong_and_what_to_do(folder, case):
    rule, make, says = BAD[case]
    made = begun(folder)
    take = made.record(0, make(), sr=SR)
    [told] = [text for text, f in zip(take.told, take.findings, strict=True) if f.rule == rule]
    assert told.startswith(says) and told.endswith(takes.TOLD[rule][1])
    assert len({f.rule for f in take.findings}) == len(take.findings), "each rule is told once"
    if rule == "silence":
        assert len(take.told) == 1
        with pytest.raises(CorpusError, match="found none. Record it"):
            made.accept(0)


def test_half_of_a_sentence_is_too_fast_for_all_of_it(folder):
    made = begun(folder, [" ".join(sentence(i) for i in range(4))])
    [finding] = made.record(0, reading(0), sr=SR).findings
    assert finding.rule == "speech_rate" and "characters a second" in finding.found


@pytest.mark.model
def test_other_words_are_heard(folder):
    made = begun(folder, model="tiny.en")
    take = made.record(0, reading(1), sr=SR)
    [told] = take.told
    assert told.startswith("Not the words of the sentence: ") and "build a corpus" in told
    assert made.record(0, reading(0), sr=SR).ok
    assert "recording workshop" in made.accept(0).heard


@pytest.mark.parametrize("i", range(8))
def test_good_takes_are_not_blamed(folder, i):
    assert begun(folder, [sentence(i)]).record(0, reading(i), sr=SR).told == ()


def test_the_reader_may_accept_what_was_told(folder):
    made = begun(folder)
    assert not made.record(0, hiss(reading(0)), sr=SR).ok
    assert made.accept(0) in made.manifest.clips


# ---- the corpus


def test_the_corpus_is_checked_and_exported_as_any_other(folder, tmp_path):
    made = full(folder, 6)
    assert check.check(Manifest.load(folder), ALONE).findings == ()
    again = splits.assign(made.manifest, by="text")
    export.ljspeech(again, tmp_path / "voice")
    listener = export.audiofolder(again, tmp_path / "whisper")
    assert check.check(listener, rules.WHISPER.without("speaker_leak")).findings == ()


def test_the_corpus_feeds_lab_10(folder):
    full(folder)
    examples = data.from_manifest(folder)
    assert [(e.text, e.voice, e.language) for e in examples] == [(t, "Anna", "en") for t in READ]
    assert 1 < len(data.waveform(examples[0])) / 16_000 < 5


@pytest.mark.model
def test_a_corpus_of_the_studio_is_labeled_as_any_other(folder):
    made = label.with_whisper(full(folder).manifest, "tiny.en")
    assert [clip.text for clip in made.clips] == READ
    assert all(clip.heard for clip in made.clips)


def test_clips_have_the_cleaning_of_prepare(folder):
    """The same stretch of sound is nearly the same clip."""
    [clip] = full(folder, 1).manifest.clips
    y, sr = audio.load(folder / clip.file, sr=None)
    other = next(c for c in workshop.corpus().clips if c.text == READ[0])
    z, _ = audio.load(workshop.corpus().path(other), sr=None)
    assert abs(len(y) - len(z)) / sr < 0.1
    assert audio.rms_dbfs(y) == pytest.approx(audio.rms_dbfs(z), abs=1)
    assert abs(y[0]) < 1e-3 and abs(y[-1]) < 1e-3


def test_a_session_goes_on_where_it_stopped(folder):
    made = begun(folder)
    made.record(0, reading(0), sr=SR)
    made.accept(0)
    made.record(1, reading(1), sr=SR)
    again = Session(READ, folder, speaker="Anna")
    assert (again.n_accepted, again.next(), again.next(2), again.licence) == (1, 1, 1, "CC BY 4.0")
    assert again.consent == made.consent, "given once"
    assert again.waiting(1) == made.waiting(1) and again.waiting(2) is None
    again.accept(1)
    longer = Session([sentence(5), *READ], folder, speaker="Anna")
    assert (longer.n_accepted, longer.next()) == (2, 0), "a list may change"
    assert [longer.clip(i) is None for i in range(4)] == [True, False, False, True]


def test_a_clip_is_replaced_only_by_accepting(folder):
    made = full(folder, 1)
    row = made.manifest.updated({made.clip(0).id: {"split": "train", "more": (("note", "x"),)}})
    row.save()
    before = made.manifest.path(made.clip(0)).read_bytes()
    raw = (folder / made.clip(0).recording).read_bytes()
    made.record(0, reading(0, before=0.3) * np.float32(0.5), sr=SR)
    made.discard(0)
    assert made.manifest.path(made.clip(0)).read_bytes() == before
    made.record(0, reading(0, before=0.3) * np.float32(0.5), sr=SR)
    assert (folder / made.clip(0).recording).read_bytes() == raw
    made.accept(0)
    assert len(made.manifest) == 1 and (folder / made.clip(0).recording).read_bytes() != raw
    assert (made.clip(0).split, made.clip(0).more) == ("train", (("note", "x"),))


def test_a_person_may_take_a_clip_out_again(folder):
    made = full(folder, 2)
    made.record(0, reading(0), sr=SR)
    made.withdraw(0)
    assert [clip.text for clip in Manifest.load(folder).clips] == [READ[1]]
    left = [p.name for p in folder.rglob("*") if p.suffix in (".wav", ".flac")]
    assert len(left) == 2 and made.next() == 0


def test_an_accept_that_fails_loses_nothing(folder, monkeypatch):
    full(folder, 1)
    made = begun(folder)
    take = made.record(1, reading(1), sr=SR)

    def full_disk(self):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Manifest, "save", full_disk)
        with pytest.raises(CorpusError, match="No space left.*what was accepted is kept"):
            made.accept(1)
    (folder / session.TAKES / "anna-12345678-abcd1234.partial").write_bytes(b"half")
    again = Session(READ, folder, speaker="Anna")
    assert again.n_accepted == 1 and again.waiting(1) == take
    again.accept(1)
    assert check.check(Manifest.load(folder), ALONE).findings == ()
    assert list(folder.rglob("*.partial")) == []


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_only_the_owner_can_read_a_session(folder):
    full(folder, 1)
    assert folder.stat().st_mode & 0o077 == 0
    sounds = [p for p in folder.rglob("*") if p.suffix in (".wav", ".flac")]
    assert len(sounds) == 2 and all(p.stat().st_mode & 0o077 == 0 for p in sounds)


def test_nothing_is_recorded_without_consent(folder):
    made = Session(READ, folder, speaker="Anna")
    with pytest.raises(CorpusError, match="consent before the first recording"):
        made.record(0, reading(0), sr=SR)
    for consent, licence in (("", "CC0"), ("tests", " "), (None, "CC0")):
        with pytest.raises(CorpusError, match="belongs to a person"):
            made.agree(consent, licence=licence)
    assert not folder.exists() and made.consent == ""


def test_a_take_that_waits_does_not_get_around_consent(folder):
    begun(folder).record(0, reading(0), sr=SR)
    again = Session(READ, folder, speaker="Anna")
    assert again.waiting(0) is not None and not again.consent
    with pytest.raises(CorpusError, match="consent before the first recording"):
        again.accept(0)
    again.agree("tests", licence="CC0")
    assert again.waiting(0).ok
    clip = again.accept(0)
    assert clip.licence == "CC0" and clip.consent.startswith("tests")


def test_what_is_not_there_is_not_deleted_and_makes_no_folder(folder):
    made = begun(folder)
    made.discard(0)
    made.withdraw(1)
    assert not folder.exists()


def test_another_run_at_work_is_told(folder):
    made = full(folder, 1)
    with pipeline.at_work(folder), pytest.raises(CorpusError, match="Another run is at work"):
        made.record(0, reading(0), sr=SR)


def foreign(folder, case):
    folder.mkdir()
    if case == "photos":
        (folder / "cat.jpg").write_bytes(b"x")
    elif case == "prepared":
        Manifest(folder, (Clip("a", "clips/a.wav", "lecture.ogg", speaker="Anna"),)).save()
    else:
        full(folder, 1)


@pytest.mark.parametrize(
    ("case", "options", "says"),
    [
        ("photos", {}, "found 'cat.jpg'"),
        ("prepared", {}, "a clip cut from 'lecture.ogg'"),
        ("studio", {"speaker": "Boris"}, "the voice of 'Anna'"),
        ("studio", {"language": "es"}, "a clip in the language 'en'"),
    ],
)
def test_a_folder_of_something_else_is_refused_and_left_alone(folder, case, options, says):
    foreign(folder, case)
    before = workshop.tree(folder)
    with pytest.raises(CorpusError, match=f"{says}.*Name a new folder"):
        Session(READ, folder, **{"speaker": "Anna", **options})
    assert workshop.tree(folder) == before


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "x").write_text("x")
    with pytest.raises(CorpusError, match="found the file"):
        Session(READ, tmp_path / "x", speaker="Anna")


# ---- the sentences


def test_our_sentences_are_fit_to_be_read(folder):
    assert len(SENTENCES) == 20 and len(Session(SENTENCES, folder, speaker="A")) == 20
    clips = [Clip(str(i), "", text=text, language="en") for i, text in enumerate(SENTENCES)]
    corpus = check.Examined(Manifest(folder, tuple(clips)), {}, ())
    for key in ("characters", "duplicate_text", "text"):
        rule = rules.VOICE[key]
        assert list(rule.test(corpus, key, rule.limit)) == []
    letters = {c for text in SENTENCES for c in text.lower() if c.isalpha()}
    assert len(letters) == 26


def test_sentences_from_a_file(tmp_path, folder):
    file = tmp_path / "list.txt"
    file.write_text("\ufeffUno,  dos.\r\n\r\nTres.\n", "utf-8")
    assert Session(file, folder, speaker="A", language="es").sentences == ("Uno, dos.", "Tres.")


@pytest.mark.parametrize(
    ("sentences", "says"),
    [
        ([], "found none"),
        ([" ", ""], "found none"),
        ("One. Two.", "put it in a list"),
        (["Hello there.", "hello, there"], "Sentence 2, .*the words of sentence 1"),
        (["..."], "has no words"),
        (["Stop <|endoftext|>"], "special token"),
    ],
)
def test_sentences_that_cannot_be_read(folder, sentences, says):
    with pytest.raises(CorpusError, match=says):
        Session(sentences, folder, speaker="Anna")


def test_speaker_and_language(folder):
    with pytest.raises(CorpusError, match="name of the speaker"):
        Session(READ, folder, speaker=" ")
    with pytest.raises(CorpusError, match="name of the speaker"):
        Studio(READ, speaker=None)
    with pytest.raises(OptionError, match="'xx'"):
        Session(READ, folder, speaker="Anna", language="xx")


# ---- the page's messages


def told(studio, monkeypatch, content, buffers=()):
    """Send a message as the page does; what Python answers, and the sound."""
    sent = []
    monkeypatch.setattr(studio, "send", lambda answer, buffers=(): sent.append((answer, buffers)))
    studio._handle_custom_msg({"id": 1, **content}, buffers)
    [(answer, sound)] = sent
    json.dumps(answer)
    return answer, sound


def test_the_page_goes_through_a_session(folder, monkeypatch):
    studio = Studio(READ, folder=folder, speaker="Anna")
    take = {"action": "take", "number": 0}
    answer, _ = told(studio, monkeypatch, take, [memoryview(wav(reading(0), sr=SR))])
    assert not answer["ok"] and "consent" in answer["message"]
    agree = {"action": "agree", "number": 0, "consent": "tests", "licence": "CC0"}
    assert told(studio, monkeypatch, agree)[0]["ok"] and studio.state["consent"]
    answer, [sound] = told(studio, monkeypatch, take, [memoryview(wav(reading(0), sr=SR))])
    assert answer["message"].startswith("Good") and sound[:4] == b"RIFF"
    assert studio.state["take"]["told"] == [] and not studio.state["clip"]
    answer, sound = told(studio, monkeypatch, {"action": "accept", "number": 0})
    assert "2 to go" in answer["message"] and not sound
    assert (studio.state["number"], studio.state["sentence"]) == (1, READ[1])
    quiet = memoryview(wav(np.zeros(SR, np.float32), sr=SR))
    answer, sound = told(studio, monkeypatch, {"action": "take", "number": 1}, [quiet])
    assert answer["ok"] and answer["message"] == "No speech. Space records it again."
    assert not sound
    assert not studio.state["take"]["speech"]
    told(studio, monkeypatch, {"action": "discard", "number": 1})
    assert studio.state["take"] is None
    _, [sound] = told(studio, monkeypatch, {"action": "go", "number": 1, "to": 0})
    assert sound == studio.corpus.path(studio.corpus.clips[0]).read_bytes()
    told(studio, monkeypatch, {"action": "withdraw", "number": 0})
    assert len(studio.corpus) == 0 and not studio.state["clip"]


GOOD = [memoryview(wav(np.zeros(SR, np.float32), sr=SR))]
MALFORMED = {
    "no sound": ({"action": "take", "number": 0}, []),
    "no WAV": ({"action": "take", "number": 0}, [memoryview(b"RIFF")]),
    "text": ({"action": "take", "number": 0}, ["RIFF"]),
    "too long": ({"action": "take", "number": 0}, [memoryview(wav(np.zeros(31 * SR), sr=SR))]),
    "no number": ({"action": "take"}, GOOD),
    "number is true": ({"action": "take", "number": True}, GOOD),
    "number is text": ({"action": "accept", "number": "0"}, []),
    "beyond": ({"action": "go", "number": 0, "to": 3}, []),
    "before": ({"action": "go", "number": 0, "to": -1}, []),
    "nothing to accept": ({"action": "accept", "number": 2}, []),
    "no consent": ({"action": "agree", "number": 0, "consent": ["x"], "licence": 1}, []),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_message_changes_nothing(folder, monkeypatch, case):
    full(folder, 1)
    studio, before = Studio(READ, folder=folder, speaker="Anna"), workshop.tree(folder)
    state = dict(studio.state)
    answer, sound = told(studio, monkeypatch, *MALFORMED[case])
    assert not answer["ok"] and answer["message"] and not sound
    assert workshop.tree(folder) == before and studio.state == state


def test_a_studio_in_a_notebook_says_what_it_is_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("WHISPER_LAB_RECORDINGS", str(tmp_path / "recordings"))
    studio = Studio(speaker="Anna")
    bundle = studio._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/plain"] == repr(studio) == Studio.printed
    assert studio.session.folder == tmp_path / "recordings" / "studio-anna-en"
    assert not (tmp_path / "recordings").exists()


@pytest.mark.parametrize(
    "name", ["recorder", "studio", "player", "figure", "control", "live_sound", "decode_explorer"]
)
def test_a_script_is_one_file_in_which_each_name_is_made_once(name):
    text = script(name)
    assert not re.search(r"^import ", text, re.MULTILINE)
    names = re.findall(r"^(?:export )?(?:async )?(?:function|const|let) (\w+)", text, re.MULTILINE)
    assert len(names) > 5 and sorted(set(names)) == sorted(names)


def test_errors_are_lab_errors(folder):
    with pytest.raises(AudioError, match="empty"):
        begun(folder).record(0, np.zeros(0, np.float32), sr=SR)
    with pytest.raises(LabError, match="0 to 2"):
        begun(folder).record(7, reading(0), sr=SR)
