"""What lies where on a scale, and in which colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dashboard.heat_scale import counts, decade_ticks, marks, shares, sizes, with_signs
from dashboard.step_heat import Cells, cells, step_grid
from dashboard.theme import LIGHT


def made(values: Any) -> Cells:
    """One layer, a step for each value."""
    rows = np.array(values, float)[:, None]
    return cells(step_grid(np.arange(len(rows)), 1), ("a",), rows, rows)


def test_sizes_of_many_decades_are_drawn_as_such() -> None:
    found = sizes(made([1e-6, 1e-2, 0.0]))
    trace, zero = found.traces
    np.testing.assert_allclose(trace["z"][0], [-6, -2, np.nan], rtol=1e-3)
    assert np.argwhere(zero["z"] == 1).tolist() == [[0, 2]]
    assert (found.axis["cmin"], found.axis["cmax"]) == pytest.approx((-6, -2))
    assert trace["coloraxis"] == "coloraxis"


def test_sizes_that_hardly_differ_are_drawn_as_they_are() -> None:
    (trace,) = sizes(made([1.0, 2.0, 4.0])).traces
    assert trace["z"][0].tolist() == [1, 2, 4]
    assert sizes(made([1.0, 2.0]), "log").traces[0]["z"][0, 1] == pytest.approx(0.301, abs=1e-3)
    assert sizes(made([1e-6, 1.0]), "linear").traces[0]["z"][0, 1] == 1


def test_a_lone_outlier_does_not_take_all_the_colours() -> None:
    found = sizes(made([*np.linspace(1, 10, 999), 1e12]))
    assert found.axis["cmax"] < 3


def test_signs_are_mirrored_about_a_quiet_middle() -> None:
    found = with_signs(made([-2.0, 0.0, 1.0]), LIGHT)
    assert (found.axis["cmin"], found.axis["cmax"]) == pytest.approx((-2, 2), rel=0.02)
    assert found.axis["colorscale"][1] == [0.5, LIGHT.grid]
    assert found.traces[0]["z"][0].tolist() == [-2, 0, 1]


@pytest.mark.parametrize(
    ("values", "scale"), [([1e6, -1e6, 1.0, -2.0, 3.0], None), ([-1, 1], "log")]
)
def test_signs_over_many_decades_go_both_ways_in_a_trace_each(
    values: list[float], scale: str | None
) -> None:
    bar, up, down = with_signs(made(values), LIGHT, scale).traces
    for trace, sign in ((up, 1), (down, -1)):
        there = sign * np.array(values) > 0
        assert np.isfinite(trace["z"][0]).tolist() == there.tolist()
        np.testing.assert_allclose(
            trace["z"][0, there], np.log10(np.abs(values))[there], rtol=2e-3, atol=1e-6
        )
    assert down["hovertemplate"].count("\N{MINUS SIGN}10<sup>") == 1
    assert bar["marker"]["coloraxis"] == "coloraxis"


def test_shares_and_counts() -> None:
    assert shares(made([0.0, 1.0]), LIGHT).axis["cmax"] == 1
    found = counts(made([0.0, 3072.0]), LIGHT)
    assert (found.axis["cmax"], found.axis["colorbar"]["ticktext"]) == (3072, ["0", "3,072"])


def test_what_is_no_number_is_marked() -> None:
    broken, absent = marks(made([1.0, np.inf, np.nan]), LIGHT)
    assert np.argwhere(broken["z"] == 1).tolist() == [[0, 1]]
    assert np.argwhere(absent["z"] == 1).tolist() == [[0, 2]]
    assert broken["colorscale"][0][1] == LIGHT.nonfinite
    assert marks(made([1.0]), LIGHT) == []


@pytest.mark.parametrize("values", [[np.nan], [np.inf, np.nan], [0.0, 0.0], [5.0], [1e300, 1e-300]])
@pytest.mark.parametrize("scale", [None, "log", "linear"])
def test_whatever_was_recorded_has_a_finite_scale(values: list[float], scale: str | None) -> None:
    for found in (sizes(made(values), scale), with_signs(made(values), LIGHT, scale)):
        assert found.axis["cmin"] < found.axis["cmax"]
        assert np.isfinite([found.axis["cmin"], found.axis["cmax"]]).all()


def test_ticks_of_decades() -> None:
    assert decade_ticks(-8.2, -2.1)[1][:2] == ["1e\N{MINUS SIGN}8", "1e\N{MINUS SIGN}7"]
    assert decade_ticks(0.1, 0.4)[0] == [0.1, 0.4]
