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
from .manifest import SPLITS, Clip, Manifest
from .rules import Contract

N_CLIPS = 36  #: enough good clips for one of each defect, and a few left as they are
OTHER_WORDS = (
    "nobody ever spoke any of these words before, yet here they are instead of the others "
)


@dataclass(frozen=True)
class Planted:
    """A corpus with defects."""

    manifest: Manifest
    #: every (clip id or path of a file without a row, key of the rule that it breaks)
    defects: frozenset[tuple[str, str]]


class Bench:
    """The copy that is being spoilt; clips are taken one after another and used once."""

    def __init__(self, manifest: Manifest, contract: Contract) -> None:
        self.folder, self.clips = manifest.folder, list(manifest.clips)
        self.contract = contract
        self.defects: set[tuple[str, str]] = set()
        self._next = 0

    def take(self, rule: str = "") -> int:
        """The next clip, which will break a rule or is only the model of another."""
        index, self._next = self._next, self._next + 1
        if rule:
            self.blame(index, rule)
        return index

    def blame(self, index: int, rule: str) -> None:
        """A clip is known to break a rule, if the contract has it."""
        if rule in self.contract:
            self.defects.add((self.clips[index].id, rule))

    def path(self, index: int) -> Path:
        """Where a clip's file lies."""
        return self.folder / self.clips[index].file

    def sound(
        self, index: int, change: Callable[[np.ndarray, int], np.ndarray], **write: object
    ) -> None:
        """Change the samples of a clip; ``write`` goes to soundfile."""
        import soundfile

        y, sr = audio.load(self.path(index), sr=None)
        options = {"samplerate": sr, "subtype": "PCM_16", "format": "WAV"} | write
        soundfile.write(self.path(index), change(y, sr), **options)

    def row(self, index: int, **values: str) -> None:
        """Change the row of a clip; what was heard follows the text unless it is named."""
        if "text" in values:
            values.setdefault("heard", values["text"])
        self.clips[index] = dataclasses.replace(self.clips[index], **values)


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


def plant(
    manifest: Manifest,
    out: str | os.PathLike,
    contract: Contract,
    *,
    more: Callable[[Bench], None] | None = None,
) -> Planted:
    """Copy a good corpus and plant one defect of each kind that the contract for a voice knows.

    Parameters
    ----------
    manifest : Manifest
        At least 36 clips that keep every rule, with texts, splits, licence and consent.
    out : path-like
        A folder that does not exist yet.
    contract : Contract
        Says which defects are defects, and how strong they must be.
    more : callable, optional
        Plants defects of other kinds.

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

    def longest_to_train_on_first(clip: Clip) -> tuple[int, float, str]:
        return SPLITS.index(clip.split), -clip.duration, clip.id

    ordered = sorted(manifest.clips, key=longest_to_train_on_first)
    bench = Bench(Manifest(out, tuple(ordered)), contract)
    _plant_sound(bench)
    _plant_files(bench)
    _plant_texts(bench)
    if more:
        more(bench)
    made = Manifest(out, tuple(bench.clips))
    made.save()
    return Planted(made, frozenset(bench.defects))


def _plant_sound(bench: Bench) -> None:
    limit = {rule.key: rule.limit for rule in bench.contract.rules}
    narrow = round(1.6 * limit["bandwidth"])
    noise = limit["snr"] - 5
    quiet = np.float32(10 ** (-(limit["loudness"] + 4) / 20))
    for rule, change, write in (
        ("inner_silence", _silence_inside, {}),
        ("edge_silence", lambda y, sr: np.pad(y, (sr, 0)), {}),
        ("edge_silence", lambda y, sr: np.pad(y, (0, sr)), {}),
        ("format", lambda y, sr: y, {"format": "AIFF"}),
        ("bit_depth", lambda y, sr: y, {"subtype": "PCM_U8"}),
        ("bit_depth", lambda y, sr: y, {"subtype": "PCM_24"}),
        ("bit_depth", lambda y, sr: y, {"subtype": "FLOAT"}),
        ("rate", lambda y, sr: audio.resample(y, sr=sr, target_sr=44_100), {"samplerate": 44_100}),
        ("channels", lambda y, sr: np.stack([y, y], axis=1), {}),
        ("clipping", _clipped, {}),
        ("dc_offset", lambda y, sr: y + np.float32(0.05), {}),
        ("snr", lambda y, sr: audio.add_noise(y, snr_db=noise, seed=0), {}),
        ("loudness", lambda y, sr: y * quiet, {}),
        ("bandwidth", lambda y, sr: _through(y, sr, narrow), {}),
    ):
        bench.sound(bench.take(rule), change, **write)
    for gain in (1.0, 0.7):  # the sound of another clip, under a text of its own
        first, second = bench.take(), bench.take("duplicate_audio")
        y, sr = audio.load(bench.path(first), sr=None)
        audio.save_wav(bench.path(second), y * np.float32(gain), sr=sr)
        original = bench.clips[first]
        bench.row(second, text=original.text + " Again.", speaker=original.speaker)
    index = bench.take("duration")
    bench.sound(index, lambda y, sr: np.resize(y, sr * 9 // 10))
    bench.row(index, text="Well then.")
    index = bench.take("duration")
    y, sr = audio.load(bench.path(index), sr=None)
    audio.save_wav(bench.path(index), np.resize(y, 30 * sr + 1), sr=sr)
    bench.row(index, text=" ".join([bench.clips[index].text] * (30 * sr // len(y))))


def _plant_files(bench: Bench) -> None:
    bench.path(bench.take("missing_file")).unlink()
    index = bench.take("inside")
    bench.path(index).unlink()
    bench.row(index, file="../elsewhere/clip.wav")
    bench.path(bench.take("readable")).write_bytes(b"")
    bench.path(bench.take("readable")).write_text("this is no sound", "utf-8")
    orphan = bench.path(0).with_name("left over.wav")
    shutil.copyfile(bench.path(0), orphan)
    bench.defects.add((orphan.relative_to(bench.folder).as_posix(), "missing_row"))


def _plant_texts(bench: Bench) -> None:
    bench.row(bench.take("text"), text="")
    bench.row(bench.take("speech_rate"), text="I.")
    bench.row(bench.take("speech_rate"), text="this text belongs to quite another clip " * 10)
    index = bench.take("characters")
    bench.row(index, text=bench.clips[index].text + " \u2603\u0007")
    index = bench.take("disagreement")
    said = bench.clips[index].text
    other = (OTHER_WORDS * (len(said) // len(OTHER_WORDS) + 1))[: len(said)]  # as long
    bench.row(index, text=other.strip().capitalize(), heard=said)
    bench.row(bench.take("consent"), consent="")
    bench.row(bench.take("consent"), licence="")
    last = len(bench.clips) - 1  # of another split: a sentence that is trained on
    trained = next(clip for clip in reversed(bench.clips) if clip.split == "train")
    bench.row(last, text=trained.text)
    bench.blame(last, "text_leak")
    bench.blame(last, "duplicate_text")
