"""Reports of learners and the teacher's page, with files that mean no good."""

from __future__ import annotations

import dataclasses
import html.parser
import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from lab_utils import exercises
from lab_utils.classroom import answers, overview, report
from lab_utils.errors import ExerciseError, LabError
from lab_utils.exercises import record

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>"
SNEAKY = "&&amp;#60;script&#62; 'x' $z$"  #: markup without a character that names refuse


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("WHISPER_LAB_PROGRESS", str(tmp_path / "home" / "progress.json"))


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "handed in"
    path.mkdir()
    return path


def hand_in(folder, name, entries, written="2026-01-01T10:00:00+00:00", file=None):
    path = folder / f"{file or name}.json"
    return report.write(report.Report(name, written, entries), path)


def text_of(page: str) -> str:
    """What a browser shows, and a check that every tag is one of ours and closed."""
    shown, stack = [], []
    void = {"meta", "line", "rect", "img", "br"}

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag, attrs):
            assert tag not in ("script", "img", "iframe", "a", "object"), tag
            assert not any(name.startswith("on") for name, _ in attrs)
            if tag not in void:
                stack.append(tag)

        def handle_startendtag(self, tag, attrs):
            pass

        def handle_endtag(self, tag):
            assert stack.pop() == tag

        def handle_data(self, data):
            shown.append(data)

    Reader().feed(page)
    assert not stack
    return " ".join(shown)


def test_a_report_goes_round(folder, capsys):
    exercises.transcribe.moved.check(5.0)
    exercises.transcribe.moved.check(3.0)
    out = folder / "r.json"
    assert report.main(["--name", "Ada Lovelace", "--out", str(out)]) == 0
    assert "Ada Lovelace, 1 of" in capsys.readouterr().out
    back = report.read(out)
    assert back.name == "Ada Lovelace"
    assert back.entries == record.read()


def test_default_file_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert report.main(["--name", "Zoë"]) == 0
    assert [path.name for path in tmp_path.glob("report-*")] == ["report-Zoë.json"]


BAD_NAMES = {
    "empty": "", "blanks": " \u202e\n ", "up": "../../Zoë/..\\x", "folder": "A/../B", "dots": "..",
    "device": "NUL", "drive": "C:x", "newline": "Ada\nLovelace", "escape": "\x1b[31mred",
    "zero": "a\0b", "direction": "a\u202egpj.exe", "isolate": "a\u2067b", "half": "\ud800x",
    "long": "é" * 101, "space": " Ada", "number": 5, "nothing": None, "object": {"a": 1},
    "markup": EVIL,
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
def test_a_name_that_no_file_could_have_is_refused_never_rewritten(folder, name):
    if isinstance(name, str):
        with pytest.raises(LabError, match="--name"):
            report.make(name)
    good = hand_in(folder, "Good", {})
    data = json.loads(good.read_text("utf-8")) | {"name": name}
    (folder / "bad.json").write_text(json.dumps(data), "utf-8")
    found = overview.gather(folder)
    assert [r.name for r in found.reports] == ["Good"]
    assert [file for file, _ in found.refused] == ["bad.json"]


@pytest.mark.parametrize(
    "name", ["Zoë", "O'Brien", "李 明", "J. R. R. Tolkien", "Ana-María", "é" * 100]
)
def test_names_of_people_are_kept_as_they_are(folder, name):
    hand_in(folder, name, {}, file="r")
    assert [r.name for r in overview.gather(folder).reports] == [name]


def test_the_page_says_who_is_where_and_what_the_class_gets_wrong(folder, capsys):
    moved, option = exercises.transcribe.moved, exercises.transcribe.option
    says = moved.mistakes[0].name
    solved = record.Entry(solved=True, attempts=2, mistakes={says: 1})
    tried = record.Entry(attempts=4, mistakes={says: 3}, hints=2)
    hand_in(folder, "Ada", {option.key: record.Entry(solved=True, attempts=1), moved.key: solved})
    hand_in(folder, "Blaise", {moved.key: tried})
    assert overview.main([str(folder)]) == 0
    page = (folder / "class.html").read_text("utf-8")
    shown = text_of(page)
    assert "2 learners" in shown and "Ada" in shown and "Blaise" in shown
    assert moved.mistakes[0].name in shown
    assert f"{moved.mistakes[0].name} ({moved.key})" in capsys.readouterr().out
    [one] = overview.gather(folder).misconceptions()
    assert (one.learners, one.times) == (2, 4)
    assert page.count('role="img"') == 2 and "http" not in page.replace("http-equiv", "")


def test_of_two_reports_by_one_name_the_newest_counts(folder):
    key = exercises.transcribe.moved.key
    new = {key: record.Entry(solved=True, attempts=1)}
    hand_in(folder, "Ada", new, "2026-02-01T00:00:00+00:00", file="a")
    hand_in(folder, "Ada", {}, "2026-01-01T00:00:00+00:00", file="b")
    [only] = overview.gather(folder).reports
    assert only.entries == new


def written(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")


KEY = exercises.transcribe.moved.key
SOLVED = {KEY: record.Entry(solved=True, attempts=1)}


@pytest.mark.parametrize(
    "date", ["9999-12-31T23:59:59+00:00", "9999-12-31", 3, "9999-12-31T23:59:59-23:59"]
)
def test_a_report_from_the_future_replaces_nothing(folder, date):
    hand_in(folder, "Ada", SOLVED, written(-1), file="a")
    hand_in(folder, "Ada", {}, written(date) if isinstance(date, int) else date, file="b")
    found = overview.gather(folder)
    assert [r.entries for r in found.reports] == [SOLVED]
    [(file, why)] = found.refused
    assert file == "b.json" and "future" in why


def test_a_clock_that_is_some_hours_ahead_is_no_future(folder):
    hand_in(folder, "Ada", {}, written(-1), file="a")
    hand_in(folder, "Ada", SOLVED, written(0.4), file="b")
    [only] = overview.gather(folder).reports
    assert only.entries == SOLVED


def test_times_are_compared_as_times(folder):
    hand_in(folder, "Ada", SOLVED, "2026-01-01T10:00:00+00:00", file="a")
    hand_in(folder, "Ada", {}, "2026-01-01T11:00:00+14:00", file="b")
    [only] = overview.gather(folder).reports
    assert only.entries == SOLVED


def test_a_replaced_report_is_listed(folder, capsys):
    hand_in(folder, "Ada", {}, written(-2), file="old")
    hand_in(folder, "Ada", SOLVED, written(-1), file="new")
    assert overview.main([str(folder)]) == 0
    assert "old.json was replaced by new.json" in capsys.readouterr().out
    shown = text_of((folder / "class.html").read_text("utf-8"))
    assert "old.json" in shown and "1 learner" in shown


def test_somebody_elses_name_replaces_nobody(folder, tmp_path, monkeypatch):
    for machine, entries in (("hers", SOLVED), ("his", {})):
        monkeypatch.setenv("WHISPER_LAB_PROGRESS", str(tmp_path / machine / "progress.json"))
        made = report.make("Ada")
        report.write(dataclasses.replace(made, entries=entries), folder / f"{machine}.json")
        assert report.make("Ada").learner == made.learner, "the number is made once"
    found = overview.gather(folder)
    assert len(found.reports) == 2 and not found.replaced
    shown = text_of(overview.class_page(found))
    assert "Ada (hers.json)" in shown and "Ada (his.json)" in shown


@pytest.mark.parametrize("number", ["x", "A" * 16, 5, ["a"], "0" * 17, "../../etc/passwd"])
def test_a_number_that_is_none_is_refused(folder, number):
    data = json.loads(hand_in(folder, "Ada", {}).read_text("utf-8")) | {"learner": number}
    (folder / "Ada.json").write_text(json.dumps(data), "utf-8")
    found = overview.gather(folder)
    assert not found.reports and "number" in found.refused[0][1]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_what_names_a_person_is_the_readers_alone(folder, tmp_path):
    exercises.transcribe.moved.check(3.0)
    report.main(["--name", "Ada", "--out", str(folder / "r.json")])
    overview.main([str(folder)])
    files = [folder / "r.json", folder / "class.html", *(tmp_path / "home").glob("progress.json")]
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600] * 3


def test_skipped_files_are_said_plainly(folder):
    (folder / "x.json").write_text("{")
    shown = text_of(overview.class_page(overview.gather(folder)))
    assert "These files were skipped; the results do not include them." in shown


def test_hostile_and_broken_files_harm_nothing(folder, tmp_path):
    good = hand_in(folder, "Good", {})
    data = json.loads(good.read_text("utf-8"))
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(data | {"name": "Leaked"}), "utf-8")
    key = exercises.transcribe.moved.key
    entry = {"solved": True, "attempts": 1}
    hostile = {
        "empty": b"",
        "binary": os.urandom(1000),
        "not json": b"hello",
        "huge": b"[" + b"1," * record.MAX_BYTES + b"1]",
        "deep": b"[" * 200_000 + b"]" * 200_000,
        "deep entries": b'{"kind":"whisper-lab report","name":"x","version":1,"exercises":'
        + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
        "long number": b'{"version": ' + b"9" * 50_000 + b"}",
        "list": b"[]",
        "another kind": b'{"version": 1, "exercises": {}}',
        "no name": json.dumps(data | {"name": None}).encode(),
        "name of objects": json.dumps(data | {"name": {"a": 1}}).encode(),
        "wrong types": json.dumps(data | {"exercises": {key: {"attempts": "9"}}}).encode(),
        "bool as count": json.dumps(data | {"exercises": {key: {"attempts": True}}}).encode(),
        "negative": json.dumps(data | {"exercises": {key: {"attempts": -5}}}).encode(),
        "exercises a list": json.dumps(data | {"exercises": [1, 2]}).encode(),
        "newer": json.dumps(data | {"version": 99}).encode(),
        f"evil {EVIL.replace('/', '')}": b"{",
    }  # fmt: skip
    for name, content in hostile.items():
        (folder / f"{name}.json").write_bytes(content)
    (folder / "link.json").symlink_to(secret)
    (folder / "loop.json").symlink_to(folder / "loop.json")
    (folder / "folder.json").mkdir()
    os.mkfifo(folder / "pipe.json")
    other = data | {"name": SNEAKY, "written": EVIL, "exercises": {
        EVIL: entry, key: entry | {"mistakes": {EVIL: 3}, "last": EVIL}}}  # fmt: skip
    (folder / "injection.json").write_text(json.dumps(other), "utf-8")
    before = {path.name for path in folder.iterdir()}

    found = overview.gather(folder)
    assert sorted(r.name for r in found.reports) == sorted(["Good", SNEAKY])
    assert len(found.refused) == len(hostile) + 4
    injected = next(r for r in found.reports if r.name != "Good")
    assert set(injected.entries) == {key} and not injected.entries[key].mistakes
    page = overview.class_page(found)
    shown = text_of(page)
    assert (
        "&&amp;#60;script&#62; 'x' $z$" in shown and "<script" not in page and "Leaked" not in page
    )
    assert {path.name for path in folder.iterdir()} == before


def test_file_names_are_shown_on_one_line():
    assert report.shown_name("  a \n b\u202egpj.json") == "a bgpj.json"
    assert report.shown_name("é" * 500) == "é" * 60


def test_many_files_and_an_empty_folder(folder, monkeypatch):
    assert "No report was found" in text_of(overview.class_page(overview.gather(folder)))
    monkeypatch.setattr(overview, "MAX_FILES", 3)
    for i in range(5):
        hand_in(folder, f"Learner {i}", {})
    found = overview.gather(folder)
    assert len(found.reports) == 3 and "2 more files" in found.refused[-1][1]


def test_no_such_folder(tmp_path):
    with pytest.raises(ExerciseError, match="found none"):
        overview.gather(tmp_path / "nowhere")


def test_the_answer_book_holds_every_solution_and_message(tmp_path):
    path = tmp_path / "answers.html"
    assert answers.main([str(path)]) == 0
    shown = text_of(path.read_text("utf-8"))
    for exercise in exercises.all_exercises():
        assert exercise.solution_code in shown
        for mistake in exercise.mistakes:
            assert mistake.name in shown


def test_the_class_command_needs_a_folder(capsys):
    with pytest.raises(SystemExit):
        overview.main([])
    assert "folder" in capsys.readouterr().err
