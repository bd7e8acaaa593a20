"""What is said of a computation, and the fields that are sent."""

from __future__ import annotations

from dashboard.jobs import Look
from dashboard.landscape_request import requested
from dashboard.markup import to_html
from dashboard.pages.landscape_form import _FIELDS, form, told
from tests.dashboard.samples import HOSTILE


def test_progress_is_a_bar_and_words() -> None:
    shown = to_html(told(Look("digits", "running", "30 of 90 points, 4 s left", 30, 90, 2.0), "x"))
    assert 'value="30" max="90"' in shown
    assert "For digits: 30 of 90 points, 4 s left" in shown


def test_ends_are_told_apart() -> None:
    assert "Computed in 1 min 05 s" in to_html(told(Look("a", "done", "", 0, 0, 65), "a"))
    assert "kept for the next time" in to_html(told(Look("a", "cancelled", "", 0, 0, 1), "a"))
    failed = to_html(told(Look("a", "failed", HOSTILE, 0, 0, 1), "a"))
    assert "notice" in failed
    assert "<img" not in failed
    assert "without saying why" in to_html(told(Look("a", "failed", "", 0, 0, 1), "a"))


def test_the_form_as_it_opens_can_be_sent() -> None:
    fields = {
        part.id.removeprefix("ask-"): getattr(part, "value", None)
        for part in form()._traverse()
        if str(getattr(part, "id", "")).startswith("ask-")
    }
    assert set(fields) == set(_FIELDS)
    assert requested(fields | {"step": 5}, (5,)).resolution == 51
