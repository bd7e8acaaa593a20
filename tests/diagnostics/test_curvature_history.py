from dataclasses import replace

import numpy as np
import pytest

from diagnostics.curvature import curvature
from diagnostics.curvature_history import curvature_history, edge_of
from probes.folder import FathomError
from tests.diagnostics.bowl import Bowl


def at(step, top):
    bowl = Bowl(np.diag([top, 2.0, 1.0]), centre=np.array([1.0, 0, 0]))
    bowl.about = replace(bowl.about, step=step)
    return curvature(bowl)


def test_each_step_in_its_row():
    edge = edge_of({"lr": np.array([0.5, 0.25])})
    found = curvature_history([at(0, 3.0), at(10, 7.0)], edge)
    assert found.steps.tolist() == [0, 10]
    assert found.eigenvalues == pytest.approx(np.array([[3, 2, 1], [7, 2, 1]]))
    assert found.trace == pytest.approx([6, 10])
    assert found.loss.tolist() == [1.5, 3.5]
    assert found.gradient_share[:, 0] == pytest.approx(1)
    assert found.edge.tolist() == [4, 8]
    assert (found.edge_rule, found.about.step) == ("2 / lr", 10)
    assert np.isnan(found.preconditioned).all()


def descent_stays_bounded(sharpness, rate, momentum):
    """Heavy-ball descent on ½ sharpness x²."""
    x, velocity = 1.0, 0.0
    for _ in range(4000):
        velocity = momentum * velocity + sharpness * x
        x -= rate * velocity
    return abs(x) < 1


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_the_edge_is_where_descent_on_a_parabola_turns(momentum):
    settings = {"lr": np.array([0.1]), "momentum": np.array([momentum])}
    (edge,) = edge_of(settings).edge
    assert descent_stays_bounded(0.99 * edge, 0.1, momentum)
    assert not descent_stays_bounded(1.01 * edge, 0.1, momentum)


def test_adam_at_its_usual_settings_bears_38_over_its_rate():
    found = edge_of({"lr": np.array([0.001]), "beta1": np.array([0.9])})
    assert found.edge == pytest.approx([38_000])
    assert "β₁" in found.rule


def test_nothing_is_refused():
    with pytest.raises(FathomError, match="at least"):
        curvature_history([])


def test_without_settings_there_is_no_edge():
    found = curvature_history([at(0, 3.0)])
    assert np.isnan(found.edge).all()
    assert found.edge_rule == ""
