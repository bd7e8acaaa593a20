"""Risk by coverage, sparsification and tenths, by their numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import trapezoid

from dashboard.scores.rejection import (
    WIDTH,
    is_share,
    risk_traces,
    sparsification_traces,
    tenth_traces,
)
from dashboard.theme import palette
from diagnostics.selective import selective
from tests.dashboard.scores.samples import rejection

COLOURS = palette("light")


def test_a_share_is_told_from_another_loss() -> None:
    assert is_share(rejection().deciles)
    assert not is_share(rejection(wrong=False).deciles)
    one_miss = selective(np.arange(30.0), np.arange(30) == 29)
    assert is_share(one_miss.deciles)


def test_a_risk_curve_by_hand() -> None:
    found = selective([3.0, 1, 2, 4], [0.0, 0, 1, 1]).risk_coverage
    band, random, ideal, own = risk_traces(found, COLOURS)
    assert own["x"].tolist() == [0.25, 0.5, 0.75, 1]
    assert own["y"] == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert ideal["y"] == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert random["y"].tolist() == [0.5, 0.5]
    assert (band["y"] >= 0).all()
    assert band["y"].max() == pytest.approx(np.nanmax(found.risk + WIDTH * found.error))


def test_an_uncertainty_that_is_the_chance_to_be_wrong_has_the_risk_of_its_integral() -> None:
    """Wrong with chance u, u uniform: the surest share c is wrong c / 2 of the time."""
    curve = rejection(20_000).risk_coverage
    own = risk_traces(curve, COLOURS)[-1]
    late = own["x"] > 0.05
    np.testing.assert_allclose(own["y"][late], own["x"][late] / 2, atol=0.02)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_the_area_that_is_drawn_is_the_ause_that_is_told(which: int) -> None:
    found = rejection(wrong=False).sparsification[which]
    area, _, ideal, own = sparsification_traces(found, COLOURS)
    between = trapezoid(own["y"] - ideal["y"], own["x"])
    assert abs(between) == pytest.approx(found.ause.value, rel=0.02)
    assert area["name"].startswith(f"AUSE {found.ause.value:.3g} ± ")
    assert len(area["x"]) == 2 * len(own["x"])


def test_no_loss_at_all_has_an_area_without_a_number() -> None:
    found = selective(np.arange(5.0), np.zeros(5)).sparsification[0]
    assert sparsification_traces(found, COLOURS)[0]["name"].strip() == "AUSE"


def test_tenths_stand_in_the_middle_of_their_examples() -> None:
    found = rejection()
    flat, own = tenth_traces(found.deciles, 0.4, COLOURS)
    np.testing.assert_allclose(own["x"], np.arange(10) / 10 + 0.05)
    np.testing.assert_allclose(own["y"], found.deciles.loss)
    low = own["y"] - own["error_y"]["arrayminus"]
    np.testing.assert_allclose(low, found.deciles.low, atol=1e-12)
    assert flat["y"].tolist() == [0.4, 0.4]
    assert "%{y:.1%}" in own["hovertemplate"]
