"""The decode explorer: walk through a sentence token by token, and send it elsewhere.

The page (``decode_explorer.js`` and ``.css`` beside this file) shows and plays; the model runs
here, in the kernel.

    from lab_utils.widgets.decode_explorer import explore
    explore(samples.path("en_story_wav"), load_model("tiny.en"))

Taught in: notebooks/03_decode.ipynb.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from .. import audio, decoding
from ..decoding import BeamSearch, Trace, Window
from ..errors import LabError
from ..pictures import levels
from .messages import Answering, script, style

if TYPE_CHECKING:
    from whisper import Whisper

MAX_BEAM = 5
SENT_OPTIONS = ("language", "task", "without_timestamps", "prompt")


class DecodeExplorer(Answering):
    """A window of sound and the decoder's path through it, to walk, hear and change.

    The page and Python set the traits ``step``, ``forced``, ``options`` and ``beam_size``; the last
    three decode anew. ``trace`` is the path that is shown, ``own`` the model's own choice.
    """

    carried = ("sound", "picture")  # bytes; no traits, because traits are saved with the notebook
    _esm = script("decode_explorer")
    _css = style("decode_explorer")

    step = traitlets.Int(0).tag(sync=True)  #: the token that is looked at
    forced = traitlets.List(traitlets.Int()).tag(sync=True)  #: tokens before the model's own choice
    options = traitlets.Dict().tag(sync=True)  #: language, task, without_timestamps, prompt
    beam_size = traitlets.Int(0).tag(sync=True)  #: 0, or the beam whose tree is shown
    status = traitlets.Unicode("").tag(sync=True)
    path = traitlets.Dict().tag(sync=True)
    first_path = traitlets.Dict().tag(sync=True)
    tree = traitlets.Dict().tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)

    def __init__(self, window: Window, **options: Any) -> None:
        self.window = window
        self._decoding_options = dict(options)
        self._taken: list[int] = []  # the forced tokens of the path that is shown
        self.own = self.trace = decoding.trace(window, **options)
        self.sound = audio.encode(window.y, sr=audio.SAMPLE_RATE)
        mel = window.mel[:, : 2 * window.n_positions]
        self.picture = levels(mel, low=mel.min(), high=mel.max()).tobytes()
        super().__init__(
            options={
                "language": self.trace.language,
                "task": options.get("task", "transcribe"),
                "without_timestamps": bool(options.get("without_timestamps", False)),
                "prompt": options.get("prompt") or "",
            },
            path=_path(self.trace),
            first_path=_path(self.trace),
            facts=_facts(window),
        )
        self.observe(self._on_options, "options")
        self.observe(self._on_forced, "forced")
        self.observe(self._on_beam, "beam_size")

    def force(self, step: int, text: str) -> Trace:
        """Take the alternative ``text`` at ``step``, as pressing its bar does.

        Returns
        -------
        Trace
            The new path.

        Raises
        ------
        LabError
            ``text`` is not among the alternatives of that step.
        """
        choices = {a.text: a.token for a in self.trace.steps[step].alternatives}
        if text not in choices:
            raise LabError(f"Expected one of {list(choices)} at step {step}, found {text!r}.")
        self.forced = [*(s.token for s in self.trace.steps[:step]), choices[text]]
        return self.trace

    def reset(self) -> Trace:
        """Back to the model's own choice."""
        self.forced = []
        return self.trace

    def _on_forced(self, change: dict) -> None:
        if list(change["new"]) != self._taken:
            self._decode(forced=list(change["new"]))

    def _on_options(self, change: dict) -> None:
        chosen = {k: change["new"].get(k) for k in SENT_OPTIONS}
        chosen["prompt"] = chosen["prompt"] or None
        self._decoding_options |= chosen
        if self._decode(forced=[]):
            self.own = self.trace
            self.forced = []
            self.first_path = self.path
            self.step = 0
            self.beam_size = 0

    def _decode(self, *, forced: list[int]) -> bool:
        """Follow the new path; what goes wrong is said in the status line."""
        try:
            self.trace = decoding.trace(self.window, forced=forced, **self._decoding_options)
        except LabError as error:
            self.status = str(error)
            return False
        self._taken = list(forced)
        self.path = _path(self.trace)
        self.step = min(max(len(forced) - 1, 0), len(self.trace.steps) - 1)
        self.status = f"Decoded {len(self.trace.steps)} tokens."
        return True

    def _on_beam(self, change: dict) -> None:
        size = min(max(change["new"], 0), MAX_BEAM)
        if size == 0:
            self.tree = {}
            return
        search = decoding.beam_search(self.window, beam_size=size, **self._decoding_options)
        self.tree = _tree(search)
        self.status = f"Beam of {size}: {len(search.nodes)} candidates tried."

    def __repr__(self) -> str:
        return f"[decode explorer: {len(self.trace.steps)} tokens, {self.trace.text!r}]"


def explore(
    recording: str | os.PathLike | np.ndarray, model: Whisper, **options: Any
) -> DecodeExplorer:
    """Open the first 30 seconds of a recording in the explorer.

    Parameters
    ----------
    recording : path-like or np.ndarray
        A file, or a mono waveform at 16 kHz.
    model : whisper.Whisper
    **options
        Those of ``whisper.DecodingOptions``: language, task, without_timestamps, prompt.

    Returns
    -------
    DecodeExplorer
        The last line of a cell shows it.
    """
    return DecodeExplorer(decoding.encode(recording, model), **options)


def _path(trace: Trace) -> dict[str, Any]:
    """A trace as the page needs it: short numbers, spans in seconds, curves in percent."""
    steps = []
    for i, step in enumerate(trace.steps):
        span = decoding.attended(trace, i)
        curve = trace.attention[i].mean(axis=0)
        steps.append(
            {
                "token": step.token,
                "text": step.text,
                "kind": step.kind,
                "probability": round(step.probability, 4),
                "entropy": round(step.entropy, 3),
                "stamps": round(step.timestamp_mass, 4),
                "forced": step.forced,
                "alternatives": [
                    {"token": a.token, "text": a.text, "probability": round(a.probability, 4)}
                    for a in step.alternatives
                ],
                "start": round(span.start, 3),
                "end": round(span.end, 3),
                "curve": np.round(100 * curve / curve.max()).astype(int).tolist(),
            }
        )
    return {
        "start": list(trace.start),
        "steps": steps,
        "text": trace.text,
        "avg_logprob": round(trace.avg_logprob, 3),
        "no_speech_prob": round(trace.no_speech_prob, 3),
    }


def _tree(search: BeamSearch) -> dict[str, Any]:
    won = set(search.best.nodes)
    nodes = [
        {
            "id": n.id,
            "parent": n.parent,
            "step": n.step,
            "text": n.text,
            "score": round(n.score, 2),
            "status": n.status,
            "won": n.id in won,
        }
        for n in search.nodes
    ]
    texts = [{"text": h.text, "score": round(h.rank_score, 3)} for h in search.hypotheses]
    return {"beam_size": search.beam_size, "nodes": nodes, "texts": texts}


def _facts(window: Window) -> dict[str, Any]:
    from whisper.tokenizer import LANGUAGES

    multilingual = window.model.is_multilingual
    codes = list(LANGUAGES)[: window.model.num_languages] if multilingual else ["en"]
    names = sorted([LANGUAGES[c].title(), c] for c in codes)
    return {
        "rows": len(window.mel),
        "seconds": window.n_positions * decoding.SECONDS_PER_POSITION,
        "multilingual": multilingual,
        "languages": names,
        "max_beam": MAX_BEAM,
    }
