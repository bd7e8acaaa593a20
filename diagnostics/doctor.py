"""The doctor: asks every rule about a run; causes first, and what could not be judged."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from diagnostics.finding import SEVERITIES, Finding, NotEnough, Rule, Verdict
from diagnostics.rules import consequences, rules
from diagnostics.run import Run
from diagnostics.shown import Shown
from diagnostics.thresholds import Changed, changed_by


@dataclass(frozen=True)
class Examination(Shown):
    """What the rules said of one run."""

    run: str
    findings: tuple[Finding, ...]  # worst cause first, each before what it explains
    undecided: tuple[tuple[str, NotEnough], ...]
    passed: tuple[str, ...]  # rules that looked and found nothing
    hints: tuple[Finding, ...] = ()  # unusual, and harmless so far
    thresholds: tuple[Changed, ...] = ()  # those that the user has set otherwise


def examine(run: Run, thresholds: str | os.PathLike[str] | None = None) -> Examination:
    """Ask every rule; `thresholds`: a TOML file of the user's that changes some of theirs."""
    with changed_by(thresholds) as changed:
        answers = {name: _asked(rule, run) for name, rule in rules().items()}
    found = [answer for answer in answers.values() if isinstance(answer, Finding)]
    return Examination(
        run.name,
        _told_once([f for f in found if f.severity != "hint"], consequences()),
        tuple((name, a) for name, a in answers.items() if isinstance(a, NotEnough)),
        tuple(name for name, answer in answers.items() if answer is None),
        tuple(sorted((f for f in found if f.severity == "hint"), key=_rank)),
        changed,
    )


def _asked(rule: Rule, run: Run) -> Verdict:
    """One broken rule never takes the others' verdicts down."""
    try:
        return rule(run)
    except Exception as error:
        return NotEnough(f"this rule broke: {type(error).__name__}: {error}")


def _rank(finding: Finding) -> tuple[int, float]:
    return SEVERITIES.index(finding.severity), -finding.confidence


def _told_once(
    findings: Iterable[Finding], explains: Mapping[str, tuple[str, ...]]
) -> tuple[Finding, ...]:
    """Each cause, and after it the errors that it explains; warnings it explains are named in it.

    The worst cause that explains a finding is its own; of two that explain each other the first
    in this order is the cause.
    """
    left = sorted(findings, key=lambda f: (_is_explained(f, findings, explains), *_rank(f)))
    told: list[Finding] = []
    while left:
        cause = left.pop(0)
        mine = _explained_by(cause, left, explains)
        told.append(replace(cause, consequences=tuple(f.disease for f in mine)))
        told += [replace(f, because_of=cause.disease) for f in mine if f.severity == "error"]
        left = [f for f in left if f not in mine]
    return tuple(told)


def _explained_by(
    cause: Finding, others: list[Finding], explains: Mapping[str, tuple[str, ...]]
) -> list[Finding]:
    """Those that follow from it, or from one that does."""
    reached, waiting = {cause.disease}, [cause.disease]
    while waiting:
        named = explains.get(waiting.pop(), ())
        new = {f.disease for f in others if f.disease in named} - reached
        reached |= new
        waiting += new
    return [f for f in others if f.disease in reached]


def _is_explained(
    finding: Finding, findings: Iterable[Finding], explains: Mapping[str, tuple[str, ...]]
) -> bool:
    return any(
        finding.disease in explains.get(other.disease, ())
        and other.disease not in explains.get(finding.disease, ())
        for other in findings
    )
