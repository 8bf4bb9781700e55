"""Exports loaded by the programs that they are made for, each in an environment of its own.

Make an export with ``python -m lab_utils corpus export``, then load it:

    python -m venv env-datasets && env-datasets/bin/pip install datasets "torchcodec<0.13" torch
    env-datasets/bin/python benchmarks/real_readers.py OUT --reader datasets      # --to audiofolder

    python -m venv env-coqui
    env-coqui/bin/pip install coqui-tts torch torchaudio six "torchcodec<0.13"
    env-coqui/bin/python benchmarks/real_readers.py OUT --reader coqui   # ljspeech --config vits

    python -m venv env-lhotse && env-lhotse/bin/pip install lhotse torch
    env-lhotse/bin/python benchmarks/real_readers.py OUT --reader lhotse          # --to kaldi

    python -m venv env-nemo && env-nemo/bin/pip install "nemo_toolkit[asr]" torch
    env-nemo/bin/python benchmarks/real_readers.py OUT --reader nemo              # --to nemo

    python benchmarks/real_readers.py OUT --reader ours                           # any of them

torchcodec needs FFmpeg's shared libraries (``apt install ffmpeg``); beside a torch for processors
only, it must be older than 0.13. coqui-tts needs it too, and torchaudio of the same kind as torch.

Each prints, for every split, the clips, the seconds of sound that were decoded, the rates and a
digest over the texts: the lines of a reader and of ``ours``, which runs in the labs' environment,
must be the same. ``coqui`` also trains two steps of a VITS voice, on the processor.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.metadata
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

#: split, then text, samples and rate in Hz of each clip
Loaded = Iterator[tuple[str, list[tuple[str, int, int]]]]


def ours(corpus: Path) -> Loaded:
    """The labs' own reader."""
    from lab_utils import audio
    from lab_utils.corpus import foreign

    manifest = foreign.read(corpus)
    for split in ("train", "validation", "test"):
        clips = [clip for clip in manifest.clips if clip.split == split]
        headers = [audio.describe(manifest.path(clip)) for clip in clips]
        pairs = zip(clips, headers, strict=True)
        yield split, [(clip.text, header.n_samples, header.sr) for clip, header in pairs]


def datasets(corpus: Path) -> Loaded:
    """``load_dataset("audiofolder")``, every clip decoded by torchcodec."""
    from datasets import load_dataset

    with tempfile.TemporaryDirectory() as cache:
        loaded = load_dataset("audiofolder", data_dir=str(corpus), cache_dir=cache)
        for split, rows in loaded.items():
            clips = []
            for row in rows:
                samples = row["audio"].get_all_samples()
                clips.append((row["transcription"], samples.data.shape[1], samples.sample_rate))
            yield split, clips


def coqui(corpus: Path) -> Loaded:
    """``load_tts_samples`` with the export's own settings, then two steps of training."""
    import soundfile
    from trainer import Trainer, TrainerArgs
    from TTS.config import load_config
    from TTS.tts.datasets import load_tts_samples
    from TTS.tts.models.vits import Vits

    with contextlib.chdir(corpus), tempfile.TemporaryDirectory() as output:
        config = load_config("config.json")
        parts = load_tts_samples(config, eval_split=True)
        for split, samples in zip(("train", "validation"), parts, strict=True):
            infos = [soundfile.info(sample["audio_file"]) for sample in samples]
            pairs = zip(samples, infos, strict=True)
            yield split, [(s["text"], info.frames, info.samplerate) for s, info in pairs]
        config.update(
            {"batch_size": 1, "epochs": 1, "run_eval": False, "num_loader_workers": 0,
             "print_step": 1, "mixed_precision": False, "test_delay_epochs": 9}
        )  # fmt: skip
        model = Vits.init_from_config(config)
        n_tokens = [len(model.tokenizer.text_to_ids(sample["text"])) for sample in parts[0]]
        n_long = sum(n > config.max_text_len for n in n_tokens)
        print(f"{n_long} of {len(n_tokens)} clips have more tokens than the settings allow")
        shortest = sorted(parts[0], key=lambda sample: len(sample["text"]))[:2]
        trainer = Trainer(TrainerArgs(), config, output, model=model, train_samples=shortest)
        before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
        trainer.fit()
        changed = sum(not weight.equal(before[name]) for name, weight in model.named_parameters())
        print(f"{trainer.total_steps_done} steps trained: {changed} of {len(before)} changed")


def lhotse(corpus: Path) -> Loaded:
    """``load_kaldi_data_dir``, every cut decoded."""
    from lhotse import CutSet
    from lhotse.kaldi import load_kaldi_data_dir

    with contextlib.chdir(corpus):  # the paths count from here, as in Kaldi
        for split, folder in (("train", "train"), ("validation", "dev"), ("test", "test")):
            if not Path(folder).is_dir():
                continue
            recordings, supervisions, _ = load_kaldi_data_dir(folder, sampling_rate=16_000)
            cuts = CutSet.from_manifests(recordings=recordings, supervisions=supervisions)
            clips = [
                (cut.supervisions[0].text, cut.load_audio().shape[1], cut.sampling_rate)
                for cut in cuts
            ]
            yield split, clips


def nemo(corpus: Path) -> Loaded:
    """NeMo's own collection of a manifest and its own reader of sound."""
    from nemo.collections.asr.parts.preprocessing.segment import AudioSegment
    from nemo.collections.common.parts.preprocessing.collections import ASRAudioText

    for split in ("train", "validation", "test"):
        manifest = corpus / f"{split}_manifest.json"
        if not manifest.exists():
            continue
        clips = []
        for entry in ASRAudioText([str(manifest)], parser=list):
            segment = AudioSegment.from_file(
                entry.audio_file, offset=entry.offset or 0, duration=entry.duration
            )
            clips.append((entry.text_raw, segment.num_samples, segment.sample_rate))
        yield split, clips


READERS: dict[str, tuple[Callable[[Path], Loaded], tuple[str, ...]]] = {
    "ours": (ours, ("whisper-lab",)),
    "datasets": (datasets, ("datasets", "torchcodec", "torch")),
    "coqui": (coqui, ("coqui-tts", "torch")),
    "lhotse": (lhotse, ("lhotse",)),
    "nemo": (nemo, ("nemo_toolkit", "torch")),
}


def main() -> None:
    """Load an export with one reader and print what came."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", type=Path, help="the export")
    parser.add_argument("--reader", choices=tuple(READERS), required=True)
    options = parser.parse_args()
    os.environ |= {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}
    read, packages = READERS[options.reader]
    versions = []
    for name in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions.append(f"{name} {importlib.metadata.version(name)}")
    print(", ".join(versions) or options.reader)
    for split, clips in read(options.corpus.resolve()):
        texts = "\n".join(sorted(text for text, _, _ in clips))
        digest = hashlib.sha256(texts.encode()).hexdigest()[:12]
        seconds = sum(n_samples / sr for _, n_samples, sr in clips)
        rates = sorted({sr for _, _, sr in clips})
        print(f"{split}: {len(clips)} clips, {seconds:.2f} s at {rates} Hz, texts {digest}")


if __name__ == "__main__":
    main()
