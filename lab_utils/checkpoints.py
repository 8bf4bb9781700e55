"""Whisper's weights: found, fetched, verified and kept.

A checkpoint is looked for in this order: the lab's cache; the folder that the environment
variable ``WHISPER_LAB_WEIGHTS`` names (a memory stick, a shared disk); openai-whisper's own
cache; OpenAI's server; ordinary Python packages that carry the same weights as data. Whatever the
route, a file is used only if it is OpenAI's own, byte for byte, or holds the tensors whose digest
is in the registry. A note beside the file is never believed. The weights are OpenAI's, under the
MIT license.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import registry
from .errors import CheckpointError
from .files import lock, replacing
from .places import CACHE_VARIABLE, cache_dir, named, project_dir

WEIGHTS_VARIABLE = "WHISPER_LAB_WEIGHTS"
DIMS = (
    "n_mels", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer",
    "n_vocab", "n_text_ctx", "n_text_state", "n_text_head", "n_text_layer",
)  # fmt: skip


@dataclass(frozen=True)
class Packaged:
    """A model that packages carry as well."""

    dims: tuple[int, ...]  #: in the order of ``DIMS``
    digest: str  #: of its tensors: :func:`tensor_digest`
    sources: tuple[registry.Source, ...]  #: of the model in CTranslate2's format


#: read from the project's own registry, whatever other folder of assets is named
PACKAGED = {
    name: Packaged(
        dims=tuple(entry["dims"]),
        digest=entry["digest"],
        sources=tuple(map(registry.Source.of, entry["sources"])),
    )
    for name, entry in registry.read("weights", folder=project_dir() / "assets").items()
}


def official_names() -> tuple[str, ...]:
    """Every model name that openai-whisper knows."""
    import whisper

    return tuple(whisper.available_models())


def available() -> tuple[str, ...]:
    """Names of the models that can be loaded on this machine without any network."""
    return tuple(sorted(name for name in official_names() if locate(name) is not None))


def tensor_digest(state: Mapping[str, Any]) -> str:
    """SHA-256 over names, types, shapes and bytes of tensors or arrays.

    Unlike the hash of a file it does not depend on how the tensors were stored.
    """
    import numpy as np

    digest = hashlib.sha256()
    for name in sorted(state):
        array = np.ascontiguousarray(state[name])
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def read(path: str | os.PathLike) -> dict[str, Any]:
    """Read a file in whisper's own format: tensors and plain values only, never code.

    Returns
    -------
    dict
        With the keys ``dims`` (dict of str to int) and ``model_state_dict``.

    Raises
    ------
    CheckpointError
        The file is missing, damaged, holds more than weights, or is no Whisper checkpoint.
    """
    import torch

    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"Expected a checkpoint file at {path}, found none.")
    try:
        _check_archive(path)
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged or hostile file
        raise CheckpointError(
            f"{path.name} is not a file of weights alone, or it is damaged "
            f"({type(error).__name__}). It was not loaded. Delete it and fetch it again."
        ) from error
    if problem := _not_whisper(checkpoint, path.stat().st_size):
        raise CheckpointError(f"{path.name} is not a Whisper checkpoint: {problem}.")
    return checkpoint


def _check_archive(path: Path) -> None:
    """Compare the checksums in torch's zip archive, which torch itself does not do."""
    if not zipfile.is_zipfile(path):
        return  # the format before torch 1.6: it has none
    with zipfile.ZipFile(path) as archive:
        if sum(info.file_size for info in archive.infolist()) > path.stat().st_size:
            raise zipfile.BadZipFile("compressed, which torch never does")
        if (name := archive.testzip()) is not None:
            raise zipfile.BadZipFile(f"wrong checksum of {name}")


def _not_whisper(checkpoint: object, n_bytes: int) -> str:
    """What keeps a checkpoint from being Whisper's; the dimensions are believed of no file."""
    import torch

    found = checkpoint if isinstance(checkpoint, dict) else {}
    dims, state = found.get("dims"), found.get("model_state_dict")
    if not isinstance(dims, dict) or {*dims} != {*DIMS} or not isinstance(state, dict):
        return "expected the keys 'dims' and 'model_state_dict' as openai-whisper writes them"
    if not all(type(dims[name]) is int and dims[name] > 0 for name in DIMS):
        return "a dimension is not a number above zero"
    for name, tensor in state.items():
        if (
            not isinstance(name, str)
            or not isinstance(tensor, torch.Tensor)
            or str(tensor.layout) != "torch.strided"
        ):
            return f"{str(name)[:60]!r} is not a tensor with a name"
    if sum(tensor.numel() * tensor.element_size() for tensor in state.values()) > 2 * n_bytes:
        return "its tensors claim more than the file holds"
    if any(dims[f"n_{side}_state"] % dims[f"n_{side}_head"] for side in ("audio", "text")):
        return "its heads do not share its width evenly"
    layers = {"encoder": dims["n_audio_layer"], "decoder": dims["n_text_layer"]}
    shapes = {
        "encoder.conv1.weight": (dims["n_audio_state"], dims["n_mels"], 3),
        "encoder.positional_embedding": (dims["n_audio_ctx"], dims["n_audio_state"]),
        "decoder.token_embedding.weight": (dims["n_vocab"], dims["n_text_state"]),
        "decoder.positional_embedding": (dims["n_text_ctx"], dims["n_text_state"]),
    }
    fits = all(name in state and tuple(state[name].shape) == shapes[name] for name in shapes)
    for side, n_layers in layers.items():
        blocks = {name.split(".")[2] for name in state if name.startswith(f"{side}.blocks.")}
        fits = fits and len(blocks) == n_layers
    return "" if fits else "its weights do not fit the dimensions that the file names"


def save(path: str | os.PathLike, *, dims: dict[str, int], state: dict[str, Any]) -> Path:
    """Write a checkpoint in whisper's own format, whole or not at all; returns its path.

    ``dims`` are the fields of ``whisper.model.ModelDimensions``, ``state`` holds torch tensors. The
    checksums that :func:`read` compares are in the file.
    """
    import torch

    with replacing(path) as temporary:
        torch.save({"dims": dict(dims), "model_state_dict": state}, temporary)
    return Path(path)


def locate(name: str) -> Path | None:
    """Find a model's verified checkpoint on this machine; the network is not touched.

    Raises
    ------
    CheckpointError
        openai-whisper knows no model of this name.
    """
    return _search(name)[0]


def refused(name: str) -> list[str]:
    """What was found in place of a model's weights and why it was not used, a sentence each."""
    return _search(name)[1]


def _search(name: str) -> tuple[Path | None, list[str]]:
    stick, whisper_cache = named(WEIGHTS_VARIABLE), Path.home() / ".cache"
    if folder := os.environ.get("XDG_CACHE_HOME"):
        whisper_cache = Path(folder)
    reasons = []
    folders = [cache_dir(), stick, whisper_cache / "whisper-lab", whisper_cache / "whisper"]
    for folder in dict.fromkeys(folder for folder in folders if folder):
        files = [folder / f for f in dict.fromkeys((f"{name}.pt", _filename(name)))]
        here = [path for path in files if os.path.isfile(path)]
        source = f"{WEIGHTS_VARIABLE} names {folder}: " if folder == stick else ""
        for path in here:
            if not (reason := _refusal(name, path)):
                return path, reasons
            reasons.append(f"{source}{path} was not used: {reason}")
        if source and not here:
            fault = "that is a file; a folder is expected" if folder.is_file() else "no such folder"
            fault = f"the folder holds no {files[0].name}" if folder.is_dir() else fault
            reasons.append(f"{source}{fault}.")
    return None, reasons


def _refusal(name: str, path: Path) -> str:
    """Why a file is not the genuine weights of a model; empty if it is."""
    reason = "it is not the file that OpenAI published."
    if name in PACKAGED:
        try:
            checkpoint = read(path)
            found = tuple(checkpoint["dims"][field] for field in DIMS)
            if found != PACKAGED[name].dims:
                reason = f"it is not {name} but a model of another size."
            elif tensor_digest(checkpoint["model_state_dict"]) == PACKAGED[name].digest:
                return ""
            else:
                reason = f"its weights are not those of {name}: damaged, or changed by training."
        except CheckpointError as error:
            reason = str(error)
        except (TypeError, ValueError, RuntimeError) as error:  # a type that NumPy lacks
            reason = f"its weights have an unexpected type ({error})."
    try:
        return "" if registry.is_here(path, _official(name).sha256) else reason
    except OSError as error:
        return f"it cannot be read ({error.strerror})."


def fetch(name: str, *, progress: bool = True) -> Path:
    """Return a verified checkpoint, bringing it to this machine first if need be.

    Parameters
    ----------
    name : str
        A model name of openai-whisper, such as ``"base"`` or ``"tiny.en"``.
    progress : bool
        Say what is fetched, and which files were found and not used.

    Returns
    -------
    Path
        A file that :func:`read` can read.

    Raises
    ------
    CheckpointError
        The name is unknown, or no route to the weights is open; the message names what was
        found and refused, lists the models that are here, and says how to bring a file by hand.
    """
    path, problems = _search(name)
    if path:
        return path
    try:
        with lock(cache_dir() / "fetch.lock", timeout=-1):
            path, problems = _search(name)  # another notebook may have been faster
            if path:
                return path
            for problem in problems if progress else ():
                print(f"Note: {problem}", file=sys.stderr)
            _clean(cache_dir())
            sources = PACKAGED[name].sources if name in PACKAGED else ()
            for source in (_official(name), *sources):
                if progress:
                    print(f"Fetching the weights of {name} from {source} …", file=sys.stderr)
                try:
                    return _bring(name, source)
                except CheckpointError as error:
                    problems.append(str(error))
    except OSError as error:
        problems.append(
            f"The cache folder {cache_dir()} cannot be written ({error.strerror or error}): set "
            f"{CACHE_VARIABLE} to a folder that is yours."
        )
    raise CheckpointError(
        f"The weights of {name!r} are not on this machine and could not be fetched.\n"
        + "".join(f"  - {problem}\n" for problem in problems)
        + f"Models that are here now: {_listed(available())}.\n"
        f"To bring one by hand: put {_filename(name)} into a folder and "
        f"set the environment variable {WEIGHTS_VARIABLE} to that folder."
    )


def keep(name: str) -> Path:
    """Like :func:`fetch`, and copy into the cache what a memory stick holds: it will be unplugged.

    Raises
    ------
    CheckpointError
        See :func:`fetch`.
    """
    path, stick = fetch(name), named(WEIGHTS_VARIABLE)
    if stick is None or path.parent != stick:
        return path
    try:
        with replacing(cache_dir() / f"{name}.pt") as temporary:
            shutil.copyfile(path, temporary)
    except OSError:  # no room, or a cache that cannot be written: the stick itself serves
        return path
    return locate(name) or path


def _clean(folder: Path) -> None:
    """Delete what killed runs left in the cache; the lock is held, so nobody is at work there."""
    for path in folder.iterdir():
        if re.fullmatch(r"fetch-\w{8}|tmp\w{8}", path.name) and path.is_dir():
            if all(file.suffix in (".whl", ".bin", ".pt", ".partial") for file in path.iterdir()):
                shutil.rmtree(path, ignore_errors=True)
        elif re.fullmatch(r"[\w.]+-\w{8}\.partial", path.name) and path.is_file():
            if path.name.rsplit("-", 1)[0].removesuffix(".pt") in official_names():
                path.unlink(missing_ok=True)


def _bring(name: str, source: registry.Source) -> Path:
    """Fetch OpenAI's own file, or one in CTranslate2's format, which is converted."""
    import numpy as np
    import torch

    from .conversion import read_ctranslate2, to_openai

    kept = cache_dir() / f"{name}.pt"
    if source.url:
        return source.fetch(kept, archives=kept.parent)
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix="fetch-") as folder:
        path = source.fetch(Path(folder) / "model.bin", archives=Path(folder))
        data = path.read_bytes()
    dims = dict(zip(DIMS, PACKAGED[name].dims, strict=True))
    arrays = to_openai(read_ctranslate2(data))
    if tensor_digest(arrays) != PACKAGED[name].digest:
        raise CheckpointError(f"The converted weights of {name} differ from the verified ones.")
    state = {key: torch.from_numpy(np.array(array)) for key, array in arrays.items()}
    return save(kept, dims=dims, state=state)


def _official(name: str) -> registry.Source:
    """OpenAI's own file: its address holds its SHA-256."""
    import whisper

    if name not in official_names():
        raise CheckpointError(
            f"Expected the name of a Whisper model, found {name!r}. On this machine now: "
            f"{_listed(available())}. openai-whisper knows: {', '.join(official_names())}."
        )
    url = whisper._MODELS[name]
    return registry.Source(url.split("/")[-2], url=url)


def _filename(name: str) -> str:
    """What openai-whisper calls the file of a model."""
    return _official(name).url.rsplit("/", 1)[-1]


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"
