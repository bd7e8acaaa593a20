"""A verdict, and the three answers a rule may give: a finding, none, or not enough evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from diagnostics.shown import Shown

if TYPE_CHECKING:
    from diagnostics.run import Run

Severity = Literal["error", "warning", "hint"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint")  # worst first


@dataclass(frozen=True)
class Evidence:
    """One number beside the threshold it passed."""

    name: str
    value: float
    threshold: float
    passes: Literal["above", "below"]

    @property
    def has_passed(self) -> bool:
        """Of numbers any one of which would do, those that did are told."""
        if self.passes == "above":
            return self.value >= self.threshold
        return self.value <= self.threshold


@dataclass(frozen=True)
class Finding(Shown):
    """A disease seen in a run: what is wrong, the numbers that show it, and what to do."""

    disease: str  # a slug; the rule of this name documents it
    severity: Severity
    symptom: str  # one sentence: what was seen
    cause: str  # one or two sentences: why
    remedy: str  # the change to make
    evidence: tuple[Evidence, ...]
    layers: tuple[str, ...]  # the layers concerned, worst first
    steps: tuple[int, int]  # first and last step at which it was seen
    confidence: float  # 0 … 1
    panel: str  # name of the picture to look at
    because_of: str = ""  # the disease that explains this one; the doctor says which
    consequences: tuple[str, ...] = ()  # the diseases that this one explains


def succession(seen: int, looked: int) -> float:
    """How sure to be of what so many of the records looked at show, by Laplace's rule."""
    return (seen + 1) / (looked + 2)


@dataclass(frozen=True)
class NotEnough:
    """A rule could not judge, and why."""

    reason: str


Verdict = Finding | NotEnough | None
Rule = Callable[["Run"], Verdict]
