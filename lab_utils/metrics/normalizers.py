"""Rewrite texts so that only the differences that matter are left."""

from __future__ import annotations

import functools
from collections.abc import Callable

from ..errors import MetricsError

NORMALIZERS = ("english", "basic", "none")


@functools.lru_cache(maxsize=4)
def _named_normalizer(name: str) -> Callable[[str], str]:
    if name == "none":
        return lambda text: " ".join(text.split())
    from whisper.normalizers import BasicTextNormalizer, EnglishTextNormalizer

    made = EnglishTextNormalizer() if name == "english" else BasicTextNormalizer()
    return lambda text: made(text).strip()


def normalize(text: str, *, normalizer: str = "english") -> str:
    """Rewrite a text so that only differences that matter are left.

    Parameters
    ----------
    text : str
    normalizer : {"english", "basic", "none"}
        ``english``: whisper's own for English (case, punctuation, "colour"/"color", "twenty"/"20",
        "won't"/"will not", "um"). ``basic``: whisper's own for other languages (case and
        punctuation only). ``none``: white space only.

    Examples
    --------
    >>> normalize("Mr. Smith won't pay twenty pounds, um, today!")
    'mister smith will not pay £20 today'
    """
    if normalizer not in NORMALIZERS:
        raise MetricsError(f"Expected a normalizer out of {NORMALIZERS}, found {normalizer!r}.")
    if not isinstance(text, str):
        raise MetricsError(
            f"Expected a text to score, found {type(text).__name__}. "
            "For a Transcript pass its .text; for many clips use metrics.score."
        )
    return _named_normalizer(normalizer)(text)
