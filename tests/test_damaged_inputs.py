"""A sample of the damaged and hostile inputs that benchmarks/damaged_inputs.py counts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import damaged_inputs

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("kind", "seed", "n", "formats", "faults"),
    [("audio", 7, 50, 10, 5), ("tables", 1, 40, 1, 4), ("manifests", 1, 20, 1, 5),
     ("weights", 3, 14, 1, 7)],
)  # fmt: skip
def test_damaged_input_is_read_right_or_refused(kind, seed, n, formats, faults):
    counts = damaged_inputs.run(kind, seed=seed, files=n)
    assert sum(counts.values()) == n
    assert len({key[0] for key in counts}) == formats and len({key[1] for key in counts}) == faults
    assert {"whole", "error"} <= {key[2] for key in counts}, counts
    assert not {key: n for key, n in counts.items() if key[2] in damaged_inputs.BAD}


def ends(how: str) -> str:
    """A judge for the next test."""
    if how == "lost":
        raise damaged_inputs.Lost
    return how if how == "wrong" else str(1 / 0)


@pytest.mark.parametrize("how", ["lost", "wrong", "raw"])
def test_what_goes_wrong_is_seen(how):
    case = damaged_inputs.Case("any", "fault", lambda: ends(how))
    assert damaged_inputs.outcome(case)[0] == how
