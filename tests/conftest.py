"""Fixtures of the browser tests: one JupyterLab, one Chromium, one page a notebook.

``CHROMIUM``           the browser, where it is not on the PATH
``REQUIRE_BROWSER=1``  a missing browser is an error and not a reason to skip (set in CI)
"""

from __future__ import annotations

import os

import labbrowser
import pytest

REQUIRED = os.environ.get("REQUIRE_BROWSER") == "1"


def pytest_collection_modifyitems(items):
    why = labbrowser.missing()
    if why and not REQUIRED:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=f"browser test: {why}"))


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab over a copy of the notebooks."""
    if why := labbrowser.missing():
        pytest.fail(f"REQUIRE_BROWSER=1, but {why}")
    root = labbrowser.workspace(tmp_path_factory.mktemp("workspace"))
    with labbrowser.LabServer(root, tmp_path_factory.mktemp("state")) as server:
        yield server


@pytest.fixture(scope="session")
def playwright():
    if why := labbrowser.missing():
        pytest.fail(f"REQUIRE_BROWSER=1, but {why}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def chromium(playwright):
    """Chromium with a microphone that says the text of the sample clip ``en_mic``."""
    from lab_utils import samples

    flags = labbrowser.microphone_flags(samples.path("en_mic"))
    browser = labbrowser.launch(playwright, flags=flags)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def axe():
    """The script of axe-core."""
    return labbrowser.axe_script()
