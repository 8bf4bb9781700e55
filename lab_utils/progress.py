"""One progress bar for all long work."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def bar(
    total: int, show: bool | str = True, *, unit: str = "clip"
) -> Iterator[Callable[..., None]]:
    """A tqdm bar on standard output, or none.

    Parameters
    ----------
    total : int
    show : bool or str
        False shows nothing; a text is written before the bar.
    unit : str
        What is counted: ``"clip"``, ``"recording"``, ``"step"``.

    Yields
    ------
    callable
        ``move(n=1, **notes)`` moves the bar; the notes (a loss, a rate) are shown behind it.
    """
    from tqdm import tqdm

    name = show if isinstance(show, str) else None
    shown = tqdm(
        total=total, desc=name, unit=unit, file=sys.stdout, mininterval=0.5, disable=not show
    )

    def move(n: int = 1, **notes: object) -> None:
        if notes:
            shown.set_postfix(notes, refresh=False)
        shown.update(n)

    with shown:
        yield move
