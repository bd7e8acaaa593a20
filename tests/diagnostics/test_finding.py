from __future__ import annotations

import pytest

from diagnostics.finding import Evidence, succession


@pytest.mark.parametrize(("seen", "looked", "sure"), [(0, 0, 1 / 2), (5, 5, 6 / 7), (0, 8, 1 / 10)])
def test_laplaces_rule_of_succession(seen, looked, sure):
    assert succession(seen, looked) == pytest.approx(sure)


@pytest.mark.parametrize(
    ("value", "passes", "passed"),
    [(2.0, "above", True), (0.5, "above", False), (0.5, "below", True), (2.0, "below", False)],
)
def test_a_number_has_passed_on_one_side_of_its_threshold(value, passes, passed):
    assert Evidence("x", value, 1.0, passes).has_passed is passed
    assert Evidence("x", 1.0, 1.0, passes).has_passed
    assert not Evidence("x", float("nan"), 1.0, passes).has_passed
