"""Write a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary name to write to; rename it to ``path`` when the block ends well.

    If the block raises, what was at ``path`` stays as it was and the temporary file is gone.

    Parameters
    ----------
    path : path-like
        The final name; its folder is made if need be.

    Yields
    ------
    Path
        A temporary file in the same folder, ending in ``.partial``.

    Examples
    --------
    >>> with replacing("outputs/notes.txt") as temporary:  # doctest: +SKIP
    ...     temporary.write_text("whole or not at all")
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem + "-", suffix=".partial")
    os.close(handle)
    temporary = Path(name)
    try:
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp's own 0600 would keep a shared folder private
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
