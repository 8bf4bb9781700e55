"""Where the decoder listens: cross-attention of whisper's alignment heads, and times from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..constants import SECONDS_PER_POSITION
from ..errors import DecodingError
from .task import make_task
from .window import Window

if TYPE_CHECKING:
    from .steps import Trace

MEDIAN_WIDTH = 7  #: positions; whisper's own smoothing


class CrossAttention:
    """Collects the alignment heads' attention while the decoder runs inside ``with``.

    Since release 20240930 whisper computes attention with a fused operation that keeps no
    weights; ``whisper.model.disable_sdpa()`` switches back to the one that does.
    """

    def __init__(self, window: Window) -> None:
        self._model, self._n_positions = window.model, window.n_positions
        self._heads = window.model.alignment_heads.indices().T.tolist()
        self._rows: list[list[np.ndarray]] = [[] for _ in self._heads]

    def __enter__(self) -> CrossAttention:
        from whisper.model import disable_sdpa

        self._slow_attention = disable_sdpa()
        self._slow_attention.__enter__()
        blocks: Any = self._model.decoder.blocks  # a ModuleList; whisper says Iterable
        self._hooks = [
            blocks[layer].cross_attn.register_forward_hook(self._keep(place, head))
            for place, (layer, head) in enumerate(self._heads)
        ]
        return self

    def __exit__(self, *error: Any) -> None:
        for hook in self._hooks:
            hook.remove()
        self._slow_attention.__exit__(*error)

    def _keep(self, place: int, head: int) -> Callable[..., None]:
        def keep(_module: Any, _inputs: Any, outputs: Any) -> None:
            scores = outputs[-1][0, head, :, : self._n_positions]
            self._rows[place].append(scores.softmax(-1).float().cpu().numpy())

        return keep

    def weights(self) -> np.ndarray:
        """All rows so far, float32, shape (n_tokens, n_heads, n_positions)."""
        return np.stack([np.concatenate(rows) for rows in self._rows], axis=1)


@dataclass(frozen=True)
class AttentionSpan:
    """The stretch of sound that one step attends to, in seconds from the start of the window."""

    start: float
    end: float
    peak: float
    mass: float  #: the share of the attention inside the stretch, in [0, 1]


def attended(
    trace: Trace, step: int, *, share: float = 0.25, margin: float = 0.06
) -> AttentionSpan:
    """The stretch around the highest attention of a step.

    It reaches from the peak to both sides as far as the attention, averaged over the heads and
    smoothed over 5 positions, stays above ``share`` of the peak.

    Parameters
    ----------
    trace : Trace
    step : int
    share : float
        In (0, 1).
    margin : float
        Seconds added on both sides, so that there is enough to hear.

    Raises
    ------
    DecodingError
        There is no such step.
    """
    if not 0 <= step < len(trace.steps):
        raise DecodingError(f"Expected a step from 0 to {len(trace.steps) - 1}, found {step}.")
    mean = trace.attention[step].mean(axis=0)
    smooth = np.convolve(mean, np.ones(5) / 5, mode="same")
    peak = int(smooth.argmax())
    low = smooth < share * smooth[peak]
    first = peak - int(np.argmax(low[peak::-1])) + 1 if low[: peak + 1].any() else 0
    last = peak + int(np.argmax(low[peak:])) if low[peak:].any() else len(mean)
    return AttentionSpan(
        start=max(0.0, first * SECONDS_PER_POSITION - margin),
        end=min(len(mean) * SECONDS_PER_POSITION, last * SECONDS_PER_POSITION + margin),
        peak=(peak + 0.5) * SECONDS_PER_POSITION,
        mass=float(mean[first:last].sum()),
    )


@dataclass(frozen=True)
class TimedWord:
    """A word with its start and end in seconds from the start of the window."""

    text: str
    start: float
    end: float


def word_times(window: Window, trace: Trace) -> tuple[TimedWord, ...]:
    """When each word was said, read from the cross-attention, as whisper's word timestamps are.

    The text of a trace of the window is given to the decoder once more without time stamps; in the
    matrix of its attention the best path that never runs backwards (dynamic time warping) ties
    every token to a stretch of sound. Whisper's own clean-up of odd durations is left out.

    Notes
    -----
    Method: whisper/timing.py. Agreement with it: tests/test_decoding.py. Taught in:
    notebooks/03_decode.ipynb.
    """
    import torch

    tokenizer = make_task(window.model, {"language": trace.language or "en"}).tokenizer
    text = [step.token for step in trace.steps if step.kind == "text"]
    if not text:
        return ()
    start = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
    tokens = torch.tensor([[*start, *text, tokenizer.eot]], device=window.model.device)
    with torch.no_grad(), CrossAttention(window) as heads:
        window.model.logits(tokens, window.audio_features.unsqueeze(0))
    # the row of a token predicts the next one: drop those of the start, and that of the end
    rows, positions = _warp(-_sharpen(heads.weights())[len(start) - 1 : -1])
    starts = positions[np.flatnonzero(np.diff(rows, prepend=-1))] * SECONDS_PER_POSITION
    words, groups = tokenizer.split_to_word_tokens([*text, tokenizer.eot])
    edges = np.cumsum([0, *(len(group) for group in groups)])
    return tuple(
        TimedWord(word, float(starts[edges[i]]), float(starts[edges[i + 1]]))
        for i, word in enumerate(words[:-1])
    )


def _sharpen(weights: np.ndarray) -> np.ndarray:
    """Attention per head in standard deviations over the tokens, smoothed, averaged over heads."""
    from scipy.ndimage import median_filter

    heads = weights.transpose(1, 0, 2)
    heads = (heads - heads.mean(1, keepdims=True)) / heads.std(1, keepdims=True)
    return median_filter(heads, size=(1, 1, MEDIAN_WIDTH), mode="mirror").mean(axis=0)


def _warp(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the cheapest path from corner to corner that never runs backwards."""
    above = [0.0] + [np.inf] * cost.shape[1]
    came_from = []  # for each cell: 0 diagonally, 1 from above, 2 from the left
    for costs in cost.tolist():
        row, moves = [np.inf], []
        for j, here in enumerate(costs):
            before = above[j], above[j + 1], row[j]
            best = min(before)
            moves.append(before.index(best))
            row.append(here + best)
        came_from.append(moves)
        above = row
    path, i, j = [], cost.shape[0] - 1, cost.shape[1] - 1
    while i >= 0 and j >= 0:
        path.append((i, j))
        move = came_from[i][j]
        i, j = i - (move != 2), j - (move != 1)
    rows, columns = np.array(path[::-1]).T
    return rows, columns


def heard_words(window: Window, trace: Trace) -> tuple[TimedWord, ...]:
    """Where the decoder listened while it wrote each word: from its first to its last token.

    Unlike :func:`word_times`, which shares out all of the time, this leaves pauses free. Words
    without a letter or digit (punctuation) are left out.
    """
    tokenizer = make_task(window.model, {"language": trace.language or "en"}).tokenizer
    rows = [i for i, step in enumerate(trace.steps) if step.kind == "text"]
    words, groups = tokenizer.split_to_word_tokens([trace.steps[i].token for i in rows])
    edges = np.cumsum([0, *(len(group) for group in groups)])
    found = []
    for word, first, after in zip(words, edges[:-1], edges[1:], strict=True):
        if any(map(str.isalnum, word)):
            start, end = attended(trace, rows[first]).start, attended(trace, rows[after - 1]).end
            found.append(TimedWord(word, start, end))
    return tuple(found)


def is_monotone(window: Window, trace: Trace, *, slack: float = 0.05) -> bool:
    """Whether the words' attention moves forward, or back by no more than ``slack`` seconds."""
    starts = [word.start for word in heard_words(window, trace)]
    return bool(np.all(np.diff(starts) >= -slack))
