"""Clips are heard once, here or on other machines, and what was heard is kept in a file.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import platform
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import batches, files, models
from ..constants import SAMPLE_RATE
from ..errors import CorpusError
from .speech import speech_probabilities

if TYPE_CHECKING:
    from whisper import Whisper

NO_SPEECH = "(no speech)"  #: heard in a clip in which nobody speaks
NO_SPEECH_PROB = 0.6  #: whisper's own threshold
SPEECH_PROB = 0.5  #: of the speech detector, for one window of 32 ms
SENT = 120  #: seconds of sound in one message to a worker: 8 MB
IN_FLIGHT = 3600  #: seconds of sound that are with the workers at a time: 230 MB
_ONE_AT_A_TIME = threading.Lock()  # a worker may have several threads


class Heard:
    """A table from samples, and the way in which they are heard, to what was heard.

    Parameters
    ----------
    path : Path, optional
        One JSON object a line; a last line that a kill cut off is forgotten. None: in memory only.
    way : str
        The weights, the language and the method: whatever changes what is heard.
    """

    def __init__(self, path: Path | None, *, way: str) -> None:
        self.path, self.way = path, way
        self._known: dict[str, Any] = {}
        if path and path.is_file():
            for line in path.read_text("utf-8", "replace").split("\n"):  # a text may hold U+2028
                try:
                    row = json.loads(line)
                    self._known[str(row["clip"])] = row["heard"]
                except (ValueError, KeyError, TypeError):
                    continue

    def key(self, y: np.ndarray) -> str:
        """What a waveform is known by."""
        return f"{hashlib.sha256(y.data).hexdigest()} {self.way}"

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def __getitem__(self, key: str) -> Any:
        return self._known[key]

    def add(self, heard: dict[str, Any]) -> None:
        """Keep more, on disk as well; raises CorpusError if the file cannot be written."""
        self._known |= heard
        if self.path is None:
            return
        rows = (
            json.dumps({"clip": k, "heard": v}, ensure_ascii=False) for k, v in self._known.items()
        )
        try:
            files.write_text(self.path, "\n".join(rows) + "\n")
        except OSError as error:
            raise CorpusError(
                f"{self.path.name} cannot be written in {self.path.parent}: {error}"
            ) from error


def spoken_text(y: np.ndarray, heard: batches.ClipText) -> str:
    """The text of a clip, or :data:`NO_SPEECH`."""
    return heard.text if somebody_speaks(y, heard) else NO_SPEECH


def somebody_speaks(y: np.ndarray, heard: batches.ClipText) -> bool:
    """Whether the text of a clip (float32, at 16 kHz) was spoken at all.

    A clip holds no speech if Whisper says so by its own rule (the no-speech token is probable and
    the text is not), or if the speech detector finds none: Whisper writes "you" into a silence, and
    is sure of it.
    """
    if not heard.text:
        return False
    if heard.no_speech_prob > NO_SPEECH_PROB and heard.avg_logprob < batches.LOWEST_LOGPROB:
        return False
    return bool((speech_probabilities(y, sr=SAMPLE_RATE) > SPEECH_PROB).any())


def spread(
    executor: Executor,
    task: Callable[[list[np.ndarray]], list[str]],
    waves: Iterator[np.ndarray],
    keep: Callable[[dict[int, str]], None],
) -> None:
    """Send batches of clips to other processes or machines, and keep each as it comes back."""
    sent: dict[Future, dict[int, np.ndarray]] = {}
    numbered = enumerate(waves)

    def collect(*, most: float) -> None:
        while sent and most <= sum(len(y) for b in sent.values() for y in b.values()) / SAMPLE_RATE:
            done, _ = wait(sent, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda f: f.exception() is not None):
                keep(dict(zip(sent.pop(future), future.result(), strict=True)))

    try:
        while ahead := dict(itertools.islice(numbered, batches.READ_AHEAD * batches.BATCH_SIZE)):
            batch: dict[int, np.ndarray] = {}
            for i in sorted(ahead, key=lambda i: len(ahead[i])):  # as in transcribe_many
                longest = len(ahead[i])
                if len(batch) == batches.BATCH_SIZE or len(batch) * longest > SENT * SAMPLE_RATE:
                    sent[executor.submit(task, list(batch.values()))] = batch
                    batch = {}
                batch[i] = ahead[i]
            sent[executor.submit(task, list(batch.values()))] = batch
            collect(most=IN_FLIGHT)
        collect(most=0)
    except BaseException:
        for future in sent:
            future.cancel()
        raise


def hear_clips(
    clips: list[np.ndarray], *, model: str, weights: str, language: str, exact: bool
) -> list[str]:
    """What is heard in each clip, on whatever machine this runs: it loads the model once.

    Parameters
    ----------
    clips : list of np.ndarray
        Samples at 16 kHz, so that no disk is shared.
    model : str
        A name, or the ``.pt`` file of a model, which must be there on this machine too.
    weights : str
        The fingerprint that the model must have.

    Raises
    ------
    CorpusError
        The model here has other weights.
    CheckpointError
        There are no weights here.
    """
    with _ONE_AT_A_TIME:
        loaded = _loaded(model)
        if models.fingerprint(loaded) != weights:  # the file may be newer than this process
            _loaded.cache_clear()
            loaded = _loaded(model)
        if models.fingerprint(loaded) != weights:
            raise CorpusError(
                f"Expected the same weights of {model!r} on every machine, found others on "
                f"{platform.node()!r}: copy the file there."
            )
        texts = batches.transcribe_many(clips, loaded, language=language, exact=exact)
    return [spoken_text(y, text) for y, text in zip(clips, texts, strict=True)]


@functools.lru_cache(maxsize=1)
def _loaded(model: str) -> Whisper:
    return models.load_model(model)
