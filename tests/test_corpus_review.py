"""Reviews: worst clips first, every decision kept with who and when, none lost or half applied."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import workshop

from lab_utils import files, samples, tables
from lab_utils.corpus import check, command, export, label, pipeline, review, rules, sheet, splits
from lab_utils.corpus.manifest import Clip, Manifest
from lab_utils.errors import CorpusError
from lab_utils.training import data
from lab_utils.widgets import Reviewer, messages

SAID = {
    "good-1": ("The first sentence is right.", "The first sentence is right."),
    "good-2": ("The second one is right as well.", "the second one is right as well"),
    "doubt": ("Four of these words were misheard.", "Four of those words were misheard."),
    "wrong": ("Nobody ever said this.", "Something else was spoken here."),
    "mute": ("", ""),
}


def row(folder, name: str) -> Clip:
    return next(clip for clip in Manifest.load(folder).clips if clip.id == name)


def table(folder) -> bytes:
    return (folder / "manifest.csv").read_bytes()


@pytest.fixture
def made(tmp_path):
    return workshop.murmured(tmp_path / "corpus", SAID).folder


# ---------------------------------------------------------------- one by one


def test_the_worst_come_first_and_say_why(made):
    opened = review.Review(made, by="anna")
    assert opened.queue.ids == ("wrong", "mute", "doubt", "good-1", "good-2")
    assert opened.first() == "wrong"
    [why] = opened.card("wrong").findings
    assert "error rate of at most 0.5. Found: " in why
    assert "Something else" in why and "Listen to it" in why
    assert "Found: no text" in opened.card("mute").findings[0]
    assert opened.card("good-1").findings == (), "the form of an export is not asked for"
    heard = opened.card("doubt").heard
    assert heard == (("same", "Four of"), ("text", "these"), ("heard", "those"),
                     ("same", "words were misheard."))  # fmt: skip
    assert opened.card("good-2").heard == (("same", "the second one is right as well"),)


@pytest.mark.parametrize(
    ("text", "heard", "language", "runs"),
    [
        ("Some words.", "", "en", ()),
        ("", "you", "en", (("heard", "you"),)),
        ("There are 20 of them.", "there are twenty of them", "en",
         (("same", "there are twenty of them"),)),
        ("你好吗朋友", "你好朋友们", "zh",
         (("same", "你好"), ("text", "吗"), ("same", "朋友"), ("heard", "们"))),
        ("Uno dos tres", "uno tres", "es", (("same", "uno"), ("text", "dos"), ("same", "tres"))),
    ],
)  # fmt: skip
def test_differences_are_marked_in_the_unit_of_the_language(text, heard, language, runs):
    assert review.difference(text, heard, language=language) == runs


def test_a_decision_is_in_the_manifest_with_who_and_when(made):
    opened = review.Review(made, by=" anna  b ")
    opened.decide("wrong", "accepted", text=" Something  else\nwas spoken here. ")
    opened.decide("mute", "rejected")
    opened.decide("good-1", "accepted", text="The first sentence is right.")
    wrong, mute, good, other = (row(made, n) for n in ("wrong", "mute", "good-1", "good-2"))
    assert (wrong.text, wrong.text_by) == ("Something else was spoken here.", "review")
    assert (good.text_by, good.verdict) == ("whisper base", "accepted"), "the text is Whisper's"
    assert (mute.verdict, mute.text, mute.reviewed_by) == ("rejected", "", "anna b")
    age = datetime.now(UTC) - datetime.fromisoformat(wrong.reviewed_at)
    assert timedelta(0) <= age < timedelta(minutes=1)
    assert (other.verdict, other.reviewed_by, other.reviewed_at) == ("", "", "")
    assert {clip.more for clip in Manifest.load(made).clips} == {(("mood", "calm"),)}
    assert opened.summary() == (
        "3 of 5 clips are reviewed: 2 accepted, 1 rejected, 1 with a new text."
    )


def test_it_starts_where_it_stopped(made):
    opened = review.Review(made, by="anna")
    for name in ("wrong", "mute"):
        opened.decide(name, "rejected")
    assert opened.next_after("mute") == "doubt"
    again = review.Review(made, by="ben")
    assert again.queue.n_decided == 2 and again.first() == "doubt"
    assert again.queue.ids[2:] == ("doubt", "good-1", "good-2")
    for name in ("doubt", "good-2"):
        again.decide(name, "accepted")
    assert again.next_after("good-2") == "good-1", "after the last comes the first"
    again.decide("good-1", "accepted")
    assert again.next_after("good-1") is None
    assert review.Review(made, by="ben").first() in SAID


def test_undo_gives_the_same_bytes_back(made):
    opened = review.Review(made, by="anna")
    states = [table(made)]
    for name, verdict, text in (
        ("wrong", "accepted", "Other words."),
        ("doubt", "rejected", None),
        ("wrong", "rejected", "Third words."),
    ):
        opened.decide(name, verdict, text=text)
        states.append(table(made))
    for expected, name in zip(states[-2::-1], ("wrong", "doubt", "wrong"), strict=True):
        assert opened.undo().id == name
        assert table(made) == expected
    with pytest.raises(CorpusError, match="Nothing to undo"):
        opened.undo()


@pytest.mark.parametrize(
    ("name", "verdict", "text", "says"),
    [
        ("wrong", "accepted", "Hello <|endoftext|> there", "special token"),
        ("wrong", "rejected", "<|en|>", "special token"),
        ("wrong", "accepted", "  ", "write what is spoken, or reject"),
        ("mute", "accepted", None, "write what is spoken, or reject"),
        ("wrong", "accepted", "a\x00b", "not a character"),
        ("wrong", "accepted", "a\ud800b", "not a character"),
        ("wrong", "accepted", "caf\ufffd", "not a character"),
        ("wrong", "perhaps", None, "accepted or rejected, found 'perhaps'"),
        ("wrong", "", None, "accepted or rejected"),
        ("other", "accepted", None, "a clip of this corpus, found 'other'"),
    ],
)
def test_what_is_refused_changes_nothing(made, name, verdict, text, says):
    before, opened = table(made), review.Review(made, by="anna")
    with pytest.raises(CorpusError, match=says):
        opened.decide(name, verdict, text=text)
    assert table(made) == before
    opened.decide("wrong", "accepted")  # the review goes on


def test_a_special_token_that_was_there_before_is_not_accepted(made):
    Manifest.load(made).updated({"wrong": {"text": "Hm <|nospeech|>"}}).save()
    opened = review.Review(made, by="anna")
    with pytest.raises(CorpusError, match="special token"):
        opened.decide("wrong", "accepted")
    opened.decide("wrong", "rejected")


def test_two_open_reviews_do_not_overwrite_each_other(made):
    first, second = (review.Review(made, by=name) for name in ("anna", "ben"))
    first.decide("wrong", "rejected")
    after = table(made)
    for act in (lambda: second.decide("doubt", "accepted"), lambda: second.decide("wrong", "x")):
        with pytest.raises(CorpusError):
            act()
    with pytest.raises(CorpusError, match=r"no longer as this review knows it.*Open the review"):
        second.decide("doubt", "accepted")
    assert table(made) == after
    review.Review(made, by="ben").decide("doubt", "accepted")
    with pytest.raises(CorpusError, match="no longer as this review knows it"):
        first.undo()
    assert {row(made, n).reviewed_by for n in ("wrong", "doubt")} == {"anna", "ben"}


def test_an_edit_by_hand_and_a_run_at_work_are_noticed(made):
    opened = review.Review(made, by="anna")
    with files.lock(made / ".lock"), pytest.raises(CorpusError, match="Another run is at work"):
        opened.decide("wrong", "accepted")
    opened.decide("wrong", "accepted")  # when the run has ended and changed nothing
    by_hand = table(made).replace(b"Nobody ever", b"Somebody once")
    (made / "manifest.csv").write_bytes(by_hand)
    with pytest.raises(CorpusError, match="a person, changed it"):
        opened.decide("doubt", "accepted")
    assert table(made) == by_hand


def test_a_corpus_that_is_gone_is_not_made_again(made):
    opened = review.Review(made, by="anna")
    made.rename(made.with_name("moved"))
    with pytest.raises(CorpusError, match="no longer"):
        opened.decide("wrong", "accepted")
    assert not made.exists()


def test_a_full_disk_leaves_the_old_manifest_and_the_review_open(made, monkeypatch):
    opened, before = review.Review(made, by="anna"), table(made)
    full = OSError(28, "No space left on device")
    with monkeypatch.context() as patch, pytest.raises(CorpusError, match="No space left"):
        patch.setattr(files.os, "replace", lambda *_: (_ for _ in ()).throw(full))
        opened.decide("wrong", "accepted", text="New words.")
    assert table(made) == before and not list(made.glob("*.partial"))
    opened.decide("wrong", "accepted", text="New words.")
    assert row(made, "wrong").text == "New words."


REVIEWER = """
import sys
from lab_utils.corpus.review import Review
review = Review(sys.argv[1], by="anna")
for i, name in enumerate(100 * review.queue.ids):
    review.decide(name, "accepted", text=f"Text {i}.")
    print(i, name, flush=True)
"""


@pytest.mark.slow
def test_a_killed_reviewer_loses_nothing_that_was_confirmed(made):
    for n_confirmed in (1, 7):
        code = [sys.executable, "-c", REVIEWER, str(made)]
        with subprocess.Popen(code, stdout=subprocess.PIPE, text=True) as child:
            confirmed = [child.stdout.readline().split() for _ in range(n_confirmed)]
            child.kill()
        i, name = confirmed[-1]
        found = row(made, name)
        assert found.verdict == "accepted" and int(found.text[5:-1]) >= int(i)
        review.Review(made, by="ben").decide(name, "rejected")  # and it goes on
        assert not list(made.glob("*.partial"))


def test_what_cannot_be_reviewed_is_said(tmp_path):
    with pytest.raises(CorpusError, match=r"Expected manifest\.csv"):
        review.Review(tmp_path, by="anna")
    Manifest(tmp_path, ()).save()
    with pytest.raises(CorpusError, match="Expected clips to review"):
        review.Review(tmp_path, by="anna")
    with pytest.raises(CorpusError, match="name of the reviewer"):
        review.Review(workshop.murmured(tmp_path / "x", SAID).folder, by=" ")


# ---------------------------------------------------------------- what follows from a review


def test_later_labels_do_not_touch_a_reviewed_text(made, monkeypatch):
    opened = review.Review(made, by="anna")
    opened.decide("wrong", "accepted", text="Something else.")
    opened.decide("good-1", "accepted")
    said = dict.fromkeys(SAID, "Heard by another model.")
    monkeypatch.setattr(label, "_hear", lambda *_, **__: said)
    model = SimpleNamespace(is_multilingual=True, num_languages=99)
    for step in (
        lambda m: label.with_whisper(m, model),
        lambda m: label.from_texts(m, dict.fromkeys(SAID, "Given."), by="script"),
    ):
        texts = {clip.id: clip.text for clip in step(Manifest.load(made)).clips}
        assert texts["wrong"] == "Something else."
        assert texts["good-1"] == "The first sentence is right."
        assert texts["doubt"] in ("Heard by another model.", "Given.")
    with pytest.raises(CorpusError, match="'wrong' was reviewed by anna and keeps its text"):
        label.from_texts(Manifest.load(made), {"wrong": "Given."})


def test_a_manifest_from_before_the_review_is_not_saved_over_it(made):
    stale = Manifest.load(made)
    opened = review.Review(made, by="anna")
    opened.decide("wrong", "accepted")
    older = Manifest.load(made).updated({"wrong": {"reviewed_at": "2001-01-01T00:00:00+00:00"}})
    for manifest in (stale, older):
        with pytest.raises(CorpusError, match=r"reviews of 1 clips.*'wrong'\. Load it again"):
            manifest.save()
    Manifest.load(made).updated({"doubt": {"split": "train"}}).save()
    assert row(made, "wrong").verdict == "accepted"


def test_rejected_clips_are_not_checked_split_exported_or_learned_from(tmp_path):
    said = {f"clip-{i}": (f"This is sentence {i}.", "") for i in range(8)}
    folder = workshop.murmured(tmp_path / "corpus", said | SAID).folder
    opened = review.Review(folder, by="anna")
    opened.decide("mute", "rejected")  # without a text no export would take it
    manifest = Manifest.load(folder)
    assert len(manifest.kept()) == len(manifest) - 1
    findings = check.check(manifest, rules.WHISPER).findings
    assert not {f.rule for f in findings if f.clip == "mute" or "mute" in f.clip}
    assert {f.rule for f in findings} & {"missing_row", "missing_file"} == set()
    parted = splits.assign(manifest)
    assert {c.id: c.split for c in parted.clips}["mute"] == ""
    for made in (
        export.ljspeech(parted, tmp_path / "voice"),
        export.audiofolder(parted, tmp_path / "whisper"),
    ):
        assert {c.id for c in made.clips} == {c.id for c in manifest.clips} - {"mute"}
        assert made.notes == ("left out: 1 clips that were rejected",)
    names = {example.name for example in data.from_manifest(folder)}
    assert "mute" not in names and "wrong" in names


def test_reviews_survive_another_run_of_the_pipeline(tmp_path):
    source = samples.path("en_pauses")
    made = pipeline.prepare(source, tmp_path / "corpus")
    first, second, *_ = (clip.id for clip in made.clips)
    opened = review.Review(made.folder, by="anna")
    opened.decide(first, "accepted", text="Corrected.")
    opened.decide(second, "rejected")
    reviewed = table(made.folder)
    pipeline.prepare(source, made.folder)
    assert table(made.folder) == reviewed
    other = pipeline.Settings(split=dataclasses.replace(pipeline.Settings().split, pad=0.05))
    again = pipeline.prepare(source, made.folder, settings=other)
    assert {clip.verdict for clip in again.clips} == {""}, "other cuts are other clips"
    assert "texts of 2 clips" in " ".join(again.notes)
    assert (made.folder / "manifest.before-1.csv").read_bytes() == reviewed


@pytest.mark.parametrize("name", ["verdict", "split"])
def test_a_manifest_with_an_unknown_word_is_refused(made, name):
    Manifest.load(made).updated({"doubt": {name: "maybe"}}).save()
    with pytest.raises(CorpusError, match=f"line 4: expected one of the {name}s .*'maybe'"):
        Manifest.load(made)


# ---------------------------------------------------------------- by a table


def edit(path, changes: dict[str, dict[str, str]], *, drop=(), ending="\r\n") -> None:
    """Change cells, as a spreadsheet saves them: {clip id: {column: cell}}."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name not in drop]
    for cells in rows:
        cells.update(changes.get(tables.unquoted(cells["id"]), {}))
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore", lineterminator=ending)
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def written(made, tmp_path):
    return sheet.write(made, tmp_path / "review.csv")


def test_the_table_has_the_worst_on_top_and_opens_in_a_spreadsheet(made, written):
    assert written.read_bytes().startswith(b"\xef\xbb\xbf"), "accents are read as UTF-8"
    with open(written, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [tables.unquoted(r["id"]) for r in rows] == [
        "wrong",
        "mute",
        "doubt",
        "good-1",
        "good-2",
    ]
    assert "error rate" in rows[0]["findings"] and rows[0]["verdict"] == ""
    assert all((made / r["file"]).is_file() for r in rows)


def test_a_table_is_applied_with_who_and_when(made, written):
    edit(written, {"wrong": {"verdict": "Accepted ", "text": "Something  else."},
                   "mute": {"verdict": "rejected"}})  # fmt: skip
    assert {c.id for c in sheet.apply(made, written, by="anna")} == {"wrong", "mute"}
    wrong = row(made, "wrong")
    assert (wrong.text, wrong.text_by, wrong.verdict) == ("Something else.", "review", "accepted")
    assert wrong.reviewed_by == "anna" and wrong.reviewed_at
    after = table(made)
    assert sheet.apply(made, written, by="ben") == () and table(made) == after, "once is enough"
    edit(written, {"mute": {"verdict": "accepted", "text": "Hm."}})
    with pytest.raises(CorpusError, match="'mute' was changed since"):
        sheet.apply(made, written, by="anna")
    again = sheet.write(made, made.with_name("again.csv"))
    edit(again, {"mute": {"verdict": ""}})
    sheet.apply(made, again, by="anna")
    assert (row(made, "mute").verdict, row(made, "mute").reviewed_by) == ("", "")


def test_rows_that_nobody_touched_do_not_stop_those_that_were(made, written):
    """Two people divide the work, one of them in the page."""
    review.Review(made, by="ben").decide("doubt", "accepted", text="Four of those words.")
    edit(written, {"wrong": {"verdict": "rejected"}})
    sheet.apply(made, written, by="anna")
    assert (row(made, "doubt").text, row(made, "wrong").verdict) == (
        "Four of those words.",
        "rejected",
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"wrong": {"id": "wrnog"}}, "line 2: the corpus has no clip 'wrnog'.*column id as text"),
        ({"wrong": {"id": "doubt"}}, "'doubt' is in line"),
        ({"wrong": {"verdict": "yes"}}, "line 2: expected accepted, rejected or no verdict"),
        ({"wrong": {"text": "Other."}}, "line 2: the text was changed and there is no verdict"),
        ({"wrong": {"text": "<|en|>", "verdict": "accepted"}}, "line 2: .*special token"),
        ({"mute": {"verdict": "accepted"}}, "'mute' has no text"),
        ({"wrong": {"version": "1,2E+10", "verdict": "rejected"}}, "was changed since"),
    ],
)
def test_a_table_with_a_mistake_is_applied_not_even_by_half(made, written, changes, says):
    before = table(made)
    edit(written, {"good-1": {"verdict": "accepted"}} | changes)
    with pytest.raises(CorpusError, match=says):
        sheet.apply(made, written, by="anna")
    assert table(made) == before


def test_tables_that_are_none(made, written, tmp_path):
    with pytest.raises(CorpusError, match="exists already, and decisions may be in it"):
        sheet.write(made, written)
    with pytest.raises(CorpusError, match="Expected a table"):
        sheet.apply(made, tmp_path / "none.csv", by="anna")
    edit(written, {}, drop=("verdict", "version"))
    with pytest.raises(CorpusError, match="lacks the columns verdict, version"):
        sheet.apply(made, written, by="anna")
    with pytest.raises(CorpusError, match="name of the reviewer"):
        sheet.apply(made, written, by="")


def test_a_spreadsheet_calculates_with_no_text(tmp_path):
    texts = ["=1+1", "-Yes.", "@home", "+49 30", "20,000", "May 5", "'=x", "'Tis.", "1e5", "＝1"]
    said = {f"{i:04d}": (text, text) for i, text in enumerate(texts)}
    folder = workshop.murmured(tmp_path / "corpus", said).folder
    path = sheet.write(folder, tmp_path / "review.csv")
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for cells in rows:
        for name in ("id", "text", "heard"):
            assert not re.match(r"[=+\-@＝]|[\d.,e]+$|May", cells[name]), cells
    edit(path, {name: {"verdict": "accepted"} for name in said})
    sheet.apply(folder, path, by="anna")
    back = Manifest.load(folder).clips
    assert {c.text for c in back} == set(texts)
    assert {c.text_by for c in back} == {"whisper base"}, "no text was changed"


def test_on_the_command_line(made, tmp_path, capsys):
    path = tmp_path / "review.csv"
    assert command.main(["review", str(made)]) == 0
    assert "0 of 5 clips are reviewed" in capsys.readouterr().out
    assert command.main(["review", str(made), "--out", str(path), "--contract", "voice"]) == 0
    edit(path, {"wrong": {"verdict": "rejected"}})
    with pytest.raises(CorpusError, match="--by NAME"):
        command.main(["review", str(made), "--apply", str(path)])
    assert command.main(["review", str(made), "--apply", str(path), "--by", "anna"]) == 0
    assert "1 clips changed.\n1 of 5 clips are reviewed" in capsys.readouterr().out


# ---------------------------------------------------------------- the page's questions


def asked(widget, action: str, **content):
    """What Python answers: sentence, what is sent along as JSON, sound and picture."""
    sentence, [facts, *sound] = widget.answer(action, content, [])
    return sentence, json.loads(facts), sound


def test_the_page_gets_cards_with_sound_and_is_led_on(made):
    widget = Reviewer(made, by="anna")
    sentence, place, _ = asked(widget, "open")
    assert sentence.startswith("0 of 5") and place == {"clip": "wrong", "done": False}
    _, card, sound = asked(widget, "card", clip="wrong")
    assert card["position"] == "Clip 1 of 5" and card["about"] == "wrong, ann, en"
    assert (card["before"], card["after"], card["next"]) == ("wrong", "mute", "mute")
    assert sound[0][:4] == b"fLaC" and len(sound) == 2
    assert card["player"]["duration"] == pytest.approx(2.5)
    _, runs, _ = asked(widget, "compare", clip="wrong", text="Something else was spoken.")
    assert runs["heard"] == [["same", "Something else was spoken"], ["heard", "here."]]
    sentence, place, _ = asked(widget, "decide", clip="wrong", verdict="accepted", text="Other.")
    assert sentence.startswith("Accepted: wrong. 1 of 5") and place["clip"] == "mute"
    _, card, _ = asked(widget, "card", clip="wrong")
    assert re.fullmatch(r"accepted by anna, \d{4}-\d\d-\d\d \d\d:\d\d UTC", card["decided"])
    assert asked(widget, "undo")[1] == {"clip": "wrong", "done": False}
    assert widget.manifest.clips == Manifest.load(made).clips
    for name in SAID:
        last = asked(widget, "decide", clip=name, verdict="rejected")[1]
    assert last == {"clip": "", "done": True}
    assert "5 of 5" in repr(widget)


def test_a_clip_without_sound_can_be_rejected(made):
    (made / "clips" / "wrong.wav").write_bytes(b"no sound")
    widget = Reviewer(made, by="anna")
    _, card, sound = asked(widget, "card", clip="wrong")
    assert "cannot be heard" in card["trouble"] and sound == []
    asked(widget, "decide", clip="wrong", verdict="rejected")


def test_the_page_is_told_what_is_refused(made, monkeypatch):
    widget, sent = Reviewer(made, by="anna"), []
    monkeypatch.setattr(widget, "send", lambda content, *_: sent.append(content))
    (made / "manifest.csv").write_bytes(table(made) + b"\n")
    for content in ({"verdict": "accepted"}, {"verdict": 5, "clip": ["x"]}, {}):
        widget._answer({"id": 1, "action": "decide", "clip": "wrong"} | content, [])
    assert [answer["ok"] for answer in sent] == [False] * 3
    assert "Open the review again" in sent[0]["message"]
    assert widget.answer("carry", {}, []) is None and not widget.carried


@pytest.mark.parametrize(
    "name",
    sorted(
        path.stem for path in messages._HERE.glob("*.js") if path.stem not in ("ui", "microphone")
    ),
)
def test_scripts_that_share_a_page_share_no_name(name):
    text = messages.script(name)
    names = re.findall(r"^(?:export )?(?:async )?(?:function|const|let|class) (\w+)", text, re.M)
    assert len(names) == len(set(names)) > 10
    assert text.count("\nexport default ") == 1 and "import {" not in text
