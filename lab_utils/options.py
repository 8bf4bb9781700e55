"""What a reader asks of Whisper, checked before Whisper sees it.

Whisper answers some mistakes with a raw error and others with nothing: a misspelled special token
becomes ordinary text, a long prompt is cut, a clip time past the end never returns. Here each gets
an OptionError that says what to change.

Taught in: notebooks/02_transcribe.ipynb, notebooks/03_decode.ipynb.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from .constants import CHUNK_LENGTH, FRAMES_PER_SECOND
from .errors import OptionError, did_you_mean

if TYPE_CHECKING:
    from whisper import Whisper
    from whisper.tokenizer import Tokenizer

#: options that do nothing unless another one is given too
NEEDS = {
    "patience": ("beam_size",),
    "length_penalty": ("beam_size", "best_of"),
    "carry_initial_prompt": ("initial_prompt",),
    "hallucination_silence_threshold": ("word_timestamps",),
    "prepend_punctuations": ("word_timestamps",),
    "append_punctuations": ("word_timestamps",),
}
#: options that are on or off; Python takes the text "no" for on
FLAGS = (
    "fp16", "word_timestamps", "condition_on_previous_text", "carry_initial_prompt",
    "without_timestamps", "suppress_blank",
)  # fmt: skip
#: options that are numbers, and the least and the greatest
RANGES = {
    "patience": (0.1, 100),
    "length_penalty": (0, 1),
    "max_initial_timestamp": (0, CHUNK_LENGTH),
    "compression_ratio_threshold": (-math.inf, math.inf),
    "logprob_threshold": (-math.inf, math.inf),
    "no_speech_threshold": (-math.inf, math.inf),
    "hallucination_silence_threshold": (0, math.inf),
}
#: a special token, or what is easily taken for one: <|de|>, <|de>, <de|>
SPECIAL = re.compile(r"<\|[^<>|\n]{0,40}\|?>|<[^<>|\s]{1,40}\|>")


def check_names(given: Iterable[str], known: Iterable[str], *, what: str) -> None:
    """Refuse an option that does not exist, and name the nearest that does."""
    known = sorted(known)
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known)
            raise OptionError(f"{what} has no option {name!r}.{hint} It knows: {', '.join(known)}.")


@functools.cache
def transcribe_names() -> frozenset[str]:
    """Names of the options of ``whisper.transcribe``, with those that it hands to the decoder."""
    import whisper

    named = inspect.signature(whisper.transcribe).parameters
    own = {name for name, p in named.items() if p.kind is p.KEYWORD_ONLY}
    return frozenset((own | decoding_names()) - {"prompt"})


@functools.cache
def decoding_names() -> frozenset[str]:
    """Names of the fields of ``whisper.DecodingOptions``."""
    import whisper

    return frozenset(whisper.DecodingOptions.__dataclass_fields__)


def check_values(options: Mapping[str, Any], *, model: Whisper) -> None:
    """Refuse values that Whisper would answer with a raw error, or not notice.

    ``options`` are those of ``whisper.transcribe`` or ``whisper.DecodingOptions``; ``None`` is
    unset.
    """
    given = {name: value for name, value in options.items() if value is not None}
    temperatures = given.get("temperature", 0)
    if isinstance(temperatures, Real) or not isinstance(temperatures, Iterable):
        temperatures = [temperatures]
    temperatures = list(temperatures)
    for t in temperatures:
        check_number("temperature", t, low=0)
    if not temperatures:
        raise OptionError("Expected at least one temperature, found none.")
    for name in FLAGS:
        if name in given and given[name] not in (True, False):
            raise OptionError(f"Expected {name} to be True or False, found {given[name]!r}.")
    for name in ("beam_size", "best_of", "sample_len"):
        if name in given:
            check_number(name, given[name], low=1, kind=Integral, high=model.dims.n_text_ctx)
    for name, (low, high) in RANGES.items():
        if name in given:
            check_number(name, given[name], low=low, high=high)
    for name, others in NEEDS.items():
        asked = name in given and given[name] is not False and given[name] != ""
        if asked and not any(given.get(other) for other in others):
            raise OptionError(
                f"{name} does nothing without {' or '.join(others)}. Give both or neither."
            )
    if "best_of" in given and max(temperatures) == 0:
        raise OptionError(
            "best_of chooses among texts that are sampled, and at temperature 0 nothing is "
            "sampled. Set a temperature above 0, or take beam_size."
        )
    if "beam_size" in given and float(min(temperatures)) > 0:
        raise OptionError(
            "beam_size does nothing at temperatures above 0, where texts are sampled. Set the "
            "temperature to 0, or take best_of."
        )
    if "suppress_tokens" in given:
        _check_suppressed(given["suppress_tokens"], n_vocab=model.dims.n_vocab)


def check_number(
    name: str, value: Any, *, low: float, high: float = math.inf, kind: type = Real
) -> None:
    """Refuse what is no number of this kind from ``low`` to ``high``."""
    fits = isinstance(value, kind) and not isinstance(value, bool) and low <= value <= high
    if not fits or (math.isinf(value) and math.isfinite(low)):
        expected = "a whole number" if kind is Integral else "a finite number"
        limits = f" from {low:g}" if math.isfinite(low) else ""
        limits += f" up to {high:g}" if math.isfinite(high) else ""
        raise OptionError(f"Expected {name} to be {expected}{limits}, found {value!r}.")


def _check_suppressed(value: Any, *, n_vocab: int) -> None:
    try:
        if isinstance(value, str):
            value = [int(token) for token in value.split(",")] if value else []
        good = all(isinstance(t, Integral) and -1 <= int(t) < n_vocab for t in value)
    except (TypeError, ValueError):
        good = False
    if not good:
        raise OptionError(
            f"Expected suppress_tokens as token numbers from 0 to {n_vocab - 1}, in a list or "
            f"separated by commas, or -1 for Whisper's own list of symbols; found {value!r}."
        )


def check_clip_times(value: Any, *, duration: float) -> list[float]:
    """The parts of a recording that are to be transcribed, as Whisper takes them.

    Parameters
    ----------
    value : str or sequence of float
        ``start, end, start, end, …`` in seconds, ascending; the last end may be left out.
    duration : float
        Length of the recording in seconds.

    Returns
    -------
    list of float
        The same times, none past the last whole frame: Whisper never returns from one that is.
    """
    form = "Expected clip_timestamps as start, end, start, end, … in seconds, such as [0, 12.5]"
    try:
        if isinstance(value, str):
            value = value.split(",") if value.strip() else []
        times = [float(t) for t in ([value] if isinstance(value, Real) else value)]
    except (TypeError, ValueError):
        raise OptionError(f"{form}, found {value!r}.") from None
    for t in times:
        if not 0 <= t <= duration + 1e-6:
            raise OptionError(
                f"{form}, all from 0 to {duration:.2f}, where the recording ends; found {t:g}."
            )
    edges = [*times, duration] if len(times) % 2 else times
    for i, (before, after) in enumerate(zip(edges, edges[1:], strict=False)):
        # a part may begin where the one before it ends
        if round(after, 2) < round(before, 2) + (0.01 if i % 2 == 0 else 0) - 1e-9:
            raise OptionError(f"{form}, each after the one before; found {before:g}, {after:g}.")
    last = math.floor(round(duration * FRAMES_PER_SECOND, 6)) / FRAMES_PER_SECOND
    return [min(t, last) for t in times]


def check_tokens(tokens: Any, *, n_vocab: int, what: str) -> list[int]:
    """Token numbers that exist."""
    tokens = list(tokens) if isinstance(tokens, Iterable) else tokens
    listed = isinstance(tokens, list)
    if not listed or not all(isinstance(t, Integral) and 0 <= int(t) < n_vocab for t in tokens):
        raise OptionError(
            f"Expected {what} as token numbers between 0 and {n_vocab - 1}, found "
            f"{tokens[:8] if listed else tokens!r}."
        )
    return [int(t) for t in tokens]


def plain_tokens(text: str, tokenizer: Tokenizer, *, what: str) -> list[int]:
    """The tokens of a text that may have words only; ``what`` is the text's name in a message."""
    if not isinstance(text, str):
        raise OptionError(f"Expected {what} as text, found {type(text).__name__}.")
    if found := SPECIAL.search(text):
        kind = "a special token" if found[0] in tokenizer.special_tokens else "no token of Whisper"
        raise OptionError(
            f"Expected plain words in {what}, found {found[0]!r}, which is {kind}. Remove it: "
            "the language and the task have options of their own."
        )
    return tokenizer.encode(text)


def check_context(options: Mapping[str, Any], tokenizer: Tokenizer, *, model: Whisper) -> None:
    """Refuse a prompt or prefix with special tokens, or one that Whisper would cut."""
    half = model.dims.n_text_ctx // 2
    left = half - (options.get("sample_len") or half)  # 0: whisper keeps the whole prefix
    room = {"prompt": half - 1, "initial_prompt": half - 1, "prefix": left or half - 8}
    for name, most in room.items():
        if not (value := options.get(name)):
            continue
        if isinstance(value, str):
            tokens = plain_tokens(" " + value.strip(), tokenizer, what=f"the {name}")
        elif name == "initial_prompt" or not isinstance(value, Sequence):
            raise OptionError(f"Expected {name} as text, found {type(value).__name__}.")
        else:
            tokens = check_tokens(value, n_vocab=model.dims.n_vocab, what=f"the {name}")
        if len(tokens) > most:
            raise OptionError(
                f"Expected {name} to be of at most {max(most, 0)} tokens, found {len(tokens)}: "
                "Whisper would drop the rest without a word. Shorten it; names and special words "
                "are what help."
            )
