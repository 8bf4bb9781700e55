"""One reader for each format of a corpus, from its tables to a manifest.

``foreign.read`` finds out which one it is.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from .. import files, tables
from ..errors import CorpusError, TableError
from . import sources
from .manifest import Clip, Manifest, check_ids, seconds
from .sources import DETAIL_COLUMNS, Row, Source, split_of
from .spelling import spoken

TEXTS = ("transcription", "sentence", "text")  #: columns that can hold what is said
_ALSO = {  # what others call our columns
    "client_id": "speaker", "speaker_id": "speaker", "speaker_name": "speaker",
    "locale": "language", "lang": "language", "license": "licence", "pred_text": "heard",
}  # fmt: skip
#: first cells of a header that some programs write above an LJSpeech table, and what follows them
_HEADER_IDS = {"id", "file", "filename", "file_name", "audio", "audio_file", "wav", "path", "name"}
_HEADER_SPEAKERS = {"speaker", "speaker_name", "speaker_id"}
_HEADER_TEXTS = {"text", "transcript", "transcription", "sentence"} | _HEADER_SPEAKERS
_ENDINGS = (".wav", "", ".flac", ".mp3", ".ogg")  # after the id of an LJSpeech table
_FIELDS = {field.name for field in dataclasses.fields(Clip)}


def ljspeech(source: Source) -> Manifest:
    """LJSpeech's or Piper's; see :func:`foreign.read_ljspeech`."""
    (path,) = source.tables
    name, base = source.name(path), source.audio or path.parent
    rows, speaker_at = _without_header(name, base, sources.rows(path, tables.read_unquoted))
    for line, cells in rows:
        if len(cells) not in (2, 3) or len(cells) != len(rows[0][1]) or not cells[0].strip():
            raise TableError(
                f"{name}, line {line}: expected id|text or id|text|text as spoken, found "
                f"{'|'.join(cells)[:60]!r}."
            )
    check_ids(((line, cells[0].removesuffix(".wav")) for line, cells in rows), table=name)
    details, notes = sources.details(path.parent), []
    if not details and speaker_at is None and _names_speakers([cells for _, cells in rows]):
        speaker_at = 1
        notes.append(f"{name}: its second column is taken for the speaker (id|speaker|text)")
    made = []
    for line, cells in rows:
        texts = [sources.unquoted(cell) for i, cell in enumerate(cells) if i and i != speaker_at]
        speaker = cells[speaker_at].strip() if speaker_at else ""
        clip = Clip(
            cells[0].removesuffix(".wav"),
            source.file(path, line, _sound(base, cells[0])),
            text=texts[-1].strip() or texts[0].strip(),
            speaker=speaker,
        )
        made.append(Row(name, line, clip))
    return sources.manifest(source, made, notes).updated(details)


def _without_header(
    name: str, base: Path, rows: list[tuple[int, list[str]]]
) -> tuple[list[tuple[int, list[str]]], int | None]:
    """The rows of an LJSpeech table without a header, and the column that it calls speaker."""
    first = [cell.strip().casefold() for cell in rows[0][1]]
    if len(first) == 1 and "," in first[0]:
        raise TableError(
            f"{name} is separated by commas, with the columns {first[0][:80]}: expected "
            "id|text|text as spoken (LJSpeech), or the columns file_name and transcription "
            "(audiofolder)."
        )
    is_header = first[0] in _HEADER_IDS and _HEADER_TEXTS.intersection(first[1:2])
    if not is_header or (base / _sound(base, rows[0][1][0])).exists():
        return rows, None
    if not rows[1:]:
        raise TableError(f"{name} has a header and no clips.")
    return rows[1:], next((i for i, cell in enumerate(first) if cell in _HEADER_SPEAKERS), None)


def _sound(base: Path, name: str) -> str:
    """Where the sound of an id is, from the folder of the table; ``wavs/ID.wav`` if nowhere."""
    places = (f"{folder}{name}{ending}" for folder in ("wavs/", "wav/", "") for ending in _ENDINGS)
    usual = f"wavs/{name.removesuffix('.wav')}.wav"
    return next((place for place in places if (base / place).is_file()), usual)


def _names_speakers(rows: list[list[str]]) -> bool:
    """Whether the second of three columns is a speaker: one word, and never a word of the text.

    In LJSpeech the third column is the second one written out, so that the two share words.
    """
    for _, second, third in (cells for cells in rows if len(cells) == 3):
        words = set(third.casefold().split())
        if len(second.split()) != 1 or not words or second.casefold() in words:
            return False
        if spoken(second).casefold().split()[0].strip(".,!?") in {w.strip(".,!?") for w in words}:
            return False
    return bool(rows) and len(rows[0]) == 3


def audiofolder(source: Source) -> Manifest:
    """Hugging Face's: the split is the folder of the table or of the file."""
    rows = []
    for path in source.tables:
        if path.suffix == ".jsonl":
            cells = sources.rows(path, _read_json)
        else:
            cells = sources.rows(path, tables.read, required=["file_name"])
        rows += _records(source, path, cells, "file_name", split=split_of(path.parent.name))
    return sources.manifest(source, _with_ids(rows))


def common_voice(source: Source) -> Manifest:
    """The three splits where they are there, else what listeners have validated."""
    official = [path for path in source.tables if path.stem in ("train", "dev", "test")]
    validated = [path for path in source.tables if path.stem == "validated"]
    taken = official or validated or list(source.tables)
    if len(source.tables) > 1 and not (official or validated):
        raise CorpusError(
            f"{source.root} holds {', '.join(map(source.name, taken))} and neither train.tsv nor "
            "validated.tsv: name the table that counts in place of the folder."
        )
    left = [source.name(path) for path in source.tables if path not in taken]
    notes = [f"not read: {', '.join(left)} (name one of them to read it)"] if left else []
    rows = []
    for path in taken:
        (_, header), *cells = ((n, line.split("\t")) for n, line in tables.lines(path))
        header = [name.strip() for name in header]
        for line, row in cells:
            if len(row) != len(header):
                raise TableError(
                    f"{source.name(path)}, line {line}: expected {len(header)} cells between tabs, "
                    f"found {len(row)}."
                )
        told = [
            (line, dict(zip(header, map(sources.unquoted, row), strict=True)))
            for line, row in cells
        ]
        folder = "" if source.audio or not (path.parent / "clips").is_dir() else "clips/"
        rows += _records(source, path, told, "path", split=split_of(path.stem), folder=folder)
    return sources.manifest(source, _with_ids(rows), notes)


def nemo(source: Source) -> Manifest:
    """NeMo's lines of JSON: a clip may be a part of its file, from ``offset`` on."""
    rows = []
    for path in source.tables:
        told = sources.rows(path, _read_json)
        made = _records(source, path, told, "audio_filepath", split=split_of(path.stem))
        for row in made:
            where, more = f"{row.table}, line {row.line}: the ", dict(row.clip.more)
            start = seconds(more.pop("offset", ""), f"{where}offset")
            duration = seconds(more.pop("duration", ""), f"{where}duration")
            end = start + duration if duration else 0.0
            clip = dataclasses.replace(row.clip, start=start, end=end, more=tuple(more.items()))
            rows.append(row._replace(clip=clip))
    return sources.manifest(source, _with_ids(rows))


def kaldi(source: Source) -> Manifest:
    """Paths count from where Kaldi runs: here from the folder that is named."""
    source, rows, notes = source._replace(audio=source.root), [], []
    for path in source.tables:
        folder, split = path.parent, split_of(path.parent.name)
        wavs, texts, speakers, languages, segments = (
            _mapping(folder / name, source.name(folder / name))
            for name in ("wav.scp", "text", "utt2spk", "utt2lang", "segments")
        )
        places = {
            name: source.file(path, line, _sound_file(sound, f"{source.name(path)}, line {line}"))
            for name, (line, sound) in wavs.items()
        }
        table = source.name(folder / "segments" if segments else path)
        for name, (line, cells) in (segments or wavs).items():
            span = (
                _segment(cells, places, f"{table}, line {line}") if segments else (name, 0.0, 0.0)
            )
            speaker = speakers.get(name, (0, ""))[1]
            clip = Clip(
                name,
                places[span[0]],
                start=span[1],
                end=span[2],
                text=texts.get(name, (0, ""))[1],
                speaker="" if speaker == name else speaker,  # Kaldi's sign for one that is unknown
                language=languages.get(name, (0, ""))[1],
                split=split,
            )
            rows.append(Row(table, line, clip))
        if lost := [name for name in texts if name not in (segments or wavs)]:
            notes.append(
                f"{source.name(folder / 'text')}: {len(lost)} lines have no sound, such as that "
                f"of {lost[0]!r}"
            )
    return sources.manifest(source, rows, notes).updated(sources.details(source.folder))


def _read_json(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Lines of JSON as cells by column: what is no text is written as JSON."""
    rows = []
    for line, text in tables.lines(path):
        try:
            row = json.loads(text)
            if not isinstance(row, dict):
                raise ValueError("no object")
            cells = {
                k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)
                for k, v in row.items()
                if v is not None
            }
            if b"\0" in "".join([*cells, *cells.values()]).encode():
                raise ValueError("a NUL character")
        except (ValueError, RecursionError) as error:
            raise TableError(
                f"{path.name}, line {line}: expected an object of JSON in one line, found "
                f"{files.printable(text[:60])!r} ({error})."
            ) from error
        rows.append((line, cells))
    return rows


def _records(
    source: Source,
    path: Path,
    rows: Sequence[tuple[int, Mapping[str, str]]],
    key: str,
    *,
    split: str,
    folder: str = "",
) -> list[Row]:
    """The clips of a table whose columns have names; their ids are given by :func:`_with_ids`."""
    name, made = source.name(path), []
    text_column = _text_column(source, name, {column for _, row in rows for column in row})
    for line, row in rows:
        if not (file := row.get(key, "").strip()):
            raise TableError(f"{name}, line {line}: expected a file in {key!r}, found none.")
        values, more = {"split": split}, {}
        for column, cell in row.items():
            field = _ALSO.get(column, column)
            if not cell or column in (key, text_column):
                continue
            if field in DETAIL_COLUMNS and not values.get(field):
                values[field] = cell
            else:
                more[f"{column} (theirs)" if column in _FIELDS else column.strip()] = cell
        text = row.get(text_column, "").strip() if text_column else ""
        place = source.file(path, line, folder + file)
        top = place.split("/")[0] if "/" in place else ""
        values["split"] = split_of(values["split"]) or split_of(top)
        clip = Clip("", place, text=text, more=tuple(more.items()), **values)
        made.append(Row(name, line, clip))
    return made


def _text_column(source: Source, name: str, columns: set[str]) -> str:
    """The column with the transcripts; empty for NeMo, which knows tables without one."""
    found = [c for c in ((source.text,) if source.text else TEXTS) if c in columns]
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        raise TableError(
            f"{name} has the columns {' and '.join(found)}: say which holds the transcripts "
            "(--text COLUMN)."
        )
    if "audio_filepath" in columns and not source.text:
        return ""
    expected = source.text or f"{', '.join(TEXTS[:-1])} or {TEXTS[-1]}"
    raise TableError(
        f"{name} lacks the column {expected} with the transcripts; found "
        f"{', '.join(sorted(columns))[:200]}. Say which it is (--text COLUMN)."
    )


def _with_ids(rows: list[Row]) -> list[Row]:
    """Ids from the names of files; where two are alike, with their folders, and times of parts."""
    stems = {row.clip.file: PurePosixPath(row.clip.file).stem for row in rows}
    alike = collections.Counter(map(files.fold, stems.values()))
    starts = collections.defaultdict(set)
    for row in rows:
        starts[row.clip.file].add(row.clip.start)
    made = []
    for row in rows:
        file, name = row.clip.file, stems[row.clip.file]
        if alike[files.fold(name)] > 1:
            name = "-".join(PurePosixPath(file).with_suffix("").parts)
        if len(starts[file]) > 1:
            name += f"-{round(row.clip.start * 1000):08d}"
        made.append(row._replace(clip=dataclasses.replace(row.clip, id=name)))
    return made


def _mapping(path: Path, name: str) -> dict[str, tuple[int, str]]:
    """A table of Kaldi's, key and rest of the line, with the line's number; none if not there."""
    found: dict[str, tuple[int, str]] = {}
    if not path.is_file():
        return found
    for line, text in tables.lines(path):
        key, *rest = re.split(r"[ \t]+", text.strip(" \t"), maxsplit=1)
        if not rest and path.name != "text":
            raise TableError(
                f"{name}, line {line}: expected two words or more, found {key[:60]!r}."
            )
        if key in found:
            raise TableError(
                f"{name} has more than one row for {key!r}: lines {found[key][0]} and {line}. "
                "Keep one."
            )
        found[key] = line, "".join(rest)
    return found


def _sound_file(sound: str, where: str) -> str:
    """What a wav.scp names, if it is a file."""
    if sound.endswith("|") or sound.startswith("|"):
        raise CorpusError(
            f"{where}: {sound[:80]!r} is a command, and commands of a corpus are never run. Write "
            "its sound into files, and name these."
        )
    if re.search(r"\.ark(:\d+)?$|:\d+$", sound):
        raise CorpusError(
            f"{where}: {sound[:80]!r} is a part of an archive of Kaldi's: write its sound into WAV "
            "files, and name these."
        )
    return sound


def _segment(cells: str, places: Mapping[str, str], where: str) -> tuple[str, float, float]:
    """Recording, start and end of a segment; -1 is the end of the recording."""
    recording, *times = cells.split()
    if len(times) != 2:
        raise TableError(
            f"{where}: expected a recording, a start and an end, found {cells[:60]!r}."
        )
    if recording not in places:
        raise TableError(f"{where}: the recording {recording!r} is not in wav.scp.")
    start = seconds(times[0], f"{where}: the start")
    end = 0.0 if times[1] in ("-1", "-1.0") else seconds(times[1], f"{where}: the end")
    if end and end <= start or not end and times[1][0] != "-":
        raise TableError(
            f"{where}: expected an end after the start, found {times[0]} to {times[1]}."
        )
    return recording, start, end
