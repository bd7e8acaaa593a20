"""Maps hold the ensemble's numbers where the grid has its places, and the data lie on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dashboard.dropout.maps import map_trace, maps_of, point_traces, scale_of
from dashboard.theme import swaps
from diagnostics.active.mc_dropout import PlacedDropout
from diagnostics.active.plane import Plane
from tests.dashboard.dropout.ensembles import classes, over_a_plane, values


def plane_of(placed: PlacedDropout) -> Plane:
    assert placed.plane
    return placed.plane


def test_of_values_the_spread_of_the_draws_at_each_crossing_and_their_mean() -> None:
    plane = plane_of(over_a_plane(values(draws=30)))
    spread, mean = maps_of(plane, 0)
    draws = plane.ensemble.kept[:, :, 0].astype(float).reshape(30, 4, 5)
    np.testing.assert_allclose(spread.values, draws.std(0, ddof=1))
    np.testing.assert_allclose(mean.values, draws.mean(0))
    trace = map_trace(plane, spread, "coloraxis")
    assert (len(trace["x"]), len(trace["y"])) == trace["z"].shape[::-1] == (5, 4)


def test_with_noise_the_other_map_is_the_total() -> None:
    plane = plane_of(over_a_plane(values(draws=30, noise=0.5)))
    spread, total = maps_of(plane, 0)
    np.testing.assert_allclose(total.values**2, spread.values**2 + 0.25)
    assert total.title == "sd, total with noise"


def test_of_classes_mutual_information_and_predictive_entropy() -> None:
    plane = plane_of(over_a_plane(classes()))
    between, total = maps_of(plane, 0)
    of = plane.ensemble.uncertainty
    assert of.total
    np.testing.assert_array_equal(between.values.ravel(), of.epistemic.value)
    np.testing.assert_array_equal(total.values.ravel(), of.total.value)
    assert (between.title, total.title) == ("mutual information, nats", "predictive entropy, nats")


def test_spreads_begin_at_nought_and_means_where_they_are() -> None:
    spread, mean = maps_of(plane_of(over_a_plane(values())), 0)
    assert (scale_of(spread)["cmin"], scale_of(spread)["cmax"]) == (0, spread.values.max())
    assert (scale_of(mean)["cmin"], scale_of(mean)["cmax"]) == (
        mean.values.min(),
        mean.values.max(),
    )


def test_every_class_of_the_data_has_a_colour_and_what_has_none_is_there_too() -> None:
    traces = point_traces(plane_of(over_a_plane(classes())), 0)
    assert [len(trace["x"]) for trace in traces] == [1, 4, 4, 3]
    assert len({trace["marker"]["color"] for trace in traces}) == 4
    assert "class 2" in traces[-1]["hovertemplate"]


def test_dots_are_ringed_in_colours_that_no_page_turns() -> None:
    (dots,) = point_traces(plane_of(over_a_plane(values())), 0)
    assert len(dots["x"]) == 12
    assert np.isnan(dots["customdata"]).sum() == 1
    for each in (dots, *point_traces(plane_of(over_a_plane(classes())), 0)):
        marker = each["marker"]
        assert marker["line"]["color"] != marker["color"]
        assert not {marker["color"], marker["line"]["color"]} & set(swaps())


def test_a_class_that_is_not_to_be_met_is_none() -> None:
    plane = over_a_plane(classes()).plane
    assert plane
    targets = np.where(plane.targets == 1, -100, plane.targets)
    told = [each["hovertemplate"] for each in point_traces(replace(plane, targets=targets), 0)]
    assert ["no class" in each for each in told] == [True, False, False]
    assert not any("-100" in each for each in told)
