"""A handful of places, the most unsure among them, and each place's nearest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dashboard.dropout.band import band_of
from dashboard.dropout.doubt import doubt_of
from dashboard.dropout.maps import maps_of
from dashboard.dropout.spots import (
    ALONG,
    cursor,
    spots_of_band,
    spots_of_doubt,
    spots_of_plane,
)
from dashboard.theme import LIGHT
from diagnostics.active.mc_dropout import PlacedDropout
from tests.dashboard.dropout.ensembles import classes, on_a_line, over_a_plane, values


def test_along_a_line_it_begins_where_draws_spread_most() -> None:
    placed = on_a_line(values(examples=100))
    band = band_of(placed)
    spots = spots_of_band(band, "input")
    assert spots
    assert ALONG <= len(spots.examples) <= ALONG + 1
    spread = placed.ensemble.uncertainty.epistemic.value[:, 0]
    assert spots.examples[spots.first] == spread.argmax()
    assert placed.line
    np.testing.assert_array_equal(spots.x, placed.line.places[spots.examples])
    assert spots.labels[0] == "-3"


def test_a_place_goes_to_the_spot_next_to_it() -> None:
    band = band_of(on_a_line(values(examples=100)))
    spots = spots_of_band(band, "input")
    assert spots
    away = np.abs(band.x - spots.x[spots.nearest])
    for x in spots.x:
        assert (away <= np.abs(band.x - x) + 1e-12).all()


def test_of_classes_examples_are_numbered_as_they_stand() -> None:
    doubt = doubt_of(classes())
    spots = spots_of_doubt(doubt)
    assert spots
    np.testing.assert_array_equal(doubt.order[spots.x.astype(int) - 1], spots.examples)
    assert spots.examples[spots.first] == doubt.order[doubt.between.argmax()]


def test_over_a_plane_it_is_the_place_that_is_named() -> None:
    placed = over_a_plane(classes())
    assert placed.plane
    plane = placed.plane
    spots = spots_of_plane(plane, 0)
    assert spots
    assert spots.y is not None
    rows, columns = np.divmod(spots.examples, 5)
    np.testing.assert_array_equal(spots.x, plane.across[columns])
    np.testing.assert_array_equal(spots.y, plane.up[rows])
    assert spots.examples[spots.first] == maps_of(plane, 0)[0].values.argmax()
    assert len(spots.nearest) == 20
    np.testing.assert_array_equal(spots.nearest[spots.examples], np.arange(len(spots.examples)))


def test_nowhere_where_nothing_spreads() -> None:
    silent = classes(never=("inner", "outer"))
    assert spots_of_doubt(doubt_of(silent)) is None


def test_a_place_without_a_number_is_no_spot() -> None:
    band = band_of(PlacedDropout(values(examples=5), None))
    lost = np.where(np.arange(5) == 2, np.nan, band.spread)
    spots = spots_of_band(replace(band, spread=lost), "example")
    assert spots
    assert spots.x.tolist() == [1, 2, 4, 5]


def test_a_line_on_one_chart_and_a_ring_around_the_place_on_both_maps() -> None:
    spots = spots_of_band(band_of(on_a_line(values())), "input")
    assert spots
    (line,) = cursor(spots, 2, ("",), LIGHT)
    assert line["x0"] == line["x1"] == spots.x[2]
    placed = over_a_plane(classes())
    assert placed.plane
    over = spots_of_plane(placed.plane, 0)
    assert over
    assert over.y is not None
    one, other = cursor(over, 3, ("", "7"), LIGHT)
    assert (one["x0"] + one["x1"], one["y0"] + one["y1"]) == (2 * over.x[3], 2 * over.y[3])
    assert (one["xref"], other["xref"]) == ("x", "x7")
