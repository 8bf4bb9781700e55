"""How each rule is tested: from what was measured of a corpus to findings that name a clip.

Every test has the same signature: (corpus, key of the rule, threshold) -> findings.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import languages, metrics
from . import spelling
from .alphabets import JOINERS, is_written, signs
from .manifest import SPLITS, Clip, Manifest
from .measure import ClipFacts

SPECIAL_TOKENS = 5  #: start, language, task, no timestamps, end
SAME_SOUND = 0.995  #: correlation of two fingerprints
FAR = 9.0  #: ``excess`` of what cannot be measured, and the most that is told of what can


@dataclass(frozen=True)
class Finding:
    """A rule that is broken."""

    rule: str  #: key of the rule
    clip: str  #: id of the clip, or path of a file without a row; empty: the corpus as a whole
    found: str  #: in words
    excess: float = 1.0  #: how far beyond the threshold, 1 is just beyond; sorts the worst first
    remedy: str = ""  #: what to do, where the rule's own remedy does not fit


@dataclass(frozen=True)
class Examined:
    """A corpus as the rules see it."""

    manifest: Manifest
    facts: dict[str, ClipFacts]  #: by clip id, of the clips that can be read
    troubles: tuple[Finding, ...]  #: rows and files that do not belong together

    @property
    def measured(self) -> list[tuple[Clip, ClipFacts]]:
        """The clips that can be read, each with its facts."""
        return [(c, self.facts[c.id]) for c in self.manifest.clips if c.id in self.facts]

    @property
    def texts(self) -> list[tuple[Clip, str]]:
        """The clips that have a text, each with it in normal form."""
        clips = (c for c in self.manifest.clips if c.text.strip())
        pairs = [(c, metrics.normalize(c.text, language=c.code)) for c in clips]
        return [(clip, text) for clip, text in pairs if text]


Test = Callable[[Examined, str, Any], Iterator[Finding]]


def trouble(corpus: Examined, key: str, limit: None) -> Iterator[Finding]:
    """What was noticed while the files were opened."""
    return (finding for finding in corpus.troubles if finding.rule == key)


# ---- sound


def fact(name: str) -> Test:
    """Whether a fact about the sound is what the rule asks for."""

    def test(corpus: Examined, key: str, limit: Any) -> Iterator[Finding]:
        for clip, facts in corpus.measured:
            if (value := getattr(facts, name)) != limit:
                yield Finding(key, clip.id, str(value), 2.0)

    return test


def _excess(value: float, low: float, high: float) -> float:
    """1 and more outside the limits, 0 inside."""
    if value > high:
        return min(FAR, value / max(high, 1e-9))
    return min(FAR, low / max(value, 1e-9)) if value < low else 0.0


def between(name: str, words: str) -> Test:
    """Whether a measured value lies within (low, high)."""

    def test(corpus: Examined, key: str, limit: tuple[float, float]) -> Iterator[Finding]:
        for clip, facts in corpus.measured:
            value = getattr(facts, name)
            if excess := _excess(value, *limit):
                yield Finding(key, clip.id, words.format(value), excess)

    return test


def at_most(name: str, words: str) -> Test:
    """Whether a measured value is at most the threshold."""
    test = between(name, words)
    return lambda corpus, key, limit: test(corpus, key, (-np.inf, limit))


def at_least(name: str, words: str) -> Test:
    """Whether a measured value is at least the threshold."""
    test = between(name, words)
    return lambda corpus, key, limit: test(corpus, key, (limit, np.inf))


def clipping(corpus: Examined, key: str, limit: float) -> Iterator[Finding]:
    """What the recording's own samples showed when the clip was cut, else the clip's samples."""
    for clip, facts in corpus.measured:
        found = facts.clipping
        if words := clip.clipping or found.words(limit):
            excess = FAR if found.share else found.pile_up / max(limit, 1e-9)
            yield Finding(key, clip.id, words, float(np.clip(excess, 1.0, FAR)))


def edge_silence(corpus: Examined, key: str, limit: float) -> Iterator[Finding]:
    """Silence at either end."""
    for clip, facts in corpus.measured:
        before, after = facts.silence_start, facts.silence_end
        if excess := _excess(max(before, after), 0, limit):
            yield Finding(key, clip.id, f"{before:.2f} s before, {after:.2f} s after", excess)


def loudness(corpus: Examined, key: str, limit: float) -> Iterator[Finding]:
    """Distance from the median of the corpus; what has no loudness at all breaks the rule too."""
    levels = [facts.loudness for _, facts in corpus.measured if np.isfinite(facts.loudness)]
    middle = float(np.median(levels)) if levels else 0.0
    for clip, facts in corpus.measured:
        if not np.isfinite(facts.loudness):
            yield Finding(key, clip.id, "too soft or too short to have a loudness", FAR)
        elif excess := _excess(abs(facts.loudness - middle), 0, limit):
            yield Finding(key, clip.id, f"{facts.loudness - middle:+.1f} dB", excess)


def duplicate_audio(corpus: Examined, key: str, limit: None) -> Iterator[Finding]:
    """Equal samples, or nearly equal shapes in time and frequency at another level."""
    if not (measured := corpus.measured):
        return
    shapes = np.stack([np.frombuffer(facts.fingerprint, np.float16) for _, facts in measured])
    shapes = shapes.astype(np.float32)
    durations = np.array([facts.duration for _, facts in measured])
    for i, (clip, _) in enumerate(measured):
        alike = shapes[:i] @ shapes[i] > SAME_SOUND
        alike &= np.abs(durations[:i] - durations[i]) < 0.05
        if alike.any():
            first = measured[int(alike.argmax())][0].id
            yield Finding(key, clip.id, f"sounds like {first}", 2.0)


# ---- texts and rows


def text(corpus: Examined, key: str, limit: None) -> Iterator[Finding]:
    """There is one."""
    for clip in corpus.manifest.clips:
        if not clip.text.strip():
            heard = f": heard {clip.heard!r}" if clip.heard else ""
            yield Finding(key, clip.id, f"no text{heard}", 3.0)


def language(corpus: Examined, key: str, limit: None) -> Iterator[Finding]:
    """Each name of a language is one that is known; an unknown one is told once."""
    clips: dict[str, list[str]] = {}
    for clip in corpus.manifest.clips:
        if clip.code == languages.UNKNOWN:
            clips.setdefault(clip.language, []).append(clip.id)
    for name, ids in clips.items():
        more = f", here and in {len(ids) - 1} more" if ids[1:] else ""
        yield Finding(key, ids[0], f"the language {name!r} is not known{more}", 2.0)


def speech_rate(corpus: Examined, key: str, limit: tuple[float, float]) -> Iterator[Finding]:
    """Letters a second, as :func:`n_letters` counts them."""
    for clip, facts in corpus.measured:
        n = n_letters(clip.text)
        unit = "characters" if n == len(clip.text.strip()) else "letters"
        if n and (excess := _excess(rate := n / facts.duration, *limit)):
            yield Finding(key, clip.id, f"{rate:.1f} {unit} a second", excess)


def n_letters(text: str) -> int:
    """Characters of a text; one that stands for a syllable counts as the letters it would take.

    Three for a Chinese character (the middle of pinyin), two for a kana, and the two or three parts
    of a Korean syllable.

    Examples
    --------
    >>> n_letters("hello"), n_letters("你好"), n_letters("かな"), n_letters("한국")
    (5, 6, 4, 6)
    """
    return sum(_n_letters(c) for c in unicodedata.normalize("NFC", text.strip()))


@functools.lru_cache(maxsize=4096)
def _n_letters(c: str) -> int:
    script = unicodedata.name(c, "").split(" ")[0]
    if script == "HANGUL":
        return len(unicodedata.normalize("NFD", c))
    return {"CJK": 3, "HIRAGANA": 2, "KATAKANA": 2}.get(script, 1)


def count_tokens(text: str) -> int:
    """Tokens of a text by Whisper's own tokenizer, with the five that frame it.

    The name of a special token in the text is counted as the letters that it is written with.
    """
    from whisper.tokenizer import get_tokenizer

    tokens = get_tokenizer(True).encode(" " + text.strip(), disallowed_special=())
    return len(tokens) + SPECIAL_TOKENS


def tokens(corpus: Examined, key: str, limit: int) -> Iterator[Finding]:
    """As many as fit into the decoder."""
    for clip in corpus.manifest.clips:
        if len(clip.text.encode("utf-8", "replace")) < limit - SPECIAL_TOKENS:
            continue  # a token is at least one byte
        if (n := count_tokens(clip.text)) > limit:
            yield Finding(key, clip.id, f"{n} tokens", n / limit)


def characters(corpus: Examined, key: str, limit: str | None) -> Iterator[Finding]:
    """Only what the clip's language is written with, or is in ``limit``; None: any character."""
    for clip in corpus.manifest.clips:
        code = clip.code
        if limit is None:
            joiners = set(JOINERS) & set(signs(code))
            bad = {c for c in clip.text if c == "\ufffd" or unicodedata.category(c)[0] == "C"}
            if bad := bad - joiners:
                yield Finding(key, clip.id, f"found {_shown(bad)}", 1.0 + len(bad))
            continue
        said = spelling.spoken(clip.text, language=clip.language)
        left = spelling.unread(said, language=code)
        bad = {c for c in said if not (c in limit or is_written(c, code) or c.isdecimal())}
        if bad or left:
            found = [f"found {_shown(bad)}"] if bad else []
            found += [f"not in words: {', '.join(map(repr, left))}"] if left else []
            remedy = _remedy(clip, code, bad, left)
            yield Finding(key, clip.id, "; ".join(found), 1.0 + len(bad) + len(left), remedy)


def _shown(characters: set[str]) -> str:
    return repr("".join(sorted(characters)))


def _remedy(clip: Clip, code: str, bad: set[str], left: list[str]) -> str:
    """What to do about characters of one kind; empty where the rule's own remedy fits."""
    if left and not bad:
        return "Write it in words, as the speaker says it: there is more than one way to read it."
    if left or not all(unicodedata.category(c)[0] in "LM" for c in bad):
        return ""
    if not clip.language.strip():
        return (
            "No language is noted for this clip, so English was expected: name it with --language "
            "or note it in recordings.csv. Else correct the text."
        )
    name = languages.language_name(code)
    return (
        f"{name} is not written with it. Correct the text or the clip's language, or allow it: "
        f"VOICE.with_limits(characters=rules.PUNCTUATION + {_shown(bad)})."
    )


def disagreement(corpus: Examined, key: str, limit: float) -> Iterator[Finding]:
    """Error rate between the text and what Whisper heard, in the unit of the clip's language.

    Both are written out, or "dos" and a heard "2" would differ.
    """
    for clip in corpus.manifest.clips:
        if clip.heard and clip.text.strip() and clip.heard != clip.text:
            text, heard = (
                spelling.spoken(t, language=clip.language) for t in (clip.text, clip.heard)
            )
            pair = metrics.align(text, heard, language=clip.code)
            if excess := _excess(pair.wer, 0, limit):
                found = f"{pair.unit} error rate {pair.wer:.2f}: heard {clip.heard!r}"
                yield Finding(key, clip.id, found, excess)


def consent(corpus: Examined, key: str, limit: None) -> Iterator[Finding]:
    """Both are noted."""
    for clip in corpus.manifest.clips:
        if missing := [n for n in ("licence", "consent") if not getattr(clip, n).strip()]:
            yield Finding(key, clip.id, f"no {' and no '.join(missing)} noted", 3.0)


def duplicate_text(corpus: Examined, key: str, limit: None) -> Iterator[Finding]:
    """Equal after normalizing."""
    first: dict[str, str] = {}
    for clip, words in corpus.texts:
        if first.setdefault(words, clip.id) != clip.id:
            yield Finding(key, clip.id, f"the text of {first[words]}", 2.0)


def _leak(key: str, pairs: Iterable[tuple[Clip, str]]) -> Iterator[Finding]:
    """The split that comes first keeps what it has; the later ones are named."""
    owner: dict[str, str] = {}
    placed = [(clip, value) for clip, value in pairs if clip.split in SPLITS and value]
    for clip, value in sorted(placed, key=lambda pair: SPLITS.index(pair[0].split)):
        if owner.setdefault(value, clip.split) != clip.split:
            words = f"{clip.split} shares {value[:60]!r} with {owner[value]}"
            yield Finding(key, clip.id, words, 3.0)


def speaker_leak(corpus: Examined, key: str, limit: None) -> Iterator[Finding]:
    """A speaker in two splits."""
    return _leak(key, ((clip, clip.speaker) for clip in corpus.manifest.clips))


def text_leak(corpus: Examined, key: str, limit: None) -> Iterator[Finding]:
    """A text in two splits."""
    return _leak(key, corpus.texts)


def count(corpus: Examined, key: str, limit: int) -> Iterator[Finding]:
    """Enough clips."""
    if (n := len(corpus.manifest)) < limit:
        yield Finding(key, "", f"{n} clips", limit / max(1, n))
