"""The running error of the spread, and the line from which there are enough draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dashboard.dropout.enough import enough_mark, enough_traces, running_error
from dashboard.theme import LIGHT
from diagnostics.uncertainty import Estimate, Growth, Reading, uncertainty
from tests.dashboard.dropout.ensembles import classes

GAUSSIAN = np.random.default_rng(0).standard_normal((2000, 1))


def test_that_of_gaussian_draws_falls_as_it_must() -> None:
    draws, share = running_error(uncertainty(GAUSSIAN, Reading()))
    assert draws[-1] == 2000
    assert share[-1] == pytest.approx(1 / np.sqrt(2 * 1999), rel=0.1)
    assert share[0] > share[-1] * 5


def test_the_way_to_enough_ends_on_the_line() -> None:
    found = uncertainty(GAUSSIAN[:40], Reading())
    line, curve, way, median, most = enough_traces(found, LIGHT)
    assert set(line["y"]) == {0.05}
    assert line["x"] == [4, found.needed]
    assert way["x"] == [40, found.needed]
    assert way["y"] == [found.relative, 0.05]
    assert (median["y"], most["y"]) == ([found.relative], [found.worst])
    assert curve["y"][-1] == pytest.approx(found.relative)  # of the only example
    assert median["marker"] != most["marker"]


def test_where_there_are_enough_no_way_is_drawn() -> None:
    found = uncertainty(GAUSSIAN, Reading())
    assert len(enough_traces(found, LIGHT)) == 4
    assert enough_mark(found, LIGHT)[0]["text"] == "5%: enough"
    fewer = uncertainty(GAUSSIAN[:40], Reading())
    assert enough_mark(fewer, LIGHT)[0]["text"] == f"5%: {fewer.needed:,} draws are enough"


def test_its_words_stand_where_the_curve_is_not() -> None:
    found = uncertainty(GAUSSIAN[:40], Reading())
    found = replace(found, needed=40)
    assert enough_mark(found, LIGHT)[0]["yanchor"] == "top"
    far = enough_mark(replace(found, needed=4000), LIGHT)[0]
    assert (far["xanchor"], far["yanchor"]) == ("right", "top")
    grown = replace(found.growth.epistemic, error=found.growth.epistemic.error / 100)
    known = replace(found, growth=replace(found.growth, epistemic=grown))
    assert enough_mark(known, LIGHT)[0]["yanchor"] == "bottom"


def test_draws_without_a_spread_have_no_error_of_it() -> None:
    found = classes(never=("inner", "outer")).uncertainty
    assert np.isnan(running_error(found)[1]).all()
    assert len(enough_traces(found, LIGHT)) == 1
    assert "no spread" in enough_mark(found, LIGHT)[0]["text"]


def test_a_mean_that_is_not_known_is_not_named() -> None:
    draws = np.random.default_rng(0).standard_normal((20, 5))
    draws[:, 0] = np.nan
    names = [trace.get("name") for trace in enough_traces(uncertainty(draws, Reading()), LIGHT)]
    assert "mean over examples" not in names
    assert "median example" in names


def test_its_words_are_on_the_right_of_a_curve_that_falls_early() -> None:
    draws = np.array([4, 8, 16, 32])
    found = uncertainty(GAUSSIAN[:32], Reading())
    for right, shares in ((1, [0.2, 0.04, 0.03, 0.02]), (0, [0.2, 0.1, 0.08, 0.04])):
        grown = Estimate(np.ones(4), 2 * np.array(shares))
        own = replace(found, growth=Growth(draws, grown), needed=40)
        assert enough_mark(own, LIGHT)[0]["x"] == right
