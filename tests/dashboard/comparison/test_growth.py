"""How runs grow apart, as data."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.comparison.growth import FLOOR, MOST_CELLS, SAME, TOP, caption, decades, draw
from dashboard.run_colours import run_colour
from diagnostics.parting import Parting, parting
from tests.twins import POKED_STEP, twin


def parted(*names: str) -> dict[int, Parting]:
    return {place: parting(twin("base"), twin(name)) for place, name in enumerate(names, start=1)}


def many(layers: int, steps: int) -> Parting:
    """Apart in its last layer from the middle on."""
    distance = np.zeros((steps, layers))
    distance[steps // 2 :, -1] = 0.5
    at = np.arange(1, steps + 1)
    names = tuple(f"layer{n}" for n in range(layers))
    never = np.full(layers, -1)
    return Parting(
        ("a", "b"), 1e-3, at, distance.max(axis=1), names, distance,
        None, None, None, never, never, layers, ((), ()),
    )  # fmt: skip


def test_what_is_the_same_lies_below_everything_and_infinity_at_the_top() -> None:
    found = decades(np.array([0.0, 1e-12, 1e-3, np.inf, np.nan]))
    assert found[:4].tolist() == [SAME, FLOOR, pytest.approx(-3), TOP]
    assert np.isnan(found[4])


def test_a_line_for_each_pair_in_the_colour_of_the_other_run() -> None:
    lines = draw(parted("poked", "again")).data[:2]
    assert [line.name for line in lines] == ["poked", "again"]
    assert [line.line.color for line in lines] == [run_colour(1), run_colour(2)]
    before = [
        y for y, (_, step) in zip(lines[0].y, lines[0].customdata, strict=True) if step < POKED_STEP
    ]
    assert set(before) == {SAME}
    assert min(lines[0].y[len(before) :]) > -3
    assert set(lines[1].y) == {SAME}


def test_two_levels_to_read_them_by() -> None:
    levels = {trace.name: trace.y[0] for trace in draw(parted("poked")).data if trace.name}
    assert (levels["rounding"], levels["apart"]) == (pytest.approx(-5), pytest.approx(-3))


def test_the_map_shows_which_layer_since_when() -> None:
    (heat,) = (trace for trace in draw(parted("poked")).data if trace.type == "heatmap")
    z = np.array(heat.z)
    before = np.array(heat.customdata) < POKED_STEP
    assert (z[before] == SAME).all()
    assert (z[~before] > SAME).all()


def test_a_long_recording_of_many_layers_is_drawn_in_few_cells_and_hides_nothing() -> None:
    (heat,) = (t for t in draw({1: many(200, 5000)}).data if t.type == "heatmap")
    z = np.array(heat.z)
    assert z.size <= MOST_CELLS
    assert (z[:-1] == SAME).all()
    assert (z[-1] > SAME).any()


def test_both_schemes_have_their_own_colours() -> None:
    light, dark = (draw(parted("poked"), scheme=scheme) for scheme in ("light", "dark"))
    assert light.data[0].line.color != dark.data[0].line.color
    assert light.layout.coloraxis.colorscale != dark.layout.coloraxis.colorscale


def test_the_map_is_of_a_pair_that_parts() -> None:
    both = parted("again", "poked")
    (heat,) = (trace for trace in draw(both).data if trace.type == "heatmap")
    assert np.array(heat.z).max() > SAME
    assert "Below, poked against base, by layer." in caption(both)


def test_the_caption_names_the_pair_that_is_below() -> None:
    assert "poked against base, by layer" in caption(parted("poked", "again"))
