"""A function of two inputs, as data."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.function_plane import (
    MOST_DOTS,
    is_grid,
    plane_change,
    plane_layout,
    plane_traces,
)
from dashboard.theme import LIGHT
from diagnostics.learned_function import LearnedFunction, learned_function

X, Y = np.array([-1.0, 0, 3]), np.array([0.5, 2, 4, 7])


def on_a_grid(*, target: bool = True) -> LearnedFunction:
    """x + 10 y, in any order; the network has a half of it, then all."""
    rng = np.random.default_rng(0)
    inputs = rng.permutation(np.array([(x, y) for x in X for y in Y]))
    wanted = inputs @ [1, 10]
    values = np.stack([wanted / 2, wanted])
    return learned_function([1, 8], inputs, values, wanted if target else None)


def scattered(count: int = 30) -> LearnedFunction:
    inputs = np.random.default_rng(0).normal(size=(count, 2))
    return learned_function([1, 8], inputs, np.stack([inputs[:, 0], inputs[:, 1]]), inputs[:, 1])


def test_on_a_grid_each_cell_is_the_value_there() -> None:
    network, target = plane_traces(on_a_grid(), 0, 0, LIGHT)
    np.testing.assert_array_equal(network["x"], X)
    np.testing.assert_array_equal(network["y"], Y)
    np.testing.assert_allclose(target["z"], X[None] + 10 * Y[:, None])
    np.testing.assert_allclose(network["z"], (X[None] + 10 * Y[:, None]) / 2)
    assert (network.get("xaxis"), target["xaxis"]) == (None, "x3")


def test_elsewhere_each_example_is_a_dot_in_its_colour() -> None:
    learned = scattered()
    network, target = plane_traces(learned, 0, 0, LIGHT)
    np.testing.assert_allclose(network["marker"]["color"], network["x"], rtol=1e-4)
    np.testing.assert_allclose(target["marker"]["color"], target["y"], rtol=1e-4)
    assert {each["marker"]["line"]["color"] for each in (network, target)} == {LIGHT.dimmed}
    assert len(plane_traces(scattered(5000), 0, 0, LIGHT)[0]["x"]) == MOST_DOTS


@pytest.mark.parametrize("made", [on_a_grid, scattered])
def test_a_change_gives_what_the_picture_of_its_record_has(made) -> None:
    learned = made()
    for record in (0, 1):
        trace, change = plane_traces(learned, 0, record, LIGHT)[0], plane_change(learned, 0, record)
        shown = trace["z"] if "z" in change else trace["marker"]["color"]
        assert [*change.values()] == [[shown]]


def test_a_grid_has_one_example_at_each_crossing() -> None:
    grid = np.array([(x, y) for x in X for y in Y])
    assert is_grid(grid)
    assert not is_grid(grid[:-1])
    assert not is_grid(np.vstack([grid[:-1], grid[:1]]))
    assert not is_grid(scattered().inputs)


def test_both_pictures_have_one_scale_and_move_together() -> None:
    layout = plane_layout(on_a_grid(), 0)
    assert layout["coloraxis"]["cmin"] < -0.5 + 5
    assert layout["coloraxis"]["cmax"] > 3 + 70
    assert (layout["xaxis3"]["matches"], layout["yaxis3"]["matches"]) == ("x", "y")
    assert [each["text"] for each in layout["annotations"]] == ["network", "target"]


def test_without_a_target_there_is_one_picture() -> None:
    alone = on_a_grid(target=False)
    assert len(plane_traces(alone, 0, 0, LIGHT)) == 1
    assert "xaxis3" not in plane_layout(alone, 0)
