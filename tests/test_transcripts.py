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
@pytest.mark.parametrize("key", ["en_story_mp3", "en_joe"])
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
    short = y[: 3 * 16_000]
    assert transcripts.transcribe(short, model) == transcripts.transcribe(short, model)


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


# --- results are checked where they enter -------------------------------------------------------


def result(*segments, **changes):
    rows = []
    for start, end, text, *words in segments:
        row = {"start": start, "end": end, "text": text, "tokens": [1], "temperature": 0.0}
        row |= {"avg_logprob": -0.1, "no_speech_prob": 0.0, "compression_ratio": 1.0}
        if words:
            row["words"] = [
                {"word": w, "start": a, "end": b, "probability": 0.9} for w, a, b in words
            ]
        rows.append(row)
    return {"text": " Hello.", "language": "en", "segments": rows} | changes


def test_no_time_is_later_than_the_recording():
    made = transcripts.from_result(
        result(
            (-0.02, 2.0, " a", (" a", -0.02, 2.0)),
            (2, 28, " b", (" b", 2.0, 28.0)),
            (29, 30, " c", (" c", 29.0, 30.0)),
        ),
        duration=9.0,
    )
    spans = [(s.start, s.end) for s in made.segments]
    assert spans == [(0.0, 2.0), (2.0, 9.0), (9.0, 9.0)]
    assert [(w.start, w.end) for w in made.words] == spans
    assert "00:00:02,000 --> 00:00:09,000\nb\n" in made.subtitles("srt")
    assert "c" not in made.subtitles("srt") and len(made.segments) == 3


def test_a_language_becomes_a_code():
    assert transcripts.from_result(result(language="german"), duration=1).language == "de"


def test_a_segment_without_text_has_no_words_and_no_cue():
    rows = result((0, 1, " Hello.", (" Hello.", 0, 1)), (1, 1, ""))
    made = transcripts.from_result(rows, duration=2.0)
    for kind in ("srt", "vtt", "txt", "tsv"):
        assert made.subtitles(kind).count("Hello.") == 1
    assert [s["words"] for s in made.to_result()["segments"]][1] == []
    assert transcripts.from_result(made.to_result(), duration=2.0) == made


@pytest.mark.parametrize(
    "bad, match",
    [
        (result(text=None), "'text' in the result to be a text"),
        (result(language="klingon"), "found 'klingon'"),
        (result(segments="none"), "'segments' in the result to be a list"),
        ({"text": "", "language": "en"}, "'segments'.*found nothing"),
        (result((0, float("nan"), "a")), "'end' in segment 0 to be a finite number"),
        (result((0, "1", "a")), "'end' in segment 0"),
        (result((2, 1, "a")), "found 2.00 to 1.00 s in segment 0"),
        (result((5, 6, "a"), (1, 2, "b")), "segment 1"),
        (result((0, 1, "a", (" a", 3, 4))), "word 0 of segment 0"),
        (result((5, 6, "a", (" a", 1, 2))), "word 0 of segment 0"),
        (result(segments=[{"start": 0, "end": 1}]), "segment 0"),
        (result(segments=[None]), "segment 0"),
        (None, "the result"),
    ],
)
def test_a_result_from_elsewhere_is_refused_by_name(bad, match):
    with pytest.raises(TranscriptError, match=match):
        transcripts.from_result(bad, duration=9.0)


# --- options are checked before whisper sees them -----------------------------------------------


@pytest.fixture(scope="module")
def tiny():
    return load_model("tiny.en", device="cpu")


Y = np.zeros(16_000, np.float32)


@pytest.mark.model
@pytest.mark.parametrize(
    "times",
    [
        [0, 6], [2, 3], [0, 1.02], [1, 0.5], [0.5, 0.5], [0, 0.5, 0.2, 0.8], [1.0], [-1, 1],
        [0, float("nan")], [[0, 1]], "0,6", "0;1", "now", {"start": 0}, [None], 5,
    ],
)  # fmt: skip
def test_clip_times_that_make_no_sense_are_refused_at_once(tiny, times):
    with pytest.raises(TranscriptError, match="clip_timestamps as start, end"):
        transcripts.transcribe(Y, tiny, clip_timestamps=times)


def test_clip_times_never_pass_the_last_whole_frame():
    from lab_utils.options import check_clip_times

    for n in range(16_000, 16_330, 7):
        for value in ([0, n / 16_000], [0], "0", f"0.5,{n / 16_000}", np.array([0.25, 0.5])):
            times = check_clip_times(value, duration=n / 16_000)
            assert all(round(t * 100) <= n // 160 for t in times)
    assert check_clip_times("", duration=1.0) == []


@pytest.mark.model
@pytest.mark.parametrize(
    "options, match",
    [
        ({"temprature": 0}, "Did you mean 'temperature'"),
        ({"beamsize": 5}, "Did you mean 'beam_size'"),
        ({"prompt": "past"}, "initial_prompt"),
        ({"temperature": -1}, "temperature to be a finite number from 0"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": ()}, "at least one temperature"),
        ({"patience": 1.0}, "nothing without beam_size"),
        ({"best_of": 5}, "at temperature 0"),
        ({"beam_size": 0}, "beam_size to be a whole number"),
        ({"suppress_tokens": "a,b"}, "token numbers"),
        ({"condition_on_previous_text": "no"}, "True or False, found 'no'"),
        ({"fp16": "yes"}, "True or False, found 'yes'"),
        ({"beam_size": 2, "temperature": 0.5}, "beam_size does nothing at temperatures above 0"),
        ({"suppress_tokens": [10**6]}, "token numbers"),
        ({"length_penalty": 3, "beam_size": 2}, "length_penalty"),
        ({"length_penalty": 0.5}, "without beam_size"),
        ({"logprob_threshold": "low"}, "logprob_threshold"),
        ({"hallucination_silence_threshold": 2.0}, "without word_timestamps"),
        ({"carry_initial_prompt": True}, "without initial_prompt"),
        ({"initial_prompt": "<|de|> Hafen"}, r"found '<\|de\|>', which is a special token"),
        ({"initial_prompt": "<|endofprompt|>"}, r"found '<\|endofprompt\|>', which is no token"),
        ({"initial_prompt": "<|de> Hafen"}, r"found '<\|de>'"),
        ({"initial_prompt": 5}, "initial_prompt as text"),
        ({"initial_prompt": "word " * 600}, "at most 223 tokens, found 600"),
        ({"prefix": "So"}, "without_timestamps=True"),
        ({"prefix": "word " * 250, "without_timestamps": True}, "at most .* tokens, found 250"),
        ({"language": "de"}, "knows only English"),
        ({"language": "auto"}, "leave the language out"),
        ({"language": ""}, "found ''"),
        ({"task": "translate"}, "knows only English"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_option_that_whisper_cannot_take_is_refused(tiny, options, match):
    with pytest.raises(TranscriptError, match=match):
        transcripts.transcribe(Y, tiny, **options)


@pytest.mark.model
def test_good_options_pass(tiny):
    good = {"initial_prompt": "", "language": "English", "temperature": (0.0, 0.4), "best_of": 2}
    assert transcripts.transcribe(Y, tiny, clip_timestamps="0,1", **good).language == "en"
    named = {"language": "EN", "prefix": "", "suppress_tokens": "-1", "beam_size": 1}
    assert transcripts.transcribe(Y, tiny, **named).language == "en"
    prompt = "word " * 223
    assert transcripts.transcribe(Y, tiny, language="en-US", initial_prompt=prompt)


@pytest.mark.model
def test_real_silence_with_word_times_gives_subtitles(tiny):
    """Whisper keeps segments whose text it threw away; some end after the recording."""
    y = np.random.default_rng(3).normal(0, 1e-3, 3 * 16_000).astype(np.float32)
    y = np.concatenate([audio.load(samples.path("en_joe"))[0][: 2 * 16_000], y])
    for word_timestamps in (False, True):
        options = {"no_speech_threshold": None, "logprob_threshold": None}
        made = transcripts.transcribe(y, tiny, word_timestamps=word_timestamps, **options)
        assert all(0 <= s.start <= s.end <= made.duration for s in made.segments)
        assert all(0 <= w.start <= w.end <= made.duration for w in made.words)
        assert "-->" in made.subtitles("srt") and "-->" in made.subtitles("vtt")


def test_the_picture_shows_where_windows_begin(by_hand):
    from dataclasses import replace

    from lab_utils.plotting.speech import plot_segments

    first, second = by_hand.segments
    ax = plot_segments([first, replace(second, seek=2850)], duration=62.0)
    assert [text.get_text().strip() for text in ax.texts] == ["window 0.00 s", "window 28.50 s"]
    made = replace(by_hand, segments=(first, replace(second, seek=2850)))
    assert transcripts.from_result(made.to_result(), duration=62.0) == made
