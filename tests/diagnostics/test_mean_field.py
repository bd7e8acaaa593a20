"""Against closed forms, and against layers that are really drawn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from diagnostics.mean_field import FUNCTIONS, let_back, passed_on, scatter, scheme, variance


@pytest.mark.parametrize("square", [0.01, 1.0, 30.0])
def test_a_rectifier_passes_on_half_both_ways(square: float) -> None:
    assert passed_on("ReLU", square) == pytest.approx(square / 2, rel=1e-6)
    assert let_back("ReLU", square) == pytest.approx(0.5, rel=1e-4)


def test_a_straight_layer_changes_nothing() -> None:
    assert passed_on("Identity", 3.0) == pytest.approx(3.0)
    assert let_back("Identity", 3.0) == pytest.approx(1.0)


def test_selu_keeps_a_mean_square_of_one() -> None:
    assert passed_on("SELU", 1.0) == pytest.approx(1.0, abs=2e-3)


def test_hardtanh_against_its_integral() -> None:
    density = np.exp(-0.5) / np.sqrt(2 * np.pi)
    inside = 2 * ndtr(1.0) - 1
    exact = inside - 2 * density + 2 * (1 - ndtr(1.0))
    assert passed_on("Hardtanh", 1.0) == pytest.approx(exact, rel=1e-5)
    assert let_back("Hardtanh", 1.0) == pytest.approx(inside, abs=1e-3)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_against_many_draws(function: str) -> None:
    z = np.random.default_rng(0).normal(0, np.sqrt(2.0), 400_000)
    assert passed_on(function, 2.0) == pytest.approx((FUNCTIONS[function](z) ** 2).mean(), rel=0.02)


def test_whose_initialisation_suits() -> None:
    assert [scheme(f) for f in ("ReLU", "GELU", "Tanh", "Identity", "SELU")] == [
        *("He", "He", "Xavier", "Xavier", "LeCun")
    ]
    assert (variance("ReLU"), variance("Tanh")) == (2.0, 1.0)


@pytest.mark.parametrize("function", ["Identity", "ReLU"])
def test_scatter_of_drawn_layers(function: str) -> None:
    generator, width = np.random.default_rng(1), 40
    x = np.full(width, 1.0)
    logs = []
    for _ in range(1500):  # signal -> weights -> function, as one layer follows the other
        z = generator.normal(0, 1 / np.sqrt(width), (width, width)) @ x
        logs.append(np.log((FUNCTIONS[function](z) ** 2).mean()))
    assert np.var(logs) == pytest.approx(scatter(function, width), rel=0.2)
