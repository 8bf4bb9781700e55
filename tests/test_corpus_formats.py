"""Other people's corpora in and out: each format read, written, imported, and there and back."""

from __future__ import annotations

import collections
import csv
import dataclasses
import json
import os
import random
import shutil

import numpy as np
import pytest
import soundfile
import workshop

from lab_utils import audio
from lab_utils.corpus import check, command, export, foreign, importer, rules
from lab_utils.corpus.manifest import Clip, Manifest
from lab_utils.errors import CorpusError

SPEAKERS = ("ann", "Bob Lee", "ann-b")  # the last sorts before "ann-…" with an unlucky separator
LANGUAGES = ("en", "es", "ru")
TEXTS = (
    "Hello there, 16 of them.",
    '"Yes," she said, "no."',
    "¿Qué tal? El 21.",
    "Привет, мир!",
    "A comma, a tab\tand a line\nend.",
    "It's late.",
)


def tone(n, *, sr=16_000, seconds=0.5):
    t = np.arange(round(seconds * sr)) / sr
    return (0.3 * np.sin(2 * np.pi * (200 + 37 * n) * t)).astype(np.float32)


@pytest.fixture
def corpus(tmp_path):
    """Six clips of three speakers in three languages, with splits and consent."""
    clips = []
    for n, text in enumerate(TEXTS):
        audio.save_wav(tmp_path / "corpus" / "clips" / f"{n}.wav", tone(n), sr=16_000)
        clips.append(
            Clip(
                f"clip{n}",
                f"clips/{n}.wav",
                recording=f"r{n % 2}.flac",
                end=0.5,
                speaker=SPEAKERS[n % 3],
                language=LANGUAGES[n % 3],
                licence="CC0",
                consent="written",
                text=text,
                split=("train", "validation", "test")[n // 2],
            )
        )
    made = Manifest(tmp_path / "corpus", tuple(clips))
    made.save()
    return made


def write(folder, tables):
    """Tables of another corpus, as text."""
    for name, text in tables.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    return folder


def sound(folder, *names, seconds=0.5, sr=16_000):
    for n, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, tone(n, sr=sr, seconds=seconds), sr)
    return folder


# ---- there and back


@pytest.mark.parametrize("to", list(export.FORMATS))
def test_an_export_that_is_imported_again_is_the_same_corpus(corpus, tmp_path, to):
    if to == "ljspeech":  # one voice
        corpus = corpus.select(c for c in corpus.clips if c.speaker == "Bob Lee")
    made = export.FORMATS[to](corpus, tmp_path / "out")
    back = importer.import_corpus(tmp_path / "out", tmp_path / "back")
    assert Manifest.load(tmp_path / "back") == dataclasses.replace(back, notes=())
    assert len(back) == len(corpus) and not back.dropped and back.notes == ()
    (tmp_path / "out").rename(tmp_path / "gone")  # the new corpus needs the old one no more
    made = dataclasses.replace(made, folder=tmp_path / "gone")
    exported = {clip.id: clip for clip in made.clips}
    for clip in back.clips:
        old = next(c for c in corpus.clips if clip.id.endswith(c.id))
        for name in ("speaker", "language", "licence", "consent", "split", "recording"):
            assert getattr(clip, name) == getattr(old, name), name
        spoken = to == "ljspeech"
        assert clip.text == (exported[clip.id].text if spoken else " ".join(old.text.split()))
        y, sr = audio.load(back.path(clip), sr=None)
        again, again_sr = audio.load(made.path(exported[clip.id]), sr=None)
        assert sr == again_sr and np.array_equal(y, again)
        assert clip.duration == pytest.approx(len(y) / sr, abs=1e-4) and clip.text_by == "given"
    texts = {clip.id: clip.text for clip in made.clips}
    again = importer.import_corpus(tmp_path / "gone", tmp_path / "again")
    third = export.FORMATS[to](again, tmp_path / "third")
    assert {clip.id: clip.text for clip in third.clips} == texts, "ids and texts are stable"


def test_an_export_of_an_import_keeps_its_splits(corpus, tmp_path, capsys):
    export.nemo(corpus, tmp_path / "nemo")
    command.main(["import", str(tmp_path / "nemo"), str(tmp_path / "ours")])
    assert "6 clips, 3 s" in capsys.readouterr().out
    for options, same in (([], True), (["--by", "text"], False)):
        out = tmp_path / f"whisper{same}"
        arguments = ["export", str(tmp_path / "ours"), str(out), "--to", "audiofolder", *options]
        assert command.main(arguments) == 0
        splits = {clip.id: clip.split for clip in export.read_audiofolder(out).clips}
        assert (splits == {clip.id: clip.split for clip in corpus.clips}) is same


@pytest.mark.parametrize("to", list(export.FORMATS))
def test_an_export_replaces_its_own_files_and_keeps_others(corpus, tmp_path, to):
    corpus = corpus.select(c for c in corpus.clips if c.speaker == "Bob Lee")
    export.FORMATS[to](corpus, tmp_path / "out")
    (tmp_path / "out" / "model.pth").write_bytes(b"weights")
    second = corpus.select(corpus.clips[:1])
    made = export.FORMATS[to](second, tmp_path / "out")
    assert len(made) == 1 and made.notes == ("kept in out, not ours: model.pth",)
    assert len(foreign.read(tmp_path / "out")) == 1
    assert len(list((tmp_path / "out").rglob("*.wav"))) == 1
    (tmp_path / "out" / "model.pth").unlink()
    changed = next(p for p in (tmp_path / "out").rglob("*") if p.suffix in (".json", ".csv"))
    changed.write_text("{}", "utf-8")
    with pytest.raises(CorpusError, match=r"changed since|not as it was written"):
        export.FORMATS[to](second, tmp_path / "out")


# ---- out: what the programs that read them expect


def test_kaldi_folders_are_sorted_as_kaldi_wants_them(corpus, tmp_path):
    for split in ("train", "validation", "test"):
        one = corpus.updated({clip.id: {"split": split} for clip in corpus.clips})
        out = tmp_path / split
        export.kaldi(one, out)
        folder = out / {"validation": "dev"}.get(split, split)
        rows = {}
        for name in ("wav.scp", "text", "reco2dur", "utt2spk", "spk2utt", "utt2lang"):
            raw = (folder / name).read_bytes()
            assert raw.endswith(b"\n") and b"  " not in raw
            keys = [line.split(b" ", 1)[0] for line in raw.splitlines()]
            assert keys == sorted(set(keys))  # bytes: the C locale
            rows[name] = dict(line.split(" ", 1) for line in raw.decode().splitlines())
        assert set(rows["wav.scp"]) == set(rows["text"]) == set(rows["utt2spk"])
        pairs = list(rows["utt2spk"].items())  # the same order by speaker as by utterance
        assert pairs == sorted(pairs, key=lambda pair: (pair[1].encode(), pair[0].encode()))
        assert all(utterance.startswith(f"{speaker}-") for utterance, speaker in pairs)
        assert {u: s for s, us in rows["spk2utt"].items() for u in us.split()} == dict(pairs)
        assert set(rows["spk2utt"]) == {"ann", "Bob_Lee", "ann_b"}
        for utterance, place in rows["wav.scp"].items():
            info = soundfile.info(out / place)
            assert float(rows["reco2dur"][utterance]) == info.duration
            assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")


def test_kaldi_speakers_and_utterances_stay_apart(corpus, tmp_path):
    first, second = corpus.clips[0].id, corpus.clips[1].id
    alike = corpus.updated({first: {"speaker": "a b"}, second: {"speaker": "a-b"}})
    with pytest.raises(CorpusError, match="'a-b' and 'a b' would have the same name for Kaldi"):
        export.kaldi(alike, tmp_path / "out")
    clash = corpus.select(dataclasses.replace(c, speaker="s") for c in corpus.clips[:2])
    clash = clash.updated({first: {"id": "x y"}, second: {"id": "x_y"}})
    with pytest.raises(
        CorpusError, match="'x_y' and 'x y' would have the same name for Kaldi, 's-x_y'"
    ):
        export.kaldi(clash, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    long = corpus.updated({clip.id: {"speaker": clip.speaker * 40} for clip in corpus.clips})
    made = export.kaldi(long, tmp_path / "long")
    assert {clip.speaker for clip in made.clips} == {speaker * 40 for speaker in SPEAKERS}
    assert {len(clip.id) for clip in made.clips} == {32 + len("-clip0")}
    unknown = corpus.updated({clip.id: {"speaker": "", "language": ""} for clip in corpus.clips})
    made = export.kaldi(unknown, tmp_path / "out")
    assert {clip.speaker for clip in made.clips} == {""}
    assert (tmp_path / "out/train/utt2spk").read_text("utf-8").split()[:2] == ["clip0", "clip0"]
    assert not (tmp_path / "out/train/utt2lang").exists()


def test_nemo_lines_name_files_and_durations(corpus, tmp_path):
    export.nemo(corpus, tmp_path / "out")
    rows = []
    for split in ("train", "validation", "test"):
        lines = (tmp_path / "out" / f"{split}_manifest.json").read_text("utf-8").splitlines()
        rows += [json.loads(line) for line in lines]
    assert [row["text"] for row in rows] == [" ".join(text.split()) for text in TEXTS]
    for row in rows:
        info = soundfile.info(tmp_path / "out" / row["audio_filepath"])
        assert (info.samplerate, info.channels) == (16_000, 1)
        assert row["duration"] == pytest.approx(info.duration, abs=1e-4)
        assert row["lang"] in LANGUAGES and row["consent"] == "written"


@pytest.mark.parametrize("one_voice", [True, False])
def test_piper_reads_the_table_with_the_csv_module(corpus, tmp_path, one_voice):
    if one_voice:
        corpus = corpus.updated({clip.id: {"speaker": "ann"} for clip in corpus.clips})
    export.piper(corpus, tmp_path / "out")
    with open(tmp_path / "out" / "metadata.csv", encoding="utf-8") as file:  # as Piper opens it
        rows = list(csv.reader(file, delimiter="|"))
    texts = [" ".join(text.split()) for text in TEXTS]
    if one_voice:
        assert rows == [[f"clip{n}", text] for n, text in enumerate(texts)]
    else:
        assert rows == [[f"clip{n}", SPEAKERS[n % 3], text] for n, text in enumerate(texts)]
    assert soundfile.info(tmp_path / "out" / "wavs" / "clip0.wav").samplerate == 22_050


def test_what_piper_cannot_have(corpus, tmp_path):
    first = corpus.clips[0].id
    for values, match in (
        ({"text": "a|b"}, "holds a '|'"),
        ({"speaker": "a|b"}, "'a|b' holds '|'"),
        ({"speaker": ""}, "a speaker for each clip"),
    ):
        with pytest.raises(CorpusError, match=match.replace("|", r"\|")):
            export.piper(corpus.updated({first: values}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


# ---- in: every form of every format

HI, YOU = ("a1", "Hi there", ""), ("a2", "You", "")
FORMS = {
    "ljspeech, 2 columns": ({"metadata.csv": "a1|Hi there\na2|You\n"}, [HI, YOU]),
    "ljspeech, endings": ({"metadata.csv": "a1.wav|Hi there\na2.wav|You\n"}, [HI, YOU]),
    "ljspeech, quoted by csv": (
        {"metadata.csv": 'a1|"Hi ""there"""\na2|"You"\n'},
        [("a1", 'Hi "there"', ""), ("a2", '"You"', "")],
    ),
    "piper, speakers": (
        {"metadata.csv": "\ufeffa1|ann|Hi there\na2|bob|You\n\n"},
        [("a1", "Hi there", "ann"), ("a2", "You", "bob")],
    ),
    "audiofolder, csv without splits": (
        {"metadata.csv": 'file_name,text\ndata/a1.wav,"Hi there"\na2.mp3,You\n'}, [HI, YOU],
    ),
    "audiofolder, jsonl and sentence": (
        {"metadata.jsonl": '{"file_name": "a1.wav", "sentence": "Hi there"}\n\n'
                           '{"file_name": "a2.wav", "sentence": "You", "n": [1]}\n'}, [HI, YOU],
    ),
    "audiofolder, splits": (
        {"train/metadata.csv": "file_name,transcription,speaker_id\na1.wav,Hi there,7\n",
         "test/metadata.jsonl": '{"file_name": "a2.wav", "transcription": "You"}'},
        [YOU, ("a1", "Hi there", "7")],
    ),
    "common voice": (
        {"validated.tsv": "client_id\tpath\tsentence\tlocale\r\n"
                          'c1\ta1.mp3\tHi there\tsq\r\nc2\ta2.mp3\t"""You"" and ""me"""\tsq\r\n',
         "invalidated.tsv": "client_id\tpath\tsentence\nc3\ta3.mp3\tNo\n"},
        [("a1", "Hi there", "c1"), ("a2", '"You" and "me"', "c2")],
    ),
    "nemo": (
        {"train_manifest.json": '{"audio_filepath": "wavs/a1.wav", "duration": 0.5, '
                                '"text": "Hi there"}\n{"audio_filepath": "wavs/a2.wav", '
                                '"duration": 0.5, "text": "You", "speaker": 3}\n'},
        [HI, ("a2", "You", "3")],
    ),
    "kaldi": (
        {"wav.scp": "a1 wavs/a1.wav\na2\twavs/a2.wav\n", "text": "a1 Hi there\na2 You\n",
         "utt2spk": "a1 ann\na2 a2\n"},
        [("a1", "Hi there", "ann"), YOU],
    ),
    "kaldi, folders": (
        {"dev/wav.scp": "a1 wavs/a1.wav\n", "dev/text": "a1 Hi there\n",
         "train/wav.scp": "a2 wavs/a2.wav\n", "train/text": "a2 You\n"}, [HI, YOU],
    ),
    "kaldi, recipe": (
        {"data/dev/wav.scp": "a1 wavs/a1.wav\n", "data/dev/text": "a1 Hi there\n"}, [HI],
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", list(FORMS))
def test_every_form_is_read(tmp_path, form):
    content, expected = FORMS[form]
    made = foreign.read(write(tmp_path, content))
    assert [(clip.id, clip.text, clip.speaker) for clip in made.clips] == expected
    assert all((clip.start, clip.recording) == (0, "") for clip in made.clips)


def test_what_the_tables_tell_is_kept(tmp_path):
    tables = {
        "train.tsv": "client_id\tpath\tsentence\tage\tlocale\tid\nc1\ta.mp3\tHi\tforties\tes\t7\n",
        "dev.tsv": "client_id\tpath\tsentence\tage\tlocale\tid\nc2\tb.mp3\tYou\t\tes\t8\n",
        "other.tsv": "client_id\tpath\tsentence\nc3\tc.mp3\tNo\n",
        "clips/a.mp3": "",
    }
    made = foreign.read(write(tmp_path, tables))
    dev, train = made.clips
    assert (train.file, train.split, train.language) == ("clips/a.mp3", "train", "es")
    assert train.more == (("age", "forties"), ("id (theirs)", "7"))
    assert (dev.split, dev.more) == ("validation", (("id (theirs)", "8"),))
    assert made.notes == ("not read: other.tsv (name one of them to read it)",)
    assert [c.id for c in foreign.read(tmp_path / "other.tsv").clips] == ["c"]


def test_decisions_are_told(tmp_path):
    speakers = foreign.read(write(tmp_path / "piper", {"metadata.csv": "a|ann|Hi\nb|bob|You\n"}))
    assert speakers.notes == (
        "metadata.csv: its second column is taken for the speaker (id|speaker|text)",
    )
    tables = {"wav.scp": "a a.wav\nb b.wav\n", "text": "a Hi\nc Lost words\n"}
    assert foreign.read(write(tmp_path / "kaldi", tables)).notes == (
        "text: 1 lines have no sound, such as that of 'c'",
        "1 of 2 clips have no text",
    )


NEMO_LINE = '{"audio_filepath": "a.wav", "duration": 1, "text": "Hi"}\n'
REFUSED = {
    "doubled id": ({"metadata.csv": "a|x\nA.wav|y\n"}, "more than one row for 'A'.*lines 1 and 2"),
    "same clip in two tables": (
        {"all.json": NEMO_LINE, "train.json": NEMO_LINE},
        "train.json, line 1: the clip 'a' is in all.json, line 1, too",
    ),
    "several formats": (
        {"metadata.csv": "a|x\n", "train_manifest.json": NEMO_LINE},
        "several formats: metadata.csv, train_manifest.json. Name the table",
    ),
    "two columns of text": (
        {"metadata.csv": "file_name,text,sentence\na.wav,x,y\n"},
        r"the columns sentence and text: say which .*--text COLUMN",
    ),
    "no column of text": (
        {"metadata.csv": "file_name,words\na.wav,x\n"},
        r"lacks the column transcription, sentence or text .*found file_name, words",
    ),
    "no file": ({"metadata.csv": "file_name,text\n,x\n"}, "line 2: expected a file in 'file_name'"),
    "reserved": ({"metadata.csv": "file_name,text\nnul.wav,x\n"}, "line 2: the id 'nul'"),
    "outside": ({"metadata.csv": "file_name,text\n../a.wav,x\n"}, "line 2: the file .* outside"),
    "absolute": ({"wav.scp": "a /etc/passwd\n", "text": "a x\n"}, "wav.scp, line 1: .*--audio"),
    "no object": ({"m.json": NEMO_LINE + "[1]\n"}, "m.json, line 2: expected an object of JSON"),
    "broken json": ({"m.json": NEMO_LINE + '{"a": \n'}, "m.json, line 2: expected an object"),
    "no text": ({"m.json": NEMO_LINE.replace("Hi", r"\ud800")}, "line 1: expected an object"),
    "NUL": ({"m.json": NEMO_LINE.replace("Hi", r"\u0000")}, "m.json, line 1: .*a NUL character"),
    "long name": ({"m.json": NEMO_LINE.replace("a.wav", "a" * 300)}, "line 1: .* too long for one"),
    "deep json": ({"m.json": NEMO_LINE + "[" * 10**5}, "m.json, line 2: expected an object"),
    "offset": (
        {"m.json": NEMO_LINE.replace('"text"', '"offset": -1, "text"')},
        "m.json, line 1: the offset: expected seconds, 0 or more",
    ),
    "tabs": (
        {"train.tsv": "path\tsentence\na.mp3\tHi\tthere\n"}, "line 2: expected 2 cells .*found 3",
    ),
    "kaldi doubled": ({"wav.scp": "a x.wav\na y.wav\n"}, "more than one row for 'a': lines 1 and"),
    "kaldi, no file": ({"wav.scp": "a\n"}, "wav.scp, line 1: expected two words or more"),
    "kaldi archive": ({"wav.scp": "a wavs.ark:17\n"}, "line 1: 'wavs.ark:17' is a part of an arch"),
    "kaldi segment": (
        {"wav.scp": "r r.wav\n", "segments": "a r 2 1\n"}, "line 1: expected an end after",
    ),
    "kaldi segment of nothing": (
        {"wav.scp": "r r.wav\n", "segments": "a s 0 1\n"}, "'s' is not in wav.scp",
    ),
    "unknown": (
        {"labels.txt": "a x\n"},
        "LJSpeech or Piper .*audiofolder .*Common Voice .*NeMo .*Kaldi .*found labels.txt",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", list(REFUSED))
def test_what_is_refused_names_its_line_and_the_remedy(tmp_path, case):
    content, match = REFUSED[case]
    with pytest.raises(CorpusError, match=match):
        foreign.read(write(tmp_path / "theirs", content))


SIGNS = [
    *("|", "\t", "\n", "\r", "\0", "\u2028", "\ufeff", '"', "{", "[", ",", ":", "..", "../", "|\n"),
    *("/etc/passwd", "nul", "nan", "-1", "1e999", "a" * 300, r"\u0000", r"\ud800", "null"),
]


def test_a_damaged_table_ends_in_a_corpus_or_a_message(tmp_path):
    rng, ends = random.Random(0), collections.Counter()
    for number in range(200):
        content = dict(FORMS[rng.choice(list(FORMS))][0])
        name = rng.choice(list(content))
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(content[name]) + 1)
            rest = content[name][at + rng.choice([0, 0, 1, 3]) :]
            content[name] = content[name][:at] + rng.choice(SIGNS) + rest
        try:
            made = foreign.read(write(tmp_path / str(number), content))
            assert foreign.parts(made) is not None and all(made.path(c) for c in made.clips)
            ends["read"] += 1
        except CorpusError:
            ends["refused"] += 1
    assert min(ends["read"], ends["refused"]) > 50


def test_a_command_in_a_table_is_never_run(tmp_path):
    ran = tmp_path / "ran"
    for number, line in enumerate((f"touch {ran} |", f"| touch {ran}", f"touch {ran}; cat x |")):
        folder = write(tmp_path / str(number), {"wav.scp": f"a {line}\n", "text": "a Hi\n"})
        with pytest.raises(CorpusError, match="line 1: .* is a command, and commands .* never run"):
            importer.import_corpus(folder, tmp_path / "out")
        with pytest.raises(CorpusError, match="is a command"):
            command.main(["check", str(folder), "--contract", "whisper"])
    assert not ran.exists()


def test_a_link_does_not_lead_outside(tmp_path):
    sound(tmp_path, "private.wav")
    folder = write(tmp_path / "theirs", {"metadata.csv": "a|Hi\n"})
    (folder / "wavs").mkdir()
    os.symlink(tmp_path / "private.wav", folder / "wavs" / "a.wav")
    with pytest.raises(CorpusError, match="metadata.csv, line 1: the file .* leads outside"):
        importer.import_corpus(folder, tmp_path / "out")


# ---- import


def test_an_import_copies_and_touches_nothing(tmp_path):
    theirs = write(tmp_path / "theirs", {"metadata.csv": "a|Hi\nb|You\n"})
    sound(theirs, "wavs/a.wav", "wavs/b.flac", sr=44_100)
    before = workshop.tree(theirs)
    told = {"speaker": "linda", "language": "en"}
    made = importer.import_corpus(theirs, tmp_path / "ours", told=told)
    assert workshop.tree(theirs) == before
    assert {(c.speaker, c.language, c.text_by) for c in made.clips} == {("linda", "en", "given")}
    assert [clip.recording for clip in made.clips] == ["wavs/a.wav", "wavs/b.flac"]
    for clip, name in zip(made.clips, ("wavs/a.wav", "wavs/b.flac"), strict=True):
        y, sr = soundfile.read(made.path(clip), dtype="int16")
        original, _ = soundfile.read(theirs / name, dtype="int16")
        assert sr == 44_100 and np.array_equal(y, original)
    assert {p.name for p in (tmp_path / "ours").iterdir()} <= {
        "clips", "manifest.csv", "dropped.csv", ".lock"
    }  # fmt: skip
    (tmp_path / "ours").rename(tmp_path / "moved")
    report = check.check(Manifest.load(tmp_path / "moved"), rules.contract("whisper"))
    assert not {f.rule for f in report.findings} & {"missing_file", "readable", "missing_row"}


def test_parts_of_recordings_are_cut_to_the_sample(tmp_path):
    theirs = sound(tmp_path / "theirs", "audio/r1.wav", seconds=3)
    y, sr = soundfile.read(theirs / "audio/r1.wav", dtype="int16")
    kaldi = {
        "wav.scp": "r1 audio/r1.wav\n",
        "segments": "s-1 r1 0.25 1.5\ns-2 r1 1.25 -1\ns-3 r1 2.0 3.4\ns-4 r1 2.0 3.6\n",
        "text": "s-1 one\ns-2 two\ns-3 three\ns-4 four\n",
    }
    nemo = [
        {"audio_filepath": "audio/r1.wav", "offset": offset, "duration": duration, "text": text}
        for offset, duration, text in (
            (0.25, 1.25, "one"),
            (1.25, 1.75, "two"),
            (2.0, 1.4, "three"),
        )
    ]
    lines = "".join(json.dumps(row) + "\n" for row in nemo)
    write(theirs / "kaldi", kaldi)
    write(theirs, {"nemo.jsonl": lines})
    for source, options in (("kaldi", {"audio_folder": theirs}), ("nemo.jsonl", {})):
        made = importer.import_corpus(theirs / source, tmp_path / source, **options)
        assert [clip.text for clip in made.clips] == ["one", "two", "three"]
        spans = [(clip.start, clip.end) for clip in made.clips]
        assert spans == [(0.25, 1.5), (1.25, 3.0), (2.0, 3.0)]
        for clip in made.clips:
            part, _ = soundfile.read(made.path(clip), dtype="int16")
            assert np.array_equal(part, y[round(clip.start * sr) : round(clip.end * sr)])
        reasons = [item.reason for item in made.dropped]
        if source == "kaldi":
            assert reasons == ["clip 's-4': 2 to 3.6 s is beyond the end of the recording, which "
                               "has 3.00 s."]  # fmt: skip
            with pytest.raises(CorpusError, match="parts of longer files: .*'corpus import'"):
                command.open_corpus(theirs / "kaldi")
    long = importer.import_corpus(
        write(sound(tmp_path / "long", "wavs/a.wav", seconds=31), {"metadata.csv": "a|Hi\n"}),
        tmp_path / "made",
    )
    assert [note.split(",")[0] for note in long.notes] == ["1 clips"]


def test_paths_count_from_the_folder_of_the_sound(tmp_path, capsys):
    sound(tmp_path / "sound", "x/a.wav", "b.wav")
    tables = {
        "train_manifest.json": json.dumps(
            {"audio_filepath": str(tmp_path / "sound/x/a.wav"), "duration": 0.5, "text": "Hi"}
        )
        + '\n{"audio_filepath": "b.wav", "duration": 0.5, "text": "You"}\n'
    }
    theirs = write(tmp_path / "theirs", tables)
    with pytest.raises(CorpusError, match="leads outside the corpus .--audio FOLDER"):
        importer.import_corpus(theirs, tmp_path / "ours")
    arguments = ["import", str(theirs), str(tmp_path / "ours"), "--audio", str(tmp_path / "sound")]
    assert command.main([*arguments, "--language", "sq", "--consent", "written"]) == 0
    assert "2 clips, 1 s" in capsys.readouterr().out
    made = Manifest.load(tmp_path / "ours")
    assert {(c.language, c.consent, c.split) for c in made.clips} == {("sq", "written", "train")}
    with pytest.raises(CorpusError, match="folder of the sound"):
        command.main([*arguments[:-1], str(tmp_path / "nowhere")])
    with pytest.raises(CorpusError, match="found gender"):
        importer.import_corpus(theirs, tmp_path / "other", told={"gender": "x"})


def test_what_cannot_be_read_is_listed(tmp_path):
    theirs = write(tmp_path / "theirs", {"metadata.csv": "a|Hi\nb|You\nc|Me\n"})
    sound(theirs, "wavs/a.wav")
    (theirs / "wavs" / "b.wav").write_bytes((theirs / "wavs" / "a.wav").read_bytes()[:2000])
    made = importer.import_corpus(theirs, tmp_path / "ours")
    assert [clip.id for clip in made.clips] == ["a"]
    assert [(item.recording, item.reason[:9]) for item in made.dropped] == [
        ("wavs/b.wav", "clip 'b':"), ("wavs/c.wav", "clip 'c':")
    ]  # fmt: skip
    assert Manifest.load(tmp_path / "ours").dropped == made.dropped
    (theirs / "wavs" / "a.wav").unlink()
    (theirs / "wavs" / "b.wav").unlink()
    with pytest.raises(CorpusError, match="None of the 3 clips can be read.*Paths count from"):
        importer.import_corpus(theirs, tmp_path / "none")


def test_an_import_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    theirs = write(tmp_path / "theirs", {"metadata.csv": "a|Hi\nb|You\nc|Me\n"})
    sound(theirs, "wavs/a.wav", "wavs/b.wav", "wavs/c.wav")
    importer.import_corpus(theirs, tmp_path / "whole")
    save, done = audio.save_wav, []

    def stop_at_second(path, y, *, sr):
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append(path)
        return save(path, y, sr=sr)

    monkeypatch.setattr(audio, "save_wav", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        importer.import_corpus(theirs, tmp_path / "ours")
    (tmp_path / "ours" / "clips" / "b-12345678.partial").write_bytes(b"half")
    monkeypatch.setattr(audio, "save_wav", lambda p, y, *, sr: done.append(p) or save(p, y, sr=sr))
    assert not (tmp_path / "ours" / "manifest.csv").exists()
    (theirs / "metadata.csv").write_text("a|Hi\nb|You\nc|Them\n", "utf-8")
    with pytest.raises(CorpusError, match="an import of something else, or of what was changed"):
        importer.import_corpus(theirs, tmp_path / "ours")
    (theirs / "metadata.csv").write_text("a|Hi\nb|You\nc|Me\n", "utf-8")
    importer.import_corpus(theirs, tmp_path / "ours")
    assert [path.name for path in done] == ["a.wav", "b.wav", "c.wav"]
    assert workshop.tree(tmp_path / "ours") == workshop.tree(tmp_path / "whole")


def test_a_full_disk_is_no_damaged_recording(tmp_path, monkeypatch):
    from lab_utils.errors import AudioError

    theirs = sound(write(tmp_path / "theirs", {"metadata.csv": "a|Hi\n"}), "wavs/a.wav")

    def full(*_, **__):
        raise AudioError("a.wav could not be written: no space left")

    monkeypatch.setattr(audio, "save_wav", full)
    with pytest.raises(CorpusError, match="no space left.*Free some space"):
        importer.import_corpus(theirs, tmp_path / "ours")
    monkeypatch.undo()
    assert len(importer.import_corpus(theirs, tmp_path / "ours")) == 1


def test_an_import_overwrites_nothing(tmp_path):
    theirs = sound(write(tmp_path / "theirs", {"metadata.csv": "a|Hi\n"}), "wavs/a.wav")
    mine = write(tmp_path / "mine", {"notes.txt": "mine"})
    importer.import_corpus(theirs, tmp_path / "ours")
    for out, match in (
        (theirs / "ours", "is only read"),
        (tmp_path / "ours", "is a corpus already"),
        (mine, "is not empty"),
        (mine / "notes.txt", "is a file or a link"),
    ):
        before = workshop.tree(tmp_path)
        with pytest.raises(CorpusError, match=match):
            importer.import_corpus(theirs, out)
        assert workshop.tree(tmp_path) == before
    with pytest.raises(CorpusError, match="found nothing"):
        importer.import_corpus(tmp_path / "nowhere", tmp_path / "other")


def test_check_reads_a_corpus_where_it_is(corpus, tmp_path, capsys):
    export.nemo(corpus, tmp_path / "nemo")
    page = ["--contract", "whisper", "--page", str(tmp_path / "page.html")]
    command.main(["check", str(tmp_path / "nemo"), *page])
    out = capsys.readouterr().out
    assert "6 clips" in out and "missing" not in out and "leads outside" not in out
    shutil.rmtree(tmp_path / "nemo" / "wavs")
    assert command.main(["check", str(tmp_path / "nemo"), *page]) == 1
    assert capsys.readouterr().out.count("missing_file") == 6
