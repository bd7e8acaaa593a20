"""The card of two runs, as elements."""

from __future__ import annotations

from dataclasses import replace

from dashboard.comparison.parting_told import parting_told
from dashboard.markup import to_html
from diagnostics.parting import parting
from tests.dashboard.samples import HOSTILE
from tests.twins import twin


def test_each_layer_has_its_step() -> None:
    page = to_html(parting_told(parting(twin("base"), twin("poked"))))
    assert "6 layers, and the step at which each parts" in page
    assert page.count("step 7</td>") == 12  # at all, and by more than the tolerance


def test_a_layer_that_never_comes_far_apart_says_so() -> None:
    page = to_html(parting_told(parting(twin("base"), twin("nudged"))))
    assert page.count("never</td>") == 6


def test_what_parts_first_comes_first() -> None:
    """By another rate weights move at once, outputs of a function without weights a step later."""
    page = to_html(parting_told(parting(twin("base"), twin("faster"))))
    assert page.index('<td class="name">5<') < page.index('<td class="name">1<')


def test_a_link_leads_to_the_layer_at_that_step_in_either_run() -> None:
    page = to_html(parting_told(parting(twin("base"), twin("poked")), ("a/base", "poked")))
    assert 'href="?page=layers&amp;run=a/base&amp;step=7&amp;layer=2"' in page
    assert 'href="?page=layers&amp;run=poked&amp;step=7&amp;layer=2"' in page
    assert "<a href" not in to_html(parting_told(parting(twin("base"), twin("poked"))))


def test_twins_are_good_and_need_no_table() -> None:
    page = to_html(parting_told(parting(twin("base"), twin("again"))))
    assert "healthy" in page
    assert "<table" not in page


def test_names_are_text() -> None:
    found = replace(parting(twin("base"), twin("poked")), runs=(HOSTILE, "b"))
    assert "<img" not in to_html(parting_told(found))
