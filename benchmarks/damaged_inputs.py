"""Damaged and hostile inputs by the hundred: what comes of them, counted.

    python benchmarks/damaged_inputs.py audio|tables|manifests|weights [--seed 0] [--files 500]

Every case is made from a sound input by a seeded fault, and ends as one of ``OUTCOMES``: "whole"
is equal to the undamaged input, or to what an independent reader finds in it, "error" a message of
ours, "raw" any other exception, "hang" no answer in time, "lost" a file elsewhere that was written,
changed or removed, "wrong" an answer that is not the input and says nothing. What no length and no
checksum can tell is counted as "unknowable". The exit code is 0 if nothing is in ``BAD``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import multiprocessing
import os
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

OUTCOMES = ("whole", "error", "raw", "hang", "lost", "wrong", "unknowable")
BAD = ("raw", "hang", "lost", "wrong")
LIMIT = 120.0  #: seconds for one case
#: subcommand -> the function of this folder that takes a folder, a seed and a number of cases
KINDS = {
    "audio": "damaged_audio.cases",
    "tables": "damaged_tables.tables",
    "manifests": "damaged_tables.manifests",
    "weights": "damaged_weights.cases",
}


@dataclass(frozen=True)
class Case:
    """One damaged input."""

    format: str  #: what was damaged
    fault: str  #: and how
    judge: Callable[[], str]  #: reads it as the product does; gives an outcome, or raises


class Lost(Exception):
    """A file was written, changed or removed that is none of the result."""


def outcome(case: Case) -> tuple[str, str]:
    """What comes of a case, and what was said."""
    from lab_utils.errors import LabError

    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return case.judge(), ""
    except LabError as error:
        return "error", str(error)
    except Lost as loss:
        return "lost", str(loss)
    except (Exception, SystemExit):
        return "raw", traceback.format_exc()


def run(kind: str, *, seed: int, files: int) -> Counter:
    """Go through the cases in a process that can be ended; counts (format, fault, outcome)."""
    module, name = KINDS[kind].split(".")
    cases = getattr(importlib.import_module(f"benchmarks.{module}"), name)
    counts: Counter = Counter()
    context = multiprocessing.get_context("spawn")
    pool = context.Pool(1)
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(Path(folder), seed=seed, files=files):
            try:
                found, why = pool.apply_async(outcome, (case,)).get(LIMIT)
            except multiprocessing.TimeoutError:
                pool.terminate()
                pool, found, why = context.Pool(1), "hang", ""
            counts[case.format, case.fault, found] += 1
            if found in BAD:
                print(f"{found}: {case.format}, {case.fault} {why}")
    pool.terminate()
    return counts


def table(counts: Counter) -> str:
    """Outcomes by format, then by fault."""
    lines = []
    for place in (0, 1):
        lines.append(f"\n{'':18}" + "".join(f"{name:>11}" for name in OUTCOMES))
        for name in sorted({key[place] for key in counts}):
            lines.append(_line(name, {k: n for k, n in counts.items() if k[place] == name}))
    return "\n".join([*lines, _line("all", counts)])


def _line(name: str, counts: dict[tuple[str, str, str], int]) -> str:
    totals = [sum(n for key, n in counts.items() if key[2] == found) for found in OUTCOMES]
    return f"{name:18}" + "".join(f"{n:11}" for n in totals)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", type=int, default=500, help="how many cases")
    options = parser.parse_args()
    counts = run(options.kind, seed=options.seed, files=options.files)
    print(table(counts))
    return int(any(key[2] in BAD for key in counts))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from benchmarks import damaged_inputs  # the module that the cases import, not a second one

    sys.exit(damaged_inputs.main())
