"""Cells hold the record that ranks highest, and there are never too many."""

from __future__ import annotations

import numpy as np

from dashboard.step_heat import (
    LABEL_LENGTH,
    MOST_BINS,
    MOST_CELLS,
    MOST_LABELS,
    heat_map,
    is_binned,
    layer_axis,
    shortened,
    step_grid,
)


def test_few_steps_have_a_cell_each() -> None:
    grid = step_grid(np.arange(0, 100, 10), 2)
    values = np.arange(20.0).reshape(10, 2)
    heat = heat_map(grid, ("a", "b"), values, values, -values)
    assert not is_binned(grid)
    np.testing.assert_array_equal(heat["z"], -values.T)
    np.testing.assert_array_equal(heat["customdata"][1, :, 1], np.arange(0, 100, 10))


def test_a_lone_extreme_of_many_records_is_kept() -> None:
    grid = step_grid(np.arange(20_000), 3)
    values = np.ones((20_000, 3))
    values[12_345, 1] = 1e-6
    heat = heat_map(grid, "abc", values, -values, np.log10(values))
    row, column = np.unravel_index(np.argmin(heat["z"]), heat["z"].shape)
    assert (row, heat["z"][row, column]) == (1, -6)
    assert heat["customdata"][row, column, 1] == 12_345
    assert heat["z"].shape == (3, MOST_BINS)


def test_many_layers_get_fewer_columns() -> None:
    grid = step_grid(np.arange(5000), 400)
    assert len(grid.bins.members) * 400 <= MOST_CELLS


def test_labels_are_text_short_and_few() -> None:
    names = [f"<b>{'block.' * 9}{n}</b>" for n in range(200)]
    axis = layer_axis(names)
    assert len(axis["ticktext"]) <= MOST_LABELS
    assert not any("<" in label for label in (*axis["ticktext"], *axis["categoryarray"]))
    assert shortened(names[7]).endswith(".7</b>")
    assert len(shortened(names[7])) == LABEL_LENGTH
    assert shortened("short") == "short"


def test_log_spaced_steps_get_a_log_axis() -> None:
    layout = step_grid(np.unique(np.geomspace(1, 10_000, 60).astype(int)), 3).layout()
    ticks = dict(zip(layout["ticktext"], layout["tickvals"], strict=True))
    assert ticks == {"1": 0, "10": 1, "100": 2, "1k": 3, "10k": 4}
