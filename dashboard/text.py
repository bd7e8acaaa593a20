"""Verdicts and facts for the terminal."""

from __future__ import annotations

import math
import os
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dashboard.overview import known, warnings
from dashboard.verdicts import ICONS
from dashboard.wording import confidence, count, layers, number, steps, words

if TYPE_CHECKING:
    from diagnostics.doctor import Examination
    from diagnostics.finding import Finding
    from diagnostics.run import Run

_COLOURS = {"error": "31;1", "warning": "33;1", "hint": "34;1", "good": "32", "bold": "1"}
_WIDTH = 92


def examination_text(run: Run, examination: Examination) -> str:
    """What the doctor found, worst first; what is sound; what could not be judged."""
    told = (*examination.findings, *examination.hints)
    blocks = [_title(run), *("\n".join(finding_lines(each)) for each in told)]
    if not examination.findings and not examination.passed:
        blocks.append("No rule could judge this run yet.")
    elif not examination.findings:
        blocks.append(colour("✓ no findings", "good"))
    if examination.passed:
        sound = ", ".join(words(slug) for slug in examination.passed)
        blocks.append("\n".join(wrapped(f"Looked and found nothing: {sound}", "", "  ")))
    if examination.undecided:
        blocks.append("\n".join(_undecided(examination)))
    if examination.thresholds:
        blocks.append("\n".join(_thresholds(examination)))
    return "\n\n".join(blocks)


def examination_data(run: Run, examination: Examination) -> dict[str, Any]:
    """The same for machines."""
    return {
        "run": str(run.path),
        "state": run.state,
        "findings": [jsonable(asdict(finding)) for finding in examination.findings],
        "hints": [jsonable(asdict(hint)) for hint in examination.hints],
        "undecided": [
            {"rule": slug, "reason": answer.reason} for slug, answer in examination.undecided
        ],
        "passed": list(examination.passed),
        "thresholds": [asdict(changed) for changed in examination.thresholds],
    }


def info_text(run: Run) -> str:
    """What was recorded, of what, with what; and what is missing."""
    facts = known(run)
    room = max(map(len, facts))
    lines = [f"  {term:<{room}}  {plain(told)}" for term, told in facts.items()]
    scalars = ", ".join(run.logged) or "none"
    lines += wrapped(scalars, f"  {'Scalars':<{room}}  ", " " * (room + 4))
    lines += [f"  ! {plain(text)}" for text in warnings(run)]
    return "\n".join([_title(run), *lines])


def plain(text: str) -> str:
    """Text that cannot steer the terminal: a name may hold any letter, an escape included."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _title(run: Run) -> str:
    name = colour(plain(run.name), "bold")
    return f"{name}  {run.state}, {count(run.last_step, 'step')}"


def finding_lines(finding: Finding) -> Iterator[str]:
    head = f"{ICONS[finding.severity]} {finding.severity}: {words(finding.disease)}"
    why = f", because of: {words(finding.because_of)}" if finding.because_of else ""
    sure = f"  ({confidence(finding.confidence)} sure{why})"
    yield colour(plain(head), finding.severity) + sure
    yield from wrapped(finding.symptom, "  ", "  ")
    room = max((len(each.name) for each in finding.evidence), default=0)
    for each in finding.evidence:
        limit = f"{each.passes} {number(each.threshold)}"
        yield f"    {plain(words(each.name)):<{room}}  {number(each.value):>10}   {limit}"
    told = {
        "where": layers(finding.layers),
        "when": steps(finding.steps),
        "cause": finding.cause,
        "remedy": finding.remedy,
        "brings": ", ".join(words(slug) for slug in finding.consequences),
    }
    for term, text in told.items():
        yield from _entry(term, text)


def _entry(term: str, text: str) -> Iterator[str]:
    """A term and its text; the line breaks of code are kept."""
    for place, line in enumerate(text.strip().splitlines()):
        indent = len(line) - len(line.lstrip())
        yield from wrapped(
            line.lstrip(), f"  {'' if place else term:<7} {' ' * indent}", " " * (10 + indent)
        )


def _undecided(examination: Examination) -> Iterator[str]:
    yield "Could not judge:"
    for slug, answer in examination.undecided:
        yield from wrapped(f"{words(slug)}, because {answer.reason}", "  ", "    ")


def _thresholds(examination: Examination) -> Iterator[str]:
    yield "Your thresholds:"
    for each in examination.thresholds:
        told = f"{each.name} of {words(each.rule)} is {each.value:g} (built in: {each.built_in:g})"
        yield from wrapped(told, "  ", "    ")


def wrapped(text: str, first: str, rest: str) -> list[str]:
    lines = textwrap.wrap(
        plain(text), _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False
    )
    return lines or [first]


def colour(text: str, kind: str) -> str:
    wanted = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m" if wanted else text


def jsonable(value: Any) -> Any:
    """JSON knows no infinity and no NaN: they become their names."""
    if isinstance(value, dict):
        return {key: jsonable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
