"""The teacher's page keeps its word: minutes add up, commands exist, exercises exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab_utils import __main__, exercises

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "TEACHING.md").read_text("utf-8")
PLANS = re.findall(r"^### (\d\d) · .+? \((\d+) min\)\n(.+?)(?=^###|^<!--)", TEXT, re.M | re.S)


def minutes(table: str) -> list[int]:
    return [int(n) for n in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)]


def test_every_lab_has_a_plan():
    assert [number for number, _, _ in PLANS] == [lab[:2] for lab in exercises.LABS]


@pytest.mark.parametrize(("number", "total", "table"), PLANS, ids=[p[0] for p in PLANS])
def test_the_minutes_of_a_lab_add_up_and_are_those_of_the_notebook(number, total, table):
    assert sum(minutes(table)) == int(total)
    [path] = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    stated = re.search(r"\*\*Time\*\* (\d+) min", path.read_text("utf-8"))
    assert stated and int(stated[1]) == int(total)


def test_the_short_course_takes_90_minutes():
    section = TEXT.split("## A course of 90 minutes")[1].split("\n## ")[0]
    assert sum(minutes(section)) == 90
    for key in re.findall(r"`(\w+\.\w+)`", section):
        assert exercises.find(key)


def test_the_two_days_leave_each_lab_its_time():
    section = TEXT.split("## A course of two days")[1].split("\n## ")[0]
    needed = {number: int(total) for number, total, _ in PLANS}
    seen = []
    for day in section.split("| --- | --- | --- |")[1:]:
        rows = re.findall(r"^\| (\d\d):(\d\d) \| .+? \| ?(\S*) ?\|", day, re.MULTILINE)
        starts = [int(hour) * 60 + int(minute) for hour, minute, _ in rows]
        for (_, _, lab), start, end in zip(rows, starts, starts[1:], strict=False):
            assert end > start
            if lab in needed and lab not in seen:
                seen.append(lab)
                assert end - start >= needed[lab], lab
    assert sorted(seen) == sorted(needed)


def test_its_commands_exist():
    commands = set(re.findall(r"python3? -m lab_utils (\w+)", TEXT))
    assert commands <= set(__main__.COMMANDS)
