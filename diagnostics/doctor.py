"""The doctor: asks every rule about a run; worst findings first, and what could not be judged."""

from __future__ import annotations

from dataclasses import dataclass

from diagnostics.finding import SEVERITIES, Finding, NotEnough, Rule, Verdict
from diagnostics.rules import rules
from diagnostics.run import Run


@dataclass(frozen=True)
class Examination:
    """What the rules said of one run."""

    run: str
    findings: tuple[Finding, ...]  # worst first
    undecided: tuple[tuple[str, NotEnough], ...]
    passed: tuple[str, ...]  # rules that looked and found nothing


def examine(run: Run) -> Examination:
    """Ask every rule."""
    answers = {name: _asked(rule, run) for name, rule in rules().items()}
    findings = [answer for answer in answers.values() if isinstance(answer, Finding)]
    return Examination(
        run.name,
        tuple(sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), -f.confidence))),
        tuple((name, a) for name, a in answers.items() if isinstance(a, NotEnough)),
        tuple(name for name, answer in answers.items() if answer is None),
    )


def _asked(rule: Rule, run: Run) -> Verdict:
    """One broken rule never takes the others' verdicts down."""
    try:
        return rule(run)
    except Exception as error:
        return NotEnough(f"this rule broke: {type(error).__name__}: {error}")
