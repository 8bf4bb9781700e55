"""The studio's checks of a take on human voices: false alarms and misses.

    python benchmarks/studio_takes.py FOLDER [--clips 60] [--languages en es]

FOLDER holds a folder of WAV or G.722 files for each language. The numbers of the notes come from
Debian's packages asterisk-core-sounds-LANG-g722 (en, es, fr, it, ru; CC BY-SA 3.0), unpacked and
decoded by ffmpeg to 16 kHz. Each clip is put into half a second of room noise (-70 dBFS) on both
sides, at 48 kHz: a good take. Then the same take is spoiled in each of the ways of ``SPOILED``.
Printed: rules told about good takes, and how many spoiled takes are told their own fault.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lab_utils import audio
from lab_utils.corpus import clean, rules, takes
from lab_utils.corpus.job import Settings
from lab_utils.corpus.manifest import Clip

SR = 48_000
ROOM = 0.5  #: seconds
CUT = 0.3  #: seconds of speech that are lost
#: sentences are not known here, so no rule on text
CONTRACT = rules.VOICE.without("rate", "count", "speech_rate", "characters", "text")


def room(seconds: float) -> np.ndarray:
    """White noise at -70 dBFS."""
    rng = np.random.default_rng(1)
    return (10 ** (-70 / 20) * rng.standard_normal(round(seconds * SR))).astype(np.float32)


def lower(y: np.ndarray, _: takes.Take) -> np.ndarray:
    """The same at -52 LUFS."""
    return y * np.float32(10 ** ((-52 - clean.loudness(y, sr=SR)) / 20))


def louder(y: np.ndarray, _: takes.Take) -> np.ndarray:
    """Three times as loud as the converter takes."""
    return np.clip(y * np.float32(3 / np.abs(y).max()), -1, 1)


def in_noise(y: np.ndarray, _: takes.Take) -> np.ndarray:
    """White noise 5 dB below the take."""
    return audio.add_noise(y, snr_db=5, seed=1)


def late(y: np.ndarray, good: takes.Take) -> np.ndarray:
    """The recording begins after the speech."""
    return y[round((good.clip.start + 0.15 + CUT) * SR) :]


def early(y: np.ndarray, good: takes.Take) -> np.ndarray:
    """The recording ends before the speech."""
    return y[: round((good.clip.end - 0.15 - CUT) * SR)]


SPOILED: dict[str, Callable[[np.ndarray, takes.Take], np.ndarray]] = {
    "quiet": lower,
    "clipping": louder,
    "snr": in_noise,
    "cut_start": late,
    "cut_end": early,
    "silence": lambda y, _: room(len(y) / SR),
}


def examined(folder: Path, y: np.ndarray, language: str) -> takes.Take:
    """What the studio says of a take."""
    path = folder / "take.flac"
    path.write_bytes(audio.encode(y, sr=SR, format="flac"))
    clip = Clip("take", "take.wav", text="-", language=language, licence="-", consent="-")
    return takes.examine(path, clip, settings=Settings(), contract=CONTRACT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=60, help="of each language")
    parser.add_argument("--languages", nargs="+", default=["en", "es", "fr", "it", "ru"])
    options = parser.parse_args()
    for language in options.languages:
        found = audio.find(options.folder / language).recordings
        sized = [
            p for p in found if 1.5 <= audio.describe(p).duration <= 14 and "tone" not in p.stem
        ]
        paths = random.Random(7).sample(sorted(sized), min(options.clips, len(sized)))
        alarms, told, n_good = Counter(), Counter(), 0
        with tempfile.TemporaryDirectory() as made:
            for path in paths:
                y, _ = audio.load(path, sr=SR)
                y = np.concatenate([room(ROOM), y, room(ROOM)])
                good = examined(Path(made), y, language)
                n_good += good.ok
                alarms.update(finding.rule for finding in good.findings)
                if good.y is None:
                    continue
                for rule, spoil in SPOILED.items():
                    take = examined(Path(made), spoil(y, good), language)
                    told[rule] += rule in {finding.rule for finding in take.findings}
        print(f"{language}: {n_good} of {len(paths)} good takes pass; told: {dict(alarms)}")
        print("    found: " + ", ".join(f"{rule} {told[rule]}" for rule in SPOILED))


if __name__ == "__main__":
    main()
