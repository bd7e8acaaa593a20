"""Several planes beside one another, on colours that compare."""

from __future__ import annotations

from dashboard.loss_multiples import multiple_layout, multiple_traces, multiples
from dashboard.theme import palette
from tests.dashboard.around import make_landscape

LIGHT = palette("light")


def test_what_there_is() -> None:
    names = [name for name, _ in multiples(make_landscape())]
    assert names == ["loss", "held-out loss", "accuracy", "held-out accuracy"]
    few = make_landscape(held_out_loss=None, held_out_accuracy=None)
    assert [name for name, _ in multiples(few)] == ["loss", "accuracy"]


def test_losses_share_their_colours_and_accuracies_theirs() -> None:
    traces = multiple_traces(make_landscape(), "log", LIGHT)
    heat_maps = [trace for trace in traces if trace["type"] == "heatmap"]
    assert [trace["coloraxis"] for trace in heat_maps] == [
        *["coloraxis"] * 2,
        *["coloraxis2"] * 2,
    ]
    assert [trace["xaxis"] for trace in heat_maps] == ["x", "x2", "x3", "x4"]
    layout = multiple_layout(make_landscape(), "linear", LIGHT)
    assert layout["coloraxis"]["cmax"] == make_landscape().loss.max() * 2
    assert (layout["coloraxis2"]["cmin"], layout["coloraxis2"]["cmax"]) == (0, 1)


def test_no_two_planes_overlap() -> None:
    layout = multiple_layout(make_landscape(), "log", LIGHT)
    boxes = [(layout[f"xaxis{n}"]["domain"], layout[f"yaxis{n}"]["domain"]) for n in range(1, 5)]
    for place, (x, y) in enumerate(boxes):
        assert 0 <= x[0] < x[1] <= 1
        assert 0 <= y[0] < y[1] <= 1
        for other_x, other_y in boxes[place + 1 :]:
            apart_x = x[1] < other_x[0] or other_x[1] < x[0]
            apart_y = y[1] < other_y[0] or other_y[1] < y[0]
            assert apart_x or apart_y
