"""The full run of lab 10: teach tiny.en twelve invented names, and measure gain and loss.

    python benchmarks/fine_tune_full.py                   (all runs)
    python benchmarks/fine_tune_full.py --only no_replay  (one run, added to the stored result)

``--features FOLDER`` keeps what the encoder heard, for another call.

Trains on the voice heart; tests on other sentences in the voice heart and in the voice joe (which
reads no name in training), on general speech in both voices, and on human speech if
``python -m lab_utils samples --human`` has brought it. ``--prompts FOLDER`` adds 120 telephone
prompts of one human speaker, and 80 more to choose the share of the change that is kept. They are
Asterisk's (CC BY-SA 3.0) and not ours to give; on Debian::

    apt-get download asterisk-core-sounds-en asterisk-core-sounds-en-wav
    for package in asterisk-core-sounds-en*.deb; do dpkg-deb -x $package FOLDER; done

Besides the lab's own run there are four others, to compare: without replay, the whole decoder in
place of LoRA, and each of the two methods with ten times its learning rate. Writes
assets/results/fine_tune.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import hashlib
import json
import os
import platform
import re
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path

import soundfile
import torch

from lab_utils import files, human_speech, metrics, samples, training, transcripts
from lab_utils.models import load_model

OUT = Path(__file__).resolve().parent.parent / "assets" / "results" / "fine_tune.json"
SECONDS = 8.0  # of each window that are kept for training
SPEED = 0.82  # every training clip a second time, slower and deeper
MAIN = training.Config(method="lora", learning_rate=1e-3, epochs=3)
DECODER = training.Config(method="decoder", learning_rate=1e-4, epochs=3)
RUNS = {  # name → settings, whether general speech is replayed
    "main": (MAIN, True),
    "no_replay": (MAIN, False),
    "decoder": (DECODER, True),
    "ten_times": (dataclasses.replace(MAIN, learning_rate=1e-2), True),
    "decoder_ten_times": (dataclasses.replace(DECODER, learning_rate=1e-3), False),
}
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
SHARE = 0.75  # of the change that is kept: chosen on the validation sets, see "shares"
PROMPTS = "human prompts"
FEW = 8  # clips to overfit on
OVERFIT = training.Config(method="decoder", learning_rate=1e-4, epochs=15)


def test_sets() -> dict[str, tuple[training.Example, ...]]:
    sets = {
        "names, same voice": training.jargon("names", "test", voice="heart"),
        "names, other voice": training.jargon("names", "test", voice="joe"),
        "general speech": training.jargon("general", "test"),
    }
    clips: dict[str, samples.Sample] = {}
    for sample in human_speech.human_clips():
        clips.setdefault(sample.text, sample)  # one of each text
    if clips:
        sets["human speech"] = tuple(
            training.Example(sample.path, text, sample.key) for text, sample in clips.items()
        )
    return sets


def prompts(folder: Path) -> tuple[training.Example, ...]:
    """Two hundred human prompts of 1 to 10 s and at least three words, in a fixed order."""
    wavs = next(folder.rglob("vm-intro.wav")).parent
    found = []
    with gzip.open(next(folder.rglob("core-sounds-en.txt.gz")), "rt", encoding="utf-8") as lines:
        for line in lines:
            name, _, text = line.strip().partition(": ")
            path = wavs / f"{name}.wav"
            spoken = len(text.split()) >= 3 and not re.search(r"[\[(]|\.\.\.", text)
            if line.startswith(";") or not spoken or not path.is_file():
                continue
            if not re.match("(letters|phonetic|digits|silence)/", name):
                if 1 <= soundfile.info(path).duration <= 10:
                    found.append(training.Example(path, text, name))
    found.sort(key=lambda example: hashlib.sha256(example.name.encode()).hexdigest())
    return tuple(found[:200])


def measure(model, sets) -> dict:
    """Score every test set: errors and words of each sentence frame, from which the lab draws."""
    rows = {}
    for name, examples in sets.items():
        score = training.evaluate(model, examples, progress=name)
        texts = [clip.hypothesis for clip in score.clips]
        errors, words = metrics.counts(score, groups=training.sentence_frames(examples))
        right, said = metrics.terms_right(
            [example.text for example in examples], texts, training.jargon_terms()
        )
        rows[name] = {
            "clips": len(examples),
            "words": score.n_reference,
            "group_errors": errors.tolist(),
            "group_words": words.tolist(),
            "names_right": right,
            "names_said": said,
        }
        if name != PROMPTS:  # not ours to give
            rows[name]["texts"] = texts
        wer = metrics.rate_interval(errors, words)
        print(f"  {name}: WER {wer:.1%}, names {right} of {said}", flush=True)
    return rows


class Clock:
    """Wall and processor seconds of each phase."""

    def __init__(self) -> None:
        self.phases: dict[str, dict[str, float]] = {}

    def __call__(self, name: str, start: tuple[float, float]) -> None:
        wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
        self.phases[name] = {"wall_s": round(wall, 1), "cpu_s": round(cpu, 1)}

    @staticmethod
    def now() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()


def peak_mb() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)


def encode(model, examples, name: str, folder: Path | None) -> training.Features:
    """What the encoder hears, kept in ``folder`` if there is one."""
    path = folder and folder / f"{name.replace(', ', '-').replace(' ', '-')}.pt"
    if path and path.is_file():
        return training.Features(tuple(examples), torch.load(path, weights_only=True))
    found = training.encode(model, examples, seconds=SECONDS, progress=name)
    if path:
        with files.replacing(path) as temporary:
            torch.save(found.audio, temporary)
    return found


def history(run: training.Run) -> list[dict]:
    return [
        {
            "epoch": epoch.number,
            "train": round(epoch.train, 3),
            "validation": {name: round(value, 3) for name, value in epoch.validation.items()},
        }
        for epoch in run.history
    ]


def by_share(before, after, sets) -> list[dict]:
    """WER on validation sets for several shares of the change."""
    rows = []
    for share in SHARES:
        model = training.interpolate(before, after, share)
        print(f"share {share:g}", flush=True)
        rows.append({"share": share, "after": measure(model, sets)})
    return rows


def times_check(model, examples) -> dict:
    """Does the trained model, which saw no timestamp in training, still give times?"""
    ends, inside = [], 0
    for example in examples:
        spoken = transcripts.transcribe(example.path, model, language="en", word_timestamps=True)
        ends.append(spoken.segments[-1].end if spoken.segments else 0.0)
        inside += bool(spoken.segments) and 0.5 < ends[-1] / spoken.duration < 1.2
        inside -= any(word.end < word.start for word in spoken.words)
    return {"clips": len(examples), "with_times_that_fit": inside}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--only", choices=[*RUNS, "overfit"], help="add one run to the result")
    parser.add_argument("--features", type=Path, help="keep what the encoder heard in this folder")
    parser.add_argument("--prompts", type=Path, help="where the Debian packages were unpacked")
    options = parser.parse_args()
    clock, start = Clock(), Clock.now()
    model, sets = load_model(options.model), test_sets()
    clock("load", start)
    human = prompts(options.prompts) if options.prompts else ()
    chosen_on = {"names": training.jargon("names", "validation")}
    more = {}
    if human:
        chosen_on[PROMPTS], more = human[:80], {PROMPTS: human[80:]}

    result = json.loads(OUT.read_text("utf-8")) if options.only else {}
    start = Clock.now()
    if result:
        clock.phases = result["phases"]
    else:
        result["before"] = measure(model, sets)
        clock("test before", start)
    result["before"] |= measure(model, more)

    start = Clock.now()
    learn = training.jargon("names", "train")
    encoded = {
        name: encode(model, examples, name, options.features)
        for name, examples in {
            "names": learn,
            "names, slower": training.at_speed(learn, SPEED),
            "replay": training.jargon("general", "replay"),
            "names, new sentences": training.jargon("names", "validation"),
            "general speech": training.jargon("general", "validation"),
        }.items()
    }
    names, replay = encoded["names"] + encoded["names, slower"], encoded["replay"]
    watched = {name: encoded[name] for name in ("names, new sentences", "general speech")}
    if not options.only:
        clock("encode", start)
        result |= {
            "about": "Fine-tuning on invented names: what lab 10 reports.",
            "command": "python benchmarks/fine_tune_full.py" + " --prompts FOLDER" * bool(human),
            "model": options.model,
            "versions": {name: version(name) for name in ("openai-whisper", "torch")},
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {model.device.type}",
            "clips": {"names": len(names), "replay": len(replay)},
            "runs": {},
        }
    for name, (config, with_replay) in RUNS.items():
        if options.only not in (None, name):
            continue
        print(name, flush=True)
        start = Clock.now()
        features = names + replay if with_replay else names
        run = training.train(model, features, config, validation=watched, progress=name)
        clock(f"train {name}", start)
        start = Clock.now()
        after = measure(run.model, sets)
        clock(f"test {name}", start)
        after |= measure(run.model, more)
        result["runs"][name] = {
            "config": dataclasses.asdict(config),
            "replay": with_replay,
            "learned_numbers": run.n_trained,
            "numbers": run.n_parameters,
            "history": history(run),
            "after": after,
        }
        if name == "main" and not options.only:
            result["peak_memory_mb"] = peak_mb()
            phases = ("load", "test before", "encode", "train main", "test main")
            result["compute"] = {
                unit: round(sum(clock.phases[phase][unit] for phase in phases), 1)
                for unit in ("wall_s", "cpu_s")
            }
            result["times_check"] = times_check(run.model, sets["names, same voice"][:6])
            print(result["compute"], result["peak_memory_mb"], result["times_check"], flush=True)
            result["shares"] = by_share(model, run.model, chosen_on)
            kept = training.interpolate(model, run.model, SHARE)
            result["kept"] = {"share": SHARE, "after": measure(kept, sets | more)}
        result["phases"] = clock.phases
        write(result)
    if options.only in (None, "overfit"):
        run = training.train(model, names[:FEW], OVERFIT, validation=watched, progress="overfit")
        result["overfit"] = {
            "config": dataclasses.asdict(OVERFIT),
            "clips": FEW,
            "history": history(run),
        }
        write(result)


def write(result: dict) -> None:
    text = json.dumps(result, indent=1, ensure_ascii=False)
    text = re.sub(r"\[[\d,\s]+\]", lambda found: " ".join(found[0].split()), text)  # counts
    files.write_text(OUT, text + "\n")


if __name__ == "__main__":
    main()
