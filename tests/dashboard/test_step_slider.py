"""Each stop of the slider changes the figure by itself."""

from __future__ import annotations

from plotly.graph_objects import Figure

from dashboard.step_slider import PLAYED, played, step_slider, stop
from dashboard.theme import palette


def test_stops_stand_in_order_and_carry_their_changes() -> None:
    stops = [stop(step, {"y": [[step]]}, {}, [0]) for step in (1, 1000)]
    made = step_slider(stops, 1, palette("light"), prefix="step ", room=36)
    (slider,) = Figure(layout={"sliders": [made]}).layout.sliders  # plotly checks every key
    assert [each.label for each in slider.steps] == ["1", "1,000"]
    assert [each.args[0]["y"] for each in slider.steps] == [[[1]], [[1000]]]
    assert (slider.active, slider.currentvalue.prefix, slider.pad.t) == (1, "step ", 36)
    assert (slider.pad.l, Figure(layout={"sliders": [played(made)]}).layout.sliders[0].pad.l) == (
        0,
        PLAYED,
    )
