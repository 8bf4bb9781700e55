"""Many clips scored as one result, from which every table and picture is drawn."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import MetricsError
from .alignment import Alignment, Edit, align, distance, error_rate, units
from .normalizers import check_normalizer, normalize, unit_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ClipScore:
    """One clip: its name, both texts as they came, the aligned words and the characters."""

    name: str
    reference: str
    hypothesis: str
    words: Alignment
    character_errors: int
    n_characters: int

    @property
    def wer(self) -> float:
        """Word error rate of this clip, as a fraction."""
        return self.words.wer

    @property
    def cer(self) -> float:
        """Character error rate of this clip, a fraction; the spaces between words count too."""
        return error_rate(self.character_errors, self.n_characters)


@dataclass(frozen=True)
class Score:
    """Many clips scored: every table, number and picture of an evaluation is drawn from this."""

    clips: tuple[ClipScore, ...]
    normalizer: str
    unit: str = "word"  #: what the error rate counts; see :func:`unit_of`

    def _sum(self, name: str) -> int:
        return sum(getattr(clip.words, name) for clip in self.clips)

    @property
    def hits(self) -> int:
        """Words written as said, all clips."""
        return self._sum("hits")

    @property
    def substitutions(self) -> int:
        """Words written wrong."""
        return self._sum("substitutions")

    @property
    def deletions(self) -> int:
        """Words said, not written."""
        return self._sum("deletions")

    @property
    def insertions(self) -> int:
        """Words written, not said."""
        return self._sum("insertions")

    @property
    def errors(self) -> int:
        """S + D + I over all clips."""
        return self._sum("errors")

    @property
    def n_reference(self) -> int:
        """Words said, all clips."""
        return self._sum("n_reference")

    @property
    def wer(self) -> float:
        """Corpus WER: all errors over all words said. Long clips weigh more."""
        return error_rate(self.errors, self.n_reference)

    @property
    def mean_wer(self) -> float:
        """Mean of the clips' WERs: every clip weighs the same, however short."""
        return float(np.mean([clip.wer for clip in self.clips]))

    @property
    def cer(self) -> float:
        """Corpus character error rate, spaces included."""
        errors = sum(clip.character_errors for clip in self.clips)
        return error_rate(errors, sum(clip.n_characters for clip in self.clips))

    def table(self) -> pd.DataFrame:
        """One row for each clip: words said, S, D, I, wer and cer (fractions), both texts."""
        import pandas as pd

        columns = ["words", "S", "D", "I", "wer", "cer", "reference", "hypothesis"]
        rows = []
        for clip in self.clips:
            words = clip.words
            counts = [words.n_reference, words.substitutions, words.deletions, words.insertions]
            rows.append([*counts, clip.wer, clip.cer, clip.reference, clip.hypothesis])
        index = pd.Index([clip.name for clip in self.clips], name="clip")
        return pd.DataFrame(rows, index=index, columns=columns)

    def by(self, labels: Sequence[Hashable]) -> dict[Hashable, Score]:
        """The score of each group of clips, by one label for each clip (its speaker, its noise)."""
        if len(labels) != len(self.clips):
            raise MetricsError(
                f"Expected one label for each of {len(self.clips)} clips, found {len(labels)}."
            )
        groups: dict[Hashable, list[ClipScore]] = {}
        for label, clip in zip(labels, self.clips, strict=True):
            groups.setdefault(label, []).append(clip)
        return {
            label: dataclasses.replace(self, clips=tuple(group)) for label, group in groups.items()
        }

    def confusions(self, n: int = 10) -> list[tuple[Edit, int]]:
        """The most frequent errors and how often each was made."""
        errors = (e for clip in self.clips for e in clip.words.edits if e.kind != "hit")
        return Counter(errors).most_common(n)


def score(
    references: Sequence[str],
    hypotheses: Sequence[str],
    *,
    normalizer: str | None = None,
    language: str | None = None,
    names: Sequence[str] | None = None,
) -> Score:
    """Score many clips.

    Parameters
    ----------
    references, hypotheses : sequence of str
        What was said and what was written. An empty reference is allowed: see :func:`error_rate`.
    normalizer : {"english", "basic", "none"}, optional
        See :func:`normalize`.
    language : str, optional
        Of all clips; see :func:`align`.
    names : sequence of str, optional
        All different. Default: ``"0"``, ``"1"``, …

    Raises
    ------
    MetricsError
        No clips, lengths that differ, a single text in place of a list, doubled names, or the
        English normalizer for another language.

    Notes
    -----
    Taught in: notebooks/09_evaluate.ipynb.
    """
    if isinstance(references, str) or isinstance(hypotheses, str):
        raise MetricsError("Expected lists of texts, found a single text: put it in a list.")
    if not len(references) or len(references) != len(hypotheses):
        raise MetricsError(
            "Expected as many hypotheses as references and at least one of each, "
            f"found {len(references)} references and {len(hypotheses)} hypotheses."
        )
    names = [str(i) for i in range(len(references))] if names is None else list(names)
    if len(set(names)) != len(references):
        raise MetricsError(f"Expected {len(references)} different names, found {len(set(names))}.")
    normalizer, unit = check_normalizer(normalizer, language), unit_of(language)
    clips = []
    for name, said, written in zip(names, references, hypotheses, strict=True):
        words = align(said, written, normalizer=normalizer, language=language)
        letters, found = (
            _letters(normalize(text, normalizer=normalizer, language=language), unit)
            for text in (said, written)
        )
        errors = distance(letters, found)
        clips.append(ClipScore(name, said, written, words, errors, len(letters)))
    return Score(tuple(clips), normalizer, unit)


def _letters(text: str, unit: str) -> str:
    """The characters that count: spaces too, but in a language that has none."""
    return text if unit == "word" else "".join(units(text, unit))
