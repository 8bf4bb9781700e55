"""Whisper's decoder for a batch of clips that share their padding: greedy, no timestamps.

The weights are the model's own modules. What differs from ``whisper.decode`` is the memory: the
cross-attention reads the keys and values of the shared padding once for the whole batch, and a clip
leaves the batch when its text ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .encoder import join_heads, split_heads

if TYPE_CHECKING:
    import torch
    from whisper import Whisper
    from whisper.decoding import DecodingTask
    from whisper.model import MultiHeadAttention


@dataclass
class Decoded:
    """One clip's text in the making: its tokens and the sum of their log probabilities."""

    no_speech_prob: float
    tokens: list[int] = field(default_factory=list)
    sum_logprob: float = 0.0
    finished: bool = False

    @property
    def avg_logprob(self) -> float:
        """Mean over the tokens and the end token, as in whisper."""
        return self.sum_logprob / (len(self.tokens) + 1)


def greedy(
    model: Whisper, task: DecodingTask, own: torch.Tensor, padding: torch.Tensor
) -> list[Decoded]:
    """Decode a batch; the most probable token at each step.

    Parameters
    ----------
    task : whisper.decoding.DecodingTask
        The start sequence, the filters of the logits and the length come from here.
    own : torch.Tensor, shape (batch, n_positions, width)
        The encoded clips.
    padding : torch.Tensor, shape (1500 - n_positions, width)
        What follows every one of them.
    """
    import torch

    memory = Memory(model, own, padding)
    tokens = torch.tensor([task.initial_tokens] * len(own), device=own.device)
    logits = _step(model, tokens, memory)
    at_start = logits[:, task.sot_index].softmax(-1)[:, task.tokenizer.no_speech]
    clips = [Decoded(probability) for probability in at_start.tolist()]
    alive, logits = clips, logits[:, -1]
    for _ in range(task.sample_len):
        for logit_filter in task.logit_filters:
            logit_filter.apply(logits, tokens)
        chosen = logits.argmax(-1)
        gained = logits.log_softmax(-1).gather(1, chosen[:, None])[:, 0]
        for clip, token, gain in zip(alive, chosen.tolist(), gained.tolist(), strict=True):
            clip.sum_logprob += gain
            clip.finished = token == task.tokenizer.eot
            if not clip.finished:
                clip.tokens.append(token)
        unfinished = torch.tensor([not clip.finished for clip in alive], device=own.device)
        alive = [clip for clip in alive if not clip.finished]
        if not alive:
            break
        tokens = torch.cat([tokens, chosen[:, None]], dim=1)
        if len(alive) < len(tokens):
            tokens = tokens[unfinished]
            memory.keep(unfinished)
        logits = _step(model, tokens[:, -1:], memory)[:, -1]
    return clips


def _step(model: Whisper, tokens: torch.Tensor, memory: Memory) -> torch.Tensor:
    """Logits after each of the new tokens, float32, shape (batch, n_tokens, n_vocab)."""
    from torch.nn import functional as F

    decoder, n = model.decoder, tokens.shape[1]
    x = decoder.token_embedding(tokens)
    x = x + decoder.positional_embedding[memory.n_tokens : memory.n_tokens + n]
    for i, block in enumerate(decoder.blocks):
        attention, heard = block.attn, block.attn_ln(x)
        k, v = memory.remember(i, attention.key(heard), attention.value(heard))
        q = split_heads(attention.query(heard), attention.n_head)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=n > 1)
        x = x + attention.out(join_heads(attended))
        assert block.cross_attn is not None and block.cross_attn_ln is not None
        q = split_heads(block.cross_attn.query(block.cross_attn_ln(x)), attention.n_head)
        x = x + block.cross_attn.out(join_heads(memory.attend(i, q)))
        x = x + block.mlp(block.mlp_ln(x))
    memory.n_tokens += n
    return F.linear(decoder.ln(x), decoder.token_embedding.weight).float()


class Memory:
    """Keys and values of each layer: the tokens so far, each clip's sound, the shared padding."""

    def __init__(self, model: Whisper, own: torch.Tensor, padding: torch.Tensor) -> None:
        self.n_head, self.n_tokens = model.dims.n_text_head, 0
        blocks = model.decoder.blocks
        layers = [block.cross_attn for block in blocks if block.cross_attn is not None]
        self.tokens: list[list[torch.Tensor]] = [[] for _ in layers]
        self.sound = [self._project(layer, own) for layer in layers]
        self.padding = [[t[0] for t in self._project(layer, padding[None])] for layer in layers]

    def _project(self, attention: MultiHeadAttention, x: torch.Tensor) -> list[torch.Tensor]:
        return [
            split_heads(f(x), self.n_head).contiguous() for f in (attention.key, attention.value)
        ]

    def remember(self, i: int, k: torch.Tensor, v: torch.Tensor) -> list[torch.Tensor]:
        """Add the keys and values of new tokens; returns those of all tokens, in heads."""
        import torch

        new = [split_heads(t, self.n_head) for t in (k, v)]
        if self.tokens[i]:
            new = [torch.cat(pair, dim=2) for pair in zip(self.tokens[i], new, strict=True)]
        self.tokens[i] = new
        return new

    def attend(self, i: int, q: torch.Tensor) -> torch.Tensor:
        """Cross-attention; q has the shape (batch, n_head, n_tokens, width / n_head)."""
        import torch

        (own_k, own_v), (k, v) = self.sound[i], self.padding[i]
        q, n = q * q.shape[-1] ** -0.5, own_k.shape[2]
        scores = torch.einsum("bhqd,bhkd->bhqk", q, own_k), torch.einsum("bhqd,hkd->bhqk", q, k)
        weights = torch.cat(scores, dim=-1).softmax(-1)
        heard = torch.einsum("bhqk,bhkd->bhqd", weights[..., :n], own_v)
        return heard + torch.einsum("bhqk,hkd->bhqd", weights[..., n:], v)

    def keep(self, rows: torch.Tensor) -> None:
        """Forget the clips whose text has ended."""
        for store in (self.tokens, self.sound):
            store[:] = [[t[rows] for t in layer] for layer in store]
