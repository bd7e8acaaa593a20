"""A row for each strand: curves, and beside them ridges where there are histograms."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dashboard.figures.layer_history import PANEL, caption, draw
from tests.dashboard.histories import make_histograms, make_history, make_strand
from tests.dashboard.samples import HOSTILE


def test_curves_on_the_left_ridges_on_the_right() -> None:
    figure = draw(make_history(make_strand(), make_strand(name="weights")))
    assert {trace.xaxis for trace in figure.data if trace.fill} == {"x2", "x4"}
    assert {trace.xaxis for trace in figure.data if not trace.fill} == {"x", "x3"}
    assert figure.layout.xaxis.domain[1] < figure.layout.xaxis2.domain[0]
    assert figure.layout.xaxis2.title.text == "size of gradients, a.weight"
    assert figure.layout.yaxis.title.text == "rms gradient"


def test_without_histograms_a_row_is_as_wide_as_the_page() -> None:
    history = make_history(make_strand(histograms=None))
    figure = draw(history)
    assert list(figure.layout.xaxis.domain) == [0, 1]
    assert not [trace for trace in figure.data if trace.fill]
    assert "No histograms were recorded" in caption(history)


def test_a_bin_without_an_upper_end_is_said_to_have_none() -> None:
    found = make_histograms(2)
    found.shares[0, 63] = 0.1
    assert "whatever is larger" in caption(make_history(make_strand(histograms=found)))
    assert "whatever is larger" not in caption(make_history())


def test_one_axis_of_steps_for_all_rows() -> None:
    late = make_strand([1.0, 2.0], steps=np.array([44, 48]))
    figure = draw(make_history(make_strand(), late))
    assert figure.layout.xaxis.range == figure.layout.xaxis3.range
    assert list(figure.layout.xaxis.range) == pytest.approx([-0.48, 48.48])


def test_the_step_is_a_line_through_every_curve_and_a_ridge_that_stands_out() -> None:
    figure = draw(make_history(make_strand(), make_strand()), step=20)
    assert [(shape.xref, shape.x0) for shape in figure.layout.shapes] == [("x", 20), ("x3", 20)]
    assert figure.layout.meta["axes"] == ["", "3"]
    widths = [trace.line.width for trace in figure.data if trace.xaxis == "x2"]
    assert widths == [1, 3, 1, 1]


def test_it_says_which_layer_this_is_and_why() -> None:
    history = make_history(why="vanishing_gradient")
    title = draw(history).layout.title.text
    assert "<b>block.0.linear</b>" in title
    assert "weight 4x4 · bias 4" in title
    assert "'block.0.linear': Linear (weight 4x4, bias 4)." in caption(history)
    assert "the verdict 'Vanishing gradient' names it" in caption(history)
    assert draw(make_history(layer="a b/ü")).layout.meta["layer"] == "a%20b%2F%C3%BC"
    narrow = draw(make_history(layer="x" * 300)).layout.meta["narrow"]["title"]["text"]
    assert len(narrow) < 60


def test_smoothing_and_scale_reach_the_curves() -> None:
    history = make_history(make_strand([1.0, 1.0, 0.0, 0.0]))
    assert draw(history, smooth=0.5).data[0].y[2] == pytest.approx(0.75 / 1.75)
    assert draw(history, scale="log").layout.yaxis.type == "log"


def test_names_are_text() -> None:
    strand = make_strand(histograms=make_histograms(tensor=HOSTILE))
    history = make_history(strand, layer=HOSTILE, module_type=HOSTILE, shapes=(HOSTILE,))
    written = draw(history, scheme="dark").to_json()
    assert "<img" not in written
    assert "<b style" not in written


@pytest.mark.parametrize(
    "strand",
    [
        make_strand([1.0], histograms=make_histograms(1)),
        make_strand([np.nan, np.inf]),
        make_strand([0.0, 0.0]),
        make_strand([1e300, 1e-300]),
    ],
    ids=["one record", "no number", "zeros", "huge"],
)
def test_draws_whatever_was_recorded(strand: object) -> None:
    history = make_history(strand)  # type: ignore[arg-type]
    json.loads(draw(history, scheme="dark").to_json(), parse_constant=pytest.fail)
    assert caption(history)


def test_a_long_history_stays_small() -> None:
    draws = np.random.default_rng(0)
    strands = [make_strand(draws.random(5000), histograms=make_histograms(24)) for _ in range(5)]
    assert len(draw(make_history(*strands)).to_json()) < 250_000


def test_the_panel_is_whole() -> None:
    assert PANEL.chapter == "layers"
    assert PANEL.analyses("layer")
    assert all(PANEL.takes(option) for option in ("step", "scheme", "scale", "smooth"))
