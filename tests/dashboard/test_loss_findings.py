"""Findings on a loss: at their steps, named, told apart by sign and colour, none over another."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.figures.loss_curve import draw
from dashboard.first_seen import Seen
from dashboard.loss_events import MARKS
from dashboard.loss_findings import LEVELS, SYMBOLS, findings
from dashboard.theme import palette
from tests.dashboard.figures.test_loss_curve import make_curve
from tests.dashboard.samples import HOSTILE

COLOURS = palette("light")
SPAN = (0, 100)


def seen(step: int, disease: str = "dead_relu", **changes: Any) -> Seen:
    told = {"severity": "error", "symptom": "It fell.", "because_of": ""} | changes
    return Seen(step, disease=disease, **told)  # type: ignore[arg-type]


def test_a_sign_and_a_colour_for_each_severity() -> None:
    told = [seen(3), seen(70, "plateau", severity="warning")]
    drawn = findings(told, SPAN, COLOURS)
    assert [trace["marker"]["symbol"] for trace in drawn] == [SYMBOLS["error"], SYMBOLS["warning"]]
    assert [trace["marker"]["color"] for trace in drawn] == [COLOURS.error, COLOURS.warning]
    assert len(set(SYMBOLS.values())) == len(SYMBOLS)
    assert [list(trace["x"]) for trace in drawn] == [[3], [70]]
    assert findings([], SPAN, COLOURS) == []


def test_names_stand_on_lines_of_their_own_and_inside_of_the_chart() -> None:
    told = [seen(step, f"disease_{step}") for step in (5, 5, 95, 40, 60, 7, 8)]
    (drawn,) = findings(told, SPAN, COLOURS)
    named = [place for place, text in enumerate(drawn["text"]) if text]
    assert named == list(range(LEVELS))
    assert len({drawn["y"][place] for place in named}) == LEVELS
    assert all(0 < y < 1 for y in drawn["y"])
    sides = drawn["textposition"]
    assert (sides[0], sides[2]) == ("middle right", "middle left")


def test_what_a_cause_brings_is_a_small_sign_on_its_line() -> None:
    told = [seen(3), seen(9, "plateau", because_of="dead_relu"), seen(5, "lr_too_low")]
    (drawn,) = findings(told, SPAN, COLOURS)
    assert drawn["y"][0] == drawn["y"][1] > drawn["y"][2]
    assert drawn["marker"]["size"][1] < drawn["marker"]["size"][0]
    assert drawn["text"][1] == ""
    assert "because of: Dead ReLU" in drawn["hovertext"][1]


def test_a_hover_says_which_and_where_whatever_it_is_called() -> None:
    (drawn,) = findings([seen(-4, HOSTILE, symptom=f"{HOSTILE} " * 9)], SPAN, COLOURS)
    told = drawn["hovertext"][0]
    assert "first seen at step -4" in told
    assert list(drawn["x"]) == [0]  # at the edge, not outside of it
    assert "<img" not in told + drawn["text"][0]
    assert "%{x}" not in told


def test_in_the_loss_curve_they_stand_over_the_losses() -> None:
    curve = make_curve(score_name="acc", score_steps=np.array([9]), score=np.array([0.9]))
    plain, marked = draw(curve), draw(curve, told=(seen(7),))
    (added,) = [trace for trace in marked.data if trace.name == "error, first seen"]
    assert len(marked.data) == len(plain.data) + 1
    assert (added.yaxis, added.xaxis, added.showlegend) == (f"y{MARKS}", "x", False)
    assert marked.layout.height == plain.layout.height  # nothing moves when they come
