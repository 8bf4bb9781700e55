"""Reading sentences in the recording studio, in JupyterLab in Chromium, by keyboard alone.

    python benchmarks/studio_session.py [--sentences 20] [--model tiny.en]

The browser's microphone plays sentences of the workshop's lecture (lab 08) with pauses between
them, and the keys of a reader are pressed: Space before a sentence, Space after it, Enter when its
take is good. Printed are keys, seconds a sentence lasts, and seconds that check and acceptance take
beside it; at the end the check of the corpus. Needs Chromium and the test extras.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab_utils import audio, samples
from lab_utils.corpus import check, rules
from lab_utils.corpus.manifest import Manifest

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tools"))

import labbrowser  # noqa: E402

WORKSHOP = samples.assets_dir() / "workshop"
ROOM = 0.3  #: seconds of the lecture's own room around a sentence
FIRST = 2.0  #: seconds before the first sentence
CELL = """
from lab_utils.widgets import Studio
studio = Studio({sentences!r}, speaker="Anna", folder={folder!r}, model={model!r})
studio
"""
OPENED = """
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wish) => {
  const stream = await ask(wish);
  window.opened = performance.now();
  return stream;
};"""


@dataclass(frozen=True)
class Playing:
    """What the microphone plays."""

    sentences: tuple[str, ...]
    times: tuple[tuple[float, float], ...]  #: start and end of each, in seconds


@dataclass(frozen=True)
class Step:
    """One sentence that was read."""

    keys: int
    speaking: float  #: seconds from its start to its end
    checking: float  #: seconds from the key that stops the recording to the verdict
    accepting: float  #: seconds from Enter to the next sentence
    said: str  #: the verdict


def microphone(path: Path, n: int, *, pause: float) -> Playing:
    """Write what the microphone is to play: the lecture's first sentences, a pause after each."""
    y, sr = audio.load(WORKSHOP / "lecture.ogg", sr=None)
    truth = json.loads((WORKSHOP / "truth.json").read_text("utf-8"))["lecture.ogg"]["sentences"]
    rng = np.random.default_rng(1)

    def still(seconds: float) -> np.ndarray:
        return (1e-4 * rng.standard_normal(round(seconds * sr))).astype(np.float32)

    parts, times, at = [still(FIRST)], [], FIRST
    for _, start, end in truth[:n]:
        parts += [y[round((start - ROOM) * sr) : round((end + ROOM) * sr)], still(pause)]
        times.append((at + ROOM, at + ROOM + end - start))
        at = sum(map(len, parts)) / sr
    audio.save_wav(path, np.concatenate([*parts, still(60)]), sr=sr)
    return Playing(tuple(text for text, _, _ in truth[:n]), tuple(times))


def agree(tab) -> None:
    """Fill in what comes before the first recording, by keyboard."""
    tab.get_by_label("I agree that my recordings are used for").focus()
    for text in ("a test of the studio", "CC0"):
        tab.keyboard.press("ControlOrMeta+a")
        tab.keyboard.type(text)
        tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.get_by_role("status").filter(has_text="Written down").wait_for(timeout=60_000)


def read_aloud(tab, playing: Playing) -> list[Step]:
    """Press the keys of somebody who reads what the microphone plays."""
    status = tab.locator(".whisper-lab-studio .wl-status")
    steps = []

    def wait_until(moment: float) -> None:
        tab.wait_for_function(
            "(t) => performance.now() - window.opened >= 1000 * t", arg=moment, polling=20
        )

    def pressed(key: str, verdict: str) -> float:
        """Seconds until the status line holds one of the words."""
        began = time.perf_counter()
        tab.keyboard.press(key)
        tab.wait_for_function(
            "(words) => new RegExp(words).test("
            "document.querySelector('.whisper-lab-studio .wl-status').textContent)",
            arg=verdict,
            polling="raf",
            timeout=60_000,
        )
        return time.perf_counter() - began

    for i, (start, end) in enumerate(playing.times):
        if i:
            now = tab.evaluate("(performance.now() - window.opened) / 1000")
            assert now < start - 0.3, f"sentence {i + 1} began before the studio was ready"
            wait_until(start - 0.3)
        pressed("Space", "speak now")
        wait_until(end + 0.3)
        checking = pressed("Space", "Space records")
        said = status.inner_text()
        accepting = pressed("Enter", "n the corpus")
        steps.append(Step(3, end - start, checking, accepting, said))
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, default=20)
    parser.add_argument("--model", help="a Whisper model that hears each take")
    parser.add_argument("--pause", type=float, default=4.0, help="seconds between two sentences")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        playing = microphone(folder / "microphone.wav", options.sentences, pause=options.pause)
        (folder / "state").mkdir()
        cell = CELL.format(
            sentences=playing.sentences, folder=str(folder / "corpus"), model=options.model
        )
        root = labbrowser.workspace(folder / "root")
        with sync_playwright() as driver, labbrowser.LabServer(root, folder / "state") as server:
            flags = labbrowser.microphone_flags(folder / "microphone.wav")
            browser = labbrowser.launch(driver, flags=flags)
            page = labbrowser.LabPage(browser, server)
            page.page.add_init_script(OPENED)
            page.open(server.write("studio.ipynb", cell)).run_all()
            agree(page.page)
            began = time.perf_counter()
            steps = read_aloud(page.page, playing)
            whole = time.perf_counter() - began
            page.close()
            browser.close()
        print(f"{len(steps)} sentences in {whole:.0f} s, pauses of {options.pause:g} s included")
        print(f"keys a sentence: {statistics.mean(step.keys for step in steps):g}")
        for name in ("speaking", "checking", "accepting"):
            values = [getattr(step, name) for step in steps]
            print(f"{name}: median {statistics.median(values):.2f} s, longest {max(values):.2f} s")
        print(f"told: {[step.said for step in steps if not step.said.startswith('Good')]}")
        contract = rules.VOICE.without("count")
        print(check.check(Manifest.load(folder / "corpus"), contract))


if __name__ == "__main__":
    main()
