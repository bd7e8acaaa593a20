"""One chart of several: its axes, its legend, and the headline over all of them."""

from __future__ import annotations

from dashboard.arrangement import Part
from dashboard.chart import all_traces, chart, headline, titled
from dashboard.theme import LIGHT
from diagnostics.finding import Finding

TRACES = [
    {"type": "scatter", "name": "one"},
    {"type": "scatter", "name": "hidden", "showlegend": False},
    {"type": "heatmap"},
]


def found(disease: str) -> Finding:
    return Finding(
        disease=disease, severity="warning", symptom="", cause="", remedy="", evidence=(),
        layers=(), steps=(1, 1), confidence=1.0, panel="",
    )  # fmt: skip


def test_traces_stand_on_their_axes_and_name_themselves_in_their_legend() -> None:
    made = chart(TRACES[:2], Part("3", 200, {}, {}, legend="legend2"))
    assert made.part.names == ("one",)
    assert all(t["xaxis"] == "x3" and t["yaxis"] == "y3" for t in made.traces)
    assert [trace["legend"] for trace in made.traces] == ["legend2", "legend2"]


def test_without_a_legend_nothing_is_named() -> None:
    made = chart(TRACES, Part("", 200, {}, {}))
    assert made.part.names == ()
    assert [trace["showlegend"] for trace in made.traces] == [False] * 3


def test_all_traces_keep_the_order_of_their_charts() -> None:
    one, other = (chart([trace], Part("", 200, {}, {})) for trace in TRACES[:2])
    assert [trace["name"] for trace in all_traces([other, one])] == ["hidden", "one"]


def test_an_axis_has_its_title() -> None:
    assert titled("draws")["title"]["text"] == "draws"


def test_the_worst_is_told_and_how_many_more_there_are() -> None:
    told = headline([found("too_few_draws"), found("other")], LIGHT)
    assert "Too few draws, and 1 more" in told["text"]
    assert told["font"]["color"] == LIGHT.warning
    assert "more" not in headline([found("too_few_draws")], LIGHT)["text"]
    assert headline([], LIGHT) == {}


def test_the_name_of_a_disease_is_text() -> None:
    assert "<i>" not in headline([found("<i>odd")], LIGHT)["text"]
