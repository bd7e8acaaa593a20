"""Both kinds, one or the other; the worst first, in the picture and in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dashboard.figures.activation_health import MOST_COLUMNS, MOST_LINES, caption, draw
from diagnostics.activation_health import ActivationHealth
from tests.dashboard.samples import HOSTILE


def make_health(steps: int = 10, layers: int = 3, **changes: Any) -> ActivationHealth:
    """Of the nth of so many layers the share n / so many, from the third step on."""
    shares = np.tile(np.arange(layers) / layers, (steps, 1))
    shares[:2] = np.nan
    made: dict[str, Any] = {
        "run": "sample",
        "steps": np.arange(1, steps + 1),
        "rectifiers": tuple(f"relu{n}" for n in range(layers)),
        "dead": shares,
        "looks": np.array([3]),
        "bounded": tuple(f"tanh{n}" for n in range(layers)),
        "saturated": shares[:, ::-1].copy(),
    }
    return ActivationHealth(**(made | changes))


def only(kind: str) -> dict[str, Any]:
    other = {"dead": ("bounded", "saturated"), "saturated": ("rectifiers", "dead")}[kind]
    return {other[0]: (), other[1]: np.empty((10, 0))}


def heat_maps(figure: Any) -> list[Any]:
    return [trace for trace in figure.data if trace.type == "heatmap"]


def test_shares_of_both_kinds() -> None:
    dead, saturated = heat_maps(draw(make_health()))
    np.testing.assert_allclose(dead.z[:, -1], [0, 1 / 3, 2 / 3], rtol=1e-3)
    np.testing.assert_allclose(saturated.z[:, -1], [2 / 3, 1 / 3, 0], rtol=1e-3)
    assert np.isnan(dead.z[:, 0]).all()
    assert dead.coloraxis != saturated.coloraxis


@pytest.mark.parametrize("kind", ["dead", "saturated"])
def test_one_kind_alone_fills_the_picture(kind: str) -> None:
    figure = draw(make_health(**only(kind)))
    assert len(heat_maps(figure)) == 1
    assert len(figure.layout.shapes) == 2
    other = "Saturated" if kind == "dead" else "Dead"
    assert other not in caption(make_health(**only(kind)))


def test_lines_of_the_worst_and_no_others() -> None:
    figure = draw(make_health(5000, 30, **only("dead") | {"saturated": np.empty((5000, 0))}))
    lines = [trace for trace in figure.data if trace.type == "scatter"]
    assert [line.name for line in lines] == [f"relu{n}" for n in range(29, 29 - MOST_LINES, -1)]
    assert max(len(line.x) for line in lines) <= 3 * MOST_COLUMNS
    assert len({line.line.color for line in lines}) == MOST_LINES


def test_the_worst_first_in_words() -> None:
    told = caption(make_health(layers=6))
    assert "Dead units: at the end 'relu5' 83%, 'relu4' 67%, 'relu3' 50%, 'relu2' 33% and 1" in told
    assert "(step 3) holds" in told


def test_a_healthy_layer_is_not_named() -> None:
    told = caption(make_health(dead=np.zeros((10, 3)), looks=np.empty(0, np.int64)))
    assert "Dead units: none at the end" in told
    assert "Units were not counted" in told


def test_names_are_text() -> None:
    changes = only("dead") | {"rectifiers": (HOSTILE,), "dead": np.ones((10, 1))}
    written = draw(make_health(**changes), scheme="dark").to_json()
    assert "<img" not in written
    assert "<b" not in written


def test_a_long_run_of_many_layers_stays_small() -> None:
    assert len(draw(make_health(5000, 200)).to_json()) < 700_000
