"""Which diseases which run has."""

from __future__ import annotations

from typing import Any

from diagnostics.doctor import Examination
from diagnostics.finding import NotEnough
from diagnostics.verdict_table import verdict_table
from tests.dashboard.samples import make_finding


def examination(**changes: Any) -> Examination:
    told: dict[str, Any] = {"run": "r", "findings": (), "undecided": (), "passed": ()}
    return Examination(**(told | changes))


def test_what_differs_comes_first_and_of_that_the_worst() -> None:
    both = make_finding(disease="underfitting", severity="error")
    mild = make_finding(disease="dead_units", severity="warning")
    hint = make_finding(disease="lr_too_low", severity="hint")
    bad = make_finding(disease="vanishing_gradient", severity="error")
    a = examination(findings=(both, mild, bad), passed=("lr_too_low",))
    b = examination(findings=(both,), hints=(hint,), undecided=(("dead_units", NotEnough("no")),))
    rows = verdict_table([a, b])
    assert [(row.disease, row.standings, row.differs) for row in rows] == [
        ("vanishing_gradient", ("error", "undecided"), True),
        ("dead_units", ("warning", "undecided"), True),
        ("lr_too_low", ("passed", "hint"), True),
        ("underfitting", ("error", "error"), False),
    ]


def test_what_nobody_has_is_left_out() -> None:
    assert verdict_table([examination(passed=("dead_units",))] * 2) == ()
