"""What the reader can touch and hear: explorers, recorder, studio, player.

``from lab_utils.widgets import play, listen, my_voice, Recorder``
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "play": "player",
    "Player": "player",
    "player_html": "player",
    "my_voice": "recorder",
    "Recorder": "recorder",
    "Reviewer": "review",
    "listen": "sound",
    "Studio": "studio",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Load a widget's module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
