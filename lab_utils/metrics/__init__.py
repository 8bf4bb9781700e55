"""How wrong is a transcript: alignment, word and character error rate, and how sure we can be.

Taught in: notebooks/09_evaluate.ipynb.
"""

from .alignment import LETTERS, Alignment, Edit, align, distance, distance_table, error_rate
from .intervals import (
    Comparison,
    Interval,
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
