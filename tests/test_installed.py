"""Damaged, moved and orphaned environments: what is noticed, repaired, kept, and said."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from lab_utils import bootstrap, dotvenv, environment, installed, packages
from lab_utils.errors import SetupError


def package(site: Path, name: str, *, version: str = "1.0", needs: str = "") -> Path:
    """A package as pip leaves it: one module, and the list of its files with their hashes."""
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    need = f"Requires-Dist: {needs}\n" if needs else ""
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info.name}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{need}",
        f"{info.name}/INSTALLER": "pip\n",
    }
    rows = []
    for file, text in files.items():
        (site / file).write_text(text)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
        rows.append(f"{file},sha256={digest.decode().rstrip('=')},{len(text)}")
    rows.append(f"{info.name}/RECORD,,")
    (info / "RECORD").write_text("\n".join(rows) + "\n")
    return site / f"{name}.py"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of packages that stands for the environment's own."""
    site = tmp_path / "site"
    package(site, "thing", needs="helper>=1")
    package(site, "helper")
    monkeypatch.setattr(installed.sysconfig, "get_path", lambda *_: str(site))
    monkeypatch.syspath_prepend(str(site))
    return site


def test_a_whole_package_is_whole(site):
    assert installed.damaged(since=0) == {}
    assert installed.missing(["thing>=1"], indirect=True) == []


@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        (lambda site: (site / "thing.py").unlink(), "thing.py is gone"),
        (lambda site: (site / "thing.py").write_text(""), "thing.py has 0 bytes instead of 16"),
        (lambda site: (site / "thing.py").write_bytes(bytes(16)), "thing.py has changed"),
        (
            lambda site: (site / "thing-1.0.dist-info" / "RECORD").unlink(),
            "its list of files is gone",
        ),
        (
            lambda site: (site / "thing-1.0.dist-info" / "METADATA").write_text(""),
            "thing-1.0.dist-info/METADATA has 0 bytes",
        ),
    ],
)
def test_a_damaged_package_is_named_with_its_fault(site, harm, fault):
    harm(site)
    (found,) = installed.damaged(since=0).items()
    assert found[0] == "thing==1.0" and found[1].startswith(fault)


def test_a_package_that_is_needed_indirectly_is_missed(site):
    shutil.rmtree(site / "helper-1.0.dist-info")
    assert installed.missing(["thing>=1"]) == []
    assert installed.missing(["thing>=1"], indirect=True) == ["helper"]


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone with an environment of its own in which everything was installed, but for pip.

    What pip is asked for is written down; nothing reaches an index.
    """
    project = tmp_path / "mes cours, été"
    project.mkdir()
    for name in ("pyproject.toml", "constraints.txt", "hashes.txt"):
        shutil.copy(environment.project_dir() / name, project)
    shutil.copytree(
        environment.project_dir() / "lab_utils", project / "lab_utils",
        ignore=shutil.ignore_patterns("__pycache__", "exercises", "widgets", "corpus"),
    )  # fmt: skip
    monkeypatch.delenv("PYTHONPATH", raising=False)
    for module in (environment, packages, installed):
        monkeypatch.setattr(module, "project_dir", lambda: project)
    folder = project / ".venv"
    venv.create(folder, with_pip=False)
    packages_dir = dotvenv._site_packages(folder)
    package(packages_dir, "pip", version="23.0")
    (packages_dir / "pip.py").write_text("print('pip')\n")
    package(packages_dir, "thing")
    return project


def entries(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_what_cannot_be_replaced_stays_as_it_was(clone, monkeypatch, capsys):
    """The environment of another Python, and no network: nothing of it is removed."""
    folder = clone / ".venv"
    other = folder / "lib" / "python3.7" / "site-packages"
    other.parent.mkdir()
    dotvenv._site_packages(folder).rename(other)
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to("/nowhere/python")
    before = entries(folder)

    def no_network(*_args, **_options):
        assert (folder.with_name(".venv.set-aside") / "lib" / "python3.7").is_dir()
        raise SetupError("no network")

    monkeypatch.setattr(bootstrap, "_in_environment", lambda: False)
    monkeypatch.setattr(bootstrap, "install", no_network)
    monkeypatch.setattr(dotvenv, "_create", venv.create)  # no pip: that alone takes seconds
    monkeypatch.setattr(dotvenv, "_borrow_pip", lambda folder: None)
    for _ in range(2):
        with pytest.raises(SetupError, match="no network"):
            bootstrap.set_up()
        assert entries(folder) == before
    assert "stays as it was" in capsys.readouterr().out
    # a run that was killed after it had set the old one aside
    folder.rename(folder.with_name(".venv.set-aside"))
    with pytest.raises(SetupError, match="no network"):
        bootstrap.set_up()
    assert entries(folder) == before
    assert not list(clone.glob(".venv.[!l]*"))


@pytest.fixture
def asked(clone, monkeypatch):
    """What pip is asked for; the state of the environment is what the test says."""
    calls = []
    monkeypatch.setattr(bootstrap, "_in_environment", lambda: False)
    monkeypatch.setattr(bootstrap, "_run", lambda *_args, **_options: None)

    def pip(command, log):
        """Options and requirements; in place of a file with hashes, its lines."""
        if "-r" in command:
            lines = Path(command[command.index("-r") + 1]).read_text("utf-8").splitlines()
            command = [*command[: command.index("-r")], *lines]
        calls.append(command[4:])
        return ""

    monkeypatch.setattr(packages, "_watched", pip)
    states = []
    monkeypatch.setattr(installed, "examine", lambda *_args, **_options: states.pop(0))
    return calls, states


WHOLE = {"missing": [], "damaged": {}}


def test_what_is_damaged_is_written_anew_in_its_version(asked, clone, capsys):
    calls, states = asked
    (clone / ".venv" / bootstrap.STAMP).write_text(
        json.dumps({"sources": bootstrap._sources_hash(), "extras": []})
    )
    states += [{"missing": [], "damaged": {"soxr==1.1.0": "soxr/x.so is gone"}}, WHOLE]
    bootstrap.set_up()
    (call,) = calls
    assert {"--ignore-installed", "--no-deps", "--require-hashes"} <= {*call}
    assert call[-1].startswith("soxr==1.1.0 --hash=sha256:")
    assert "soxr==1.1.0 is damaged: soxr/x.so is gone" in capsys.readouterr().out


def test_what_is_missing_is_installed_although_the_stamp_says_all_is_well(asked, clone):
    calls, states = asked
    (clone / ".venv" / bootstrap.STAMP).write_text(
        json.dumps({"sources": bootstrap._sources_hash(), "extras": []})
    )
    states += [{"missing": ["soxr>=0.5"], "damaged": {}}, WHOLE]
    bootstrap.set_up()
    assert any(word.startswith("soxr==") for call in calls for word in call)
    states += [WHOLE]
    calls.clear()
    bootstrap.set_up()
    assert calls == []  # a second run does only what is missing


def test_newer_pins_and_no_network_do_not_stop_labs_that_would_run(
    asked, clone, monkeypatch, capsys
):
    _, states = asked
    with open(clone / "constraints.txt", "a", encoding="utf-8") as file:
        file.write("# pulled\n")

    def no_network(*_args, **_options):
        raise SetupError("The package index cannot be reached.\n")

    monkeypatch.setattr(bootstrap, "install", no_network)
    states += [WHOLE, WHOLE]
    bootstrap.set_up()
    assert "What is installed fits the labs: going on with it." in capsys.readouterr().err
    states += [{"missing": ["soxr"], "damaged": {}}] * 2
    with pytest.raises(SetupError, match="cannot be reached.*\n.*Still missing: soxr"):
        bootstrap.set_up()


def test_what_pip_does_not_heal_is_named(asked):
    _, states = asked
    states += [{"missing": ["soxr"], "damaged": {}}, {"missing": [], "damaged": {"a==1": "gone"}}]
    with pytest.raises(SetupError, match=r"missing or damaged: a==1 \(gone\)"):
        bootstrap.set_up()


def test_a_moved_folder_needs_no_network(asked, clone, tmp_path, monkeypatch):
    """The line that names the clone is written anew; spaces and accents are no matter."""
    _, states = asked
    states += [WHOLE] * 4
    bootstrap.set_up()
    moved = tmp_path / "renamed ñ"
    clone.rename(moved)
    for module in (environment, packages, installed):
        monkeypatch.setattr(module, "project_dir", lambda: moved)
    bootstrap.set_up()
    code = "import lab_utils; print(ascii(lab_utils.__file__))"
    python = moved / ".venv" / "bin" / "python"
    found = subprocess.run([python, "-c", code], cwd="/", capture_output=True, text=True)
    assert found.stdout.strip() == ascii(str(moved / "lab_utils" / "__init__.py"))


def test_a_second_start_waits_and_says_so(tmp_path):
    code = (
        "import sys, time, pathlib; from lab_utils.dotvenv import alone\n"
        "with alone(pathlib.Path(sys.argv[1])):\n"
        "    print('begins', flush=True); time.sleep(float(sys.argv[2])); print('ends', flush=True)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "lock")]
    with subprocess.Popen([*command, "600"], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "begins\n"
        with subprocess.Popen([*command, "0"], stdout=subprocess.PIPE, text=True) as second:
            assert "Another 'start' is at work in this folder" in second.stdout.readline()
            first.kill()  # a lock dies with its process
            assert second.stdout.read() == "begins\nends\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [("pyproject.toml", "[project\n"), ("pyproject.toml", "[tool]\n"), ("pyproject.toml", None),
     ("pyproject.toml", b"\xff"), ("constraints.txt", None), ("constraints.txt", "junk")],
)  # fmt: skip
def test_a_damaged_project_file_is_named(clone, name, content):
    path = clone / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SetupError, match=f"{name}.*git checkout -- {name}"):
        installed.requirements()
        installed.pins()


def test_a_disk_that_fills_up_while_pip_works(tmp_path, monkeypatch):
    said = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    monkeypatch.setattr(packages, "_watched", lambda command, log: said)
    with pytest.raises(SetupError, match="The disk is full. Free about 4 GB"):
        packages.install(tmp_path / "python", extras=())
    monkeypatch.setattr(bootstrap, "make_venv", lambda folder: tmp_path / "python")
    monkeypatch.setattr(bootstrap, "_in_environment", lambda: False)

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bootstrap, "complete", full)
    with pytest.raises(SetupError, match="The disk is full"):
        bootstrap.set_up()


def test_what_openai_whisper_asks_for_is_asked_for_by_the_labs():
    """It is installed alone, without triton: its other needs must stand in pyproject.toml."""
    from packaging.requirements import Requirement

    ours = {installed.canonical(Requirement(r).name) for r in installed.requirements()}
    needs = [Requirement(r) for r in importlib.metadata.requires("openai-whisper")]
    names = {r.name for r in needs if "extra" not in str(r.marker)}
    assert names - {"triton"} <= ours
