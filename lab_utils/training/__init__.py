"""Fine-tune an openai-whisper model on a laptop, and save it in whisper's own format.

The encoder is frozen and runs once over each clip; what it heard is kept (:func:`encode`). Only the
decoder learns (:func:`train`), all of it or a small addition (LoRA).

Taught in: notebooks/10_fine_tune.ipynb.
"""

from .config import Config
from .examples import (
    Example,
    at_speed,
    from_manifest,
    jargon,
    jargon_terms,
    sentence_frames,
    shared_sentences,
)
from .features import Features, encode
from .labels import Labels, labels, start_tokens
from .loop import Epoch, Run, loss, train
from .lora import LoRA, add_lora, merge_lora
from .plan import Plan, plan
from .results import evaluate, interpolate, save, write_down

__all__ = [
    "Config",
    "Epoch",
    "Example",
    "Features",
    "Labels",
    "LoRA",
    "Plan",
    "Run",
    "add_lora",
    "at_speed",
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
    "save",
    "sentence_frames",
    "shared_sentences",
    "start_tokens",
    "train",
    "write_down",
]
