"""Cells hold the record that ranks highest, and there are never too many."""

from __future__ import annotations

import numpy as np

from dashboard.step_heat import (
    LABEL_LENGTH,
    MOST_BINS,
    MOST_CELLS,
    MOST_LABELS,
    MOST_TOLD,
    cells,
    is_binned,
    layer_axis,
    shortened,
    step_grid,
    step_layout,
)

SPACED = np.unique(np.geomspace(1, 10_000, 60).astype(int))


def test_few_steps_have_a_cell_each() -> None:
    grid = step_grid(np.arange(0, 100, 10), 2)
    values = np.arange(20.0).reshape(10, 2)
    found = cells(grid, ("a", "b"), values, values)
    assert not is_binned(grid)
    np.testing.assert_array_equal(found.values, values.T)
    np.testing.assert_array_equal(found.steps[1], np.arange(0, 100, 10))
    trace = found.painted(-found.values, "%{z}")
    np.testing.assert_array_equal(trace["z"], -values.T)
    assert (trace["x0"], trace["dx"]) == (0, 10)


def test_a_lone_extreme_of_many_records_is_kept() -> None:
    grid = step_grid(np.arange(20_000), 3)
    values = np.ones((20_000, 3))
    values[12_345, 1] = 1e-6
    found = cells(grid, "abc", values, -values)
    assert is_binned(grid)
    assert np.argwhere(found.values < 1).tolist() == np.argwhere(found.steps == 12_345).tolist()
    assert found.values.min() == 1e-6
    assert MOST_BINS / 2 <= found.values.shape[1] <= MOST_BINS


def test_many_layers_get_fewer_columns() -> None:
    for layers in (400, 2_000):
        grid = step_grid(np.arange(5000), layers)
        assert len(grid.bins.members) * layers <= MOST_CELLS


def test_three_digits_travel_where_they_are_enough() -> None:
    grid = step_grid(np.arange(4), 1)
    for values, few in (([0.1, 1.0, 3.3333, -7.77], True), ([1e30, 1e-9, 0, 5.0], False)):
        rows = np.array(values)[:, None]
        found = cells(grid, "a", rows, rows)
        z = found.painted(found.values, "")["z"]
        assert z.dtype == np.float32
        np.testing.assert_allclose(z[0], values, rtol=1e-3)
        assert (z == z.astype(np.float16)).all() == few if few else z[0, 0] > 1e29


def test_marks_are_in_a_colour_of_their_own_and_only_where_they_are() -> None:
    grid = step_grid(np.arange(3), 2)
    values = np.array([[1, np.inf], [np.nan, 2], [3, 4]])
    found = cells(grid, "ab", values, values)
    (trace,) = found.marked(np.isinf(found.values), "#e64bb0", "NaN or infinity")
    assert np.argwhere(trace["z"] == 1).tolist() == [[1, 0]]
    assert np.isnan(trace["z"]).sum() == 5
    assert {colour for _, colour in trace["colorscale"]} == {"#e64bb0"}
    assert found.marked(found.values < 0, "red", "never") == []


def test_what_is_not_finite_is_blank_on_the_scale() -> None:
    values = np.array([[np.inf], [np.nan], [1.0]])
    found = cells(step_grid(np.arange(3), 1), "a", values, values)
    assert np.isnan(found.painted(found.values, "")["z"]).tolist() == [[True, True, False]]


def test_the_pointer_is_told_the_step() -> None:
    values = np.ones((len(SPACED), 1))
    on_log = cells(step_grid(SPACED, 1), "a", values, values).painted(values.T, "%{z}")
    assert on_log["customdata"].dtype == np.uint16
    assert set(on_log["customdata"][0]) <= set(SPACED.tolist())
    assert "step %{customdata:,d}" in on_log["hovertemplate"]
    plain = cells(step_grid(np.arange(9), 1), "a", np.ones((9, 1)), np.ones((9, 1)))
    assert "customdata" not in plain.painted(plain.values, "")
    assert "step %{x:,.0f}" in plain.painted(plain.values, "")["hovertemplate"]


def test_of_very_many_cells_none_brings_its_step_along() -> None:
    rows = 400
    values = np.ones((len(SPACED), rows))
    found = cells(step_grid(SPACED, rows), [str(n) for n in range(rows)], values, values)
    assert found.steps.size > MOST_TOLD
    assert "customdata" not in found.painted(found.values, "")


def test_labels_are_text_short_and_few() -> None:
    names = [f"<b>{'block.' * 9}{n}</b>" for n in range(200)]
    axis = layer_axis(names)
    assert len(axis["ticktext"]) <= MOST_LABELS
    assert not any("<" in label for label in (*axis["ticktext"], *axis["categoryarray"]))
    assert shortened(names[7]).endswith(".7</b>")
    assert len(shortened(names[7])) == LABEL_LENGTH
    assert shortened("short") == "short"


def test_log_spaced_steps_get_a_log_axis() -> None:
    layout = step_grid(SPACED, 3).layout()
    ticks = dict(zip(layout["ticktext"], layout["tickvals"], strict=True))
    assert ticks == {"1": 0, "10": 1, "100": 2, "1k": 3, "10k": 4}


def test_few_steps_have_a_tick_each_between_the_ends_that_were_asked_for() -> None:
    grid = step_grid(np.array([5, 7, 9]), 1)
    layout = step_layout(grid.axis, grid.steps, [0, 20])
    assert (layout["tickvals"], layout["range"]) == ([5, 7, 9], [0, 20])
