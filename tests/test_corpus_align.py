"""A known text on its recording: the words of each sentence, and the cuts between them."""

from __future__ import annotations

import random
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import workshop

from lab_utils import models, transcripts
from lab_utils.corpus import align, pipeline, script
from lab_utils.corpus.split import STEP, SplitSettings
from lab_utils.errors import CorpusError
from lab_utils.transcripts import Word

STORY = (
    "The ferry leaves the harbor at noon.",
    "Nobody waves, and nobody calls after it.",
    "By evening the fog is back on the water.",
    "Then every window along the pier is lit.",
    "Somebody plays an old song on a piano.",
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ('"Stop." He did.\nThe end', ['"Stop."', "He did.", "The end"]),
        ("It costs 3.50 today. Yes.", ["It costs 3.50 today.", "Yes."]),
        ("今日は。元気ですか？はい。", ["今日は。", "元気ですか？", "はい。"]),
        ("वह आया। वह गया।", ["वह आया।", "वह गया।"]),
        ("ماذا؟ لا شيء.", ["ماذا؟", "لا شيء."]),
        ("... and then. He -- . . . (so) !\n* * *", ["... and then.", "He -- .", ". . (so) !"]),
        (" \n\n", []),
    ],
)
def test_sentences(text, expected):
    assert script.sentences(text) == expected


def test_numbers_and_letters_compare_as_they_are_spoken():
    assert script.tokens("Press 1.", "en") == script.tokens("press one", "en")
    assert script.tokens("Marque 2.", "es") == script.tokens("marque dos", "es")
    assert script.tokens("今日は。", "ja") == ("今", "日", "は")


def test_each_sentence_has_its_stretch_of_words():
    written = [text.split() for text in ("a b c d", "e f g h", "i j k l")]
    assert script.place(written, "a b c d e f g h i j k l".split()) == [(0, 4), (4, 8), (8, 12)]
    assert script.place(written, "a b d x y z i j k l".split()) == [(0, 3), None, (6, 10)]
    assert script.place(written, []) == [None, None, None]
    # nothing crosses a wall
    assert script.place([["a", "b"]], ["a", "", "b"]) != [(0, 3)]


def spoken(texts, *, gaps=0.6, seed=0, words_too=True):
    """Words with times as wrong as Whisper's, probabilities of speech, and the true times."""
    rng = random.Random(seed)
    times, words, now = [], [], 1.0
    for text, gap in zip(texts, gaps if isinstance(gaps, list) else [gaps] * 99, strict=False):
        pieces = text.split()
        start = now
        for word in pieces:
            a, b = now, now + 0.3
            if word is pieces[0]:
                a -= rng.uniform(0, 0.5)  # Whisper lets a word begin in the pause before it
            if words_too:
                words.append(Word(f" {word}", a, b - rng.uniform(-0.1, 0.1), 0.9))
            now += 0.3
        times.append((start, now))
        now += gap
    p = np.full(round((now + 1) / STEP), 0.01, np.float32)
    for start, end in times:
        p[round(start / STEP) : round(end / STEP)] = 0.99
    return words, p, times


def laid(text, words, p, **options):
    return align.align(text, words, p, duration=len(p) * STEP, **options)


def test_cuts_fall_into_the_pauses_between_the_sentences():
    words, p, times = spoken(STORY, gaps=0.3)
    pieces, told, note = laid("\n".join(STORY), words, p)
    assert [piece.text for piece in pieces] == list(STORY) == [piece.heard for piece in pieces]
    assert told == [] and note == "5 of the 5 sentences of the script are in clips"
    for k, (piece, (start, end)) in enumerate(zip(pieces, times, strict=True)):
        assert start - 0.16 - STEP <= piece.span.start <= start + STEP
        assert end - STEP <= piece.span.end <= end + 0.16 + STEP
        if k:
            assert pieces[k - 1].span.end <= piece.span.start + 1e-6


def test_running_text_is_cut_like_lines():
    words, p, _ = spoken(STORY)
    assert laid(" ".join(STORY), words, p) == laid("\n".join(STORY), words, p)


def test_what_nobody_said_is_told_and_not_invented():
    words, p, times = spoken(STORY[:2] + STORY[3:])
    pieces, told, note = laid("\n".join(STORY), words, p)
    assert [piece.text for piece in pieces] == [*STORY[:2], *STORY[3:]]
    assert [item.reason for item in told] == [f"in the script and not heard: {STORY[2]!r}"]
    assert abs(told[0].start - times[1][1]) < 0.2 and note.startswith("4 of the 5")


def test_what_is_not_in_the_script_is_told_and_in_no_clip():
    words, p, times = spoken(STORY)
    pieces, told, _ = laid("\n".join(STORY[:2] + STORY[3:]), words, p)
    assert [piece.text for piece in pieces] == [*STORY[:2], *STORY[3:]]
    assert [item.reason for item in told] == [f"said, and not in the script: {STORY[2]!r}"]
    assert told[0].start == pytest.approx(times[2][0], abs=0.2)
    assert told[0].end == pytest.approx(times[2][1], abs=0.2)
    assert pieces[1].span.end <= told[0].start and told[0].end <= pieces[2].span.start


def test_another_order_and_a_second_reading_are_found():
    read = [STORY[0], STORY[3], STORY[1], STORY[2], STORY[2], STORY[4]]
    words, p, _ = spoken(read)
    pieces, told, note = laid("\n".join(STORY), words, p)
    assert sorted(piece.text for piece in pieces) == sorted(STORY)
    assert all(piece.text == piece.heard for piece in pieces)
    assert note.endswith("1 read out of order")
    assert [item.reason for item in told] == [
        f"said, and not in the script: {STORY[2]!r} (said again: {STORY[2]!r})"
    ]


def test_sentences_without_a_pause_share_a_clip_until_it_is_too_long():
    words, p, _ = spoken(STORY[:3], gaps=[0.0, 0.6, 0.6])
    pieces, _, _ = laid("\n".join(STORY[:3]), words, p)
    assert [piece.text for piece in pieces] == [" ".join(STORY[:2]), STORY[2]]
    short = SplitSettings(longest=3.4)
    pieces, told, _ = laid("\n".join(STORY[:3]), words, p, settings=short)
    assert [piece.text for piece in pieces] == list(STORY[:3]) and told == []


def test_a_short_sentence_goes_to_its_neighbor():
    texts = ["Yes.", STORY[0], STORY[1]]
    words, p, _ = spoken(texts)
    pieces, told, _ = laid("\n".join(texts), words, p)
    assert [piece.text for piece in pieces] == [f"Yes. {STORY[0]}", STORY[1]] and told == []


def test_a_long_sentence_is_cut_in_its_longest_pause():
    halves = ["After the ferry had left the harbor at noon,", "nobody spoke for a long while."]
    words, p, times = spoken(halves, gaps=0.5)
    pieces, told, _ = laid(" ".join(halves), words, p, settings=SplitSettings(longest=4))
    assert [piece.text for piece in pieces] == halves and told == []
    assert times[0][1] <= pieces[0].span.end + STEP and pieces[1].span.start <= times[1][0] + STEP


def test_speech_without_words_and_words_without_speech():
    words, p, times = spoken(STORY[:3])
    unheard = [w for w in words if not times[1][0] - 0.6 < w.start < times[1][1]]
    pieces, told, _ = laid("\n".join(STORY[:3]), unheard, p)
    assert [piece.text for piece in pieces] == [STORY[0], STORY[2]]
    assert {item.reason for item in told} == {
        "speech without a word", f"in the script and not heard: {STORY[1]!r}"
    }  # fmt: skip
    invented = [Word(" Thanks", times[-1][1] + 0.7, times[-1][1] + 0.9, 0.3)]
    pieces, told, _ = laid("\n".join(STORY[:3]), words + invented, p)
    assert [piece.text for piece in pieces] == list(STORY[:3]) and told == []


def test_nobody_speaks_or_the_script_is_empty():
    p = np.full(300, 0.01, np.float32)
    pieces, told, note = laid("One. Two.", [], p)
    assert pieces == [] and len(told) == 2 and note.startswith("0 of the 2")
    with pytest.raises(CorpusError, match="a script with words"):
        laid(" — \n…", [], p)


@pytest.mark.parametrize("seed", range(20))
def test_every_sentence_is_in_one_clip_or_told(seed):
    """Readings with words misheard, sentences left out, added and moved."""
    rng = random.Random(seed)
    letters = "abdefgiklmnoprstu"
    vocabulary = ["".join(rng.choices(letters, k=rng.randint(2, 8))) for _ in range(300)]
    texts = [" ".join(rng.choices(vocabulary, k=rng.randint(4, 9))) + "." for _ in range(30)]
    written = [text for text in texts if rng.random() > 0.1]
    read = [text for text in texts if rng.random() > 0.1]
    read.insert(3, read.pop(rng.randrange(10, 20)))
    words, p, times = spoken(read, gaps=[rng.uniform(0.2, 1) for _ in read], seed=seed)
    heard = [w for w in words if rng.random() > 0.05]
    pieces, told, _ = laid("\n".join(written), heard, p)
    for a, b in zip(pieces, pieces[1:], strict=False):
        assert a.span.end <= b.span.start + 1e-6
    n_right = 0
    for text in written:
        in_clips = sum(piece.text.count(text) for piece in pieces)
        named = sum(f"{text!r}" in item.reason for item in told)
        assert (in_clips, named) in ([(1, 0), (0, 1)] if text in read else [(0, 1)]), text
        if in_clips:
            start, end = times[read.index(text)]
            (own,) = (q.span for q in pieces if text in q.text)
            n_right += own.start < start + 2 * STEP and end - 2 * STEP < own.end
    assert n_right >= 0.9 * len({*written} & {*read})
    for (start, end), text in zip(times, read, strict=True):
        if text not in written:  # its sound is in no clip
            assert not any(min(q.span.end, end) - max(q.span.start, start) > 0.1 for q in pieces)


def test_japanese_is_compared_by_characters():
    texts = ["船は昼に港を出る。", "だれも手を振らない。", "夜に霧が戻る。"]
    words, p, _ = spoken([" ".join(text) for text in texts])
    words = [Word(w.text.strip(), w.start, w.end, w.probability) for w in words]
    pieces, told, _ = laid("".join(texts), words, p, language="ja")
    assert [piece.text for piece in pieces] == texts and told == []


# ---- with Whisper: a recording whose sentences and times are known


@pytest.fixture
def student(tmp_path):
    inputs = tmp_path / "in"
    inputs.mkdir()
    shutil.copy(workshop.FOLDER / "student.flac", inputs)
    read = [text for text, _, _ in workshop.truth()["student.flac"]["sentences"]]
    return inputs, read


def write(inputs, sentences):
    (inputs / "student.txt").write_text("\n".join(sentences) + "\n", "utf-8")


@pytest.mark.model
def test_a_recording_is_cut_between_the_sentences_of_its_script(student, tmp_path, monkeypatch):
    inputs, read = student
    unread = "The keeper of the lighthouse paints the door every spring."
    write(inputs, [*read[:4], unread, *read[4:8], *read[9:]])
    made = pipeline.prepare(inputs, tmp_path / "out", scripts=inputs, model="tiny.en")
    assert [clip.text for clip in made.clips] == [*read[:8], *read[9:]]
    assert {clip.text_by for clip in made.clips} == {"script"}
    assert all(clip.heard for clip in made.clips)
    times = dict(zip(read, workshop.sentences("student.flac"), strict=True))
    for clip in made.clips:
        start, end = times[clip.text]
        assert start - 0.3 < clip.start < start + 0.1 and end - 0.1 < clip.end < end + 0.3
    not_heard, not_written = sorted(made.dropped, key=lambda item: item.reason)
    assert not_heard.reason == f"in the script and not heard: {unread!r}"
    assert not_written.reason.startswith("said, and not in the script: ")
    assert not_written.start == pytest.approx(times[read[8]][0], abs=0.3)
    assert made.notes == ("student.flac: 11 of the 12 sentences of the script are in clips",)

    # the same again, and with a corrected script, without hearing it again
    def deaf(*_, **__):
        raise AssertionError("it was heard before")

    monkeypatch.setattr(transcripts, "transcribe", deaf)
    before = workshop.tree(tmp_path / "out")
    assert pipeline.prepare(inputs, tmp_path / "out", scripts=inputs, model="tiny.en") == made
    assert workshop.tree(tmp_path / "out") == before
    mine = made.clips[0].id
    made.updated({mine: {"text": "By hand.", "text_by": "given"}}).save()
    write(inputs, [read[0].replace("?", "!"), read[1].upper(), *read[2:]])
    again = pipeline.prepare(inputs, tmp_path / "out", scripts=inputs, model="tiny.en")
    assert [c.text for c in again.clips] == ["By hand.", read[1].upper(), *read[2:]]
    assert again.dropped == ()


def test_a_run_that_was_stopped_hears_only_the_rest(student, tmp_path, monkeypatch):
    inputs, read = student
    write(inputs, read)
    calls, stop = [], [True]

    def transcribe(y, model, *, language, word_timestamps):
        calls.append(len(y) / 16_000)
        if stop and len(calls) == 2:
            raise KeyboardInterrupt
        return transcripts.Transcript("", language, (), calls[-1])

    monkeypatch.setattr(transcripts, "transcribe", transcribe)
    monkeypatch.setattr(models, "load_model", lambda name: SimpleNamespace())
    monkeypatch.setattr(models, "fingerprint", lambda model: "weights")
    with pytest.raises(KeyboardInterrupt):
        pipeline.prepare(inputs, tmp_path / "out", scripts=inputs)
    stop.clear()
    made = pipeline.prepare(inputs, tmp_path / "out", scripts=inputs / "student.txt")
    first, stopped, again = calls  # 33 s are two stretches for Whisper
    assert stopped == again and first <= 29 and again <= 29
    assert made.clips == () and len(made.dropped) > 12  # it heard nothing: all of it is told
    reasons = [item.reason for item in made.dropped]
    assert reasons.count("speech without a word") >= 12


def test_scripts_that_are_not_there(student, tmp_path):
    inputs, _ = student
    out = tmp_path / "out"
    with pytest.raises(CorpusError, match=r"scripts like 'student.txt' in .*found none"):
        pipeline.prepare(inputs, out, scripts=tmp_path / "in")
    write(inputs, ["…"])
    with pytest.raises(CorpusError, match="a script with words"):
        pipeline.prepare(inputs, out, scripts=inputs)
    write(inputs, ["Hello <|endoftext|>"])
    with pytest.raises(CorpusError, match="special token"):
        pipeline.prepare(inputs, out, scripts=inputs)
    write(inputs, ["Hello."])
    with pytest.raises(CorpusError, match="student.flac.*only English"):
        pipeline.prepare(inputs, out, scripts=inputs, model="tiny.en", language="de")
    shutil.copy(workshop.FOLDER / "guest.mp3", inputs)
    with pytest.raises(CorpusError, match="one recording for the script student.txt, found 2"):
        pipeline.prepare(inputs, out, scripts=inputs / "student.txt")
    assert not out.exists()
