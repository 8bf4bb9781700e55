"""Run the reader's code: whatever it does, the check goes on and says what happened.

The code runs in a thread of its own, so that a stop that arrives late hits nobody else, and so
that a real Ctrl-C is told from a ``KeyboardInterrupt`` that the reader's function raises.
"""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import io
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .answers import plain, shorten

THREAD = "exercise check"
TIME_LIMIT = 10.0  #: seconds for all cases of a check
PATIENCE = 5.0  #: seconds to stop code that catches every exception
ADVICE = {
    "FrozenInstanceError": " Such an object cannot be changed: make a new value from it.",
    "RecursionError": " It calls itself without end.",
}


@dataclass(frozen=True)
class Outcome:
    """What one call did: a value, in plain form, or an error with its message and line."""

    value: Any = None
    error: str = ""
    message: str = ""
    line: str = ""
    printed: str = ""


class _Printed(io.StringIO):
    """Keeps the first characters of what is printed: it fills no memory, and nobody closes it."""

    def write(self, text: str) -> int:
        super().write(text[: max(0, 10_000 - self.tell())])
        return len(text)

    def close(self) -> None:
        pass


def outcomes(
    calls: Sequence[Callable[[], Any]], *, file: str = "", seconds: float = TIME_LIMIT
) -> list[Outcome]:
    """Call each and keep what came of it; after the time limit no further call is made.

    Parameters
    ----------
    calls : sequence of callable
    file : str
        The file of the reader's code: its line is named when it fails.
    seconds : float
        For all calls together.

    Returns
    -------
    list of Outcome
        As many as calls, or fewer: then the last one has the error "TimeLimit".
    """
    import numpy as np

    done: list[Outcome] = []
    printed, stop = _Printed(), threading.Event()

    def work() -> None:
        with contextlib.suppress(SystemExit), np.errstate(all="ignore"):
            for call in calls:
                if stop.is_set():
                    break
                done.append(_outcome(call, file, printed))

    # a SystemExit that escapes from a thread is the one exception that Python keeps quiet about
    worker = threading.Thread(
        target=contextvars.copy_context().run, args=(work,), name=THREAD, daemon=True
    )
    with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
        warnings.simplefilter("ignore")
        worker.start()
        try:
            end = time.monotonic() + seconds
            while worker.is_alive() and time.monotonic() < end:
                worker.join(0.1)  # short waits: on Windows Ctrl-C does not end a long one
            found = list(done)
            if len(found) == len(calls) or not worker.is_alive():
                return done
            left = "" if _stopped(worker, stop) else "still running"
            return [*found, Outcome(error="TimeLimit", message=f"{seconds:g} s", line=left)]
        except KeyboardInterrupt:
            _stopped(worker, stop)
            raise


def _outcome(call: Callable[[], Any], file: str, printed: io.StringIO) -> Outcome:
    start = printed.tell()
    try:
        value = plain(call())
    except BaseException as error:
        name = type(error).__name__
        try:
            message = shorten(str(error), 160)
        except BaseException:  # an exception of the reader's that cannot be shown
            message = ""
        return Outcome(error=name, message=message, line=_line(error, file))
    return Outcome(value, printed=printed.getvalue()[start:])


def _stopped(worker: threading.Thread, stop: threading.Event) -> bool:
    """Raise in the thread again and again, for a bare ``except`` catches it; whether it left."""
    stop.set()
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    end = time.monotonic() + PATIENCE
    while worker.is_alive() and time.monotonic() < end:
        raise_in(ctypes.c_ulong(worker.ident or 0), ctypes.py_object(SystemExit))
        worker.join(0.02)
    return not worker.is_alive()


def _line(error: BaseException, file: str) -> str:
    """The line of the reader's code where an exception began: "line 2, `return 1 / 0`"."""
    steps = traceback.extract_tb(error.__traceback__)
    step = next((step for step in reversed(steps) if file and step.filename == file), None)
    if step is None:
        return ""
    return f"line {step.lineno}" + (f", `{shorten(step.line)}`" if step.line else "")


def report(outcome: Outcome, call: str) -> str:
    """In words why a call gave no value."""
    if outcome.error == "TimeLimit":
        more = " It could not be stopped: restart the kernel." if outcome.line else ""
        return (
            f"{call} did not end within {outcome.message} and was stopped. Is there a loop whose "
            f"condition never becomes false?{more}"
        )
    said = f"{outcome.error}{f': {outcome.message}' if outcome.message else ''}"
    where = f" It happened in {outcome.line}." if outcome.line else ""
    return f"{call} stopped with {said.rstrip('.')}.{where}{ADVICE.get(outcome.error, '')}"
