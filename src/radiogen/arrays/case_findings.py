"""What was odd in the series of a case, and what their geometry changed: findings, each of a sequence.

In: findings of `imaging`. Out: the cells of a cache's index.csv: sentences to read (`findings`, `changes`), and the
codes to be read by programs (`finding_codes`, `change_codes`): `FLAIR:SLICES_MISSING T1w:SERIES_BLANK`. A code whose
policy is `refused` says that the case goes on without that sequence.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from radiogen.imaging.findings import Finding, FindingCode, Policy


@dataclass(frozen=True)
class CaseFinding:
    """A finding of one sequence of a case."""

    sequence: str
    finding: Finding

    def __str__(self) -> str:
        """`T1w: 2 of 24 slices blank: ...`, `T1w: not used: is missing`."""
        unused = "not used: " if self.finding.code.policy is Policy.REFUSED else ""
        return f"{self.sequence}: {unused}{self.finding}"


def of_sequence(sequence: str, findings: Iterable[Finding | None]) -> list[CaseFinding]:
    """Findings as those of one sequence; None is left out."""
    return [CaseFinding(sequence, finding) for finding in findings if finding is not None]


def index_cells(findings: Iterable[CaseFinding], changes: Iterable[CaseFinding]) -> dict[str, str]:
    """The four cells of a row of index.csv."""
    cells = {}
    for kind, found in (("finding", list(findings)), ("change", list(changes))):
        cells[f"{kind}s"] = "; ".join(map(str, found))
        cells[f"{kind}_codes"] = " ".join(dict.fromkeys(f"{one.sequence}:{one.finding.code.name}" for one in found))
    return cells


def unused_sequences(cell: str) -> list[str]:
    """The sequences that a case goes on without, from a cell of `finding_codes`."""
    pairs = [part.rsplit(":", 1) for part in cell.split()]
    return [sequence for sequence, name in pairs if FindingCode[name].policy is Policy.REFUSED]
