"""A known text laid on its recording: is each sentence in its own clip, and is the cut in the gap?

    python benchmarks/align_script.py FOLDER --language es [--sentences 40] [--model base]

FOLDER holds human clips with known texts: the Debian packages asterisk-core-sounds-es (texts) and
asterisk-core-sounds-es-wav (sound; -g722 at 16 kHz, decoded to WAV by ffmpeg), unpacked by
``dpkg-deb -x``; likewise en, fr, it and ru. License: CC BY-SA 3.0. Clips are looked for below
folders that are called es or es_…, the texts in ``core-sounds-es.txt.gz``.

Clips whose texts are not much alike are joined, with pauses of 0.6 to 1.2 s and of 0.25 to 0.6 s
between them. The script is their texts, then with planted faults: sentences that nobody read,
sentences that are missing in it, another order, whole paragraphs that nobody read, all of these.

right      sentences said and in the script whose clip holds their text and all of their sound
           (0.1 s), and no sound of a sentence whose text it does not hold
error      ms by which a cut lies outside the true gap between two sentences: 95 % and most
told       planted sentences that are named as not heard, or as said and not in the script
invented   clips with the text of a sentence that nobody read
"""

from __future__ import annotations

import argparse
import gzip
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab_utils import audio
from lab_utils.corpus import align, script
from lab_utils.corpus.speech import speech_probabilities

SR = 16_000
PAUSES = {"0.6-1.2 s": (0.6, 1.2), "0.25-0.6 s": (0.25, 0.6)}
SLACK = 0.1  #: seconds of a sentence that may be missing, or of another that may be there
MOST_ALIKE = 0.75


@dataclass(frozen=True)
class Line:
    """A clip: its text, and its samples from the first sound to the last."""

    text: str
    y: np.ndarray


def sounding(y: np.ndarray) -> np.ndarray:
    """The samples between the first and the last frame of 10 ms within 40 dB of the loudest."""
    frames = y[: len(y) // 160 * 160].reshape(-1, 160)
    loud = np.flatnonzero((frames**2).mean(axis=1) > (frames**2).mean(axis=1).max() * 1e-4)
    return y[loud[0] * 160 : (loud[-1] + 1) * 160]


def lines(folder: Path, language: str, n: int, seed: int) -> list[Line]:
    """The first ``n`` clips, in an order by chance, of 1.2 to 12 s with texts unlike each other."""
    listed = next(iter(sorted(folder.rglob(f"core-sounds-{language}.txt*"))), None)
    if listed is None:
        sys.exit(f"No core-sounds-{language}.txt.gz in {folder}: see the docstring.")
    read = gzip.open if listed.suffix == ".gz" else open
    with read(listed, "rt", encoding="utf-8", errors="replace") as file:
        rows = [row.partition(":") for row in file if ":" in row and not row.startswith(";")]
    texts = {name.strip(): " ".join(text.split()) for name, _, text in rows}
    paths = [
        path
        for path in sorted(folder.rglob("*.wav"))
        if any(part == language or part.startswith(language + "_") for part in path.parts)
    ]
    random.Random(seed).shuffle(paths)
    found: list[Line] = []
    seen: list[tuple[str, ...]] = []
    for path in paths:
        text = texts.get(path.stem, "")
        words = script.tokens(text, language)
        if len(words) < 3 or set(text) & set("[]()<>?\ufffd"):
            continue
        if any(script.likeness(words, other) > MOST_ALIKE for other in seen):
            continue
        y = sounding(audio.load(path, sr=SR)[0])
        if 1.2 <= len(y) / SR <= 12:
            seen.append(words)
            found.append(Line(text, y))
        if len(found) == n:
            break
    return found


def joined(said: list[Line], pause: tuple[float, float], seed: int):
    """One recording, and the start and end of each line in it, in seconds."""
    rng = np.random.default_rng(seed)
    parts, times, n = [], [], 0
    for line in said:
        for y in (np.zeros(round(rng.uniform(*pause) * SR), np.float32), line.y):
            parts.append(y)
            n += len(y)
        times.append(((n - len(line.y)) / SR, n / SR))
    y = np.concatenate([*parts, np.zeros(SR // 2, np.float32)])
    return (y + rng.normal(0, 1e-4, len(y))).astype(np.float32), times


def scripts(said: list[Line], spare: list[Line], seed: int) -> dict[str, list[Line]]:
    """Name -> the lines of a script; what is not in ``said`` nobody read."""
    rng, n = random.Random(seed), len(said)
    few = max(2, n // 7)

    def unread(script, count, length):
        script = list(script)
        pool = iter(spare)
        for at in sorted(rng.sample(range(len(script) + 1), count), reverse=True):
            script[at:at] = [line for _, line in zip(range(length), pool, strict=False)]
        return script

    def missing(script):
        gone = {id(line) for line in rng.sample(said, few)}
        return [line for line in script if id(line) not in gone]

    def swapped(script):
        a, b = len(script) // 4, 3 * len(script) // 5
        k = max(1, len(script) // 10)
        return [*script[:a], *script[b : b + k], *script[a + k : b], *script[a : a + k],
                *script[b + k :]]  # fmt: skip

    return {
        "as read": said,
        "sentences not read": unread(said, few, 1),
        "sentences missing": missing(said),
        "another order": swapped(said),
        "paragraphs not read": unread(said, 2, few),
        "all of these": unread(swapped(missing(said)), 3, 3),
    }


def judge(written: list[Line], said: list[Line], times, pieces, told) -> dict[str, float]:
    """Counts and the errors of the cuts."""
    time_of = {id(line): span for line, span in zip(said, times, strict=True)}
    texts = {id(line) for line in written}

    def overlap(span, piece):
        return min(span[1], piece.span.end) - max(span[0], piece.span.start)

    def plain(lines):
        return " ".join(s for line in lines for s in script.sentences(line.text))

    right, errors = [], []
    for line in written:
        if id(line) in time_of:
            a, b = time_of[id(line)]
            own = [p for p in pieces if overlap((a, b), p) > SLACK]
            touched = [x for x in said if any(overlap(time_of[id(x)], p) > SLACK for p in own)]
            whole = own and own[0].span.start <= a + SLACK and own[-1].span.end >= b - SLACK
            right.append((whole and " ".join(p.text for p in own) == plain(touched), line.text))
    owner = [max(range(len(said)), key=lambda k: overlap(times[k], p)) for p in pieces]
    for n, p in enumerate(pieces):
        k, held = owner[n], [j for j in range(len(said)) if overlap(times[j], p) > SLACK]
        first, last = (held[0], held[-1]) if held else (k, k)
        if n == 0 or owner[n - 1] != first:
            low = times[first - 1][1] if first else 0.0
            errors.append(max(0.0, low - p.span.start, p.span.start - times[first][0]))
        if n + 1 == len(pieces) or owner[n + 1] != last:
            high = times[last + 1][0] if last + 1 < len(times) else np.inf
            errors.append(max(0.0, p.span.end - high, times[last][1] - p.span.end))
    unread = [line for line in written if id(line) not in time_of]
    missing = [k for k, line in enumerate(said) if id(line) not in texts]
    reasons = [t.reason for t in told if t.reason.startswith("in the script and not heard")]
    named = sum(
        all(any(repr(s) in r for r in reasons) for s in script.sentences(line.text))
        for line in unread
    )
    strange = [t for t in told if t.reason.startswith(("said", "speech"))]
    for k in missing:
        a, b = times[k]
        covered = sum(max(0.0, min(b, t.end) - max(a, t.start)) for t in strange)
        named += covered > 0.8 * (b - a)
    return {
        "n": len(right),
        "right": sum(bool(ok) for ok, _ in right),
        "errors": errors,
        "planted": len(unread) + len(missing),
        "told": named,
        "invented": sum(script.sentences(x.text)[0] in p.text for x in unread for p in pieces
                        if script.sentences(x.text)[0] not in plain(said)),
        "clips": len(pieces),
        "wrong": [text for ok, text in right if not ok],
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--language", default="en")
    parser.add_argument("--sentences", type=int, default=40)
    parser.add_argument("--model", default="base")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", type=Path, help="a file for what Whisper hears")
    parser.add_argument("--wrong", action="store_true", help="name the sentences that are wrong")
    options = parser.parse_args()
    language, n = options.language, options.sentences
    all_lines = lines(options.folder, language, n + n, options.seed)
    said, spare = all_lines[:n], all_lines[n:]
    print(f"{language}, Whisper {options.model}, {len(said)} sentences said")
    print(f"{'pauses':11} {'script':20} {'right':>9} {'clips':>5} {'error ms':>12} {'told':>6}"
          f" {'invented':>8}")  # fmt: skip
    for pauses, limits in PAUSES.items():
        y, times = joined(said, limits, options.seed)
        p, duration = speech_probabilities(y, sr=SR), len(y) / SR
        with tempfile.TemporaryFile() as sound:
            sound.write(y.data)
            words = align.hear(sound, p, sr=SR, duration=duration, model=options.model,
                               language=language, cache=options.cache)  # fmt: skip
        for name, written in scripts(said, spare, options.seed).items():
            pieces, told, _ = align.align("\n".join(line.text for line in written), words, p,
                                          duration=duration, language=language)  # fmt: skip
            found = judge(written, said, times, pieces, told)
            errors = 1000 * np.array(found["errors"] or [np.nan])
            error = f"{np.percentile(errors, 95):.0f} / {errors.max():.0f}"
            print(f"{pauses:11} {name:20} {found['right']:4}/{found['n']:<4} {found['clips']:5}"
                  f" {error:>12} {found['told']:3}/{found['planted']:<2} {found['invented']:8}",
                  flush=True)  # fmt: skip
            if options.wrong:
                for text in found["wrong"]:
                    print(f"    wrong: {text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
