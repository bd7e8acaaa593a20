"""A function along a line, as data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dashboard.function_line import DOTS, MOST_POINTS, line_change, line_layout, line_traces
from dashboard.theme import LIGHT
from diagnostics.learned_function import LearnedFunction, learned_function
from tests.dashboard.samples import HOSTILE


def parabola(count: int = 9, **changes: Any) -> LearnedFunction:
    """At places in any order; the network is so many tenths of its target."""
    x = np.random.default_rng(0).permutation(np.linspace(0, 2, count))
    values = np.linspace(0, 1, 11)[:, None] * x**2
    return learned_function(range(11), x, values, x**2, **changes)


def test_examples_are_drawn_from_left_to_right() -> None:
    network, target = line_traces(parabola(), 0, 5, LIGHT)
    assert network["x"] == target["x"] == np.linspace(0, 2, 9).tolist()
    np.testing.assert_allclose(target["y"], np.linspace(0, 2, 9) ** 2, rtol=1e-4)
    np.testing.assert_allclose(network["y"], np.linspace(0, 2, 9) ** 2 / 2, rtol=1e-4)


def test_a_change_gives_what_the_picture_of_its_record_has() -> None:
    learned = parabola()
    for record in range(11):
        (row,) = line_change(learned, 0, record)["y"]
        assert row == line_traces(learned, 0, record, LIGHT)[0]["y"]


def test_of_very_many_examples_some_are_drawn_with_both_ends() -> None:
    (first, last) = np.array(line_traces(parabola(5000), 0, 0, LIGHT)[0]["x"])[[0, -1]]
    assert (first, last) == (0, 2)
    assert len(line_traces(parabola(5000), 0, 0, LIGHT)[0]["x"]) == MOST_POINTS
    assert line_traces(parabola(DOTS), 0, 0, LIGHT)[0]["mode"] == "lines+markers"
    assert line_traces(parabola(DOTS + 1), 0, 0, LIGHT)[0]["mode"] == "lines"


def test_what_is_no_number_is_a_gap() -> None:
    x = np.arange(4.0)
    learned = learned_function([0], x, np.array([[1, np.nan, np.inf, 2]]), x)
    assert line_traces(learned, 0, 0, LIGHT)[0]["y"] == [1, None, None, 2]


def test_the_axis_follows_the_function_but_not_to_where_it_explodes() -> None:
    x = np.linspace(0, 1, 5)
    near = learned_function([0, 1], x, np.stack([x, x + 0.2]), x)
    np.testing.assert_allclose(line_layout(near, 0)["yaxis"]["range"], [-0.05, 1.25])
    far = learned_function([0, 1], x, np.stack([x, x * 1e9]), x)
    np.testing.assert_allclose(line_layout(far, 0)["yaxis"]["range"], [-0.05, 1.65])
    none = learned_function([0, 1], x, np.full((2, 5), np.nan))
    assert np.isfinite(line_layout(none, 0)["yaxis"]["range"]).all()


def test_without_a_target_the_function_is_alone() -> None:
    x = np.linspace(0, 1, 5)
    alone = learned_function([0, 1], x, np.stack([x, 2 * x]))
    assert [trace["name"] for trace in line_traces(alone, 0, 0, LIGHT)] == ["network"]
    low, high = line_layout(alone, 0)["yaxis"]["range"]
    assert low < 0
    assert high > 1.9


def test_the_axis_is_named_in_letters() -> None:
    title = line_layout(replace(parabola(), axis=HOSTILE), 0)["xaxis"]["title"]["text"]
    assert "<" not in title
    assert "%{" not in title
