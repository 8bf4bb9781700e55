"""Train, validation and test, so that nothing of one part is in another.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict

from .. import metrics
from ..errors import CorpusError
from .manifest import Clip, Manifest

N_DRAWS = 20  #: groups have unequal sizes: the draw nearest to the shares is taken
GROUPS = ("speaker", "recording", "text")


def assign(
    manifest: Manifest,
    *,
    by: str = "text",
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
) -> Manifest:
    """Give every clip that is not rejected its split, by scikit-learn's ``GroupShuffleSplit``.

    Parameters
    ----------
    by : {"speaker", "recording", "text"}
        What must not be shared. Clips with the same text always stay together as well.
    validation, test : float
        Shares of the clips, each in (0, 1); met as nearly as whole groups allow.
    seed : int
        Another seed, another draw. It also depends on what the clips are (texts, speakers,
        recordings), not on their order.

    Raises
    ------
    CorpusError
        Fewer than three groups, or shares that leave nothing for training.
    """
    from sklearn.model_selection import GroupShuffleSplit

    if by not in GROUPS:
        raise CorpusError(f"Expected groups by one of {GROUPS}, found {by!r}.")
    if not (0 < validation and 0 < test and validation + test < 1):
        raise CorpusError(
            "Expected shares above 0 that leave something for training, "
            f"found validation={validation}, test={test}."
        )
    kept = manifest.kept().clips
    groups = _groups(kept, by)
    n_groups = len(set(groups.values()))
    if n_groups < 3:
        raise CorpusError(
            f"Three splits need at least 3 groups, found {n_groups} by {by!r}: record more, or "
            "split by another group."
        )
    clips = sorted(kept, key=lambda clip: (groups[clip.id], _digest(_content(clip))))
    labels = [groups[clip.id] for clip in clips]

    def draw(indices: list[int], share: float) -> tuple[list[int], list[int]]:
        """Of several draws, the one whose clips come nearest to the share."""
        some = [labels[i] for i in indices]
        n_test = max(1, round(share * len(set(some))))
        splitter = GroupShuffleSplit(N_DRAWS, test_size=n_test, random_state=seed)
        draws = list(splitter.split(some, groups=some))
        rest, chosen = min(draws, key=lambda d: abs(len(d[1]) / len(some) - share))
        return [indices[i] for i in rest], [indices[i] for i in chosen]

    rest, tested = draw(list(range(len(clips))), test)
    train, validated = draw(rest, validation / (1 - test))
    parts = {"train": train, "validation": validated, "test": tested}
    return manifest.updated(
        {clips[i].id: {"split": name} for name, part in parts.items() for i in part}
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _content(clip: Clip) -> str:
    """What a clip is, whatever its file is called."""
    return f"{clip.speaker}\n{_normal(clip)}\n{clip.start}\n{clip.end}"


def _normal(clip: Clip) -> str:
    return metrics.normalize(clip.text, language=clip.code) if clip.text.strip() else ""


def _groups(clips: tuple[Clip, ...], by: str) -> dict[str, str]:
    """Clip id -> name of its group, a digest of what the group holds; equal texts join groups."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    keys = {}
    for clip in clips:
        text = f"text {_normal(clip) or clip.id}"
        keys[clip.id] = text if by == "text" else f"{by} {getattr(clip, by)}"
        parent[root(text)] = root(keys[clip.id])
    members = defaultdict(set)
    for clip in clips:
        members[root(keys[clip.id])].add(keys[clip.id])
    return {clip.id: _digest("\n".join(sorted(members[root(keys[clip.id])]))) for clip in clips}
