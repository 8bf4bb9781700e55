"""``python -m lab_utils corpus …``: the whole workshop on the command line."""

from __future__ import annotations

import json
import shutil

import pytest
import workshop

from lab_utils import files
from lab_utils.corpus import command, label, pipeline
from lab_utils.corpus.manifest import Manifest
from lab_utils.errors import CorpusError


def test_from_recordings_to_checked_exports(tmp_path, capsys, monkeypatch):
    inputs = tmp_path / "in"
    inputs.mkdir()
    for name in ("student.flac", "student.txt"):
        shutil.copy(workshop.FOLDER / name, inputs)
    (inputs / "recordings.csv").write_text(
        "file,speaker,language,licence,consent\nstudent.flac,ann,en,CC0,written\n", "utf-8"
    )

    def hear(manifest, model, **options):
        said = {c.id: workshop.said(c) for c in manifest.clips}
        return manifest.updated({k: {"heard": v, "text": v} for k, v in said.items()})

    monkeypatch.setattr(label, "with_whisper", hear)
    corpus, voice, listener = (str(tmp_path / n) for n in ("corpus", "voice", "whisper"))
    assert command.main(["prepare", str(inputs), corpus]) == 0
    assert "12 clips" in capsys.readouterr().out
    assert command.main(["label", corpus, "--scripts", str(inputs)]) == 0
    assert {c.text_by for c in Manifest.load(corpus).clips} == {"script"}
    assert command.main(["export", corpus, voice, "--to", "ljspeech", "--config", "vits"]) == 0
    assert json.loads((tmp_path / "voice" / "config.json").read_text())["model"] == "vits"
    assert command.main(["export", corpus, listener, "--to", "audiofolder"]) == 0
    capsys.readouterr()
    # one student is enough for no voice: only the number of clips is wrong
    assert command.main(["check", voice, "--contract", "voice"]) == 1
    out = capsys.readouterr().out
    assert "corpus: count: 12 clips" in out and "1 findings" in out
    assert (tmp_path / "voice" / "report.html").is_file()
    assert command.main(["check", corpus, "--contract", "voice"]) == 1
    leaks = ["check", listener, "--contract", "whisper", "--page", str(tmp_path / "page.html")]
    assert command.main(leaks) == 1  # one speaker in all three splits
    out = capsys.readouterr().out
    assert "speaker_leak" in out and "rate" not in out


def test_each_clip_is_labeled_in_the_language_of_its_recording(tmp_path, monkeypatch):
    corpus, asked = workshop.small(tmp_path), []
    monkeypatch.setattr(
        label, "with_whisper", lambda m, name, **options: asked.append(options["language"]) or m
    )
    assert command.main(["label", str(corpus.folder)]) == 0
    assert command.main(["label", str(corpus.folder), "--language", "de"]) == 0
    assert asked == [None, "de"]  # None: what the manifest says of each clip


def test_the_splitters_limits_the_script_and_the_language(tmp_path, monkeypatch, capsys):
    asked = {}

    def prepare(recordings, out, **options):
        asked.update(options)
        return workshop.small(tmp_path)

    monkeypatch.setattr(pipeline, "prepare", prepare)
    line = "prepare in out --pause 0.25 --shortest 0.5 --longest 20 --language sq --scripts texts"
    assert command.main([*line.split(), "--model", "tiny"]) == 0
    limits = asked["settings"].split
    assert (limits.pause, limits.shortest, limits.longest) == (0.25, 0.5, 20)
    assert (asked["language"], asked["model"], str(asked["scripts"])) == ("sq", "tiny", "texts")
    assert command.main(["prepare", "in", "out"]) == 0
    assert asked["settings"] == pipeline.Settings() and asked["scripts"] is None
    for bad in ("--pause nan", "--shortest 16", "--longest 31", "--pause -1"):
        with pytest.raises(CorpusError, match="Expected"):
            command.main(["prepare", "in", "out", *bad.split()])
    with pytest.raises(SystemExit):
        command.main(["prepare", "in", "out", "--pause", "short"])
    assert "invalid float value: 'short'" in capsys.readouterr().err


def test_the_language_of_a_recording_is_noted(tmp_path):
    inputs = tmp_path / "in"
    inputs.mkdir()
    shutil.copy(workshop.FOLDER / "student.flac", inputs)
    line = ["prepare", str(inputs), str(tmp_path / "out"), "--language", "en-US", "--pause", "3"]
    assert command.main([*line, "--longest", "6"]) == 0
    clips = Manifest.load(tmp_path / "out").clips
    assert {clip.language for clip in clips} == {"en-US"}
    assert len(clips) < 12 and max(clip.duration for clip in clips) <= 6
    (inputs / "recordings.csv").write_text("file,language\nstudent.flac,en\n", "utf-8")
    assert command.main([*line, "--longest", "6"]) == 0
    assert {clip.language for clip in Manifest.load(tmp_path / "out").clips} == {"en"}


def test_other_thresholds(tmp_path, capsys):
    corpus = str(workshop.small(tmp_path).folder)
    contract = ["--contract", "whisper"]
    line = ["rules", *contract, "--limit", "snr=12.5", "--limit", "duration=2:20"]
    assert command.main([*line, "--limit", "tokens=100", "--without", "loudness"]) == 0
    out = capsys.readouterr().out
    assert "at least 12.5 dB" in out and "2 to 20 s" in out and "at most 100 tokens" in out
    assert "loudness" not in out
    assert command.main(["check", corpus, *contract, "--limit", "duration=20:30"]) == 1
    assert "duration: " in capsys.readouterr().out
    for bad, told in (
        ("snr=loud", "like snr=5.0, found 'snr=loud'"),
        ("snr=nan", "like snr=5.0"),
        ("snr", "like snr=5.0, found 'snr'"),
        ("duration=2", "like duration=1.0:30.0"),
        ("text=1", "'text' has no threshold"),
        ("sound=1", "no rule 'sound'"),
    ):
        with pytest.raises(CorpusError, match=told):
            command.main(["check", corpus, *contract, "--limit", bad])
    with pytest.raises(CorpusError, match="no rule 'sound'"):
        command.main(["check", corpus, *contract, "--without", "sound"])


def test_a_cluster_that_is_not_there(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    import dask

    corpus = str(workshop.small(tmp_path).folder)
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(CorpusError, match="No Dask scheduler answers at 'tcp://127.0.0.1:9'"),
    ):
        command.main(["label", corpus, "--dask", "tcp://127.0.0.1:9"])
    with pytest.raises(CorpusError, match="No Dask scheduler answers at 'what://x'"):
        command.main(["label", corpus, "--dask", "what://x"])


def test_a_recordings_name_does_not_choose_a_script_elsewhere(tmp_path, monkeypatch):
    corpus = workshop.small(tmp_path / "corpus")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "secret.txt").write_text("May I ask a question about the silence?", "utf-8")
    monkeypatch.setattr(label, "with_whisper", lambda m, name, **options: m)
    for name in ("../secret.wav", str(tmp_path / "secret.wav")):
        corpus.updated({c.id: {"recording": name} for c in corpus.clips}).save()
        with pytest.raises(CorpusError, match="the recording .* leads outside"):
            command.main(["label", str(corpus.folder), "--scripts", str(tmp_path / "scripts")])


def test_two_runs_do_not_share_a_corpus(tmp_path):
    corpus = workshop.small(tmp_path)
    with files.lock(tmp_path / ".lock"), pytest.raises(CorpusError, match="Another run"):
        command.main(["label", str(corpus.folder)])


def test_settings_are_a_part_of_the_export(tmp_path, capsys):
    corpus = workshop.small(tmp_path / "corpus", 6)
    arguments = ["export", str(corpus.folder), str(tmp_path / "voice"), "--to", "ljspeech"]
    for _ in range(2):
        assert command.main([*arguments, "--config", "vits"]) == 0
    config = tmp_path / "voice" / "config.json"
    config.write_text(config.read_text().replace("1000", "500"), "utf-8")
    with pytest.raises(CorpusError, match="changed since they were exported: config.json"):
        command.main([*arguments, "--config", "vits"])
    with pytest.raises(CorpusError, match="use it with ljspeech"):
        command.main([*arguments[:-1], "audiofolder", "--config", "vits"])


def test_help_and_rules(capsys):
    for arguments in (["--help"], ["prepare", "--help"], ["check", "--help"]):
        with pytest.raises(SystemExit) as stop:
            command.main(arguments)
        assert stop.value.code == 0
    assert "corpus" in capsys.readouterr().out
    assert command.main(["rules", "--contract", "whisper"]) == 0
    assert "448 tokens" in capsys.readouterr().out
    assert command.main(["hardware"]) in (0, 1)


def test_wrong_use(tmp_path):
    with pytest.raises(SystemExit) as stop:
        command.main(["check", "x", "--contract", "magic"])
    assert stop.value.code == 2
    with pytest.raises(CorpusError, match="found nothing"):
        command.main(["prepare", str(tmp_path / "none"), str(tmp_path / "out")])
    with pytest.raises(CorpusError, match="at least 1 job"):
        command.main(["prepare", str(tmp_path), str(tmp_path / "out"), "--jobs", "0"])
    with pytest.raises(CorpusError, match="train, validation or test"):
        command.main(["check", str(tmp_path), "--contract", "voice"])
