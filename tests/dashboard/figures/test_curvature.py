"""The spectrum, the extremes and the layers, as data."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dashboard.figures.curvature import MOST_LAYERS, caption, draw, numbers
from tests.dashboard.around import make_curvature
from tests.dashboard.samples import HOSTILE


def test_sticks_stand_at_the_nodes_with_their_weight() -> None:
    sticks = draw(make_curvature()).data[0]
    tops = {round(float(x), 3): y for x, y in zip(sticks.x[1::3], sticks.y[1::3], strict=True)}
    assert tops[0.0] == pytest.approx(0.4)
    assert tops[-0.5] == pytest.approx(0.05)


def test_extremes_with_their_residuals() -> None:
    leading, lowest = draw(make_curvature()).data[2:4]
    assert list(leading.x) == [8, 2]
    assert list(leading.y) == ["λ₁", "λ₂"]
    assert list(leading.error_x.array) == [1e-3, 1e-2]
    assert (lowest.x[0], lowest.error_x.array[0]) == (-0.5, 1e-4)


def test_layers_by_trace_and_by_their_own_eigenvalue() -> None:
    traces, own = draw(make_curvature()).data[4:]
    assert list(traces.y) == ["block.0", "block.1", "block.2"]
    assert list(traces.x) == [1, 3, 5]
    assert list(own.x) == [0.5, 1.25, 2]


def test_without_eigenvalues_of_layers_their_chart_is_not_there() -> None:
    layers = replace(make_curvature().layers, eigenvalue=np.full(3, np.nan))
    figure = draw(replace(make_curvature(), layers=layers))
    assert len(figure.data) == 5
    assert figure.layout.xaxis3.domain == (0, 1)
    assert "yaxis4" not in figure.layout.meta["narrow"]


def test_of_many_layers_the_first_are_drawn_and_the_rest_counted() -> None:
    many = make_curvature(layers=100)
    assert len(draw(many).data[4].y) == MOST_LAYERS
    assert "60 more layers" in caption(many)


def test_the_caption_says_what_may_be_missing() -> None:
    assert "some may be missing" in caption(make_curvature(complete=False))
    assert "ran out" in caption(make_curvature(trace_converged=False))
    sure = caption(make_curvature())
    assert "missing" not in sure
    assert "300 products with it (allowed: 400)" in sure


def test_numbers_with_errors_and_bounds() -> None:
    named = {each.name: each for each in numbers(make_curvature())}
    assert (named["trace"].value, named["trace"].error) == (12.5, 0.25)
    assert "0.003 and 0.99" in named["negative share"].meaning
    assert named["edge"].value == 0.25
    assert "largest eigenvalue, preconditioned" not in named
    adam = make_curvature(preconditioner="√v̂", preconditioned=3.0, preconditioned_residual=0.1)
    assert numbers(adam)[-1].value == 3.0


@pytest.mark.parametrize(
    "curvature",
    [
        make_curvature(),
        make_curvature(layers=1),
        make_curvature(nodes=np.zeros((1, 1)), density=np.ones((1, 1))),
        replace(
            make_curvature(), layers=replace(make_curvature().layers, names=("", HOSTILE, "1"))
        ),
    ],
    ids=["usual", "one layer", "one node", "hostile"],
)
def test_draws_whatever_was_computed(curvature: Any) -> None:
    written = draw(curvature, scheme="dark").to_json()
    json.loads(written, parse_constant=pytest.fail)
    assert "<img" not in written
