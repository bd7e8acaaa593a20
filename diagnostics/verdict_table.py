"""Which diseases each of several runs has: those that not all share come first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from diagnostics.doctor import Examination
from diagnostics.finding import SEVERITIES, Severity

Standing = Severity | Literal["passed", "undecided"]


@dataclass(frozen=True)
class VerdictRow:
    """What the doctor says of each run about one disease."""

    disease: str
    standings: tuple[Standing, ...]  # [run]

    @property
    def differs(self) -> bool:
        """Whether one run has it and another has not, or less of it."""
        return len(set(self.standings)) > 1


def verdict_table(examinations: Sequence[Examination]) -> tuple[VerdictRow, ...]:
    """Every disease that at least one of the runs has; the worst of what differs first."""
    told = [_standings(examination) for examination in examinations]
    diseases = dict.fromkeys(
        disease for own in told for disease, how in own.items() if how in SEVERITIES
    )
    rows = [
        VerdictRow(disease, tuple(own.get(disease, "undecided") for own in told))
        for disease in diseases
    ]
    return tuple(sorted(rows, key=lambda row: (not row.differs, _worst(row))))


def _standings(examination: Examination) -> dict[str, Standing]:
    found: dict[str, Standing] = dict.fromkeys(examination.passed, "passed")
    found |= {finding.disease: finding.severity for finding in examination.hints}
    return found | {finding.disease: finding.severity for finding in examination.findings}


def _worst(row: VerdictRow) -> int:
    return min(SEVERITIES.index(how) for how in row.standings if how in SEVERITIES)
