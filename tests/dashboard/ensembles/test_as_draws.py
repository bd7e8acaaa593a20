"""What draws dropout draws members, and says so in their own words."""

from __future__ import annotations

import numpy as np

from dashboard.ensembles.as_draws import (
    band_title,
    doubt_in,
    drawn_along,
    entropies,
    member_traces,
    shown,
)
from dashboard.theme import palette
from diagnostics.active.ensemble import PlacedEnsemble
from tests.dashboard.ensembles.placed import classes, on_a_line, values

COLOURS = palette("light")


def test_members_are_functions_along_the_line() -> None:
    placed = on_a_line()
    traces = {trace["name"]: trace for trace in member_traces(placed, 0, COLOURS)}
    assert set(traces) == {
        "± 2 sd, deep-ensemble spread", "4 members", "mean of the members", "held-out data",
    }  # fmt: skip
    x = np.linspace(-2, 2, 21)
    np.testing.assert_allclose(traces["mean of the members"]["y"], 1.5 * x, atol=1e-12)
    np.testing.assert_allclose(traces["mean of the members"]["x"], x)
    band = traces["± 2 sd, deep-ensemble spread"]["y"]
    sd = np.abs(x) * np.std(range(4), ddof=1)
    np.testing.assert_allclose(band[:21], 1.5 * x + 2 * sd, atol=1e-12)
    assert traces["held-out data"]["y"].tolist() == [0.5, -0.5]
    drawn = [trace for trace in member_traces(placed, 0, COLOURS) if trace["name"] == "4 members"]
    known = np.concatenate([trace["y"] for trace in drawn])
    assert np.isnan(known).sum() == 4  # a gap after each
    np.testing.assert_allclose(np.nanmax(known), 6)


def test_without_a_line_the_examples_stand_by_the_members_mean() -> None:
    placed = PlacedEnsemble(values(kind="snapshots", noise=0.5), None)
    names = [trace["name"] for trace in member_traces(placed, 0, COLOURS)]
    assert "± 2 sd, snapshot-ensemble spread" in names
    assert "± 2 sd, total with noise" in names
    assert "target" in names
    assert band_title(placed) == "examples, by the mean of the members"
    assert band_title(on_a_line()) == "input"


def test_nothing_speaks_of_draws_or_dropout() -> None:
    of = classes()
    for traces in (
        member_traces(on_a_line(), 0, COLOURS),
        member_traces(PlacedEnsemble(values(), None), 0, COLOURS),
        entropies(of, doubt_in(of), COLOURS),
    ):
        told = " ".join(trace["name"] for trace in traces)
        assert "draw" not in told
        assert "dropout" not in told


def test_the_spread_of_classes_is_the_mutual_information() -> None:
    of = classes()
    doubt = doubt_in(of)
    np.testing.assert_allclose(np.sort(doubt.between), np.sort(of.uncertainty.epistemic.value))
    names = [trace["name"] for trace in entropies(of, doubt, COLOURS)]
    assert "deep-ensemble spread" in names
    assert "entropy of a member" in names


def test_what_is_shown_is_the_line_where_there_is_one() -> None:
    placed = on_a_line()
    assert placed.along
    assert shown(placed) is placed.along.ensemble
    assert drawn_along(placed).line is placed.along.line
    alone = PlacedEnsemble(placed.ensemble, None)
    assert shown(alone) is placed.ensemble
    assert drawn_along(alone).line is None
