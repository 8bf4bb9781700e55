"""What the decoder is shown and what it must answer, token by token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import TrainingError
from ..languages import language_code

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from whisper import Whisper
    from whisper.tokenizer import Tokenizer

    from .examples import Example

IGNORE = -100  #: a target that does not count: cross_entropy's own default for ignore_index


@dataclass(frozen=True)
class Labels:
    """One text as the decoder learns it.

    Attributes
    ----------
    inputs : tuple of int, length n_tokens
        What the decoder sees: the start sequence, then the text.
    targets : tuple of int, length n_tokens
        What it must answer at each position: the next token. -100 inside the start sequence, which
        is given to the model and never asked of it; then the text; then one end token.
    """

    inputs: tuple[int, ...]
    targets: tuple[int, ...]

    def table(self, tokenizer: Tokenizer) -> pd.DataFrame:
        """One row a position: what is seen, what must come next, whether it counts."""
        import pandas as pd

        rows = [
            (tokenizer.decode_with_timestamps([x]), tokenizer.decode_with_timestamps([y]), "yes")
            if y != IGNORE
            else (tokenizer.decode_with_timestamps([x]), str(IGNORE), "no")
            for x, y in zip(self.inputs, self.targets, strict=True)
        ]
        return pd.DataFrame(rows, columns=["decoder sees", "must answer", "counts"])


def tokenizer_of(model: Whisper, *, language: str = "en") -> Tokenizer:
    """The tokenizer that belongs to a model, set to transcribe ``language``.

    Raises
    ------
    OptionError
        The model does not know the language.
    """
    language = language_code(language, model=model, required=True)
    from whisper.tokenizer import get_tokenizer

    return get_tokenizer(
        model.is_multilingual,
        num_languages=model.num_languages,
        language=language if model.is_multilingual else None,
        task="transcribe" if model.is_multilingual else None,
    )


def start_tokens(tokenizer: Tokenizer) -> tuple[int, ...]:
    """The start sequence without timestamps: start of transcript (and language, task), no times."""
    return tuple(tokenizer.sot_sequence_including_notimestamps)


def labels(text: str, tokenizer: Tokenizer, *, n_text_ctx: int = 448) -> Labels:
    """Turn a text into what the decoder sees and what it must answer.

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
    start = start_tokens(tokenizer)
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
    """The :func:`labels` of an example in its language, for one model."""
    tokenizer = tokenizer_of(model, language=example.language)
    return labels(example.text, tokenizer, n_text_ctx=model.dims.n_text_ctx)


def batch(items: list[Labels], *, padding: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Labels of one step as two tensors of shape (n_clips, longest), padded on the right.

    Inputs are padded with ``padding`` (any token: nothing that counts looks at it), targets with
    -100.
    """
    import torch

    longest = max(len(item.inputs) for item in items)
    inputs = torch.full((len(items), longest), padding)
    targets = torch.full((len(items), longest), IGNORE)
    for row, item in enumerate(items):
        inputs[row, : len(item.inputs)] = torch.tensor(item.inputs)
        targets[row, : len(item.targets)] = torch.tensor(item.targets)
    return inputs, targets
