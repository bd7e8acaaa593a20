"""Each quantity in the colours of its kind; every choice fits into a report."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from dashboard.figures.depth_map import PANEL, caption, choices, draw
from diagnostics.depth_map import DepthMap, Kind, Quantity
from tests.dashboard.samples import HOSTILE


def make_quantity(name: str = "weight", kind: Kind = "magnitude", **changes: Any) -> Quantity:
    steps, layers = changes.pop("size", (10, 3))
    values = np.outer(np.linspace(0.1, 1, steps), 10.0 ** -np.arange(layers).clip(max=6))
    made: dict[str, Any] = {
        "name": name,
        "about": f"rms of {name}",
        "kind": kind,
        "layers": tuple(f"block.{n}" for n in range(layers)),
        "steps": np.arange(steps) * 5,
        "values": values.astype(np.float32),
    }
    return Quantity(**(made | changes))


def make_map(*quantities: Quantity) -> DepthMap:
    return DepthMap("sample", quantities or (make_quantity(), make_quantity("zeros", "share")))


def test_the_first_unless_another_is_wanted() -> None:
    found = make_map()
    assert choices(found) == {"view": ("weight", "zeros")}
    np.testing.assert_allclose(draw(found).data[0].z[1, -1], -1, atol=1e-3)
    np.testing.assert_allclose(draw(found, view="zeros").data[0].z[1, -1], 0.1, atol=1e-3)
    assert "rms of zeros" in draw(found, view="zeros").layout.coloraxis.colorbar.title.text


@pytest.mark.parametrize("kind", ["magnitude", "signed", "share", "count"])
def test_each_kind_shows_layers_by_steps_and_what_is_broken(kind: Kind) -> None:
    quantity = make_quantity("q", kind)
    quantity.values[4, 1] = np.inf
    quantity.values[2, 2] = np.nan
    figure = draw(make_map(quantity), step=20)
    broken, absent = figure.data[-2:]
    assert np.argwhere(broken.z == 1).tolist() == [[1, 4]]
    assert np.argwhere(absent.z == 1).tolist() == [[2, 2]]
    assert list(figure.layout.yaxis.categoryarray) == ["block.0", "block.1", "block.2"]
    assert [(shape.x0, shape.visible) for shape in figure.layout.shapes] == [(20, True)]
    assert {"Magenta", "Grey"} <= {word.strip(":") for word in caption(make_map(quantity)).split()}


def test_a_negative_extreme_of_many_records_wins_over_a_small_positive() -> None:
    quantity = make_quantity("mean", "signed", size=(20_000, 1))
    quantity.values[:] = 0.01
    quantity.values[12_345] = -0.9
    heat = draw(make_map(quantity), scale="linear").data[0]
    column = int(np.nanargmin(heat.z[0]))
    assert heat.z[0, column] == pytest.approx(-0.9, rel=1e-3)
    assert abs(heat.x0 + column * heat.dx - 5 * 12_345) <= heat.dx / 2


def test_a_scale_may_be_asked_for() -> None:
    np.testing.assert_allclose(draw(make_map(), scale="linear").data[0].z[0, -1], 1, atol=1e-3)


def test_others_learn_where_its_steps_and_layers_are() -> None:
    meta = draw(make_map()).layout.meta
    assert (meta["steps"], meta["axes"], meta["layers"]) == ({"log": False, "shift": 1}, [""], True)


def test_two_hundred_layers_of_five_thousand_records_stay_small() -> None:
    found = make_map(make_quantity(size=(5000, 200)))
    assert len(draw(found).to_json()) < 300_000
    assert "several records" in caption(found)


@pytest.mark.parametrize("size", [(1, 1), (1, 3), (2, 1), (3, 2000)])
def test_draws_whatever_was_recorded(size: tuple[int, int]) -> None:
    for kind in ("magnitude", "signed", "share", "count"):
        found = make_map(make_quantity("q", kind, size=size))  # type: ignore[arg-type]
        for scale in (None, "log", "linear"):
            written = draw(found, scheme="dark", scale=scale).to_json()
            json.loads(written, parse_constant=pytest.fail)


def test_names_are_text() -> None:
    hostile = make_quantity(HOSTILE, layers=(HOSTILE, "b", "c"), about=HOSTILE)
    written = draw(make_map(hostile), scheme="dark").to_json()
    assert "<img" not in written
    assert "<b" not in written.replace("<br", "")


def test_the_panel_is_whole() -> None:
    assert PANEL.chapter == "layers"
    assert all(PANEL.takes(option) for option in ("step", "scheme", "scale", "view"))
