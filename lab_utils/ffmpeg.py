"""The program ffmpeg, started in one place: for recordings only, and it may not stall.

Left to itself, ffmpeg follows playlists to other files of the machine and obeys names such as
``concat:a|b``. Here the containers and protocols it may use are listed, and names are absolute.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import struct
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import IO, cast

import numpy as np

from .errors import AudioError

STALL = 30.0  #: seconds without a sample after which ffmpeg is ended
LONGEST_RUN = 600.0  #: seconds that an encoding may take
MOST_TOLD = 1 << 22  #: bytes of ffmpeg's messages that are read
CONTAINERS = (
    "aac", "ac3", "aiff", "amr", "ape", "asf", "au", "avi", "caf", "dsf", "dts", "dtshd", "eac3",
    "flac", "flv", "loas", "matroska", "mov", "mp3", "mpc", "mpc8", "mpeg", "mpegts", "nistsphere",
    "nut", "ogg", "oma", "qcp", "rm", "shn", "tak", "tta", "voc", "w64", "wav", "wv",
)  # fmt: skip
#: formats without a header that mean one thing only: extension -> what ffmpeg has to be told
RAW = {
    ".g722": ("g722",), ".gsm": ("gsm",), ".sln": ("sln",),
    ".al": ("alaw", "-ar", "8000"), ".alaw": ("alaw", "-ar", "8000"),
    ".ul": ("mulaw", "-ar", "8000"), ".ulaw": ("mulaw", "-ar", "8000"),
    ".mulaw": ("mulaw", "-ar", "8000"),
}  # fmt: skip

_STRICT = ("-xerror", "-err_detect", "crccheck+bitstream+buffer+explode")
_DAMAGE = re.compile(
    r"\[(error|fatal)\]|corrupt|prematurely|CRC|size mismatch|partial file|truncated|bits_left"
    r"|Packet mismatch|Overread",
    re.I,
)
_HARMLESS = re.compile(  # what ffmpeg says of pictures, and of what a sound does not need
    r"^\[(h26\d|hevc|mpeg\d|msmpeg|vp[89]|av1|libdav1d|vc1|wmv|theora|prores|dv|m?jpeg|png|gif)"
    r"|chapter|codec parameters|codec with id|timecode|subtitle|edit list",
    re.I,
)
_GENERIC = re.compile(
    r"^Error opening|Conversion failed|^Task finished|^Terminating|Last message repeated"
    r"|whitelist|Not detecting|Invalid data found",
    re.I,
)
_MISSING = "The program ffmpeg is not on the PATH: run 'python -m lab_utils check'."
_NOT_ONE = "is not a recording that ffmpeg can read"
_NO_SOUND = re.compile(r"matches no streams|does not contain any stream", re.I)


def shown(path: Path) -> str:
    """A file's name for a message, quoted where it holds what cannot be printed."""
    return path.name if path.name.isprintable() else repr(path.name)


def input_options(path: str | os.PathLike, *, kind: str = "", strict: bool = False) -> list[str]:
    """The options that open a file, and nothing but this file, as a recording.

    Parameters
    ----------
    path : path-like
    kind : str
        What ``containers.inspect`` found; without it the extension may name a raw format.
    strict : bool
        End at the first damage instead of concealing it.
    """
    path = Path(path)
    options = ["-protocol_whitelist", "file,pipe"]
    raw = RAW.get(path.suffix.lower()) if not kind else None
    if raw:
        options += ["-format_whitelist", raw[0], "-f", *raw]
    else:
        options += ["-format_whitelist", ",".join(CONTAINERS)]
    if kind == "mov":
        options += ["-enable_drefs", "0"]  # a QuickTime movie may name other files
    return options + (list(_STRICT) if strict else []) + ["-i", f"file:{path.absolute()}"]


def run_ffmpeg(*arguments: str, what: str) -> None:
    """Run ffmpeg on files; the last argument is the file to write.

    Raises
    ------
    AudioError
        What goes wrong; the message begins with ``what``.
    """
    given = iter(arguments[:-1])
    command = ["ffmpeg", "-nostdin", "-v", "level+warning", "-y"]
    for word in given:
        command += input_options(next(given)) if word == "-i" else [word]
    command.append(f"file:{Path(arguments[-1]).absolute()}")
    try:
        done = subprocess.run(command, capture_output=True, timeout=LONGEST_RUN)
    except FileNotFoundError as error:
        raise AudioError(_MISSING) from error
    except subprocess.TimeoutExpired as error:
        raise AudioError(f"{what}: ffmpeg was ended after {LONGEST_RUN:g} s.") from error
    if done.returncode:
        raise AudioError(f"{what} {_reason(done.stderr, '', '')}.")


class Pipe(contextlib.AbstractContextManager):
    """A recording that ffmpeg decodes, as float32 frames of all its channels.

    Parameters
    ----------
    path : Path
    kind : str
        What ``containers.inspect`` found.
    strict : bool
        Damage is an error.
    options : sequence of str
        For the input, before it is opened: where to begin, for instance.

    Raises
    ------
    AudioError
        From the start and from :meth:`read`: no recording, no sound, damage, or no output for
        ``STALL`` seconds.
    """

    def __init__(
        self, path: Path, *, kind: str, strict: bool = True, options: tuple[str, ...] = ()
    ) -> None:
        self._path, self._kind, self._strict, self._stalled = path, kind, strict, False
        self._told = tempfile.TemporaryFile()
        command = ["ffmpeg", "-nostdin", "-hide_banner", "-v", "level+warning", *options]
        command += input_options(path, kind=kind, strict=strict)
        command += ["-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "wav", "-bitexact", "pipe:1"]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._told,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            self._told.close()
            raise AudioError(_MISSING) from error
        self._sound = cast(IO[bytes], self._process.stdout)  # a pipe
        try:
            self.samplerate, self.channels = self._header()  # named as soundfile names them
        except BaseException:
            self.close()
            raise

    def read(self, n: int) -> np.ndarray:
        """The next ``n`` frames, shape (n, channels); fewer at the end."""
        width = 4 * self.channels
        data = self._wait(n * width)
        if len(data) < n * width:
            self._finish()
        whole = len(data) // width * width
        return np.frombuffer(data[:whole], "<f4").reshape(-1, self.channels)

    def close(self) -> None:
        """End ffmpeg if it still runs."""
        if self._process.poll() is None:
            self._kill()
        self._sound.close()
        self._process.wait()
        self._told.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _header(self) -> tuple[int, int]:
        """Rate and channels, from the WAV header that ffmpeg writes first."""
        self._bytes(12)
        sr = channels = 0
        while True:
            name, size = struct.unpack("<4sI", self._bytes(8))
            if name == b"data":
                return sr, channels
            content = self._bytes(size)
            if name == b"fmt ":
                channels, sr = struct.unpack_from("<HI", content, 2)

    def _bytes(self, n: int) -> bytes:
        data = self._wait(n)
        if len(data) < n:
            self._finish()
            raise AudioError(f"{shown(self._path)} {_NOT_ONE}.")
        return data

    def _wait(self, n: int) -> bytes:
        """Up to ``n`` bytes; ffmpeg is ended if they do not come in time."""
        timer = threading.Timer(STALL, self._end)
        timer.daemon = True
        timer.start()
        try:
            return self._sound.read(n)
        finally:
            timer.cancel()

    def _finish(self) -> None:
        """At the end of the output: raise what ffmpeg had to say."""
        name = shown(self._path)
        try:
            code = self._process.wait(STALL)
        except subprocess.TimeoutExpired:  # it closed its output and goes on
            self._end()
            code = self._process.wait()
        if self._stalled:
            raise AudioError(
                f"{name} gave no sound for {STALL:g} s and was given up: copy or export it again."
            )
        self._told.seek(0)
        told = self._told.read(MOST_TOLD)
        if self._strict and (code or _damage(told)):
            raise AudioError(f"{name} {_reason(told, str(self._path.absolute()), self._kind)}.")

    def _end(self) -> None:
        self._stalled = True
        self._kill()

    def _kill(self) -> None:
        """End ffmpeg, and what it may have started where it is a script around the real one."""
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()


def _damage(told: bytes) -> list[str]:
    """The lines that tell of damage to the sound."""
    lines = told.decode("utf-8", "replace").splitlines()
    return [line for line in lines if _DAMAGE.search(line) and not _HARMLESS.search(line)]


def _reason(told: bytes, path: str, kind: str) -> str:
    """The end of a sentence, from the line of ffmpeg's that tells most."""
    text = told.decode("utf-8", "replace")
    if _NO_SOUND.search(text):
        return "has no sound track"
    lines = _damage(told) or text.splitlines()
    lines = [re.sub(r"^ *(\[[^]]*\] *)*", "", line) for line in lines]
    lines = [line.replace(f"file:{path}", "").strip(" .:") for line in lines]
    telling = next((line for line in lines if line and not _GENERIC.search(line)), "")
    if kind:
        return f"is damaged or breaks off{telling and f' ({telling})'}: copy or export it again"
    return f"{_NOT_ONE}{telling and f': {telling}'}"
