"""A preflight as text: findings first, every check in a line, nothing that steers a terminal."""

from __future__ import annotations

from dashboard.preflight_text import preflight_text
from diagnostics.flight import Check, Preflight
from tests.dashboard.samples import make_finding

FINE = Check("initial loss", "fine", "The first loss is 2.303.", (), 0.1)
SKIPPED = Check("depth", "skipped", "not asked, because there are 2 layers", (), 0.0)


def flight_of(*checks: Check) -> Preflight:
    return Preflight("Net, 12 parameters", checks, 1.25)


def test_sound() -> None:
    lines = preflight_text(flight_of(FINE, SKIPPED)).splitlines()
    assert lines[0] == "Net, 12 parameters  1 check in 1.2 s, before the first step"
    assert "✓ no findings" in lines
    assert lines[-2] == "✓ Initial loss    The first loss is 2.303."
    assert lines[-1] == "· Depth           not asked, because there are 2 layers"


def test_findings_come_first_as_the_doctor_tells_them() -> None:
    found = Check("depth", "finding", "It fades.", (), 0.1, (make_finding(),))
    text = preflight_text(flight_of(FINE, found))
    assert text.index("error: Vanishing gradient") < text.index("✓ Initial loss")
    assert "0.21   below 0.7" in text
    assert "✕ Depth           It fades." in text
    assert "no findings" not in text


def test_hints_leave_it_without_findings() -> None:
    hinted = Check("depth", "fine", "So.", (), 0.1, (make_finding(severity="hint"),))
    text = preflight_text(flight_of(hinted))
    assert "hint: Vanishing gradient" in text
    assert "✓ no findings" in text


def test_long_sentences_are_wrapped_and_hostile_ones_tamed() -> None:
    text = preflight_text(flight_of(Check("a", "fine", "word " * 60 + "\x1b[2J", (), 0.1)))
    assert max(map(len, text.splitlines())) <= 92
    assert "\x1b" not in text
