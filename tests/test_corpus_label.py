"""Texts for clips: heard by Whisper, from a script, from subtitles."""

from __future__ import annotations

import random

import pytest
import workshop

from lab_utils import batches
from lab_utils.corpus import label
from lab_utils.corpus.manifest import Manifest
from lab_utils.errors import CorpusError


def _misheard(text: str, seed: int) -> str:
    """The text with about one word in five wrong, missing or doubled."""
    rng, words = random.Random(seed), []
    for word in text.split():
        chance = rng.random()
        if chance < 0.07:
            continue
        words.append("banana" if chance < 0.14 else word)
        if chance > 0.95:
            words.append("uh")
    return " ".join(words)


@pytest.mark.parametrize("name", ["lecture.ogg", "guest.mp3", "student.flac"])
def test_the_script_gives_every_clip_its_line_though_much_was_misheard(name):
    """The two clipped sentences of the lecture are in the script and in no clip."""
    corpus = workshop.corpus()
    clips = [clip for clip in corpus.clips if clip.recording == name]
    heard = {c.id: _misheard(c.text, i) for i, c in enumerate(clips)}
    corpus = corpus.updated({k: {"heard": v, "text": v} for k, v in heard.items()})
    script = label.read_script((workshop.FOLDER / name).with_suffix(".txt"))
    made = {c.id: c for c in label.from_script(corpus, name, script).clips if c.recording == name}
    wrong = [clip.id for clip in clips if made[clip.id].text != clip.text]
    assert len(wrong) <= 0.03 * len(clips)


def test_a_clip_of_half_a_sentence_gets_half_a_sentence(tmp_path):
    corpus = workshop.small(tmp_path, 2)
    words = "one two three four five six seven eight nine ten eleven twelve"
    first, second = corpus.clips
    corpus = corpus.updated({first.id: {"heard": "one two three four five six"},
                             second.id: {"heard": "seven ate nine ten eleven twelve"}})  # fmt: skip
    made = label.from_script(corpus, "student.flac", f"Before it.\n{words.title()}.\nAfter it.")
    assert [c.text for c in made.clips] == [
        "One Two Three Four Five Six", "Seven Eight Nine Ten Eleven Twelve."
    ]  # fmt: skip


def test_words_that_are_not_in_the_script_stay(tmp_path):
    corpus = workshop.small(tmp_path, 1)
    corpus = corpus.updated({corpus.clips[0].id: {"heard": "quite other words", "text": "mine"}})
    made = label.from_script(corpus, "student.flac", "Nothing of the kind was ever said here.")
    assert made.clips[0].text == "mine"


SRT = """1
00:00:00,500 --> 00:00:01,000
Before.

2
00:00:01,000 --> 00:00:02,500
<i>Hello</i>
there.

3
01:00:02,000 --> 01:00:03,000
Later.
"""


def test_subtitles_are_read_as_srt_and_as_vtt():
    cues = label.parse_subtitles(SRT)
    assert [(c.start, c.end, c.text) for c in cues] == [
        (0.5, 1.0, "Before."), (1.0, 2.5, "Hello there."), (3602.0, 3603.0, "Later."),
    ]  # fmt: skip
    vtt = "WEBVTT\r\n\r\n00:01.000 --> 00:02.500 align:start\r\nHello.\r\n"
    assert label.parse_subtitles(vtt) == [label.Cue(1.0, 2.5, "Hello.")]
    with pytest.raises(CorpusError, match="found none"):
        label.parse_subtitles("no subtitles")


def test_subtitles_of_whispers_own_writer_come_back():
    from lab_utils.transcripts import Segment, Transcript

    segments = tuple(
        Segment(text, a, b, -0.1, 0.0, 1.0, 0.0, ())
        for text, a, b in ((" One.", 0.0, 1.5), (" Two.", 2.0, 3661.25))
    )
    transcript = Transcript("One. Two.", "en", segments, 4000.0)
    for kind in ("srt", "vtt"):
        cues = label.parse_subtitles(transcript.subtitles(kind))
        assert [(c.start, c.end, c.text) for c in cues] == [
            (0.0, 1.5, "One."), (2.0, 3661.25, "Two."),
        ]  # fmt: skip


def test_clips_get_the_subtitles_that_lie_in_them():
    rows = workshop.truth()["student.flac"]["sentences"]
    lines = [f"{i}\n00:00:{a:06.3f} --> 00:00:{b:06.3f}\n{t}\n" for i, (t, a, b) in enumerate(rows)]
    corpus = workshop.corpus()
    blank = corpus.updated({c.id: {"text": "", "text_by": ""} for c in corpus.clips})
    made = label.from_subtitles(blank, "student.flac", "\n".join(lines).replace(".", ",", 0))
    for clip, before in zip(made.clips, corpus.clips, strict=True):
        if clip.recording == "student.flac":
            assert (clip.text, clip.text_by) == (before.text, "subtitles")
        else:
            assert clip.text == ""


def test_texts_for_clips_and_recordings_that_are_not_there(tmp_path):
    corpus = workshop.small(tmp_path, 1)
    with pytest.raises(CorpusError, match="ids"):
        label.from_texts(corpus, {"nobody": "text"})
    with pytest.raises(CorpusError, match="student.flac"):
        label.from_subtitles(corpus, "other.wav", SRT)
    with pytest.raises(CorpusError, match="a script with words"):
        label.from_script(corpus, "student.flac", " \n ")
    deaf = corpus.updated({corpus.clips[0].id: {"heard": ""}})
    with pytest.raises(CorpusError, match="has been heard"):
        label.from_script(deaf, "student.flac", "Some words.")
    with pytest.raises(CorpusError, match="cannot be read"):
        label.read_script(tmp_path / "none.txt")


# ---- resumable labelling, with a Whisper that only counts


@pytest.fixture
def counting(monkeypatch):
    calls: list[list[str]] = []

    def transcribe_clips(clips, model, **options):
        calls.append([path.stem for path in clips])
        # a text that depends on who sits in the batch, as shared padding does a little
        text = "+".join(path.stem[-4:] for path in clips)
        return [batches.ClipText(f"{p.stem} in {text}", (), -0.1, 1.0) for p in clips]

    monkeypatch.setattr(batches, "transcribe_clips", transcribe_clips)
    monkeypatch.setattr(batches, "BATCH_SIZE", 4)
    plan = batches.plan
    monkeypatch.setattr(batches, "plan", lambda durations: plan(durations, batch_size=4))
    return calls


def test_killed_and_started_again_the_texts_are_the_same(tmp_path, counting):
    corpus = workshop.small(tmp_path / "whole", 10)
    corpus = corpus.updated({c.id: {"text": "", "heard": ""} for c in corpus.clips})
    model = object()
    expected = [c.text for c in label.with_whisper(corpus, model).clips]
    assert [len(batch) for batch in counting] == [4, 4, 2]

    counting.clear()
    again = label.with_whisper(corpus, model)
    assert [c.text for c in again.clips] == expected and counting == []

    other = workshop.small(tmp_path / "killed", 10)
    other = other.updated({c.id: {"text": "", "heard": ""} for c in other.clips})
    real = batches.transcribe_clips

    def die_in_the_second(clips, model, **options):
        if len(counting) == 1:
            raise KeyboardInterrupt
        return real(clips, model, **options)

    batches.transcribe_clips = die_in_the_second
    try:
        with pytest.raises(KeyboardInterrupt):
            label.with_whisper(other, model)
    finally:
        batches.transcribe_clips = real
    cache = tmp_path / "killed" / label.CACHE
    cache.write_text(cache.read_text("utf-8") + '{"clip": "half a li', "utf-8")
    counting.clear()
    assert [c.text for c in label.with_whisper(other, model).clips] == expected
    assert [len(batch) for batch in counting] == [4, 2]


def test_given_texts_are_kept_and_broken_files_passed_over(tmp_path, counting):
    corpus = workshop.small(tmp_path, 3)
    corpus.path(corpus.clips[1]).write_bytes(b"")
    given = corpus.updated({corpus.clips[0].id: {"text": "Mine.", "text_by": "given", "heard": ""}})
    made = label.with_whisper(given, object())
    assert made.clips[0].text == "Mine." and made.clips[0].heard
    assert made.clips[1].heard == corpus.clips[1].heard


@pytest.mark.model
def test_whisper_hears_the_students_questions(tmp_path):
    from lab_utils import metrics

    corpus = workshop.small(tmp_path, 4)
    blank = corpus.updated({c.id: {"text": "", "text_by": "", "heard": ""} for c in corpus.clips})
    made = label.with_whisper(blank, "tiny.en")
    made.save()
    assert all(c.text_by == "whisper tiny.en" for c in Manifest.load(tmp_path).clips)
    score = metrics.score([c.text for c in corpus.clips], [c.text for c in made.clips])
    assert score.wer < 0.15
