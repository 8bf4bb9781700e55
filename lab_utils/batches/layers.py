"""Whisper's encoder and decoder, rearranged so that a batch of short clips shares its padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .products import fused, linear

if TYPE_CHECKING:
    import torch
    from whisper import Whisper


def heads(x: torch.Tensor, n_head: int) -> torch.Tensor:
    """(batch, n, width) -> (batch, n_head, n, width / n_head)"""
    return x.view(*x.shape[:2], n_head, -1).transpose(1, 2)


class Encoder:
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
                "qkv": fused(block.attn, ("query", "key", "value"), kind, rows),
                "out": linear(block.attn.out, kind, rows),
                "up": linear(block.mlp[0], kind, rows),
                "down": linear(block.mlp[2], kind, rows),
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
        return (heads(t, self.n_head) for t in layer["qkv"](layer["norm1"](x)).chunk(3, -1))

    def _rest(self, layer: dict, x: torch.Tensor, q, k, v) -> torch.Tensor:
        from torch.nn import functional as F

        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + layer["out"](attended)
        return x + layer["down"](F.gelu(layer["up"](layer["norm2"](x))))

    def _plain(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = self._rest(layer, x, *self._qkv(layer, x))
        return self.norm(x)


class Decoder:
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
                "qkv": fused(block.attn, ("query", "key", "value"), kind, rows),
                "out": linear(block.attn.out, kind, rows),
                "cross_q": linear(block.cross_attn.query, kind, rows),
                "cross_kv": fused(block.cross_attn, ("key", "value"), kind, 1500),
                "cross_out": linear(block.cross_attn.out, kind, rows),
                "up": linear(block.mlp[0], kind, rows),
                "down": linear(block.mlp[2], kind, rows),
            }
            for block in decoder.blocks
        ]

    def greedy(self, own, padding, prompt, suppressed, blank, eot: int, longest: int):
        """Write tokens until every clip has ended.

        Parameters
        ----------
        own, padding : torch.Tensor
            From :class:`Encoder`.
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
        memory = Memory(self, own, padding, len(prompt) + longest)
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

    def _step(self, tokens: torch.Tensor, memory: Memory) -> torch.Tensor:
        """Logits of the next token, float32, shape (batch, n_vocab)."""
        from torch.nn import functional as F

        n, start = tokens.shape[1], memory.n_tokens
        x = F.embedding(tokens, self.embedding) + self.positions[start : start + n]
        for i, layer in enumerate(self.layers):
            q, k, v = (heads(t, self.n_head) for t in layer["qkv"](layer["norm1"](x)).chunk(3, -1))
            k, v = memory.remember(i, k, v)
            attended = F.scaled_dot_product_attention(q, k, v, is_causal=n > 1)
            x = x + layer["out"](attended.transpose(1, 2).flatten(2))
            q = heads(layer["cross_q"](layer["norm2"](x)), self.n_head)
            x = x + layer["cross_out"](memory.attend(i, q).transpose(1, 2).flatten(2))
            x = x + layer["down"](F.gelu(layer["up"](layer["norm3"](x))))
        memory.n_tokens += n
        return self.vocabulary(self.norm(x[:, -1])).float()


class Memory:
    """Keys and values of a decoding: the tokens so far, each clip's sound, the shared padding."""

    def __init__(self, decoder: Decoder, own, padding, n_tokens: int) -> None:
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
        return heads(k, self.n_head).contiguous(), heads(v, self.n_head).contiguous()

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
