"""What a check gives back, and how it says that it cannot be asked."""

from __future__ import annotations

from dataclasses import dataclass

from diagnostics.finding import Evidence, Finding


class CannotAsk(Exception):  # noqa: N818  # nothing went wrong
    """The question has no meaning here; the reason ends a sentence that begins with 'because'."""


@dataclass(frozen=True)
class Answer:
    """One sentence, the numbers it rests on, and what is wrong."""

    told: str
    numbers: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()
