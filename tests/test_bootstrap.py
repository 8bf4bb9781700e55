"""The way in: what a bare, old, full or cut-off machine is told, and what a second run does."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from lab_utils import __main__ as command
from lab_utils import bootstrap, environment, installed, packages
from lab_utils.errors import SetupError
from lab_utils.files import sha256


def run_module(*arguments, code=None, **variables):
    call = ["-c", code] if code else ["-m", "lab_utils", *arguments]
    return subprocess.run(
        [sys.executable, *call],
        capture_output=True,
        text=True,
        cwd=environment.project_dir(),
        env={**os.environ, **variables},
        timeout=300,
    )


def test_an_old_python_gets_one_clear_message():
    code = (
        "import sys, runpy; sys.version_info = (3, 9, 1); sys.version = '3.9.1 (old)'; "
        "sys.argv = ['lab_utils', 'start']; runpy.run_module('lab_utils', run_name='__main__')"
    )
    done = run_module(code=code)
    assert done.returncode == 1
    assert "needs Python 3.11 or newer, this is Python 3.9.1" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_and_unknown_commands(capsys):
    assert command.main(["--help"]) == 0
    usage = capsys.readouterr().out
    assert all(name in usage for name in ("start", "test", "check"))
    assert command.main(["dance"]) == 2
    assert "Unknown command 'dance'" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(command.COMMANDS))
def test_every_command_answers_help(name):
    done = run_module(name, "--help")
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout


def test_a_full_disk_is_said_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 10**12, 10**9)
    )
    with pytest.raises(SetupError, match="need 3 GB on this disk, 0.9 GB are free"):
        bootstrap.make_venv(tmp_path / ".venv")
    assert not (tmp_path / ".venv").exists()


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A Python with pip, made where a run was ended halfway."""
    folder = tmp_path_factory.mktemp("half made") / ".venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text("half written")
    (folder / "pyvenv.cfg").write_text("")
    return bootstrap.make_venv(folder)


@pytest.mark.slow
def test_a_half_made_environment_is_made_again_once(python):
    done = subprocess.run([python, "-m", "pip", "--version"], capture_output=True)
    assert done.returncode == 0
    stamp = python.stat().st_mtime_ns
    assert bootstrap.make_venv(python.parent.parent).stat().st_mtime_ns == stamp


def test_without_a_network_pip_says_what_to_do(python, monkeypatch):
    """A real pip, cut off: its index is a closed port of this machine."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(SetupError) as caught:
        packages.install(python, extras=())
    assert "cannot be reached" in str(caught.value)
    assert "run the same command again" in str(caught.value)
    assert not bootstrap._stamped(python, ())
    assert (python.parent.parent / "setup.log").read_text()


def wheel(folder: Path, *, says: str, name: str = "planted_thing") -> str:
    """Write a package of one module; returns the line that locks it."""
    path = folder / f"{name}-1-py3-none-any.whl"
    info = f"{name}-1.dist-info"
    files = {
        f"{name}.py": f"SAYS = {says!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name_, text in files.items():
            archive.writestr(zipfile.ZipInfo(name_), text)  # without a time: the same bytes again
    return f"{name}==1 --hash=sha256:{sha256(path)}\n"


def test_pip_installs_only_what_has_the_recorded_hash(python, tmp_path, monkeypatch):
    """The real pip: the wheel that was recorded is installed, another of its name is not."""
    lock = tmp_path / "lock.txt"
    monkeypatch.setenv("WHISPER_LAB_LOCK", str(lock))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", tmp_path.as_uri())
    lock.write_text(wheel(tmp_path, says="hello"))
    wheel(tmp_path, says="planted")
    with pytest.raises(SetupError, match="not the one that was recorded"):
        packages.install(python, extras=())
    lock.write_text(wheel(tmp_path, says="hello"))
    packages.install(python, extras=())
    assert subprocess.run([python, "-c", "import planted_thing"], cwd="/").returncode == 0


@pytest.mark.slow
def test_so_it_is_where_the_packages_come_from_the_network(python, tmp_path, monkeypatch):
    """hashes.txt names the right wheel; another with its name and version is in the way."""
    line = wheel(tmp_path, says="right", name="other_thing")
    monkeypatch.setattr(installed, "recorded", lambda *extras: [line])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", tmp_path.as_uri())
    wheel(tmp_path, says="planted", name="other_thing")
    with pytest.raises(SetupError, match="not the one that was recorded"):
        packages.install(python, extras=())
    with pytest.raises(SetupError, match="not the one that was recorded"):
        packages.repair(python, {"other-thing==1": "empty"})
    wheel(tmp_path, says="right", name="other_thing")
    with pytest.raises(SetupError, match="could not install torch"):  # no index has it here
        packages.install(python, extras=())
    code = "import other_thing; print(other_thing.SAYS)"
    said = subprocess.run([python, "-c", code], cwd="/", capture_output=True, text=True)
    assert said.stdout == "right\n"


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("Temporary failure in name resolution", "cannot be reached"),
        ("[Errno 13] Permission denied: '/usr/lib'", "a folder that is yours"),
        ("ERROR: No matching distribution found for torch==2.13.0", "Python 3.11, 3.12 or 3.13"),
    ],
)
def test_known_troubles_have_a_remedy(said, remedy):
    assert remedy in packages.remedy(said)


def test_a_stamp_says_what_was_installed_and_a_damaged_one_says_nothing(tmp_path):
    python = tmp_path / "bin" / "python"
    stamp = tmp_path / bootstrap.STAMP
    assert not bootstrap._stamped(python, ())
    stamp.write_text(json.dumps({"sources": bootstrap._sources_hash(), "extras": ["test"]}))
    assert bootstrap._stamped(python, ()) and bootstrap._stamped(python, ("test",))
    assert not bootstrap._stamped(python, ("test", "classroom"))
    stamp.write_text('{"sources": "older"}')
    assert not bootstrap._stamped(python, ())
    for damaged in ("{", "[]", ""):
        stamp.write_text(damaged)
        assert not bootstrap._stamped(python, ())


@pytest.mark.model
@pytest.mark.slow
def test_a_complete_environment_is_used_as_it_is_and_proves_itself():
    """The whole of ``start --check-only``, as a second run sees it."""
    from whisper.normalizers import EnglishTextNormalizer

    done = run_module("start", "--check-only")
    assert done.returncode == 0, done.stderr
    assert "Installing" not in done.stdout
    assert f"Using this Python environment: {sys.prefix}" in done.stdout
    spoken = done.stdout.split("Spoken:")[1].splitlines()[0].strip()
    heard = done.stdout.split("Whisper:")[1].splitlines()[0].strip()
    normalise = EnglishTextNormalizer()
    assert normalise(spoken) == normalise(heard)


def test_the_kernel_finds_the_programs_of_its_environment():
    kernel = Path(sys.prefix) / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    if not kernel.is_file():
        pytest.skip("this environment was not made by 'start'")
    path = json.loads(kernel.read_text())["env"]["PATH"]
    assert path.startswith(str(environment.scripts_dir()))
    assert path.endswith("${PATH}")


def test_the_help_of_the_tests_installs_nothing(monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "set_up", lambda **_: pytest.fail("it began to install"))
    with pytest.raises(SystemExit, match="^0$"):
        bootstrap.test(["--help"])
    assert "usage" in capsys.readouterr().out


def test_a_python_that_is_gone_is_linked_again_and_every_package_stays(tmp_path):
    """The system's Python was upgraded; there is no network."""
    folder = tmp_path / ".venv"
    venv.create(folder)
    site = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(folder)}))
    (site / "thing.py").write_text("")
    (site / "pip.py").write_text("print('pip 1')")
    for name in ("python", "python3", f"python3.{sys.version_info[1]}"):
        (folder / "bin" / name).unlink()
        (folder / "bin" / name).symlink_to("/nowhere/python")
    python = bootstrap.make_venv(folder)
    assert subprocess.run([python, "-c", "import thing"], cwd="/").returncode == 0


@pytest.mark.parametrize(
    ("version", "system", "machine", "says"),
    [
        ((3, 14, 0), "Linux", "x86_64", "tested with 3.11, 3.12 and 3.13"),
        ((3, 12, 1), "Darwin", "x86_64", "Macs with an Intel processor"),
        ((3, 12, 1), "Windows", "ARM64", "x64 Python"),
    ],
)
def test_a_machine_that_cannot_have_the_labs_is_told_before_pip_is_asked(
    tmp_path, monkeypatch, version, system, machine, says
):
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(SetupError, match=says) as caught:
        bootstrap.make_venv(tmp_path / ".venv")
    assert not (tmp_path / ".venv").exists()
    if version == (3, 14, 0):
        assert "Run: python3.13 -m lab_utils start" in str(caught.value)


@pytest.mark.parametrize("version", ["2.7", "3.8"])
def test_the_way_in_can_be_read_by_an_old_python(version):
    """A real old Python where there is one: a message, no SyntaxError."""
    program = shutil.which(f"python{version}")
    if program is None or subprocess.run([program, "-c", ""]).returncode:
        pytest.skip(f"no Python {version} on this machine")
    command = [program, "-m", "lab_utils", "start"]
    done = subprocess.run(command, cwd=environment.project_dir(), capture_output=True, text=True)
    assert f"needs Python 3.11 or newer, this is Python {version}" in done.stderr
    assert "SyntaxError" not in done.stderr


def test_the_way_in_has_nothing_that_only_a_new_python_can_read():
    import ast

    tree = ast.parse((Path(bootstrap.__file__).parent / "__main__.py").read_text("ascii"))
    newer = (ast.JoinedStr, ast.NamedExpr, ast.AnnAssign, ast.AsyncFunctionDef, ast.Match)
    for node in ast.walk(tree):
        assert not isinstance(node, newer), f"line {node.lineno}"
        if isinstance(node, ast.FunctionDef):
            assert node.returns is None and not node.args.kwonlyargs, f"line {node.lineno}"
