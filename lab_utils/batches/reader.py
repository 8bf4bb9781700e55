"""A Whisper model made ready to read batches of short clips."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .layers import Decoder, Encoder
from .products import fastest_linear, kernels

if TYPE_CHECKING:
    import torch
    from whisper import Whisper

STEP = 50  #: encoder positions, 1 s; the length of a batch is rounded up to it
LOWEST_LOGPROB, HIGHEST_RATIO = -1.0, 2.4  #: whisper's own thresholds for a text that looks wrong


@dataclass(frozen=True)
class ClipText:
    """What Whisper wrote down for one clip.

    Attributes
    ----------
    text : str
    tokens : tuple of int
    avg_logprob : float
        Mean natural-log probability of the tokens, at most 0.
    compression_ratio : float
        Bytes of text over bytes after zlib; repetition makes it large.
    redone : bool
        The fast path's text looked wrong, and this is the plain path's.
    """

    text: str
    tokens: tuple[int, ...]
    avg_logprob: float
    compression_ratio: float
    redone: bool = False


class Reader:
    """A Whisper model rearranged for batches of short clips: fixed buffers, cross keys once."""

    def __init__(self, model: Whisper, language: str) -> None:
        import torch
        from whisper.audio import mel_filters
        from whisper.decoding import DecodingOptions, DecodingTask

        self.dims, self.language = model.dims, language
        self.options = DecodingOptions(
            language=language, without_timestamps=True, fp16=model.device.type == "cuda"
        )
        task = DecodingTask(model, self.options)
        self.tokenizer = task.tokenizer
        self.prompt = list(task.initial_tokens)
        self.longest = task.sample_len
        self.device = model.device
        self._version = version(model)
        self._model = weakref.ref(model)
        self.suppressed = torch.tensor(task._get_suppress_tokens(), device=self.device)
        blank = [*self.tokenizer.encode(" "), self.tokenizer.eot]
        self.blank = torch.tensor(blank, device=self.device)
        self.window = torch.hann_window(400, device=self.device)
        self.filters = mel_filters(self.device, model.dims.n_mels)
        kind = kernels()[fastest_linear() if self.device.type == "cpu" else "plain"]
        self.encoder = Encoder(model, kind)
        self.decoder = Decoder(model, kind)

    def stale(self, model: Whisper) -> bool:
        """The weights have changed since (fine-tuning), or another model has this id now."""
        return self._model() is not model or self._version != version(model)

    def read(self, waves: list[np.ndarray], *, exact: bool) -> list[ClipText]:
        """Texts of one batch; the last clip is the longest."""
        import torch

        mel = torch.stack([self.mel(y) for y in waves])
        positions = max(len(y) for y in waves) // 320 + 1
        n = self.dims.n_audio_ctx
        shared = n if exact else min(n, -(-positions // STEP) * STEP)
        own, padding = self.encoder(mel, shared)
        decoded = self.decoder.greedy(
            own, padding, self.prompt, self.suppressed, self.blank, self.tokenizer.eot, self.longest
        )
        texts = [self._result(*result) for result in decoded]
        if exact:
            return [text for text, _ in texts]
        return [
            text if good else self._plain(mel[i : i + 1]) for i, (text, good) in enumerate(texts)
        ]

    def mel(self, y: np.ndarray) -> torch.Tensor:
        """Whisper's log-mel of the clip padded to 30 s; only what can hold sound is computed."""
        import torch
        from torch.nn import functional as F

        wave = torch.from_numpy(np.ascontiguousarray(y)).to(self.device)
        total = 2 * self.dims.n_audio_ctx
        n_frames = min(total, -(-(len(wave) + 480) // 160))
        wave = wave[: total * 160]
        stft = torch.stft(
            F.pad(wave, (0, n_frames * 160 - len(wave))) if n_frames < total
            else F.pad(wave, (0, total * 160 - len(wave))),
            400, 160, window=self.window, return_complex=True,
        )[..., :-1]  # fmt: skip
        log = (self.filters @ stft.abs().square()).clamp(min=1e-10).log10()
        out = log.new_full((log.shape[0], total), -10.0)
        out[:, : log.shape[1]] = log
        return (torch.maximum(out, log.max() - 8.0) + 4.0) / 4.0

    def _result(self, tokens: list[int], logprob: float, finished: bool) -> tuple[ClipText, bool]:
        from whisper.utils import compression_ratio

        text = self.tokenizer.decode(tokens).strip()
        ratio = compression_ratio(text) if text else 0.0
        good = bool(text) and finished and logprob >= LOWEST_LOGPROB and ratio <= HIGHEST_RATIO
        return ClipText(text, tuple(tokens), logprob, ratio), good

    def _plain(self, mel: torch.Tensor) -> ClipText:
        """One clip again by ``whisper.decode``."""
        import whisper

        result = whisper.decode(self._model(), mel.to(self.device), self.options)[0]
        return ClipText(
            result.text.strip(),
            tuple(result.tokens),
            float(result.avg_logprob),
            float(result.compression_ratio) if result.text else 0.0,
            redone=True,
        )


def version(model: Whisper) -> tuple:
    return tuple(p._version for p in model.parameters())
