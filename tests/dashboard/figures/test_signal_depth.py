"""The funnel as data, and in words who lies outside of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dashboard.figures.signal_depth import MOST_LABELS, caption, draw, outside
from diagnostics.signal_depth import SignalDepth
from tests.dashboard.samples import HOSTILE


def make_depth(many: int = 4, **changes: Any) -> SignalDepth:
    """A signal that stays at 1 as it should, and a gradient that stays at 1e-3."""
    ones = np.ones((2, many))
    made: dict[str, Any] = {
        "run": "sample",
        "layers": tuple(f"{n}" for n in range(many)),
        "schemes": ("", *["He"] * (many - 1)),
        "steps": (1, 100),
        "forward": ones.copy(),
        "forward_theory": ones[0],
        "forward_sd": 0.1 * np.sqrt(np.arange(many)),
        "gradient": "outputs",
        "backward": ones * 1e-3,
        "backward_theory": ones[0] * 1e-3,
        "backward_sd": 0.1 * np.sqrt(np.arange(many))[::-1],
    }
    made |= changes
    looks = np.unique(made["steps"])
    seen = {"looks": looks, "forward_at": made["forward"][: len(looks)]}
    return SignalDepth(**({"backward_at": made["backward"][: len(looks)]} | seen | made))


def traces(depth: SignalDepth, axis: str = "x") -> dict[str, Any]:
    return {trace.name: trace for trace in draw(depth).data if trace.xaxis == axis}


def test_both_ways_with_their_funnels() -> None:
    for axis, size, deviations in (("x", 1.0, [0, 1, 2, 3]), ("x2", 1e-3, [3, 2, 1, 0])):
        drawn = traces(make_depth(), axis)
        assert list(drawn) == ["±3 sd", "theory", "step 100", "step 1"]
        widths = 0.3 * np.sqrt(deviations)
        round_it = np.concatenate([np.exp(widths), np.exp(-widths)[::-1]])
        np.testing.assert_allclose(drawn["±3 sd"].y, size * round_it)


def test_without_theory_there_is_no_funnel() -> None:
    depth = make_depth(forward_sd=np.zeros(4))
    assert list(traces(depth)) == ["step 100", "step 1"]
    assert "No theory" in caption(depth)


@pytest.mark.parametrize(("gradient", "charts"), [("", 1), ("weights", 2)])
def test_gradients_that_have_no_theory(gradient: str, charts: int) -> None:
    nothing = np.full(4, np.nan)
    depth = make_depth(gradient=gradient, backward_theory=nothing, backward_sd=nothing)
    figure = draw(depth)
    assert len({trace.xaxis for trace in figure.data}) == charts
    assert ("no theory" in caption(depth)) == (gradient == "weights")


def test_who_lies_outside_by_how_much() -> None:
    depth = make_depth()
    depth.forward[0] = [1.0, 1.2, 100.0, 0.1]
    away = outside(depth)
    np.testing.assert_allclose(np.exp(away), [1, 1, 100, 0.1])
    assert "2 layers of 3 outside: '2' 100 times above, '3' 10 times below." in caption(depth)
    assert "all 3 that it speaks of lie inside" in caption(make_depth())


def test_what_is_no_number_is_left_out() -> None:
    depth = make_depth()
    depth.forward[1] = [1.0, np.inf, np.nan, 0.0]
    shown = np.array(traces(depth)["step 100"].y, float)
    assert np.isfinite(shown).tolist() == [True, False, False, False]
    low, high = draw(depth).layout.yaxis.range
    assert -1 < low < high < 1


def test_one_record_alone_is_drawn_once() -> None:
    assert list(traces(make_depth(steps=(1, 1)))) == ["±3 sd", "theory", "step 1"]


def test_many_layers_share_their_labels_out() -> None:
    axis = draw(make_depth(200)).layout.xaxis
    assert len(axis.tickvals) <= MOST_LABELS
    assert len(axis.categoryarray) == 200
    long = draw(make_depth(2, layers=("blocks.0.attn.query", "blocks.1.attn.query")))
    assert list(long.layout.xaxis.ticktext) == ["….attn.query"] * 2
    assert len(set(long.layout.xaxis.tickvals)) == 2


def test_names_are_text() -> None:
    depth = make_depth(2, layers=(HOSTILE, "b"))
    written = draw(depth, scheme="dark").to_json()
    assert "<img" not in written
    assert "<b" not in written


def test_the_slider_moves_both_ways_to_another_step() -> None:
    sizes = np.geomspace(1, 8, 4)[:, None] * np.ones(4)
    looks = {"looks": np.array([1, 10, 50, 100]), "forward_at": sizes, "backward_at": sizes / 100}
    figure = draw(make_depth(**looks), step=12)
    slider = figure.layout.sliders[0]
    assert [stop.value for stop in slider.steps] == ["1", "10", "50", "100"]
    assert slider.active == 1
    changes, _, places = slider.steps[2].args
    assert [figure.data[place].name for place in places] == ["step 10"] * 2
    np.testing.assert_allclose(changes["y"], [[4] * 4, [0.04] * 4])
    assert list(changes["name"]) == ["step 50"] * 2
    assert figure.layout.margin.b > 100  # the slider has room
    assert figure.layout.meta["steps"] == {"log": False, "shift": 0}


def test_one_record_needs_no_slider() -> None:
    assert not draw(make_depth(steps=(1, 1))).layout.sliders
