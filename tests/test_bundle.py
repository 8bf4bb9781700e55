"""The folder for a room without a network: what is in it, and an installer that mends and warns."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab_utils import checkpoints, environment, human_speech
from lab_utils.classroom import bundle
from lab_utils.errors import SetupError

#: stands for the labs' own set-up: it says what it was started with
FAKE_MAIN = """import json, os, pathlib, sys
told = {"argv": sys.argv[1:], "no index": os.environ["PIP_NO_INDEX"],
        "links": os.environ["PIP_FIND_LINKS"], "cwd": os.getcwd(),
        "weights": os.environ["WHISPER_LAB_WEIGHTS"], "lock": os.environ["WHISPER_LAB_LOCK"]}
pathlib.Path("told.json").write_text(json.dumps(told))
"""


@pytest.fixture
def stick(tmp_path, monkeypatch) -> Path:
    """A folder made by the real code from a tiny project, with no download."""
    project = tmp_path / "project"
    (project / "lab_utils").mkdir(parents=True)
    (project / "lab_utils" / "__main__.py").write_text(FAKE_MAIN)
    # a package, not a namespace: otherwise the labs that this Python has installed come first
    (project / "lab_utils" / "__init__.py").write_text("")
    (project / "notebooks").mkdir()
    (project / "notebooks" / "05_waveform.ipynb").write_text("the lab")
    (project / ".venv").mkdir()
    (project / ".venv" / "big.bin").write_text("no")
    weights = tmp_path / "tiny.pt"
    weights.write_bytes(b"weights")
    monkeypatch.setattr(environment, "project_dir", lambda: project)
    monkeypatch.setattr(checkpoints, "fetch", lambda name: weights)

    def fake_pip(command, **_options):
        folder = Path(command[command.index("-w") + 1])
        (folder / "a-1-py3-none-any.whl").write_bytes(b"wheel")
        return subprocess.CompletedProcess(command, 0, "", "")

    speech = tmp_path / "human_tiny.wav"
    speech.write_bytes(b"speech")
    monkeypatch.setattr(human_speech, "fetch_human", lambda: (SimpleNamespace(path=speech),))
    real_run = subprocess.run
    monkeypatch.setattr(
        bundle.subprocess,
        "run",
        lambda c, **o: fake_pip(c) if "wheel" in c else real_run(c, **o),
    )
    return bundle.make(tmp_path / "the stick", models=("tiny.en",))


def install(stick: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess:
    variables = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    for name in ("WHISPER_LAB_CACHE", "PYTHONPATH"):
        variables.pop(name, None)
    command = [sys.executable, str(stick / "install.py"), *arguments]
    return subprocess.run(command, env=variables, cwd=home, capture_output=True, text=True)


def test_what_is_in_the_folder(stick):
    files = {p.relative_to(stick).as_posix() for p in stick.rglob("*") if p.is_file()}
    assert files == {
        "README.txt", "install.py", "targets.json", "MANIFEST.sha256",
        "wheels/a-1-py3-none-any.whl", "weights/tiny.en.pt", "weights/human/human_tiny.wav",
        bundle.lock(bundle.target()),
        "whisper-lab/lab_utils/__init__.py", "whisper-lab/lab_utils/__main__.py",
        "whisper-lab/notebooks/05_waveform.ipynb",
    }  # fmt: skip
    assert bundle.target() in (stick / "README.txt").read_text("utf-8")
    locked = (stick / bundle.lock(bundle.target())).read_text("utf-8")
    assert locked == f"a==1 --hash=sha256:{hashlib.sha256(b'wheel').hexdigest()}\n"
    listed = (stick / "MANIFEST.sha256").read_text("utf-8")
    assert {line.split("  ", 1)[1] for line in listed.splitlines()} == files - {"MANIFEST.sha256"}


def test_install_runs_the_labs_own_set_up_with_the_packages_from_the_folder(stick, tmp_path):
    done = install(stick, tmp_path, "my labs")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "my labs" / "told.json").read_text("utf-8"))
    assert told["argv"] == ["start", "--check-only"]
    assert told["no index"] == "1"
    assert told["links"] == (stick / "wheels").as_uri() and " " not in told["links"]
    assert Path(told["cwd"]) == (tmp_path / "my labs").resolve()
    assert told["weights"] == str(stick / "weights")
    assert told["lock"] == str(stick / bundle.lock(bundle.target()))


def test_a_second_run_keeps_changed_notebooks(stick, tmp_path):
    install(stick, tmp_path, "labs")
    notebook = tmp_path / "labs" / "notebooks" / "05_waveform.ipynb"
    notebook.write_text("my answers")
    assert install(stick, tmp_path, "labs").returncode == 0
    assert notebook.read_text() == "my answers"


@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_a_folder_that_was_not_copied_whole_is_refused(stick, tmp_path, harm):
    wheel = stick / "wheels" / "a-1-py3-none-any.whl"
    wheel.unlink() if harm == "missing" else wheel.write_bytes(b"whee")
    done = install(stick, tmp_path, "labs")
    assert done.returncode == 1
    assert "1 files are damaged or missing, for example wheels/a-1-py3-none-any.whl" in done.stdout
    assert not (tmp_path / "labs").exists()


@pytest.mark.parametrize(
    "planted",
    ["wheels/torch-99-py3-none-any.whl", "sitecustomize.py", "whisper-lab/lab_utils/evil.py",
     "json.py"],
)  # fmt: skip
def test_what_somebody_put_into_the_folder_is_refused(stick, tmp_path, planted):
    (stick / planted).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    done = install(stick, tmp_path, "labs")
    assert done.returncode == 1, done.stdout
    assert f"not on the list of this folder, for example {planted}" in done.stdout
    assert not (tmp_path / "labs").exists() and not (tmp_path / "ran").exists()


def test_what_systems_leave_on_a_stick_is_no_stranger(stick, tmp_path):
    for name in (".DS_Store", "wheels/._a-1-py3-none-any.whl", ".Trashes/1/old.txt"):
        (stick / name).parent.mkdir(parents=True, exist_ok=True)
        (stick / name).write_text("")
    assert install(stick, tmp_path, "labs").returncode == 0


@pytest.mark.parametrize(
    "junk", [b"", b"\xff\xfe", b"no list", b"0" * 64 + b"  ../../etc/passwd", b"0" * 64 + b"  /x"]
)
def test_a_list_that_is_none_is_said_so(stick, tmp_path, junk):
    (stick / "MANIFEST.sha256").write_bytes(junk)
    done = install(stick, tmp_path, "labs")
    assert done.returncode == 1
    assert "MANIFEST.sha256 is missing or damaged. Copy the folder again." in done.stderr
    assert "Traceback" not in done.stderr


def test_another_python_or_system_is_told_what_to_do(stick, tmp_path):
    (stick / "targets.json").write_text('["Python 3.99, Plan9 vax"]')
    done = install(stick, tmp_path, "labs")
    assert done.returncode == 1
    assert "made for: Python 3.99, Plan9 vax" in done.stdout
    assert "python -m lab_utils bundle FOLDER" in done.stdout


def test_a_second_kind_of_machine_is_added(stick, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "target", lambda: "Python 3.99, Plan9 vax")
    bundle.make(stick, models=("tiny.en",))
    assert len(json.loads((stick / "targets.json").read_text("utf-8"))) == 2
    assert install(stick, tmp_path, "labs").returncode == 0


def test_a_folder_inside_the_project_is_refused(stick, tmp_path):
    with pytest.raises(SetupError, match="outside the project"):
        bundle.make(tmp_path / "project" / "stick")


def test_pip_is_asked_for_hashes_and_the_tested_torch(tmp_path):
    wanted = tmp_path / "wanted.txt"
    rest, torch = bundle.wheel_commands(tmp_path, wanted)
    assert any(word.startswith("torch==") for word in torch) and "-c" in torch
    assert {"--no-deps", "--require-hashes", str(wanted)} <= set(rest)
    *_, torch = bundle.wheel_commands(tmp_path, wanted, torch_index="URL")
    assert torch[torch.index("--index-url") + 1] == "URL"


def test_the_wheels_are_those_that_the_set_up_installs(tmp_path, monkeypatch):
    asked = []

    def commands(folder, wanted, *, torch_index):
        asked.append(wanted.read_text("utf-8"))
        return []

    monkeypatch.setattr(bundle, "wheel_commands", commands)
    bundle.fetch_wheels(tmp_path / "wheels", extras=("classroom",))
    for name in ("librosa", "jupyterlab", "nbgrader", "tiktoken", "openai-whisper"):
        assert f"\n{name}==" in asked[0], name


def test_git_decides_what_is_copied(tmp_path):
    project = tmp_path / "clone"
    project.mkdir()
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    for name in ("kept é.txt", "left.txt"):
        (project / name).write_text(name)
    subprocess.run(["git", "-C", str(project), "add", "kept é.txt"], check=True)
    bundle.copy_project(project, tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["kept é.txt"]


def test_without_git_nothing_of_the_readers_is_copied(tmp_path, monkeypatch):
    project = tmp_path / "clone"
    mine = ["recordings/voice.wav", "lab_utils/recordings/voice.wav", "notebooks/outputs/a.wav",
            ".env", "progress.json", "notes.txt", "notebooks/.env", "assets/progress.json",
            "diary/day.txt"]  # fmt: skip
    labs = ["README.md", "lab_utils/audio.py", "notebooks/01_install.ipynb", "assets/audio/a.wav"]
    for name in [*mine, *labs]:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)
    monkeypatch.setattr(bundle.shutil, "which", lambda name: None)
    bundle.copy_project(project, tmp_path / "copy")
    copied = {p.relative_to(tmp_path / "copy").as_posix() for p in (tmp_path / "copy").rglob("*.*")}
    assert copied == {*labs}
