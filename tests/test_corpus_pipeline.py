"""The pipeline: the same bytes from every executor and after every kill; bad input is named."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import soundfile
import workshop

from lab_utils import audio
from lab_utils.corpus import command, passes, pipeline, split
from lab_utils.corpus import manifest as manifests
from lab_utils.errors import CorpusError

SETTINGS = pipeline.Settings(denoise="gate")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Twenty seconds of the student, and as many of the guest."""
    folder = tmp_path_factory.mktemp("recordings")
    for name, source in (("student.flac", "student.flac"), ("guest.wav", "guest.mp3")):
        y, sr = audio.load(workshop.FOLDER / source, sr=None)
        soundfile.write(folder / name, y[: 20 * sr], sr)
    return folder


@pytest.fixture(scope="module")
def serial(recordings, tmp_path_factory):
    """The corpus of them, made here and in one go."""
    before = _with_times(recordings)
    made = pipeline.prepare(recordings, tmp_path_factory.mktemp("serial"), settings=SETTINGS)
    assert _with_times(recordings) == before, "an input was touched"
    return made


@pytest.fixture(scope="module")
def expected(serial):
    return workshop.tree(serial.folder)


def _with_times(folder: Path) -> dict[Path, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_every_sentence_becomes_a_clip_and_what_is_clipped_is_dropped():
    corpus = workshop.corpus()
    assert len(corpus) == 148 >= 100
    for name in workshop.truth():
        spans = [split.Span(c.start, c.end) for c in corpus.clips if c.recording == name]
        true = workshop.sentences(name)
        clipped = sum(event["kind"] == "clipped" for event in workshop.truth()[name]["events"])
        assert split.found(spans, true) == len(true) - clipped
        assert split.broken(spans, true) == 0
    assert [item.reason.split(":")[0] for item in corpus.dropped] == ["clipped", "clipped"]


def test_clips_are_16_bit_mono_wav_at_one_loudness():
    from lab_utils.corpus import clean

    for clip in workshop.corpus().clips[::20]:
        info = soundfile.info(str(workshop.corpus().path(clip)))
        assert (info.format, info.subtype, info.channels) == ("WAV", "PCM_16", 1)
        assert info.samplerate == 22_050 and 1 <= info.duration <= 30
        assert info.duration == pytest.approx(clip.duration, abs=1 / 22_050)
        y, sr = audio.load(workshop.corpus().path(clip), sr=None)
        assert clean.loudness(y, sr=sr) == pytest.approx(-23, abs=0.5)
        assert np.abs(y).max() < 0.9


@pytest.mark.slow
def test_processes_write_the_same_bytes(recordings, expected, tmp_path):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        pipeline.prepare(recordings, tmp_path, settings=SETTINGS, executor=executor)
    assert workshop.tree(tmp_path) == expected


@pytest.mark.slow
def test_a_dask_cluster_writes_the_same_bytes(recordings, expected, tmp_path):
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None,
            local_directory=str(tmp_path / "dask"),
        ) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        executor = client.get_executor(pure=False)
        pipeline.prepare(recordings, tmp_path / "out", settings=SETTINGS, executor=executor)
    assert workshop.tree(tmp_path / "out") == expected


@pytest.mark.slow
def test_killed_and_started_again_it_ends_with_the_same_bytes(recordings, expected, tmp_path):
    script = (
        "import sys; from lab_utils.corpus import pipeline\n"
        "pipeline.prepare(sys.argv[1], sys.argv[2], settings=pipeline.Settings(denoise='gate'))"
    )
    command = [sys.executable, "-c", script, str(recordings), str(tmp_path)]
    for n_clips in (1, 5):
        process = subprocess.Popen(command)
        limit = time.monotonic() + 60
        while len(list(tmp_path.glob("clips/*/*.wav"))) < n_clips and time.monotonic() < limit:
            if process.poll() is not None:
                break
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert workshop.tree(tmp_path) != expected, "it was over before it could be killed"
    pipeline.prepare(recordings, tmp_path, settings=SETTINGS)
    assert workshop.tree(tmp_path) == expected


def test_what_is_done_is_not_done_again(recordings, serial):
    before = _with_times(serial.folder / "clips")
    assert pipeline.prepare(recordings, serial.folder, settings=SETTINGS) == serial
    assert _with_times(serial.folder / "clips") == before


def test_other_settings_keep_the_texts_that_are_still_true(short, short_done, tmp_path):
    out = tmp_path / "corpus"
    shutil.copytree(short_done, out)
    made = manifests.Manifest.load(out)
    made.updated({made.clips[0].id: {"text": "Hello.", "text_by": "given"}}).save()
    before = made.path(made.clips[0]).read_bytes()
    again = pipeline.prepare(short, out, settings=SETTINGS)
    assert again.clips[0].text == "Hello."  # the cut is the same
    assert again.path(again.clips[0]).read_bytes() != before
    limits = split.SplitSettings(longest=1.5, shortest=0.5)
    cut_again = pipeline.prepare(short, out, settings=pipeline.Settings(split=limits))
    assert not cut_again.clips[0].text and cut_again.clips[0].duration < made.clips[0].duration


def test_a_long_recording_comes_in_small_blocks(tmp_path):
    """Five minutes: the longest array is far shorter, and not every piece of noise is kept."""
    y, sr = audio.load(workshop.FOLDER / "student.flac", sr=None)
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", sr, 1, "PCM_16") as file:
        for _ in range(9):
            file.write(y)
    assert max(map(len, audio.blocks(path, sr=22_050))) < 10 * 22_050
    heard = passes.listen(path, sr=22_050)
    assert heard.duration == pytest.approx(9 * len(y) / sr, abs=0.01)
    assert len(heard.noise) <= passes.MOST_FRAMES


def test_blocks_give_the_whole_file_whatever_their_size(tmp_path, monkeypatch):
    frames, sr = soundfile.read(workshop.FOLDER / "lecture.ogg", frames=8 * 44_100)
    soundfile.write(tmp_path / "stereo.ogg", frames, sr)
    expected, _ = audio.load(tmp_path / "stereo.ogg", sr=22_050)
    for block in (1000, 4096, 100_003):
        monkeypatch.setattr("lab_utils.recordings.BLOCK", block)
        got = np.concatenate(list(audio.blocks(tmp_path / "stereo.ogg", sr=22_050)))
        np.testing.assert_allclose(got, expected, atol=2e-6)


def test_cut_gives_exactly_the_samples_of_each_span():
    path = workshop.FOLDER / "student.flac"
    y, sr = audio.load(path, sr=None)
    duration = len(y) / sr
    ends = (1.5, 2.0), (2.0, 2.0001), (10.0, 30.0), (30.5, duration)
    spans = [split.Span(a, b) for a, b in ends]
    with tempfile.TemporaryFile() as sound:
        passes.listen(path, sr=sr, keep=sound)
        for span, piece in zip(spans, passes.cut(sound, spans, sr=sr), strict=True):
            np.testing.assert_array_equal(piece, y[round(span.start * sr) : round(span.end * sr)])


# ---- bad input: each is named, and the rest goes on


def _bad_folder(folder: Path) -> dict[str, str]:
    """Recordings with troubles; name -> a piece of what is said about it ("" for: it works)."""
    y, sr = audio.load(workshop.FOLDER / "student.flac", sr=None)
    y = y[: 7 * sr]
    (folder / "text.wav").write_text("this is no sound", "utf-8")
    (folder / "empty.wav").write_bytes(b"")
    soundfile.write(folder / "header only.wav", np.zeros(0, np.float32), sr)
    bad = y.copy()
    bad[sr] = np.nan
    soundfile.write(folder / "nan.wav", bad, sr, subtype="FLOAT")
    mp3 = (workshop.FOLDER / "guest.mp3").read_bytes()
    (folder / "cut off.mp3").write_bytes(mp3[: len(mp3) // 3 + 77])
    (folder / "no head.mp3").write_bytes(b"\x00" * 2000)
    soundfile.write(folder / "silence.wav", np.zeros(5 * sr, np.float32), sr)
    soundfile.write(folder / "8 bit.wav", y, sr, subtype="PCM_U8")
    soundfile.write(folder / "24 bit.wav", y * 0.9, sr, subtype="PCM_24")
    soundfile.write(folder / "float.wav", y * 0.8, sr, subtype="FLOAT")
    soundfile.write(folder / "six.wav", np.stack([y * 0.7] * 6, axis=1), sr)
    soundfile.write(folder / "192k.wav", audio.resample(y * 0.6, sr=sr, target_sr=192_000), 192_000)
    soundfile.write(folder / "été à la\nmer.wav", y * 0.5, sr)
    for name, gain in (("a", 0.95), ("b", 0.85)):
        (folder / name).mkdir()
        soundfile.write(folder / name / "same.wav", y * gain, sr)
    shutil.copy(folder / "24 bit.wav", folder / "twin.wav")
    return {
        "text.wav": "not a recording", "empty.wav": "0 bytes", "header only.wav": "no samples",
        "nan.wav": "not numbers", "no head.mp3": "not a recording",
        "silence.wav": "no speech", "twin.wav": "byte for byte", "cut off.mp3": "breaks off",
        "8 bit.wav": "", "24 bit.wav": "", "float.wav": "", "six.wav": "", "192k.wav": "",
        "été à la\nmer.wav": "", "a/same.wav": "", "b/same.wav": "",
    }  # fmt: skip


def test_bad_recordings_are_named_and_the_rest_goes_on(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    expected = _bad_folder(folder)
    made = pipeline.prepare(folder, tmp_path / "out")
    reasons = {item.recording: item.reason for item in made.dropped if item.start == 0}
    clips = {name: [c for c in made.clips if c.recording == name] for name in expected}
    for name, reason in expected.items():
        if reason:
            assert reason in reasons[name] and not clips[name], name
        else:
            assert len(clips[name]) >= 2, name
    # two recordings of one name, and a name with a line break, keep apart on the disk
    assert {c.file for c in clips["a/same.wav"]}.isdisjoint(c.file for c in clips["b/same.wav"])
    assert all(c.file.isascii() and "\n" not in c.file for c in made.clips)
    assert manifests.Manifest.load(tmp_path / "out") == made


def test_a_recording_that_only_ffmpeg_reads(tmp_path):
    path = tmp_path / "-talk à deux.m4a"
    source = str(workshop.FOLDER / "student.flac")
    audio.run_ffmpeg("-i", source, "-t", "8", "-c:a", "aac", str(path), what="m4a")
    made = pipeline.prepare(tmp_path, tmp_path.parent / (tmp_path.name + "-out"))
    assert {clip.recording for clip in made.clips} == {path.name} and len(made) >= 2


def test_a_folder_that_cannot_be_written_is_refused(recordings, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way", "utf-8")
    with pytest.raises(CorpusError, match="cannot be written"):
        pipeline.prepare(recordings, blocked / "out")


def test_clips_never_land_among_the_recordings(recordings):
    with pytest.raises(CorpusError, match="outside the recordings"):
        pipeline.prepare(recordings, recordings / "out")


def test_nothing_to_prepare(tmp_path):
    with pytest.raises(CorpusError, match="found nothing"):
        pipeline.prepare(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("no sound", "utf-8")
    with pytest.raises(CorpusError, match="no file of a known format"):
        pipeline.prepare(tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize("ending", [".wav", ".json", ".csv"])
def test_a_full_disk_is_said_and_the_next_run_ends_well(
    short, short_done, tmp_path, monkeypatch, ending
):
    written, real = [], os.replace

    def full(source, target):
        if str(target).endswith(ending):
            if written:  # one file finds room
                raise OSError(errno.ENOSPC, "No space left on device")
            written.append(target)
        return real(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(CorpusError, match="No space left"):
        pipeline.prepare(short, tmp_path)
    assert len(list(tmp_path.rglob("*" + ending))) == 1
    assert not list(tmp_path.rglob("*.partial"))
    monkeypatch.undo()
    pipeline.prepare(short, tmp_path)
    assert workshop.tree(tmp_path) == workshop.tree(short_done)


def test_two_runs_do_not_share_a_folder(recordings, tmp_path):
    import filelock

    with (
        filelock.FileLock(tmp_path / ".lock"),
        pytest.raises(CorpusError, match="Another run"),
    ):
        pipeline.prepare(recordings, tmp_path)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: pipeline.Settings(denoise="magic"), "denoise"),
        (lambda: pipeline.Settings(sr=4000), "8000"),
        (lambda: split.SplitSettings(on=0.3, off=0.5), "off <= on"),
        (lambda: split.SplitSettings(longest=40), "30 seconds"),
        (lambda: split.SplitSettings(pad=-1), "pad"),
    ],
)
def test_settings_that_make_no_sense(make, match):
    with pytest.raises(CorpusError, match=match):
        make()


# ---- one bad name, table or state file does not end a run


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """Six seconds of the student: two clips."""
    folder = tmp_path_factory.mktemp("short")
    y, sr = audio.load(workshop.FOLDER / "student.flac", sr=None)
    audio.save_wav(folder / "talk.wav", y[: 6 * sr], sr=sr)
    return folder


@pytest.fixture(scope="module")
def short_done(short, tmp_path_factory):
    out = tmp_path_factory.mktemp("short-done") / "corpus"
    pipeline.prepare(short, out)
    return out


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names are bytes on Linux only")
def test_a_name_that_is_not_utf_8_is_skipped_and_listed(short, tmp_path, capsys):
    folder = tmp_path / "in"
    shutil.copytree(short, folder)
    shutil.copy(folder / "talk.wav", os.fsencode(folder) + b"/caf\xe9.wav")
    (folder / os.fsdecode(b"caf\xe9.txt")).write_text("script")
    (folder / os.fsdecode(b"caf\xe9.xyz")).write_text("not a recording")
    assert command.main(["prepare", str(folder), str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "caf\\xe9.wav" in out and "not UTF-8" in out
    made = manifests.Manifest.load(tmp_path / "out")
    assert {clip.recording for clip in made.clips} == {"talk.wav"}
    assert [item.recording for item in made.dropped] == ["caf\\xe9.wav"]


@pytest.mark.parametrize(
    ("table", "match"),
    [
        (b"", "recordings.csv is empty"),  # and the rest of what tests/test_tables.py knows
        (b"name,speaker\ntalk.wav,ann\n", "lacks the columns file"),
        (b"file,speaker\ntalk.wav,\xff\n", "line 2, is not UTF-8"),
        (b"file,speaker\ntalk.wav,ann\ntalk.wav,bob\n", "two rows for 'talk.wav', lines 2 and 3"),
    ],
)
def test_a_table_of_recordings_that_is_none_is_refused_before_any_work(
    short, tmp_path, table, match
):
    shutil.copytree(short, tmp_path / "in")
    (tmp_path / "in" / "recordings.csv").write_bytes(table)
    with pytest.raises(CorpusError, match=match):
        command.main(["prepare", str(tmp_path / "in"), str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_what_is_ignored_and_what_is_not_there_is_told(short, tmp_path, capsys):
    folder = tmp_path / "in"
    shutil.copytree(short, folder)
    for name in ("a.xyz", "b.docx", "c.raw", "noending"):
        (folder / name).write_bytes(b"sound?")
    (folder / "dir.wav").mkdir()
    os.symlink(folder / "nowhere", folder / "gone.wav")
    (folder / "talk.txt").write_text("a script is not ignored", "utf-8")
    os.rename(folder / "talk.wav", folder / "caf\u00e9.wav")
    (folder / "recordings.csv").write_text(
        "file,speaker\ncafe\u0301.wav,ann\ntypo.wav,bob\n", "utf-8"
    )
    assert command.main(["prepare", str(folder), str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "ignored: 6 files" in out and "talk.txt" not in out
    for name in ("a.xyz", "b.docx", "c.raw", "dir.wav", "gone.wav", "noending"):
        assert name in out
    assert "not among the recordings: 1 file: typo.wav" in out
    assert {c.speaker for c in manifests.Manifest.load(tmp_path / "out").clips} == {"ann"}


STATES = [
    b"", b"[]", b"{}", b"null", b"3", b'"done"', b"\xff\xfe", b"[" * 10**5, b'{"done": true}',
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(STATES) + 6))
def test_a_state_file_that_is_none_counts_as_absent(short_done, short, tmp_path, number):
    expected = workshop.tree(short_done)
    out = tmp_path / "corpus"
    shutil.copytree(short_done, out)
    (state,) = (out / "recordings").glob("*.json")
    row = json.loads(state.read_text("utf-8"))
    forged = [
        row | {"clips": []},
        row | {"clips": [{"id": "../x", "file": "/etc/hostname", "start": 0, "end": 1}]},
        row | {"clips": row["clips"][:1]},
        row | {"dropped": None},
        {k: v for k, v in row.items() if k != "clips"},
        row | {"done": "yes", "recording": ["x"]},
    ]
    states = [*STATES, *(json.dumps(value).encode() for value in forged)]
    state.write_bytes(states[number])
    pipeline.prepare(short, out)
    assert workshop.tree(out) == expected


def test_an_offset_is_not_clipping(short, tmp_path):
    y, sr = audio.load(short / "talk.wav", sr=None)
    (tmp_path / "in").mkdir()
    audio.save_wav(tmp_path / "in" / "dc.wav", 0.5 * y + 0.3, sr=sr)
    made = pipeline.prepare(tmp_path / "in", tmp_path / "out")
    assert len(made) == 2 and not made.dropped


def test_leftovers_of_killed_runs_go_and_nothing_else(short, short_done, tmp_path):
    out = tmp_path / "corpus"
    shutil.copytree(short_done, out)
    (state,) = (out / "recordings").glob("*.json")
    for path in (
        out / "manifest-ab12_xyz.partial",
        state.with_name(f"{state.stem}-ab12_xyz.partial"),
    ):
        path.write_bytes(b"half")
    (out / "movie-ab12_xyz.partial").write_bytes(b"of another program")
    pipeline.prepare(short, out)
    assert [p.name for p in out.rglob("*.partial")] == ["movie-ab12_xyz.partial"]


def test_what_was_noticed_about_a_recording_is_told_after_a_resume_too(
    short, tmp_path, monkeypatch
):
    real = passes.listen

    def listen(*arguments, **options):
        return dataclasses.replace(real(*arguments, **options), note="the channels cancel")

    monkeypatch.setattr(passes, "listen", listen)
    made = pipeline.prepare(short, tmp_path / "out")
    monkeypatch.undo()
    again = pipeline.prepare(short, tmp_path / "out")
    assert made.notes == again.notes == ("talk.wav: the channels cancel",)


def test_texts_by_hand_are_kept_when_their_clips_are_no_longer_cut(short, short_done, tmp_path):
    out = tmp_path / "corpus"
    shutil.copytree(short_done, out)
    made = manifests.Manifest.load(out)
    made.updated({made.clips[0].id: {"text": "Corrected.", "text_by": "given"}}).save()
    before = (out / "manifest.csv").read_bytes()
    (out / "clips" / made.clips[0].id[:-5] / "notes.txt").write_text("of mine", "utf-8")
    cut_otherwise = pipeline.Settings(split=split.SplitSettings(pad=0.05))
    again = pipeline.prepare(short, out, settings=cut_otherwise)
    assert (out / "manifest.before-1.csv").read_bytes() == before
    assert "manifest.before-1.csv" in again.notes[0]
    assert (out / "clips" / made.clips[0].id[:-5] / "notes.txt").read_text() == "of mine"
    pipeline.prepare(short, out, settings=cut_otherwise)
    assert not (out / "manifest.before-2.csv").exists()


def test_somebody_elses_table_is_not_overwritten(short, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.csv").write_text("ship,captain\nPequod,Ahab\n", "utf-8")
    with pytest.raises(CorpusError, match="lacks the columns id, file"):
        pipeline.prepare(short, tmp_path / "out")
    assert (tmp_path / "out" / "manifest.csv").read_text("utf-8").endswith("Pequod,Ahab\n")
    assert not (tmp_path / "out" / "clips").exists()
