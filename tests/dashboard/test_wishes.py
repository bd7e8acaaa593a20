"""What an address asks reaches the pictures that understand it, and no other."""

from __future__ import annotations

from typing import Any

from dashboard.address import Address
from dashboard.figures import calibration, gradient_flow
from dashboard.panel import Panel
from dashboard.wishes import for_analysis, for_drawing, options_of


def _panel(**changes: Any) -> Panel[Any]:
    def analyse(run: object, layer: str | None = None) -> object:
        return run, layer

    def draw(result: object, view: str = "", scale: str = "", step: int | None = None) -> object:
        return result, view, scale, step

    made: dict[str, Any] = {"analyse": analyse, "draw": draw, "caption": str}
    return Panel("made", "layers", "Made", "What?", **(made | changes))


OFFERED = {"view": ("mean", "spread"), "scale": ("linear", "log")}


def test_analysis_and_drawing_get_what_they_name() -> None:
    address = Address(layer="conv1", step=0, scale="log", smooth=0.5)
    assert for_analysis(_panel(), address) == {"layer": "conv1"}
    assert for_drawing(_panel(), address, {}) == {"scale": "log", "step": 0}


def test_of_several_it_is_the_one_named_or_the_first() -> None:
    assert for_drawing(_panel(), Address(), OFFERED) == {"view": "mean", "scale": "linear"}
    named = Address(views=("of another picture", "spread"), scale="log")
    assert for_drawing(_panel(), named, OFFERED) == {"view": "spread", "scale": "log"}
    assert for_drawing(_panel(), Address(scale="cubic"), OFFERED)["scale"] == "linear"


def test_what_a_result_does_not_offer_is_not_asked() -> None:
    assert for_drawing(_panel(), Address(scale="log"), {"scale": ("linear",)}) == {}


def test_a_step_draws_only_those_anew_that_show_more_than_a_line() -> None:
    assert options_of(_panel()) == ["layer", "view", "scale"]
    assert options_of(_panel(profiles=True)) == ["layer", "view", "scale", "step"]


def test_of_the_real_ones() -> None:
    assert "step" in options_of(gradient_flow.PANEL)
    assert options_of(calibration.PANEL) == ["view"]
