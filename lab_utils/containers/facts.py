"""What a file says of itself, as every check of a container gives it back."""

from __future__ import annotations

from dataclasses import dataclass

LOOSE_END = 1024  #: bytes behind complete sound that may be anything: an upload's boundary line
NOTHING = "holds no samples: it breaks off within its header"


@dataclass(frozen=True)
class Container:
    """What the file says of itself.

    Attributes
    ----------
    kind : str
        ffmpeg's name of the format, ``"playlist"``, or ``""`` if the first bytes are not known.
    n_samples : int
        Samples in each channel that are promised; 0 if nothing is.
    tolerance : int
        Samples by which decoders may differ from the promise.
    fault : str
        What is wrong with the structure, as the end of a sentence that begins with the file's
        name; empty if nothing is.
    unclosed : bool
        A WAV whose sizes were never filled in: the sound runs to the end of the file.
    """

    kind: str
    n_samples: int = 0
    tolerance: int = 0
    fault: str = ""
    unclosed: bool = False


def broken_off(there: float, promised: float) -> str:
    """The end of the sentence that tells what is missing, in seconds."""
    return f"breaks off after {max(0.0, there):.1f} s of {promised:.1f} s"
