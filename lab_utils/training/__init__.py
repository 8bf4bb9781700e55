"""Fine-tune an openai-whisper model on a laptop, and save it in whisper's own format.

- ``data``: clips and their texts, as labels and as what the frozen encoder heard;
- ``train``: the settings, LoRA, the loop, a run that can be resumed;
- ``results``: what a run costs, what the model gained by it, its file.

Taught in: notebooks/10_fine_tune.ipynb.
"""

from .data import (
    Example,
    Features,
    Labels,
    at_speed,
    batch,
    encode,
    from_manifest,
    jargon,
    jargon_terms,
    labels,
    sentence_frames,
    shared_sentences,
    tokenizer_of,
)
from .results import Plan, evaluate, interpolate, plan, save
from .train import Config, Epoch, LoRA, Run, loss, merge_lora, prepare, train

__all__ = [
    "Config",
    "Epoch",
    "Example",
    "Features",
    "Labels",
    "LoRA",
    "Plan",
    "Run",
    "at_speed",
    "batch",
    "encode",
    "evaluate",
    "from_manifest",
    "interpolate",
    "jargon",
    "jargon_terms",
    "labels",
    "loss",
    "merge_lora",
    "plan",
    "prepare",
    "save",
    "sentence_frames",
    "shared_sentences",
    "tokenizer_of",
    "train",
]
