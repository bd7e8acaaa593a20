"""What a preflight found, for the terminal: findings as the doctor tells them, then every check."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dashboard.text import colour, finding_lines, plain, wrapped
from dashboard.wording import count, words

if TYPE_CHECKING:
    from diagnostics.flight import Check, Outcome, Preflight

MARKS: dict[Outcome, tuple[str, str]] = {
    "fine": ("✓", "good"),
    "finding": ("✕", "error"),
    "skipped": ("·", "bold"),
}
ROOM = 16  # for a check's name


def preflight_text(flight: Preflight) -> str:
    """Worst first; then each check in one sentence."""
    asked = [check for check in flight.checks if check.outcome != "skipped"]
    title = f"{colour(plain(flight.model), 'bold')}  {count(len(asked), 'check')}"
    blocks = [f"{title} in {flight.seconds:.1f} s, before the first step"]
    told = (*flight.findings, *flight.hints)
    blocks += ["\n".join(finding_lines(each)) for each in told]
    if not flight.findings:
        blocks.append(colour("✓ no findings", "good"))
    blocks.append("\n".join(line for check in flight.checks for line in _check(check)))
    return "\n\n".join(blocks)


def _check(check: Check) -> Iterator[str]:
    mark, kind = MARKS[check.outcome]
    first, *rest = wrapped(check.told, f"  {words(check.name):<{ROOM}}", " " * (ROOM + 2))
    yield f"{colour(mark, kind)}{first[1:]}"
    yield from rest
