"""A line with two ribbons, held-out data dashed, accuracy below."""

from __future__ import annotations

import numpy as np

from dashboard.landscape.line import line_layout, line_traces
from dashboard.theme import palette
from tests.dashboard.around import make_line

LIGHT = palette("light")


def test_the_ribbon_of_the_rise_closes_at_the_centre_the_other_does_not() -> None:
    outer, inner = [t for t in line_traces(make_line(), LIGHT) if t.get("fill") == "toself"]
    middle = 5

    def width(ribbon: dict[str, np.ndarray]) -> float:
        return float(ribbon["y"][middle] - ribbon["y"][-1 - middle])

    assert width(inner) == 0
    assert width(outer) > 0.07


def test_lines_by_name() -> None:
    named = {trace.get("name"): trace for trace in line_traces(make_line(), LIGHT)}
    assert {"loss", "held-out loss", "accuracy"} <= set(named)
    assert "held-out accuracy" not in named
    assert named["held-out loss"]["line"]["dash"] == "dash"
    assert named["accuracy"]["yaxis"] == "y2"


def test_holes_are_crosses_at_the_top() -> None:
    line = make_line()
    line.loss[-1] = np.nan
    (crosses,) = [t for t in line_traces(line, LIGHT) if t.get("name") == "NaN or infinity"]
    assert crosses["x"].tolist() == [1.0]
    assert crosses["y"].tolist() == [np.nanmax(line.loss)]


def test_the_layout_marks_the_centre_and_names_the_direction() -> None:
    layout = line_layout(make_line(), LIGHT, log=True)
    assert layout["shapes"][0]["x0"] == 0
    assert layout["xaxis"]["title"]["text"] == "towards step 9"
    assert layout["yaxis"]["type"] == "log"
    assert layout["meta"]["narrow"]["xaxis"]["title"]["text"] == "towards step 9"
    assert not line_layout(make_line(accuracy=None), LIGHT, log=True)["yaxis2"]["visible"]


def test_a_held_out_loss_of_zero_has_no_logarithm() -> None:
    landscape = make_line()
    assert line_layout(landscape, LIGHT, log=True)["yaxis"]["type"] == "log"
    unseen = make_line(held_out_loss=landscape.loss * 0)
    assert line_layout(unseen, LIGHT, log=True)["yaxis"]["type"] == "linear"
