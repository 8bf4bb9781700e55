"""Recordings that are damaged, that lie, or that are none: nothing is read without a word."""

import os
import random
import socket
import struct
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lab_utils import audio, containers, ffmpeg, recordings
from lab_utils.errors import AudioError, AudioWarning

REPOSITORY = Path(__file__).resolve().parent.parent
SR = 16_000


def sine(frequency=440, *, seconds=1.0, sr=SR, amplitude=0.5):
    t = np.arange(round(seconds * sr)) / sr
    return (amplitude * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def both(path, **options):
    """What ``load`` and ``blocks`` say: they have to agree, in words and in samples."""
    results = []
    for read in (audio.load, lambda p, **o: (np.concatenate(list(audio.blocks(p, **o))), SR)):
        try:
            results.append(read(path, sr=SR, **options)[0])
        except AudioError as error:
            results.append(str(error))
    first, second = results
    if isinstance(first, str) or isinstance(second, str):
        assert first == second
    else:
        np.testing.assert_allclose(first, second, atol=1e-6)
    return first


def make(folder: Path, name: str, *options: str, seconds=3.0, sr=SR) -> Path:
    """A sound recording in any format, by ffmpeg."""
    source = audio.save_wav(folder / "source.wav", sine(seconds=seconds, sr=sr), sr=sr)
    audio.run_ffmpeg("-i", str(source), *options, str(folder / name), what=name)
    return folder / name


# ---- playlists and other names of files


@pytest.fixture()
def private(tmp_path):
    """A recording elsewhere on the machine that nobody asked for."""
    folder = tmp_path / "private"
    folder.mkdir()
    return make(folder, "diary.m4a", "-c:a", "aac")


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:3,\n{path}\n#EXT-X-ENDLIST\n",
    "hls behind a mark": "\ufeff#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:3,\n{path}\n",
    "ffconcat": "ffconcat version 1.0\nfile '{path}'\n",
    "pls": "[playlist]\nFile1={path}\n",
    "asx": '<asx version="3.0"><entry><ref href="{path}"/></entry></asx>',
    "dash": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT3S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
        '<Period><AdaptationSet mimeType="audio/mp4"><Representation id="1" bandwidth="64000">'
        "<BaseURL>{path}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ),
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    "sbagen": "-SE\nx: mix/100\nNOW x\n",
    "image sequence": "{path}",
}  # fmt: skip


@pytest.mark.parametrize("ending", [".wav", ".m3u8", ".mpd", ".g722"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_reads_no_other_file(tmp_path, private, kind, ending):
    path = tmp_path / f"x{ending}"
    path.write_text(PLAYLISTS[kind].format(path=private), "utf-8")
    if ending == ".g722" and kind in ("sdp", "sbagen", "image sequence"):
        y = both(path)  # a raw format is whatever its extension says: 2 samples a byte, no tone
        assert isinstance(y, str) or len(y) < 1000
    else:
        found = both(path)
        assert isinstance(found, str), "something was read"
        assert "playlist" in found or "not a recording" in found
        assert str(private) not in found


def test_nothing_is_fetched(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        for kind in ("hls", "ffconcat", "dash"):
            (tmp_path / "x.wav").write_text(PLAYLISTS[kind].format(path=url), "utf-8")
            assert isinstance(both(tmp_path / "x.wav"), str)
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_movie_does_not_refer_to_other_files(tmp_path, private):
    """A QuickTime file whose sound lies in another file, by an absolute alias."""
    data = make(tmp_path, "own.mov", "-c:a", "pcm_s16le").read_bytes()
    assert b"url " in data  # the data reference says: in this file
    alias = bytes(136) + str(private).encode()
    changed = data.replace(b"url \x00\x00\x00\x01", b"alis\x00\x00\x00\x00", 1)
    (tmp_path / "other.mov").write_bytes(changed + alias)
    found = both(tmp_path / "other.mov")
    assert isinstance(found, str) or len(found) == 3 * SR


NAMES = [
    "2024-01-01T12:30:00.m4a",
    "concat:a.m4a",
    "pipe:0.m4a",
    "data:x.m4a",
    "-x.m4a",
    "%03d.m4a",
]


@pytest.mark.parametrize("name", [*NAMES, "http:x.m4a", "a|b.m4a", 'it\'s "1"\n.m4a', "été 音.m4a"])
def test_names_that_mean_something_to_ffmpeg(tmp_path, monkeypatch, name):
    make(tmp_path, "a.m4a", "-c:a", "aac").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(both(name)) == pytest.approx(3 * SR, abs=2100)
    audio.run_ffmpeg("-i", name, f"2:{name[:-4]}.wav", what="again")
    assert len(audio.load(f"2:{name[:-4]}.wav")[0]) == pytest.approx(3 * SR, abs=2100)


@pytest.mark.skipif(sys.platform != "linux", reason="such a name exists on Linux only")
@pytest.mark.parametrize("ending", ["wav", "flac", "m4a"])
def test_names_that_are_not_utf8(tmp_path, ending):
    source = make(tmp_path, f"a.{ending}")
    name = os.fsencode(tmp_path) + b"/caf\xe9." + ending.encode()
    os.rename(source, name)
    assert len(both(os.fsdecode(name))) == pytest.approx(3 * SR, abs=2100)


def test_what_is_not_a_file(tmp_path):
    (tmp_path / "dir.wav").mkdir()
    assert "is a folder" in both(tmp_path / "dir.wav")
    assert "found no file" in both(tmp_path / "no\0thing.wav")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.wav")
        assert "not a regular file" in both(tmp_path / "pipe.wav")
        assert "not a regular file" in both("/dev/zero")
        (tmp_path / "link.wav").symlink_to(make(tmp_path, "a.m4a"))
        assert len(both(tmp_path / "link.wav")) > 2 * SR


def test_what_is_passed_over_in_a_folder_is_named(tmp_path):
    audio.save_wav(tmp_path / "a.wav", sine(), sr=SR)
    (tmp_path / "dir.wav").mkdir()
    (tmp_path / "notes.txt").write_text("x", "utf-8")
    (tmp_path / "x.raw").write_bytes(bytes(100))
    found = audio.find(tmp_path)
    assert [p.name for p in found.recordings] == ["a.wav"]
    reasons = {path.name: why for path, why in found.ignored}
    assert set(reasons) == {"dir.wav", "notes.txt", "x.raw"}
    assert "no header" in reasons["x.raw"] and "folder" in reasons["dir.wav"]
    assert "no header" in both(tmp_path / "x.raw")


def test_a_raw_format_is_known_by_its_extension_only(tmp_path):
    path = make(tmp_path, "a.g722", "-ar", "16000", "-c:a", "g722")
    y = both(path)
    assert len(y) == 3 * SR and np.argmax(np.abs(np.fft.rfft(y))) == pytest.approx(3 * 440, abs=1)
    assert "not a recording" in both(path.rename(tmp_path / "a.wav"))


# ---- headers that lie


def wav(sr=SR, channels=1, bits=16, data=b"\0\0" * SR, *, size=None, riff=None, behind=b""):
    """The bytes of a WAV whose fields say what they are told to."""
    block = channels * bits // 8
    fmt = struct.pack(
        "<4sIHHIIHH", b"fmt ", 16, 1, channels, sr, sr * block & 0xFFFFFFFF, block, bits
    )
    size = len(data) if size is None else size
    body = b"WAVE" + fmt + struct.pack("<4sI", b"data", size) + data + behind
    return b"RIFF" + struct.pack("<I", len(body) if riff is None else riff) + body


@pytest.mark.parametrize("sr", [1, 3999, 384_001, 10**9, 2**31 - 1])
def test_rates_that_no_recording_has(tmp_path, sr):
    (tmp_path / "a.wav").write_bytes(wav(sr))
    begin = time.monotonic()
    assert f"{sr:,} Hz" in both(tmp_path / "a.wav") or "contradicts" in both(tmp_path / "a.wav")
    assert time.monotonic() - begin < 20
    with pytest.raises(AudioError, match="Hz"):
        audio.describe(tmp_path / "a.wav")


@pytest.mark.parametrize("sr", [0, -1, 10**9, 2**31 - 1])
def test_rates_that_cannot_be_asked_for(tmp_path, sr):
    path = audio.save_wav(tmp_path / "a.wav", sine(), sr=SR)
    with pytest.raises(AudioError, match="Hz"):
        audio.load(path, sr=sr)
    with pytest.raises(AudioError, match="Hz"):
        audio.load(path, sr=sr, mono=False)
    with pytest.raises(AudioError, match="Hz"):
        audio.resample(sine(), sr=SR, target_sr=sr)


def test_the_recorder_refuses_such_rates_too():
    from lab_utils.widgets import Recorder

    with pytest.raises(AudioError, match="1 Hz"):
        Recorder(name="hostile").receive(wav(1))


def test_channels_that_no_recording_has(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(channels=1000, data=bytes(2000 * 100)))
    assert "1000 channels" in both(tmp_path / "a.wav")


def test_a_flac_that_declares_hours(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, sine(), SR)
    data = bytearray(path.read_bytes())
    packed = struct.unpack_from(">Q", data, 18)[0]
    struct.pack_into(">Q", data, 18, packed | 0xF_FFFF_FFFF)
    path.write_bytes(data)
    with pytest.raises(AudioError, match="too much for memory"):
        audio.load(path)
    with pytest.raises(AudioError, match="breaks off after 1.0 s of"):
        list(audio.blocks(path, sr=SR))
    assert SR - 1024 <= len(audio.load(path, partial=True)[0]) <= SR


def test_what_does_not_fit_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(audio, "MOST_VALUES", SR)
    path = make(tmp_path, "a.m4a", seconds=3)
    with pytest.raises(AudioError, match="audio.blocks"):
        audio.load(path)
    assert sum(map(len, audio.blocks(path, sr=SR))) > 2 * SR


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F000, 0x8000_0000])
@pytest.mark.parametrize("riff", [0, 0xFFFF_FFFF])
def test_a_wav_that_was_never_closed_gives_all_its_samples(tmp_path, size, riff):
    data = (sine() * 32767).astype("<i2").tobytes()
    (tmp_path / "a.wav").write_bytes(wav(data=data, size=size, riff=riff))
    np.testing.assert_allclose(both(tmp_path / "a.wav"), sine(), atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 64_000}, "breaks off after 1.0 s of 2.0 s"),
        ({"size": 16_000}, "promises 0.5 s of sound, but 16000 bytes"),
        ({"size": 16_000, "riff": 36 + 16_000}, "promises 0.5 s of sound"),
    ],
)
def test_a_wav_that_promises_more_or_less_than_it_holds(tmp_path, changes, message):
    data = (sine() * 32767).astype("<i2").tobytes()
    (tmp_path / "a.wav").write_bytes(wav(data=data, **changes))
    assert message in both(tmp_path / "a.wav")


@pytest.mark.parametrize(
    "behind",
    [
        b"LIST" + struct.pack("<I", 12) + b"INFOISFTabcd",
        b"id3 " + struct.pack("<I", 3) + b"abc\0",
        b"bext" + struct.pack("<I", 5) + b"abcde",
        bytes(4096),
        b"TAG" + bytes(125),
        b"\r\n--boundary--\r\n",
    ],
)
def test_what_may_follow_the_sound_of_a_wav(tmp_path, behind):
    data = (sine() * 32767).astype("<i2").tobytes()
    (tmp_path / "a.wav").write_bytes(wav(data=data, behind=behind, riff=36 + len(data)))
    assert len(both(tmp_path / "a.wav")) == SR
    (tmp_path / "b.wav").write_bytes(wav(data=data, behind=behind))
    if not behind.startswith(b"\r\n"):
        assert len(both(tmp_path / "b.wav")) == SR


def test_an_odd_number_of_bytes(tmp_path):
    data = bytes(range(128, 128 + 101))
    (tmp_path / "a.wav").write_bytes(
        wav(bits=8, data=data, behind=b"\0LIST" + struct.pack("<I", 4) + b"INFO").replace(
            struct.pack("<I", 101), struct.pack("<I", 101)
        )
    )
    assert len(both(tmp_path / "a.wav")) == 101


# ---- cut off and changed


CUT = {
    "a.wav": (), "a.flac": (), "a.mp3": (), "cbr.mp3": ("-write_xing", "0", "-b:a", "64k"),
    "a.m4a": ("-movflags", "+faststart"), "moov-last.m4a": (), "a.ogg": ("-c:a", "libvorbis"),
    "a.opus": (), "a.webm": ("-c:a", "libopus"), "a.aiff": (), "a.au": (), "a.caf": (), "a.w64": (),
    "rf64.wav": ("-rf64", "always"), "alac.m4a": ("-c:a", "alac", "-movflags", "+faststart"),
    "a.wma": (), "a.wv": (), "a.tta": (), "a.aac": (), "a.ac3": (), "a.mka": (),
    "flac.ogg": ("-c:a", "flac"),
}  # fmt: skip


@pytest.mark.parametrize("name", CUT)
def test_a_recording_that_breaks_off_is_not_read_short(tmp_path, name):
    path = make(tmp_path, name, *CUT[name])
    assert len(both(path)) == pytest.approx(3 * SR, abs=3000)
    data = path.read_bytes()
    for share in (0.35, 0.62, 0.9):
        path.write_bytes(data[: round(len(data) * share) + 1])
        assert "breaks off" in both(path), f"{share:.0%}"
    if name not in ("moov-last.m4a", "flac.ogg"):
        partial = both(path, partial=True)
        assert SR < len(partial) < 3.1 * SR


@pytest.mark.parametrize("name", ["a.flac", "a.mp3", "a.ogg", "a.opus"])
@pytest.mark.parametrize("seed", range(3))
def test_a_changed_byte_is_noticed_where_there_is_a_checksum(tmp_path, name, seed):
    data = bytearray(make(tmp_path, name, *CUT[name]).read_bytes())
    data[random.Random(seed).randrange(len(data) // 3, len(data) - 100)] ^= 0x10
    (tmp_path / name).write_bytes(data)
    assert "damaged" in both(tmp_path / name)


def test_a_flac_that_promises_too_little(tmp_path):
    path = make(tmp_path, "a.flac")
    data = bytearray(path.read_bytes())
    struct.pack_into(">I", data, 22, SR)
    path.write_bytes(data)
    assert "promises 1.0 s of sound and holds 3.0 s" in both(path)


def test_mp3_with_tags_and_pictures_is_whole(tmp_path):
    data = make(tmp_path, "a.mp3", "-metadata", "title=CRC corrupt").read_bytes()
    ape = b"APETAGEX" + struct.pack("<IIII", 2000, 32, 0, 1 << 31) + bytes(8)
    id3 = b"ID3\3\0\0" + bytes([0, 0, 1, 0]) + bytes(128)
    for changed in (data + b"TAG" + bytes(125), data + ape, id3 + data, data + bytes(500)):
        (tmp_path / "a.mp3").write_bytes(changed)
        assert len(both(tmp_path / "a.mp3")) == 3 * SR


@pytest.mark.slow
def test_every_sound_file_of_the_project_is_read():
    for path in sorted((REPOSITORY / "assets").rglob("*")):
        if path.suffix in recordings.EXTENSIONS:
            assert containers.inspect(path).fault == "", path.name
            assert len(audio.load(path)[0]) > 0


def test_a_video_without_sound_says_so(tmp_path):
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=size=64x64:duration=1"]
    subprocess.run([*command, tmp_path / "v.mp4"], check=True, stdin=subprocess.DEVNULL)
    assert both(tmp_path / "v.mp4") == "v.mp4 has no sound track."


def test_values_that_are_not_numbers(tmp_path):
    y = np.stack([sine(), sine()], axis=1)
    y[100, 1] = np.inf
    soundfile.write(tmp_path / "a.wav", y, SR, subtype="FLOAT")
    assert "not numbers" in both(tmp_path / "a.wav")


def test_the_reason_is_said_once_and_without_the_path(tmp_path):
    (tmp_path / "garbage.mp3").write_bytes(random.Random(0).randbytes(3000))
    said = both(tmp_path / "garbage.mp3")
    assert said.count("garbage.mp3") == 1 and str(tmp_path) not in said


# ---- time


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
@pytest.mark.parametrize("script", ["sleep 60", "printf RIFF; exec sleep 60", "exec yes >&2"])
def test_what_gives_no_sound_is_ended(tmp_path, monkeypatch, script):
    (tmp_path / "ffmpeg").write_text(f"#!/bin/sh\nexec 2>/dev/null\n{script}\n", "utf-8")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(ffmpeg, "STALL", 0.3)
    (tmp_path / "a.m4a").write_bytes(b"x" * 100)
    assert "gave no sound for 0.3 s" in both(tmp_path / "a.m4a")


# ---- channels


@pytest.mark.parametrize("ending", ["wav", "flac", "m4a"])
@pytest.mark.parametrize("seconds", [2, 70])
def test_channels_that_cancel(tmp_path, ending, seconds):
    y = sine(seconds=seconds) * np.linspace(0.2, 1, seconds * SR, dtype=np.float32)
    soundfile.write(tmp_path / "a.wav", np.stack([-0.9 * y, y], axis=1), SR)
    if ending != "wav":
        options = ["-c:a", "aac", "-b:a", "192k"] if ending == "m4a" else []
        audio.run_ffmpeg(
            "-i", str(tmp_path / "a.wav"), *options, str(tmp_path / f"a.{ending}"), what="a"
        )
    path = tmp_path / f"a.{ending}"
    with pytest.warns(AudioWarning, match="channel 2 of 2 is taken"):
        got = both(path)
    assert audio.rms_dbfs(got) == pytest.approx(audio.rms_dbfs(y), abs=0.5)
    with audio.Recording(path) as recording:
        found = recording.mixing()
    assert "cancel" in found.note and found.channel == 1


def test_channels_that_do_not_cancel_are_averaged_in_silence(tmp_path):
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, (2, SR)).astype(np.float32)
    cases = {
        "alike": [sine(), sine()], "one silent": [sine(), 0 * sine()], "two sounds": list(noise),
        "silence": [0 * sine()] * 2, "one of six": [sine()] + [0 * sine()] * 5,
        "half turned": [sine(), -0.5 * sine()],
    }  # fmt: skip
    for name, channels in cases.items():
        frames = np.stack(channels, axis=1)
        soundfile.write(tmp_path / "a.wav", frames, SR, subtype="FLOAT")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            (
                np.testing.assert_allclose(
                    both(tmp_path / "a.wav"), frames.mean(axis=1), atol=1e-6
                ),
                name,
            )
