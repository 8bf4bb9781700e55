"""Where the course keeps what belongs to the reader: never inside the clone.

=====================  ============================  ============================================
Place                  Variable that names another   Default
=====================  ============================  ============================================
weights, human speech  ``WHISPER_LAB_CACHE``         the user's cache folder
progress               ``WHISPER_LAB_PROGRESS``      ``progress.json`` in the user's data folder
recordings             ``WHISPER_LAB_RECORDINGS``    ``recordings`` in the user's data folder
=====================  ============================  ============================================

The folders are those of each system (platformdirs): on Linux ``~/.cache/whisper-lab`` and
``~/.local/share/whisper-lab``.
"""

from __future__ import annotations

import os
from pathlib import Path

APP = "whisper-lab"
CACHE_VARIABLE = "WHISPER_LAB_CACHE"
PROGRESS_VARIABLE = "WHISPER_LAB_PROGRESS"
RECORDINGS_VARIABLE = "WHISPER_LAB_RECORDINGS"


def project_dir() -> Path:
    """The folder of the clone: README.md, notebooks/, assets/."""
    return Path(__file__).resolve().parent.parent


def named(variable: str) -> Path | None:
    """The path that an environment variable holds, ``~`` expanded; None if it is unset."""
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else None


def cache_dir() -> Path:
    """What can be fetched again: weights and human speech."""
    if folder := named(CACHE_VARIABLE):
        return folder
    import platformdirs

    return platformdirs.user_cache_path(APP, appauthor=False)


def data_dir() -> Path:
    """What cannot be fetched again: progress and recordings."""
    import platformdirs

    return platformdirs.user_data_path(APP, appauthor=False)


def progress_file() -> Path:
    """The reader's progress."""
    return named(PROGRESS_VARIABLE) or data_dir() / "progress.json"


def recordings_dir() -> Path:
    """What the reader recorded in the page."""
    return named(RECORDINGS_VARIABLE) or data_dir() / "recordings"


def shown(path: Path) -> str:
    """A path for text that is saved with a notebook: ``~`` for the home, without the login name."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except ValueError:
        return str(path)
