"""The band is as wide as the draws say, and lines are drawn only where draws are functions."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.dropout.band import MOST, band_of, band_traces, outputs_of
from dashboard.theme import LIGHT
from diagnostics.active.mc_dropout import PlacedDropout
from tests.dashboard.dropout.ensembles import classes, on_a_line, values


def test_it_is_what_the_draws_have_from_left_to_right() -> None:
    found = values(draws=30, masks="shared", noise=0.5)
    band = band_of(on_a_line(found))
    backwards = found.kept[:, ::-1, 0].astype(float)
    np.testing.assert_allclose(band.x, np.linspace(-3, 3, 40))
    np.testing.assert_allclose(band.mean, backwards.mean(0))
    np.testing.assert_allclose(band.spread, backwards.std(0, ddof=1))
    np.testing.assert_allclose(band.total**2, backwards.var(0, ddof=1) + 0.25)  # type: ignore[operator]
    np.testing.assert_allclose(band.plain, found.plain[::-1, 0])
    np.testing.assert_allclose(band.draws, backwards)


def test_no_more_functions_than_can_be_told_apart_and_none_of_masks_of_their_own() -> None:
    assert len(band_of(on_a_line(values(masks="shared"))).draws) == 32
    assert len(band_of(on_a_line(values())).draws) == 0
    assert len(band_of(PlacedDropout(values(masks="shared"), None)).draws) == 0


def test_fewer_draws_have_the_order_and_the_functions_of_all_but_show_fewer() -> None:
    all_of_them, few = (on_a_line(values(draws=n, masks="shared")) for n in (60, 10))
    band = band_of(few, like=band_of(all_of_them))
    draws = [t for t in band_traces(band, LIGHT, "") if t.get("legendgroup") == "draws"]
    assert [len(group["y"]) for group in draws] == [3 * 41, 2 * 41, 5 * 41, 0, 0]
    assert draws[0]["name"] == "32 draws"
    np.testing.assert_array_equal(band.mean, band_of(few).mean)


def test_without_a_line_examples_stand_by_their_mean_with_their_targets() -> None:
    targets = np.arange(40.0)
    found = values(targets=targets)
    band = band_of(PlacedDropout(found, None))
    order = found.uncertainty.mean.value[:, 0].argsort()
    assert (np.diff(band.mean) >= 0).all()
    assert band.x.tolist() == band.known.tolist() == list(range(1, 41))
    np.testing.assert_array_equal(band.targets, order)
    assert band.total is None


def test_one_output_of_several() -> None:
    placed = PlacedDropout(values(out=3), None)
    assert outputs_of(placed) == 3
    last = band_of(placed, 2)
    np.testing.assert_allclose(last.mean, np.sort(placed.ensemble.uncertainty.mean.value[:, 2]))


def test_of_many_examples_some() -> None:
    band = band_of(PlacedDropout(values(draws=4, examples=MOST + 500), None))
    assert len(band.x) == len(band.mean) == MOST
    assert band.x[[0, -1]].tolist() == [1, MOST + 500]


def test_the_outline_is_two_standard_deviations_from_the_mean() -> None:
    band = band_of(on_a_line(values(noise=0.5, masks="shared")))
    total, spread, *draws, mean, plain, points = band_traces(band, LIGHT, "recorded data")
    for area, sd in ((total, band.total), (spread, band.spread)):
        upper, lower = area["y"][:40], area["y"][40:][::-1]
        np.testing.assert_allclose(upper - lower, 4 * sd)  # type: ignore[operator]
        np.testing.assert_allclose((upper + lower) / 2, band.mean, atol=1e-12)
    assert spread["name"] == "± 2 sd, dropout-ensemble spread"
    assert [np.isnan(group["y"]).sum() for group in draws] == [3, 2, 5, 10, 12]
    assert [group["showlegend"] for group in draws] == [True, *[False] * 4]
    np.testing.assert_array_equal(mean["y"], band.mean)
    assert (plain["name"], points["name"]) == ("dropout off", "recorded data")


@pytest.mark.parametrize("lost", [np.nan, np.inf])
def test_what_is_no_number_is_no_point(lost: float) -> None:
    placed = on_a_line(values())
    placed.ensemble.uncertainty.mean.value[3] = lost
    for trace in band_traces(band_of(placed), LIGHT, "data"):
        assert not np.isinf(trace["y"]).any()


def test_probabilities_are_values_too() -> None:
    assert outputs_of(PlacedDropout(classes(), None)) == 3


def test_a_single_example_is_as_wide_as_can_be_seen() -> None:
    band = band_of(PlacedDropout(values(examples=1, noise=0.3), None))
    total, spread, mean, plain = band_traces(band, LIGHT, "target")
    for line in (mean, plain):
        assert line["x"].tolist() == [0.5, 1.5]
        assert line["y"][0] == line["y"][1]
    for area in (total, spread):
        assert np.ptp(area["x"]) == 1
        assert np.ptp(area["y"]) > 0
