"""Every lab in JupyterLab in a real browser: run to the end, moved by keyboard, looked over by axe.

Each lab is opened once; two workers share the labs. With ``WHISPER_LAB_SCREENSHOTS=folder``
pictures of every lab in both themes are kept there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import labbrowser
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.model]

LABS = sorted(path.stem for path in (labbrowser.REPOSITORY / "notebooks").glob("*.ipynb"))
TIMEOUT = 600_000  # ms for one lab on a busy machine
PICTURES = "(area) => [...area.querySelectorAll('canvas')].map((all) => all.toDataURL())"
ALTS = "(all) => all.map((picture) => picture.getAttribute('aria-label'))"


@pytest.fixture(scope="module", params=LABS)
def page(request, lab, chromium):
    """A lab that was run to its end. Pytest makes all tests of one lab before those of the next."""
    page = labbrowser.LabPage(chromium, lab)
    try:
        yield page.open(f"notebooks/{request.param}.ipynb").run_all(TIMEOUT)
    finally:
        page.close()


def test_runs_to_the_end(page):
    assert page.cell_errors() == []
    assert page.kernel_said() == [], "no warning and no error of a widget"
    assert page.page_errors == []
    assert page.strangers == [], "nothing is asked from any other host"


def test_explorers_move_by_keyboard(page):
    """Each slider and list of an output with a picture, one step: its picture changes."""
    areas = page.page.locator(".jp-OutputArea-output:has(.whisper-lab figure canvas)").all()
    lab = labbrowser.REPOSITORY / page.path
    assert areas or "widgets.explorers" not in lab.read_text("utf-8"), "an explorer without picture"
    for area in areas:
        controls = area.locator("input[type=range], .whisper-lab-controls select").all()
        changed = [moved for control in controls if (moved := _move(page, area, control))]
        assert changed or not controls, "no control of this explorer changes its picture"
        unmoved = len(controls) - len(changed)
        assert not unmoved, f"{unmoved} of {len(controls)} controls change neither picture nor text"
    assert page.kernel_said() == []


def test_decode_explorer_by_keyboard(page):
    """Walk one token on, force another one: attention curve and sentence change."""
    for box in page.page.locator(".whisper-lab-explorer").all():
        _walk(page, box)
    assert page.kernel_said() == []
    assert page.page_errors == []


def _walk(page, box) -> None:
    curve, place = box.locator("path.curve"), box.locator(".place").inner_text()
    drawn = curve.get_attribute("d")
    box.get_by_role("listbox").focus()
    page.page.keyboard.press("ArrowRight")
    page.until(lambda: curve.get_attribute("d") != drawn)
    assert box.locator(".place").inner_text() != place
    tokens = box.get_by_role("listbox").inner_text()
    box.locator(".alternatives button:not(.taken)").first.focus()
    page.page.keyboard.press("Enter")
    page.until(lambda: box.get_by_role("listbox").inner_text() != tokens)
    box.get_by_role("button", name="Back to the model").focus()
    page.page.keyboard.press("Enter")
    page.until(lambda: box.get_by_role("listbox").inner_text() == tokens)


def test_sound_buttons_make_a_sound(page):
    """Each button of an explorer that asks Python for a sound gets one."""
    for row in page.page.locator(".whisper-lab-controls .wl-row:has(audio)").all():
        row.get_by_role("button").focus()
        page.page.keyboard.press("Enter")
        audio = row.locator("audio")
        page.until(lambda audio=audio: audio.evaluate("(a) => a.duration > 0"))
        audio.evaluate("(a) => a.pause()")
        assert re.search(r"\d s at \d+ Hz", row.inner_text())


def _move(page, area, control) -> str:
    """Press an arrow key on a control; say what changed: the picture, or only the text."""
    before, text = area.evaluate(PICTURES), area.inner_text()
    alts = area.locator("figure [role=img]").evaluate_all(ALTS)
    at_end = control.evaluate(
        "(e) => e.type === 'range' ? Number(e.value) >= Number(e.max)"
        " : e.selectedIndex >= e.options.length - 1"
    )
    control.focus()
    page.page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
    for _ in range(100):
        page.page.wait_for_timeout(100)
        if area.evaluate(PICTURES) != before:
            new = area.locator("figure [role=img]").evaluate_all(ALTS)
            assert new != alts, f"the picture changed and its alt text did not: {new}"
            return "picture"
    return "text" if area.inner_text() != text else ""


def test_fits_at_1024_and_1600_pixels(page):
    for width in (1024, 1600):
        assert page.resize(width).too_wide() == []
    page.resize(1280)
    if folder := os.environ.get("WHISPER_LAB_SCREENSHOTS"):
        _shoot(page, Path(folder))


def test_axe_finds_nothing_of_ours(page, axe):
    found = {"light": page.theme("light").axe(axe)}
    found["dark"] = page.theme("dark").axe(axe, only_colors=True)
    lines = [f"{theme}: {line}" for theme, all_lines in found.items() for line in all_lines]
    assert not lines, "\n".join(lines)


def _shoot(page, out: Path) -> None:
    """Keep what the tests saw, in both themes."""
    import screenshots

    out.mkdir(parents=True, exist_ok=True)
    screenshots.hide_side_bars(page)
    name = page.path.rsplit("/", 1)[-1].removesuffix(".ipynb")
    for theme in labbrowser.THEMES:
        screenshots.shoot(page, name, theme=theme, width=1280, out=out)
    page.theme("light")
