"""Nothing is destroyed: an export replaces its own earlier version and nothing else."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import workshop

from lab_utils import files
from lab_utils.corpus import command, export
from lab_utils.corpus.manifest import Clip, Manifest
from lab_utils.errors import CorpusError

SEAL = ".whisper-lab-export.json"
WRITERS = {"ljspeech": export.ljspeech, "audiofolder": export.audiofolder}


def make(folder, ids, *, level=0.1, text="Hello there"):
    """A corpus of short clips, each with a tone of its own."""
    clips = []
    for number, name in enumerate(ids):
        t = np.arange(4410) / 22_050
        y = level * np.sin(2 * np.pi * (200 + 50 * number) * t).astype(np.float32)
        (folder / "clips").mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / "clips" / f"{number}.wav", y, 22_050)
        split = ("train", "validation", "test")[number % 3]
        clips.append(Clip(name, f"clips/{number}.wav", text=f"{text}, {number}.", split=split))
    return Manifest(folder, tuple(clips))


@pytest.fixture
def corpus(tmp_path):
    return make(tmp_path / "corpus", ["a", "b", "c"])


def _strangers(tmp_path):
    """Folders that look like an export and are none: each with what must survive."""
    made = {}
    for name in ("LJSpeech-1.1", "pandas", "checkout", "photos", "models"):
        made[name] = tmp_path / name
        made[name].mkdir()
        (made[name] / "metadata.csv").write_text("LJ001-0001|Printing|Printing\n", "utf-8")
    (made["LJSpeech-1.1"] / "wavs").mkdir()
    (made["LJSpeech-1.1"] / "wavs" / "LJ001-0001.wav").write_bytes(b"RIFF precious")
    (made["LJSpeech-1.1"] / "README").write_text("of the corpus", "utf-8")
    (made["pandas"] / "thesis.docx").write_bytes(b"years of work")
    (made["checkout"] / ".git").mkdir()
    (made["checkout"] / ".git" / "HEAD").write_text("ref: refs/heads/main\n", "utf-8")
    (made["photos"] / "train").mkdir()
    (made["photos"] / "metadata.csv").rename(made["photos"] / "train" / "metadata.csv")
    (made["photos"] / "wedding.jpg").write_bytes(b"JPEG")
    (made["models"] / "output").mkdir()
    (made["models"] / "output" / "best_model.pth").write_bytes(b"weights")
    return made


@pytest.mark.parametrize("to", list(WRITERS))
def test_a_folder_of_somebody_else_is_refused_by_name(corpus, tmp_path, to, capsys):
    corpus.save()
    for name, folder in _strangers(tmp_path).items():
        before = workshop.tree(folder)
        with pytest.raises(CorpusError, match=f"{name} is there and is no export"):
            WRITERS[to](corpus, folder)
        with pytest.raises(CorpusError, match="is no export"):
            command.main(["export", str(corpus.folder), str(folder), "--to", to])
        assert workshop.tree(folder) == before
    assert not list(tmp_path.glob(".*"))


def _sealed(folder, listed, **more):
    """A seal with a right digest over whatever is listed."""
    from lab_utils.corpus import seal

    value = {"version": seal.VERSION, "kind": "ljspeech", "files": listed}
    value["digest"] = seal._digest(value["kind"], listed)
    (folder / SEAL).write_text(json.dumps(value | more), "utf-8")


def _entry(path):
    return [path.stat().st_size, files.sha256(path)]


def test_a_seal_that_proves_nothing(corpus, tmp_path):
    made = export.ljspeech(corpus, tmp_path / "good").folder
    precious = tmp_path / "precious.txt"
    precious.write_text("do not lose", "utf-8")

    def case(name):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "thesis.docx").write_bytes(b"years of work")
        (folder / "metadata.csv").write_text("x|y|z\n", "utf-8")
        return folder

    copied = case("copied")
    shutil.copy(made / SEAL, copied)
    alone = case("alone")
    (alone / "metadata.csv").unlink()
    shutil.copy(made / SEAL, alone)
    edited = case("edited")
    text = (made / SEAL).read_text("utf-8")
    (edited / SEAL).write_text(text.replace("details.csv", "thesis.docx"), "utf-8")
    other = case("other files")
    _sealed(other, {"thesis.docx": _entry(other / "thesis.docx")})
    for number, name in enumerate(("../precious.txt", str(precious), "wavs/../../precious.txt")):
        _sealed(case(f"outside {number}"), {name: _entry(precious)})
    old = case("of another version")
    _sealed(old, {"metadata.csv": _entry(old / "metadata.csv")}, version=99)
    for number, junk in enumerate((b"", b"[]", b"{}", b"\xff\xfe", b'{"files": 3}', b"[" * 10**5)):
        (case(f"junk {number}") / SEAL).write_bytes(junk)
    linked = case("linked seal")
    os.symlink(made / SEAL, linked / SEAL)
    folders = [p for p in tmp_path.iterdir() if p.is_dir() and p not in (made, corpus.folder)]
    assert len(folders) == 15
    before = workshop.tree(tmp_path)
    for folder in folders:
        with pytest.raises(CorpusError, match="no export|changed since"):
            export.audiofolder(corpus, folder)
    assert workshop.tree(tmp_path) == before


def test_places_that_are_no_folder_of_their_own(corpus, tmp_path, monkeypatch):
    made = export.ljspeech(corpus, tmp_path / "good").folder
    (tmp_path / "file").write_text("mine", "utf-8")
    os.symlink(made, tmp_path / "link")
    os.symlink(tmp_path / "nowhere", tmp_path / "dangling")
    before = workshop.tree(tmp_path)
    for name, match in (("file", "is a file"), ("link", "is a link"), ("dangling", "is a link")):
        with pytest.raises(CorpusError, match=match):
            export.ljspeech(corpus, tmp_path / name)
    monkeypatch.chdir(made)
    with pytest.raises(CorpusError, match="start from outside"):
        export.ljspeech(corpus, ".")
    assert workshop.tree(tmp_path) == before


def _add_foreign(folder):
    """What a trainer, a version control system and a person leave in an export."""
    (folder / "output" / "run").mkdir(parents=True)
    (folder / "output" / "run" / "best_model.pth").write_bytes(b"weights" * 1000)
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref\n", "utf-8")
    (folder / "notes.txt").write_text("remember", "utf-8")
    (folder / "output" / "empty").mkdir()
    os.symlink("notes.txt", folder / "latest")
    os.symlink("output", folder / "runs")


@pytest.mark.parametrize("to", list(WRITERS))
def test_what_a_trainer_wrote_survives_the_next_export(tmp_path, to):
    write, out = WRITERS[to], tmp_path / "out"
    write(make(tmp_path / "one", ["a", "b", "c"]), out)
    _add_foreign(out)
    foreign = {k: v for k, v in workshop.tree(out).items() if "output" in k or ".git" in k}
    inode = (out / "output" / "run" / "best_model.pth").stat().st_ino
    made = write(make(tmp_path / "two", ["a", "d", "e", "f"], level=0.3), out)
    assert [clip.id for clip in sorted(made.clips, key=lambda c: c.id)] == ["a", "d", "e", "f"]
    fresh = write(make(tmp_path / "two", ["a", "d", "e", "f"], level=0.3), tmp_path / "fresh")
    tree = workshop.tree(out)
    assert {k: tree[k] for k in foreign} == foreign
    assert (out / "output" / "run" / "best_model.pth").stat().st_ino == inode
    assert (out / "output" / "empty").is_dir()
    assert os.readlink(out / "latest") == "notes.txt" and os.readlink(out / "runs") == "output"
    ours = {k: v for k, v in tree.items() if k in workshop.tree(fresh.folder)}
    assert ours == workshop.tree(fresh.folder)
    assert made.notes == ("kept in out, not ours: .git, latest, notes.txt, output, runs",)
    assert not list(tmp_path.glob(".*"))


def test_a_file_of_ours_that_was_changed_is_refused_by_name(corpus, tmp_path):
    out = export.ljspeech(corpus, tmp_path / "out").folder
    for name in ("metadata.csv", "wavs/b.wav"):
        whole = (out / name).read_bytes()
        (out / name).write_bytes(whole + b"my correction\n")
        with pytest.raises(CorpusError, match=f"changed since they were exported: {name}"):
            export.ljspeech(corpus, out)
        assert (out / name).read_bytes() == whole + b"my correction\n"
        (out / name).write_bytes(whole)
    (out / "wavs" / "c.wav").unlink()  # what was deleted is no loss
    assert len(export.ljspeech(corpus, out)) == 3
    (tmp_path / "elsewhere").mkdir()
    shutil.copytree(out / "wavs", tmp_path / "elsewhere" / "wavs")
    shutil.rmtree(out / "wavs")
    os.symlink(tmp_path / "elsewhere" / "wavs", out / "wavs")
    with pytest.raises(CorpusError, match="changed since"):
        export.ljspeech(corpus, out)
    assert len(list((tmp_path / "elsewhere" / "wavs").iterdir())) == 3


def test_a_foreign_file_in_the_way_of_a_new_one_is_not_overwritten(tmp_path):
    out = export.ljspeech(make(tmp_path / "one", ["a"]), tmp_path / "out").folder
    (out / "wavs" / "b.wav").write_bytes(b"my own")
    with pytest.raises(CorpusError, match="b.wav is not ours"):
        export.ljspeech(make(tmp_path / "two", ["a", "b"]), out)
    assert (out / "wavs" / "b.wav").read_bytes() == b"my own"
    assert [clip.id for clip in export.read_ljspeech(out).clips] == ["a"]


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM])
@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_that_cannot_be_renamed_is_not_emptied(
    tmp_path, monkeypatch, number, can_exchange
):
    out = export.ljspeech(make(tmp_path / "one", ["a", "b"]), tmp_path / "out").folder
    (out / "notes.txt").write_text("remember", "utf-8")
    before = workshop.tree(tmp_path)
    real = os.rename

    def busy(source, target, *more, **options):
        if str(out) in (str(source), str(target)):
            raise OSError(number, os.strerror(number))
        return real(source, target, *more, **options)

    def exchange(first, second):
        raise OSError(number if can_exchange else errno.ENOSYS, "no")

    monkeypatch.setattr(os, "rename", busy)
    monkeypatch.setattr(files, "exchange", exchange)
    with pytest.raises(CorpusError, match="What was there is still there"):
        export.ljspeech(make(tmp_path / "one", ["a", "b"]), out)
    assert workshop.tree(tmp_path) == before


def test_two_exports_do_not_share_a_folder(corpus, tmp_path):
    (tmp_path / ".out.whisper-lab").mkdir()
    with (
        files.lock(tmp_path / ".out.whisper-lab" / "lock"),
        pytest.raises(CorpusError, match="Another export"),
    ):
        export.ljspeech(corpus, tmp_path / "out")


@pytest.mark.parametrize("name", ["", "new", "old", "staging"])
def test_a_link_in_the_hidden_folder_is_not_followed(corpus, tmp_path, name):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.docx").write_bytes(b"years of work")
    hidden = tmp_path / ".out.whisper-lab"
    if name:
        hidden.mkdir()
    os.symlink(tmp_path / "precious", hidden / name if name else hidden)
    with pytest.raises(CorpusError, match="a link|failed"):
        export.ljspeech(corpus, tmp_path / "out")
    assert (tmp_path / "precious" / "thesis.docx").read_bytes() == b"years of work"
    assert not (tmp_path / "out").exists()


def test_two_names_change_places(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "in a").write_text("x")
    (tmp_path / "b").write_text("y")
    try:
        files.exchange(tmp_path / "a", tmp_path / "b")
    except OSError as error:
        assert error.errno in (errno.ENOSYS, errno.EINVAL)
        return
    assert (tmp_path / "a").read_text() == "y" and (tmp_path / "b" / "in a").exists()
    with pytest.raises(OSError, match="o such file"):
        files.exchange(tmp_path / "a", tmp_path / "missing")


# Every export below runs in a forked child that kills itself just before its n-th step on the disk.
KILLS = """
import errno, os, shutil, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
import test_corpus_seal as t
import workshop
from lab_utils import files
from lab_utils.corpus import export

base, write = Path(sys.argv[1]), t.WRITERS[sys.argv[2]]
exchanges = sys.argv[4] == "exchange"
one = t.make(base / "one", ["a", "b", "c"])
two = t.make(base / "two", ["a", "d", "e", "f"], level=0.3, text="Another")  # a: other sound

write(one, base / "old")
t._add_foreign(base / "old")
shutil.copytree(base / "old", base / "new", symlinks=True)
write(two, base / "new")
old, new = workshop.tree(base / "old"), workshop.tree(base / "new")
assert old != new

STEPS = ("rename", "replace", "link", "unlink", "rmdir", "mkdir", "symlink")

def hooked(n):
    count = 0
    def hook(real):
        def call(*arguments, **options):
            nonlocal count
            count += 1
            if count == n:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)
        return call
    for name in STEPS:
        setattr(os, name, hook(getattr(os, name)))
    def cannot(first, second):
        raise OSError(errno.ENOSYS, "no")
    files.exchange = hook(files.exchange if exchanges else cannot)

n = killed = 0
states = set()
while True:
    n += 1
    shutil.rmtree(base / "run", ignore_errors=True)
    out = base / "run" / "out"
    shutil.copytree(base / "old", out, symlinks=True)
    child = os.fork()
    if not child:
        hooked(n)
        write(two, out)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        assert status == 0
        break
    killed += 1
    hidden = out.parent / ".out.whisper-lab"
    if out.exists():
        tree = workshop.tree(out)
        states.add("old" if tree == old else "new" if tree == new else f"neither at {n}")
    else:  # between two renames: both versions are whole
        assert not exchanges, n
        states.add("between")
        assert workshop.tree(hidden / "old") == old and workshop.tree(hidden / "new") == new, n
    write(two, out)
    assert workshop.tree(out) == new, n
    assert [p.name for p in out.parent.iterdir()] == ["out"], n
print(killed, sorted(states))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(("to", "way"), [("ljspeech", "exchange"), ("audiofolder", "renames")])
@pytest.mark.slow
def test_killed_at_any_step_the_old_or_the_new_one_is_whole(tmp_path, to, way):
    if way == "exchange":
        (tmp_path / "a").mkdir()
        try:
            files.exchange(tmp_path / "a", tmp_path / "a")
        except OSError as error:
            if error.errno in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
                way = "renames"
    folder = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(tmp_path), to, folder, way],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    killed, states = done.stdout.split(" ", 1)
    assert int(killed) > 30
    expected = {"old", "new"} if way == "exchange" else {"between", "old", "new"}
    assert set(json.loads(states.replace("'", '"'))) == expected


def test_a_path_in_an_id_is_refused_and_nothing_is_written(tmp_path, capsys):
    corpus = make(tmp_path / "corpus", ["a", "b", "c"])
    corpus.save()
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "holiday.wav").write_bytes(b"precious")
    table = (corpus.folder / "manifest.csv").read_text("utf-8")
    hostile = (
        "../victim/holiday", str(tmp_path / "victim" / "holiday"), "victim/holiday",
        "..", ".", "x" * 101, "nul", "a|b", "a\\b", "C:x", '"a\nb"', "A", "",
    )  # fmt: skip
    for name in hostile:
        (corpus.folder / "manifest.csv").write_text(table.replace("\nb,", f"\n{name},"), "utf-8")
        before = workshop.tree(tmp_path)
        for to in WRITERS:
            out = str(tmp_path / "out")
            with pytest.raises(CorpusError, match=r"manifest.csv, line \d: the id|lines 2 and 3"):
                command.main(["export", str(corpus.folder), out, "--to", to])
        assert workshop.tree(tmp_path) == before, name
    with pytest.raises(CorpusError, match="the id '../x'"):
        export.ljspeech(corpus.select([Clip("../x", "clips/0.wav", text="Hi")]), tmp_path / "out")


def test_on_the_command_line_it_is_one_sentence_and_exit_code_1(tmp_path):
    corpus = make(tmp_path / "corpus", ["a", "b", "c"])
    table = corpus.save().read_text("utf-8")
    corpus.save().write_text(table.replace("\nb,", "\n../../victim,"), "utf-8")
    (tmp_path / "victim.wav").write_bytes(b"precious")
    before = workshop.tree(tmp_path)
    command_line = [sys.executable, "-m", "lab_utils", "corpus", "export", str(corpus.folder)]
    done = subprocess.run(
        [*command_line, str(tmp_path / "out"), "--to", "ljspeech"], capture_output=True, text=True
    )
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr
    assert "manifest.csv, line 3: the id '../../victim'" in done.stdout + done.stderr
    assert workshop.tree(tmp_path) == before
