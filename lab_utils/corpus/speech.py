"""Where somebody speaks: silero-vad over a stream, many windows in one call.

The packaged model takes one window of 32 ms a call. Only its small recurrent layer needs the
windows in order; the rest is computed here for hundreds of windows at once, with the model's own
weights. The probabilities are the packaged model's (a test compares them), many times sooner.

Taught in: notebooks/08_dataset.ipynb. Source: silero-vad (MIT),
https://github.com/snakers4/silero-vad.
"""

from __future__ import annotations

import array
import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from ..constants import SAMPLE_RATE

if TYPE_CHECKING:
    import torch

WINDOW = 512  #: samples in one decision: 32 ms
CONTEXT = 64  #: samples of the window before that each decision also hears
WINDOWS_AT_ONCE = 512
N_FFT, HOP_LENGTH = 256, 128  #: of the detector's spectrogram
_STRIDES = (1, 2, 2, 1)


@functools.lru_cache(maxsize=1)
def _weights() -> dict[str, torch.Tensor]:
    """The weights of the packaged 16 kHz model; importing it must not change torch's threads.

    Their names are not a public interface: pyproject.toml asks for the exact version.
    """
    import torch

    threads = torch.get_num_threads()
    from silero_vad import load_silero_vad

    try:
        packaged: Any = load_silero_vad()
        state = packaged.state_dict()
    finally:
        torch.set_num_threads(threads)
    return {k.removeprefix("_model."): v for k, v in state.items() if k.startswith("_model.")}


@functools.lru_cache(maxsize=1)
def _recurrent_layer() -> torch.nn.LSTM:
    import torch

    weights = _weights()
    layer = torch.nn.LSTM(128, 128)
    with torch.no_grad():
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(layer, f"{name}_l0").copy_(weights[f"decoder.rnn.{name}"])
    return layer.eval()


class SpeechDetector:
    """Speech probability of each 32 ms of a stream at 16 kHz.

    Examples
    --------
    >>> detector = SpeechDetector()
    >>> detector.feed(np.zeros(16_000, np.float32))
    >>> detector.finish().shape
    (32,)
    """

    def __init__(self) -> None:
        self._state = None
        self._context = np.zeros(CONTEXT, np.float32)
        self._rest = np.zeros(0, np.float32)
        self._found = array.array("f")  # small tensors kept would pin the memory between them

    def feed(self, y: np.ndarray) -> None:
        """Take the next samples, float32 mono at 16 kHz."""
        y = np.concatenate([self._rest, y])
        whole = WINDOW * WINDOWS_AT_ONCE
        n = len(y) // whole * whole
        for start in range(0, n, whole):
            self._detect(y[start : start + whole])
        self._rest = y[n:]

    def finish(self) -> np.ndarray:
        """All probabilities, float32, shape (n_windows,); the last window is padded with zeros."""
        if len(self._rest):
            self._detect(np.pad(self._rest, (0, -len(self._rest) % WINDOW)))
            self._rest = self._rest[:0]
        return np.array(self._found, np.float32)

    def _detect(self, y: np.ndarray) -> None:
        import torch
        from torch.nn import functional as F

        weights = _weights()
        windows = y.reshape(-1, WINDOW)
        before = np.concatenate([self._context[None], windows[:-1, -CONTEXT:]])
        self._context = windows[-1, -CONTEXT:].copy()
        with torch.inference_mode():
            x = torch.from_numpy(np.concatenate([before, windows], axis=1))[:, None]
            x = F.pad(x, (0, CONTEXT), mode="reflect")[:, 0].unfold(1, N_FFT, HOP_LENGTH)
            # the packaged model's filters are a windowed Fourier transform, made sooner as one
            x = torch.fft.rfft(x * weights["stft.forward_basis_buffer"][0, 0]).abs()
            x = x.transpose(1, 2)  # (n_windows, 129 bands, 4 frames)
            for i, stride in enumerate(_STRIDES):
                kernel = weights[f"encoder.{i}.reparam_conv.weight"]
                bias = weights[f"encoder.{i}.reparam_conv.bias"]
                x = F.relu(F.conv1d(x, kernel, bias, stride=stride, padding=1))
            x, self._state = _recurrent_layer()(x[:, :, :1].permute(0, 2, 1), self._state)
            x = F.relu(x[:, 0]) @ weights["decoder.decoder.2.weight"][0, :, 0]
            x = torch.sigmoid(x + weights["decoder.decoder.2.bias"])
            self._found.frombytes(x.numpy().tobytes())


def speech_probabilities(y: np.ndarray, *, sr: int) -> np.ndarray:
    """Speech probability of each 32 ms of a whole waveform: float32, shape (n_windows,), 0 to 1.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb.
    """
    from .. import audio

    audio.check(y)
    detector = SpeechDetector()
    if sr != SAMPLE_RATE:
        y = audio.resample(y, sr=sr, target_sr=SAMPLE_RATE)
    detector.feed(y.astype(np.float32, copy=False))
    return detector.finish()
