"""Matrix products of the fast reader: torch's own, or oneDNN's with packed weights."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def kernels() -> dict[str, type]:
    """Name to class of every way to multiply."""
    return {"plain": Linear, "onednn": PackedLinear}


class Linear:
    """``x @ weight.T + bias`` with torch's own matrix product."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, rows: int) -> None:
        self.weight, self.bias = weight.detach(), None if bias is None else bias.detach()

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional as F

        return F.linear(x, self.weight, self.bias)


class PackedLinear(Linear):
    """The same through oneDNN with the weights packed beforehand, as torch.compile would do it."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, rows: int) -> None:
        import torch

        super().__init__(weight, bias, rows)
        self.weight = torch.ops.mkldnn._reorder_linear_weight(self.weight.contiguous(), rows)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        import torch

        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")


@functools.lru_cache(maxsize=1)
def fastest_linear() -> str:
    """``"onednn"`` where its packed product is right and clearly faster than torch's, else "plain".

    On some processors torch's default product runs at half of oneDNN's rate; on others they are
    alike. Both are float32. Decided once, by timing a product of the size that Whisper base has.
    """
    import time

    import torch

    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(2048, 512, generator=generator)
    x = torch.randn(1500, 512, generator=generator)
    times = {"plain": [], "onednn": []}
    try:
        made = {name: kind(weight, None, 1500) for name, kind in kernels().items()}
        if not torch.allclose(made["plain"](x), made["onednn"](x), rtol=1e-3, atol=1e-2):
            return "plain"
        for _ in range(4):
            for name, product in made.items():
                begin = time.perf_counter()
                product(x)
                times[name].append(time.perf_counter() - begin)
    except (AttributeError, RuntimeError):  # a build of torch without oneDNN
        return "plain"
    return "onednn" if min(times["onednn"]) < 0.85 * min(times["plain"]) else "plain"


def fused(attention, names: Sequence[str], kind: type, rows: int):
    """Several projections of an attention layer as one product; whisper's key has no bias."""
    import torch

    layers = [getattr(attention, name) for name in names]
    weight = torch.cat([layer.weight for layer in layers])
    zeros = torch.zeros_like(layers[0].weight[:, 0])
    bias = torch.cat([zeros if layer.bias is None else layer.bias for layer in layers])
    return kind(weight, bias, rows)


def linear(layer, kind: type, rows: int):
    """One of whisper's linear layers as a product."""
    return kind(layer.weight, layer.bias, rows)
