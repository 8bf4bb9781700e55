"""When whisper does not trust its own text: the three numbers, and the hotter second try."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import DecodingError
from .steps import Trace, trace
from .window import Window

TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  #: whisper.transcribe's own ladder


@dataclass(frozen=True)
class Thresholds:
    """The limits of ``whisper.transcribe``, with its defaults."""

    compression_ratio: float = 2.4  #: above: the text repeats itself
    avg_logprob: float = -1.0  #: below: the model does not believe its text
    no_speech_prob: float = 0.6  #: above, and not believed either: silence


@dataclass(frozen=True)
class Attempt:
    """One try at one temperature, and what whisper makes of it."""

    trace: Trace
    verdict: str

    @property
    def accepted(self) -> bool:
        """Whether the ladder stops here."""
        return self.verdict in ("accepted", "silence")


@dataclass(frozen=True)
class Fallback:
    """The tries in order; the last one counts."""

    attempts: tuple[Attempt, ...]
    thresholds: Thresholds

    @property
    def text(self) -> str:
        """What ``whisper.transcribe`` would write for this window: nothing for silence."""
        last = self.attempts[-1]
        return "" if last.verdict == "silence" else last.trace.text


def verdict(
    *,
    compression_ratio: float,
    avg_logprob: float,
    no_speech_prob: float,
    thresholds: Thresholds | None = None,
) -> str:
    """``"accepted"``, ``"silence"``, ``"too repetitive"`` or ``"too unlikely"``.

    The numbers are those of ``whisper.DecodingResult``. The first two verdicts end the ladder of
    temperatures, the last two ask for a hotter try.

    Notes
    -----
    Silence has the last word: a window that looks silent and is not believed is skipped, even if
    its text repeats itself. Source: ``decode_with_fallback`` in whisper/transcribe.py.
    """
    limits = thresholds or Thresholds()
    unlikely = avg_logprob < limits.avg_logprob
    if unlikely and no_speech_prob > limits.no_speech_prob:
        return "silence"
    if compression_ratio > limits.compression_ratio:
        return "too repetitive"
    return "too unlikely" if unlikely else "accepted"


def try_temperatures(
    window: Window,
    *,
    temperatures: float | Iterable[float] = TEMPERATURES,
    thresholds: Thresholds | None = None,
    seed: int = 0,
    **options: Any,
) -> Fallback:
    """Decode a window as ``whisper.transcribe`` does: hotter and hotter until a try is accepted.

    ``seed`` makes the sampled tries repeatable; the options are those of ``trace``.

    Raises
    ------
    DecodingError
        No temperature, thresholds that are none, or what :func:`trace` refuses.
    """
    temperatures = list(temperatures) if isinstance(temperatures, Iterable) else [temperatures]
    if not temperatures:
        raise DecodingError("Expected at least one temperature, found none.")
    limits = thresholds or Thresholds()
    if not isinstance(limits, Thresholds):
        raise DecodingError(f"Expected decoding.Thresholds(…) as thresholds, found {limits!r}.")
    attempts = []
    for temperature in temperatures:
        path = trace(window, temperature=temperature, seed=seed, **options)
        said = verdict(
            compression_ratio=path.compression_ratio,
            avg_logprob=path.avg_logprob,
            no_speech_prob=path.no_speech_prob,
            thresholds=limits,
        )
        attempts.append(Attempt(path, said))
        if attempts[-1].accepted:
            break
    return Fallback(tuple(attempts), limits)
