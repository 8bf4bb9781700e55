"""Check a corpus against a contract: every finding names its clip, its rule and what was found.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import files
from ..errors import AudioError, CorpusError
from .findings import FAR, Examined, Finding
from .manifest import Manifest
from .measure import ClipFacts, measure
from .rules import Contract

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Report:
    """The outcome of a check."""

    manifest: Manifest
    contract: Contract
    findings: tuple[Finding, ...]
    facts: dict[str, ClipFacts]  #: by clip id, of the clips that can be read

    def remedy(self, finding: Finding) -> str:
        """What to do about a finding."""
        return finding.remedy or self.contract[finding.rule].remedy

    @property
    def ok(self) -> bool:
        """No rule is broken."""
        return not self.findings

    @property
    def exit_code(self) -> int:
        """0 if no rule is broken, else 1."""
        return int(not self.ok)

    def worst(self) -> list[tuple[str, tuple[Finding, ...]]]:
        """Clips with findings, the worst first: most rules broken, then farthest beyond."""
        groups: dict[str, list[Finding]] = defaultdict(list)
        for finding in self.findings:
            groups[finding.clip].append(finding)

        def badness(item: tuple[str, list[Finding]]) -> tuple[int, float, str]:
            name, findings = item
            return -len(findings), -max(f.excess for f in findings), name

        return [(name, tuple(found)) for name, found in sorted(groups.items(), key=badness)]

    def table(self) -> pd.DataFrame:
        """One row a finding, worst clips first: clip, rule, found, remedy."""
        import pandas as pd

        rows = [
            [name, f.rule, f.found, self.remedy(f)]
            for name, findings in self.worst()
            for f in findings
        ]
        return pd.DataFrame(rows, columns=["clip", "rule", "found", "remedy"])

    def __str__(self) -> str:
        n, rules = len(self.manifest), len(self.contract.rules)
        head = f"{n} clips, {rules} rules of the contract {self.contract.name!r}: "
        if self.ok:
            return head + "all kept."
        lines = [f"{f.clip or 'corpus'}: {f.rule}: {f.found}" for _, g in self.worst() for f in g]
        return head + f"{len(self.findings)} findings.\n" + "\n".join(lines)


def check(manifest: Manifest, contract: Contract) -> Report:
    """Compare a corpus, or an export read back, with a contract; rejected clips are left out.

    Notes
    -----
    Taught in: notebooks/08_dataset.ipynb.
    """
    facts: dict[str, ClipFacts] = {}
    corpus = Examined(manifest.kept(), facts, tuple(_files(manifest, facts)))
    found = (f for rule in contract.rules for f in rule.test(corpus, rule.key, rule.limit))
    return Report(manifest, contract, tuple(found), facts)


def _files(manifest: Manifest, facts: dict[str, ClipFacts]) -> Iterator[Finding]:
    """Rows and files must belong together; what can be read is measured on the way."""
    named = set()
    for clip in manifest.clips:
        try:
            path = manifest.path(clip)
        except CorpusError:
            yield Finding("inside", clip.id, f"{clip.file!r} leads outside", FAR)
            continue
        named.add(path)
        if clip.verdict == "rejected":
            continue
        if not path.is_file():
            yield Finding("missing_file", clip.id, f"no file {clip.file!r}", FAR)
            continue
        try:
            facts[clip.id] = measure(path)
        except AudioError as error:
            yield Finding("readable", clip.id, str(error), FAR)
    root = manifest.folder.resolve()
    for path in sorted(root.rglob("*.wav")):
        if path not in named:
            name = files.printable(path.relative_to(root).as_posix())
            yield Finding("missing_row", name, "no row names this file")
