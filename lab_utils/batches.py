"""Many short clips through Whisper at once: shared padding.

Whisper always encodes 30 seconds; of a clip of 3 seconds, nine tenths are padding. The padding of
all clips sounds the same, so it is encoded once for a batch: the longest clip goes through the
whole encoder, the others compute their own first positions only and attend to that clip's padding.
The decoder does likewise. This is an approximation (a few texts in a hundred change, in both
directions); ``exact=True`` switches it off, and a text that looks wrong is done again plainly.

Cutting the padding off instead of sharing it ruins the text: the model reads from the padding where
the speech ends.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import functools
import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import audio
from .errors import TranscriptError
from .models import load_model

if TYPE_CHECKING:
    import torch
    from whisper import Whisper

BATCH_SIZE = 16
SECONDS = 30.0  #: the longest clip
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


def transcribe_clips(
    clips: Sequence[str | os.PathLike | np.ndarray],
    model: Whisper | str = "base",
    *,
    language: str = "en",
    batch_size: int = BATCH_SIZE,
    exact: bool = False,
    on_batch: Callable[[int], None] | None = None,
) -> list[ClipText]:
    """Transcribe clips of at most 30 seconds, greedy and without timestamps.

    Parameters
    ----------
    clips : sequence of path-like or np.ndarray
        Files, or mono float32 waveforms at 16 kHz.
    model : whisper.Whisper or str
        A model, or the name of one.
    language : str
        Code of the language that all clips are in.
    batch_size : int
        Clips at once. They are sorted by length first; 16 is a good number on two cores.
    exact : bool
        Give every clip its own 30 seconds, as ``whisper.decode`` does: slower.
    on_batch : callable, optional
        Called with the number of clips done after each batch.

    Returns
    -------
    list of ClipText
        In the order of ``clips``. The same clips give the same texts in any order.

    Raises
    ------
    AudioError
        A clip cannot be read or is no waveform.
    TranscriptError
        A clip is longer than 30 seconds, or the model does not know the language.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb. How the idea was measured: benchmarks/label_clips.py.
    """
    if batch_size < 1:
        raise TranscriptError(f"Expected a batch of at least 1 clip, found {batch_size}.")
    results: list[ClipText | None] = [None] * len(clips)
    done = 0
    for indices, texts in transcribe_batches(
        clips, model, language=language, batch_size=batch_size, exact=exact
    ):
        for i, text in zip(indices, texts, strict=True):
            results[i] = text
        done += len(indices)
        if on_batch:
            on_batch(done)
    return results


def plan(durations: Sequence[float], *, batch_size: int = BATCH_SIZE) -> list[list[int]]:
    """Which clips go together: sorted by length, so that a batch wastes little.

    Parameters
    ----------
    durations : sequence of float
        Of each clip, in any unit.
    """
    order = sorted(range(len(durations)), key=lambda i: (durations[i], i))
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


def transcribe_batches(
    clips: Sequence[str | os.PathLike | np.ndarray],
    model: Whisper | str = "base",
    *,
    language: str = "en",
    batch_size: int = BATCH_SIZE,
    exact: bool = False,
) -> Iterator[tuple[list[int], list[ClipText]]]:
    """Like :func:`transcribe_clips`, but hand out each batch (indices, texts) when it is done."""
    import torch

    if isinstance(model, str):
        model = load_model(model)
    reader = _reader(model, _language(model, language))
    for indices in plan([_duration(clip) for clip in clips], batch_size=batch_size):
        waves = [_read(clips[i]) for i in indices]
        with torch.inference_mode():
            yield indices, reader.read(waves, exact=exact)


def _language(model: Whisper, language: str) -> str:
    from whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE

    code = language.lower()
    code = TO_LANGUAGE_CODE.get(code, code)
    known = LANGUAGES if model.is_multilingual else {"en": "english"}
    if code not in known:
        raise TranscriptError(
            f"Expected a language that the model knows, such as 'en', found {language!r}."
        )
    return code


def _duration(clip: str | os.PathLike | np.ndarray) -> float:
    if isinstance(clip, np.ndarray):
        seconds = len(audio.check(clip)) / audio.SAMPLE_RATE
    else:
        import soundfile

        try:
            seconds = soundfile.info(str(clip)).duration
        except soundfile.SoundFileError:
            y, sr = audio.load(clip)
            seconds = len(y) / sr
    if seconds > SECONDS + 1e-6:
        raise TranscriptError(
            f"Expected clips of at most 30 s, found one of {seconds:.1f} s: split it first, or use "
            "transcripts.transcribe, which takes any length."
        )
    return seconds


def _read(clip: str | os.PathLike | np.ndarray) -> np.ndarray:
    if isinstance(clip, np.ndarray):
        return clip.astype(np.float32, copy=False)
    return audio.load(clip, sr=audio.SAMPLE_RATE)[0]


_READERS: dict[tuple[int, str], _Reader] = {}


def _reader(model: Whisper, language: str) -> _Reader:
    """The fast reader of a model, made once; it goes when the model goes."""
    key = (id(model), language)
    if key not in _READERS or _READERS[key].stale(model):
        _READERS[key] = _Reader(model, language)
        weakref.finalize(model, _READERS.pop, key, None)
    return _READERS[key]


def _linear_kernels() -> dict[str, type]:
    return {"plain": _Linear, "onednn": _PackedLinear}


class _Linear:
    """``x @ weight.T + bias`` with torch's own matrix product."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, rows: int) -> None:
        self.weight, self.bias = weight.detach(), None if bias is None else bias.detach()

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional as F

        return F.linear(x, self.weight, self.bias)


class _PackedLinear(_Linear):
    """The same through oneDNN with the weights packed beforehand, as torch.compile would do it."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, rows: int) -> None:
        import torch

        super().__init__(weight, bias, rows)
        self.weight = torch.ops.mkldnn._reorder_linear_weight(self.weight.contiguous(), rows)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        import torch

        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")


@functools.lru_cache(maxsize=1)
def fastest_linear() -> str:
    """``"onednn"`` where its packed product is right and clearly faster than torch's, else "plain".

    On some processors torch's default product runs at half of oneDNN's rate; on others they are
    alike. Both are float32. Decided once, by timing a product of the size that Whisper base has.
    """
    import time

    import torch

    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(2048, 512, generator=generator)
    x = torch.randn(1500, 512, generator=generator)
    times = {"plain": [], "onednn": []}
    try:
        made = {name: kind(weight, None, 1500) for name, kind in _linear_kernels().items()}
        if not torch.allclose(made["plain"](x), made["onednn"](x), rtol=1e-3, atol=1e-2):
            return "plain"
        for _ in range(4):
            for name, product in made.items():
                begin = time.perf_counter()
                product(x)
                times[name].append(time.perf_counter() - begin)
    except (AttributeError, RuntimeError):  # a build of torch without oneDNN
        return "plain"
    return "onednn" if min(times["onednn"]) < 0.85 * min(times["plain"]) else "plain"


class _Reader:
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
        self._version = _version(model)
        self._model = weakref.ref(model)
        self.suppressed = torch.tensor(task._get_suppress_tokens(), device=self.device)
        blank = [*self.tokenizer.encode(" "), self.tokenizer.eot]
        self.blank = torch.tensor(blank, device=self.device)
        self.window = torch.hann_window(400, device=self.device)
        self.filters = mel_filters(self.device, model.dims.n_mels)
        kind = _linear_kernels()[fastest_linear() if self.device.type == "cpu" else "plain"]
        self.encoder = _Encoder(model, kind)
        self.decoder = _Decoder(model, kind)

    def stale(self, model: Whisper) -> bool:
        """The weights have changed since (fine-tuning), or another model has this id now."""
        return self._model() is not model or self._version != _version(model)

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


def _version(model: Whisper) -> tuple:
    return tuple(p._version for p in model.parameters())


def _fused(attention, names: Sequence[str], kind: type, rows: int):
    """Several projections of an attention layer as one product; whisper's key has no bias."""
    import torch

    layers = [getattr(attention, name) for name in names]
    weight = torch.cat([layer.weight for layer in layers])
    zeros = torch.zeros_like(layers[0].weight[:, 0])
    bias = torch.cat([zeros if layer.bias is None else layer.bias for layer in layers])
    return kind(weight, bias, rows)


def _linear(layer, kind: type, rows: int):
    return kind(layer.weight, layer.bias, rows)


def _heads(x: torch.Tensor, n_head: int) -> torch.Tensor:
    """(batch, n, width) -> (batch, n_head, n, width / n_head)"""
    return x.view(*x.shape[:2], n_head, -1).transpose(1, 2)


class _Encoder:
    """Whisper's encoder; all clips but the longest borrow that clip's padding."""

    def __init__(self, model: Whisper, kind: type) -> None:
        encoder, rows = model.encoder, model.dims.n_audio_ctx
        self.n_head, self.n = model.dims.n_audio_head, rows
        self.convolutions = encoder.conv1, encoder.conv2
        self.positions, self.norm = encoder.positional_embedding, encoder.ln_post
        self.layers = [
            {
                "norm1": block.attn_ln,
                "norm2": block.mlp_ln,
                "qkv": _fused(block.attn, ("query", "key", "value"), kind, rows),
                "out": _linear(block.attn.out, kind, rows),
                "up": _linear(block.mlp[0], kind, rows),
                "down": _linear(block.mlp[2], kind, rows),
            }
            for block in encoder.blocks
        ]

    def __call__(self, mel: torch.Tensor, shared: int):
        """Encode a batch whose last clip is the longest.

        Parameters
        ----------
        mel : torch.Tensor, shape (batch, n_mels, 3000)
        shared : int
            Positions that every clip computes itself; all speech lies within. 1500: nothing shared.

        Returns
        -------
        own : torch.Tensor, shape (batch, shared, width)
        padding : torch.Tensor or None, shape (1, 1500 - shared, width)
        """
        import torch

        if shared >= self.n:
            return self._plain(self._front(mel, self.n)), None
        whole, short = self._front(mel[-1:], self.n), self._front(mel[:-1], shared)
        for layer in self.layers:
            q, k, v = self._qkv(layer, whole)
            if len(short):
                q2, k2, v2 = self._qkv(layer, short)
                borrowed_k = k[:, :, shared:].expand(len(short), -1, -1, -1)
                borrowed_v = v[:, :, shared:].expand(len(short), -1, -1, -1)
                k2, v2 = torch.cat([k2, borrowed_k], 2), torch.cat([v2, borrowed_v], 2)
                short = self._rest(layer, short, q2, k2, v2)
            whole = self._rest(layer, whole, q, k, v)
        whole = self.norm(whole)
        own = torch.cat([self.norm(short), whole[:, :shared]]) if len(short) else whole[:, :shared]
        return own.contiguous(), whole[:, shared:]

    def _front(self, mel: torch.Tensor, n: int) -> torch.Tensor:
        from torch.nn import functional as F

        first, second = self.convolutions
        x = mel[..., : min(mel.shape[-1], 2 * n + 4)]
        x = F.gelu(second(F.gelu(first(x)))).transpose(1, 2)[:, :n]
        return (x + self.positions[:n]).contiguous()

    def _qkv(self, layer: dict, x: torch.Tensor):
        return (_heads(t, self.n_head) for t in layer["qkv"](layer["norm1"](x)).chunk(3, -1))

    def _rest(self, layer: dict, x: torch.Tensor, q, k, v) -> torch.Tensor:
        from torch.nn import functional as F

        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + layer["out"](attended)
        return x + layer["down"](F.gelu(layer["up"](layer["norm2"](x))))

    def _plain(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = self._rest(layer, x, *self._qkv(layer, x))
        return self.norm(x)


class _Decoder:
    """Whisper's decoder, greedy, for a batch; clips leave it as they end."""

    def __init__(self, model: Whisper, kind: type) -> None:
        decoder, rows = model.decoder, 8
        self.n_head = model.dims.n_text_head
        self.embedding = decoder.token_embedding.weight.detach()
        self.positions, self.norm = decoder.positional_embedding.detach(), decoder.ln
        self.vocabulary = kind(self.embedding, None, rows)
        self.layers = [
            {
                "norm1": block.attn_ln,
                "norm2": block.cross_attn_ln,
                "norm3": block.mlp_ln,
                "qkv": _fused(block.attn, ("query", "key", "value"), kind, rows),
                "out": _linear(block.attn.out, kind, rows),
                "cross_q": _linear(block.cross_attn.query, kind, rows),
                "cross_kv": _fused(block.cross_attn, ("key", "value"), kind, 1500),
                "cross_out": _linear(block.cross_attn.out, kind, rows),
                "up": _linear(block.mlp[0], kind, rows),
                "down": _linear(block.mlp[2], kind, rows),
            }
            for block in decoder.blocks
        ]

    def greedy(self, own, padding, prompt, suppressed, blank, eot: int, longest: int):
        """Write tokens until every clip has ended.

        Parameters
        ----------
        own, padding : torch.Tensor
            From :class:`_Encoder`.
        prompt : list of int
        suppressed, blank : torch.Tensor of int
            Tokens never written, and never written first.
        eot, longest : int
            The token that ends a text, and the most tokens of one.

        Returns
        -------
        list of (tokens, avg_logprob, finished)
        """
        import torch

        batch = len(own)
        memory = _Memory(self, own, padding, len(prompt) + longest)
        tokens: list[list[int]] = [[] for _ in range(batch)]
        logprobs, finished = [0.0] * batch, [False] * batch
        alive = list(range(batch))
        x = torch.tensor([prompt] * batch, device=own.device)
        for step in range(longest):
            logits = self._step(x, memory)
            if step == 0:
                logits[:, blank] = -torch.inf
            logits[:, suppressed] = -torch.inf
            chosen = logits.argmax(-1)
            gained = logits.gather(1, chosen[:, None])[:, 0] - logits.logsumexp(-1)
            ended = chosen == eot
            for clip, token, gain in zip(alive, chosen.tolist(), gained.tolist(), strict=True):
                logprobs[clip] += gain
                if token == eot:
                    finished[clip] = True
                else:
                    tokens[clip].append(token)
            if ended.any():
                keep = (~ended).nonzero()[:, 0]
                alive = [alive[i] for i in keep.tolist()]
                if not alive:
                    break
                chosen = chosen[keep]
                memory.keep(keep)
            x = chosen[:, None]
        return [
            (t, p / (len(t) + 1), f) for t, p, f in zip(tokens, logprobs, finished, strict=True)
        ]

    def _step(self, tokens: torch.Tensor, memory: _Memory) -> torch.Tensor:
        """Logits of the next token, float32, shape (batch, n_vocab)."""
        from torch.nn import functional as F

        n, start = tokens.shape[1], memory.n_tokens
        x = F.embedding(tokens, self.embedding) + self.positions[start : start + n]
        for i, layer in enumerate(self.layers):
            q, k, v = (_heads(t, self.n_head) for t in layer["qkv"](layer["norm1"](x)).chunk(3, -1))
            k, v = memory.remember(i, k, v)
            attended = F.scaled_dot_product_attention(q, k, v, is_causal=n > 1)
            x = x + layer["out"](attended.transpose(1, 2).flatten(2))
            q = _heads(layer["cross_q"](layer["norm2"](x)), self.n_head)
            x = x + layer["cross_out"](memory.attend(i, q).transpose(1, 2).flatten(2))
            x = x + layer["down"](F.gelu(layer["up"](layer["norm3"](x))))
        memory.n_tokens += n
        return self.vocabulary(self.norm(x[:, -1])).float()


class _Memory:
    """Keys and values of a decoding: the tokens so far, each clip's sound, the shared padding."""

    def __init__(self, decoder: _Decoder, own, padding, n_tokens: int) -> None:
        batch, _, width = own.shape
        n_head = decoder.n_head
        self.n_head, self.scale, self.n_tokens = n_head, (width // n_head) ** -0.5, 0
        shape = (batch, n_head, n_tokens, width // n_head)
        self.token_k = [own.new_empty(shape) for _ in decoder.layers]
        self.token_v = [own.new_empty(shape) for _ in decoder.layers]
        sound = [self._project(layer, own) for layer in decoder.layers]
        self.sound_k = [k.transpose(2, 3).contiguous() for k, _ in sound]
        self.sound_v = [v for _, v in sound]
        self.padding = None
        if padding is not None:
            shared = [self._project(layer, padding) for layer in decoder.layers]
            self.padding = [(k[0].transpose(1, 2).contiguous(), v[0]) for k, v in shared]

    def _project(self, layer: dict, x: torch.Tensor):
        k, v = layer["cross_kv"](x.contiguous()).chunk(2, -1)
        return _heads(k, self.n_head).contiguous(), _heads(v, self.n_head).contiguous()

    def remember(self, i: int, k: torch.Tensor, v: torch.Tensor):
        """Store the keys and values of new tokens; returns those of all tokens of layer ``i``."""
        a, b = self.n_tokens, self.n_tokens + k.shape[2]
        self.token_k[i][:, :, a:b], self.token_v[i][:, :, a:b] = k, v
        return self.token_k[i][:, :, :b], self.token_v[i][:, :, :b]

    def attend(self, i: int, q: torch.Tensor) -> torch.Tensor:
        """Cross-attention: own positions, and the padding read once for the whole batch."""
        import torch

        q = q * self.scale
        scores = torch.matmul(q, self.sound_k[i])
        if self.padding is None:
            return torch.matmul(torch.softmax(scores, -1), self.sound_v[i])
        padding_k, padding_v = self.padding[i]
        batch, n_head, n, width = q.shape
        together = q.transpose(0, 1).reshape(n_head, batch * n, width)
        shared = torch.matmul(together, padding_k).view(n_head, batch, n, -1).transpose(0, 1)
        n_own = scores.shape[-1]
        weights = torch.softmax(torch.cat([scores, shared], -1), -1)
        own = torch.matmul(weights[..., :n_own], self.sound_v[i])
        rest = weights[..., n_own:].transpose(0, 1).reshape(n_head, batch * n, -1)
        rest = torch.matmul(rest, padding_v).view(n_head, batch, n, width).transpose(0, 1)
        return own + rest

    def keep(self, rows: torch.Tensor) -> None:
        """Forget the clips that have ended."""
        for store in (self.token_k, self.token_v, self.sound_k, self.sound_v):
            for i, tensor in enumerate(store):
                store[i] = tensor[rows]
