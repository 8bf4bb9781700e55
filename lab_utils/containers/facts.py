"""How a check of a container says what is wrong with it."""

from __future__ import annotations

LOOSE_END = 1024  #: bytes behind complete sound that may be anything: an upload's boundary line
NOTHING = "holds no samples: it breaks off within its header"


class Fault(Exception):
    """What is wrong with a file, as the end of a sentence that begins with its name."""


def broken_off(there: float, promised: float, per_second: float = 1) -> Fault:
    """What is missing, told in seconds."""
    there, promised = max(0.0, there) / per_second, promised / per_second
    return Fault(f"breaks off after {there:.1f} s of {promised:.1f} s")


def too_long(there: float, promised: float) -> Fault:
    """More sound than is promised, both in seconds."""
    return Fault(f"promises {promised:.1f} s of sound and holds {there:.1f} s")
