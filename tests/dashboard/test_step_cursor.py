"""The line lies where its step does, on any axis."""

from __future__ import annotations

from dashboard.binning import StepAxis
from dashboard.step_cursor import cursor
from dashboard.theme import LIGHT


def test_a_line_in_every_chart() -> None:
    layout = cursor(StepAxis(log=True, shift=1), 99, LIGHT, ("", "2"))
    assert [shape["xref"] for shape in layout["shapes"]] == ["x", "x2"]
    assert {(shape["x0"], shape["x1"], shape["visible"]) for shape in layout["shapes"]} == {
        (2.0, 2.0, True)
    }
    assert layout["meta"] == {"steps": {"log": True, "shift": 1}, "axes": ["", "2"]}


def test_without_a_step_it_waits_unseen() -> None:
    (shape,) = cursor(StepAxis(log=True, shift=0), None, LIGHT)["shapes"]
    assert shape["visible"] is False
