"""Whatever stop a slider comes from, a stop makes its own drawing whole."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.dropout.moves import moves

SAME = {"x": np.arange(3.0), "y": np.ones(3), "name": "same"}


def drawing(value: float, **more: Any) -> list[dict[str, Any]]:
    moving = {"x": np.arange(2.0), "y": np.array([value, np.nan]), "name": "moving"}
    return [SAME, moving | more, {"z": np.full((2, 2), value)}]


def test_only_what_differs_anywhere_is_changed_and_then_everywhere() -> None:
    made = moves([drawing(1.0), drawing(2.0), drawing(1.0, name="other")], 5)
    assert [traces for _, traces in made] == [[6, 7]] * 3
    assert [set(data) for data, _ in made] == [{"y", "z", "name"}] * 3
    assert made[1][0]["y"] == [[2.0, None], None]
    assert made[1][0]["z"] == [None, [[2.0, 2.0], [2.0, 2.0]]]
    assert [data["name"][0] for data, _ in made] == ["moving", "moving", "other"]


def test_parts_of_a_trace_are_named_with_a_dot() -> None:
    ends = [[{"error_y": {"array": np.array([value])}}] for value in (0.1, 0.2)]
    assert [data for data, _ in moves(ends, 0)] == [
        {"error_y.array": [[0.1]]},
        {"error_y.array": [[0.2]]},
    ]


def test_drawings_all_alike_change_nothing() -> None:
    assert moves([drawing(1.0), drawing(1.0)], 0) == [({}, []), ({}, [])]
