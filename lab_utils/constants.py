"""Whisper's numbers, each derived once and with its reason, as in whisper/audio.py.

They are written out here because importing ``whisper.audio`` loads torch; a test holds them equal.
"""

from __future__ import annotations

SAMPLE_RATE = 16_000  #: Hz, the rate that Whisper hears
N_FFT = 400  #: samples in a frame: 25 ms
HOP_LENGTH = 160  #: samples from one frame to the next: 10 ms
CHUNK_LENGTH = 30  #: seconds in one window
N_SAMPLES = CHUNK_LENGTH * SAMPLE_RATE  #: 480,000 samples in one window
N_FRAMES = N_SAMPLES // HOP_LENGTH  #: 3,000 log-mel frames in one window
N_SAMPLES_PER_TOKEN = HOP_LENGTH * 2  #: the second convolution of the encoder has stride 2
N_POSITIONS = N_SAMPLES // N_SAMPLES_PER_TOKEN  #: 1,500 encoder positions in one window

FRAMES_PER_SECOND = SAMPLE_RATE // HOP_LENGTH  #: 100
TOKENS_PER_SECOND = SAMPLE_RATE // N_SAMPLES_PER_TOKEN  #: 50 encoder positions, or time tokens
SECONDS_PER_FRAME = HOP_LENGTH / SAMPLE_RATE  #: 0.01
SECONDS_PER_POSITION = N_SAMPLES_PER_TOKEN / SAMPLE_RATE  #: 0.02

VOICE_SR = 22_050  #: Hz, the rate of LJSpeech, the usual form of a corpus for a voice
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 4_000, 384_000  #: Hz, what a recording of speech can have
