"""Plant defects in a copy of a good corpus, one of each kind, and say where: a check of the check.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import audio
from ..errors import CorpusError
from .manifest import SPLITS, Clip, Manifest
from .rules import Contract

N_CLIPS = 36  #: enough good clips for one of each defect, and a few left as they are
OTHER_WORDS = "nobody ever spoke any of these words before, yet here they are instead of others "


@dataclass(frozen=True)
class Planted:
    """A corpus with defects."""

    manifest: Manifest
    #: every (clip id or path of a file without a row, key of the rule that it breaks)
    defects: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Defect:
    """One way to spoil a good clip."""

    rule: str  #: that it breaks
    sound: Callable[[np.ndarray, int], np.ndarray] | None = None  #: other samples, from (y, sr)
    write: dict[str, Any] = dataclasses.field(default_factory=dict)  #: options for soundfile
    file: Callable[[Path], object] | None = None  #: what happens to the file
    row: Callable[[Clip], dict[str, Any]] | None = None  #: other values in the row
    also: tuple[str, ...] = ()  #: rules that it cannot but break with it


def _silence_inside(y: np.ndarray, sr: int) -> np.ndarray:
    hop = sr // 100
    levels = np.square(y[: len(y) // hop * hop].reshape(-1, hop)).mean(axis=1)
    quarter = len(levels) // 4
    at = (quarter + int(np.argmin(levels[quarter : 3 * quarter]))) * hop
    return np.concatenate([y[:at], np.zeros(2 * sr, np.float32), y[at:]])


def _clipped(y: np.ndarray, sr: int) -> np.ndarray:
    """Six times too loud, and afterwards turned down to the loudness that it had."""
    peak = np.abs(y).max()
    flat = np.clip(6 * y, -peak, peak)
    return flat * np.sqrt(np.mean(y**2) / np.mean(flat**2))


def _music(y: np.ndarray, sr: int) -> np.ndarray:
    """A chord under the voice, 6 dB softer; the whole as loud as before."""
    t = np.arange(len(y)) / sr
    notes = (np.sin(2 * np.pi * k * f * t) / k for f in (220, 277.2, 329.6) for k in (1, 2, 3))
    chord = np.sum(list(notes), axis=0)
    mixed = y + chord * np.sqrt(np.mean(y**2) / np.mean(chord**2)) / 2
    return mixed * np.sqrt(np.mean(y**2) / np.mean(mixed**2))


def _through(y: np.ndarray, sr: int, rate: int) -> np.ndarray:
    return audio.resample(audio.resample(y, sr=sr, target_sr=rate), sr=rate, target_sr=sr)


def _other_words(clip: Clip) -> dict[str, str]:
    """As long as the text, but not what is said."""
    n = len(clip.text)
    words = (OTHER_WORDS * (n // len(OTHER_WORDS) + 1))[:n]
    return {"text": words.strip().capitalize(), "heard": clip.text}


def _defects(contract: Contract) -> tuple[Defect, ...]:
    """One clip each; how strong they must be is in the contract."""
    narrow = round(1.6 * contract["bandwidth"].limit)
    noise = contract["snr"].limit - 5
    filled = ("snr",) if contract["snr"].limit > 12 else ()  # pauses with a chord in them
    quiet = np.float32(10 ** (-(contract["loudness"].limit + 4) / 20))
    foreign = "this text belongs to quite another clip " * 10
    return (
        Defect("inner_silence", _silence_inside),
        Defect("edge_silence", lambda y, sr: np.pad(y, (sr, 0))),
        Defect("edge_silence", lambda y, sr: np.pad(y, (0, sr))),
        Defect("format", lambda y, sr: y, {"format": "AIFF"}),
        Defect("bit_depth", lambda y, sr: y, {"subtype": "PCM_U8"}),
        Defect("bit_depth", lambda y, sr: y, {"subtype": "PCM_24"}),
        Defect("bit_depth", lambda y, sr: y, {"subtype": "FLOAT"}),
        Defect(
            "rate",
            lambda y, sr: audio.resample(y, sr=sr, target_sr=44_100),
            {"samplerate": 44_100},
        ),
        Defect("channels", lambda y, sr: np.stack([y, y], axis=1)),
        Defect("clipping", _clipped),
        Defect("dc_offset", lambda y, sr: y + np.float32(0.05)),
        Defect("snr", lambda y, sr: audio.add_noise(y, snr_db=noise, seed=0)),
        Defect("music", _music, also=filled),
        Defect("loudness", lambda y, sr: y * quiet),
        Defect("bandwidth", lambda y, sr: _through(y, sr, narrow)),
        Defect(
            "duration",
            lambda y, sr: np.resize(y, sr * 9 // 10),
            row=lambda clip: {"text": "Well then."},
        ),
        Defect(
            "duration",
            lambda y, sr: np.resize(y, 30 * sr + 1),
            row=lambda clip: {"text": f"{clip.text} " * (300 // len(clip.text) + 1)},
        ),
        Defect("missing_file", file=Path.unlink),
        Defect("inside", file=Path.unlink, row=lambda clip: {"file": "../elsewhere/clip.wav"}),
        Defect("readable", file=lambda path: path.write_bytes(b"")),
        Defect("readable", file=lambda path: path.write_text("this is no sound", "utf-8")),
        Defect("text", row=lambda clip: {"text": ""}),
        Defect("speech_rate", row=lambda clip: {"text": "I."}),
        Defect("speech_rate", row=lambda clip: {"text": foreign}),
        Defect("characters", row=lambda clip: {"text": clip.text + " \u2603\u0007"}),
        Defect("language", row=lambda clip: {"language": "klingon"}),
        Defect("disagreement", row=_other_words),
        Defect("consent", row=lambda clip: {"consent": ""}),
        Defect("consent", row=lambda clip: {"licence": ""}),
    )


def plant(
    manifest: Manifest,
    out: str | os.PathLike,
    contract: Contract,
    *,
    more: Sequence[Defect] = (),
) -> Planted:
    """Copy a good corpus and plant one defect of each kind that a contract knows.

    Parameters
    ----------
    manifest : Manifest
        At least 36 clips that keep every rule, with texts, splits, licence and consent.
    out : path-like
        A folder that does not exist yet.
    contract : Contract
        Says which defects are defects, and how strong they must be.
    more : sequence of Defect
        Defects of other kinds.

    Raises
    ------
    CorpusError
        Too few clips, or ``out`` is there.
    """
    out = Path(out)
    if len(manifest) < N_CLIPS:
        raise CorpusError(f"Expected at least {N_CLIPS} good clips, found {len(manifest)}.")
    if out.exists():
        raise CorpusError(f"{out} is there: name a new folder.")
    for clip in manifest.clips:
        (out / clip.file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(manifest.path(clip), out / clip.file)
    clips = sorted(manifest.clips, key=lambda c: (SPLITS.index(c.split), c.id))  # train first
    broken = []
    n = 0
    for defect in (*_defects(contract), *more):
        broken += [(clips[n].id, rule) for rule in (defect.rule, *defect.also)]
        clips[n] = _spoil(clips[n], defect, out)
        n += 1
    for gain in (1.0, 0.7):  # the sound of another clip, under a text of its own
        first, second = clips[n : n + 2]
        y, sr = audio.load(out / first.file, sr=None)
        audio.save_wav(out / second.file, y * np.float32(gain), sr=sr)
        clips[n + 1] = _with_text(second, f"{first.text} Again.", speaker=first.speaker)
        broken.append((second.id, "duplicate_audio"))
        n += 2
    orphan = (out / clips[0].file).with_name("left over.wav")
    shutil.copyfile(out / clips[0].file, orphan)
    broken.append((orphan.relative_to(out).as_posix(), "missing_row"))
    # into the last split: a sentence that is trained on
    trained = next(clip for clip in reversed(clips) if clip.split == "train")
    clips[-1] = _with_text(clips[-1], trained.text)
    broken += [(clips[-1].id, "text_leak"), (clips[-1].id, "duplicate_text")]
    made = Manifest(out, tuple(clips))
    made.save()
    return Planted(made, frozenset(item for item in broken if item[1] in contract))


def _spoil(clip: Clip, defect: Defect, folder: Path) -> Clip:
    import soundfile

    path = folder / clip.file
    if defect.sound:
        y, sr = audio.load(path, sr=None)
        options: dict[str, Any] = {"samplerate": sr, "subtype": "PCM_16", "format": "WAV"}
        options |= defect.write
        soundfile.write(path, defect.sound(y, sr), **options)
    if defect.file:
        defect.file(path)
    values = defect.row(clip) if defect.row else {}
    if "text" in values:
        values = {"heard": values["text"]} | values
    return dataclasses.replace(clip, **values)


def _with_text(clip: Clip, text: str, **values: Any) -> Clip:
    return dataclasses.replace(clip, text=text, heard=text, **values)
