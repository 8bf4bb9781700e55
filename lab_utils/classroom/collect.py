"""What nbgrader's ``zip_collect`` asks before it takes a submission: whose it is.

Named in the course's settings (:data:`lab_utils.classroom.editions.CONFIG`); needs nbgrader.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from nbgrader.plugins.zipcollect import ExtractorPlugin

from ..errors import LabError
from ..files import check_name


def problems(folder: Path, *, lab: str) -> list[str]:
    """Notebooks below a folder that are not named ``LEARNER_LAB.ipynb``, each with the reason."""
    found = []
    for path in sorted(folder.rglob("*.ipynb")):
        learner = path.stem.removesuffix(f"_{lab}")
        if learner == path.stem or not learner or "_" in learner:
            found.append(
                f"{path.name}: expected LEARNER_{lab}.ipynb, where LEARNER has no underscore; "
                "it would be graded as somebody else's. Rename it."
            )
            continue
        try:
            check_name(learner, what=f"{path.name}: the learner's name")
        except LabError as error:
            found.append(str(error))
    return found


class CheckedExtractor(ExtractorPlugin):
    """Extracts what was handed in, and stops before anything is collected if a name is wrong."""

    def extract(self, archive_path: str, extracted_path: str) -> None:
        super().extract(archive_path, extracted_path)
        folder = Path(extracted_path)
        found = problems(folder, lab=folder.parent.name)
        if not found:
            return
        for path in folder.iterdir():  # empty before: zip_collect makes sure of it
            shutil.rmtree(path) if path.is_dir() else os.remove(path)
        for line in found:
            self.log.error(line)
        raise SystemExit(1)
