"""A recording studio in the page: it shows a sentence, records it, checks it, and goes on.

The clips and the recordings stay on the machine that runs the notebook, where only their owner can
read them; what is checked and written, and how, is in :mod:`lab_utils.corpus.session`.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from .. import audio
from ..corpus import rules
from ..corpus.job import Settings, slug
from ..corpus.manifest import Manifest
from ..corpus.rules import Contract
from ..corpus.session import SENTENCES, Session
from ..corpus.takes import Take
from ..errors import AudioError
from ..languages import language_code
from ..places import recordings_dir, shown
from .messages import Answering, script, style
from .recorder import checkout_warning, received

if TYPE_CHECKING:
    from whisper import Whisper

LONGEST = 29  #: seconds of one take in the page, which adds half a second
PRIVATE = "No notebook holds the sound; only you can read these files."


class Studio(Answering):
    """A studio for the notebook page: a list of sentences becomes a corpus.

    Keys, while the button Record has the focus, as it has after each step: Space starts and stops,
    Enter accepts, P plays the take, the arrows go back and on, Escape closes the microphone, which
    stays open between the takes. A take is kept from a quarter of a second before Space to a
    quarter after.

    Parameters
    ----------
    sentences : iterable of str or path-like
        What is to be read, each once; or a file with one sentence a line. Default: twenty of ours.
    folder : path-like, optional
        The corpus, new or of an earlier session. Default: among the recordings of the
        course, one for each speaker and language.
    speaker, language, licence, model, contract, settings
        See :class:`lab_utils.corpus.session.Session`.

    Raises
    ------
    CorpusError
        The sentences, the speaker or the folder cannot be used.
    OptionError
        Whisper, or the model, does not know the language.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb.
    """

    printed = (
        "[recording studio: read the sentences aloud here; each take is checked at once, and the "
        "good ones become a corpus]"
    )
    _esm = script("studio")
    _css = style("recorder", "studio")

    limit = traitlets.Float(float(LONGEST)).tag(sync=True)
    state = traitlets.Dict({}).tag(sync=True)

    def __init__(
        self,
        sentences: Iterable[str] | os.PathLike = SENTENCES,
        *,
        speaker: str,
        folder: str | os.PathLike | None = None,
        language: str = "en",
        licence: str = "",
        model: Whisper | str | None = None,
        contract: Contract = rules.VOICE,
        settings: Settings | None = None,
    ) -> None:
        language = language_code(language, model=model, required=True)
        self.session = Session(
            sentences,
            folder or recordings_dir() / f"studio-{slug(str(speaker))}-{language}",
            speaker=speaker,
            language=language,
            licence=licence,
            model=model,
            contract=contract,
            settings=settings,
        )
        super().__init__()
        if self.session.consent:  # else the page asks for it first, and loads what a check needs
            self.session.get_ready()
        self._look(self.session.next() or 0)

    @property
    def corpus(self) -> Manifest:
        """The corpus as it is now."""
        return self.session.manifest

    def answer(
        self, action: str, content: dict[str, Any], buffers: Sequence[memoryview]
    ) -> tuple[str, list[bytes]] | None:
        session = self.session
        number: Any = content.get("number")  # the session refuses what is none
        if action == "agree":
            session.agree(content.get("consent", ""), licence=content.get("licence", ""))
            session.get_ready()
            said = "Written down. Space starts and stops a recording."
        elif action == "take":
            if not buffers:
                raise AudioError("The page sent no sound. Record again.")
            y, sr = received(buffers[0], sr=None, longest=LONGEST)
            said = _said(session.record(number, y, sr=sr))
        elif action == "accept":
            session.accept(number)
            left = len(session) - session.n_accepted
            said = f"In the corpus. {left} to go." if left else "All sentences are in the corpus."
            number = number if (following := session.next(number)) is None else following
        elif action == "discard":
            session.discard(number)
            said = "Deleted. Space records the sentence again."
        elif action == "withdraw":
            session.withdraw(number)
            said = "The clip and its recording are deleted."
        elif action == "go":
            number, said = content.get("to"), ""
        else:
            return None
        return said, self._look(number)

    def _look(self, number: int) -> list[bytes]:
        """Show a sentence; returns the sound of its take, or of its clip."""
        session = self.session
        clip, take = session.clip(number), session.waiting(number)
        folder = shown(session.folder)
        place = f"The corpus of {session.speaker} is in {folder} and stays on this machine."
        self.state = {
            "number": number,
            "total": len(session),
            "accepted": session.n_accepted,
            "sentence": session.sentences[number],
            "language": session.language,
            "clip": clip is not None,
            "take": None if take is None else _shown(take),
            "consent": session.consent,
            "licence": session.licence,
            "place": f"{place} {PRIVATE} {checkout_warning(session.folder)}".strip(),
        }
        if take is not None:
            return [] if take.y is None else [audio.encode(take.y, sr=session.settings.sr)]
        if clip is None or not (path := session.manifest.path(clip)).is_file():
            return []
        return [path.read_bytes()]


def _said(take: Take) -> str:
    if take.ok:
        return f"Good: {take.clip.duration:.1f} s. Enter accepts it, Space records it again."
    faults = ". ".join(text.split(": ")[0] for text in take.told)
    anyway = ", Enter accepts it all the same" if take.y is not None else ""
    return f"{faults}. Space records it again{anyway}."


def _shown(take: Take) -> dict[str, Any]:
    return {
        "seconds": take.clip.duration,
        "heard": take.clip.heard,
        "told": list(take.told),
        "speech": take.y is not None,
    }
