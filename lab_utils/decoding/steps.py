"""The decoder, one token at a time: what it chose, and what it nearly chose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DecodingError
from ..options import check_number, check_tokens
from .attention import CrossAttention
from .task import kind_of, make_task, refuse_prefix_with_timestamps, settle_language, token_text
from .window import Window

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from whisper.decoding import DecodingTask


@dataclass(frozen=True)
class Alternative:
    """A token that could have come: id, text, and its probability in [0, 1] after the rules."""

    token: int
    text: str
    probability: float


@dataclass(frozen=True)
class Step:
    """One step of the decoder; "the rules" are whisper's for what may not come here."""

    token: int  #: the token that was taken
    text: str  #: special tokens read ``<|…|>``, a time stamp ``<|1.20|>``
    kind: str  #: "text", "timestamp" or "end"
    probability: float  #: of that token after the rules, in [0, 1]
    alternatives: tuple[Alternative, ...]  #: the likeliest tokens, best first
    entropy: float  #: after the rules, in bits: 0 is certainty, 1 a coin toss
    timestamp_mass: float  #: probability of all time stamps before the rules, in [0, 1]
    forced: bool = False  #: whether the token was given and not chosen


@dataclass(frozen=True, eq=False)
class Trace:
    """The path of the decoder through one window, with the numbers of a ``DecodingResult``."""

    start: tuple[str, ...]  #: what the decoder was given before its first step
    steps: tuple[Step, ...]  #: one for each token; the last is the end, or the limit was reached
    language: str
    text: str  #: without time stamps, stripped
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    temperature: float
    #: cross-attention of the alignment heads, shape (n_steps, n_heads, n_positions), over the
    #: positions that have sound, 20 ms each; every row sums to 1
    attention: np.ndarray = field(repr=False)

    @property
    def tokens(self) -> tuple[int, ...]:
        """The tokens without the end, as ``whisper.decode`` returns them."""
        return tuple(step.token for step in self.steps if step.kind != "end")

    def table(self) -> pd.DataFrame:
        """One row for each step: its token, probability, entropy (bits) and runner-up."""
        import pandas as pd

        columns = ["token", "text", "probability", "entropy", "timestamp_mass"]
        rows = [[getattr(step, name) for name in columns] for step in self.steps]
        others = [[a.text for a in s.alternatives if a.token != s.token] for s in self.steps]
        table = pd.DataFrame(rows, columns=columns).rename_axis("step")
        return table.assign(runner_up=[texts[0] if texts else "" for texts in others])


def trace(
    window: Window,
    *,
    forced: Sequence[int] = (),
    n_best: int = 8,
    seed: int | None = None,
    sequence: Sequence[str] | None = None,
    **options: Any,
) -> Trace:
    """Follow the decoder through a window, token by token.

    Parameters
    ----------
    window : Window
        From :func:`encode`.
    forced : sequence of int
        Tokens to take first, whatever the model would choose; from then on it chooses itself.
    n_best : int
        How many alternatives to keep at each step.
    seed : int, optional
        Makes sampling repeatable where ``temperature`` is above 0.
    sequence : sequence of str, optional
        A start sequence of your own, in place of the one that the options make.
    **options
        Those of ``whisper.DecodingOptions`` (without beam_size and best_of).

    Raises
    ------
    DecodingError
        An option that whisper or this model does not know, or tokens that do not exist.

    Notes
    -----
    At temperature 0 the tokens equal those of ``whisper.decode``: tests/test_decoding.py. Which
    tokens may come where is decided by whisper's own filters, taken from its ``DecodingTask``.
    Taught in: notebooks/03_decode.ipynb.
    """
    import torch
    from whisper.decoding import PyTorchInference
    from whisper.utils import compression_ratio

    if options.get("beam_size") or options.get("best_of"):
        raise DecodingError("trace follows one path. For a beam call decoding.beam_search.")
    task = make_task(window.model, options, sequence=sequence)
    refuse_prefix_with_timestamps(task)
    n_vocab = window.model.dims.n_vocab
    forced = check_tokens(forced, n_vocab=n_vocab, what="forced tokens")
    check_number("n_best", n_best, low=1, high=n_vocab, kind=Integral)
    language, initial = settle_language(window, task, sequence=sequence)
    if seed is not None:
        check_number("seed", seed, low=0, high=2**63 - 1, kind=Integral)
        torch.manual_seed(seed)
    # the forced tokens go through the decoder together with the start sequence, in one pass
    given = [*initial, *forced[: task.sample_len]]
    if task.tokenizer.eot in forced:
        given = given[: given.index(task.tokenizer.eot)] + [task.tokenizer.eot]
    inference = PyTorchInference(window.model, len(given))
    heads = CrossAttention(window)
    steps: list[Step] = []
    log_total, no_speech_prob, tokens = 0.0, float("nan"), given
    try:
        with torch.no_grad(), heads:
            while True:
                batch = torch.tensor([tokens], device=window.model.device)
                logits = inference.logits(batch, window.audio_features.unsqueeze(0))
                if not steps:
                    at_start = logits[0, task.sot_index].float().softmax(-1)
                    no_speech_prob = float(at_start[task.tokenizer.no_speech])
                    logits = logits[:, task.sample_begin - 1 :]
                for row in logits[0]:
                    at = task.sample_begin + len(steps)
                    known = tokens[at] if at < len(tokens) else None
                    step, logprob = _take(row, tokens[:at], task, known=known, n_best=n_best)
                    steps.append(step)
                    log_total += logprob
                    if step.kind == "end" or len(steps) == task.sample_len:
                        break
                # the model stops by itself, at its limit of tokens, or when its memory is full
                tokens = [*initial, *(s.token for s in steps)]
                if step.kind == "end" or len(steps) == task.sample_len or len(tokens) > task.n_ctx:
                    break
    finally:
        inference.cleanup_caching()
    written = [step.token for step in steps if step.kind != "end"]
    text = task.tokenizer.decode(written).strip()
    # the rows before the last start token belong to the start sequence, not to a step
    first = len(initial) - 1
    return Trace(
        start=tuple(token_text(task.tokenizer, token) for token in initial),
        steps=tuple(steps),
        language=language,
        text=text,
        avg_logprob=log_total / (len(written) + 1),
        no_speech_prob=no_speech_prob,
        compression_ratio=compression_ratio(text),
        temperature=task.options.temperature,
        attention=heads.weights()[first : first + len(steps)],
    )


def _take(
    row: torch.Tensor,
    before: list[int],
    task: DecodingTask,
    *,
    known: int | None,
    n_best: int,
) -> tuple[Step, float]:
    """Choose one token from the logits of one position; also return its log probability."""
    import torch
    from torch.distributions import Categorical

    tokenizer = task.tokenizer
    logits = row.clone()[None]
    stamps = float(logits.float().softmax(-1)[0, tokenizer.timestamp_begin :].sum())
    for rule in task.logit_filters:
        rule.apply(logits, torch.tensor([before], device=logits.device))
    logprobs = logits.float().log_softmax(-1)[0]
    if known is not None:
        token = known
    elif task.options.temperature == 0:
        token = int(logits[0].argmax())
    else:
        token = int(Categorical(logits=logits / task.options.temperature).sample())
    probs = logprobs.exp()
    best = probs.topk(n_best)
    alternatives = tuple(
        Alternative(int(t), token_text(tokenizer, int(t)), float(p))
        for p, t in zip(best.values, best.indices, strict=True)
        if p > 0
    )
    step = Step(
        token=token,
        text=token_text(tokenizer, token),
        kind=kind_of(tokenizer, token),
        probability=float(probs[token]),
        alternatives=alternatives,
        entropy=float(-(probs * logprobs.clamp(min=-1e4)).sum()) / math.log(2),
        timestamp_mass=stamps,
        forced=known is not None,
    )
    return step, float(logprobs[token])
