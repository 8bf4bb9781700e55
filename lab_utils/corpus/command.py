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
from . import check, clean, export, label, pipeline, report, rules, split, splits, training_config
from .manifest import MANIFEST, Manifest

EPILOG = """the usual order:
  python -m lab_utils corpus prepare recordings corpus --denoise gate --jobs 2
  python -m lab_utils corpus label corpus --scripts recordings
  python -m lab_utils corpus export corpus voice   --to ljspeech --speaker anna
  python -m lab_utils corpus export corpus whisper --to audiofolder --by speaker
  python -m lab_utils corpus check voice   --contract voice
  python -m lab_utils corpus check whisper --contract whisper

Where NAME.txt says what was read in NAME.wav, "prepare … --scripts recordings" cuts between its
sentences. "label … --dask ADDRESS" hears the clips on a cluster that shares no disk; "prepare …
--dask ADDRESS" needs the same folders on all machines.

Every step can be stopped and started again. The exit code is 0 if all is well, 1 if a check found
something or a step failed."""


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

    step = add("export", _export, "clips -> what a trainer reads")
    step.add_argument("corpus", type=Path)
    step.add_argument("out", type=Path)
    step.add_argument("--to", choices=("ljspeech", "audiofolder"), required=True)
    step.add_argument("--speaker", help="whose voice (ljspeech)")
    step.add_argument("--by", choices=splits.GROUPS, default="text", help="what splits don't share")
    step.add_argument("--config", choices=training_config.MODELS, help="write config.json as well")

    step = add("check", _check, "compare a corpus or an export with a contract")
    step.add_argument("folder", type=Path)
    step.add_argument("--contract", choices=tuple(rules.CONTRACTS), required=True)
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
    seconds = sum(clip.duration for clip in manifest.clips)
    print(f"{len(manifest)} clips, {seconds:.0f} s, in {options.corpus}")
    for note in manifest.notes:
        print(f"note: {note}")
    for item in manifest.dropped:
        where = f" {item.start:.1f} to {item.end:.1f} s" if item.end else ""
        print(f"dropped: '{files.printable(item.recording)}'{where}: {item.reason}")
    return int(not manifest.clips)


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


def _export(options: argparse.Namespace) -> int:
    if options.config and options.to != "ljspeech":
        raise CorpusError("--config writes the settings of a voice model: use it with ljspeech.")
    manifest = Manifest.load(options.corpus)
    if options.speaker:
        manifest = manifest.select(c for c in manifest.clips if c.speaker == options.speaker)
    manifest = splits.assign(manifest, by=options.by)

    def write_config(made: Manifest, path: Path) -> None:
        training_config.save(training_config.training_config(made, model=options.config), path)

    if options.to == "audiofolder":
        made = export.audiofolder(manifest, options.out)
    else:
        config = write_config if options.config else None
        made = export.ljspeech(manifest, options.out, config=config)
    print(f"{len(made)} clips in {options.out}")
    for note in made.notes:
        print(f"note: {note}")
    if options.config:
        print(f"settings in {options.out / 'config.json'}")
    return 0


def open_corpus(folder: Path) -> Manifest:
    """A corpus or either export, whichever lies in the folder."""
    if (folder / MANIFEST).is_file():
        return Manifest.load(folder)
    if (folder / export.METADATA).is_file():
        return export.read_ljspeech(folder)
    return export.read_audiofolder(folder)


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
    outcome = check.check(open_corpus(options.folder), _contract(options))
    print(outcome)
    page = report.write(outcome, options.page or options.folder / report.PAGE)
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
