"""Each class in its own chart, all on one scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dashboard.landscape.by_class import class_layout, class_traces
from dashboard.theme import palette
from diagnostics.loss_landscape import Landscape
from tests.dashboard.around import make_landscape, make_line
from tests.dashboard.samples import HOSTILE

LIGHT = palette("light")
NAMES = ("0", "1", "7")


def by_class(whole: Landscape, **changes: Any) -> dict[str, Any]:
    """Three classes, whose losses are 1, 10 and 100 times all's."""
    losses = np.stack([whole.loss * 10**n for n in range(len(NAMES))])
    return {"classes": NAMES, "class_loss": losses} | changes


def plane(**changes: Any) -> Landscape:
    return make_landscape(**by_class(make_landscape(), **changes))


def line(**changes: Any) -> Landscape:
    return make_line(**by_class(make_line(), **changes))


def test_each_plane_shows_its_classs_losses_on_the_colours_of_all() -> None:
    landscape = plane()
    maps = [t for t in class_traces(landscape, "linear", LIGHT) if t["type"] == "heatmap"]
    assert [trace["xaxis"] for trace in maps] == ["x", "x2", "x3"]
    assert landscape.class_loss is not None
    for trace, losses in zip(maps, landscape.class_loss, strict=True):
        np.testing.assert_allclose(trace["z"], losses, rtol=1e-6)
        assert trace["coloraxis"] == "coloraxis"
    layout = class_layout(landscape, "linear", LIGHT)
    assert layout["coloraxis"]["cmin"] == pytest.approx(landscape.loss.min())
    assert layout["coloraxis"]["cmax"] == pytest.approx(100 * landscape.loss.max())


def test_each_is_named_above_its_own() -> None:
    for landscape in (plane(), line()):
        told = class_layout(landscape, "log", LIGHT)["annotations"]
        assert [each["text"] for each in told] == [
            "<b>class 0</b>",
            "<b>class 1</b>",
            "<b>class 7</b>",
        ]
        assert [each["xref"] for each in told] == ["x domain", "x2 domain", "x3 domain"]


def test_a_hole_is_a_hole_of_its_class_alone() -> None:
    landscape = plane()
    assert landscape.class_loss is not None
    landscape.class_loss[1, 2, 3] = np.inf
    marked = [t for t in class_traces(landscape, "log", LIGHT) if "colorscale" in t]
    (hole,) = marked
    assert hole["xaxis"] == "x2"
    assert np.argwhere(~np.isnan(hole["z"])).tolist() == [[2, 3]]


def test_the_errors_of_the_whole_are_not_told_of_a_class() -> None:
    (first, *_) = class_traces(plane(), "log", LIGHT)
    assert "interpolation" not in first["hovertemplate"]
    assert "±" not in first["hovertemplate"]


def test_a_line_stands_before_that_of_all_and_shares_its_axis() -> None:
    landscape = line()
    traces = class_traces(landscape, "log", LIGHT)
    assert [trace["yaxis"] for trace in traces] == ["y", "y", "y2", "y2", "y3", "y3"]
    assert traces[2]["y"].tolist() == landscape.loss.tolist()
    assert traces[3]["y"].tolist() == (10 * landscape.loss).tolist()
    layout = class_layout(landscape, "log", LIGHT)
    assert [layout[name].get("matches") for name in ("yaxis", "yaxis2", "yaxis3")] == [
        None,
        "y",
        "y",
    ]
    assert {layout[name]["type"] for name in ("yaxis", "yaxis2", "yaxis3")} == {"log"}
    assert "coloraxis" not in layout


def test_on_a_narrow_page_two_columns() -> None:
    for landscape in (plane(), line()):
        layout = class_layout(landscape, "log", LIGHT)
        narrow = layout["meta"]["narrow"]
        assert layout["xaxis3"]["domain"][0] > layout["xaxis2"]["domain"][1]
        assert narrow["xaxis3"]["domain"][0] == narrow["xaxis"]["domain"][0] == 0
        low, high = narrow["yaxis"]["domain"]
        assert (high - low) * (narrow["height"] - 100) > 100  # pixels


def test_each_plane_keeps_its_shape() -> None:
    layout = class_layout(plane(), "log", LIGHT)
    assert [layout[name]["scaleanchor"] for name in ("yaxis", "yaxis2", "yaxis3")] == [
        "x",
        "x2",
        "x3",
    ]


def test_names_are_text() -> None:
    told = class_layout(plane(classes=(HOSTILE, "1", "2")), "log", LIGHT)["annotations"]
    assert "<img" not in told[0]["text"]
