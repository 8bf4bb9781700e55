"""Review clips one by one, worst first: each decision is kept in the manifest, with who and when.

A decision is a verdict and, where it was corrected, the text. It is written at once, whole or not
at all, and only if the manifest is still the one that this review knows: changes that another
review, a run or a person made in between are never overwritten. A table for a spreadsheet does the
same without a page (see ``sheet``).

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import dataclasses
import os
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .. import files, metrics
from ..errors import CorpusError
from . import label, pipeline
from .check import check
from .findings import Finding
from .manifest import MANIFEST, VERDICTS, Clip, Manifest
from .rules import WHISPER, Contract

TEXT_BY = "review"
#: rules that ask for the form of an export, or for what is told of a whole recording
NOT_ASKED = ("rate", "consent")
_AGAIN = "Nothing was written. Open the review again: it continues where the manifest is now."


@dataclass(frozen=True)
class Card:
    """What a reviewer should know of a clip."""

    clip: Clip
    findings: tuple[str, ...]  #: what is wrong and what to do about it, in sentences
    heard: tuple[tuple[str, str], ...]  #: see :func:`difference`


@dataclass(frozen=True)
class Queue:
    """The clips of a corpus in the order in which they are reviewed."""

    ids: tuple[str, ...]  #: first what is decided, in its order, then the others, the worst first
    n_decided: int  #: when the queue was made
    findings: dict[str, tuple[str, ...]]  #: by clip id, in sentences


class Review:
    """An open review of a corpus: it starts where an earlier one stopped.

    Parameters
    ----------
    folder : path-like
        The corpus: the folder with ``manifest.csv``.
    by : str
        Who reviews; kept with each decision.
    contract : Contract
        Whose findings decide which clips are the worst.

    Raises
    ------
    CorpusError
        There is no manifest, it has no clips, or nobody is named in ``by``.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb.
    """

    def __init__(self, folder: str | os.PathLike, *, by: str, contract: Contract = WHISPER) -> None:
        self.by = reviewer(by)
        self._version = _version(Path(folder))  # before it is read: a change in between is noticed
        self.manifest = Manifest.load(folder)
        if not self.manifest.clips:
            raise CorpusError(f"Expected clips to review, found none in {folder}.")
        self.queue = queue(self.manifest, contract)
        self._before: list[Clip] = []  # each clip before its decision, for undo

    def card(self, name: str) -> Card:
        """What is known of a clip; raises CorpusError if there is none of that id."""
        clip = self._clip(name)
        heard = difference(clip.text, clip.heard, language=clip.language)
        return Card(clip, self.queue.findings.get(name, ()), heard)

    def decide(self, name: str, verdict: str, *, text: str | None = None) -> Clip:
        """Keep a decision about a clip, a new one in place of an earlier one.

        Parameters
        ----------
        name : str
            The clip's id.
        verdict : {"accepted", "rejected"}
        text : str, optional
            What is spoken. Default: as it is.

        Returns
        -------
        Clip
            The clip as it is in the manifest now.

        Raises
        ------
        CorpusError
            No such clip or verdict; an accepted clip without a text; a text with a special token of
            Whisper's or a control character; the manifest was changed since, another run is at work
            there, or it cannot be written. Nothing is written then.
        """
        before = self._clip(name)
        clip = decided(before, verdict, text=text, by=self.by)
        self._keep(clip)
        self._before.append(before)
        return clip

    def undo(self) -> Clip:
        """Take back the last decision of this review; returns the clip as it was before.

        Raises
        ------
        CorpusError
            There is none, or as in :meth:`decide`.
        """
        if not self._before:
            raise CorpusError("Nothing to undo: no decision was made since this review was opened.")
        self._keep(self._before[-1])
        return self._before.pop()

    def first(self) -> str:
        """The first clip without a verdict; the first of all where every clip has one."""
        waiting = self.waiting()
        return next((n for n in self.queue.ids if n in waiting), self.queue.ids[0])

    def next_after(self, name: str) -> str | None:
        """The next clip without a verdict, after the last comes the first; None where all have."""
        i, waiting = self.queue.ids.index(name) + 1, self.waiting()
        return next((n for n in self.queue.ids[i:] + self.queue.ids[: i - 1] if n in waiting), None)

    def waiting(self) -> set[str]:
        """The ids of the clips without a verdict."""
        return {clip.id for clip in self.manifest.clips if not clip.verdict}

    def summary(self) -> str:
        """How many clips are reviewed, in a sentence."""
        return summary(self.manifest)

    def _clip(self, name: str) -> Clip:
        for clip in self.manifest.clips:
            if clip.id == name:
                return clip
        raise CorpusError(f"Expected a clip of this corpus, found {str(name)[:60]!r}.")

    def _keep(self, clip: Clip) -> None:
        """Write the manifest with this clip in place of the one of its id."""
        folder = self.manifest.folder
        self._refuse_another()  # before a lock is put into a folder that is gone
        with pipeline.at_work(folder):
            self._refuse_another()
            manifest = self.manifest.updated({clip.id: vars(clip)})
            manifest.save(checked=True)
            self.manifest, self._version = manifest, _version(folder)

    def _refuse_another(self) -> None:
        if _version(self.manifest.folder) != self._version:
            raise CorpusError(
                f"{MANIFEST} in {self.manifest.folder} is no longer as this review knows it: "
                f"another review or run, or a person, changed it. {_AGAIN}"
            )


def reviewer(by: str) -> str:
    """A reviewer's name without spaces around it; raises CorpusError if there is none."""
    if not isinstance(by, str) or not (name := " ".join(by.split())):
        raise CorpusError(f"Expected the name of the reviewer, such as 'anna', found {by!r}.")
    return name


def _version(folder: Path) -> str:
    """What the manifest's bytes are; empty without one."""
    path = folder / MANIFEST
    try:
        return files.sha256(path) if path.is_file() else ""
    except OSError as error:
        raise CorpusError(
            f"{MANIFEST} in {folder} cannot be read: {error}. Close it in other programs."
        ) from error


def summary(manifest: Manifest) -> str:
    """How many clips of a corpus are reviewed, in a sentence."""
    n = Counter(clip.verdict for clip in manifest.clips)
    n_new = sum(clip.text_by == TEXT_BY for clip in manifest.clips if clip.verdict)
    return (
        f"{len(manifest) - n['']} of {len(manifest)} clips are reviewed: {n['accepted']} accepted, "
        f"{n['rejected']} rejected, {n_new} with a new text."
    )


def queue(manifest: Manifest, contract: Contract = WHISPER) -> Queue:
    """Put the clips in order: decided ones as they were decided, then the others, the worst first.

    A clip is the worse the more rules it breaks and the more its text and what Whisper heard
    differ: the error rate, at most 1, counts as a part of a rule. Where that is equal, what is
    farthest beyond a threshold comes first.
    """
    report = check(manifest, contract)
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        if finding.rule not in NOT_ASKED:
            found[finding.clip].append(finding)

    def badness(clip: Clip) -> tuple[float, float]:
        rate = 0.0
        if clip.heard and clip.heard != clip.text:
            rate = min(1.0, metrics.align(clip.text, clip.heard, language=clip.language).wer)
        mine = found.get(clip.id, [])
        return -len(mine) - rate, -max((f.excess for f in mine), default=0.0)

    done = sorted((c for c in manifest.clips if c.verdict), key=lambda clip: clip.reviewed_at)
    open_ = sorted((c for c in manifest.clips if not c.verdict), key=badness)
    sentences = {
        name: tuple(
            f"Expected: {contract[f.rule].sentence}. Found: {f.found}. {report.remedy(f)}"
            for f in findings
        )
        for name, findings in found.items()
    }
    return Queue(tuple(clip.id for clip in (*done, *open_)), len(done), sentences)


def difference(text: str, heard: str, *, language: str = "") -> tuple[tuple[str, str], ...]:
    """What Whisper heard beside the text, in runs of words (or characters, by the language).

    Returns
    -------
    tuple of (str, str)
        ``("same", words)``, ``("heard", words)`` that the text lacks, ``("text", words)`` that were
        not heard. Case and punctuation do not count.
    """
    from rapidfuzz.distance import Levenshtein

    if not heard.strip():
        return ()
    if text.strip() and not metrics.align(text, heard, language=language).errors:
        return (("same", heard),)
    join = " " if metrics.unit_of(language) == "word" else ""
    said, wrote = ([*side.split()] if join else [*side] for side in (heard, text))
    keys = [
        [metrics.normalize(w, language=language) or w for w in words] for words in (wrote, said)
    ]
    runs = []
    for step in Levenshtein.opcodes(*keys):
        ours = join.join(wrote[step.src_start : step.src_end])
        theirs = join.join(said[step.dest_start : step.dest_end])
        if step.tag == "equal":
            runs.append(("same", theirs))
        else:
            runs += [(kind, words) for kind, words in (("text", ours), ("heard", theirs)) if words]
    return tuple(runs)


def decided(clip: Clip, verdict: str, *, text: str | None = None, by: str) -> Clip:
    """A clip with a decision; see :meth:`Review.decide`."""
    if verdict not in VERDICTS:
        raise CorpusError(f"Expected the verdict accepted or rejected, found {verdict!r:.60}.")
    words = clip.text if text is None or text == clip.text else " ".join(str(text).split())
    if verdict == "accepted" and not words.strip():
        raise CorpusError(
            f"Clip {clip.id!r} has no text: write what is spoken, or reject the clip."
        )
    if words != clip.text:
        clip = dataclasses.replace(clip, text=_checked(words, clip.id), text_by=TEXT_BY)
    elif verdict == "accepted":
        _checked(words, clip.id)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return dataclasses.replace(clip, verdict=verdict, reviewed_by=by, reviewed_at=now)


def _checked(text: str, name: str) -> str:
    label.refuse_tokens(text, f"The text of clip {name!r}")
    for c in text:
        if c == "\ufffd" or unicodedata.category(c) in ("Cc", "Cs"):
            raise CorpusError(
                f"The text of clip {name!r} holds {c!r}, which is not a character of any script. "
                "Expected what is spoken: delete it."
            )
    return text
