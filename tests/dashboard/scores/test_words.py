"""Numbers and chances in words."""

from __future__ import annotations

import math

import pytest

from dashboard.scores.words import seldom, with_error


@pytest.mark.parametrize(
    ("value", "error", "told"),
    [
        (0.1571, 0.0123, "0.157 ± 0.01"),
        (0.5, math.nan, "0.5"),
        (0.5, 1e-18, "0.5"),  # of rounding
        (0.0, 0.2, "0 ± 0.2"),
        (85_217.0, 12_345.0, "85,217 ± 10,000"),
        (123.0, 12.0, "123 ± 10"),
    ],
)
def test_an_error_by_its_first_digit(value: float, error: float, told: str) -> None:
    assert with_error(value, error) == told


def test_what_is_rarer_than_was_drawn_is_told_as_such() -> None:
    assert seldom(0.3) == "30.0% of samples"
    assert seldom(1 / 1001) == "under 0.2% of samples"
