"""The one strict reader and writer of tables: what goes into a cell comes out of it.

Only a line feed (or CR LF) ends a row. Unicode has more line separators (U+2028, U+0085, vertical
tab), which ``str.splitlines`` obeys and these functions keep inside the cell.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from .errors import TableError
from .files import replacing, write_text

MAX_CELL = 1 << 20  #: characters in one cell
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_ENCODINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PK": "an Excel or zip file"}
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
#: what a spreadsheet would run as a formula, or turn into a number or a date
_CALCULATED = re.compile(
    r"'*(?:[=+\-@\t\r＝＋－＠]|(?=.*\d)[\d\s.,:/%$€+-]*[^\W\d_]{0,9}[\d\s.,:/%$€+-]*\Z)"
)


def read(
    path: str | os.PathLike, *, required: Sequence[str] = (), short: bool = False
) -> list[tuple[int, dict[str, str]]]:
    """Read a table of comma-separated values with a header row, in UTF-8.

    Parameters
    ----------
    path : path-like
    required : sequence of str
        Columns that must be there; others are read too.
    short : bool
        Whether a row may leave out cells at its end; they are read as empty.

    Returns
    -------
    list of (int, dict)
        For each row the line of the file where it ends, and its cells by column. Blank lines
        are skipped.

    Raises
    ------
    TableError
        The file cannot be read, is empty, is no UTF-8 table, lacks a column, names one twice, or
        has a row that does not fit its header. A missing file raises FileNotFoundError.
    """
    path = Path(path)
    rows = _rows(path, required)
    header = [name.strip() for name in rows[0][1]]
    while header and not header[-1]:  # a spreadsheet's empty columns
        header.pop()
    _check_header(path, header, required)
    return [(line, _row(path, line, header, cells, short)) for line, cells in rows[1:]]


def _rows(path: Path, required: Sequence[str]) -> list[tuple[int, list[str]]]:
    """Line and cells of each row, the header's too."""
    text = _text(path)
    if text.lstrip()[:1] in ("{", "["):
        raise TableError(f"{path.name} is JSON: expected a table of comma-separated values.")
    unquoted = _QUOTED.sub(lambda cell: " " * len(cell[0]), text)
    if "\n" in text and (found := re.search(r"\r(?!\n)", unquoted)):
        line = text.count("\n", 0, found.start()) + 1
        raise TableError(
            f"{path.name}, line {line}, has a carriage return that is not part of a line end. "
            "Remove it, or put the cell in quotes."
        )
    previous = csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise TableError(
            f"{path.name}, line {reader.line_num}, is not a row of comma-separated values: "
            f"{error}. Look for a quotation mark that is not closed."
        ) from error
    finally:
        csv.field_size_limit(previous)
    if not rows:
        expected = "the columns " + ", ".join(required) if required else "names of columns"
        raise TableError(f"{path.name} has no header row: expected {expected}.")
    return rows


def _check_header(path: Path, header: list[str], required: Sequence[str]) -> None:
    missing = [name for name in required if name not in header]
    if missing and len(header) == 1 and (other := re.search(r"[;\t|]", header[0])):
        raise TableError(
            f"{path.name} is separated by {_SEPARATORS[other[0]]}, not by commas (some "
            "spreadsheets do that): save it as comma-separated CSV in UTF-8."
        )
    if missing:
        raise TableError(
            f"{path.name} lacks the columns {', '.join(missing)}; found {', '.join(header)[:200]}."
        )
    if twice := [name for name in header if header.count(name) > 1]:
        raise TableError(f"{path.name} names the column {twice[0]!r} more than once.")


def _row(path: Path, line: int, header: list[str], cells: list[str], short: bool) -> dict[str, str]:
    while len(cells) > len(header) and not cells[-1].strip():
        cells = cells[:-1]
    if len(cells) > len(header) or (len(cells) < len(header) and not short):
        raise TableError(
            f"{path.name}, line {line}: expected {len(header)} cells, found {len(cells)}. "
            "A cell with a comma in it needs quotation marks."
        )
    return dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=True))


def write(
    path: str | os.PathLike,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    mark: bool = False,
) -> Path:
    """Write a table whole or not at all, after reading it back and comparing every cell.

    Parameters
    ----------
    mark : bool
        Begin with a byte order mark, without which some spreadsheets misread accents and other
        scripts. :func:`read` skips it.

    Raises
    ------
    TableError
        A cell cannot be kept (a NUL, a lone surrogate), or the folder cannot be written.
    """
    path = Path(path)
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    quoting = csv.QUOTE_ALL if any("\r" in c for row in cells for c in row) else csv.QUOTE_MINIMAL
    with replacing(path, error=TableError) as temporary:
        encoding = "utf-8-sig" if mark else "utf-8"
        with open(temporary, "w", encoding=encoding, newline="") as file:
            writer = csv.writer(file, lineterminator="\n", quoting=quoting)
            writer.writerow(columns)
            writer.writerows(cells)
        back = [list(row.values()) for _, row in read(temporary)]
        if back != [row for row in cells if row]:
            raise TableError(f"{path.name} would not be read back as it was written.")
    return path


def quoted(cell: str) -> str:
    """A text as a spreadsheet leaves it alone: after an apostrophe where it would calculate.

    Examples
    --------
    >>> quoted("=1+1"), quoted("May 5"), quoted("It was on the fifth of May.")
    ("'=1+1", "'May 5", 'It was on the fifth of May.')
    """
    return f"'{cell}" if _CALCULATED.match(cell) else cell


def unquoted(cell: str) -> str:
    """The text that :func:`quoted` was given."""
    return cell[1:] if cell.startswith("'") and _CALCULATED.match(cell[1:]) else cell


def lines(path: str | os.PathLike) -> list[tuple[int, str]]:
    """The lines of a file of text that are not blank, each with its number from 1.

    Raises
    ------
    TableError
        The file cannot be read, is empty or is not UTF-8. A missing file raises FileNotFoundError.
    """
    text = _text(Path(path)).replace("\r\n", "\n")
    return [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]


def read_unquoted(path: str | os.PathLike) -> list[tuple[int, list[str]]]:
    """Line and cells of a table without header and quotes, separated by ``|``, as in LJSpeech.

    Raises
    ------
    TableError
        As :func:`lines`. A missing file raises FileNotFoundError.
    """
    return [(number, line.split("|")) for number, line in lines(path)]


def write_unquoted(path: str | os.PathLike, rows: Iterable[Sequence[str]]) -> Path:
    """Write what :func:`read_unquoted` reads, whole or not at all.

    Raises
    ------
    TableError
        A cell has a ``|`` or a line end, which such a table cannot keep, or the folder cannot be
        written.
    """
    path, rows = Path(path), [list(row) for row in rows]
    for number, row in enumerate(rows, start=1):
        for cell in row:
            if found := re.search(r"[\r\n\0|]", cell):
                raise TableError(
                    f"{path.name}, line {number}: {cell[:60]!r} holds {found[0]!r}, which "
                    "separates the cells and lines of this table. Change the text."
                )
    write_text(path, "".join("|".join(row) + "\n" for row in rows), error=TableError)
    return path


def _text(path: Path) -> str:
    """A file of text as UTF-8 without its byte order mark; line ends as they are."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise TableError(f"{path.name} cannot be read: {error}.") from error
    if not raw.strip():
        raise TableError(f"{path.name} is empty.")
    if kind := _ENCODINGS.get(raw[:2]):
        raise TableError(f"{path.name} is {kind}: save it as CSV in UTF-8.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise TableError(
            f"{path.name}, line {line}, is not UTF-8: save the file as CSV in UTF-8."
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise TableError(f"{path.name}, line {line}, holds a NUL character: it is no table.")
    return text
