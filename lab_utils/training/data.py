"""What a decoder learns from: clips and their texts, as labels and as what the encoder heard.

An :class:`Example` is a clip and its text. Its text becomes :class:`Labels`; the frozen encoder
runs once over each clip, and what it heard is kept in :class:`Features`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from whisper.audio import log_mel_spectrogram, pad_or_trim
from whisper.tokenizer import get_tokenizer

from .. import audio, batches, metrics, registry, samples
from ..constants import CHUNK_LENGTH, SAMPLE_RATE, SECONDS_PER_POSITION, TOKENS_PER_SECOND
from ..corpus.manifest import Manifest
from ..errors import LabError, SampleError, TrainingError
from ..languages import language_code
from ..progress import bar

if TYPE_CHECKING:
    import pandas as pd
    from whisper import Whisper
    from whisper.tokenizer import Tokenizer

IGNORE = -100  #: a target that does not count: cross_entropy's own default for ignore_index
PRECISIONS = ("auto", "float32", "bfloat16")

# Clips and their texts ------------------------------------------------------------------------


@dataclass(frozen=True)
class Example:
    """A clip and its text."""

    path: Path  #: a recording of at most 30 s
    text: str  #: what is spoken, written as the model should write it
    name: str  #: unique among the examples
    voice: str = ""  #: who speaks
    sentence: str = ""  #: the same for clips that read the same sentence
    speed: float = 1.0  #: below 1 played slower and deeper, above 1 faster and higher
    language: str = "en"  #: the labels name it where the model knows several languages


def at_speed(examples: Iterable[Example], speed: float) -> tuple[Example, ...]:
    """The same clips played slower or faster: other voices for free (Ko et al., 2015).

    Raises
    ------
    TrainingError
        The speed is not between 0.5 and 2.
    """
    if not 0.5 <= speed <= 2:
        raise TrainingError(f"Expected a speed between 0.5 and 2, found {speed}.")
    return tuple(
        dataclasses.replace(example, name=f"{example.name} x{speed:g}", speed=speed)
        for example in examples
    )


def jargon(kind: str, split: str, *, voice: str | None = None) -> tuple[Example, ...]:
    """The course's own clips for lab 10: sentences with invented names, and general speech.

    Parameters
    ----------
    kind : {"names", "general"}
    split : {"train", "validation", "test"}
        General speech has ``"replay"`` in place of ``"train"``.
    voice : {"heart", "joe"}, optional
        Only this voice. ``joe`` reads no name in training.

    Raises
    ------
    TrainingError
        No such clips, or a file that is not the one the manifest describes.
    """
    found = []
    for clip in _jargon_manifest()["clips"]:
        if (clip["set"], clip["split"]) != (kind, split) or voice not in (None, clip["voice"]):
            continue
        try:
            path = registry.verified(clip, folder=samples.assets_dir() / "jargon")
        except SampleError as error:
            raise TrainingError(str(error)) from error
        found.append(Example(path, clip["text"], path.stem, clip["voice"], clip["sentence"]))
    if not found:
        raise TrainingError(
            "Expected names (train, validation, test) or general (replay, validation, test), "
            f"found {kind!r}, {split!r}, voice {voice!r}."
        )
    return tuple(found)


def jargon_terms() -> tuple[str, ...]:
    """The invented names."""
    return tuple(_jargon_manifest()["terms"])


def _jargon_manifest() -> dict[str, Any]:
    return json.loads((samples.assets_dir() / "jargon" / "manifest.json").read_text("utf-8"))


def sentence_frames(examples: Iterable[Example]) -> list[str]:
    """The sentence of each clip without its invented names: the groups of an interval.

    Clips of one frame share their words, and so their errors: they are not independent.
    """
    names = "|".join(jargon_terms())
    return [re.sub(names, "*", example.text) for example in examples]


def shared_sentences(train: Iterable[Example], test: Iterable[Example]) -> tuple[str, ...]:
    """Texts that are in both: a test on them would measure memory, not skill."""
    known = {metrics.normalize(e.text, language=e.language) for e in train}
    return tuple(e.text for e in test if metrics.normalize(e.text, language=e.language) in known)


def from_manifest(folder: str | os.PathLike, *, split: str | None = None) -> tuple[Example, ...]:
    """The clips of a corpus that lab 08 made, each in its language (none noted: English).

    Clips that a reviewer rejected are left out.

    Parameters
    ----------
    folder : path-like
        The corpus: the folder with ``manifest.csv``.
    split : str, optional
        Only the clips of this split.

    Raises
    ------
    CorpusError
        The manifest is missing or cannot be read.
    """
    manifest = Manifest.load(folder)
    return tuple(
        Example(
            path=manifest.path(clip),
            text=clip.text,
            name=clip.id,
            voice=clip.speaker,
            sentence=clip.id,
            language=clip.language or "en",
        )
        for clip in manifest.kept().clips
        if split in (None, clip.split)
    )


# Labels: what the decoder sees and what it must answer ----------------------------------------


@dataclass(frozen=True)
class Labels:
    """One text as the decoder learns it, a token at each position."""

    #: what the decoder sees: the start sequence, then the text
    inputs: tuple[int, ...]
    #: the token that must come next. -100 inside the start sequence, which the model is given and
    #: never asked for; then the text; then one end token
    targets: tuple[int, ...]

    def table(self, tokenizer: Tokenizer) -> pd.DataFrame:
        """One row for each position: what is seen, what must come next, whether it counts."""
        import pandas as pd

        def written(token: int) -> str:
            return str(token) if token == IGNORE else tokenizer.decode_with_timestamps([token])

        return pd.DataFrame(
            {
                "decoder sees": [written(token) for token in self.inputs],
                "must answer": [written(token) for token in self.targets],
                "counts": ["no" if token == IGNORE else "yes" for token in self.targets],
            }
        )


def tokenizer_of(model: Whisper, *, language: str = "en") -> Tokenizer:
    """The tokenizer that belongs to a model, set to transcribe a language.

    Raises
    ------
    OptionError
        The model does not know the language.
    """
    code = language_code(language, model=model, required=True)
    several = model.is_multilingual
    return get_tokenizer(
        several,
        num_languages=model.num_languages,
        language=code if several else None,
        task="transcribe" if several else None,
    )


def labels(text: str, tokenizer: Tokenizer, *, n_text_ctx: int = 448) -> Labels:
    """Turn a text into what the decoder sees and what it must answer; no timestamps.

    Parameters
    ----------
    text : str
    tokenizer : whisper.tokenizer.Tokenizer
    n_text_ctx : int
        The most positions that the decoder has.

    Raises
    ------
    TrainingError
        The text is empty, too long, or has a special token in it.

    Notes
    -----
    Taught in: notebooks/10_fine_tune.ipynb.
    """
    if not isinstance(text, str) or not text.strip():
        raise TrainingError(
            f"Expected the text of the clip, found {text!r}. A clip without speech teaches "
            "nothing here: leave it out."
        )
    start = tuple(tokenizer.sot_sequence_including_notimestamps)
    try:
        words = tuple(tokenizer.encode(" " + text.strip()))
    except ValueError as error:  # tiktoken's
        special = [token for token in tokenizer.special_tokens if token in text]
        raise TrainingError(
            f"Expected spoken words, found the special token {', '.join(special)} in "
            f"{text[:40]!r}…: take it out of the text."
        ) from error
    if len(start) + len(words) > n_text_ctx:
        raise TrainingError(
            f"Expected at most {n_text_ctx - len(start)} text tokens, found {len(words)} in "
            f"{text[:40]!r}… Cut the clip and its text in two."
        )
    return Labels(start + words, (IGNORE,) * (len(start) - 1) + words + (tokenizer.eot,))


def labels_of(example: Example, model: Whisper) -> Labels:
    """The labels of an example in its language, for one model."""
    tokenizer = tokenizer_of(model, language=example.language)
    return labels(example.text, tokenizer, n_text_ctx=model.dims.n_text_ctx)


def batch(items: Iterable[Labels]) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and targets of one step, each of shape (n_clips, longest), padded on the right.

    Targets are padded with -100, inputs with 0: nothing that counts looks at that token.
    """
    rows = [(torch.tensor(item.inputs), torch.tensor(item.targets)) for item in items]
    inputs, targets = zip(*rows, strict=True)
    return (
        pad_sequence(list(inputs), batch_first=True),
        pad_sequence(list(targets), batch_first=True, padding_value=IGNORE),
    )


# Features: what the frozen encoder heard ------------------------------------------------------


@dataclass(frozen=True)
class Features:
    """Examples and what the encoder heard in them."""

    examples: tuple[Example, ...]
    #: float32, shape (n_clips, n_positions, n_audio_state); 50 positions a second, at most 1500
    audio: torch.Tensor

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, part: slice) -> Features:
        if not isinstance(part, slice):
            raise TrainingError(f"Expected a slice such as features[:10], found [{part!r}].")
        return Features(self.examples[part], self.audio[part])

    def __add__(self, other: Features) -> Features:
        """Both together.

        Raises
        ------
        TrainingError
            They keep windows of different length, or come from encoders of different width.
        """
        (n, width), (other_n, other_width) = self.audio.shape[1:], other.audio.shape[1:]
        if (n, width) != (other_n, other_width):
            raise TrainingError(
                f"Expected features of {n * SECONDS_PER_POSITION:g} s, {width} wide, found "
                f"{other_n * SECONDS_PER_POSITION:g} s, {other_width} wide: encode both with the "
                "same model and the same seconds."
            )
        return Features(self.examples + other.examples, torch.cat([self.audio, other.audio]))

    @property
    def texts(self) -> list[str]:
        """What is spoken in each clip."""
        return [example.text for example in self.examples]


def encode(
    model: Whisper,
    examples: Sequence[Example],
    *,
    seconds: float | None = None,
    precision: str = "auto",
    progress: bool | str = True,
) -> Features:
    """Run the encoder once over every clip, after checking that each can be used.

    Parameters
    ----------
    model : whisper.Whisper
    examples : sequence of Example
    seconds : float, optional
        Keep only this much of each window, from its start; at least the longest clip. Less to keep
        and to attend to makes training faster. The padding is that of ``batches``: shared, nearly
        the same features, five times faster. Default: all 30 s, exact.
    precision : {"auto", "float32", "bfloat16"}
        As in :class:`Config`.
    progress : bool or str
        Show a bar, with this name.

    Returns
    -------
    Features
        On the model's device.

    Raises
    ------
    TrainingError
        No clips; a clip over 30 s or longer than ``seconds``; a text that is empty or has too many
        tokens; a language that the model does not know; a name used twice. The message names the
        clip.

    Notes
    -----
    Taught in: notebooks/10_fine_tune.ipynb.
    """
    check_texts(model, examples)
    n = n_kept(model, seconds)
    kept = torch.empty(len(examples), n, model.dims.n_audio_state, device=model.device)
    with torch.no_grad(), autocast(model, precision), bar(len(examples), progress) as move:
        padding = None if seconds is None else batches.padding_of(model)
        for example, row in zip(examples, kept, strict=True):
            y = waveform(example, seconds=seconds)
            if padding is None:
                mel = log_mel_spectrogram(pad_or_trim(y), model.dims.n_mels, device=model.device)
                row[:] = model.encoder(mel[None])[0]
            else:
                own = batches.encode(model, y, padding)[:n]
                row[: len(own)], row[len(own) :] = own, padding.encoded[len(own) : n]
            move()
    return Features(tuple(examples), kept)


def n_kept(model: Whisper, seconds: float | None) -> int:
    """Encoder positions that cover so many seconds, at most the whole window."""
    whole = model.dims.n_audio_ctx
    return whole if seconds is None else min(math.ceil(seconds * TOKENS_PER_SECOND), whole)


def check_texts(model: Whisper, examples: Sequence[Example]) -> None:
    """Refuse texts that the model cannot learn and names that are not unique; reads no audio."""
    if not len(examples):
        raise TrainingError("Expected at least one clip, found none.")
    seen = set()
    for example in examples:
        if example.name in seen:
            raise TrainingError(f"Expected each name once, found two clips named {example.name!r}.")
        seen.add(example.name)
        try:
            labels_of(example, model)
        except LabError as error:
            raise TrainingError(f"Clip {example.name!r}: {error}") from error


def waveform(example: Example, *, seconds: float | None = None) -> np.ndarray:
    """The clip at its speed and 16 kHz; refused if it is longer than what is kept of a window."""
    try:
        y, sr = audio.load(example.path, sr=SAMPLE_RATE)
    except LabError as error:
        raise TrainingError(f"Clip {example.name!r}: {error}") from error
    if example.speed != 1:
        y = audio.resample(y, sr=round(sr * example.speed), target_sr=sr)
    duration = len(y) / sr
    if duration > CHUNK_LENGTH:
        raise TrainingError(
            f"Clip {example.name!r}: expected at most 30 s, found {duration:.1f} s. Whisper hears "
            "30 s at a time: cut the recording in pauses, as in lab 08."
        )
    if seconds is not None and duration > seconds:
        raise TrainingError(
            f"Clip {example.name!r} lasts {duration:.1f} s, but only {seconds:g} s of each window "
            "are kept: ask for more seconds."
        )
    return y


def autocast(model: Whisper, precision: str) -> torch.autocast:
    """A block in which matrix products run in bfloat16: as told, or on a GPU that has it."""
    if precision not in PRECISIONS:
        raise TrainingError(f"Expected precision to be one of {PRECISIONS}, found {precision!r}.")
    device = model.device.type
    able = device == "cuda" and torch.cuda.is_bf16_supported()
    enabled = able if precision == "auto" else precision == "bfloat16"
    return torch.autocast(device, dtype=torch.bfloat16, enabled=enabled)
