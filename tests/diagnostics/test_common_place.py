"""Values at the last place that several runs reached."""

from __future__ import annotations

import math

import numpy as np

from diagnostics.common_place import common_places
from diagnostics.comparison import Comparison, Curve, Overlay, comparison
from tests.twins import twin


def test_the_longer_run_is_looked_at_where_the_shorter_one_ended() -> None:
    base, shorter = twin("base"), twin("shorter")
    found = {each.name: each for each in common_places(comparison([base, shorter]))}
    assert (found["loss"].place, found["loss"].is_end) == (8, False)
    assert found["loss"].values == (base.scalar("loss").values[7], shorter.scalar("loss").values[7])


def test_by_hand() -> None:
    def curve(run: int, places: list[float], values: list[float]) -> Curve:
        found = np.array(values)
        return Curve(run, np.arange(len(places)), np.array(places), found, found)

    shared = Overlay("a", (curve(0, [0, 10, 20], [5, 6, 7]), curve(2, [12, 19], [1, 2])))
    late = Overlay("b", (curve(0, [3], [4]), curve(1, [8], [9])))
    alone = Overlay("c", (curve(0, [0], [1]),))
    told = Comparison(("x", "y", "z"), "step", "step", 0.0, (shared, late, alone), ())
    first, second = common_places(told)
    assert (first.place, first.values[0], first.values[2]) == (19, 6, 2)
    assert math.isnan(first.values[1])
    assert second.values[0] == 4
    assert math.isnan(second.values[1])  # it began later
