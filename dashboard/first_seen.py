"""When each finding first spoke: few enough words to be sent along with a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from diagnostics.doctor import Examination
    from diagnostics.finding import Severity


class Seen(NamedTuple):
    """One finding, as JSON writes it too."""

    step: int
    severity: Severity
    disease: str
    symptom: str
    because_of: str  # the disease that explains it; empty: it is a cause


def first_seen(examination: Examination) -> tuple[Seen, ...]:
    """Worst cause first, each before what it explains."""
    return tuple(
        Seen(found.steps[0], found.severity, found.disease, found.symptom, found.because_of)
        for found in examination.findings
    )
