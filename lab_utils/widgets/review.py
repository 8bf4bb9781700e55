"""Review the clips of a corpus in the page: hear, correct, accept or reject, by keyboard.

What is decided, and how it is kept, is in :mod:`lab_utils.corpus.review`. Sound and texts come by
message, so that no saved notebook holds any.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from .. import audio
from ..corpus.manifest import Clip, Manifest
from ..corpus.review import Review, difference
from ..corpus.rules import WHISPER, Contract
from ..errors import LabError
from ..languages import UNKNOWN, known_code
from .messages import Answering, script, style
from .player import Player, playable


class Reviewer(Answering):
    """A review of a corpus in the page, worst clips first; it starts where an earlier one stopped.

    Keys: Enter or A accepts and goes on to the next clip, which plays; R rejects, E edits, P plays,
    U takes the last decision back, the arrows look at other clips. In the text Enter accepts,
    Escape takes the change back, and Alt+P plays.

    Parameters and errors are those of :class:`lab_utils.corpus.review.Review`; every decision is
    written into the corpus at once.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb.
    """

    _esm = script("review")
    _css = style("player", "review")

    def __init__(self, folder: str | os.PathLike, *, by: str, contract: Contract = WHISPER) -> None:
        self.review = Review(folder, by=by, contract=contract)
        super().__init__()

    @property
    def manifest(self) -> Manifest:
        """The corpus as it is now."""
        return self.review.manifest

    def answer(
        self, action: str, content: dict[str, Any], buffers: Sequence[memoryview]
    ) -> tuple[str, list[bytes]] | None:
        review = self.review
        if action == "open":
            return review.summary(), [_json(self._place(review.first()))]
        if action == "card":
            return "", self._card(content.get("clip"))
        if action == "compare":
            clip = review.card(str(content.get("clip"))).clip
            text = str(content.get("text", ""))
            return "", [_json({"heard": difference(text, clip.heard, language=clip.language)})]
        if action == "decide":
            clip = review.decide(
                content.get("clip", ""), content.get("verdict", ""), text=content.get("text")
            )
            done = f"{clip.verdict.capitalize()}: {clip.id}."
            return f"{done} {review.summary()}", [_json(self._place(review.next_after(clip.id)))]
        if action == "undo":
            clip = review.undo()
            return f"Taken back: {clip.id}. {review.summary()}", [_json(self._place(clip.id))]
        return None

    def _place(self, name: str | None) -> dict[str, Any]:
        """The clip to show next; an empty id where all is done."""
        return {"clip": name or "", "done": not self.review.waiting()}

    def _card(self, name: object) -> list[bytes]:
        """A clip for the page: what is known of it as JSON, sound, picture; or the JSON alone."""
        card, ids = self.review.card(str(name)), self.review.queue.ids
        clip, i = card.clip, ids.index(card.clip.id)
        shown: dict[str, Any] = {
            "clip": clip.id,
            "position": f"Clip {i + 1} of {len(ids)}",
            "about": ", ".join(filter(None, (clip.id, clip.speaker, clip.language))),
            "decided": _decided(clip),
            "text": clip.text,
            "language": _code(clip.language),
            "findings": card.findings,
            "heard": card.heard,
            "before": ids[max(0, i - 1)],
            "after": ids[min(len(ids) - 1, i + 1)],
            "next": self.review.next_after(clip.id) or "",
            "trouble": "",
        }
        try:
            y, sr = audio.load(self.manifest.path(clip), sr=None)
            shown["player"] = playable(y, sr=sr, label=f"Clip {clip.id}")
        except LabError as error:
            return [_json(shown | {"trouble": f"This clip cannot be heard: {error}"})]
        sound = [shown["player"].pop(part) for part in Player.carried]
        return [_json(shown), *sound]

    def __repr__(self) -> str:
        return f"[review in the page: {self.review.summary()}]"


def _decided(clip: Clip) -> str:
    """The verdict, by whom and when, for the eye."""
    if not clip.verdict:
        return ""
    when = clip.reviewed_at[:16].replace("T", " ")
    return f"{clip.verdict} by {clip.reviewed_by}, {when} UTC"


def _code(language: str) -> str:
    """For the page's attribute ``lang``; empty where the language is not known."""
    code = known_code(language, default="")
    return "" if code == UNKNOWN else code


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()
