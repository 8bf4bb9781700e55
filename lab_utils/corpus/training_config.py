"""A training configuration in Coqui's form, filled from a corpus, and the machine it asks for.

VITS makes the waveform itself. Tacotron 2 makes a mel spectrogram and needs a *vocoder* to turn it
into sound: Griffin-Lim (no training), HiFi-GAN or WaveGrad. Tacotron is not a vocoder.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

from .. import audio, environment, files
from ..environment import GOOD, NOTE
from ..errors import CorpusError
from .alphabets import JOINERS, letters
from .manifest import Manifest

MODELS = ("vits", "tacotron2")
VOCODERS = ("griffin_lim", "hifigan", "wavegrad")
RAM_GB, GPU_LEAST_GB, GPU_GOOD_GB = 16.0, 8.0, 12.0  #: what training a voice asks for
_NEARLY = 0.93  #: a "16 GB" machine reports a little less


def training_config(
    manifest: Manifest, *, model: str = "vits", vocoder: str | None = None, name: str = "my_voice"
) -> dict[str, Any]:
    """Fill Coqui's settings from an LJSpeech export: rate, characters, longest text and clip.

    The characters are the alphabets of the clips' languages and every letter of their texts.

    Parameters
    ----------
    manifest : Manifest
        From :func:`lab_utils.corpus.export.ljspeech` or ``read_ljspeech``.
    model : {"vits", "tacotron2"}
    vocoder : {"griffin_lim", "hifigan", "wavegrad"}, optional
        For Tacotron 2 only. Default: Griffin-Lim, which needs no training.
    name : str
        Of the run.

    Returns
    -------
    dict
        Ready for ``json.dump``; ``VitsConfig`` and ``Tacotron2Config`` take every key except
        ``vocoder``, which names the second model to train.

    Raises
    ------
    CorpusError
        An unknown model or vocoder, a vocoder for VITS, clips at several rates, or no clips.
    """
    vits = model == "vits"
    if model not in MODELS:
        raise CorpusError(f"Expected one of the models {MODELS}, found {model!r}.")
    if vits and vocoder is not None:
        raise CorpusError("VITS makes the waveform itself: leave the vocoder out.")
    vocoder = vocoder or "griffin_lim"
    if vocoder not in VOCODERS:
        raise CorpusError(
            f"Expected one of the vocoders {VOCODERS}, found {vocoder!r} "
            "(Tacotron makes spectrograms; it is not a vocoder)."
        )
    if not manifest.clips:
        raise CorpusError("Expected clips to fill the configuration from, found none.")
    headers = [audio.describe(manifest.path(clip)) for clip in manifest.clips]
    rates = sorted({header.sr for header in headers})
    if len(rates) != 1:
        raise CorpusError(f"Expected clips at one sampling rate, found {rates}: export them again.")
    texts = sorted((clip.text for clip in manifest.clips), key=lambda text: (-len(text), text))
    # the whole alphabet, so that a word not in the corpus can be read as well
    alphabet = {c for code in {clip.code for clip in manifest.clips} for c in letters(code)}
    alphabet |= {c for c in "".join(texts) if unicodedata.category(c)[0] in "LM" or c in JOINERS}
    lengths = [header.n_samples for header in headers]
    # the file that a training run reads; an export with splits keeps its test part apart
    trained, watched = (
        name if (manifest.folder / name).is_file() else ""
        for name in ("metadata_train.csv", "metadata_validation.csv")
    )
    dataset = {
        "formatter": "ljspeech",
        "dataset_name": name,
        "path": "",
        "meta_file_train": trained or "metadata.csv",
        "meta_file_val": watched,
        "language": Counter(clip.code for clip in manifest.clips).most_common(1)[0][0],
    }
    characters = "tts.models.vits.VitsCharacters" if vits else "tts.utils.text.characters.Graphemes"
    config = {
        "model": model,
        "run_name": name,
        "output_path": "output",
        "audio": {
            "sample_rate": rates[0],
            "fft_size": 1024,
            "win_length": 1024,
            "hop_length": 256,
            "num_mels": 80,
            "mel_fmin": 0,
            "mel_fmax": None if vits else 8000,
        },
        "characters": {
            "characters_class": f"TTS.{characters}",
            "pad": "<PAD>",
            "eos": "<EOS>",
            "bos": "<BOS>",
            "blank": "<BLNK>",
            "characters": "".join(sorted(alphabet)),
            "punctuations": "".join(sorted(set("".join(texts)) - alphabet)),
        },
        # the basic one writes all in lower case, and makes an "i" and a loose dot of a Turkish "İ"
        "text_cleaner": "no_cleaners" if "İ" in alphabet else "basic_cleaners",
        "use_phonemes": False,
        # in tokens: VITS puts a blank before, between and after the letters, and may add two more
        "max_text_len": 2 * len(texts[0]) + 3,
        "min_audio_len": min(lengths),
        "max_audio_len": max(lengths),
        "batch_size": 16,
        "eval_batch_size": 8,
        "eval_split_size": max(1, round(0.1 * len(texts))),
        "epochs": 1000,
        "datasets": [dataset],
        "test_sentences": [[text] if vits else text for text in texts[:2]],
    }
    return config if vits else config | {"vocoder": vocoder}


def save(config: dict[str, Any], path: str | os.PathLike) -> Path:
    """Write a configuration as JSON; ``path`` of its data set becomes the folder of the file."""
    path = Path(path)
    config = config | {"datasets": [d | {"path": "."} for d in config["datasets"]]}
    try:
        files.write_text(path, json.dumps(config, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise CorpusError(f"{path.name} could not be written: {error}") from error
    return path


def hardware(
    *, ram_gb: float | None = None, gpu_gb: float | None = None
) -> list[environment.Finding]:
    """Compare this machine with what training a voice asks for.

    Parameters
    ----------
    ram_gb, gpu_gb : float, optional
        Another machine's memory, to plan with. Default: measured here; a GPU of 0 is none.

    Returns
    -------
    list of Finding
        For :func:`lab_utils.environment.table`. Main memory of 16 GB; GPU memory of 8 GB (below it
        CUDA is of no use) and of 12 GB.
    """
    if ram_gb is None:
        ram_gb = environment.memory_gb() or 0.0
    name = "GPU"
    if gpu_gb is None:
        name, gpu_gb = environment.gpu() or ("GPU", 0.0)
    gpu = f"{name}, {gpu_gb:.0f} GB" if gpu_gb else "no GPU"
    rent = "Rent a GPU (lab 01)."
    needs = (
        ("main memory", RAM_GB, ram_gb, f"{ram_gb:.0f} GB", "Add memory."),
        ("GPU memory, least", GPU_LEAST_GB, gpu_gb, gpu, rent),
        ("GPU memory, good", GPU_GOOD_GB, gpu_gb, gpu, "Halve batch_size." if gpu_gb else rent),
    )
    findings = []
    for what, least, amount, found, remedy in needs:
        enough = amount >= _NEARLY * least
        status, remedy = (GOOD, "") if enough else (NOTE, remedy)
        findings.append(environment.Finding(f"{what}: {least:.0f} GB", status, found, remedy))
    return findings
