"""Diseases of several runs, as elements."""

from dashboard.comparison.verdict_rows import verdict_rows
from dashboard.markup import to_html
from diagnostics.verdict_table import VerdictRow


def test_a_sign_and_a_word_for_each_run():
    row = VerdictRow("vanishing_gradient", ("error", "passed", "undecided"))
    page = to_html(verdict_rows(("a", "b", "c"), [row]))
    assert "Vanishing gradient" in page
    assert page.count("badge") == 1
    assert "not found" in page
    assert "could not judge" in page


def test_no_findings_are_said():
    assert "No findings in any" in to_html(verdict_rows(("a", "b"), []))
