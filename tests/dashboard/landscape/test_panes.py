"""Small charts in rows: none on another, ticks where they are read."""

from __future__ import annotations

import pytest

from dashboard.landscape.panes import WIDEST, axis_id, columns_for, heading, outer_ticks, placed
from dashboard.theme import palette


@pytest.mark.parametrize("many", range(1, 13))
def test_rows_are_as_full_as_can_be(many: int) -> None:
    columns = columns_for(many)
    rows = -(-many // columns)
    assert columns <= WIDEST
    assert rows * columns - many < rows
    assert columns == many or many > WIDEST


@pytest.mark.parametrize("columns", [1, 2, 3, 5])
@pytest.mark.parametrize("many", [1, 2, 4, 7, 12])
def test_no_two_charts_overlap(many: int, columns: int) -> None:
    axes = placed(many, columns)
    boxes = [
        (axes[axis_id("xaxis", n)]["domain"], axes[axis_id("yaxis", n)]["domain"])
        for n in range(1, many + 1)
    ]
    for place, (x, y) in enumerate(boxes):
        assert 0 <= x[0] < x[1] <= 1
        assert 0 <= y[0] < y[1] <= 1
        for other_x, other_y in boxes[place + 1 :]:
            apart_x = x[1] < other_x[0] or other_x[1] < x[0]
            apart_y = y[1] < other_y[0] or other_y[1] < y[0]
            assert apart_x or apart_y


def test_from_the_left_and_row_by_row() -> None:
    axes = placed(5, 3)
    assert axes["xaxis4"]["domain"] == axes["xaxis"]["domain"]
    assert axes["yaxis3"]["domain"] == axes["yaxis"]["domain"]
    assert axes["yaxis4"]["domain"][1] < axes["yaxis"]["domain"][0]
    assert (axes["xaxis4"]["anchor"], axes["yaxis"]["anchor"]) == ("y4", "x")


def test_ticks_at_the_left_and_where_no_chart_is_below() -> None:
    ticks = outer_ticks(5, 3)
    shown = {name for name, axis in ticks.items() if axis["showticklabels"]}
    assert shown == {"yaxis", "yaxis4", "xaxis3", "xaxis4", "xaxis5"}


def test_a_heading_stands_on_its_chart() -> None:
    told = heading(3, "class 2", palette("light"))
    assert (told["xref"], told["yref"]) == ("x3 domain", "y3 domain")
    assert "class 2" in told["text"]
