"""How long a reviewer waits: opening, one decision, and from the key to the next clip's sound.

    python benchmarks/review_speed.py [--clips 2500] [--presses 30] [--screenshots FOLDER]

A corpus of clips of 3 s, whose texts are right, is reviewed in JupyterLab in Chromium: one Enter a
clip. The clock runs in the page, from the keydown event to the moment when the next clip plays, so
that the sound's own length and the reviewer's thinking are left out. Needs Chromium and the test
extras.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tools"))

import labbrowser  # noqa: E402

from lab_utils import audio, samples  # noqa: E402
from lab_utils.constants import VOICE_SR  # noqa: E402
from lab_utils.corpus.manifest import Clip, Manifest  # noqa: E402
from lab_utils.corpus.review import Review  # noqa: E402

CELL = "from lab_utils.widgets import Reviewer\nReviewer('outputs/review', by='anna')"
WATCH = """() => { window.waited = new Promise((done) => {
  let key = 0;
  addEventListener("keydown", () => { key = performance.now(); }, { capture: true, once: true });
  document.addEventListener("whisper-lab-play", () => done(performance.now() - key),
    { once: true }); }) }"""


def corpus(folder: Path, n: int) -> None:
    """Pieces of a talk, each with the same words as text and as what was heard."""
    y, _ = audio.load(samples.path("en_long"), sr=VOICE_SR)
    (folder / "clips").mkdir(parents=True)
    clips = []
    for i in range(n):
        start = i * 1_009 % (len(y) - 3 * VOICE_SR)
        words = f"This is the text of clip number {i}, which is right as it is."
        values = {"text": words, "heard": words, "text_by": "whisper base", "language": "en"}
        clips.append(
            Clip(f"talk-{i:04d}", f"clips/{i:04d}.wav", "talk", 3 * i, 3 * i + 3, **values)
        )
        audio.save_wav(folder / clips[-1].file, y[start : start + 3 * VOICE_SR], sr=VOICE_SR)
    Manifest(folder, tuple(clips)).save()


def in_python(folder: Path, n: int) -> None:
    """Opening a review, and decisions without a page; taken back afterwards."""
    began = time.perf_counter()
    review = Review(folder, by="anna")
    print(f"opening {n} clips: {time.perf_counter() - began:.1f} s")
    times = []
    for name in review.queue.ids[:10]:
        began = time.perf_counter()
        review.decide(name, "accepted")
        times.append(time.perf_counter() - began)
    for _ in times:
        review.undo()
    print(f"one decision, written: median {1000 * statistics.median(times):.0f} ms")


def in_the_page(lab: labbrowser.LabPage, presses: int) -> list[float]:
    """Milliseconds from Enter to the next clip's sound, once a press."""
    lab.page.get_by_role("button", name="Accept").focus()
    times = []
    for _ in range(presses):
        lab.page.wait_for_timeout(500)  # a listener's; the next clip is fetched meanwhile
        lab.page.evaluate(WATCH)
        lab.page.keyboard.press("Enter")
        times.append(lab.page.evaluate("window.waited"))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=2500)
    parser.add_argument("--presses", type=int, default=30)
    parser.add_argument("--screenshots", type=Path)
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root = labbrowser.workspace(Path(folder) / "root")
        reviewed = root / "notebooks" / "outputs" / "review"
        corpus(reviewed, options.clips)
        in_python(reviewed, options.clips)
        with labbrowser.LabServer(root, Path(folder) / "state") as server:
            browser = labbrowser.launch(playwright)
            path = server.write("review.ipynb", CELL)
            lab = labbrowser.LabPage(browser, server).open(path).run_all()
            lab.page.get_by_text(f"of {options.clips}", exact=False).first.wait_for()
            times = in_the_page(lab, options.presses)
            for theme in labbrowser.THEMES if options.screenshots else ():
                options.screenshots.mkdir(parents=True, exist_ok=True)
                area = lab.theme(theme).page.locator(".whisper-lab-review")
                area.screenshot(path=options.screenshots / f"review-{theme}.png")
            done = sum(bool(clip.verdict) for clip in Manifest.load(reviewed).clips)
            assert done == options.presses, f"{done} decisions by {options.presses} keys"
            lab.close()
            browser.close()
    middle = statistics.median(times)
    print(
        f"from the key to the next sound: median {middle:.0f} ms, slowest {max(times):.0f} ms; "
        f"{options.presses} keys for {done} clips; {60_000 / middle:.0f} clips a minute but for "
        "listening"
    )
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
