"""Music under human speech: what the rules ``snr`` and ``music`` say, by language and level.

    python benchmarks/music.py FOLDER [--clips 60] [--languages en it]

FOLDER as for benchmarks/clipping.py. Under each clip goes music that is made here: a slow organ
(chords that are held), a harp (arpeggios that die away), a band (both, and drums), drums alone; and
for comparison white noise. The level is the power of the whole clip over that of the music. Told is
how many clips break the whisper contract's rule on SNR / its rule on music / the voice contract's
rule on SNR.

The threshold was tuned on English and Italian; the other languages were run afterwards.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from pathlib import Path

import numpy as np
from clipping import human_clips

from lab_utils.corpus import measure, rules

LEVELS = (-5, 0, 5, 10)  # dB
STYLES = ("organ", "harp", "band", "drums", "white noise")
SCALE = (0, 2, 4, 5, 7, 9, 11)  # semitones


def _note(out: np.ndarray, f: float, start: float, seconds: float, decay: float, sr: int) -> None:
    """Five harmonics with a soft beginning and end."""
    first, last = round(start * sr), min(len(out), round((start + seconds) * sr))
    t = np.arange(last - first) / sr
    envelope = np.minimum(1, t / 0.01) * np.exp(-t / decay)
    envelope *= np.clip((seconds - t) / 0.02, 0, 1)
    harmonics = (np.sin(2 * np.pi * k * f * t) / k**1.3 for k in range(1, 6) if k * f < sr / 2)
    out[first:last] += envelope * sum(harmonics)


def _drum(out: np.ndarray, start: float, *, number: int, sr: int, rng: np.random.Generator) -> None:
    """A hi-hat on each half beat, a bass drum and a snare drum on every other beat."""
    first = round(start * sr)
    t = np.arange(min(len(out) - first, sr // 4)) / sr
    hit = 0.5 * np.diff(rng.standard_normal(len(t) + 1)) * np.exp(-t / 0.025)
    if number % 4 == 0:
        hit += 2.5 * np.sin(2 * np.pi * (55 * t + 0.9 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.1)
    if number % 4 == 2:
        hit += 1.2 * rng.standard_normal(len(t)) * np.exp(-t / 0.06)
    out[first : first + len(t)] += hit


def music(n: int, *, sr: int, style: str, rng: np.random.Generator) -> np.ndarray:
    """``n`` samples of a style, in a key and at a tempo by chance."""
    if style == "white noise":
        return rng.standard_normal(n)
    beat, root = rng.uniform(0.3, 0.55), 110 * 2 ** (rng.integers(12) / 12)
    before = round(rng.uniform(1, 4) * sr)  # it has begun before the clip does
    out = np.zeros(before + n)
    for bar in np.arange(0, len(out) / sr, 4 * beat):
        degree = rng.choice((0, 3, 4, 5))
        steps = [divmod(degree + third, 7) for third in (0, 2, 4)]
        chord = [root * 2 ** (octave + SCALE[step] / 12) for octave, step in steps]
        if style in ("organ", "band"):
            for f in chord:
                _note(out, f, bar, 4 * beat, 10.0, sr)
        for number in range(8):
            start = bar + number * beat / 2
            if start * sr >= len(out):
                break
            if style in ("harp", "band"):
                f = chord[number % 3] * (4 if number % 4 == 3 else 2)
                _note(out, f, start, 1.5 * beat, 0.25, sr)
            if style in ("drums", "band"):
                _drum(out, start, number=number, sr=sr, rng=rng)
    return out[before:]


def broken(y: np.ndarray, sr: int) -> tuple[bool, bool, bool]:
    """Which of the three rules a clip breaks."""
    y = y - y.mean()
    snr = measure.snr_estimate(measure.frame_levels(y, sr=sr))
    held = measure.over_held(y, sr=sr)
    return (
        snr < rules.WHISPER["snr"].limit,
        held < rules.WHISPER["music"].limit,
        snr < rules.VOICE["snr"].limit,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=60, help="of each language")
    parser.add_argument("--languages", nargs="+", help="folders in FOLDER (default all)")
    options = parser.parse_args()
    names = options.languages or sorted(p.name for p in options.folder.iterdir() if p.is_dir())
    speech = {name: human_clips(options.folder / name, options.clips) for name in names}
    print("clips that break: snr (whisper) / music / snr (voice)")
    print(f"{'':24}" + " ".join(f"{f'{k} of {len(v)}':>16}" for k, v in speech.items()))
    cases = [("clean", 0), *((style, level) for style in STYLES for level in LEVELS)]
    for style, level in cases:
        cells = []
        for name, clips in speech.items():
            rng = np.random.default_rng(zlib.crc32(f"{name} {style}".encode()))
            counts = np.zeros(3, int)
            for y, sr in clips:
                mixed = y
                if style != "clean":
                    added = music(len(y), sr=sr, style=style, rng=rng)
                    gain = np.sqrt(np.mean(y**2) / np.mean(added**2) / 10 ** (level / 10))
                    mixed = (y + gain * added).astype(np.float32)
                counts += broken(mixed, sr)
            cells.append(f"{'/'.join(map(str, counts)):>16}")
        row = style if style == "clean" else f"{style}, {level} dB"
        print(f"{row:24}{' '.join(cells)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
