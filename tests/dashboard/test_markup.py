"""Text stays text."""

from __future__ import annotations

from dashboard.markup import element, to_html
from tests.dashboard.samples import HOSTILE


def test_nothing_in_a_name_becomes_markup() -> None:
    written = to_html(element("a", "k", HOSTILE, href=HOSTILE))
    assert written.count("<") == 2
    assert written.count(">") == 2


def test_children_that_are_none_are_left_out() -> None:
    assert to_html(element("p", "", None, "x", element("b", "y"))) == '<p>x<b class="y"></b></p>'
