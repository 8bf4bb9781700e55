"""Key press to new pixels, for each control of each explorer, in JupyterLab in Chromium.

    python benchmarks/slider_latency.py [--seconds 30] [--presses 12] [--screenshots FOLDER]

Each explorer is given a clip of 30 s. The clock runs in the page: from the keydown event to the
frame after another picture was painted (a step whose picture is the same is left out).
Printed are median, slowest and the share under 100 ms. Needs Chromium and the test extras; takes
about two minutes on a quiet machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tools"))

import labbrowser  # noqa: E402

CELLS = {
    "TrimExplorer": "explorers.TrimExplorer(y, sr=sr)",
    "SpectrogramExplorer": "explorers.SpectrogramExplorer(y, sr=sr)",
    "MelExplorer": "explorers.MelExplorer(y, sr=sr)",
}
SETUP = """
from lab_utils import audio, samples
from lab_utils.widgets import explorers
y, sr = audio.load(samples.path("en_long"))
y = y[: {seconds} * sr]
"""
WATCH = """(figure) => {
  const watch = (window.watch = { key: null, shown: null });
  const pressed = () => { watch.key = performance.now(); };
  addEventListener('keydown', pressed, { capture: true, once: true });
  const painted = (_, observer) => {
    observer.disconnect();
    requestAnimationFrame(() => { watch.shown = performance.now(); });
  };
  new MutationObserver(painted).observe(figure, { childList: true, subtree: true });
}"""


def measure(page, area, control, presses: int) -> list[float]:
    """Milliseconds from key press to new picture, once a press; steps back at the end."""
    from playwright.sync_api import TimeoutError

    picture, times = area.locator("figure [role=img]"), []
    key = "ArrowRight"
    control.focus()
    for _ in range(presses):
        at_end, at_start = control.evaluate(
            "(e) => e.type === 'range'"
            " ? [Number(e.value) >= Number(e.max), Number(e.value) <= Number(e.min)]"
            " : [e.selectedIndex >= e.options.length - 1, e.selectedIndex <= 0]"
        )
        key = "ArrowLeft" if at_end else "ArrowRight" if at_start else key
        picture.evaluate(WATCH)
        page.wait_for_timeout(60)
        page.keyboard.press(key)
        with contextlib.suppress(TimeoutError):  # a hop that changes nothing at this width
            page.wait_for_function("window.watch.shown !== null", timeout=3_000)
            times.append(page.evaluate("window.watch.shown - window.watch.key"))
        page.wait_for_timeout(120)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--presses", type=int, default=12)
    parser.add_argument("--screenshots", type=Path)
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root = labbrowser.workspace(Path(folder) / "root")
        with labbrowser.LabServer(root, Path(folder) / "state") as server:
            browser = labbrowser.launch(playwright)
            everything = []
            for name, cell in CELLS.items():
                path = server.write(f"{name}.ipynb", SETUP.format(seconds=options.seconds), cell)
                lab = labbrowser.LabPage(browser, server, height=1100).open(path).run_all()
                area = lab.page.locator(".jp-OutputArea-output:has(.whisper-lab figure)").first
                area.locator("figure [role=img]").wait_for()
                for control in area.locator("input[type=range], .wl-row select").all():
                    label = control.evaluate("(e) => e.labels[0].textContent")
                    times = measure(lab.page, area, control, options.presses)
                    everything += times
                    report(f"{name}, {label}", times)
                if options.screenshots:
                    options.screenshots.mkdir(parents=True, exist_ok=True)
                    area.screenshot(path=options.screenshots / f"{name}.png")
                said = [text for text in lab.kernel_said() if "No such comm" not in text]
                assert not said, said
                lab.close()
            report("all", everything)
            browser.close()
    print(
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}, clip {options.seconds} s"
    )


def report(name: str, times: list[float]) -> None:
    share = sum(t < 100 for t in times) / len(times)
    middle, slowest = statistics.median(times), max(times)
    print(
        f"{name:44s} median {middle:4.0f} ms  slowest {slowest:4.0f} ms  under 100 ms {share:4.0%}"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
