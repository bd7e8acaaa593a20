"""Losses on a scale, and its ticks in losses."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.loss_scale import MOST_TICKS, log_axis, loss_scale


def test_a_logarithm_where_all_losses_have_one() -> None:
    scale = loss_scale("log", np.array([0.1, 10.0]), None)
    assert scale.log
    np.testing.assert_allclose(scale.place(np.array([0.1, 1.0, 10.0])), [-1, 0, 1], atol=1e-6)


def test_linear_where_one_loss_is_negative_or_linear_was_wanted() -> None:
    assert not loss_scale("log", np.array([-1.0, 10.0])).log
    assert not loss_scale("linear", np.array([1.0, 10.0])).log


@pytest.mark.parametrize("wanted", ["log", "linear"])
def test_what_is_no_number_has_no_place(wanted: str) -> None:
    places = loss_scale(wanted, np.array([1.0, 2.0])).place(np.array([np.nan, np.inf, -np.inf, 1]))
    assert np.isnan(places).tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    "losses", [(0.02, 0.5), (1.01, 1.02), (1e-8, 1e9), (3.0, 3.0), (-4.0, 4.0), (0.0, 1e-30)]
)
@pytest.mark.parametrize("wanted", ["log", "linear"])
def test_ticks_are_few_and_their_labels_are_losses(
    losses: tuple[float, float], wanted: str
) -> None:
    scale = loss_scale(wanted, np.array(losses))
    places, labels = scale.ticks()
    assert 2 <= len(places) <= MOST_TICKS + 1
    for place, told in zip(places, labels, strict=True):
        value = 10**place if scale.log else place
        assert np.isclose(float(told), value, rtol=1e-3, atol=1e-40)
        assert told != "-0"


def test_nothing_finite_still_gives_a_scale() -> None:
    scale = loss_scale("log", np.full((2, 2), np.nan))
    assert scale.low < scale.high


def test_an_axis_is_logarithmic_only_where_every_value_has_a_logarithm() -> None:
    assert log_axis(np.array([1.0, 1e4, np.nan]), log=True)["type"] == "log"
    assert log_axis(np.array([0.0, 1e4]), log=True)["type"] == "linear"
    assert log_axis(np.array([1.0, 1e4]), log=False)["type"] == "linear"
    assert log_axis(np.array([np.nan]), log=True)["type"] == "linear"


@pytest.mark.parametrize(("high", "tick"), [(0.11, None), (5.0, "D2"), (1e3, 1)])
def test_a_log_axis_writes_ticks_in_full(high: float, tick: object) -> None:
    axis = log_axis(np.array([0.1, high]), log=True)
    assert axis.get("dtick") == tick
    assert axis.get("tickformat") == (None if tick == 1 else "~g")
