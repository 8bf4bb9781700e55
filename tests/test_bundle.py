"""The folder for a room without a network: what is in it, and an installer that mends and warns."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab_utils import checkpoints, environment
from lab_utils.classroom import bundle
from lab_utils.errors import SetupError

#: stands for the labs' own set-up: it says what it was started with
FAKE_MAIN = """import json, os, pathlib, sys
told = {"argv": sys.argv[1:], "no index": os.environ["PIP_NO_INDEX"],
        "links": os.environ["PIP_FIND_LINKS"], "cwd": os.getcwd()}
pathlib.Path("told.json").write_text(json.dumps(told))
"""


@pytest.fixture
def stick(tmp_path, monkeypatch) -> Path:
    """A folder made by the real code from a tiny project, with no download."""
    project = tmp_path / "project"
    (project / "lab_utils").mkdir(parents=True)
    (project / "lab_utils" / "__main__.py").write_text(FAKE_MAIN)
    (project / "notebooks").mkdir()
    (project / "notebooks" / "05_waveform.ipynb").write_text("the lab")
    (project / ".venv").mkdir()
    (project / ".venv" / "big.bin").write_text("no")
    weights = tmp_path / "tiny.pt"
    weights.write_bytes(b"weights")
    monkeypatch.setattr(environment, "project_dir", lambda: project)
    monkeypatch.setattr(checkpoints, "fetch", lambda name: weights)

    def fake_wheels(folder, *, extras):
        folder.mkdir(exist_ok=True)
        (folder / "a-1-py3-none-any.whl").write_bytes(b"wheel")

    monkeypatch.setattr(bundle, "fetch_wheels", fake_wheels)
    return bundle.make(tmp_path / "the stick", models=("tiny.en",))


def install(stick: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess:
    variables = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    variables.pop("WHISPER_LAB_CACHE", None)
    command = [sys.executable, str(stick / "install.py"), *arguments]
    return subprocess.run(command, env=variables, cwd=home, capture_output=True, text=True)


def test_what_is_in_the_folder(stick):
    files = {p.relative_to(stick).as_posix() for p in stick.rglob("*") if p.is_file()}
    assert files == {
        "README.txt", "install.py", "targets.json", "MANIFEST.sha256",
        "wheels/a-1-py3-none-any.whl", "weights/tiny.en.pt", "weights/tiny.en.pt.json",
        "whisper-lab/lab_utils/__main__.py", "whisper-lab/notebooks/05_waveform.ipynb",
    }  # fmt: skip
    assert bundle.target() in (stick / "README.txt").read_text("utf-8")
    note = json.loads((stick / "weights" / "tiny.en.pt.json").read_text("utf-8"))
    assert note["sha256"] == hashlib.sha256(b"weights").hexdigest()


def test_install_runs_the_labs_own_set_up_with_the_packages_from_the_folder(stick, tmp_path):
    done = install(stick, tmp_path, "my labs")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "my labs" / "told.json").read_text("utf-8"))
    assert told["argv"] == ["start", "--check-only"]
    assert told["no index"] == "1"
    assert told["links"] == (stick / "wheels").as_uri() and " " not in told["links"]
    assert Path(told["cwd"]) == (tmp_path / "my labs").resolve()
    assert (tmp_path / "cache" / "whisper-lab" / "tiny.en.pt").read_bytes() == b"weights"


def test_a_second_run_keeps_changed_notebooks_and_mends_weights(stick, tmp_path):
    install(stick, tmp_path, "labs")
    notebook = tmp_path / "labs" / "notebooks" / "05_waveform.ipynb"
    notebook.write_text("my answers")
    weights = tmp_path / "cache" / "whisper-lab" / "tiny.en.pt"
    weights.write_bytes(b"trunc")
    assert install(stick, tmp_path, "labs").returncode == 0
    assert notebook.read_text() == "my answers"
    assert weights.read_bytes() == b"weights"


@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_a_folder_that_was_not_copied_whole_is_refused(stick, tmp_path, harm):
    wheel = stick / "wheels" / "a-1-py3-none-any.whl"
    wheel.unlink() if harm == "missing" else wheel.write_bytes(b"whee")
    done = install(stick, tmp_path, "labs")
    assert done.returncode == 1
    assert "1 files are damaged or missing, for example wheels/a-1-py3-none-any.whl" in done.stdout
    assert not (tmp_path / "labs").exists()


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


def test_pip_is_asked_for_what_the_set_up_installs(tmp_path):
    torch, whisper, rest = bundle.wheel_commands(tmp_path, extras=("classroom",))
    assert any(word.startswith("torch==") for word in torch)
    assert "--no-deps" in whisper and any(word.startswith("openai-whisper") for word in whisper)
    for name in ("librosa", "jupyterlab", "nbgrader", "tiktoken", "setuptools"):
        assert any(word.startswith(name) for word in rest), name
    assert all("-c" in command for command in (torch, whisper, rest))


def test_git_decides_what_is_copied(tmp_path):
    project = tmp_path / "clone"
    project.mkdir()
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    for name in ("kept é.txt", "left.txt"):
        (project / name).write_text(name)
    subprocess.run(["git", "-C", str(project), "add", "kept é.txt"], check=True)
    bundle.copy_project(project, tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["kept é.txt"]
