"""Plant defects in a copy of a good corpus, one of each kind, and say where: a check of the check.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import audio
from ..errors import CorpusError
from .manifest import SPLITS, Manifest
from .rules import Contract

N_CLIPS = 36  #: enough good clips for one of each defect, and a few left as they are


@dataclass(frozen=True)
class Planted:
    """A corpus with defects."""

    manifest: Manifest
    #: every (clip id or path of a file without a row, key of the rule that it breaks)
    defects: frozenset[tuple[str, str]]


class _Bench:
    """The copy that is being spoilt; clips are taken one after another and used once."""

    def __init__(self, manifest: Manifest, contract: Contract) -> None:
        self.folder, self.clips = manifest.folder, list(manifest.clips)
        self.contract = contract
        self.defects: set[tuple[str, str]] = set()
        self._next = 0

    def limit(self, rule: str):
        return self.contract[rule].limit if rule in self.contract else None

    def take(self, *rules: str) -> int:
        """The next clip; what is said to be wrong with it, as far as the contract minds."""
        self._next += 1
        self.blame(self._next - 1, *rules)
        return self._next - 1

    def blame(self, index: int, *rules: str) -> None:
        self.defects |= {(self.clips[index].id, rule) for rule in rules if rule in self.contract}

    def sound(self, rule: str, change: Callable, **write) -> None:
        """Change the samples of one clip; ``write`` goes to soundfile."""
        import soundfile

        path = self.path(self.take(rule))
        y, sr = audio.load(path, sr=None)
        options = {"samplerate": sr, "subtype": "PCM_16", "format": "WAV"} | write
        soundfile.write(path, change(y, sr), **options)

    def row(self, index: int, **values) -> None:
        """Change the row of one clip; what was heard follows the text unless it is named."""
        if "text" in values:
            values.setdefault("heard", values["text"])
        self.clips[index] = dataclasses.replace(self.clips[index], **values)

    def path(self, index: int) -> Path:
        return self.folder / self.clips[index].file


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


def _through(y: np.ndarray, sr: int, rate: int) -> np.ndarray:
    return audio.resample(audio.resample(y, sr=sr, target_sr=rate), sr=rate, target_sr=sr)


def plant(manifest: Manifest, out: str | os.PathLike, contract: Contract) -> Planted:
    """Copy a good corpus and plant one defect of each kind that a contract knows.

    Parameters
    ----------
    manifest : Manifest
        At least 36 clips that keep every rule, with texts, splits, licence and consent.
    out : path-like
        A folder that does not exist yet.
    contract : Contract
        Says which defects are defects, and how strong they must be.

    Returns
    -------
    Planted

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
    # training clips first, the longest of them in front: some defects need a long one
    order = sorted(manifest.clips, key=lambda c: (SPLITS.index(c.split), -c.duration, c.id))
    bench = _Bench(Manifest(out, tuple(order)), contract)
    _plant_sound(bench)
    _plant_copies(bench)
    _plant_lengths(bench)
    _plant_files(bench)
    _plant_texts(bench)
    _plant_leaks(bench)
    made = Manifest(out, tuple(bench.clips))
    made.save()
    return Planted(made, frozenset(bench.defects))


def _plant_sound(bench: _Bench) -> None:
    narrow = round(1.6 * bench.limit("bandwidth"))
    noise = bench.limit("snr") - 5
    quiet = np.float32(10 ** (-(bench.limit("loudness") + 4) / 20))
    bench.sound("inner_silence", _silence_inside)
    bench.sound("edge_silence", lambda y, sr: np.pad(y, (sr, 0)))
    bench.sound("edge_silence", lambda y, sr: np.pad(y, (0, sr)))
    bench.sound("format", lambda y, sr: y, format="AIFF")
    bench.sound("bit_depth", lambda y, sr: y, subtype="PCM_U8")
    bench.sound("bit_depth", lambda y, sr: y, subtype="PCM_24")
    bench.sound("bit_depth", lambda y, sr: y, subtype="FLOAT")
    bench.sound("rate", lambda y, sr: audio.resample(y, sr=sr, target_sr=44_100), samplerate=44_100)
    bench.sound("channels", lambda y, sr: np.stack([y, y], axis=1))
    bench.sound("clipping", _clipped)
    bench.sound("dc_offset", lambda y, sr: y + np.float32(0.05))
    bench.sound("snr", lambda y, sr: audio.add_noise(y, snr_db=noise, seed=0))
    bench.sound("loudness", lambda y, sr: y * quiet)
    bench.sound("bandwidth", lambda y, sr: _through(y, sr, narrow))


def _plant_copies(bench: _Bench) -> None:
    """The sound of another clip under a text of its own: as it is, and at another level."""
    for gain in (1.0, 0.7):
        first, second = bench.take(), bench.take("duplicate_audio")
        y, sr = audio.load(bench.path(first), sr=None)
        audio.save_wav(bench.path(second), y * np.float32(gain), sr=sr)
        original = bench.clips[first]
        bench.row(second, text=original.text + " Again.", speaker=original.speaker)


def _plant_lengths(bench: _Bench) -> None:
    """Too short, and 30 seconds and one sample."""
    for text, length in (
        ("Well then.", lambda n, sr: sr * 9 // 10),
        (None, lambda n, sr: 30 * sr + 1),
    ):
        index = bench.take("duration")
        y, sr = audio.load(bench.path(index), sr=None)
        n = length(len(y), sr)
        audio.save_wav(bench.path(index), np.resize(y, n), sr=sr)
        bench.row(index, text=text or " ".join([bench.clips[index].text] * (n // len(y))))


def _plant_files(bench: _Bench) -> None:
    bench.path(bench.take("missing_file")).unlink()
    index = bench.take("inside")
    bench.path(index).unlink()
    bench.row(index, file="../elsewhere/clip.wav")
    bench.path(bench.take("readable")).write_bytes(b"")
    bench.path(bench.take("readable")).write_text("this is no sound", "utf-8")
    orphan = bench.path(0).with_name("left over.wav")
    shutil.copyfile(bench.path(0), orphan)
    bench.defects.add((orphan.relative_to(bench.folder).as_posix(), "missing_row"))


def _plant_texts(bench: _Bench) -> None:
    bench.row(bench.take("text"), text="")
    bench.row(bench.take("speech_rate"), text="I.")
    bench.row(bench.take("speech_rate"), text="this text belongs to quite another clip " * 10)
    index = bench.take("characters")
    bench.row(index, text=bench.clips[index].text + " \u2603\u0007")
    index = bench.take("disagreement")
    said = bench.clips[index].text
    bench.row(index, text=_other_words(said), heard=said)
    bench.row(bench.take("consent"), consent="")
    bench.row(bench.take("consent"), licence="")
    if "tokens" in bench.contract:  # each of these letters takes three tokens
        bench.row(bench.take("tokens"), text="\u2d63" * 250)
        _lengthen(bench, bench._next - 1, seconds=12)


def _lengthen(bench: _Bench, index: int, *, seconds: int) -> None:
    y, sr = audio.load(bench.path(index), sr=None)
    audio.save_wav(bench.path(index), np.resize(y, seconds * sr), sr=sr)


def _plant_leaks(bench: _Bench) -> None:
    """Into the last split: a sentence that is trained on, and a speaker who is trained on."""
    trained = next(c for c in reversed(bench.clips) if c.split == "train")
    last = len(bench.clips) - 1
    bench.blame(last, "text_leak", "duplicate_text")
    bench.row(last, text=trained.text)
    if "speaker_leak" in bench.contract:
        bench.blame(last - 1, "speaker_leak")
        bench.row(last - 1, speaker=trained.speaker)


def _other_words(text: str) -> str:
    """As long as the text, but not what is said."""
    other = (
        "nobody ever spoke any of these words before, yet here they stand instead of the others "
    )
    return (other * (len(text) // len(other) + 1))[: len(text)].strip().capitalize()
