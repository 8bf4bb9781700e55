"""Beam search with nothing thrown away: every candidate, kept or pruned, with its score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import DecodingError
from .task import kind_of, make_task, refuse_prefix_with_timestamps, settle_language, token_text
from .window import Window

if TYPE_CHECKING:
    import torch
    from whisper.decoding import DecodingTask


@dataclass(frozen=True)
class BeamNode:
    """One candidate of the search.

    Attributes
    ----------
    id, parent : int, int or None
        A node's place in :attr:`BeamSearch.nodes`, and that of the text it continues.
    step : int
        From 0.
    token, text : int, str
    logprob : float
        Natural log of the token's probability after its parent.
    score : float
        Sum of ``logprob`` from the first step to here; the search keeps the highest.
    status : {"kept", "pruned", "finished"}
    """

    id: int
    parent: int | None
    step: int
    token: int
    text: str
    logprob: float
    score: float
    status: str


@dataclass(frozen=True)
class Hypothesis:
    """A whole text that the search considered at the end.

    Attributes
    ----------
    text, tokens
        As ``whisper.decode`` returns them, without the end token.
    score : float
        Sum of log probabilities.
    rank_score : float
        ``score`` divided by the number of tokens (or by the length penalty); the highest wins.
    nodes : tuple of int
        Its path through the tree.
    """

    text: str
    tokens: tuple[int, ...]
    score: float
    rank_score: float
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class BeamSearch:
    """The tree of one beam search: nodes in the order they were tried, final texts best first."""

    beam_size: int
    language: str
    nodes: tuple[BeamNode, ...]
    hypotheses: tuple[Hypothesis, ...]

    @property
    def best(self) -> Hypothesis:
        """The text that the search returns."""
        return self.hypotheses[0]

    @property
    def text(self) -> str:
        """The text that the search returns."""
        return self.best.text

    @property
    def tokens(self) -> tuple[int, ...]:
        """The tokens that the search returns."""
        return self.best.tokens

    @property
    def avg_logprob(self) -> float:
        """As in ``whisper.DecodingResult``: the end token counts."""
        return self.best.score / (len(self.tokens) + 1)


def beam_search(window: Window, *, beam_size: int = 5, **options: Any) -> BeamSearch:
    """Search with several texts side by side, and keep a record of all that was tried.

    Parameters
    ----------
    window : Window
    beam_size : int
        Texts that survive each step, at least 1.
    **options
        Those of ``whisper.DecodingOptions``: language, patience, length_penalty, …

    Returns
    -------
    BeamSearch
        Its text equals ``whisper.decode(..., beam_size=beam_size)``: tests/test_decoding.py.

    Raises
    ------
    DecodingError
        An option that whisper or this model does not know.

    Notes
    -----
    Taught in: notebooks/03_decode.ipynb.
    """
    import torch
    from whisper.decoding import PyTorchInference

    if not isinstance(beam_size, int) or beam_size < 1:
        raise DecodingError(f"Expected a beam of at least 1, found {beam_size!r}.")
    task = make_task(window.model, options | {"beam_size": beam_size})
    refuse_prefix_with_timestamps(task)
    language, initial = settle_language(window, task, sequence=None)
    limit = round(beam_size * (task.options.patience or 1.0))
    nodes: list[BeamNode] = []
    alive: list[int | None] = [None] * beam_size  # the node that each row of the batch ends in
    finished: list[int] = []
    tokens = torch.tensor([initial] * beam_size, device=window.model.device)
    features = window.audio_features.unsqueeze(0)
    inference = PyTorchInference(window.model, len(initial))
    try:
        with torch.no_grad():
            for step in range(task.sample_len):
                logits = inference.logits(tokens, features.expand(len(tokens), -1, -1))[:, -1]
                for rule in task.logit_filters:
                    rule.apply(logits, tokens)
                logprobs = logits.float().log_softmax(-1)
                rows = _candidates(nodes, alive, logprobs, task, step=step)
                kept, ended, sources = _keep_best(nodes, rows, task)
                finished += ended[: limit - len(finished)]
                tokens = torch.cat([tokens[sources], _column(nodes, kept, tokens)], dim=1)
                inference.rearrange_kv_cache(sources)
                alive = list(kept)
                if len(finished) >= limit or tokens.shape[1] > task.n_ctx:
                    break
    finally:
        inference.cleanup_caching()
    if len(finished) < beam_size:
        rest = sorted(alive, key=lambda i: nodes[i].score, reverse=True)
        finished += rest[: beam_size - len(finished)]
    return BeamSearch(beam_size, language, tuple(nodes), _rank(nodes, finished, task))


def _candidates(
    nodes: list[BeamNode],
    alive: list[int | None],
    logprobs: torch.Tensor,
    task: DecodingTask,
    *,
    step: int,
) -> list[tuple[int, int]]:
    """Add the beam_size + 1 best continuations of every living text as nodes.

    Returns pairs (node, row of the batch); at the first step all rows are alike and count once.
    """
    n_continuations = task.options.beam_size + 1
    rows = range(len(alive)) if step else range(1)
    added = []
    for row in rows:
        parent = alive[row]
        before = nodes[parent].score if parent is not None else 0.0
        best = logprobs[row].topk(n_continuations)
        for logprob, token in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            text = token_text(task.tokenizer, token)
            node = BeamNode(
                len(nodes), parent, step, token, text, logprob, before + logprob, "pruned"
            )
            nodes.append(node)
            added.append((node.id, row))
    return added


def _keep_best(
    nodes: list[BeamNode], rows: list[tuple[int, int]], task: DecodingTask
) -> tuple[list[int], list[int], list[int]]:
    """Mark the best candidates as kept or finished: (kept, finished, batch row of each kept)."""
    from dataclasses import replace

    kept, ended, sources = [], [], []
    for i, row in sorted(rows, key=lambda pair: nodes[pair[0]].score, reverse=True):
        if kind_of(task.tokenizer, nodes[i].token) == "end":
            nodes[i] = replace(nodes[i], status="finished")
            ended.append(i)
            continue
        nodes[i] = replace(nodes[i], status="kept")
        kept.append(i)
        sources.append(row)
        if len(kept) == task.options.beam_size:
            break
    return kept, ended, sources


def _column(nodes: list[BeamNode], kept: list[int], like: torch.Tensor) -> torch.Tensor:
    return like.new_tensor([[nodes[i].token] for i in kept])


def _rank(nodes: list[BeamNode], finished: list[int], task: DecodingTask) -> tuple[Hypothesis, ...]:
    """The finished texts, best first, by score over length as whisper ranks them."""
    hypotheses = []
    for end in finished:
        path, at = [], end
        while at is not None:
            path.append(at)
            at = nodes[at].parent
        path.reverse()
        tokens = tuple(
            nodes[i].token for i in path if kind_of(task.tokenizer, nodes[i].token) != "end"
        )
        alpha = task.options.length_penalty
        penalty = len(tokens) if alpha is None else ((5 + len(tokens)) / 6) ** alpha
        score = nodes[end].score
        rank_score = score / penalty if penalty else float("-inf")
        text = task.tokenizer.decode(list(tokens)).strip()
        hypotheses.append(Hypothesis(text, tokens, score, rank_score, tuple(path)))
    return tuple(sorted(hypotheses, key=lambda h: h.rank_score, reverse=True))
