"""What holds for every test and every notebook that pytest runs, wherever it is started."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from lab_utils import environment, places

BROWSER_LABS = "tests/test_browser_labs.py"
#: what takes longest begins first, so that no worker is left with it at the end
LONGEST = ("test_browser_labs.py", "10_fine_tune.ipynb", "08_dataset.ipynb", "test_exercises.py")


def pytest_configure(config: pytest.Config) -> None:
    """No test, and no notebook that a test runs, sees or touches the reader's own files."""
    private = Path(tempfile.mkdtemp(prefix="whisper-lab-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(private, ignore_errors=True))
    os.environ[places.RECORDINGS_VARIABLE] = str(private / "recordings")
    os.environ[places.PROGRESS_VARIABLE] = str(private / "progress.json")
    environment.provide_ffmpeg()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


class ByFile(LoadScopeScheduling):
    """Keeps a file's tests together, as nbval needs it; of the browser's labs, each lab's."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return nodeid.rpartition("[")[2] if file == BROWSER_LABS else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """Share the work between the processes of ``python -m lab_utils test``."""
    return ByFile(config, log)
