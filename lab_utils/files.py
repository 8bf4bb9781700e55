"""Files: written whole or not at all, hashed, named safely, locked against a second run."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import re
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from .errors import FileNameError, LabError

MAX_NAME = 100  #: characters in a name that comes from outside
#: names that Windows keeps for devices, whatever their ending or case
RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{device}{digit}" for device in ("com", "lpt") for digit in "0123456789¹²³"
}
_DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')


@contextlib.contextmanager
def replacing(
    path: str | os.PathLike, *, private: bool = False, error: type[LabError] | None = None
) -> Iterator[Path]:
    """Give a temporary name to write to; rename it to ``path`` when the block ends well.

    If the block raises, what was at ``path`` stays as it was and the temporary file is gone.

    Parameters
    ----------
    path : path-like
        The final name; its folder is made if need be.
    private : bool
        Only the user may read the file (mode 0600), and a folder made for it (mode 0700).
    error : type, optional
        What an OSError, or a text that UTF-8 cannot keep, becomes; it names the file and folder.

    Yields
    ------
    Path
        A temporary file in the same folder, ending in ``.partial``.

    Examples
    --------
    >>> with replacing("outputs/notes.txt") as temporary:  # doctest: +SKIP
    ...     temporary.write_text("whole or not at all")
    """
    path, temporary = Path(path), None
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o777)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=path.stem[:60] + "-", suffix=".partial"
        )
        os.close(handle)
        temporary = Path(name)
        if not private:  # mkstemp's own 0600 would keep a shared folder private
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
        yield temporary
        os.replace(temporary, path)
    except (OSError, UnicodeEncodeError) as fault:
        if error is None:
            raise
        raise error(f"{path.name} could not be written to {path.parent}: {fault}.") from fault
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


def write_text(
    path: str | os.PathLike,
    text: str,
    *,
    private: bool = False,
    error: type[LabError] | None = None,
) -> None:
    """Write a whole text as UTF-8, with the same bytes on every system; see :func:`replacing`."""
    with replacing(path, private=private, error=error) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def exchange(first: str | os.PathLike, second: str | os.PathLike) -> None:
    """Let two files or folders swap their names in one step: no instant lies between.

    Raises
    ------
    OSError
        One of them is missing, they are on different disks, or the system cannot do it
        (Linux and macOS can on their own file systems; Windows cannot).
    """
    name, here = {"linux": ("renameat2", -100), "darwin": ("renameatx_np", -2)}.get(
        sys.platform, ("", 0)
    )
    call = getattr(ctypes.CDLL(None, use_errno=True), name, None) if name else None
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    swap = 2  # RENAME_EXCHANGE and RENAME_SWAP are the same number
    if call(here, os.fsencode(first), here, os.fsencode(second), ctypes.c_uint(swap)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fspath(first), None, os.fspath(second))


def fold(name: str) -> str:
    """What a name is to a system that ignores case and the form of accents: NFC, case folded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def printable(name: str | os.PathLike) -> str:
    """A name as it can be shown: bytes that are not UTF-8 and control characters as escapes."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def inside(
    folder: str | os.PathLike, name: str, *, what: str = "The path", where: str = "the folder"
) -> Path:
    """The path of ``name`` under ``folder``, links followed.

    Raises
    ------
    FileNameError
        It is absolute, leads outside through ``..`` or a link, or is no path at all.
    """
    root = Path(folder).resolve()
    try:
        path = (root / name).resolve()
    except (OSError, ValueError, RuntimeError):  # NUL, a loop of links
        path = root
    if path == root or not path.is_relative_to(root):
        raise FileNameError(
            f"{what} {name[:120]!r} leads outside {where}. Expected a path inside {root.name!r}: "
            "correct it, or copy the file in."
        )
    return path


def sha256(path: str | os.PathLike) -> str:
    """SHA-256 of a file's bytes in hexadecimal, read in blocks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_name(name: object, *, what: str = "name") -> str:
    """Return a name from outside if it is safe as one component of a path on every system.

    A name that comes from a table, an archive, a report or a student never decides where a file
    is written. It is refused, never rewritten: two names must not become one.

    Parameters
    ----------
    name : object
    what : str
        What the message calls it, for instance ``"manifest.csv, line 3: the id"``.

    Raises
    ------
    FileNameError
        It is not a text of 1 to 100 characters, or has a path separator, a control character, a
        character that Windows refuses, a space or period at an end, or is a reserved name.

    Examples
    --------
    >>> check_name("lesson-01")
    'lesson-01'
    """
    reason = _unsafe(name)
    if reason:
        raise FileNameError(
            f"{what} {str(name)[:120]!r} cannot be used as a file name: {reason}. Expected 1 to "
            f'{MAX_NAME} characters, without / \\ : * ? " < > | or control characters. Rename it.'
        )
    return str(name)


def _unsafe(name: object) -> str:
    """Why a name cannot be one component of a path; empty if it can."""
    if not isinstance(name, str):
        return f"it is a {type(name).__name__}, not a text"
    if name == "":
        return "it is empty"
    if len(name) > MAX_NAME or len(name.encode("utf-8", "replace")) > 200:
        return f"it has {len(name)} characters"
    if _FORBIDDEN.search(name):
        return "it has a character that separates folders or that some systems refuse"
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp", "Cn", "Co") for c in name):
        return "it has a control character or one that is not text"
    if any(unicodedata.bidirectional(c) in _DIRECTIONS for c in name):
        return "it has a character that reverses how it is displayed"
    if name != name.strip() or name.endswith("."):
        return "it begins or ends with a space, or ends with a period"
    if name.startswith("."):
        return "a leading period hides the file"
    if name.split(".")[0].strip().lower() in RESERVED:
        return "Windows reserves it for a device"
    return ""


@contextlib.contextmanager
def lock(path: str | os.PathLike, *, timeout: float = 0) -> Iterator[None]:
    """Keep a lock file locked while the block runs, so that two runs never share a folder.

    Parameters
    ----------
    path : path-like
        The lock file; it stays behind, empty.
    timeout : float
        Seconds to wait for another run; -1 waits until it ends.

    Raises
    ------
    filelock.Timeout
        Another process still has it.
    """
    import filelock

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(str(path), timeout=timeout):
        yield
