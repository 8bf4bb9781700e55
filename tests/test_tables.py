"""Tables: what goes into a cell comes out of it; what is no table is said to be none."""

import random

import pytest

from lab_utils import tables
from lab_utils.errors import TableError

SEPARATORS = [*"\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", "\r\n"]


@pytest.mark.parametrize("sign", [*SEPARATORS, '"', ",", ";", "|", "\t", "'", "\ufeff", "𝄞", "नी"])
def test_a_cell_survives_any_sign(tmp_path, sign):
    rows = [[f"a{sign}b", sign, f"{sign}{sign}"], ["plain", "", "x"]]
    tables.write(tmp_path / "t.csv", ["one", "two", "three"], rows)
    assert [list(row.values()) for _, row in tables.read(tmp_path / "t.csv")] == rows


def test_200_random_tables_come_back_as_they_were(tmp_path):
    rng = random.Random(0)
    signs = [*SEPARATORS, *"\"',;|ab é東\u202e"]
    for number in range(200):
        cells = ["".join(rng.choices(signs, k=rng.randint(0, 6))) for _ in range(6)]
        rows = [[f"x{cells[0]}", *cells[1:3]], [f"y{cells[3]}", *cells[4:]]]
        path = tables.write(tmp_path / f"{number}.csv", ["id", "text", "more"], rows)
        assert [list(row.values()) for _, row in tables.read(path)] == rows


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "no header row"),
        (b" \n \n", "is empty"),
        (b"file;speaker\na.wav;x\n", "separated by semicolons"),
        (b"file\tspeaker\na.wav\tx\n", "separated by tabs"),
        ("file,speaker\na.wav,Zoë\n".encode("cp1252"), "line 2, is not UTF-8"),
        ("file,speaker\na.wav,x\n".encode("utf-16"), "is UTF-16"),
        (b"PK\x03\x04", "an Excel or zip file"),
        (b'[{"file": "a.wav"}]', "is JSON"),
        (b"file,speaker\na.wav,\0\n", "line 2, holds a NUL"),
        (b"file,file\na.wav,b\n", "more than once"),
        (b"name,speaker\na.wav,b\n", "lacks the columns file; found name, speaker"),
        (b'file,speaker\na.wav,"open\nb.wav,y\n', "not closed"),
        (b"file,speaker\na.wav,x,y\n", "line 2: expected 2 cells, found 3"),
        (b"file,speaker\na.wav\n", "line 2: expected 2 cells, found 1"),
        (b"file,speaker\na\rb.wav,x\n", "line 2, has a carriage return"),
        (b"file,speaker\n" + b"a" * (1 << 21) + b",x\n", "not a row"),
    ],
)
def test_what_is_no_table_is_said_to_be_none(tmp_path, raw, match):
    (tmp_path / "t.csv").write_bytes(raw)
    with pytest.raises(TableError, match=match):
        tables.read(tmp_path / "t.csv", required=["file"])


def test_what_a_spreadsheet_adds_is_read(tmp_path):
    (tmp_path / "t.csv").write_bytes("\ufefffile, speaker\r\n\r\na.wav\r\n\r\n".encode())
    rows = tables.read(tmp_path / "t.csv", required=["file", "speaker"], short=True)
    assert rows == [(3, {"file": "a.wav", "speaker": ""})]


def test_a_failed_write_leaves_the_table_that_was_there(tmp_path):
    path = tables.write(tmp_path / "t.csv", ["id"], [["a"]])
    for cell in ("a\0b", "a\ud800"):
        with pytest.raises(TableError, match="t.csv could not be written|NUL"):
            tables.write(path, ["id"], [[cell]])
    assert tables.read(path) == [(2, {"id": "a"})]
    assert list(tmp_path.iterdir()) == [path]


def test_rows_without_quotes_end_at_line_feeds_only(tmp_path):
    (tmp_path / "t.csv").write_bytes("\ufeffa|x\u2028y\r\n\nb|\x85|z\n\n".encode())
    assert tables.read_unquoted(tmp_path / "t.csv") == [
        (1, ["a", "x\u2028y"]),
        (3, ["b", "\x85", "z"]),
    ]


def test_a_table_without_quotes_takes_no_sign_of_its_own(tmp_path):
    rows = [["a", 'He said "x"\u2028y', "z"], ["b", "", "\x85"]]
    path = tables.write_unquoted(tmp_path / "t.csv", rows)
    assert [cells for _, cells in tables.read_unquoted(path)] == rows
    for sign in ("|", "\n", "\r", "\0", "\ud800"):
        with pytest.raises(TableError, match="line 1|could not be written"):
            tables.write_unquoted(path, [[f"a{sign}b"]])
    assert [cells for _, cells in tables.read_unquoted(path)] == rows


def test_empty_columns_of_a_spreadsheet_are_no_columns(tmp_path):
    (tmp_path / "t.csv").write_text("file,speaker,,\na.wav,x,,\nb.wav,y\n", "utf-8")
    rows = tables.read(tmp_path / "t.csv", required=["file"])
    assert [row for _, row in rows] == [
        {"file": "a.wav", "speaker": "x"},
        {"file": "b.wav", "speaker": "y"},
    ]


@pytest.mark.parametrize("cell", ["=1+1", "-Yes.", "@x", "+49", "\tx", "20,000", "May 5", "＝1"])
def test_a_spreadsheet_gets_text_and_gives_it_back(cell):
    for text in (cell, f"'{cell}", f"''{cell}"):
        assert tables.quoted(text) == f"'{text}" and tables.unquoted(tables.quoted(text)) == text


@pytest.mark.parametrize("cell", ["", "'Tis.", "It was 5 of them.", "No = sign first.", "talk-01a"])
def test_other_text_is_left_alone(cell):
    assert tables.quoted(cell) == cell == tables.unquoted(cell)


def test_a_mark_says_that_it_is_utf8(tmp_path):
    path = tables.write(tmp_path / "t.csv", ["one"], [["é"]], mark=True)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfone")
    assert tables.read(path) == [(2, {"one": "é"})]
