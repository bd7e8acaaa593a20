"""The running mean against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.run import FathomError
from diagnostics.smoothing import smoothed_ema


def by_hand(values: list[float], weight: float) -> list[float]:
    """Sum of weight^age * value over the sum of the weights, of the finite ones."""
    found, known = [], []
    for value in values:
        if not np.isfinite(value):
            found.append(np.nan)
            continue
        known.append(value)
        weights = weight ** np.arange(len(known))[::-1]
        found.append(float(weights @ known / weights.sum()))
    return found


@pytest.mark.parametrize("weight", [0.0, 0.5, 0.9, 0.999])
def test_it_is_the_weighted_mean_of_what_was(weight: float) -> None:
    values = np.random.default_rng(0).normal(size=40)
    assert smoothed_ema(values, weight) == pytest.approx(np.array(by_hand(values.tolist(), weight)))


def test_what_is_no_number_is_left_out_and_stays_a_gap() -> None:
    values = [1.0, np.nan, 2.0, np.inf, 4.0]
    found = smoothed_ema(np.array(values), 0.5)
    assert found == pytest.approx(np.array(by_hand(values, 0.5)), nan_ok=True)


def test_a_constant_stays_itself_from_the_first_value_on() -> None:
    assert smoothed_ema(np.full(50, 3.0), 0.99) == pytest.approx(np.full(50, 3.0))


def test_nothing_and_only_gaps() -> None:
    assert smoothed_ema(np.array([]), 0.5).tolist() == []
    assert np.isnan(smoothed_ema(np.array([np.nan]), 0.5)).all()


@pytest.mark.parametrize("weight", [1.0, -0.1, float("nan")])
def test_a_weight_beyond_is_refused(weight: float) -> None:
    with pytest.raises(FathomError, match="smoothing"):
        smoothed_ema(np.ones(2), weight)
