"""What is said while there is nothing to compare."""

from dashboard.comparison.invitation import invitation
from dashboard.markup import to_html


def test_it_says_how_to_come_by_runs():
    page = to_html(invitation(0))
    assert "Choose runs to compare" in page
    assert 'href="?page=runs"' in page
    assert "fathom compare" in page


def test_with_one_run_a_second_is_asked_for():
    assert "Add a second run" in to_html(invitation(1))
