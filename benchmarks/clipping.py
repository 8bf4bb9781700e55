"""Clipping on human recordings: false alarms and misses by language, format, rate and gain.

    python benchmarks/clipping.py FOLDER [--clips 60] [--languages en it]

FOLDER holds a folder of recordings for each language: FOLDER/en, FOLDER/es ... The prompts of the
Debian packages asterisk-core-sounds-{en,es,fr,it,ru}-g722 serve well (CC BY-SA 3.0, five voices):
``apt-get download PACKAGE``, ``dpkg -x FILE DIR``, and copy the ``.g722`` files of each language.
Clips of 1.2 to 15 s are taken, ``--clips`` of each language, the same ones each time; a quarter of
them for the tables of what is clipped.

Each clip is brought to a rate, made so loud that its peak is GAIN times the ceiling, cut off
there, and written with 16 bits; every second clip is turned down to 0.7 after the cut. Clips are
joined to one recording for each case, which is then judged span by span as ``corpus prepare`` does.
Told are clips that it would drop, and clips that it drops or flags. "own samples" is what
``corpus check`` finds of a clip whose recording is not there, at 22 050 Hz.

The thresholds were tuned on English and Italian; the other languages were run afterwards.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from lab_utils import audio
from lab_utils.constants import VOICE_SR
from lab_utils.corpus import clipping
from lab_utils.errors import AudioError

RATES = (8_000, 16_000, 22_050, 44_100, 48_000)
GAINS = (1.5, 2.0, 3.0, 5.0, 8.0, 12.0)
GAP = 0.5  # seconds between two clips


class Codec(NamedTuple):
    """How a recording is written: by libsndfile with a subtype, or by ffmpeg with options."""

    ending: str
    sr: int
    how: str


CODECS = {
    "8 bits": Codec(".wav", 16_000, "PCM_U8"),
    "G.711 mu-law": Codec(".wav", 8_000, "ULAW"),
    "G.711 A-law": Codec(".wav", 8_000, "ALAW"),
    "ADPCM": Codec(".wav", 16_000, "IMA_ADPCM"),
    "GSM": Codec(".wav", 8_000, "GSM610"),
    "G.722": Codec(".g722", 16_000, "-c:a g722"),
    "MP3 128k": Codec(".mp3", 44_100, "-c:a libmp3lame -b:a 128k"),
    "MP3 32k": Codec(".mp3", 22_050, "-c:a libmp3lame -b:a 32k"),
    "Vorbis": Codec(".ogg", 44_100, "-c:a libvorbis -q:a 3"),
    "Opus 64k": Codec(".opus", 48_000, "-c:a libopus -b:a 64k"),
    "Opus 16k": Codec(".opus", 16_000, "-c:a libopus -b:a 16k"),
    "AAC 64k": Codec(".m4a", 44_100, "-c:a aac -b:a 64k"),
}


def human_clips(folder: Path, n: int) -> list[tuple[np.ndarray, int]]:
    """``n`` clips of 1.2 to 15 s, the same ones each time; beeps are no speech."""
    paths = [
        p for p in audio.find(folder).recordings if not {"beep", "tone"} & {*p.stem.split("-")}
    ]
    clips: list[tuple[np.ndarray, int]] = []
    for path in random.Random(13).sample(paths, len(paths)):
        with contextlib.suppress(AudioError):  # a prompt may be empty
            y, sr = audio.load(path, sr=None)
            if 1.2 <= len(y) / sr <= 15 and len(clips) < n:
                clips.append((y, sr))
    return clips


class Case(NamedTuple):
    """Clips in one recording, and where each is, in seconds."""

    y: np.ndarray
    sr: int
    spans: list[tuple[float, float]]


def joined(clips: list[tuple[np.ndarray, int]], *, sr: int, gain: float | None) -> Case:
    """The clips at a rate, clipped at ``gain``, or as they are; between them a gap."""
    parts, spans, at = [], [], 0
    for number, (y, rate) in enumerate(clips):
        y = y if rate == sr else audio.resample(y, sr=rate, target_sr=sr)
        if gain is not None:
            y = np.clip(y * np.float32(gain / np.abs(y).max()), -1, 1)
            y *= np.float32(1.0 if number % 2 else 0.7)
        spans.append((at / sr, (at + len(y)) / sr))
        parts += [y, np.zeros(round(GAP * sr), np.float32)]
        at += sum(map(len, parts[-2:]))
    return Case(np.concatenate(parts), sr, spans)


def judge(path: Path, spans: list[tuple[float, float]]) -> list[clipping.Clipping]:
    """What ``corpus prepare`` finds of each span: flat tops of the source, pile-up at 22 050 Hz."""
    with audio.Recording(path) as recording:
        tops = clipping.FlatTops(sr=recording.sr)

        def mono(frames: np.ndarray) -> np.ndarray:
            tops.feed(frames)
            return frames[:, 0]

        y = np.concatenate(list(recording.blocks(sr=VOICE_SR, mixing=mono)))
    return [
        clipping.Clipping(
            tops.share(a, b), *clipping.pile_up(y[round(a * VOICE_SR) : round(b * VOICE_SR)])
        )
        for a, b in spans
    ]


def written(case: Case, folder: Path, codec: Codec) -> Path:
    """The case as a file."""
    path = folder / f"case{codec.ending}"
    if codec.how.startswith("-"):
        wav = audio.save_wav(folder / "plain.wav", case.y, sr=case.sr)
        audio.run_ffmpeg("-i", str(wav), *codec.how.split(), str(path), what=codec.ending)
    else:
        soundfile.write(path, case.y, case.sr, subtype=codec.how)
    return path


def dropped(found: clipping.Clipping) -> bool:
    return found.share > clipping.MOST_CLIPPED


def flagged(found: clipping.Clipping) -> bool:
    return bool(found.words())


def own(found: clipping.Clipping) -> bool:
    return bool(clipping.Clipping(0.0, found.pile_up, found.crowd).words())


def table(
    title: str,
    rows: dict[str, tuple[Codec, float | None]],
    speech: dict[str, list[tuple[np.ndarray, int]]],
) -> None:
    """Print one line for each codec and gain, one column for each language."""
    print(f"\n{title}: dropped / dropped or flagged / flagged by own samples")
    head = (f"{name} of {len(clips)}" for name, clips in speech.items())
    print(" " * 24 + " ".join(f"{cell:>16}" for cell in head))
    for row, (codec, gain) in rows.items():
        cells = []
        for clips in speech.values():
            case = joined(clips, sr=codec.sr, gain=gain)
            with tempfile.TemporaryDirectory() as folder:
                found = judge(written(case, Path(folder), codec), case.spans)
            cells.append("/".join(f"{sum(map(test, found))}" for test in (dropped, flagged, own)))
        print(f"{row:24}" + " ".join(f"{cell:>16}" for cell in cells), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=60, help="of each language")
    parser.add_argument("--languages", nargs="+", help="folders in FOLDER (default all)")
    options = parser.parse_args()
    names = options.languages or sorted(p.name for p in options.folder.iterdir() if p.is_dir())
    speech = {name: human_clips(options.folder / name, options.clips) for name in names}
    plain = {f"{rate} Hz": Codec(".wav", rate, "PCM_16") for rate in RATES}
    clean = {name: (codec, None) for name, codec in (plain | CODECS).items()}
    table("Not clipped", clean, speech)
    few = {name: clips[: options.clips // 4] for name, clips in speech.items()}
    for title, codecs in (("lossless", plain), ("lossy", CODECS)):
        rows = {f"{n}, x {g:g}": (codec, g) for n, codec in codecs.items() for g in GAINS}
        table(f"Clipped, {title}", rows, few)
    return 0


if __name__ == "__main__":
    sys.exit(main())
