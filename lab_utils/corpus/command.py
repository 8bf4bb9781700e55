"""``python -m lab_utils corpus …``: the workshop on the command line.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from .. import environment, files
from ..errors import CorpusError
from . import (
    check,
    clean,
    export,
    foreign,
    importer,
    label,
    pipeline,
    report,
    review,
    rules,
    sheet,
    split,
    splits,
    training_config,
)
from .manifest import MANIFEST, SPLITS, Manifest

EPILOG = """the usual order:
  python -m lab_utils corpus prepare recordings corpus --denoise gate --jobs 2
  python -m lab_utils corpus label corpus --scripts recordings
  python -m lab_utils corpus review corpus --out review.csv
  python -m lab_utils corpus review corpus --apply review.csv --by anna
  python -m lab_utils corpus export corpus voice   --to ljspeech --speaker anna
  python -m lab_utils corpus export corpus whisper --to audiofolder --by speaker
  python -m lab_utils corpus check voice   --contract voice
  python -m lab_utils corpus check whisper --contract whisper

a corpus in another format takes the place of the first step, and of the second if it has texts:
  python -m lab_utils corpus import LJSpeech-1.1 corpus --language en --speaker linda

Where NAME.txt says what was read in NAME.wav, "prepare … --scripts recordings" cuts between its
sentences. "label … --dask ADDRESS" hears the clips on a cluster that shares no disk; "prepare …
--dask ADDRESS" needs the same folders on all machines.

Every step can be stopped and started again. The exit code is 0 if all is well, 1 if a check found
something or a step failed."""


LANGUAGE = "of the clips that name none (default: English)"


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(
        prog="python -m lab_utils corpus",
        description="Turn recordings into a checked corpus for speech recognition or a voice.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = top.add_subparsers(dest="step", required=True, metavar="STEP")

    def add(
        name: str, run: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        step = steps.add_parser(name, help=text)
        step.set_defaults(run=run)
        return step

    step = add("prepare", _prepare, "recordings -> clips and a manifest")
    step.add_argument("recordings", type=Path, help="a folder, or one file, of any format")
    step.add_argument(
        "corpus",
        type=Path,
        help="the folder to make; an hour of sound needs 0.3 GB there while it is worked on",
    )
    step.add_argument(
        "--scripts",
        type=Path,
        metavar="PATH",
        help="cut between the sentences of NAME.txt in this folder, or of this file for one "
        "recording; each clip gets its own sentence",
    )
    step.add_argument("--model", default="base", help="the Whisper that finds them (default base)")
    step.add_argument("--language", default="", help="where recordings.csv names none (default en)")
    limits = split.SplitSettings()
    for name, text in (
        ("pause", "a gap shorter than this ends no clip; with a script its sentences do"),
        ("shortest", "a shorter clip is dropped"),
        ("longest", "a longer one is cut where it is least like speech; at most 30"),
    ):
        step.add_argument(
            f"--{name}",
            type=float,
            default=getattr(limits, name),
            metavar="SECONDS",
            help=f"{text} (default %(default)s)",
        )
    step.add_argument("--denoise", choices=clean.METHODS, default="none")
    step.add_argument("--jobs", type=int, default=1, help="recordings at a time (default 1)")
    step.add_argument("--dask", metavar="ADDRESS", help="work on this Dask scheduler instead")

    step = add("label", _label, "a text for each clip")
    step.add_argument("corpus", type=Path)
    step.add_argument("--model", default="base", help="a Whisper model (default base)")
    step.add_argument(
        "--language",
        help="code of the language (default: what recordings.csv says of each recording, else en)",
    )
    step.add_argument("--exact", action="store_true", help="no shared padding: slower")
    step.add_argument("--dask", metavar="ADDRESS", help="hear the clips on this Dask cluster")
    step.add_argument(
        "--scripts",
        type=Path,
        metavar="FOLDER",
        help="take the words from NAME.txt (read out) or NAME.srt, NAME.vtt (subtitles) there",
    )

    step = add("review", _review, "correct the texts in a spreadsheet (in a page: lab 8)")
    step.add_argument("corpus", type=Path)
    tables = step.add_mutually_exclusive_group()
    tables.add_argument(
        "--out", type=Path, metavar="TABLE", help="write a table to fill in, worst clips first"
    )
    tables.add_argument(
        "--apply", type=Path, metavar="TABLE", help="take verdicts and texts from it"
    )
    step.add_argument("--by", metavar="NAME", help="who reviewed (needed with --apply)")
    step.add_argument(
        "--contract",
        choices=tuple(rules.CONTRACTS),
        default="whisper",
        help="whose findings say which clips are the worst (default whisper)",
    )

    step = add("import", _import, "a corpus in another format -> a corpus of ours")
    step.add_argument("source", type=Path, help="its folder, or its table; only read")
    step.add_argument("corpus", type=Path, help="the folder to make")
    step.add_argument(
        "--audio",
        type=Path,
        metavar="FOLDER",
        help="the folder that paths in its tables count from",
    )
    step.add_argument("--text", metavar="COLUMN", help="the column that holds the transcripts")
    for name in importer.TOLD:
        step.add_argument(f"--{name}", help=f"the {name} of clips whose table says none")

    step = add("export", _export, "clips -> what a trainer reads")
    step.add_argument("corpus", type=Path)
    step.add_argument("out", type=Path)
    step.add_argument("--to", choices=tuple(export.FORMATS), required=True)
    step.add_argument("--speaker", help="whose voice (ljspeech), or whose clips alone")
    step.add_argument(
        "--by",
        choices=splits.GROUPS,
        help="draw the splits, and what they don't share (default: text, if a clip has no split)",
    )
    step.add_argument("--config", choices=training_config.MODELS, help="write config.json as well")
    step.add_argument("--language", help=LANGUAGE)

    step = add("check", _check, "compare a corpus or an export with a contract")
    step.add_argument("folder", type=Path)
    step.add_argument("--contract", choices=tuple(rules.CONTRACTS), required=True)
    step.add_argument("--language", help=LANGUAGE)
    _add_limits(step)
    step.add_argument("--page", type=Path, help=f"write a page to look at (default {report.PAGE})")

    step = add("rules", _rules, "print the rules of a contract")
    step.add_argument("--contract", choices=tuple(rules.CONTRACTS), default="voice")
    _add_limits(step)

    add("hardware", _hardware, "is this machine fit to train a voice?")
    return top


def _add_limits(step: argparse.ArgumentParser) -> None:
    step.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="RULE=VALUE",
        help="another threshold: snr=10, duration=2:20; again for another rule",
    )
    step.add_argument(
        "--without", action="append", default=[], metavar="RULE", help="leave a rule out"
    )


def main(argv: list[str]) -> int:
    """Run one step; returns the exit code."""
    options = parser().parse_args(argv)
    return options.run(options)


def _prepare(options: argparse.Namespace) -> int:
    limits = split.SplitSettings(
        pause=options.pause, shortest=options.shortest, longest=options.longest
    )
    with _executor(options.dask, options.jobs) as executor:
        manifest = pipeline.prepare(
            options.recordings,
            options.corpus,
            settings=pipeline.Settings(denoise=options.denoise, split=limits),
            language=options.language,
            scripts=options.scripts,
            model=options.model,
            executor=executor,
            progress=True,
        )
    _print_made(manifest, options.corpus)
    return int(not manifest.clips)


def _print_made(manifest: Manifest, folder: Path) -> None:
    seconds = sum(clip.duration for clip in manifest.clips)
    print(f"{len(manifest)} clips, {seconds:.0f} s, in {folder}")
    for note in manifest.notes:
        print(f"note: {note}")
    for item in manifest.dropped:
        where = f" {item.start:.1f} to {item.end:.1f} s" if item.end else ""
        print(f"dropped: '{files.printable(item.recording)}'{where}: {item.reason}")


@contextlib.contextmanager
def _executor(dask: str | None, jobs: int = 1) -> Iterator[Executor | None]:
    """None for one after another, processes, or a Dask cluster."""
    if jobs < 1:
        raise CorpusError(f"Expected at least 1 job, found {jobs}.")
    if dask:
        try:
            from distributed import Client, KilledWorker
        except ImportError as error:
            raise CorpusError("--dask needs the package: pip install distributed.") from error
        try:
            client = Client(dask)
        except (OSError, ValueError) as error:
            raise CorpusError(f"No Dask scheduler answers at {dask!r}: {error}") from error
        with client:
            try:
                yield client.get_executor(pure=False)
            except KilledWorker as error:
                raise CorpusError(
                    f"A Dask worker died: {error} What is finished is kept: start again."
                ) from error
    elif jobs > 1:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processes share the cores
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as executor:
            yield executor
    else:
        yield None


def _label(options: argparse.Namespace) -> int:
    Manifest.load(options.corpus)  # before a lock is put into a folder that is no corpus
    with pipeline.at_work(options.corpus), _executor(options.dask) as executor:
        manifest = label.with_whisper(
            Manifest.load(options.corpus),
            options.model,
            language=options.language,
            exact=options.exact,
            executor=executor,
            progress=True,
        )
        if options.scripts:
            manifest = _read_scripts(manifest, options.scripts)
        manifest.save()
    print(f"{sum(bool(c.text) for c in manifest.clips)} of {len(manifest)} clips have a text")
    return 0


def _read_scripts(manifest: Manifest, folder: Path) -> Manifest:
    """Take the words of each recording from NAME.txt, NAME.srt or NAME.vtt in a folder."""
    readers = {
        ".txt": label.from_script,
        ".srt": label.from_subtitles,
        ".vtt": label.from_subtitles,
    }
    for recording in sorted({clip.recording for clip in manifest.clips if clip.recording}):
        files.inside(folder, recording, what=f"{MANIFEST}: the recording")
        for ending, take in readers.items():
            script = (folder / recording).with_suffix(ending)
            if script.is_file():
                manifest = take(manifest, recording, label.read_script(script))
    return manifest


def _review(options: argparse.Namespace) -> int:
    if options.apply:
        if not options.by:
            raise CorpusError("--apply notes who reviewed: say it with --by NAME.")
        changed = sheet.apply(options.corpus, options.apply, by=options.by)
        print(f"{len(changed)} clips changed.")
    elif options.out:
        contract = rules.contract(options.contract)
        path = sheet.write(options.corpus, options.out, contract=contract)
        print(
            f"{path}: fill in the column verdict with accepted or rejected, correct the texts, and "
            "save it as CSV in UTF-8. Then use --apply."
        )
    print(review.summary(Manifest.load(options.corpus)))
    return 0


def _export(options: argparse.Namespace) -> int:
    if options.config and options.to != "ljspeech":
        raise CorpusError("--config writes the settings of a voice model: use it with ljspeech.")
    manifest = Manifest.load(options.corpus).speaking(options.language)
    if options.speaker:
        manifest = manifest.select(c for c in manifest.clips if c.speaker == options.speaker)
    n_given = sum(clip.split in SPLITS for clip in manifest.clips)
    if options.by or n_given < len(manifest):
        manifest = splits.assign(manifest, by=options.by or "text")
        if n_given:
            print(f"note: the splits that {n_given} clips had are drawn anew")

    def write_config(made: Manifest, path: Path) -> None:
        training_config.save(training_config.training_config(made, model=options.config), path)

    if options.config:
        made = export.ljspeech(manifest, options.out, config=write_config)
    else:
        made = export.FORMATS[options.to](manifest, options.out)
    print(f"{len(made)} clips in {options.out}")
    for note in made.notes:
        print(f"note: {note}")
    if options.config:
        print(f"settings in {options.out / 'config.json'}")
    return 0


def _import(options: argparse.Namespace) -> int:
    manifest = importer.import_corpus(
        options.source,
        options.corpus,
        audio_folder=options.audio,
        text_column=options.text,
        told={name: value for name in importer.TOLD if (value := getattr(options, name))},
        progress=True,
    )
    _print_made(manifest, options.corpus)
    return 0


def open_corpus(folder: Path) -> Manifest:
    """A corpus of ours, or one in another format whose clips are files of their own."""
    if (folder / MANIFEST).is_file():
        return Manifest.load(folder)
    manifest = foreign.read(folder)
    if parts := foreign.parts(manifest):
        raise CorpusError(
            f"{len(parts)} clips of {folder}, such as {parts[0].id!r}, are parts of longer files: "
            "make a corpus of it first, with 'corpus import'."
        )
    return manifest


def _contract(options: argparse.Namespace) -> rules.Contract:
    """The contract with the thresholds of the command line."""
    contract = rules.contract(options.contract).without(*options.without)
    for item in options.limit:
        key, _, text = item.partition("=")
        limit = contract[key].limit
        if limit is None:
            raise CorpusError(f"The rule {key!r} has no threshold: leave it out with --without.")
        kinds = limit if isinstance(limit, tuple) else (limit,)
        cells = text.split(":") if isinstance(limit, tuple) else [text]
        try:
            values = [type(kind)(cell) for kind, cell in zip(kinds, cells, strict=True)]
            if not text or any(
                value in (math.inf, -math.inf) or value != value for value in values
            ):
                raise ValueError
        except ValueError as error:
            like = ":".join(map(str, kinds))
            raise CorpusError(f"Expected a threshold like {key}={like}, found {item!r}.") from error
        contract = contract.with_limits(
            **{key: tuple(values) if isinstance(limit, tuple) else values[0]}
        )
    return contract


def _check(options: argparse.Namespace) -> int:
    manifest = open_corpus(options.folder)
    for note in manifest.notes:
        print(f"note: {note}")
    corpus = manifest.speaking(options.language)
    outcome = check.check(corpus, _contract(options))
    print(outcome)
    page = report.write(outcome, options.page or manifest.folder / report.PAGE)
    print(f"To look at and listen to: {page}")
    return outcome.exit_code


def _rules(options: argparse.Namespace) -> int:
    for rule in _contract(options).rules:
        print(f"{rule.key}: {rule.sentence}.\n    {rule.reason} {rule.remedy}")
    return 0


def _hardware(options: argparse.Namespace) -> int:
    needs = training_config.hardware()
    print(environment.table(needs).to_string())
    return int(any(need.fix for need in needs))
