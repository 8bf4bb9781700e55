"""Check a corpus against a contract: every finding names its clip, its rule and what was found.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import metrics
from ..errors import AudioError, CorpusError
from .manifest import Clip, Manifest
from .measure import ClipFacts, measure
from .rules import LETTERS, Contract, Rule
from .spelling import spoken

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("train", "validation", "test")
SPECIAL_TOKENS = 5  #: start, language, task, no timestamps, end
SAME_SOUND = 0.995  #: correlation of two fingerprints


@dataclass(frozen=True)
class Finding:
    """A rule that is broken.

    Attributes
    ----------
    rule : str
        Key of the rule.
    clip : str
        Id of the clip, or the path of a file without row; empty where it concerns the corpus.
    found : str
        What was found, in words.
    excess : float
        How far beyond the threshold, 1 is just beyond; sorts the worst first.
    """

    rule: str
    clip: str
    found: str
    excess: float = 1.0


@dataclass(frozen=True)
class Report:
    """The outcome of a check.

    Attributes
    ----------
    manifest : Manifest
    contract : Contract
    findings : tuple of Finding
    facts : dict
        Clip id -> :class:`~lab_utils.corpus.measure.ClipFacts`, of the clips that can be read.
    """

    manifest: Manifest
    contract: Contract
    findings: tuple[Finding, ...]
    facts: dict[str, ClipFacts]

    @property
    def ok(self) -> bool:
        """No rule is broken."""
        return not self.findings

    @property
    def exit_code(self) -> int:
        """0 if no rule is broken, else 1."""
        return int(not self.ok)

    def worst(self) -> list[tuple[str, tuple[Finding, ...]]]:
        """Clips with findings, the worst first: most rules broken, then farthest beyond."""
        groups: dict[str, list[Finding]] = defaultdict(list)
        for finding in self.findings:
            groups[finding.clip].append(finding)

        def badness(item: tuple[str, list[Finding]]):
            name, findings = item
            return -len(findings), -max(f.excess for f in findings), name

        return [(name, tuple(found)) for name, found in sorted(groups.items(), key=badness)]

    def table(self) -> pd.DataFrame:
        """One row a finding, worst clips first: clip, rule, found, remedy."""
        import pandas as pd

        rows = [
            [name, f.rule, f.found, self.contract[f.rule].remedy]
            for name, findings in self.worst()
            for f in findings
        ]
        return pd.DataFrame(rows, columns=["clip", "rule", "found", "remedy"])

    def summary(self) -> pd.DataFrame:
        """One row a rule: what it asks, and how many clips break it."""
        import pandas as pd

        counts = defaultdict(int)
        for finding in self.findings:
            counts[finding.rule] += 1
        rows = [[rule.key, rule.sentence, counts[rule.key]] for rule in self.contract.rules]
        return pd.DataFrame(rows, columns=["rule", "asks", "broken by"]).set_index("rule")

    def __str__(self) -> str:
        n, rules = len(self.manifest), len(self.contract.rules)
        head = f"{n} clips, {rules} rules of the contract {self.contract.name!r}: "
        if self.ok:
            return head + "all kept."
        lines = [f"{f.clip or 'corpus'}: {f.rule}: {f.found}" for _, g in self.worst() for f in g]
        return head + f"{len(self.findings)} findings.\n" + "\n".join(lines)


def check(manifest: Manifest, contract: Contract) -> Report:
    """Hold a corpus against a contract.

    Parameters
    ----------
    manifest : Manifest
        A corpus, or an export read back.
    contract : Contract
        ``rules.VOICE``, ``rules.WHISPER`` or one of your own.

    Returns
    -------
    Report
    """
    facts: dict[str, ClipFacts] = {}
    findings = list(_files(manifest, facts))
    for name, test in {**_PER_CLIP_SOUND, **_PER_CLIP_TEXT, **_PER_CORPUS}.items():
        if name not in contract:
            continue
        rule = contract[name]
        if name in _PER_CORPUS:
            findings += test(manifest, facts, rule)
            continue
        for clip in manifest.clips:
            about = facts.get(clip.id) if name in _PER_CLIP_SOUND else clip
            if about is None:
                continue
            if outcome := test(clip, facts.get(clip.id), rule.limit):
                findings.append(Finding(name, clip.id, *outcome))
    kept = [finding for finding in findings if finding.rule in contract]
    return Report(manifest, contract, tuple(kept), facts)


def _files(manifest: Manifest, facts: dict[str, ClipFacts]) -> Iterator[Finding]:
    """Rows and files must belong together; what can be read is measured on the way."""
    named = set()
    for clip in manifest.clips:
        try:
            path = manifest.path(clip)
        except CorpusError:
            yield Finding("inside", clip.id, f"{clip.file!r} leads outside", 9.0)
            continue
        named.add(path)
        if not path.is_file():
            yield Finding("missing_file", clip.id, f"no file {clip.file!r}", 9.0)
            continue
        try:
            facts[clip.id] = measure(path)
        except AudioError as error:
            yield Finding("readable", clip.id, str(error), 9.0)
    root = manifest.folder.resolve()
    for path in sorted(root.rglob("*.wav")):
        if path not in named:
            yield Finding(
                "missing_row", path.relative_to(root).as_posix(), "no row names this file"
            )


Outcome = tuple[str, float] | None


def _is(value: object, limit: object) -> Outcome:
    return None if value == limit else (f"{value}", 2.0)


def _at_most(value: float, limit: float, words: str) -> Outcome:
    return None if value <= limit else (words, value / limit)


def _at_least(value: float, limit: float, words: str) -> Outcome:
    return None if value >= limit else (words, min(9.0, limit / max(value, 1e-9)))


def _between(value: float, limits: tuple[float, float], words: str) -> Outcome:
    low, high = limits
    if low <= value <= high:
        return None
    return words, min(9.0, value / high if value > high else low / max(value, 1e-9))


def _edge(clip: Clip, f: ClipFacts, limit: float) -> Outcome:
    longest = max(f.silence_start, f.silence_end)
    return _at_most(longest, limit, f"{f.silence_start:.2f} s before, {f.silence_end:.2f} s after")


_PER_CLIP_SOUND: dict[str, Callable[[Clip, ClipFacts, object], Outcome]] = {
    "format": lambda clip, f, limit: _is(f.format, limit),
    "bit_depth": lambda clip, f, limit: _is(f.subtype, limit),
    "rate": lambda clip, f, limit: _is(f.sr, limit),
    "channels": lambda clip, f, limit: _is(f.channels, limit),
    "duration": lambda clip, f, limit: _between(f.duration, limit, f"{f.duration:.3f} s"),
    "clipping": lambda clip, f, limit: _at_most(f.clipped, limit, f"a share of {f.clipped:.3f}"),
    "dc_offset": lambda clip, f, limit: _at_most(f.dc_offset, limit, f"{f.dc_offset:.3f}"),
    "edge_silence": _edge,
    "inner_silence": lambda clip, f, limit: _at_most(
        f.silence_inside, limit, f"{f.silence_inside:.2f} s"
    ),
    "snr": lambda clip, f, limit: _at_least(f.snr, limit, f"{f.snr:.0f} dB"),
    "bandwidth": lambda clip, f, limit: _at_least(f.bandwidth, limit, f"{f.bandwidth:.0f} Hz"),
}


def _text(clip: Clip, f: ClipFacts | None, limit: object) -> Outcome:
    heard = f": heard {clip.heard!r}" if clip.heard else ""
    return None if clip.text.strip() else (f"no text{heard}", 3.0)


def _speech_rate(clip: Clip, f: ClipFacts | None, limit: tuple[float, float]) -> Outcome:
    if f is None or not clip.text.strip():
        return None
    rate = len(clip.text.strip()) / f.duration
    return _between(rate, limit, f"{rate:.1f} characters a second")


def _tokens(clip: Clip, f: ClipFacts | None, limit: int) -> Outcome:
    if len(clip.text.encode()) < limit - SPECIAL_TOKENS:  # a token is at least one byte
        return None
    n = count_tokens(clip.text)
    return _at_most(n, limit, f"{n} tokens")


def count_tokens(text: str) -> int:
    """Tokens of a text by Whisper's own tokenizer, with the five that frame it."""
    from whisper.tokenizer import get_tokenizer

    return (
        len(get_tokenizer(True).encode(" " + text.strip(), disallowed_special=())) + SPECIAL_TOKENS
    )


def _characters(clip: Clip, f: ClipFacts | None, limit: str | None) -> Outcome:
    if limit is None:
        bad = {c for c in clip.text if c == "\ufffd" or unicodedata.category(c)[0] == "C"}
    else:
        bad = set(spoken(clip.text)) - set(LETTERS) - set(limit)
    return (f"found {''.join(sorted(bad))!r}", 1.0 + len(bad)) if bad else None


def _disagreement(clip: Clip, f: ClipFacts | None, limit: float) -> Outcome:
    if not clip.heard or not clip.text.strip() or clip.heard == clip.text:
        return None
    wer = metrics.align(clip.text, clip.heard).wer
    return _at_most(wer, limit, f"word error rate {wer:.2f}: heard {clip.heard!r}")


def _consent(clip: Clip, f: ClipFacts | None, limit: object) -> Outcome:
    missing = [name for name in ("licence", "consent") if not getattr(clip, name).strip()]
    return (f"no {' and no '.join(missing)} noted", 3.0) if missing else None


_PER_CLIP_TEXT = {
    "text": _text,
    "speech_rate": _speech_rate,
    "tokens": _tokens,
    "characters": _characters,
    "disagreement": _disagreement,
    "consent": _consent,
}


def _loudness(manifest: Manifest, facts: dict[str, ClipFacts], rule: Rule) -> Iterator[Finding]:
    measured = {k: f.loudness for k, f in facts.items() if np.isfinite(f.loudness)}
    if not measured:
        return
    middle = float(np.median(list(measured.values())))
    for name, value in measured.items():
        if outcome := _at_most(abs(value - middle), rule.limit, f"{value - middle:+.1f} dB"):
            yield Finding("loudness", name, *outcome)


def _duplicate_audio(manifest: Manifest, facts: dict, rule: Rule) -> Iterator[Finding]:
    """Equal samples, or nearly equal shapes in time and frequency at another level."""
    names = [clip.id for clip in manifest.clips if clip.id in facts]
    if not names:
        return
    shapes = np.stack([np.frombuffer(facts[n].fingerprint, np.float16) for n in names])
    shapes = shapes.astype(np.float32)
    durations = np.array([facts[n].duration for n in names])
    for i, name in enumerate(names[1:], start=1):
        alike = shapes[:i] @ shapes[i] > SAME_SOUND
        alike &= np.abs(durations[:i] - durations[i]) < 0.05
        if alike.any():
            yield Finding("duplicate_audio", name, f"sounds like {names[int(alike.argmax())]}", 2.0)


def _normal_texts(manifest: Manifest) -> list[tuple[Clip, str]]:
    pairs = [(c, metrics.normalize(c.text)) for c in manifest.clips if c.text.strip()]
    return [(clip, text) for clip, text in pairs if text]


def _duplicate_text(manifest: Manifest, facts: dict, rule: Rule) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for clip, text in _normal_texts(manifest):
        if text in first:
            yield Finding("duplicate_text", clip.id, f"the text of {first[text]}", 2.0)
        first.setdefault(text, clip.id)


def _leak(rule: str, pairs: list[tuple[Clip, str]]) -> Iterator[Finding]:
    """The split that comes first keeps what it has; the later ones are named."""
    owner: dict[str, str] = {}
    placed = [(clip, value) for clip, value in pairs if clip.split in SPLITS and value]
    for clip, value in sorted(placed, key=lambda pair: SPLITS.index(pair[0].split)):
        if owner.setdefault(value, clip.split) != clip.split:
            words = f"{clip.split} shares {value[:60]!r} with {owner[value]}"
            yield Finding(rule, clip.id, words, 3.0)


def _count(manifest: Manifest, facts: dict, rule: Rule) -> Iterator[Finding]:
    if len(manifest) < rule.limit:
        yield Finding("count", "", f"{len(manifest)} clips", rule.limit / max(1, len(manifest)))


_PER_CORPUS: dict[str, Callable[[Manifest, dict, Rule], Iterator[Finding]]] = {
    "loudness": _loudness,
    "duplicate_audio": _duplicate_audio,
    "duplicate_text": _duplicate_text,
    "speaker_leak": lambda m, f, rule: _leak(rule.key, [(c, c.speaker) for c in m.clips]),
    "text_leak": lambda m, f, rule: _leak(rule.key, _normal_texts(m)),
    "count": _count,
}
