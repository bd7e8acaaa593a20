"""A delta leads exactly from one figure to the next, and is no larger than what has changed."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from dashboard.delta import applied, delta
from dashboard.typed_arrays import packed, plain
from tests.dashboard.altered import pairs


def assert_same(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert_same(value, other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for each, its in zip(one, other, strict=True):
            assert_same(each, its)
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other)
        assert one.shape == other.shape
    else:
        assert one == other
        assert isinstance(one, bool) == isinstance(other, bool)


def sent(changes: Any) -> Any:
    return json.loads(json.dumps(changes, allow_nan=False))


def test_a_delta_leads_to_the_new_figure_and_leaves_the_old_one() -> None:
    carried = 0
    for old, new in pairs(300):
        kept, changes = deepcopy(old), delta(old, new)
        if changes is not None:
            carried += 1
            assert_same(applied(old, sent(changes)), plain(new))
        assert_same(old, kept)
    assert carried > 50


def test_what_plotly_has_packed_is_compared_by_its_numbers() -> None:
    steps = np.arange(1000)
    old, new = ({"data": [{"x": packed(steps[:many])}]} for many in (900, 910))
    changes = delta(old, new)
    assert changes is not None
    (change,) = changes
    assert (change["path"], change["from"], change["to"]) == (["data", 0, "x"], 900, 900)
    np.testing.assert_array_equal(plain(change["tail"]), np.arange(900, 910))


def test_nothing_new_is_no_change() -> None:
    figure = {"data": [{"y": np.array([1.0, np.nan]), "text": ["a", None], "width": np.nan}]}
    assert delta(figure, deepcopy(figure)) == []


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ({"a": 1}, {"a": True}, ["a"]),
        ({"a": {}}, {"a": None}, ["a"]),
        ({"a": np.zeros(3)}, {"a": [0.0, 0.0, 0.0]}, ["a"]),
        ({"a": np.zeros((2, 3))}, {"a": np.zeros((3, 3))}, ["a"]),
        ({"a": [1, [2]]}, {"a": [1, [3]]}, ["a", 1]),
    ],
)
def test_what_looks_alike_is_told_apart(old: Any, new: Any, path: Any) -> None:
    room = {"filling": "x" * 500}
    changes = delta(old | room, new | room)
    assert changes is not None
    assert [change["path"] for change in changes] == [path]
    assert_same(applied(old, sent(changes)), plain(new))


def test_a_grown_map_sends_its_last_columns() -> None:
    cells = np.random.default_rng(0).normal(size=(200, 101)).astype(np.float32)
    grown = cells.copy()
    grown[3, 99] += 1
    changes = delta({"data": [{"z": cells[:, :100]}]}, {"data": [{"z": grown}]})
    assert changes is not None
    assert changes[0]["columns"] == 99
    assert changes[0]["tail"]["shape"] == "200, 2"
    assert len(json.dumps(changes)) < 200 * 2 * 4 * 4 / 3 + 200


def test_a_point_put_in_between_sends_no_more_than_itself() -> None:
    outline = np.arange(10.0)
    changes = delta({"x": outline}, {"x": np.insert(outline, 4, [9.0, 9.5])})
    assert changes is not None
    assert (changes[0]["from"], changes[0]["to"]) == (4, 4)
    np.testing.assert_array_equal(plain(changes[0]["tail"]), [9.0, 9.5])


def test_a_figure_made_anew_is_sent_whole() -> None:
    drawn = np.random.default_rng(0)
    old, new = ({"data": [{"y": drawn.normal(size=500)}]} for _ in range(2))
    assert delta(old, new) is None
