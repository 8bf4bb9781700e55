"""Draw the map of lab_utils: python tools/house.py writes assets/figures/house.svg.

A room may import only from floors below its own; ``MAY_IMPORT`` says from which rooms, and
tests/test_promises.py holds the code to it. Change the table when the work shows a better house.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
OUT = PROJECT / "assets" / "figures" / "house.svg"
#: the ground floor, open to every room
GROUND = {"constants", "errors", "files", "places", "progress", "tables"}
#: room → the rooms that it may import from, besides the ground floor
MAY_IMPORT: dict[str, set[str]] = {
    "installed": set(),
    "packages": {"installed"},
    "environment": {"installed", "checkpoints"},
    "dotvenv": {"environment"},
    "bootstrap": {"installed", "packages", "environment", "dotvenv", "checkpoints", "human_speech"},
    "__main__": {"environment", "bootstrap"},
    "registry": set(),
    "samples": {"registry"},
    "containers": {"ffmpeg"},
    "ffmpeg": set(),
    "mixing": set(),
    "recordings": {"containers", "ffmpeg", "mixing"},
    "audio": {"ffmpeg", "recordings"},
    "pictures": set(),
    "features": {"audio", "pictures"},
    "conversion": set(),
    "checkpoints": {"registry", "conversion"},
    "models": {"checkpoints"},
    "languages": set(),
    "options": set(),
    "subtitles": {"options"},
    "transcripts": {"audio", "languages", "models", "options", "subtitles"},
    "batches": {"audio", "languages", "models", "samples"},
    "human_speech": {"registry", "samples"},
    "decoding": {"audio", "batches", "languages", "models", "options"},
    "metrics": {"languages"},
    "corpus": {
        *("environment", "audio", "samples", "models", "transcripts", "batches", "languages"),
        *("metrics", "subtitles", "pictures"),
    },
    "training": {
        *("audio", "batches", "corpus", "languages", "models", "metrics", "checkpoints"),
        *("samples", "registry"),
    },
    "plotting": {"pictures"},
}
#: the top: what readers and teachers touch; nothing below imports from here
EXERCISES = {*MAY_IMPORT} - {"__main__"}
MAY_IMPORT |= {
    "exercises": EXERCISES,
    "widgets": EXERCISES,
    "classroom": EXERCISES | {"exercises", "widgets"},
}
WIDE, HIGH, GAP, MARGIN = 116, 30, 10, 20


def floors() -> list[list[str]]:
    """The rooms of each floor, from the ground up: each room is above all that it may import."""
    level = dict.fromkeys(GROUND, 0)
    waiting = dict(MAY_IMPORT)
    while waiting:
        ready = [room for room, below in waiting.items() if below <= set(level)]
        if not ready:
            raise ValueError(f"These rooms import each other in a circle: {sorted(waiting)}")
        for room in ready:
            level[room] = 1 + max((level[other] for other in waiting.pop(room)), default=0)
    return [sorted(r for r in level if level[r] == i) for i in range(max(level.values()) + 1)]


def svg() -> str:
    """The map: one row a floor, the top floor first."""
    rows = floors()[::-1]
    width = 2 * MARGIN + max(map(len, rows)) * (WIDE + GAP) - GAP
    height = 2 * MARGIN + len(rows) * (HIGH + GAP) - GAP
    parts = []
    for i, rooms in enumerate(rows):
        y = MARGIN + i * (HIGH + GAP)
        x = (width - len(rooms) * (WIDE + GAP) + GAP) / 2
        for room in rooms:
            fill = "#e8e8e8" if room in GROUND else "#d6e6f5"
            parts.append(
                f'<rect x="{x:g}" y="{y}" width="{WIDE}" height="{HIGH}" rx="4" fill="{fill}" '
                f'stroke="#444"/><text x="{x + WIDE / 2:g}" y="{y + 20}">{escape(room)}</text>'
            )
            x += WIDE + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="sans-serif" font-size="14" text-anchor="middle">\n'
        "<title>The rooms of lab_utils by floor: each imports only from floors below</title>\n"
        f'<rect width="{width}" height="{height}" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    OUT.write_text(svg(), "utf-8")
    print(f"{OUT.relative_to(PROJECT)}: {len(MAY_IMPORT) + len(GROUND)} rooms")
