"""Labeling many short clips: shared padding against the plain loop and faster-whisper int8.

    pip install -e ".[benchmarks]"
    python benchmarks/label_clips.py [--model base] [--clips 112] [--chunks 7]

The clips are the workshop's (lab 08), their texts are known. Every chunk of clips goes through each
method before the next chunk starts, so that all of them meet the same load of the machine. A ratio
is the median over the chunks of (plain loop / method); word error rates, and the count of texts
that are those of whisper.decode, are over all clips. ``--before FOLDER`` adds the method of another
checkout.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lab_utils import batches, metrics, samples
from lab_utils.corpus import pipeline
from lab_utils.models import load_model

WORKSHOP = samples.assets_dir() / "workshop"
PLAIN = "plain loop: model.transcribe(path)"
DECODE = "whisper.decode, one by one"


def workshop_clips(folder: Path, n: int) -> tuple[list[Path], list[str]]:
    """The first ``n`` clips and what is said in them."""
    truth = json.loads((WORKSHOP / "truth.json").read_text("utf-8"))
    corpus = pipeline.prepare(WORKSHOP, folder)
    lecture_first = sorted(
        corpus.clips, key=lambda clip: (clip.recording != "lecture.ogg", clip.id)
    )
    paths, texts = [], []
    for clip in lecture_first[:n]:
        rows = truth[clip.recording]["sentences"]
        paths.append(corpus.path(clip))
        texts.append(min(rows, key=lambda row: abs(row[1] - clip.start))[0])
    return paths, texts


def transcriber_of(checkout: Path) -> Callable:
    """``transcribe_many`` of another version of this project, beside our own."""
    name, folder = "lab_utils_before", checkout.resolve() / "lab_utils"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    other = importlib.import_module(f"{name}.batches")
    return getattr(other, "transcribe_many", None) or other.transcribe_clips  # its former name


def methods(name: str, ct2: Path | None, before: Path | None) -> dict:
    """Name -> function from paths to texts."""
    import whisper

    model = load_model(name)
    options = whisper.DecodingOptions(language="en", without_timestamps=True, fp16=False)

    def plain(paths, **more):
        return [model.transcribe(str(p), fp16=False, **more)["text"] for p in paths]

    def one_by_one(paths):
        waves = (whisper.pad_or_trim(whisper.load_audio(str(p))) for p in paths)
        mels = (whisper.log_mel_spectrogram(y, model.dims.n_mels) for y in waves)
        return [whisper.decode(model, mel, options).text for mel in mels]

    def ours(paths, **more):
        return [clip.text for clip in batches.transcribe_many(paths, model, **more)]

    found = {
        PLAIN: plain,
        "model.transcribe(path, language='en')": lambda paths: plain(paths, language="en"),
        DECODE: one_by_one,
        "transcribe_many(exact=True)": lambda paths: ours(paths, exact=True),
        "transcribe_many (shared padding)": ours,
    }
    if before is not None:
        other = transcriber_of(before)
        found["the other checkout's"] = lambda paths: [c.text for c in other(paths, model)]
    if ct2 is not None:
        from faster_whisper import WhisperModel

        int8 = WhisperModel(str(ct2), device="cpu", compute_type="int8", cpu_threads=0)

        def fast(paths):
            texts = []
            for path in paths:
                segments, _ = int8.transcribe(str(path), language="en", beam_size=1)
                texts.append("".join(segment.text for segment in segments))
            return texts

        found["faster-whisper int8, greedy"] = fast
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="base")
    parser.add_argument("--clips", type=int, default=112)
    parser.add_argument("--chunks", type=int, default=7)
    parser.add_argument("--faster-whisper", type=Path, help="folder of the CTranslate2 model")
    parser.add_argument("--before", type=Path, help="folder of another checkout of this project")
    parser.add_argument(
        "--only", nargs="*", default=[], help="methods whose name holds one of these"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths, texts = workshop_clips(Path(folder), options.clips)
        runs = methods(options.model, options.faster_whisper, options.before)
        if options.only:
            runs = {
                k: f for k, f in runs.items() if k == PLAIN or any(o in k for o in options.only)
            }
        wall, cpu = {k: [] for k in runs}, {k: [] for k in runs}
        heard: dict[str, dict[int, str]] = {k: {} for k in runs}
        for run in runs.values():  # load, warm up
            run(paths[:2])
        order = np.random.default_rng(0).permutation(len(paths))
        for number, chunk in enumerate(np.array_split(order, options.chunks), start=1):
            for name, run in runs.items():
                begin, begin_cpu = time.perf_counter(), time.process_time()
                result = run([paths[i] for i in chunk])
                wall[name].append(time.perf_counter() - begin)
                cpu[name].append(time.process_time() - begin_cpu)
                heard[name] |= dict(zip(chunk.tolist(), result, strict=True))
            print(f"chunk {number} of {options.chunks} done", file=sys.stderr, flush=True)
    print(f"\nWhisper {options.model}, {len(paths)} clips")
    print(f"{'method':40} {'x wall':>7} {'x CPU':>7} {'clips/s':>8} {'WER %':>6} {'same':>5}")
    for name in runs:
        ratio = statistics.median(a / b for a, b in zip(wall[PLAIN], wall[name], strict=True))
        ratio_cpu = statistics.median(a / b for a, b in zip(cpu[PLAIN], cpu[name], strict=True))
        wer = metrics.score(texts, [heard[name][i] for i in range(len(paths))]).wer
        speed = len(paths) / sum(wall[name])
        same = "-"
        if DECODE in heard:
            same = sum(heard[name][i].strip() == heard[DECODE][i].strip() for i in heard[name])
        print(f"{name:40} {ratio:7.2f} {ratio_cpu:7.2f} {speed:8.2f} {100 * wer:6.2f} {same:>5}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
