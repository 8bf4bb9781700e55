"""Screenshots of the labs as a reader sees them, run to the end in JupyterLab.

    python tools/screenshots.py --theme light dark --labs 05 06      # into build/screenshots
    python tools/screenshots.py --readme                             # assets/figures/lab.png

A lab is cut into pieces of 1,800 pixels. Needs Chromium and Playwright, as the browser tests do.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import labbrowser

PIECE = 1800  # pixels
README_LAB = "02_transcribe"
README_LIMIT = 300_000  # bytes


def hide_side_bars(page: labbrowser.LabPage) -> None:
    """Give the notebook the whole width."""
    page.command("application:toggle-mode", mode="single-document")
    page.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    page.page.wait_for_timeout(300)


def shoot(page: labbrowser.LabPage, name: str, *, theme: str, width: int, out: Path) -> int:
    """One lab in one theme, in pieces; returns how many."""
    height = page.theme(theme).full_height(width)
    pieces = range(0, height, PIECE)
    for number, top in enumerate(pieces, start=1):
        clip = {"x": 0, "y": top, "width": width, "height": min(PIECE, height - top)}
        page.page.screenshot(path=out / f"{name}-{theme}-{number:02d}.png", clip=clip)
    page.resize(width)
    return len(pieces)


def readme_picture(page: labbrowser.LabPage, target: Path) -> None:
    """The player of lab 02 while a word is spoken."""
    page.theme("light").resize(1200, 760)
    player = page.page.locator(".whisper-lab-player:has(.wl-word)").first
    player.evaluate(
        """async (box) => { box.closest('.jp-Cell').scrollIntoView({ block: 'center' });
          const audio = box.querySelector('audio'); await audio.play();
          await new Promise((done) => setTimeout(done, 2200)); audio.pause(); }"""
    )
    page.page.mouse.move(5, 400)
    page.page.wait_for_timeout(300)
    page.page.screenshot(path=target)
    size = target.stat().st_size
    if size > README_LIMIT:
        raise SystemExit(f"{target.name} has {size} bytes, more than {README_LIMIT}.")
    print(f"{target.relative_to(labbrowser.REPOSITORY)}: {size / 1000:.0f} kB")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--theme", nargs="+", choices=labbrowser.THEMES, default=["light"])
    parser.add_argument("--labs", nargs="+", default=[""], help="beginnings of names, as 05 06")
    parser.add_argument("--width", type=int, default=1280, help="pixels")
    parser.add_argument("--out", type=Path, default=labbrowser.REPOSITORY / "build" / "screenshots")
    parser.add_argument("--readme", action="store_true", help="make assets/figures/lab.png")
    options = parser.parse_args()
    if why := labbrowser.missing():
        raise SystemExit(f"No screenshots: {why}.")
    from playwright.sync_api import sync_playwright

    labs = sorted(path.stem for path in (labbrowser.REPOSITORY / "notebooks").glob("*.ipynb"))
    chosen = [name for name in labs if name.startswith(tuple(options.labs))]
    if options.readme:
        chosen = [README_LAB]
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        state = Path(folder) / "state"
        state.mkdir()
        root = labbrowser.workspace(Path(folder) / "work")
        with labbrowser.LabServer(root, state) as server:
            browser = labbrowser.launch(driver)
            for name in chosen:
                page = labbrowser.LabPage(browser, server, width=options.width)
                page.open(f"notebooks/{name}.ipynb").run_all(timeout=600_000)
                hide_side_bars(page)
                if options.readme:
                    readme_picture(page, labbrowser.REPOSITORY / "assets" / "figures" / "lab.png")
                else:
                    for theme in options.theme:
                        pieces = shoot(
                            page, name, theme=theme, width=options.width, out=options.out
                        )
                        print(f"{name}, {theme}: {pieces} pieces", flush=True)
                page.close()
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
