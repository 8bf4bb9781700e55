"""How wrong is a transcript: alignment, word and character error rate, and how sure we can be.

Taught in: notebooks/09_evaluate.ipynb.
"""

from .alignment import LETTERS, Alignment, Edit, align, distance, distance_table, error_rate
from .intervals import Comparison, Interval, bootstrap, compare, share
from .normalizers import NORMALIZERS, normalize
from .scores import ClipScore, Score, score, terms_right

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
    "compare",
    "distance",
    "distance_table",
    "error_rate",
    "normalize",
    "score",
    "share",
    "terms_right",
]
