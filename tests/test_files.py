"""Files are written whole or not at all, and names from outside cannot choose a folder."""

import os
import stat

import pytest

from lab_utils.errors import AudioError, FileNameError
from lab_utils.files import check_name, fold, inside, printable, replacing


def test_the_new_content_comes_in_one_step(tmp_path):
    path = tmp_path / "deep" / "note.txt"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_was_there_stays_when_the_writer_fails(tmp_path, error):
    path = tmp_path / "note.txt"
    path.write_text("old")
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
@pytest.mark.parametrize(("private", "modes"), [(False, (0o755, 0o644)), (True, (0o700, 0o600))])
def test_others_may_read_what_the_umask_allows_unless_it_is_private(tmp_path, private, modes):
    before = os.umask(0o022)
    try:
        with replacing(tmp_path / "mine" / "a", private=private) as temporary:
            temporary.write_text("x")
    finally:
        os.umask(before)
    found = [stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "mine", tmp_path / "mine" / "a")]
    assert tuple(found) == modes


def test_a_file_that_cannot_be_written_is_an_error_of_the_room(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError), replacing(tmp_path / "file" / "a"):
        pass
    with pytest.raises(AudioError, match="a could not be written to .*file"):
        with replacing(tmp_path / "file" / "a", error=AudioError):
            pass


@pytest.mark.parametrize(
    "name", ["a", "lesson-01", "a b", "Ünïcode", "東京", "नमस्ते", "x" * 100, "a.b.c", "_", "-x"]
)
def test_names_that_every_system_takes_pass_unchanged(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../x", "/etc/x", "a/b", "a\\b", "C:x", "x" * 101, "a\nb", "a\0b", "a\rb",
        "a\x7f", "a\u2028b", "a\u202eb", "a\ud800", " a", "a ", "a.", ".hidden", "nul", "COM1.wav",
        "Aux", "lpt9.txt", "a*b", "a?", "a|b", "a<b", 'a"b', None, 3, b"a", "\u2003a",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused_and_told(name):
    with pytest.raises(FileNameError, match="manifest.csv, line 3: the id"):
        check_name(name, what="manifest.csv, line 3: the id")


def test_names_that_some_systems_take_for_one_fold_to_one():
    assert fold("Caf\u00e9") == fold("CAFE\u0301") == fold("caf\u00e9")
    assert fold("stra\u00dfe") == fold("STRASSE") and fold("a") != fold("b")


def test_a_path_inside_stays_inside(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    os.symlink(tmp_path, tmp_path / "in" / "out")
    os.symlink("loop", tmp_path / "in" / "loop")
    assert inside(tmp_path / "in", "deep/x.wav") == (tmp_path / "in" / "deep" / "x.wav").resolve()
    for name in ("../x", "/etc/passwd", "", ".", "deep/../..", "out/x", "a\0b"):
        with pytest.raises(FileNameError, match="row 3 .* leads outside the corpus"):
            inside(tmp_path / "in", name, what="row 3", where="the corpus")


def test_every_name_can_be_shown():
    assert printable("caf\u00e9 1.wav") == "caf\u00e9 1.wav"
    assert printable(os.fsdecode(b"caf\xe9\n\x1b[2J")) == "caf\\xe9\\n\\x1b[2J"
