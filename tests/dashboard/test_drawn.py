"""Whoever has a figure is sent only what changed since."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from dashboard.delta import applied
from dashboard.drawn import MOST, Drawn
from dashboard.typed_arrays import plain


def figure(points: int) -> dict[str, Any]:
    places = np.arange(points)
    return {
        "data": [{"type": "scatter", "x": places, "y": np.sin(places)}],
        "layout": {"height": 9},
    }


def test_a_figure_is_sent_whole_once() -> None:
    drawn = Drawn()
    first = drawn.answer(["run", 1], None, lambda: figure(1000))
    assert set(first) == {"version", "figure"}
    assert drawn.answer(["run", 1], first["version"], lambda: figure(1000)) is None


def test_then_what_was_added() -> None:
    drawn = Drawn()
    first = drawn.answer(["run", 1], None, lambda: figure(1000))
    more = drawn.answer(["run", 2], first["version"], lambda: figure(1010))
    assert more["base"] == first["version"]
    assert len(str(more)) < len(str(first)) / 20
    now = applied(plain(first["figure"]), more["changes"])
    assert np.array_equal(now["data"][0]["y"], np.sin(np.arange(1010)))


def test_a_viewer_of_something_unknown_or_else_is_sent_all() -> None:
    drawn = Drawn()
    assert "figure" in drawn.answer(["run", 2], "forgotten", lambda: figure(20))
    other = drawn.answer(["other", 1], None, lambda: {"data": [], "layout": {}})
    assert "figure" in drawn.answer(["run", 3], other["version"], lambda: figure(30))


def test_each_is_drawn_once_for_all_viewers_and_not_kept_for_ever() -> None:
    drawn, made = Drawn(), []
    for version in (1, 1, *range(2, MOST + 2), 1):
        drawn.answer(["run", version], None, lambda v=version: made.append(v) or figure(5))  # type: ignore[misc]
    assert made == [*range(1, MOST + 2), 1]


def test_several_who_ask_at_once_wait_for_one() -> None:
    drawn, made, together = Drawn(), [], Barrier(4)

    def ask() -> Any:
        together.wait(10)
        return drawn.answer(["run", 1], None, slow)

    def slow() -> dict[str, Any]:
        made.append(1)
        time.sleep(0.1)
        return figure(10)

    with ThreadPoolExecutor(4) as viewers:
        answers = [each.result() for each in [viewers.submit(ask) for _ in range(4)]]
    assert made == [1]
    assert all(each is answers[0] for each in answers)


def test_what_broke_is_tried_again() -> None:
    drawn = Drawn()
    with pytest.raises(ZeroDivisionError):
        drawn.answer(["run", 1], None, lambda: 1 / 0)  # type: ignore[arg-type,return-value]
    assert "figure" in drawn.answer(["run", 1], None, lambda: figure(3))
