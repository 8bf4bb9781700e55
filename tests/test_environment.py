"""The doctor: each finding says ok, or what to do."""

import importlib.metadata
import shutil
import sys

import pytest

from lab_utils import environment
from lab_utils.environment import BAD, GOOD, NOTE, Finding


def test_this_machine_runs_the_labs():
    findings = environment.examine()
    assert environment.healthy(findings), environment.report(findings)
    table = environment.table(findings)
    assert list(table.index[:4]) == ["Python", "packages", "whisper", "ffmpeg"]
    assert list(table.columns) == ["status", "found", "what to do"]
    assert len(table) == len(findings)


def test_whatever_is_wrong_has_a_remedy_and_counts(capsys, monkeypatch):
    findings = [Finding("a", GOOD, "fine"), Finding("b", BAD, "gone", "Bring it back.")]
    text = environment.report(findings)
    assert " fix  b  gone" in text and "→ Bring it back." in text
    assert text.endswith("1 problem to fix.")
    assert environment.report([findings[1]] * 2).endswith("2 problems to fix.")
    assert not environment.healthy(findings)
    monkeypatch.setattr(environment, "examine", lambda: findings)
    assert environment.main([]) == 1
    monkeypatch.setattr(environment, "examine", lambda: findings[:1])
    assert environment.main([]) == 0
    assert capsys.readouterr().out.endswith("Everything the labs need is installed.\n")


def test_an_old_python_is_named(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9))
    assert environment._python().status == BAD


def test_the_wrong_whisper_is_told_from_the_right_one(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        return "1.1.10" if name == "whisper" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    finding = environment._whisper()
    assert finding.status == BAD and "pip uninstall -y whisper" in finding.fix


def test_missing_packages_are_named(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name == "jiwer":
            raise importlib.metadata.PackageNotFoundError(name)
        return "0.1" if name == "librosa" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    finding = environment._packages()
    assert finding.status == BAD
    assert "jiwer" in finding.found and "librosa>=0.11" in finding.found


def test_a_package_whose_files_are_gone_is_not_called_ready(tmp_path, monkeypatch):
    info = tmp_path / "thing-1.0.dist-info"
    info.mkdir()
    (info / "INSTALLER").write_text("pip\n")
    (info / "RECORD").write_text("thing.py,sha256=abc,5\nthing-1.0.dist-info/RECORD,,\n")
    monkeypatch.setattr("sysconfig.get_path", lambda *_: str(tmp_path))
    finding = environment._packages()
    assert finding.status == BAD
    assert "thing==1.0 is damaged (thing.py is gone)" in finding.found


@pytest.mark.parametrize(
    ("requirement", "installed", "fits"),
    [
        ("numpy>=2.0", "2.4.6", True),
        ("numpy>=2.0", "1.26.4", False),
        ("torch==2.13.0", "2.13.0", True),
        ("torch>=2.5", "2.13.0+cpu", True),
        ("openai-whisper>=20250625", "20250625", True),
        ("a>=1.10", "1.9", False),
        ("a>=1.0", "1", True),
        ("a>=2", "2.0rc1", True),
        ("a", "0.1", True),
    ],
)
def test_versions_are_compared_as_numbers(monkeypatch, requirement, installed, fits):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: installed)
    assert (environment.missing([requirement]) == []) is fits


def test_ffmpeg_is_provided_without_root(tmp_path, monkeypatch):
    pytest.importorskip("imageio_ffmpeg")
    monkeypatch.setattr(environment, "scripts_dir", lambda: tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert environment._ffmpeg().status == BAD
    program = environment.provide_ffmpeg()
    assert program == tmp_path / "ffmpeg"
    assert shutil.which("ffmpeg") == str(program)
    assert environment._ffmpeg().status == GOOD
    assert environment.provide_ffmpeg() == program  # the second time it is simply there


@pytest.mark.parametrize(
    "script",
    ["#!/nowhere\n", "#!/bin/sh\nexit 1\n", "#!/bin/sh\necho ffmpeg version 7\n", "", "\0" * 99],
)
def test_a_broken_ffmpeg_on_the_path_is_passed_over(tmp_path, monkeypatch, script):
    """One that does not start, fails, or says a version and decodes nothing."""
    broken, own = tmp_path / "broken", tmp_path / "own"
    for folder in (broken, own):
        folder.mkdir()
    (broken / "ffmpeg").write_text(script)
    (broken / "ffmpeg").chmod(0o755)
    monkeypatch.setattr(environment, "scripts_dir", lambda: own)
    monkeypatch.setenv("PATH", str(broken))
    finding = environment._ffmpeg()
    assert finding.status == BAD and "start" in finding.fix and "elete" not in finding.fix
    assert environment.provide_ffmpeg() == own / "ffmpeg"
    assert shutil.which("ffmpeg") == str(own / "ffmpeg")
    assert environment._ffmpeg().status == GOOD
    assert (broken / "ffmpeg").read_text() == script  # not ours to delete


@pytest.mark.parametrize(("gigabytes", "status"), [(2.0, BAD), (4.0, NOTE), (16.0, GOOD)])
def test_little_memory_is_a_note_too_little_is_to_mend(monkeypatch, gigabytes, status):
    monkeypatch.setattr(environment, "memory_gb", lambda: gigabytes)
    assert environment._ram().status == status


def test_missing_weights_say_how_to_bring_them(tmp_path, monkeypatch):
    monkeypatch.setenv("WHISPER_LAB_CACHE", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("WHISPER_LAB_WEIGHTS", raising=False)
    finding = environment._weights()
    assert finding.status == BAD and "WHISPER_LAB_WEIGHTS" in finding.fix


def test_a_gpu_that_torch_sees_is_named_with_its_memory(monkeypatch):
    monkeypatch.setattr(environment, "gpu", lambda: ("Some Card", 8.0))
    assert environment._gpu().found == "Some Card, 8 GB of memory"
    monkeypatch.setattr(environment, "gpu", lambda: None)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    assert environment._gpu().status == NOTE
