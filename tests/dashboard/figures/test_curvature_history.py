"""Sharpness beside the edge it is held against."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from dashboard.figures.curvature_history import caption, draw
from tests.dashboard.around import make_history

ADAM: dict[str, Any] = {
    "preconditioner": "√v̂ + ε",
    "preconditioned": np.array([1.0, 10.0, 30.0, 39.0]),
    "preconditioned_residual": np.full(4, 0.1),
    "edge": np.full(4, 38.0),
    "edge_rule": "(2 + 2·β₁) / ((1 - β₁)·lr)",
}


def named(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def test_the_edge_shares_the_axis_of_what_it_is_for() -> None:
    plain = named(draw(make_history()))
    assert plain["λ₁"].yaxis == plain["edge: 2 / lr"].yaxis == "y"
    assert list(plain["λ₁"].y) == [5, 12, 19, 20.5]
    adam = named(draw(make_history(**ADAM)))
    edge = adam[f"edge: {ADAM['edge_rule']}"]
    assert adam["preconditioned λ₁"].yaxis == edge.yaxis == "y"
    assert adam["λ₁"].yaxis == "y2"


def test_residuals_are_error_bars() -> None:
    assert list(named(draw(make_history()))["λ₂"].error_y.array) == [0.01] * 4


def test_without_a_learning_rate_there_is_no_edge() -> None:
    none = np.full(4, np.nan)
    history = make_history(edge=none, edge_rule="", learning_rate=none)
    assert not [trace for trace in draw(history).data if "edge" in trace.name]
    assert "no learning rate was recorded" in caption(history)


def test_of_an_optimizer_whose_edge_nobody_knows_it_says_so() -> None:
    history = make_history(edge=np.full(4, np.nan), edge_rule="")
    assert "of this optimizer none is known" in caption(history)


def test_negative_eigenvalues_make_the_axis_linear() -> None:
    assert draw(make_history()).layout.yaxis.type == "log"
    bent = make_history(eigenvalues=np.array([[1.0], [2.0], [-1.0], [3.0]]))
    assert draw(bent).layout.yaxis.type == "linear"
    assert "negative" in caption(bent)


def test_the_caption_says_which_line_to_hold_against_which() -> None:
    assert "Above the edge, 2 / lr" in caption(make_history())
    assert "divided by √v̂ + ε" in caption(make_history(**ADAM))
    unsure = make_history(complete=np.array([True, False, True, True]))
    assert "At 1 snapshot a larger eigenvalue may have been missed" in caption(unsure)


@pytest.mark.parametrize("changes", [{}, ADAM, {"loss": np.full(4, np.nan)}, {"loss": np.zeros(4)}])
def test_draws_whatever_was_computed(changes: Any) -> None:
    json.loads(draw(make_history(**changes), scheme="dark").to_json(), parse_constant=pytest.fail)
