"""The reader's progress file: it survives restarts, crashes, two notebooks, and bad content."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from lab_utils import exercises
from lab_utils.errors import ExerciseError
from lab_utils.exercises import labs, record


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    path = tmp_path / "mine" / "progress.json"
    monkeypatch.setenv("WHISPER_LAB_PROGRESS", str(path))
    return path


def solve(key: str) -> None:
    record.add_attempt(key, correct=True)


def test_reading_before_anything_was_done_makes_no_file(file):
    assert record.read() == {}
    assert not file.parent.exists()


def test_attempts_mistakes_hints_are_kept(file):
    record.add_attempt("a.b", correct=False, mistake="samples")
    record.add_attempt("a.b", correct=False, mistake="samples")
    record.add_hint("a.b", number=2)
    record.add_hint("a.b", number=1)
    record.add_solution("a.b")
    entry = record.read()["a.b"]
    assert (entry.solved, entry.attempts, entry.hints) == (False, 2, 2)
    assert entry.mistakes == {"samples": 2} and entry.solution_seen
    assert json.loads(file.read_text("utf-8"))["version"] == record.VERSION


def test_solved_stays_solved_and_later_tries_do_not_count():
    solve("a.b")
    record.add_attempt("a.b", correct=False, mistake="samples")
    record.add_solution("a.b")
    entry = record.read()["a.b"]
    assert entry.solved and entry.attempts == 1
    assert not entry.mistakes and not entry.solution_seen


def test_an_untouched_stub_writes_nothing(file, capsys):
    exercise = exercises.of_lab("02_transcribe")[0]
    exercise.check(...)
    assert "Not attempted" in capsys.readouterr().out
    assert not file.exists()


def test_check_hint_and_solution_are_recorded(capsys):
    exercise = exercises.transcribe.moved
    exercise.check(5.0)
    exercise.hint(1)
    exercise.solution()
    exercise.check(3.0)
    entry = record.read()[exercise.key]
    assert entry.solved and entry.attempts == 2 and entry.hints == 1 and entry.solution_seen
    assert entry.mistakes == {exercise.mistakes[0].name: 1}
    said = capsys.readouterr().out
    assert "Not yet" in said and "Hint 1 of" in said and "moved = 5.0 - 2.0" in said


def test_it_survives_a_restart():
    solve("transcribe.moved")
    code = "from lab_utils import exercises; exercises.progress('02_transcribe')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "1 of 5 exercises done" in done.stdout
    assert "Next: `option`." in done.stdout


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{ not json",
        b"\xff\xfe\x00",
        b"[]",
        b'{"version": 0, "exercises": {}}',
        b'{"version": 99, "exercises": {}}',
        b'{"version": true, "exercises": {}}',
        b'{"version": 1, "exercises": {"a.b": {"attempts": "many"}}}',
        b'{"version": 1, "exercises": {"a.b": {"attempts": -1}}}',
        b'{"version": 1, "exercises": {"a.b": {"surprise": 1}}}',
        b'{"version": 1, "exercises": {"a.b": {"mistakes": {"x": "y"}}}}',
        b"[" * 100_000,
        b" " * (record.MAX_BYTES + 1),
    ],
    ids=range(13),
)
def test_a_file_that_is_none_of_ours_is_set_aside_never_lost(file, content):
    file.parent.mkdir()
    file.write_bytes(content)
    assert record.read() == {}
    aside = [path for path in file.parent.iterdir() if ".aside-" in path.name]
    assert [path.read_bytes() for path in aside] == [content]
    solve("a.b")
    assert record.read()["a.b"].solved


def test_two_files_set_aside_in_the_same_second_are_both_kept(file):
    file.parent.mkdir()
    for content in (b"first", b"second"):
        file.write_bytes(content)
        record.read()
    aside = [path.read_bytes() for path in file.parent.iterdir() if ".aside-" in path.name]
    assert sorted(aside) == [b"first", b"second"]


def test_a_crash_while_writing_leaves_the_old_file(file, monkeypatch):
    solve("a.b")
    before = file.read_bytes()

    def crash(*_):
        raise OSError("power cut")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(ExerciseError, match="power cut"):
        solve("c.d")
    assert file.read_bytes() == before
    assert not list(file.parent.glob("*.partial"))


def test_two_notebooks_at_once_lose_nothing():
    code = (
        "import sys; from lab_utils.exercises import labs, record\n"
        "for i in range(20): record.add_attempt(f'{sys.argv[1]}.{i}', correct=True)\n"
        "for i in range(20): record.add_attempt('both.same', correct=False, mistake='m')"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, name]) for name in ("one", "two")]
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    entries = record.read()
    assert len(entries) == 41
    assert entries["both.same"].mistakes == {"m": 40}


def test_a_folder_that_cannot_be_written_is_said_once_and_the_check_goes_on(
    tmp_path, monkeypatch, capsys
):
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    monkeypatch.setenv("WHISPER_LAB_PROGRESS", str(blocked / "progress.json"))
    exercises.transcribe.moved.check(3.0)
    exercises.transcribe.moved.check(3.0)
    said = capsys.readouterr().out
    assert said.count("Correct") == 2
    assert said.count("Your progress was not saved") == 1
    assert "WHISPER_LAB_PROGRESS" in said


def test_progress_is_shown_where_its_folder_cannot_be_written(file, capsys):
    solve("transcribe.moved")
    file.with_name("progress.json.lock").unlink(missing_ok=True)
    file.with_name("progress.json.lock").mkdir()  # stands for a folder without the right to write
    exercises.progress("02_transcribe")
    assert "1 of 5 exercises done" in capsys.readouterr().out
    exercises.transcribe.option.check("de")
    assert "Your progress was not saved" in capsys.readouterr().out


@pytest.mark.parametrize("show", [exercises.overview, lambda: exercises.progress("05_waveform")])
def test_a_damaged_file_that_cannot_be_set_aside_is_said(file, monkeypatch, capsys, show):
    file.parent.mkdir()
    file.write_bytes(b"{")

    def refuse(*_):
        raise PermissionError("not yours")

    monkeypatch.setattr(os, "replace", refuse)
    show()
    assert "Your progress cannot be read" in capsys.readouterr().out
    assert file.read_bytes() == b"{"


def test_overview_counts_every_lab(capsys):
    solve("transcribe.moved")
    exercises.overview()
    said = capsys.readouterr().out
    line = next(line for line in said.splitlines() if line.startswith("02_transcribe"))
    assert "1 of 5" in line and "●○○○○" in line
    assert "Next: `option` in lab 02_transcribe." in said


def test_all_done_is_said(capsys):
    for exercise in exercises.all_exercises():
        solve(exercise.key)
    exercises.overview()
    assert "well done" in capsys.readouterr().out


def test_an_unknown_lab_or_key_is_named():
    with pytest.raises(ExerciseError, match="found 'lab 5'"):
        exercises.progress("lab 5")
    with pytest.raises(ExerciseError, match="found 'no.such'"):
        exercises.find("no.such")


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("Short.", "Short."),
        ("One\ntwo", "One"),
        ("word " * 30, "word word word …"),
        ("aaa bbb `ccc ddd eee` fff", "aaa bbb …"),
        ("aaa **bbb ccc ddd eee** f", "aaa …"),
    ],
)
def test_tasks_are_cut_between_words_and_marks(task, expected):
    assert labs.shown(task, 20) == expected
