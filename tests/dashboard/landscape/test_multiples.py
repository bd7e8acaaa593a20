"""Several planes beside one another, on colours that compare."""

from __future__ import annotations

from dashboard.landscape.multiples import multiple_layout, multiple_traces, multiples
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


def test_each_heading_stands_over_its_plane_and_each_plane_keeps_its_shape() -> None:
    layout = multiple_layout(make_landscape(), "log", LIGHT)
    third = layout["annotations"][2]
    assert (third["text"], third["xref"]) == ("<b>accuracy</b>", "x3 domain")
    assert [layout[f"yaxis{n}"]["scaleanchor"] for n in (2, 3, 4)] == ["x2", "x3", "x4"]
    assert layout["xaxis3"]["domain"] == layout["xaxis"]["domain"]


def test_on_a_narrow_page_ticks_do_not_reach_into_the_plane_beside() -> None:
    layout = multiple_layout(make_landscape(), "log", LIGHT)
    narrow = layout["meta"]["narrow"]
    assert [narrow[name]["showticklabels"] for name in ("yaxis", "yaxis2")] == [True, False]
    assert "showticklabels" not in layout["yaxis2"]
