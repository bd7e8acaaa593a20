"""Curves of several runs over one another, as data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dashboard.comparison.overlay import MOST_CHARTS, caption, draw
from dashboard.run_colours import run_colour
from diagnostics.comparison import Comparison, Curve, Overlay
from diagnostics.smoothing import smoothed_ema
from tests.dashboard.samples import HOSTILE


def curve(run: int, values: Any, smooth: float = 0.0) -> Curve:
    found = np.asarray(values, float)
    steps = np.arange(1, len(found) + 1)
    mean = smoothed_ema(found, smooth) if smooth else found
    return Curve(run, steps, steps.astype(float), found, mean)


def made(*overlays: Overlay, **changes: Any) -> Comparison:
    told: dict[str, Any] = {"runs": ("a", "b"), "along": "step", "unit": "step", "smooth": 0.0}
    return Comparison(**(told | {"overlays": overlays, "lacking": ()} | changes))


def pair(name: str = "loss", **changes: Any) -> Comparison:
    return made(Overlay(name, (curve(0, [3, 2, 1]), curve(1, [3, 1, 0.5]))), **changes)


def shown(figure: Any) -> list[Any]:
    """Traces with numbers; the others are the legend."""
    return [trace for trace in figure.data if trace.x[0] is not None]


def test_each_run_keeps_its_colour_and_its_place_in_the_legend() -> None:
    figure = draw(pair())
    names = [trace for trace in figure.data if trace.x[0] is None]
    assert [trace.name for trace in names] == ["a", "b"]
    assert [trace.line.color for trace in names] == [run_colour(0), run_colour(1)]
    assert [trace.line.color for trace in shown(figure)] == [run_colour(0), run_colour(1)]
    assert [trace.legendgroup for trace in shown(figure)] == ["0", "1"]


def test_hovering_shows_all_runs_and_the_largest_first() -> None:
    layout = draw(pair()).layout
    assert layout.hovermode == "x unified"
    assert layout.hoversort == "value descending"


def test_a_run_without_the_quantity_leaves_the_others_their_colours() -> None:
    (trace,) = shown(draw(made(Overlay("loss", (curve(1, [1, 2]),)))))
    assert trace.line.color == run_colour(1)


def test_what_was_logged_is_faint_behind_its_mean() -> None:
    told = made(Overlay("loss", (curve(0, [3, 1, 2], 0.5),)), smooth=0.5)
    raw, strong = shown(draw(told))
    assert raw.opacity < 0.5
    assert list(raw.y) == [3, 1, 2]
    assert list(strong.y) == pytest.approx([3, 5 / 3, 13 / 7])


def test_a_long_curve_is_short_and_keeps_every_extreme() -> None:
    values = np.random.default_rng(0).normal(size=100_000)
    spikes = 5_000 * np.arange(20) + np.random.default_rng(1).integers(0, 4_000, 20)
    values[spikes] = 100 + np.arange(20)
    (trace,) = shown(draw(made(Overlay("loss", (curve(0, values),)))))
    assert len(trace.y) < 1000
    assert set(trace.y) >= {values[spike] for spike in spikes}


def test_twenty_long_curves_stay_small() -> None:
    rng = np.random.default_rng(0)
    overlays = [
        Overlay(name, tuple(curve(run, rng.normal(size=20_000)) for run in range(10)))
        for name in ("loss", "accuracy")
    ]
    figure = draw(made(*overlays, runs=tuple("abcdefghij")))
    assert len(figure.to_json()) < 400_000


def test_where_a_value_stops_being_a_number_stands_a_cross() -> None:
    line, cross = shown(draw(made(Overlay("loss", (curve(0, [3, 2, np.nan, np.inf, 1, np.nan]),)))))
    assert np.isnan(line.y[[2, 3, 5]]).all()
    assert list(cross.customdata) == [3, 6]  # the first of each stretch
    assert list(cross.y) == [2, 1]
    assert "no number" in cross.hovertemplate


def test_a_value_beyond_single_precision_is_drawn_at_its_end() -> None:
    (trace,) = shown(draw(made(Overlay("loss", (curve(0, [1.0, 1e300]),)))))
    assert np.isfinite(trace.y).all()


@pytest.mark.parametrize(
    ("values", "scale", "kind"),
    [
        ([1, 2, 3], "", "linear"),
        ([1, 10, 100], "", "log"),
        ([1, 10, 100], "linear", "linear"),
        ([1, 2, 3], "log", "log"),
        ([-1, 10, 100], "log", "linear"),  # has no logarithm
    ],
)
def test_the_scale_is_the_one_asked_for_or_the_better_one(
    values: list[float], scale: str, kind: str
) -> None:
    figure = draw(made(Overlay("loss", (curve(0, values),))), scale)
    assert figure.layout.yaxis.type == kind


def test_two_charts_stand_side_by_side_and_one_below_another_on_a_phone() -> None:
    figure = draw(made(*(Overlay(name, (curve(0, [1, 2]),)) for name in ("x", "y", "z"))))
    assert figure.layout.xaxis.domain[1] < figure.layout.xaxis2.domain[0]
    assert tuple(figure.layout.xaxis3.domain) == (0, 1)
    assert tuple(figure.layout.meta["narrow"]["xaxis2"]["domain"]) == (0, 1)
    assert figure.layout.xaxis2.matches == "x"  # a zoom goes through all of them


def test_more_than_find_room_are_named() -> None:
    names = [f"value{n}" for n in range(MOST_CHARTS + 2)]
    told = made(*(Overlay(name, (curve(0, [1, 2]), curve(1, [1, 2]))) for name in names))
    assert f"Not drawn: {names[-2]}, {names[-1]}." in caption(told)
    assert f"yaxis{MOST_CHARTS + 1}" not in draw(told).layout.to_plotly_json()


def test_the_caption_says_who_has_no_place_on_the_axis() -> None:
    assert caption(pair(lacking=("'b' does not say.",))).endswith("'b' does not say.")


def test_zeros_among_decades_are_told() -> None:
    died = made(Overlay("gradient", (curve(0, [*np.geomspace(1, 1e-4, 40), 0.0]),)))
    assert "Zeros have no place" in caption(died)
    assert "Zeros have no place" not in caption(died, "linear")


def test_names_are_text() -> None:
    text = draw(pair(HOSTILE, runs=(HOSTILE, "b"))).to_json()
    assert "<img" not in text
    assert "%{x}</b>" not in text


def test_nothing_at_all_is_an_empty_figure() -> None:
    assert not shown(draw(made()))


def test_beside_a_time_the_step_is_told() -> None:
    (trace,) = shown(draw(made(Overlay("loss", (curve(0, [1, 2]),)), along="time")))
    assert "step" in trace.hovertemplate
