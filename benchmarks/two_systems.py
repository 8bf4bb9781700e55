"""Two models transcribe the same 100 clips: what lab 09 compares.

    python benchmarks/two_systems.py

Writes assets/results/two_systems.json: what was said, what tiny.en and base wrote down, and the
command. The clips are the general test set of assets/jargon (two synthetic voices).
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

from lab_utils import files, metrics, training
from lab_utils.models import load_model

SYSTEMS = ("tiny.en", "base")
OUT = Path(__file__).resolve().parent.parent / "assets" / "results" / "two_systems.json"


def main() -> None:
    clips = training.jargon("general", "test")
    result = {
        "about": "What two models wrote down for the general test clips of assets/jargon, greedy.",
        "command": "python benchmarks/two_systems.py",
        "versions": {name: version(name) for name in ("openai-whisper", "torch")},
        "clips": [
            {"name": clip.name, "voice": clip.voice, "reference": clip.text} for clip in clips
        ],
    }
    for name in SYSTEMS:
        model = load_model(name)
        score = training.evaluate(model, clips, progress=name)
        for clip, scored in zip(result["clips"], score.clips, strict=True):
            clip[name] = scored.hypothesis
        print(f"{name}: WER {metrics.interval(score):.1%}")
    files.write_text(OUT, json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
