"""Numbers with their names, errors and meanings."""

from __future__ import annotations

import math

import pytest

from dashboard.markup import to_html
from dashboard.named_numbers import Named, table, written
from tests.dashboard.samples import HOSTILE


@pytest.mark.parametrize(
    ("value", "error", "told"),
    [
        (0.1234, math.nan, "0.123"),
        (12.5, 0.25, "12.5 ± 0.25"),
        (math.nan, math.nan, "not told"),
        (math.inf, math.nan, "none found"),
    ],
)
def test_a_value_says_what_is_known_of_it(value: float, error: float, told: str) -> None:
    assert written(Named("trace", value, "", error)) == told


def test_the_table_holds_every_meaning_as_text() -> None:
    shown = table([Named(HOSTILE, 1.0, "per weight")])
    assert shown
    written_out = to_html(shown)
    assert "per weight" in written_out
    assert "<img" not in written_out


def test_no_numbers_no_table() -> None:
    assert table([]) is None
