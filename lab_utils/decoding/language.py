"""Which language does Whisper hear, how sure is it, and where does that change?"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .. import audio, batches
from ..constants import CHUNK_LENGTH, SAMPLE_RATE
from ..errors import DecodingError
from ..languages import language_name
from .window import Window

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from whisper import Whisper


@dataclass(frozen=True)
class LanguageGuess:
    """The distribution over all languages that a model knows, likeliest first."""

    probs: dict[str, float] = field(repr=False)  #: code → probability; they sum to 1

    @property
    def code(self) -> str:
        """The likeliest language."""
        return next(iter(self.probs))

    @property
    def name(self) -> str:
        """Its English name."""
        return language_name(self.code)

    @property
    def probability(self) -> float:
        """The probability of the likeliest language, in [0, 1]."""
        return self.probs[self.code]

    @property
    def margin(self) -> float:
        """How far it is ahead of the second, in [0, 1]."""
        first, second = list(self.probs.values())[:2]
        return first - second

    @property
    def entropy(self) -> float:
        """Doubt in bits: 0 certainty, 1 the toss of a coin, 6.6 all 99 languages alike."""
        return entropy_bits(np.array(list(self.probs.values())))

    def table(self, n: int = 5) -> pd.DataFrame:
        """The ``n`` likeliest: code, language, probability."""
        import pandas as pd

        rows = [[code, language_name(code), p] for code, p in list(self.probs.items())[:n]]
        return pd.DataFrame(rows, columns=["code", "language", "probability"])


@dataclass(frozen=True, eq=False)
class LanguageTrack:
    """Language over time: one distribution for every place of a sliding window."""

    starts: np.ndarray  #: seconds, shape (n_windows,)
    width: float  #: length of the window in seconds
    guesses: tuple[LanguageGuess, ...] = field(repr=False)

    @property
    def centres(self) -> np.ndarray:
        """Middle of each window, in seconds."""
        return self.starts + self.width / 2

    @property
    def entropy(self) -> np.ndarray:
        """Doubt of each window in bits, shape (n_windows,)."""
        return np.array([guess.entropy for guess in self.guesses])

    def probability(self, code: str) -> np.ndarray:
        """Probability of one language over time, shape (n_windows,)."""
        return np.array([guess.probs[code] for guess in self.guesses])

    def top(self, n: int = 4) -> tuple[str, ...]:
        """The ``n`` languages with the highest probability anywhere."""
        highest = {c: max(g.probs[c] for g in self.guesses) for c in self.guesses[0].probs}
        return tuple(sorted(highest, key=highest.__getitem__, reverse=True)[:n])

    def switch(self) -> float | None:
        """When the language changes for the first time: midway between two centres, in seconds."""
        for i, (one, other) in enumerate(itertools.pairwise(self.guesses)):
            if one.code != other.code:
                return float(self.centres[i] + self.centres[i + 1]) / 2
        return None


def entropy_bits(p: np.ndarray) -> float:
    """Shannon entropy of a distribution in bits."""
    p = p[p > 0]
    return float(-(p * np.log2(p)).sum()) + 0.0


def detect(window: Window) -> LanguageGuess:
    """Read the language distribution: one decoder step after ``<|startoftranscript|>``.

    The numbers are those of ``model.detect_language``: tests/test_decoding.py.

    Raises
    ------
    DecodingError
        The model knows only English.

    Notes
    -----
    Taught in: notebooks/04_language.ipynb.
    """
    return _guess(window.audio_features, window.model)


def _guess(audio_features: torch.Tensor, model: Whisper) -> LanguageGuess:
    import torch
    from whisper.tokenizer import get_tokenizer

    if not model.is_multilingual:
        raise DecodingError(
            "Expected a multilingual model, found one that knows only English: it has no language "
            "tokens to choose from. Load one without '.en' in its name, such as 'base'."
        )
    tokenizer = get_tokenizer(True, num_languages=model.num_languages)
    with torch.no_grad():
        start = torch.tensor([[tokenizer.sot]], device=model.device)
        logits = model.logits(start, audio_features.unsqueeze(0))[0, 0]
    languages_only = logits[list(tokenizer.all_language_tokens)].float().softmax(-1).tolist()
    pairs = zip(tokenizer.all_language_codes, languages_only, strict=True)
    return LanguageGuess(dict(sorted(pairs, key=lambda pair: pair[1], reverse=True)))


def detect_over_time(
    y: np.ndarray, model: Whisper, *, sr: int, width: float = 5.0, hop: float = 1.0
) -> LanguageTrack:
    """Slide a window along a recording and detect the language at each place.

    The padding of all windows is encoded once (:mod:`lab_utils.batches`), which is three times as
    fast for windows of 5 s; probabilities differ a little from those of :func:`detect`.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
    model : whisper.Whisper
        Multilingual.
    sr : int
        Hz.
    width, hop : float
        Length of the window, at most 30, and its step, both in seconds.

    Raises
    ------
    DecodingError
        A width or hop that makes no sense, or a model that knows only English.
    """
    if not 0 < width <= CHUNK_LENGTH or hop <= 0:
        raise DecodingError(
            f"Expected a width between 0 and 30 s and a hop above 0 s, found {width} and {hop}."
        )
    import torch

    audio.check(y)
    if sr != SAMPLE_RATE:
        y = audio.resample(y, sr=sr, target_sr=SAMPLE_RATE)
    starts = np.arange(0, max(len(y) / SAMPLE_RATE - width, 0) + 1e-9, hop)
    n, padding, guesses = round(width * SAMPLE_RATE), batches.padding_of(model), []
    for first in (round(start * SAMPLE_RATE) for start in starts):
        with torch.no_grad():
            own = batches.encode(model, y[first : first + n], padding)
        whole = torch.cat([own, padding.encoded[len(own) :]])
        guesses.append(_guess(whole, model))
    return LanguageTrack(starts, width, tuple(guesses))
