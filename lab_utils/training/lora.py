"""LoRA: leave a matrix as it is and learn a thin addition to it (Hu et al., 2021)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

SELF_ATTENTION = ("query", "value", "out")
CROSS_ATTENTION = ("query", "out")  # its key and value read the encoder, which stays as it is


class LoRA(nn.Module):
    """A linear layer W x + b that became W x + b + s B A x; only A and B learn.

    A has shape (rank, n_in), B (n_out, rank). B starts at 0, so that the model starts unchanged.
    """

    def __init__(self, linear: nn.Linear, *, rank: int, generator: torch.Generator):
        super().__init__()
        n_out, n_in = linear.weight.shape
        a = torch.randn(rank, n_in, generator=generator) / n_in**0.5
        self.linear = linear
        self.a = nn.Parameter(a.to(linear.weight.device))
        self.b = nn.Parameter(torch.zeros(n_out, rank, device=linear.weight.device))
        self.scale = 2.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) + self.scale * F.linear(F.linear(x, self.a), self.b)

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """The plain layer with the addition inside: the same function, no extra cost."""
        self.linear.weight += self.scale * self.b @ self.a
        return self.linear


def add_lora(decoder: nn.Module, *, rank: int, generator: torch.Generator) -> list[LoRA]:
    """Put an addition beside the attention and the two outer layers of each decoder block."""
    places = []
    for block in decoder.blocks:
        places += [(block.attn, name) for name in SELF_ATTENTION]
        places += [(block.cross_attn, name) for name in CROSS_ATTENTION]
        places += [(block.mlp, name) for name in ("0", "2")]
    added = []
    for parent, name in places:
        added.append(LoRA(getattr(parent, name), rank=rank, generator=generator))
        setattr(parent, name, added[-1])
    return added


def merge_lora(decoder: nn.Module) -> None:
    """Turn every LoRA layer back into a plain one that does the same."""
    for parent in list(decoder.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, LoRA):
                setattr(parent, name, child.merged())
