"""Whisper's own plan of one decoding run: start tokens, limits and the rules for tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..constants import SECONDS_PER_POSITION
from ..errors import DecodingError, did_you_mean
from ..languages import check_task, language_code
from ..options import (
    SPECIAL,
    check_context,
    check_names,
    check_number,
    check_values,
    decoding_names,
)
from .language import detect
from .window import Window

if TYPE_CHECKING:
    from whisper import Whisper
    from whisper.decoding import DecodingTask
    from whisper.tokenizer import Tokenizer


_HALF = re.compile(r"<([0-9a-f]{2}(?: [0-9a-f]{2})*)>")


def token_text(tokenizer: Tokenizer, token: int) -> str:
    """A token as text; time stamps and special tokens as ``<|…|>``, half a character in hex."""
    if token >= tokenizer.timestamp_begin:
        return f"<|{(token - tokenizer.timestamp_begin) * SECONDS_PER_POSITION:.2f}|>"
    raw = tokenizer.encoding.decode_single_token_bytes(token)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return f"<{raw.hex(' ')}>"


def kind_of(tokenizer: Tokenizer, token: int) -> str:
    """``"end"``, ``"timestamp"`` or ``"text"``."""
    if token == tokenizer.eot:
        return "end"
    return "timestamp" if token >= tokenizer.timestamp_begin else "text"


def start_sequence(model: Whisper, **options: Any) -> tuple[str, ...]:
    """The tokens that the decoder is given before its first step, as text.

    The options are those of ``whisper.DecodingOptions``: language, task, without_timestamps,
    prompt, prefix. Edit the result and pass it to :func:`trace` as ``sequence``.
    """
    task = make_task(model, options)
    return tuple(token_text(task.tokenizer, token) for token in task.initial_tokens)


def make_task(
    model: Whisper, options: dict[str, Any], *, sequence: Sequence[str] | None = None
) -> DecodingTask:
    """Whisper's ``DecodingTask`` for these options, or for a start sequence of the reader's own.

    Raises
    ------
    DecodingError
        Whisper or this model does not know an option, the language, or a token of ``sequence``.
    """
    from whisper.decoding import DecodingOptions, DecodingTask
    from whisper.tokenizer import get_tokenizer

    check_names(options, decoding_names(), what="whisper.DecodingOptions")
    check_values(options, model=model)
    check_number("temperature", options.get("temperature", 0), low=0)  # one, not a ladder
    tokenizer = get_tokenizer(model.is_multilingual, num_languages=model.num_languages)
    check_context(options, tokenizer, model=model)
    check_task(options.get("task", "transcribe"), model=model)
    settings: dict[str, Any] = {"fp16": model.device.type == "cuda", **options}
    settings["language"] = language_code(options.get("language"), model=model)
    if sequence is not None:
        settings["without_timestamps"] = "<|notimestamps|>" in sequence
    try:
        task = DecodingTask(model, DecodingOptions(**settings))
    except (TypeError, ValueError, AssertionError) as error:
        raise DecodingError(
            f"whisper.DecodingOptions refused these options: {error}. "
            "help(whisper.DecodingOptions) lists them all."
        ) from error
    if sequence is not None:
        _replace_start(task, sequence)
    return task


def refuse_prefix_with_timestamps(task: DecodingTask) -> None:
    """Refuse words at the start of the text where whisper wants a time stamp first."""
    given, tokenizer = task.initial_tokens, task.tokenizer
    if tokenizer.no_timestamps not in given and given[-1] < tokenizer.eot:
        raise DecodingError(
            "A prefix needs without_timestamps=True (<|notimestamps|> in a start sequence): else "
            "Whisper must go on with a time stamp, and writes nothing."
        )


def _replace_start(task: DecodingTask, sequence: Sequence[str]) -> None:
    """Let the task begin with the reader's own tokens."""
    from whisper.decoding import ApplyTimestampRules, SuppressBlank

    tokenizer = task.tokenizer
    tokens: list[int] = []
    if isinstance(sequence, str):
        raise DecodingError(
            f"Expected a list of tokens, found the text {sequence!r}: [{sequence!r}]."
        )
    for text in sequence:
        if not isinstance(text, str):
            raise DecodingError(f"Expected a start sequence of texts, found {text!r} in it.")
        _check_special(text, tokenizer)
        if half := _HALF.fullmatch(text):  # as token_text shows half a character
            tokens.append(tokenizer.encoding.encode_single_token(bytes.fromhex(half[1])))
        else:
            tokens += tokenizer.encode(text, allowed_special="all")
    if tokenizer.sot not in tokens:
        raise DecodingError(
            f"Expected <|startoftranscript|> in the start sequence, found {tuple(sequence)}."
        )
    _check_order(tokenizer, tokens, sequence)
    if len(tokens) >= task.n_ctx:
        raise DecodingError(
            f"Expected a start sequence of fewer than {task.n_ctx} tokens, found {len(tokens)}."
        )
    task.initial_tokens = tuple(tokens)  # pyrefly: ignore[bad-assignment]  # whisper: of one
    task.sample_begin = len(tokens)
    task.sot_index = tokens.index(tokenizer.sot)
    for rule in task.logit_filters:
        if isinstance(rule, SuppressBlank | ApplyTimestampRules):
            rule.sample_begin = len(tokens)


def _check_special(text: str, tokenizer: Tokenizer) -> None:
    from whisper.tokenizer import TO_LANGUAGE_CODE

    for found in SPECIAL.findall(text):
        if found not in tokenizer.special_tokens:
            code = TO_LANGUAGE_CODE.get(found.strip("<|>").lower())
            meant = f"<|{code}|>" if code else found
            hint = did_you_mean(meant, tokenizer.special_tokens)
            raise DecodingError(
                "Expected tokens that Whisper knows in the start sequence, found "
                f"{found!r}.{hint} decoding.start_sequence(model, language=…) gives a right one."
            )


def _check_order(tokenizer: Tokenizer, tokens: list[int], sequence: Sequence[str]) -> None:
    """Whisper was trained on one order: the past, the start, language, task, time stamps or not."""
    order = [
        [tokenizer.sot_prev], [tokenizer.sot], tokenizer.all_language_tokens,
        [tokenizer.transcribe, tokenizer.translate], [tokenizer.no_timestamps],
    ]  # fmt: skip
    ranks = {token: rank for rank, kind in enumerate(order) for token in kind}
    found = [ranks[token] for token in tokens if token in ranks]
    if any(a >= b for a, b in zip(found, found[1:], strict=False)):
        raise DecodingError(
            "Expected each kind of token once, in the order <|startofprev|>, "
            "<|startoftranscript|>, a language, a task, <|notimestamps|>; found "
            f"{' '.join(sequence)}."
        )


def settle_language(
    window: Window, task: DecodingTask, *, sequence: Sequence[str] | None
) -> tuple[str, tuple[int, ...]]:
    """The language of the run and its start tokens; detected where nobody named one."""
    tokens, tokenizer, place = task.initial_tokens, task.tokenizer, task.sot_index + 1
    if sequence is not None:
        known = dict(zip(tokenizer.all_language_tokens, tokenizer.all_language_codes, strict=True))
        return next((known[t] for t in tokens[place:] if t in known), ""), tokens
    if task.options.language is not None:
        return task.options.language, tokens
    language = detect(window).code
    named = (tokenizer.to_language_token(language),)
    return language, tokens[:place] + named + tokens[place + 1 :]
