"""The exceptions of Whisper Lab: one root, each child also derives from the built-in it refines.

Every message says what was expected, what was found, and what to do next.
"""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], *, n: int = 1) -> str:
    """The hint that follows a sentence about a misspelled word; empty if nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=n)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


class LabError(Exception):
    """Root of every error that this package raises on purpose."""


class SetupError(LabError, RuntimeError):
    """The machine or the environment lacks something that the labs need."""


class SampleError(LabError, LookupError):
    """A sample clip is unknown, missing or not the file that the registry describes."""


class AudioError(LabError, ValueError):
    """A recording cannot be read, or an array is not a waveform."""


class AudioWarning(UserWarning):
    """A recording is read otherwise than one would expect: the warning says how and why."""


class CheckpointError(LabError, RuntimeError):
    """Model weights cannot be found, fetched, verified or converted."""


class FetchError(SampleError, CheckpointError):
    """A clip or weights cannot be fetched, or what came is not what the registry describes."""


class DecodingError(LabError, ValueError):
    """A decoding step was asked for that the model cannot do."""


class TranscriptError(LabError, ValueError):
    """A transcript or the requested subtitles are invalid."""


class OptionError(DecodingError, TranscriptError):
    """Whisper, or this model, cannot take this language, prompt or option."""


class MetricsError(LabError, ValueError):
    """Reference and hypothesis cannot be scored against each other."""


class CorpusError(LabError, ValueError):
    """A recording, clip, manifest or export breaks the contract of a corpus."""


class TrainingError(LabError, ValueError):
    """Data or settings that a training run cannot use."""


class TableError(CorpusError):
    """A table is not one, lacks a column, or has a row that does not fit."""


class FileNameError(CorpusError):
    """A name from outside cannot be one component of a path."""


class ExerciseError(LabError, LookupError):
    """An exercise or a progress file that does not exist or cannot be read."""
