"""Points are the bins, with the intervals of their accuracy."""

from __future__ import annotations

import numpy as np
from scipy.stats import beta

from dashboard.scores.reliability import OFF, ON, count_traces, off, reliability_traces, start
from dashboard.theme import palette
from diagnostics.calibration import calibration
from tests.dashboard.scores.samples import classifier

HOT, COLOURS = classifier(4.0), palette("light")


def test_every_bin_that_holds_examples_is_a_point_with_its_clopper_pearson_interval() -> None:
    for bins in (HOT.equal_mass, HOT.equal_width):
        points = [t for t in reliability_traces(bins, COLOURS) if t["mode"] == "markers"]
        there = bins.count > 0
        x = np.concatenate([t["x"] for t in points])
        order = np.argsort(x)
        np.testing.assert_allclose(x[order], bins.confidence[there])
        y = np.concatenate([t["y"] for t in points])[order]
        np.testing.assert_allclose(y, bins.accuracy[there])
        high = y + np.concatenate([t["error_y"]["array"] for t in points])[order]
        hits, count = np.rint(y * bins.count[there]), bins.count[there]
        exact = np.where(hits < count, beta.ppf(0.975, hits + 1, np.maximum(count - hits, 1)), 1)
        np.testing.assert_allclose(high, exact)
        assert sum(t["customdata"][:, 0].sum() for t in points) == HOT.examples


def test_bins_that_are_off_are_the_filled_ones_and_lie_below_of_a_model_that_is_too_sure() -> None:
    named = {t["name"]: t for t in reliability_traces(HOT.equal_mass, COLOURS)}
    below = named[OFF]
    assert (below["y"] + below["error_y"]["array"] < below["x"]).all()
    assert below["marker"]["symbol"] == "circle"
    assert len(below["x"]) == off(HOT.equal_mass).sum() > 5
    calibrated = classifier(1.0).equal_mass
    assert off(calibrated).sum() <= 2
    agreeing = {t["name"]: t for t in reliability_traces(calibrated, COLOURS)}[ON]
    assert "open" in agreeing["marker"]["symbol"]


def test_the_histogram_counts_every_example_once() -> None:
    (bars,) = count_traces(HOT, COLOURS)
    assert bars["y"].sum() == HOT.examples
    assert bars["x"][0] - bars["width"][0] / 2 == 0
    assert bars["x"][-1] + bars["width"][-1] / 2 == 1


def test_axes_have_a_length_where_all_are_wholly_sure() -> None:
    sure = calibration(np.tile([1.0, 0.0], (9, 1)), np.arange(9) % 2)
    assert start(sure) == 0.9


def test_axes_begin_below_the_least_confidence() -> None:
    for found in (HOT, classifier(1.0)):
        first = start(found)
        assert first <= found.equal_mass.edges[0] < first + 0.1
        assert round(10 * first) == 10 * first
