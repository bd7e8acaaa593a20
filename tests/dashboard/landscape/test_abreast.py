"""Bowls beside one another: the same loss has the same colour in each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dashboard.landscape.abreast import landscapes_abreast
from diagnostics.directions import Direction
from diagnostics.loss_landscape import Landscape, loss_landscape
from diagnostics.slices import Grid
from tests.dashboard.around import make_landscape
from tests.diagnostics.bowl import Bowl

GRID = Grid(resolution=5, tolerance=0.0)


def bowl(steepness: float, *, axes: int = 2) -> Landscape:
    space = Bowl(steepness * np.eye(3), floor=1.0)
    directions = [Direction(f"axis {n}", np.eye(3)[n]) for n in range(axes)]
    return loss_landscape(space, directions, GRID)


@pytest.fixture(scope="module")
def figure() -> Any:
    return landscapes_abreast({"flat": bowl(1.0), "<b>steep</b>": bowl(100.0)})


def heat(figure: Any, place: str) -> Any:
    (found,) = [t for t in figure.data if t.type == "heatmap" and t.xaxis == place]
    return found


def test_every_network_shows_its_own_losses(figure: Any) -> None:
    square = np.add.outer(np.linspace(-1, 1, 5) ** 2, np.linspace(-1, 1, 5) ** 2)
    for place, steepness in (("x", 1.0), ("x2", 100.0)):
        found = 10.0 ** heat(figure, place).z
        np.testing.assert_allclose(found, 1 + steepness * square / 2, rtol=1e-5)


def test_all_share_one_scale_from_the_lowest_to_the_highest(figure: Any) -> None:
    assert {heat(figure, place).coloraxis for place in ("x", "x2")} == {"coloraxis"}
    axis = figure.layout.coloraxis
    assert (axis.cmin, axis.cmax) == pytest.approx((0.0, np.log10(101)))
    lines = [trace.contours for trace in figure.data if trace.type == "contour"]
    assert lines[0] == lines[1]


def test_names_are_text(figure: Any) -> None:
    headings = [note.text for note in figure.layout.annotations]
    assert headings[0] == "<b>flat</b>"
    assert "<b>steep" not in headings[1]


def test_one_that_is_not_finished_is_told_from_the_others() -> None:
    figure = landscapes_abreast({"a": make_landscape(), "b": make_landscape(finished=False)})
    headings = [annotation.text for annotation in figure.layout.annotations]
    assert headings == ["<b>a</b>", "<b>b</b> (unfinished)"]


def test_planes_do_not_overlap(figure: Any) -> None:
    left, right = (figure.layout[name].domain for name in ("xaxis", "xaxis2"))
    assert 0 == left[0] < left[1] < right[0] < right[1] <= 1


def test_lines_are_refused() -> None:
    with pytest.raises(ValueError, match="over a plane"):
        landscapes_abreast({"line": bowl(1.0, axes=1)})
    with pytest.raises(ValueError, match="at least one"):
        landscapes_abreast({})
