"""Damaged inputs by the hundred: what comes of them, counted.

    python benchmarks/damaged_inputs.py audio [--seed 0] [--files 500]

Each kind of input has its own subcommand. Every case is made from a sound input by a seeded fault,
and ends as one of ``OUTCOMES``: "whole" is equal to the undamaged input, "error" a message of
ours, "raw" any other exception, "hang" no answer in time, "wrong" an answer that is not the input
and says nothing. What no length and no checksum can tell is counted as "unknowable".
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

OUTCOMES = ("whole", "error", "raw", "hang", "wrong", "unknowable")
LIMIT = 60.0  #: seconds for one case


@dataclass(frozen=True)
class Case:
    """One damaged input.

    Attributes
    ----------
    format, fault : str
        What was damaged, and how.
    path : Path
    judge : callable
        Takes the path, reads it as the product does and returns an outcome; may raise.
    """

    format: str
    fault: str
    path: Path
    judge: Callable[[Path], str]


def outcome(case: Case) -> tuple[str, str]:
    """What comes of a case, and what was said."""
    from lab_utils.errors import LabError

    try:
        return case.judge(case.path), ""
    except LabError as error:
        return "error", str(error)
    except Exception:
        return "raw", traceback.format_exc()


def run(cases: Iterable[Case], *, say: Callable[[str], None] = print) -> Counter:
    """Go through the cases in a process that can be ended; returns (format, fault, outcome)."""
    counts: Counter = Counter()
    pool = multiprocessing.Pool(1)
    try:
        for case in cases:
            try:
                found, why = pool.apply_async(outcome, (case,)).get(LIMIT)
            except multiprocessing.TimeoutError:
                pool.terminate()
                pool, found, why = multiprocessing.Pool(1), "hang", ""
            counts[case.format, case.fault, found] += 1
            if found in ("raw", "hang", "wrong"):
                say(f"{found}: {case.path.name} {why}")
    finally:
        pool.terminate()
    return counts


def table(counts: Counter) -> str:
    """Outcomes by format, then by fault."""
    lines = []
    for place in (0, 1):
        lines.append(f"\n{'':14}" + "".join(f"{name:>11}" for name in OUTCOMES))
        for name in sorted({key[place] for key in counts}):
            row = [sum(n for k, n in counts.items() if k[place] == name and k[2] == o)
                   for o in OUTCOMES]  # fmt: skip
            lines.append(f"{name:14}" + "".join(f"{n:11}" for n in row))
    total = [sum(n for k, n in counts.items() if k[2] == o) for o in OUTCOMES]
    lines.append(f"{'all':14}" + "".join(f"{n:11}" for n in total))
    return "\n".join(lines)


def audio(folder: Path, *, seed: int, files: int) -> Iterable[Case]:
    """Recordings: ten formats, five kinds of damage."""
    from benchmarks import damaged_audio

    return damaged_audio.cases(folder, seed=seed, files=files)


KINDS = {"audio": audio}  #: subcommand -> what makes its cases


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", type=int, default=500, help="how many cases")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = run(KINDS[options.kind](Path(folder), seed=options.seed, files=options.files))
    print(table(counts))
    return int(any(key[2] in ("raw", "hang", "wrong") for key in counts))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    sys.exit(main())
