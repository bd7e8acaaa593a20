"""Curves keep their extremes; what no axis holds is marked at its edge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dashboard.binning import StepAxis
from dashboard.layer_curves import MOST_COLUMNS, MOST_MARKS, curves, smoothed, value_axis
from dashboard.theme import LIGHT
from diagnostics.layer_history import Curve
from tests.dashboard.histories import make_strand
from tests.dashboard.samples import HOSTILE

LINEAR = StepAxis(log=False, shift=0)


def drawn(strand: Any, scale: str | None = None, axis: StepAxis = LINEAR) -> list[Any]:
    return curves(strand, axis, LIGHT, scale)


def test_a_spike_of_a_long_curve_is_kept_both_ways() -> None:
    values = np.ones(20_000)
    values[[777, 15_000]] = 40.0, 0.02
    (line,) = drawn(make_strand(values))
    assert len(line["x"]) <= 3 * MOST_COLUMNS
    told = dict(zip(line["customdata"].tolist(), line["y"].tolist(), strict=True))
    assert told[777] == 40
    assert told[15_000] == pytest.approx(0.02)


def test_steps_lie_where_the_axis_has_them() -> None:
    strand = make_strand([1.0, 2.0], steps=np.array([0, 99]))
    (line,) = drawn(strand, axis=StepAxis(log=True, shift=1))
    assert line["x"].tolist() == [0, 2]


def test_what_is_no_number_is_marked_above_and_nothing_below() -> None:
    strand = make_strand([1e-3, np.inf, 0.0, np.nan, 10.0])
    line, broken, nothing = drawn(strand)
    assert np.isfinite(line["y"]).tolist() == [True, False, False, False, True]
    assert (broken["x"].tolist(), broken["y"].tolist()) == ([1], [10.0])
    assert nothing["x"].tolist() == [2]
    assert nothing["y"][0] < 1e-3


def test_on_a_linear_axis_zero_needs_no_mark() -> None:
    (line,) = drawn(make_strand([0.0, 5.0, 100.0]), "linear")
    assert line["y"].tolist() == [0, 5, 100]


def test_marks_of_a_long_curve_are_few() -> None:
    *_, broken = drawn(make_strand(np.full(9000, np.inf)))
    assert len(broken["x"]) <= MOST_MARKS


@pytest.mark.parametrize(
    ("values", "scale", "kind"),
    [
        ([1e-4, 1.0], None, "log"),
        ([1.0, 2.0], None, None),
        ([1.0, 2.0], "log", "log"),
        ([1e-4, 1.0], "linear", None),
        ([0.0, np.nan], "log", None),
    ],
)
def test_decades_where_there_are_some_or_they_are_wanted(
    values: list[float], scale: str | None, kind: str | None
) -> None:
    assert value_axis(make_strand(values), scale).get("type") == kind


def test_shares_run_from_none_to_all() -> None:
    axis = value_axis(make_strand([0.0, 0.5], kind="share"), "log")
    assert axis["range"] == pytest.approx([-0.03, 1.03])
    assert "type" not in axis


def test_a_smoothed_curve_remembers() -> None:
    strand = smoothed(make_strand([1.0, 1.0, 0.0, np.nan]), 0.5)
    values = strand.curves[0].values
    assert values[:2].tolist() == [1, 1]
    assert values[2] == pytest.approx((0.25 + 0.5) / 1.75)
    assert np.isnan(values[3])
    assert smoothed(strand, 0.0) is strand


def test_many_curves_differ_and_names_are_text() -> None:
    named = tuple(Curve(f"{HOSTILE}{n}", np.ones(3)) for n in range(6))
    lines = drawn(make_strand(np.ones(3), curves=named))
    assert len({(line["line"]["color"], line["line"]["dash"]) for line in lines}) == 6
    assert not any("<" in line["name"] for line in lines)


def test_a_point_between_gaps_is_seen() -> None:
    line, _ = drawn(make_strand([np.inf, 3.0, np.inf, np.nan]))
    assert line["mode"] == "lines+markers"
    assert drawn(make_strand(np.arange(1.0, 99.0)))[0]["mode"] == "lines"


def test_equal_values_get_an_axis_that_says_so() -> None:
    assert value_axis(make_strand([2.0, 2.001, np.inf]), None)["range"] == pytest.approx(
        [1.9, 2.1], rel=1e-3
    )
    assert "range" not in value_axis(make_strand([2.0, 2.1]), None)
