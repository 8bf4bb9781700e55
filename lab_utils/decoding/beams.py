"""Beam search with nothing thrown away: every candidate, kept or pruned, with its score."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import DecodingError
from .task import make_task, refuse_prefix_with_timestamps, settle_language, token_text
from .window import Window

if TYPE_CHECKING:
    import torch
    from whisper.decoding import DecodingTask


@dataclass(frozen=True)
class BeamNode:
    """One candidate of the search."""

    id: int  #: its place in :attr:`BeamSearch.nodes`
    parent: int | None  #: the node that it continues
    step: int  #: from 0
    token: int
    text: str
    logprob: float  #: natural log of the token's probability after its parent
    score: float  #: sum of ``logprob`` from the first step to here; the search keeps the highest
    status: str  #: "kept", "pruned" or "finished"


@dataclass(frozen=True)
class Hypothesis:
    """A whole text that the search considered at the end."""

    text: str
    tokens: tuple[int, ...]  #: without the end token
    score: float  #: sum of log probabilities
    rank_score: float  #: ``score`` over the number of tokens, or the length penalty; highest wins
    nodes: tuple[int, ...]  #: its path through the tree


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

    The text equals that of ``whisper.decode(..., beam_size=beam_size)``: tests/test_decoding.py.

    Parameters
    ----------
    window : Window
    beam_size : int
        Texts that survive each step, at least 1.
    **options
        Those of ``whisper.DecodingOptions``: language, patience, length_penalty, …

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
    alive: list[int] = []  # the node that each row of the batch ends in; none before step 0
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
                alive, ended, sources = _keep_best(nodes, rows, task)
                finished += ended[: limit - len(finished)]
                column = tokens.new_tensor([[nodes[i].token] for i in alive])
                tokens = torch.cat([tokens[sources], column], dim=1)
                inference.rearrange_kv_cache(sources)
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
    alive: list[int],
    logprobs: torch.Tensor,
    task: DecodingTask,
    *,
    step: int,
) -> list[tuple[int, int]]:
    """Add the beam_size + 1 best continuations of every living text as nodes.

    Returns pairs (node, row of the batch); at the first step all rows are alike and count once.
    """
    added = []
    for row, parent in enumerate(alive or [None]):
        before = nodes[parent].score if parent is not None else 0.0
        best = logprobs[row].topk(len(logprobs) + 1)
        for logprob, token in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            text, score = token_text(task.tokenizer, token), before + logprob
            added.append((len(nodes), row))
            nodes.append(BeamNode(len(nodes), parent, step, token, text, logprob, score, "pruned"))
    return added


def _keep_best(
    nodes: list[BeamNode], rows: list[tuple[int, int]], task: DecodingTask
) -> tuple[list[int], list[int], list[int]]:
    """Mark the best candidates as kept or finished: (kept, finished, batch row of each kept)."""
    kept, ended, sources = [], [], []
    for i, row in sorted(rows, key=lambda pair: nodes[pair[0]].score, reverse=True):
        if nodes[i].token == task.tokenizer.eot:
            nodes[i] = replace(nodes[i], status="finished")
            ended.append(i)
            continue
        nodes[i] = replace(nodes[i], status="kept")
        kept.append(i)
        sources.append(row)
        if len(kept) == task.options.beam_size:
            break
    return kept, ended, sources


def _rank(nodes: list[BeamNode], finished: list[int], task: DecodingTask) -> tuple[Hypothesis, ...]:
    """The finished texts, best first, by score over length as whisper ranks them."""
    alpha, hypotheses = task.options.length_penalty, []
    for end in finished:
        path, at = [], end
        while at is not None:
            path.insert(0, at)
            at = nodes[at].parent
        tokens = tuple(nodes[i].token for i in path if nodes[i].token != task.tokenizer.eot)
        penalty = len(tokens) if alpha is None else ((5 + len(tokens)) / 6) ** alpha
        score = nodes[end].score
        rank_score = score / penalty if penalty else float("-inf")
        text = task.tokenizer.decode(list(tokens)).strip()
        hypotheses.append(Hypothesis(text, tokens, score, rank_score, tuple(path)))
    return tuple(sorted(hypotheses, key=lambda h: h.rank_score, reverse=True))
