"""The outline holds every draw once, and the densities are what they are named after."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.special import softmax
from scipy.stats import norm

from dashboard.dropout.histogram import ALIKE, DENSITY, PLAIN, class_traces, value_traces
from dashboard.theme import LIGHT
from tests.dashboard.dropout.ensembles import classes, values


def area(trace: dict[str, np.ndarray]) -> float:
    return float(trapezoid(trace["y"], trace["x"]))


def test_of_values_it_is_the_draws_of_that_example_and_output() -> None:
    found = values(draws=200, out=2)
    steps, alike, plain = value_traces(found, 7, 1, LIGHT)
    draws = found.kept[:, 7, 1].astype(float)
    assert area(steps) == pytest.approx(1)
    assert steps["x"][[0, -1]].tolist() == [draws.min(), draws.max()]
    edges = steps["x"][::2]
    counted = np.histogram(draws, edges)[0] / (200 * np.diff(edges))
    np.testing.assert_allclose(steps["y"][1:-1:2], counted)
    exact = norm.pdf(alike["x"], draws.mean(), draws.std(ddof=1))
    np.testing.assert_allclose(alike["y"], exact)
    assert alike["name"] == ALIKE
    assert plain["name"] == PLAIN
    assert plain["x"].tolist() == [found.plain[7, 1]] * 2


def test_where_the_noise_is_known_every_draw_is_a_gaussian_of_the_density() -> None:
    found = values(draws=50, noise=0.4)
    density = value_traces(found, 3, 0, LIGHT)[2]
    draws = found.kept[:, 3, 0].astype(float)
    exact = np.mean([norm.pdf(density["x"], draw, 0.4) for draw in draws], axis=0)
    np.testing.assert_allclose(density["y"], exact)
    assert density["name"] == DENSITY
    assert area(density) == pytest.approx(1, abs=0.01)


def test_of_classes_it_is_how_many_draws_give_either_likely_one_which_probability() -> None:
    found = classes(draws=80)
    p = softmax(found.kept.astype(float), -1)[:, 5]
    first, second = np.argsort(-p.mean(0))[:2]
    one, other, plain = class_traces(found, 5, LIGHT)
    for trace, which in ((one, first), (other, second)):
        assert trace["y"][1:-1:2].sum() == pytest.approx(1)
        edges = trace["x"][::2]
        np.testing.assert_allclose(trace["y"][1:-1:2], np.histogram(p[:, which], edges)[0] / 80)
    assert found.targets is not None
    names = {one["name"], other["name"]}
    assert (f"class {found.targets[5]} (target)" in names) == (found.targets[5] in (first, second))
    assert plain["x"][0] == found.plain[5, first]


def test_draws_that_are_all_the_same_are_no_error() -> None:
    found = classes(never=("inner", "outer"))
    for trace in class_traces(found, 0, LIGHT):
        assert np.isfinite(trace["y"]).all()
