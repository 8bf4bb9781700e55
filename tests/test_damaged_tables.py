"""A sample of the damaged tables and hostile corpora that benchmarks/damaged_tables.py counts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import damaged_tables


@pytest.mark.parametrize(("kind", "n"), [("tables", 40), ("manifests", 20)])
def test_damaged_input_is_read_right_or_refused(kind, n):
    counts = getattr(damaged_tables, kind)(1, n)
    assert sum(counts.values()) == n and counts["right"] and counts["refused"], counts
    assert not any(counts[name] for name in damaged_tables.BAD), counts
