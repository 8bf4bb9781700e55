"""Transcripts: real speech through the real model, and the shapes around it."""

import json

import numpy as np
import pytest

from lab_utils import audio, samples, transcripts
from lab_utils.errors import AudioError, TranscriptError
from lab_utils.models import load_model
from lab_utils.transcripts import Segment, Transcript, Word


def normalised(text):
    from whisper.normalizers import EnglishTextNormalizer

    return EnglishTextNormalizer()(text)


@pytest.fixture(scope="module")
def by_hand():
    words = (Word(" Hello", 0.0, 0.5, 0.9), Word(" there.", 0.5, 1.0, 0.8))
    first = Segment(" Hello there.", 0.0, 1.0, -0.1, 0.01, 0.8, 0.0, (1, 2), words)
    second = Segment(
        " Goodbye.", 61.5, 62.0, -0.2, 0.02, 0.7, 0.0, (3,), (Word(" Goodbye.", 61.5, 62, 1),)
    )
    return Transcript("Hello there. Goodbye.", "en", (first, second), 62.0)


def test_tables_have_a_row_for_each(by_hand):
    assert list(by_hand.segments_table()["end"]) == [1.0, 62.0]
    words = by_hand.words_table()
    assert list(words["word"]) == ["Hello", "there.", "Goodbye."]
    assert list(words.columns) == ["word", "start", "end", "probability"]


def test_subtitles_are_the_formats_that_players_read(by_hand, tmp_path):
    srt = by_hand.subtitles("srt")
    assert srt.startswith("1\n00:00:00,000 --> 00:00:01,000\nHello there.\n")
    assert "2\n00:01:01,500 --> 00:01:02,000\nGoodbye.\n" in srt
    assert by_hand.subtitles("vtt").startswith("WEBVTT\n")
    assert by_hand.subtitles("tsv").splitlines()[1] == "0\t1000\tHello there."
    assert json.loads(by_hand.subtitles("json"))["segments"][1]["start"] == 61.5
    path = by_hand.save_subtitles(tmp_path / "talk.vtt")
    assert path.read_text("utf-8") == by_hand.subtitles("vtt")
    assert "<u>Hello</u>" in by_hand.subtitles("srt", highlight_words=True)


def test_an_unknown_subtitle_format_is_refused(by_hand, tmp_path):
    with pytest.raises(TranscriptError, match="found 'doc'"):
        by_hand.save_subtitles(tmp_path / "talk.doc")
    assert not list(tmp_path.iterdir())


def test_an_empty_transcript_has_empty_tables():
    empty = Transcript("", "en", (), 3.0)
    assert len(empty.words_table()) == len(empty.segments_table()) == 0
    assert empty.subtitles("srt") == ""


def test_bad_input_is_refused_before_a_model_is_loaded():
    y = np.zeros(16_000, np.float32)
    with pytest.raises(TranscriptError, match="found 'klingon'"):
        transcripts.transcribe(y, "base", language="klingon")
    with pytest.raises(TranscriptError, match="found 'summarise'"):
        transcripts.transcribe(y, "base", task="summarise")
    with pytest.raises(AudioError, match="divide by 32768"):
        transcripts.transcribe(y.astype(np.int16), "base")


@pytest.mark.model
@pytest.mark.parametrize("key", ["en_story_wav", "en_story_mp3", "en_story_flac", "en_joe"])
def test_base_writes_down_what_was_said(key):
    clip = samples.get(key)
    transcript = transcripts.transcribe(clip.path, "base")
    assert normalised(transcript.text) == normalised(clip.text)
    assert transcript.language == clip.language
    assert transcript.duration == pytest.approx(clip.duration, abs=0.1)


@pytest.mark.model
def test_it_is_whispers_own_result_and_twice_the_same():
    model = load_model("tiny.en", device="cpu")
    y, _ = audio.load(samples.path("en_story_wav"))
    ours = transcripts.transcribe(y, model)
    theirs = model.transcribe(y, temperature=0.0, condition_on_previous_text=False, fp16=False)
    assert ours.text == theirs["text"].strip()
    assert [s.tokens for s in ours.segments] == [tuple(s["tokens"]) for s in theirs["segments"]]
    assert transcripts.transcribe(y, model) == ours


@pytest.mark.model
def test_words_are_in_order_inside_the_clip_and_spell_the_text():
    clip = samples.get("en_story_wav")
    transcript = transcripts.transcribe(clip.path, "tiny.en", word_timestamps=True)
    words = transcript.words
    assert "".join(word.text for word in words).strip() == transcript.text
    edges = [edge for word in words for edge in (word.start, word.end)]
    assert edges == sorted(edges) and 0 <= edges[0] and edges[-1] <= clip.duration + 0.1
    assert all(0 <= word.probability <= 1 for word in words)
    rebuilt = transcripts.from_result(transcript.to_result(), duration=transcript.duration)
    assert rebuilt == transcript
