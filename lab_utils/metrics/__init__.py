"""How wrong is a transcript: alignment, word and character error rate, and how sure we can be.

Taught in: notebooks/09_evaluate.ipynb.
"""

from .alignment import LETTERS, Alignment, Edit, align, distance, distance_table, error_rate
from .intervals import (
    Comparison,
    Interval,
    bootstrap,
    change_interval,
    compare,
    counts,
    interval,
    rate_interval,
    share,
)
from .normalizers import NORMALIZERS, normalize, normalizer_of, unit_of
from .scores import ClipScore, Score, score
from .terms import terms_right

__all__ = [
    "LETTERS",
    "NORMALIZERS",
    "Alignment",
    "ClipScore",
    "Comparison",
    "Edit",
    "Interval",
    "Score",
    "align",
    "bootstrap",
    "change_interval",
    "compare",
    "counts",
    "distance",
    "distance_table",
    "error_rate",
    "interval",
    "normalize",
    "normalizer_of",
    "rate_interval",
    "score",
    "share",
    "terms_right",
    "unit_of",
]
