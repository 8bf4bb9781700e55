"""The settings of a training run."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import TrainingError

METHODS = ("lora", "decoder")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Config:
    """How to train. The same settings, clips and machine give the same weights.

    Attributes
    ----------
    method : {"lora", "decoder"}
        ``lora`` trains small additions to the decoder's matrices; ``decoder`` trains its blocks
        themselves (the token embedding stays as it is).
    learning_rate : float
        The highest rate: it rises over the first tenth of the steps and falls to 0 at the end.
        About 1e-3 suits LoRA, 1e-4 the decoder.
    epochs : int
        How often every clip is seen.
    batch_size : int
        Clips a step.
    rank : int
        The inner width of a LoRA addition.
    weight_decay, clip : float
        AdamW's pull towards 0; the length that a gradient is cut to.
    warmup : float
        The share of the steps over which the rate rises.
    seed : int
        Decides the order of the clips and the first weights of LoRA.
    precision : {"auto", "float32", "bfloat16"}
        ``auto``: bfloat16 on a GPU that has it, else float32.
    """

    method: str = "lora"
    learning_rate: float = 1e-3
    epochs: int = 4
    batch_size: int = 8
    rank: int = 8
    weight_decay: float = 0.01
    clip: float = 1.0
    warmup: float = 0.1
    seed: int = 0
    precision: str = "auto"

    def __post_init__(self) -> None:
        for name, allowed in (("method", METHODS), ("precision", PRECISIONS)):
            if getattr(self, name) not in allowed:
                raise TrainingError(
                    f"Expected {name} to be one of {allowed}, found {getattr(self, name)!r}."
                )
        for name in ("epochs", "batch_size", "rank"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise TrainingError(f"Expected {name} to be a whole number from 1, found {value}.")
        if not 0 < self.learning_rate < 1:
            raise TrainingError(
                "Expected a learning_rate between 0 and 1, such as 1e-3 for LoRA, "
                f"found {self.learning_rate}."
            )
        if not 0 <= self.warmup < 1 or self.clip <= 0 or self.weight_decay < 0:
            raise TrainingError(
                "Expected 0 <= warmup < 1, clip > 0 and weight_decay >= 0, "
                f"found {self.warmup}, {self.clip} and {self.weight_decay}."
            )

    def steps(self, n_clips: int) -> int:
        """How many times the weights change."""
        return self.epochs * -(-n_clips // self.batch_size)

    def rate(self, step: int, n_steps: int) -> float:
        """The learning rate of a step, counted from 0: up in a straight line, then down to 0."""
        rising = max(1, round(self.warmup * n_steps))
        up, down = (step + 1) / rising, (n_steps - step) / (n_steps - rising + 1)
        return self.learning_rate * min(up, down, 1.0)
