"""Preparation of recordings: speed, memory on a two-hour file, what each stage costs.

    python benchmarks/prepare_corpus.py [--hours 2] [--rounds 3]

Prints seconds of audio a second, with and without noise reduction, with one process and with two
(writing the clips included), how many times as fast that is as the obvious code with librosa and
noisereduce, the cost of each stage on one core, and the peak resident memory of a fresh process on
a long 44.1 kHz stereo file, which is made in a temporary folder and removed. The memory is given
above that of the imported packages (torch, for the speech detector, among them) and read from
Linux's /proc.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import soundfile

from lab_utils import audio, samples
from lab_utils.corpus import clean, passes, pipeline, speech, split

LECTURE = samples.assets_dir() / "workshop" / "lecture.ogg"
GATE = pipeline.Settings(denoise="gate")
OBVIOUS = "obvious code, 1 process"
MEMORY = """
import re, sys, time
from lab_utils.corpus import pipeline, speech
import numpy as np, soundfile, soxr, pyloudnorm, scipy.fft, scipy.ndimage, torch
speech.speech_probabilities(np.zeros(16000, np.float32), sr=16000)
# not ru_maxrss: that remembers the process that started this one
def resident(kind):
    return int(re.search(kind + r":\\s*(\\d+)", open("/proc/self/status").read())[1]) / 1024
open("/proc/self/clear_refs", "w").write("5")  # forget the peak of the imports
before, begin = resident("VmRSS"), time.process_time()
made = pipeline.prepare(sys.argv[1], sys.argv[2], settings=pipeline.Settings(denoise="gate"))
print(len(made), round(before), round(resident("VmHWM")), round(time.process_time() - begin, 1))
"""


def long_file(path: Path, hours: float) -> float:
    """The lecture again and again as a 44.1 kHz stereo WAV; returns its seconds."""
    y, sr = soundfile.read(LECTURE, dtype="int16", always_2d=True)
    with soundfile.SoundFile(path, "w", sr, 2, "PCM_16") as file:
        while file.frames < hours * 3600 * sr:
            file.write(y)
        return file.frames / sr


def memory(hours: float) -> None:
    """Peak memory of a fresh process, above what the imports take."""
    for length in (hours / 60, hours):
        with tempfile.TemporaryDirectory() as folder:
            seconds = long_file(Path(folder) / "long.wav", length)
            command = [sys.executable, "-c", MEMORY, folder + "/long.wav", folder + "/corpus"]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        n, before, peak, cpu = done.stdout.split()
        print(
            f"{seconds / 60:6.1f} min: {int(peak) - int(before):5} MB above the imports "
            f"({before} MB), {n} clips, {seconds / float(cpu):.0f} s of audio a CPU second"
        )


def stages(rounds: int) -> None:
    """CPU time of each stage alone."""
    sr = GATE.sr
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "lecture.wav"
        long_file(wav, 0.1)
        y, _ = audio.load(wav, sr=sr)
        seconds = len(y) / sr
        y16 = audio.resample(y, sr=sr, target_sr=16_000)
        with tempfile.TemporaryFile() as sound:
            heard = passes.listen(wav, sr=sr, keep=sound)
            spans = split.on_speech(heard.probabilities, duration=heard.duration)
            pieces = list(passes.cut(sound, spans, sr=sr))
        noise = heard.noise[:48]
        runs = {
            "decode, mono, resample": lambda: sum(len(b) for b in audio.blocks(wav, sr=sr)),
            "speech detection": lambda: speech.speech_probabilities(y16, sr=16_000),
            "listen: decode and detect": lambda: passes.listen(wav, sr=sr),
            "noise gate, blocks": lambda: [
                clean.gate(p, clean.noise_profile(noise)) for p in pieces
            ],
            "noisereduce": lambda: [
                clean.reduce_noise(p, noise, sr=sr, method="noisereduce") for p in pieces
            ],
            "loudness": lambda: [clean.level(p, sr=sr) for p in pieces],
        }
        times = {name: [] for name in runs}
        for _ in range(rounds + 1):
            for name, run in runs.items():
                begin = time.process_time()
                run()
                times[name].append(time.process_time() - begin)
    for name, values in times.items():
        print(f"{name:28} {seconds / statistics.median(values[1:]):7.0f} s of audio a CPU second")


def obvious(path: Path, out: Path) -> None:
    """What one would write first: librosa splits at silence, noisereduce gates, pyloudnorm levels.

    It knows no speech from noise, keeps no list, and needs the whole recording in memory.
    """
    import librosa
    import noisereduce
    import pyloudnorm

    out.mkdir(parents=True, exist_ok=True)
    y, sr = librosa.load(path, sr=GATE.sr)
    y = noisereduce.reduce_noise(y=y, sr=sr, stationary=True)
    meter = pyloudnorm.Meter(sr)
    for number, (start, end) in enumerate(librosa.effects.split(y, top_db=30)):
        if end - start >= 0.4 * sr:
            clip = pyloudnorm.normalize.loudness(
                y[start:end], meter.integrated_loudness(y[start:end]), -23.0
            )
            soundfile.write(out / f"{path.stem}-{number}.wav", clip, sr, subtype="PCM_16")


def throughput(rounds: int) -> None:
    """The whole job on four recordings: one process, two, and the obvious code, interleaved."""
    context = get_context("spawn")
    y, sr = soundfile.read(LECTURE, dtype="int16", always_2d=True)
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "in"
        inputs.mkdir()
        for i in range(4):
            soundfile.write(inputs / f"{i}.wav", np.roll(y, i * 1000, axis=0), sr)
        seconds = 4 * len(y) / sr
        times: dict[str, list[float]] = {}
        with ProcessPoolExecutor(1, mp_context=context) as one:
            with ProcessPoolExecutor(2, mp_context=context) as two:
                cases = {
                    "gate, 1 process": (GATE, one),
                    "gate, 2 processes": (GATE, two),
                    "no noise reduction, 1 process": (pipeline.Settings(), one),
                }
                for number in range(rounds + 1):  # the first round starts the processes
                    out = Path(folder) / "out"
                    jobs = {
                        name: partial(
                            pipeline.prepare, inputs, out, settings=settings, executor=executor
                        )
                        for name, (settings, executor) in cases.items()
                    }
                    jobs[OBVIOUS] = lambda out=out: [obvious(p, out) for p in inputs.iterdir()]
                    for name, job in jobs.items():
                        begin = time.perf_counter()
                        job()
                        if number:
                            times.setdefault(name, []).append(time.perf_counter() - begin)
                        shutil.rmtree(out)
    for name, values in times.items():
        print(f"{name:30} {seconds / statistics.median(values):6.0f} s of audio a second")
    pairs = zip(times["gate, 1 process"], times["gate, 2 processes"], strict=True)
    print(f"two processes against one: x {statistics.median(a / b for a, b in pairs):.2f}")
    pairs = zip(times[OBVIOUS], times["gate, 1 process"], strict=True)
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"gate, 1 process, against the obvious code: x {ratio:.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("\nEach stage, one core")
    stages(options.rounds)
    print("\nThe whole job")
    throughput(options.rounds)
    print("\nPeak memory")
    memory(options.hours)
    return 0


if __name__ == "__main__":
    sys.exit(main())
