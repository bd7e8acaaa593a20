from __future__ import annotations

import numpy as np
import pytest

from dashboard.sparkline import LETTERS, NOTHING, sparkline
from diagnostics.highlights import Course

BOTTOM, TOP = LETTERS[0], LETTERS[-1]


def course(low, high=None, lost=None):
    low = np.array(low, dtype=float)
    lost = np.zeros(len(low), bool) if lost is None else np.array(lost)
    return Course(1, low, low if high is None else np.array(high, dtype=float), lost)


def heights(text):
    return np.array([np.nan if letter == NOTHING else LETTERS.index(letter) for letter in text])


def test_heights_are_in_proportion():
    values = np.linspace(3, 10, 40)
    drawn = sparkline(course(values))
    expected = (values - 3) / 7 * (len(LETTERS) - 1)
    assert np.abs(heights(drawn.low) - expected).max() <= 0.5
    assert drawn.high == drawn.low
    assert not drawn.is_log


def test_over_decades_they_are_logarithmic():
    drawn = sparkline(course(10.0 ** -np.arange(5)))
    assert drawn.is_log
    assert np.allclose(np.diff(heights(drawn.low)), -(len(LETTERS) - 1) / 4, atol=1)


@pytest.mark.parametrize("values", [[-1.0, 1e6], [0.0, 1e6], [1.0, 29.0]])
def test_with_zero_or_less_or_too_little_span_they_are_linear(values):
    assert not sparkline(course(values)).is_log


def test_the_extremes_reach_the_edges():
    drawn = sparkline(course([2, 1, 3], [4, 5, 9]))
    assert drawn.low[1] == BOTTOM
    assert drawn.high[2] == TOP


def test_gaps_and_losses():
    drawn = sparkline(course([1, np.nan, 2], lost=[False, True, False]))
    assert drawn.low == BOTTOM + NOTHING + TOP
    assert drawn.lost == (1,)


def test_nothing_but_losses():
    drawn = sparkline(course([np.nan, np.nan], lost=[True, True]))
    assert (drawn.low, drawn.lost, drawn.is_log) == (NOTHING * 2, (0, 1), False)


def test_a_constant_is_in_the_middle():
    (height,) = set(heights(sparkline(course([5.0, 5.0])).low))
    assert height == pytest.approx((len(LETTERS) - 1) / 2, abs=1)


def test_the_largest_numbers_there_are():
    drawn = sparkline(course([-1.7e308, 0.0, 1.7e308]))
    assert drawn.low[0] == BOTTOM
    assert drawn.low[2] == TOP
    assert abs(heights(drawn.low)[1] - (len(LETTERS) - 1) / 2) <= 1


def test_letters_are_in_the_order_that_the_browser_knows():
    from pathlib import Path

    import dashboard

    script = Path(dashboard.__file__).parent / "assets/run_row.js"
    assert f'"{LETTERS}"' in script.read_text(encoding="utf-8")
