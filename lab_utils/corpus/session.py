"""A reading session: sentences are read aloud one by one and become a corpus.

Its folder is a corpus like any other: ``manifest.csv`` and ``clips/``. Beside them, in ``takes/``,
the recordings stay as they came.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import audio, files, metrics, models
from ..errors import CorpusError
from ..languages import language_code
from . import label, pipeline, rules
from .job import Settings, slug
from .manifest import DROPPED, MANIFEST, Clip, Manifest
from .rules import Contract
from .takes import Take, examine, get_ready

if TYPE_CHECKING:
    from whisper import Whisper

TAKES, CLIPS = "takes", "clips"
MOST_ERRORS = 0.3  #: error rate between the sentence and what Whisper hears
_MANY = ("rate", "count")  #: rules for an export and for many clips

#: for a first session: our own, chosen to cover the sounds of American English
SENTENCES = (
    "The quick train to Boston leaves at noon.",
    "Please put the fresh bread on the kitchen table.",
    "My youngest brother plays the violin every evening.",
    "She sold seven yellow boats near the harbor.",
    "A thick fog covered the valley this morning.",
    "Could you choose a cheaper hotel for the weekend?",
    "The judge asked six short questions.",
    "We usually measure the garage with a long rope.",
    "Both of them breathe the cold mountain air.",
    "I heard a lazy bird singing above the roof.",
    "Our neighbor found an old coin in the mud.",
    "Why did the children hide behind the wooden gate?",
    "He poured hot coffee into a small blue cup.",
    "Nothing good happens without patience and care.",
    "The engine makes a strange noise when it starts.",
    "Wash your hands before you touch the dough.",
    "They drove through the village at sunset.",
    "This vase of thin glass is worth a thousand dollars.",
    "Bring me the large envelope and a pencil.",
    "Under the bridge, the river runs deep and slow.",
)


class Session:
    """Sentences, the corpus that they become, and the takes that wait to be accepted.

    A take is on disk before it is checked, under a name of its own; :meth:`accept` makes it a clip,
    in place of an earlier one of the same sentence. A session is continued by making it again with
    the same folder and speaker. Nothing is written before the first take.

    Parameters
    ----------
    sentences : iterable of str or path-like
        What is to be read, each once; or a file with one sentence a line.
    folder : path-like
        The corpus: new, or made by an earlier session of this speaker in this language.
    speaker : str
        The name in the manifest.
    language : str
        Code or English name.
    licence : str
        What the recordings may be used under; :meth:`agree` may change it.
    model : whisper.Whisper or str, optional
        Hears each take, to compare its words with the sentence.
    contract : Contract
        Its rules judge each take (count and sampling rate aside).
    settings : Settings, optional
        Rate, noise reduction and loudness of the clips, as in ``prepare``.

    Raises
    ------
    CorpusError
        No sentences, one that is empty or there twice, no speaker, or a folder of something else.
    OptionError
        Whisper, or the model, does not know the language.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb.
    """

    def __init__(
        self,
        sentences: Iterable[str] | os.PathLike,
        folder: str | os.PathLike,
        *,
        speaker: str,
        language: str = "en",
        licence: str = "",
        model: Whisper | str | None = None,
        contract: Contract = rules.VOICE,
        settings: Settings | None = None,
    ) -> None:
        if not isinstance(speaker, str) or not speaker.strip():
            raise CorpusError(f"Expected the name of the speaker, found {speaker!r}.")
        self.folder, self.speaker = Path(folder), speaker.strip()
        self.language = language_code(language, model=model, required=True)
        self.settings = settings or Settings()
        self._contract = contract.without(*(k for k in _MANY if k in contract))
        if "disagreement" in contract:
            self._contract = self._contract.with_limits(disagreement=MOST_ERRORS)
        self._model, self._consent = model, ""
        self._last: Take | None = None
        self._planned = self._plan(sentences)
        self.manifest = self._load()
        noted = (clip.licence for clip in self.manifest.clips if clip.licence)
        self.licence = licence.strip() or next(noted, "")

    def __len__(self) -> int:
        return len(self._planned)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is to be read."""
        return tuple(clip.text for clip in self._planned)

    @property
    def consent(self) -> str:
        """What was agreed to; empty: nothing yet."""
        return self._consent or next((c.consent for c in self.manifest.clips if c.consent), "")

    @property
    def n_accepted(self) -> int:
        """Sentences that have a clip."""
        return sum(self.clip(i) is not None for i in range(len(self)))

    def clip(self, number: int) -> Clip | None:
        """The clip of a sentence, counted from 0; None where there is none yet."""
        name = self._of(number).id
        return next((clip for clip in self.manifest.clips if clip.id == name), None)

    def next(self, number: int = -1) -> int | None:
        """The next sentence without a clip, from the first again after the last; None: all have."""
        order = [*range(number + 1, len(self)), *range(max(0, number + 1))]
        return next((i for i in order if self.clip(i) is None), None)

    def agree(self, consent: str, *, licence: str) -> None:
        """Note what the speaker agrees to; the date is added.

        Raises
        ------
        CorpusError
            One of the two is empty.
        """
        for value, what in ((consent, "what the speaker agrees to"), (licence, "a license")):
            if not isinstance(value, str) or not value.strip():
                raise CorpusError(
                    f"Expected {what}, found nothing. A voice belongs to a person: write it down "
                    "before the first recording."
                )
        self.licence = licence.strip()
        self._last = None  # a take that waits carries what is agreed to
        self._consent = f"{consent.strip()} ({self.speaker}, {datetime.date.today().isoformat()})"

    def record(self, number: int, y: np.ndarray, *, sr: int) -> Take:
        """Keep a take of a sentence, in place of one that waits, and check it.

        Parameters
        ----------
        number : int
            The sentence, from 0.
        y : np.ndarray, float, shape (n_samples,)
            The whole recording, at its own level and rate.
        sr : int
            Hz.

        Raises
        ------
        CorpusError
            There is no consent yet, no such sentence, or the folder cannot be written.
        AudioError
            ``y`` is not a waveform.
        """
        path = self._waiting_file(number)
        self._check_consent()
        data = audio.encode(y, sr=sr, format="flac")
        with self._writing(), files.replacing(path, private=True) as temporary:
            temporary.write_bytes(data)
        self._last = self._examine(number)
        return self._last

    def waiting(self, number: int) -> Take | None:
        """The take of a sentence that is neither accepted nor discarded; None without one."""
        path, name = self._waiting_file(number), self._of(number).id
        if not path.is_file():
            return None
        if self._last is None or self._last.clip.id != name:
            self._last = self._examine(number)
        return self._last

    def accept(self, number: int) -> Clip:
        """Make the waiting take the clip of its sentence; an earlier clip of it is replaced.

        Raises
        ------
        CorpusError
            No take waits, nobody speaks in it, there is no consent, or the folder cannot be
            written.
        """
        self._check_consent()
        take = self.waiting(number)
        if take is None or take.y is None:
            raise CorpusError(
                f"Expected a take of sentence {number + 1} with speech, found none. Record it."
            )
        wav = audio.encode(take.y, sr=self.settings.sr)
        with self._writing():
            clip, before = take.clip, self.clip(number)
            if before:  # what others wrote into the row stays
                clip = dataclasses.replace(clip, split=before.split, more=before.more)
            with files.replacing(self.folder / clip.file, private=True) as temporary:
                temporary.write_bytes(wav)
            rows = {row.id: row for row in self.manifest.clips} | {clip.id: clip}
            self.manifest = self.manifest.select(rows.values())
            self.manifest.save()  # the take keeps its name until its row is there
            os.replace(self._waiting_file(number), self.folder / clip.recording)
        self._last = None
        return clip

    def discard(self, number: int) -> None:
        """Delete the waiting take of a sentence; its clip, if it has one, stays.

        Raises
        ------
        CorpusError
            The folder cannot be written, here as in :meth:`withdraw`.
        """
        path = self._waiting_file(number)
        if not path.is_file():
            return
        with self._writing():
            path.unlink(missing_ok=True)
            if self.clip(number) is None:  # of an accept that was interrupted
                self.manifest.path(self._of(number)).unlink(missing_ok=True)
        self._last = None

    def withdraw(self, number: int) -> None:
        """Take the clip of a sentence out of the corpus and delete every recording of it."""
        planned = self._of(number)
        self.discard(number)
        if self.clip(number) is None:
            return
        with self._writing():
            rows = [clip for clip in self.manifest.clips if clip.id != planned.id]
            self.manifest = self.manifest.select(rows)
            self.manifest.save()
            for file in (planned.file, planned.recording):
                (self.folder / file).unlink(missing_ok=True)

    def _check_consent(self) -> None:
        if not self.consent:
            raise CorpusError(
                "Expected the speaker's consent before the first recording, found none. Agree to "
                "the recording first."
            )

    # ---- the folder

    def _plan(self, sentences: Iterable[str] | os.PathLike) -> tuple[Clip, ...]:
        """A row for each sentence; its id comes from its words, so that a list may change."""
        if isinstance(sentences, os.PathLike):
            sentences = label.read_script(sentences).splitlines()
        elif isinstance(sentences, str):
            raise CorpusError("Expected a list of sentences, found one text: put it in a list.")
        texts = [" ".join(text.split()) for text in sentences]
        texts = [text for text in texts if text]
        if not texts:
            raise CorpusError("Expected sentences to read, found none.")
        seen: dict[str, int] = {}
        clips = []
        for i, text in enumerate(texts, start=1):
            words = metrics.normalize(text, language=self.language)
            spoken = any(c.isalnum() for c in text)
            if not spoken or seen.setdefault(words, i) != i:
                problem = f"the words of sentence {seen[words]}" if spoken else "no words"
                raise CorpusError(
                    f"Sentence {i}, {text[:60]!r}, has {problem}. Each sentence is read once: "
                    "delete it."
                )
            name = f"{slug(self.speaker)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
            clips.append(
                Clip(
                    id=name,
                    file=f"{CLIPS}/{name}.wav",
                    recording=f"{TAKES}/{name}.flac",
                    speaker=self.speaker,
                    language=self.language,
                )
            )
        words = {clip.id: text for clip, text in zip(clips, texts, strict=True)}
        return label.from_texts(Manifest(self.folder, tuple(clips)), words, by="script").clips

    def _load(self) -> Manifest:
        """The corpus in the folder; refused if it is not one of this speaker's sessions."""
        try:
            there = list(self.folder.iterdir()) if self.folder.is_dir() else []
        except OSError as error:
            raise CorpusError(f"{self.folder} cannot be read: {error}. Name another.") from error
        if os.path.lexists(self.folder) and not self.folder.is_dir():
            raise CorpusError(f"Expected a folder, found the file {self.folder}. Name a folder.")
        if not (self.folder / MANIFEST).exists():
            ours = {TAKES, CLIPS, DROPPED, ".lock"}
            if others := sorted(files.printable(p.name) for p in there if p.name not in ours):
                raise CorpusError(
                    f"Expected a new folder or a corpus of the studio, found {others[0]!r} and no "
                    f"{MANIFEST} in {self.folder}. Name a new folder."
                )
            return Manifest(self.folder, ())
        manifest = Manifest.load(self.folder)
        for clip in manifest.clips:
            found = ""
            if not clip.recording.startswith(f"{TAKES}/"):
                found = f"a clip cut from {clip.recording!r}"
            elif clip.speaker != self.speaker:
                found = f"the voice of {clip.speaker!r}"
            elif clip.language != self.language:
                found = f"a clip in the language {clip.language!r}"
            if found:
                raise CorpusError(
                    f"Expected a corpus that {self.speaker!r} recorded in the language "
                    f"{self.language!r}, found {found} in {self.folder}. Name a new folder: each "
                    "speaker and language has one."
                )
        return manifest

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Lock the corpus, which only its owner may read, and see what others changed in it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with pipeline.at_work(self.folder):
                for part in (TAKES, CLIPS):
                    for leftover in (self.folder / part).glob("*.partial"):
                        leftover.unlink(missing_ok=True)
                self.manifest = self._load()
                yield
        except OSError as error:
            raise CorpusError(
                f"{self.folder} cannot be written: {error}. Free some space or name another "
                "folder; what was accepted is kept."
            ) from error

    def _of(self, number: int) -> Clip:
        if (
            isinstance(number, bool)
            or not isinstance(number, int)
            or number not in range(len(self))
        ):
            raise CorpusError(
                f"Expected the number of a sentence, 0 to {len(self) - 1}, found {number!r:.40}."
            )
        return self._planned[number]

    def _waiting_file(self, number: int) -> Path:
        return self.folder / TAKES / f"{self._of(number).id}.new.flac"

    def get_ready(self) -> None:
        """Load what the first check needs: a few seconds, once in a kernel."""
        get_ready(self._loaded(), language=self.language)

    def _loaded(self) -> Whisper | None:
        if isinstance(self._model, str | os.PathLike):
            self._model = models.load_model(self._model)
        return self._model

    def _examine(self, number: int) -> Take:
        clip = dataclasses.replace(self._of(number), licence=self.licence, consent=self.consent)
        return examine(
            self._waiting_file(number),
            clip,
            settings=self.settings,
            contract=self._contract,
            model=self._loaded(),
        )
