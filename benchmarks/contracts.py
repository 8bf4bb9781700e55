"""What both contracts say of clean human clips with their true texts, by rule and language.

    python benchmarks/contracts.py FOLDER [--languages en es] [--clips 110] [--show]

Each clip is exported as a user would (``ljspeech`` for the voice contract, ``audiofolder`` for
Whisper's) and checked. ``characters`` is counted twice: *letters* that are not of the clip's
language, which in a clean text is a false alarm, and *numbers* (or signs) that are not in words, of
which nobody but the speaker knows how they are read. ``--show`` prints each of these texts.

FOLDER holds a folder of WAV files for each language and the lists of what is said in them. They are
Asterisk's core sounds (English, Spanish, French, Italian and Russian; CC BY-SA 3.0 and, for
Russian, CC BY 3.0) and not ours to give; on Debian, for each LANG of en es fr it ru::

    apt-get download asterisk-core-sounds-LANG asterisk-core-sounds-LANG-g722
    for package in asterisk-core-sounds-LANG*.deb; do dpkg-deb -x $package unpacked; done
    cp unpacked/usr/share/doc/asterisk-core-sounds-LANG/core-sounds-LANG.txt.gz FOLDER
    mkdir -p FOLDER/LANG
    for sound in unpacked/usr/share/asterisk/sounds/LANG_*/*.g722; do
      ffmpeg -i $sound -ar 16000 FOLDER/LANG/$(basename $sound .g722).wav; done

The rules on letters and numbers were settled on English and Spanish before any other was run.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import re
import tempfile
from collections import Counter
from pathlib import Path

import soundfile

from lab_utils.corpus import check, export, rules, splits
from lab_utils.corpus.findings import Finding
from lab_utils.corpus.manifest import Clip, Manifest

SECONDS = (1.5, 14.0)


def clips(folder: Path, language: str, most: int) -> Manifest:
    """Clips with a text of at least two words and nothing in brackets, in a fixed order."""
    found = []
    with gzip.open(folder / f"core-sounds-{language}.txt.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            name, _, text = line.strip().partition(":")
            path, text = folder / language / f"{name}.wav", text.strip()
            if line.startswith(";") or re.search(r"[\[(<]|\.\.\.", text) or len(text.split()) < 2:
                continue
            if path.is_file() and SECONDS[0] <= soundfile.info(path).duration <= SECONDS[1]:
                found.append(
                    Clip(
                        name,
                        f"{language}/{name}.wav",
                        recording=path.name,
                        speaker=language,
                        language=language,
                        licence="CC BY-SA 3.0",
                        consent="published",
                        text=text,
                    )
                )
    found.sort(key=lambda clip: hashlib.sha256(clip.id.encode()).hexdigest())
    unique = {clip.id.casefold(): clip for clip in found}
    return splits.assign(Manifest(folder, tuple(unique.values())[:most]))


def kinds(finding: Finding) -> set[str]:
    """The rule, with what kind of characters it found."""
    if finding.rule != "characters":
        return {finding.rule}
    letters = re.search(r"found '[^']*[^\W\d_]", finding.found)
    found = ["letters"] if letters else []
    if "not in words" in finding.found or not letters:
        found.append("numbers")
    return {f"characters: {kind}" for kind in found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--languages", nargs="+", default=["en", "es"])
    parser.add_argument("--clips", type=int, default=110, help="of each language, at most")
    parser.add_argument("--show", action="store_true", help="print what `characters` found")
    options = parser.parse_args()
    flagged: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for language in options.languages:
            corpus = clips(options.folder, language, options.clips)
            texts = {clip.id: clip.text for clip in corpus.clips}
            for name, write in (("whisper", export.audiofolder), ("voice", export.ljspeech)):
                made = write(corpus, Path(temporary) / f"{name}-{language}")
                contract = rules.contract(name)
                if "speaker_leak" in contract:  # there is one speaker of each language
                    contract = contract.without("speaker_leak")
                outcome = check.check(made, contract)
                counts = flagged[f"{name} {language}"] = Counter(clips=len(made))
                counts["flagged"] = len({f.clip for f in outcome.findings} - {""})
                counts["but for numbers"] = len(
                    {f.clip for f in outcome.findings if kinds(f) != {"characters: numbers"}} - {""}
                )
                for finding in outcome.findings:
                    counts.update(kinds(finding))
                    if options.show and finding.rule == "characters":
                        print(f"{language} {finding.clip}: {finding.found}: {texts[finding.clip]}")
    names = sorted({name for counts in flagged.values() for name in counts} - {"clips", "count"})
    order = ["clips", "flagged", "but for numbers"]
    for contract in ("whisper", "voice"):
        print(f"\n{contract:24}" + "".join(f"{language:>7}" for language in options.languages))
        for name in order + [name for name in names if name not in order]:
            row = [flagged[f"{contract} {language}"][name] for language in options.languages]
            if any(row):
                print(f"{name:24}" + "".join(f"{n:7}" for n in row))


if __name__ == "__main__":
    main()
