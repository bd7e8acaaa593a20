"""One of several is pressed, and each says what it sets."""

from __future__ import annotations

from dashboard.markup import to_html
from dashboard.segments import segments


def test_the_one_shown_is_pressed_and_names_are_text() -> None:
    shown = to_html(segments("view", ("mean", "<b>"), "mean"))
    assert shown.count('aria-pressed="true"') == 1
    assert 'data-set="view" data-to="mean"' in shown
    assert "<b>" not in shown
