"""Rules and their check: every planted defect found, none invented; the report."""

from __future__ import annotations

import dataclasses
import html.parser
import os
import sys

import numpy as np
import pytest
import soundfile
import workshop

from lab_utils.corpus import (
    check,
    command,
    export,
    findings,
    measure,
    planted,
    report,
    rules,
    splits,
)
from lab_utils.corpus.manifest import Manifest
from lab_utils.errors import CorpusError, OptionError


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Both exports of the workshop's corpus, with the contracts that they are for."""
    folder, corpus = tmp_path_factory.mktemp("exports"), workshop.corpus()
    lecturer = corpus.select(clip for clip in corpus.clips if clip.speaker == "heart")
    return {
        "voice": export.ljspeech(splits.assign(lecturer, by="text"), folder / "voice"),
        "whisper": export.audiofolder(splits.assign(corpus, by="speaker"), folder / "whisper"),
    }


TOKENS = planted.Defect(
    "tokens",
    lambda y, sr: np.resize(y, 12 * sr),
    row=lambda clip: {"text": "\u2d63" * 250},  # each of these letters takes three tokens
)
MORE = {"voice": (), "whisper": (TOKENS,)}


@pytest.mark.parametrize("name", ["voice", "whisper"])
def test_nothing_is_invented_in_a_good_corpus(exports, name):
    outcome = check.check(exports[name], rules.contract(name))
    assert outcome.ok and outcome.exit_code == 0, str(outcome)
    assert set(outcome.facts) == {clip.id for clip in exports[name].clips}


@pytest.mark.parametrize("name", ["voice", "whisper"])
def test_every_planted_defect_is_found_and_nothing_else(exports, name, tmp_path):
    contract = rules.contract(name)
    made = planted.plant(exports[name], tmp_path / "spoilt", contract, more=MORE[name])
    corpus, defects = made.manifest, set(made.defects)
    if "speaker_leak" in contract:  # a speaker who is trained on is in the last split too
        leaked = corpus.clips[-2]
        trained = next(clip for clip in corpus.clips if clip.split == "train")
        corpus = corpus.updated({leaked.id: {"speaker": trained.speaker}})
        defects.add((leaked.id, "speaker_leak"))
    outcome = check.check(corpus, contract)
    found = {(finding.clip, finding.rule) for finding in outcome.findings}
    assert found == defects
    assert outcome.exit_code == 1
    # a defect for every rule but the one on the number of clips, which has a test of its own
    assert {rule for _, rule in defects} == {r.key for r in contract.rules} - {"count"}


def test_too_few_clips(tmp_path):
    few = workshop.small(tmp_path)
    outcome = check.check(few, rules.VOICE)
    assert [(f.rule, f.found) for f in outcome.findings if f.rule == "count"] == [
        ("count", "3 clips")
    ]
    assert "count" not in rules.WHISPER


def test_planting_needs_clips_and_an_empty_place(exports, tmp_path):
    with pytest.raises(CorpusError, match="at least 36"):
        planted.plant(workshop.small(tmp_path / "few"), tmp_path / "out", rules.VOICE)
    with pytest.raises(CorpusError, match="is there"):
        planted.plant(exports["voice"], tmp_path, rules.VOICE)


def _one(manifest: Manifest, contract=rules.WHISPER, **values) -> set[str]:
    """The rules that the first clip breaks when its row has these values."""
    first = manifest.clips[0]
    changed = manifest.updated({first.id: values})
    found = check.check(changed, contract).findings
    return {f.rule for f in found if f.clip == first.id} - {"rate"}


def test_a_row_that_leads_outside_is_named_and_never_read(tmp_path):
    corpus = workshop.small(tmp_path / "corpus")
    soundfile.write(tmp_path / "secret.wav", np.zeros(100), 16_000)
    for file in ("../secret.wav", str(tmp_path / "secret.wav"), "", ".."):
        assert _one(corpus, file=file) == {"inside"}
    with pytest.raises(CorpusError, match="outside the corpus"):
        corpus.path(dataclasses.replace(corpus.clips[0], file="../secret.wav"))


def test_30_seconds_fit_and_one_sample_more_does_not(tmp_path):
    corpus = workshop.small(tmp_path)
    clip, sr = corpus.clips[0], 16_000
    y = np.resize(soundfile.read(corpus.path(clip), dtype="float32")[0], 30 * sr + 1)
    text = "word " * 60
    for n, expected in ((30 * sr, set()), (30 * sr + 1, {"duration"}), (sr, set()),
                        (sr - 1, {"duration"})):  # fmt: skip
        soundfile.write(corpus.path(clip), y[:n], sr)
        words = text if n > sr else "Ten words."
        assert _one(corpus, text=words, heard=words) & {"duration"} == expected


def test_tokens_are_counted_by_whispers_own_tokenizer():
    from whisper.tokenizer import get_tokenizer

    text = "Zyntriq überall, 12345!"
    tokenizer = get_tokenizer(True, language="en", task="transcribe")
    framed = [*tokenizer.sot_sequence_including_notimestamps, *tokenizer.encode(" " + text),
              tokenizer.eot]  # fmt: skip
    assert findings.count_tokens(text) == len(framed)


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        ({"text": "  "}, {"text"}),
        ({"text": "May I ask a question about the silence?\x07"}, {"characters"}),
        ({"text": "May I ask a question about the silence?\ufffd"}, {"characters"}),
        ({"text": "Darf ich, äh, eine Frage zur Stille stellen? 你好"}, set()),
        ({"text": "x" * 200}, {"speech_rate"}),
        ({"consent": " "}, {"consent"}),
        ({"text": "Quite another text", "heard": "May I ask a question?"}, {"disagreement"}),
        (
            {"text": "今天天气很好我们去公园", "heard": "今天天汽很好我们去公园", "language": "zh"},
            set(),
        ),
        ({"text": "Marque dos", "heard": "2, marque.", "language": "es"}, {"disagreement"}),
        ({"text": "Dos o tres.", "heard": "2 o 3", "language": "es"}, set()),
        ({"heard": ""}, set()),
    ],
)
def test_rows(tmp_path, values, broken):
    if "text" in values:
        values = {"heard": values["text"]} | values
    assert _one(workshop.small(tmp_path), **values) == broken


def test_contracts_can_be_changed_and_know_their_rules():
    stricter = rules.VOICE.with_limits(snr=35.0)
    assert stricter["snr"].limit == 35.0 and rules.VOICE["snr"].limit == 20.0
    assert "count" not in rules.VOICE.without("count")
    for call in (
        lambda: rules.VOICE.without("magic"),
        lambda: rules.VOICE.with_limits(magic=1),
        lambda: rules.VOICE["magic"],
        lambda: rules.contract("magic"),
    ):
        with pytest.raises(CorpusError, match="magic"):
            call()
    for contract in rules.CONTRACTS.values():
        assert len({rule.key for rule in contract.rules}) == len(contract.rules)
        assert all(
            rule.reason and rule.remedy and "{" not in rule.sentence for rule in contract.rules
        )


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_depth_is_measured(tmp_path, subtype):
    corpus = workshop.small(tmp_path, 1)
    path = corpus.path(corpus.clips[0])
    y, sr = soundfile.read(path)
    soundfile.write(path, y, sr, subtype=subtype)
    facts = measure.measure(path)
    assert facts.subtype == subtype and facts.duration == pytest.approx(len(y) / sr)


# ---- the report


class _Page(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "br", "rect", "polygon"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_shows_the_worst_first_with_picture_player_and_remedy(exports, tmp_path):
    made = planted.plant(exports["voice"], tmp_path / "a corpus", rules.VOICE)
    outcome = check.check(made.manifest, rules.VOICE)
    path = report.write(outcome, tmp_path / "elsewhere")
    text = path.read_text("utf-8")
    page = _Page(text)
    assert not page.open
    players = [a for tag, a in page.tags if tag == "audio"]
    assert players and all(a["aria-label"] and "preload" in a for a in players)
    from urllib.parse import unquote

    for player in players:
        assert (path.parent / unquote(player["src"])).is_file()
    pictures = [a for tag, a in page.tags if tag == "svg"]
    assert len(pictures) == len(players) and all(a["aria-label"] for a in pictures)
    order = [name for name, _ in outcome.worst() if name]
    places = [text.index(f"<h3>{name}</h3>") for name in order]
    assert places == sorted(places)
    assert all(rules.VOICE[f.rule].remedy.split(";")[0][:20] in text for f in outcome.findings)
    counts = [len(found) for _, found in outcome.worst()]
    assert counts == sorted(counts, reverse=True)


def test_the_page_escapes_what_it_shows(tmp_path):
    corpus = workshop.small(tmp_path, 1)
    evil = "<script>alert(1)</script>"
    corpus = corpus.updated({corpus.clips[0].id: {"text": evil, "heard": "so"}})
    text = report.page(check.check(corpus, rules.VOICE), beside=tmp_path)
    assert "<script" not in text and "&lt;script" in text


def test_a_page_that_cannot_be_written(tmp_path):
    outcome = check.check(workshop.small(tmp_path, 1), rules.WHISPER)
    (tmp_path / "file").write_text("in the way", "utf-8")
    with pytest.raises(CorpusError, match="could not be written"):
        report.write(outcome, tmp_path / "file" / "report.html")


def test_table_and_text(tmp_path):
    outcome = check.check(workshop.small(tmp_path, 2), rules.VOICE)
    assert "count: 2 clips" in str(outcome)
    assert len(outcome.table()) == len(outcome.findings)


# ---- the manifest


def test_a_manifest_survives_the_disk(tmp_path):
    corpus = workshop.small(tmp_path)
    odd = 'a "quoted", text\nof two lines | with a bar'
    corpus = corpus.updated({corpus.clips[0].id: {"text": odd, "recording": "été\n1.wav"}})
    corpus.save()
    assert Manifest.load(tmp_path) == corpus


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (None, "found none"),
        ("", "is empty"),  # and the rest of what tests/test_tables.py knows
        ("id,file\na,a.wav\na,b.wav\n", "more than one row"),
        *(
            (f"id,file,start,end\na,a.wav,{start},{end}\n", f"line 2: the {which}")
            for start, end, which in (
                ("nan", "2", "start"),
                ("0", "nan", "end"),
                ("inf", "inf", "start"),
                ("-1", "2", "start"),
                ("0", "-inf", "end"),
                ("0", "1e999", "end"),
                ("soon", "2", "start"),
                ("3", "2", "end"),
                ("0", "1.5 s", "end"),
            )
        ),
        ("id,file,split\na,a.wav,trian\n", "line 2: expected one of the splits"),
        ("file_name,transcription\na.wav,Hello\n", "lacks the columns id, file; found file_name"),
        ("a|Hello|Hello\n", "vertical bars"),
        ("id,file\na,a.wav\na,a.wav\n", "lines 2 and 3"),
        ("id,file\nClip,a.wav\nclip,b.wav\n", "the same file name as 'Clip'"),
        ("id,file\ncafe\u0301,a.wav\ncaf\u00e9,b.wav\n", "the same file name"),
    ],
)
def test_a_manifest_that_is_none(tmp_path, content, match):
    if content is not None:
        (tmp_path / "manifest.csv").write_text(content, "utf-8")
    with pytest.raises(CorpusError, match=match):
        Manifest.load(tmp_path)


def test_a_lone_line_separator_in_a_cell_makes_no_clip(tmp_path):
    """Both F5 cases: U+2028 in a cell, and a text with a carriage return."""
    corpus = workshop.small(tmp_path)
    for sign in ("\u2028", "\x85", "\x0b", "\r", "\x1c", "\r\n"):
        odd = f"a{sign}b"
        changed = corpus.updated({corpus.clips[1].id: {"text": odd, "heard": odd, "speaker": odd}})
        changed.save()
        assert Manifest.load(tmp_path) == changed
        for write in (export.ljspeech, export.audiofolder):
            some = splits.assign(corpus.updated({c.id: {"heard": odd} for c in corpus.clips}))
            made = write(some, tmp_path / f"{write.__name__}")
            assert [c.heard for c in made.clips] == [odd] * 3


def test_columns_of_your_own_survive(tmp_path):
    corpus = workshop.small(tmp_path)
    text = (tmp_path / "manifest.csv").read_text("utf-8").splitlines()
    text = [line + (",mood,take" if i == 0 else f",glad,{i}") for i, line in enumerate(text)]
    (tmp_path / "manifest.csv").write_text("\n".join(text) + "\n", "utf-8")
    Manifest.load(tmp_path).updated({corpus.clips[0].id: {"text": "New."}}).save()
    assert "New." in (tmp_path / "manifest.csv").read_text("utf-8")
    assert dict(Manifest.load(tmp_path).clips[2].more) == {"mood": "glad", "take": "3"}


def test_a_clip_too_soft_to_have_a_loudness_breaks_the_rule_on_loudness(tmp_path):
    corpus = workshop.small(tmp_path)
    y, sr = soundfile.read(corpus.path(corpus.clips[0]))
    soundfile.write(corpus.path(corpus.clips[0]), y * 1e-4, sr)
    found = check.check(corpus, rules.VOICE).findings
    assert ("loudness", corpus.clips[0].id) in {(f.rule, f.clip) for f in found}


def test_the_remedy_fits_the_character(tmp_path):
    corpus = workshop.small(tmp_path, 4)
    ids = [clip.id for clip in corpus.clips]
    rows = [("", "Été"), ("en", "Été"), ("ru", "Нажмите 2 на H.323"), ("es", "¿Qué? \u2603")]
    values = {k: {"language": lang, "text": t} for k, (lang, t) in zip(ids, rows, strict=True)}
    corpus = corpus.updated(values)
    table = check.check(corpus, rules.VOICE).table().query("rule == 'characters'")
    found, remedies = (dict(zip(table["clip"], table[k], strict=True)) for k in ("found", "remedy"))
    assert "No language is noted" in remedies[ids[0]] and "--language" in remedies[ids[0]]
    assert "English is not written with it" in remedies[ids[1]]
    assert "with_limits" in remedies[ids[1]] and "digits" not in remedies[ids[1]]
    assert found[ids[2]] == "found 'H'; not in words: '2', 'H.323'"
    assert (
        found[ids[3]] == "found '\u2603'" and remedies[ids[3]] == rules.VOICE["characters"].remedy
    )
    wider = rules.VOICE.with_limits(characters=rules.PUNCTUATION + "\u00c9\u00e9")
    still = {f.clip for f in check.check(corpus, wider).findings if f.rule == "characters"}
    assert still == set(ids[2:])


def test_a_number_that_has_several_readings_is_found_with_its_own_remedy(tmp_path):
    corpus = workshop.small(tmp_path, 3)
    texts = ["I was 1961 there.", "Henry VIII read 3-4.", "In 1961 I read pages 3-4."]
    ids = [clip.id for clip in corpus.clips]
    corpus = corpus.updated({k: {"text": text} for k, text in zip(ids, texts, strict=True)})
    outcome = check.check(corpus, rules.VOICE)
    found = {f.clip: f for f in outcome.findings if f.rule == "characters"}
    assert {k: f.found for k, f in found.items()} == {
        ids[0]: "not in words: '1961'",
        ids[1]: "not in words: 'VIII', '3-4'",
    }
    assert all("as the speaker says it" in outcome.remedy(f) for f in found.values())


def test_each_clip_is_judged_by_its_own_language(tmp_path):
    corpus = workshop.small(tmp_path, 4)
    ids = [clip.id for clip in corpus.clips]
    rows = [("es", "¿Dónde está?"), ("Russian", "Где ты?"), ("zh", "你好吗？"), ("", "Where?")]
    corpus = corpus.updated(
        {k: {"language": lang, "text": text} for k, (lang, text) in zip(ids, rows, strict=True)}
    )
    assert not [f for f in check.check(corpus, rules.VOICE).findings if f.rule == "characters"]
    one = corpus.updated({k: {"language": ""} for k in ids}).speaking("es-MX")
    assert {clip.language for clip in one.clips} == {"es-MX"}
    found = {f.clip for f in check.check(one, rules.VOICE).findings if f.rule == "characters"}
    assert found == {ids[1], ids[2]}
    assert corpus.speaking("fr").clips[0].language == "es" and corpus.speaking(None) == corpus
    with pytest.raises(OptionError, match="Did you mean"):
        corpus.speaking("Spansh")


def test_the_command_line_takes_the_language_of_clips_that_name_none(tmp_path, capsys):
    corpus = workshop.small(tmp_path / "corpus", 12)
    first = corpus.clips[0].id
    corpus.updated({first: {"text": "¿Sí? Marque 2.", "language": ""}}).save()
    folder, out = str(tmp_path / "corpus"), str(tmp_path / "voice")
    command.main(["check", folder, "--contract", "voice"])
    assert f"{first}: characters: found '¿í'" in capsys.readouterr().out
    command.main(["check", folder, "--contract", "voice", "--language", "es"])
    assert "characters" not in capsys.readouterr().out
    assert command.main(["export", folder, out, "--to", "ljspeech", "--language", "es"]) == 0
    told = {c.id: (c.language, c.text) for c in export.read_ljspeech(out).clips}
    assert told.pop(first) == ("es", "¿Sí? Marque dos.")
    assert {language for language, _ in told.values()} == {"en"}
    with pytest.raises(OptionError, match="Spansh"):
        command.main(["check", folder, "--contract", "voice", "--language", "Spansh"])


def test_an_unknown_language_is_told_once_and_stops_nothing(tmp_path):
    corpus = workshop.small(tmp_path)
    values = {"language": "Klingon", "text": "tlhIngan 5 ñ", "heard": "tlhIngan"}
    corpus = corpus.updated({clip.id: values for clip in corpus.clips})
    for contract in rules.CONTRACTS.values():
        found = check.check(corpus, contract).findings
        told = [(f.clip, f.found) for f in found if f.rule == "language"]
        what = "the language 'Klingon' is not known, here and in 2 more"
        assert told == [(corpus.clips[0].id, what)]
    assert {f.found for f in found if f.rule == "characters"} == set()
    found = check.check(corpus, rules.VOICE).findings
    assert {f.found for f in found if f.rule == "characters"} == {"not in words: '5'"}


def test_joiners_are_a_part_of_persian_and_of_no_english(tmp_path):
    corpus = workshop.small(tmp_path, 2)
    first, second = (clip.id for clip in corpus.clips)
    values = {"text": "می\u200cخواهم چرا", "heard": ""}
    corpus = corpus.updated({first: values | {"language": "fa"}, second: values})
    for contract in rules.CONTRACTS.values():
        found = {f.clip for f in check.check(corpus, contract).findings if f.rule == "characters"}
        assert found == {second}


@pytest.mark.parametrize(
    ("text", "n"), [("Hello", 5), ("你好", 6), ("かなカナ", 8), ("한국", 6), ("नमस्ते", 6), ("", 0)]
)
def test_a_syllable_in_one_character_counts_as_its_letters(text, n):
    assert findings.n_letters(text) == n


def test_a_special_token_in_a_text_does_not_stop_the_check(tmp_path):
    corpus = workshop.small(tmp_path)
    text = "<|endoftext|> " * 60
    outcome = check.check(corpus.updated({corpus.clips[0].id: {"text": text}}), rules.WHISPER)
    assert any(f.rule == "speech_rate" for f in outcome.findings)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names are bytes on Linux only")
def test_a_file_whose_name_cannot_be_printed_is_shown_all_the_same(tmp_path):
    corpus = workshop.small(tmp_path)
    (tmp_path / os.fsdecode(b"caf\xe9\x1b[2J.wav")).write_bytes(b"")
    outcome = check.check(corpus, rules.VOICE)
    assert "caf\\xe9\\x1b[2J.wav: missing_row" in str(outcome)
    assert "\\xe9" in report.write(outcome, tmp_path / "page.html").read_text("utf-8")


def test_a_page_of_somebody_else_is_not_overwritten(tmp_path):
    outcome = check.check(workshop.small(tmp_path), rules.WHISPER)
    (tmp_path / "report.html").write_text("<h1>My thesis</h1>", "utf-8")
    with pytest.raises(CorpusError, match="somebody else"):
        report.write(outcome, tmp_path)
    assert (tmp_path / "report.html").read_text("utf-8") == "<h1>My thesis</h1>"
    page = report.write(outcome, tmp_path / "page.html")
    assert report.write(outcome, page) == page
