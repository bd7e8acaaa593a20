"""Each kind of event in one trace, at its steps, on an axis of its own."""

from __future__ import annotations

import numpy as np

from dashboard.loss_events import BAD, MARKS, events, lifted
from dashboard.theme import palette
from diagnostics.loss_curve import KINDS
from tests.dashboard.figures.test_loss_curve import make_curve


def test_only_what_happened_has_a_trace() -> None:
    curve = make_curve(
        happened=np.array([3, 5, 9]), kinds=("jump", "best", "jump"), words=("up", "down", "again")
    )
    drawn = {trace["name"]: trace for trace in events(curve, palette("light"))}
    assert list(drawn) == ["jump", "best"]
    assert drawn["jump"]["x"].tolist() == [3, 9]
    assert drawn["jump"]["text"] == ["up", "again"]


def test_what_is_bad_is_red_by_more_than_its_sign() -> None:
    curve = make_curve(happened=np.arange(len(KINDS)), kinds=KINDS, words=("",) * len(KINDS))
    colours = palette("dark")
    for trace in events(curve, colours):
        assert (trace["marker"]["color"] == colours.error) == (trace["name"] in BAD)


def test_a_loss_named_like_an_event_stays_on_its_axis() -> None:
    assert "yaxis" not in lifted({"name": "jump"})
    assert lifted({"name": "jump", "text": []})["yaxis"] == f"y{MARKS}"
