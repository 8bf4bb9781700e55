"""The exports against what the programs that read them expect; splits; settings."""

from __future__ import annotations

import csv
import json
import random

import numpy as np
import pytest
import soundfile
import workshop

from lab_utils import audio, environment
from lab_utils.corpus import check, export, rules, seal, splits, training_config
from lab_utils.corpus.spelling import spoken
from lab_utils.errors import CorpusError


@pytest.fixture(scope="module")
def student():
    corpus = workshop.corpus()
    return splits.assign(corpus.select(c for c in corpus.clips if c.recording == "student.flac"))


@pytest.fixture(scope="module")
def voice(student, tmp_path_factory):
    return export.ljspeech(student, tmp_path_factory.mktemp("voice") / "out")


@pytest.fixture(scope="module")
def listener(student, tmp_path_factory):
    return export.audiofolder(student, tmp_path_factory.mktemp("whisper") / "out")


def test_ljspeech_is_read_as_coqui_and_torchaudio_read_it(voice, student):
    """Both split each line at the bar and take wavs/<first column>.wav and the third column."""
    lines = (voice.folder / "metadata.csv").read_text("utf-8").splitlines()
    assert len(lines) == len(student)
    for line, clip in zip(lines, student.clips, strict=True):
        name, text, normal = line.split("|")
        assert (name, text, normal) == (clip.id, clip.text, spoken(clip.text))
        info = soundfile.info(str(voice.folder / "wavs" / f"{name}.wav"))
        assert (info.samplerate, info.channels, info.subtype) == (22_050, 1, "PCM_16")
    with open(voice.folder / "metadata.csv", encoding="utf-8") as file:  # torchaudio's own words
        assert list(csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE)) == [
            line.split("|") for line in lines
        ]
    parts = [(voice.folder / f"metadata_{s}.csv").read_text("utf-8") for s in
             ("train", "validation", "test")]  # fmt: skip
    assert sorted("".join(parts).splitlines()) == sorted(lines)


def test_audiofolder_has_the_columns_and_files_that_datasets_wants(listener, student):
    names = {p.name for p in listener.folder.iterdir()}
    assert names == {"train", "validation", "test", seal.SEAL}
    seen = 0
    for split in ("train", "validation", "test"):
        with open(listener.folder / split / "metadata.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        files = {p.name for p in (listener.folder / split).glob("*.wav")}
        assert {row["file_name"] for row in rows} == files
        for row in rows:
            info = soundfile.info(str(listener.folder / split / row["file_name"]))
            assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
            assert info.duration <= 30 and row["transcription"] and row["consent"]
        seen += len(rows)
    assert seen == len(student)


def test_exports_carry_the_sound_of_the_clips(voice, listener, student):
    for clip in student.clips[:3]:
        y, _ = audio.load(student.path(clip), sr=None)
        again, _ = audio.load(voice.folder / "wavs" / f"{clip.id}.wav", sr=None)
        np.testing.assert_array_equal(again, y)
        down, _ = audio.load(listener.folder / clip.split / f"{clip.id}.wav", sr=None)
        np.testing.assert_allclose(down, audio.resample(y, sr=22_050, target_sr=16_000), atol=1e-4)


def test_reading_back_gives_texts_splits_and_details(voice, listener, student):
    for made in (voice, listener):
        assert {c.id: (c.split, c.speaker, c.consent) for c in made.clips} == {
            c.id: (c.split, c.speaker, c.consent) for c in student.clips
        }
    assert [c.text for c in voice.clips] == [spoken(c.text) for c in student.clips]
    assert {c.id: c.text for c in listener.clips} == {c.id: c.text for c in student.clips}


def test_the_tables_signs_in_a_text_do_no_harm(student, tmp_path):
    first = student.clips[0].id
    odd = student.updated({first: {"text": 'One "two",\nthree\t4\u2028five\rsix\x85seven\x0b8'}})
    for write in (export.ljspeech, export.audiofolder):
        made = write(odd, tmp_path / write.__name__)
        assert len(made) == len(student)
        text = next(clip.text for clip in made.clips if clip.id == first)
        assert text.split()[:2] == ["One", '"two",'] and text == " ".join(text.split())


def test_a_bar_in_a_text_is_refused_where_it_is_the_tables_sign(student, tmp_path):
    first = student.clips[0].id
    odd = student.updated({first: {"text": "One | two"}})
    with pytest.raises(CorpusError, match=f"{first}.*holds a '|'"):
        export.ljspeech(odd, tmp_path / "voice")
    assert list(tmp_path.iterdir()) == []
    made = export.audiofolder(odd, tmp_path / "whisper")
    assert next(clip.text for clip in made.clips if clip.id == first) == "One | two"


def test_what_cannot_be_exported(student, tmp_path):
    whole = workshop.corpus()
    with pytest.raises(CorpusError, match="one voice"):
        export.ljspeech(whole, tmp_path / "out")
    with pytest.raises(CorpusError, match="found none for speaker"):
        export.ljspeech(whole, tmp_path / "out", speaker="nobody")
    silent = student.updated({student.clips[0].id: {"text": " "}})
    with pytest.raises(CorpusError, match="a text for each clip"):
        export.audiofolder(silent, tmp_path / "out")
    loose = student.updated({student.clips[0].id: {"split": ""}})
    with pytest.raises(CorpusError, match="a split for each clip"):
        export.audiofolder(loose, tmp_path / "out")
    gone = student.updated({student.clips[0].id: {"file": "clips/gone.wav"}})
    with pytest.raises(CorpusError, match="failed"):
        export.ljspeech(gone, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["only one column", "a|b", "a|b|c|d", "|b|c"])
def test_a_table_that_is_not_ljspeech(tmp_path, line):
    (tmp_path / "metadata.csv").write_text(f"a|b|c\n{line}\n", "utf-8")
    with pytest.raises(CorpusError, match="line 2"):
        export.read_ljspeech(tmp_path)


CASES = {
    "two columns": ("a1|Hi there\na2|You\n", [("a1", "Hi there", ""), ("a2", "You", "")]),
    "byte order mark": (
        "\ufeffa1|Hi there|Hi there\r\na2|You|You\r\n",
        [("a1", "Hi there", ""), ("a2", "You", "")],
    ),
    "header": ("id|text|norm\na1|x|x\n", [("a1", "x", "")]),
    "blank lines": ("a1|x|x\n\n\n", [("a1", "x", "")]),
    "line separator": ("a1|x\u2028y|x\u2028y\n", [("a1", "x\u2028y", "")]),
    "third column empty": ("a1|x|\n", [("a1", "x", "")]),
    "speakers": (
        "a1|ann|Hi there\na2|bob|You\na3|ann|And me\n",
        [("a1", "Hi there", "ann"), ("a2", "You", "bob"), ("a3", "And me", "ann")],
    ),
    "numbered speakers": ("a1|0|Hi there\na2|1|You\n",
                          [("a1", "Hi there", "0"), ("a2", "You", "1")]),
    "header with speaker": (
        "audio_file|text|speaker_name\na1|Hi there|Ann Lee\n", [("a1", "Hi there", "Ann Lee")]
    ),
    "written out": ("a1|16 GB|sixteen gigabytes\na2|16|sixteen\n",
                    [("a1", "sixteen gigabytes", ""), ("a2", "sixteen", "")]),
    "quote at the start": ('a1|"Yes" he said|"Yes" he said\n', [("a1", '"Yes" he said', "")]),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
def test_tables_of_others_are_read_as_what_they_are(tmp_path, name):
    content, expected = CASES[name]
    (tmp_path / "metadata.csv").write_bytes(content.encode())
    clips = export.read_ljspeech(tmp_path).clips
    assert [(c.id, c.text, c.speaker) for c in clips] == expected
    assert all(c.file == f"wavs/{c.id}.wav" for c in clips)


def test_a_clip_called_id_is_a_clip_if_its_file_is_there(tmp_path):
    (tmp_path / "metadata.csv").write_text("id|text|text\n", "utf-8")
    (tmp_path / "wavs").mkdir()
    (tmp_path / "wavs" / "id.wav").write_bytes(b"")
    assert [clip.id for clip in export.read_ljspeech(tmp_path).clips] == ["id"]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("a1|x|x\nb|y|y\na1|z|z\n", "more than one row for 'a1': lines 1 and 3"),
        ("a1|x|x\nA1|z|z\n", "the same file name as 'a1'"),
        ("a1|x|x\n../b|z|z\n", "line 2: the id '../b'"),
        ("/etc/passwd|x|x\n", "line 1: the id"),
        ("file_name,transcription\na.wav,Hi\n", "separated by commas, with the columns file_name"),
        ("", "is empty"),
        ("id|text|norm\n", "a header and no clips"),
    ],
)
def test_tables_of_others_that_are_refused_by_row(tmp_path, content, match):
    (tmp_path / "metadata.csv").write_text(content, "utf-8")
    with pytest.raises(CorpusError, match=match):
        export.read_ljspeech(tmp_path)


@pytest.mark.parametrize("name", ["../../a.wav", "/etc/a.wav", "", "nul.wav"])
def test_a_file_name_in_an_audiofolder_stays_in_the_corpus(tmp_path, name):
    (tmp_path / "train").mkdir()
    table = f"file_name,transcription\na.wav,x\n{name},y\n"
    (tmp_path / "train" / "metadata.csv").write_text(table, "utf-8")
    with pytest.raises(CorpusError, match="train/metadata.csv, line 3: "):
        export.read_audiofolder(tmp_path)


def test_numbers_are_written_out_in_the_language_of_the_clip(student, tmp_path):
    mixed = student.select(student.clips[:4])
    texts = [
        ("de", "Das kostet 5 Pfennig.", "Das kostet fünf Pfennig."),
        ("de", "Am 3. 5.", "Am 3. 5."),
        ("es-MX", "Marque 2, ¿sí?", "Marque dos, ¿sí?"),
        ("", "It costs $5.", "It costs five dollars."),
    ]
    ids = [clip.id for clip in mixed.clips]
    mixed = mixed.updated(
        {k: {"language": lang, "text": text} for k, (lang, text, _) in zip(ids, texts, strict=True)}
    )
    made = export.ljspeech(mixed, tmp_path / "out")
    assert [clip.text for clip in made.clips] == [said for _, _, said in texts]
    found = check.check(made, rules.VOICE).findings
    characters = {f.clip: f.found for f in found if f.rule == "characters"}
    assert characters == {ids[1]: "not in words: '3', '5'"}  # what is not known is a finding


def test_a_folder_that_is_no_audiofolder(tmp_path):
    with pytest.raises(CorpusError, match="train, validation or test"):
        export.read_audiofolder(tmp_path)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "metadata.csv").write_text("file,text\na,b\n", "utf-8")
    with pytest.raises(CorpusError, match="lacks the columns file_name; found file, text"):
        export.read_audiofolder(tmp_path)
    (tmp_path / "train" / "metadata.csv").rename(tmp_path / "labels.csv")
    with pytest.raises(CorpusError, match="found labels.csv, train"):
        export.read_audiofolder(tmp_path)


# ---- splits


@pytest.mark.parametrize("by", splits.GROUPS)
def test_splits_share_no_group_and_no_text(by):
    clips = splits.assign(workshop.corpus(), by=by).clips
    for value in ("text", by):
        homes = {}
        for clip in clips:
            homes.setdefault(getattr(clip, value), set()).add(clip.split)
        assert all(len(parts) == 1 for parts in homes.values())
    sizes = [sum(c.split == s for c in clips) for s in ("train", "validation", "test")]
    assert min(sizes) > 0 and sizes[0] == max(sizes)


def test_splits_come_from_the_content_and_not_from_order_or_names():
    corpus = workshop.corpus()
    first = {c.text: c.split for c in splits.assign(corpus).clips}
    shuffled = list(corpus.clips)
    random.Random(3).shuffle(shuffled)
    renamed = corpus.select(shuffled)
    renamed = renamed.updated({c.id: {"file": f"x/{c.id}.wav"} for c in shuffled})
    assert {c.text: c.split for c in splits.assign(renamed).clips} == first
    assert {c.text: c.split for c in splits.assign(corpus, seed=1).clips} != first


def test_the_same_sentence_of_two_speakers_stays_together():
    clips = workshop.corpus()
    twice = clips.updated({clips.clips[0].id: {"text": "It is late."},
                           clips.clips[50].id: {"text": "It is late!"}})  # fmt: skip
    made = splits.assign(twice, by="text").clips
    assert made[0].split == made[50].split


def test_splits_that_cannot_be(student):
    with pytest.raises(CorpusError, match="at least 3 groups"):
        splits.assign(student, by="speaker")
    with pytest.raises(CorpusError, match="one of"):
        splits.assign(student, by="colour")
    with pytest.raises(CorpusError, match="for training"):
        splits.assign(student, validation=0.5, test=0.5)


# ---- settings and machine


@pytest.mark.parametrize(
    ("model", "vocoder"), [("vits", None), ("tacotron2", None), ("tacotron2", "wavegrad")]
)
def test_settings_are_filled_from_the_corpus(voice, model, vocoder):
    config = training_config.training_config(voice, model=model, vocoder=vocoder)
    path = training_config.save(config, voice.folder / "config.json")
    config = json.loads(path.read_text("utf-8"))
    texts = [clip.text for clip in voice.clips]
    lengths = [soundfile.info(str(voice.path(clip))).frames for clip in voice.clips]
    known = config["characters"]["characters"] + config["characters"]["punctuations"]
    assert config["audio"]["sample_rate"] == 22_050
    assert set("".join(texts)) <= set(known) and len(set(known)) == len(known)
    assert config["max_text_len"] >= 2 * max(map(len, texts)) + 1  # with blanks between letters
    assert (config["min_audio_len"], config["max_audio_len"]) == (min(lengths), max(lengths))
    dataset = config["datasets"][0]
    assert (path.parent / dataset["path"] / dataset["meta_file_train"]).is_file()
    assert (path.parent / dataset["path"] / dataset["meta_file_val"]).is_file()
    if model == "vits":
        assert "vocoder" not in config
    else:
        assert config["vocoder"] == (vocoder or "griffin_lim")


@pytest.mark.parametrize(
    ("languages", "text", "has", "lacks", "cleaner"),
    [
        (["es"], "¿Qué? 2", "ñüáQ", "ç", "basic_cleaners"),
        (["es", "pt", "es"], "¿Qué?", "ñç", "ß", "basic_cleaners"),
        (["ru"], "Ещё раз.", "ёЁщъ", "a", "basic_cleaners"),
        (["tr"], "Işık.", "ıİiI", "ñ1", "no_cleaners"),
        (["hi"], "मुझे‌ हिन्दी।", "मु‌", "a।", "basic_cleaners"),
    ],
)
def test_settings_have_the_letters_of_the_corpus_language(
    student, tmp_path, languages, text, has, lacks, cleaner
):
    clips = student.clips[: len(languages)]
    values = {
        c.id: {"language": code, "text": text} for c, code in zip(clips, languages, strict=True)
    }
    made = export.ljspeech(student.select(clips).updated(values), tmp_path / "out")
    config = training_config.training_config(made)
    letters, signs = (config["characters"][k] for k in ("characters", "punctuations"))
    assert set(has) <= set(letters) and not set(lacks) & set(letters)
    assert set(signs) | set(letters) >= set(text) - {"2"} and not set(letters) & set(signs)
    assert config["datasets"][0]["language"] == languages[0]
    assert config["text_cleaner"] == cleaner


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"model": "tacotron2", "vocoder": "tacotron"}, "not a vocoder"),
        ({"model": "vits", "vocoder": "hifigan"}, "itself"),
        ({"model": "wavegrad"}, "one of the models"),
    ],
)
def test_tacotron_is_no_vocoder_and_vits_needs_none(voice, options, match):
    with pytest.raises(CorpusError, match=match):
        training_config.training_config(voice, **options)
    with pytest.raises(CorpusError, match="found none"):
        training_config.training_config(voice.select([]))


@pytest.mark.parametrize(
    ("ram", "gpu", "enough"),
    [(15.5, 0, (True, False, False)), (8, 7.8, (False, True, False)), (31, 11.6, (True,) * 3),
     (12, 24, (False, True, True)), (16, 6, (True, False, False))],
)  # fmt: skip
def test_hardware(ram, gpu, enough):
    needs = training_config.hardware(ram_gb=ram, gpu_gb=gpu)
    assert tuple(need.status == environment.GOOD for need in needs) == enough
    assert [need.name.split(": ")[1] for need in needs] == ["16 GB", "8 GB", "12 GB"]
    assert [not need.fix for need in needs] == list(enough)


def test_this_machine_is_measured():
    assert len(training_config.hardware()) == 3
