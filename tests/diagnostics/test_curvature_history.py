from dataclasses import replace

import numpy as np
import pytest
import torch

from diagnostics.curvature import Preconditioner, curvature
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


def adam_stays_bounded(sharpness, rate, beta1):
    """Torch's own on ½ sharpness x², its second moment held at 1."""
    x = torch.nn.Parameter(torch.full((1,), 1e-3, dtype=torch.float64))
    optimizer = torch.optim.Adam([x], rate, (beta1, 1 - 1e-13), eps=1e-30)
    x.grad = torch.zeros_like(x)
    optimizer.step()
    state = optimizer.state[x]
    state["step"].fill_(1e6)
    for _ in range(6000):
        state["exp_avg_sq"].fill_(1 - (1 - 1e-13) ** (float(state["step"]) + 1))
        x.grad = sharpness * x.detach()
        optimizer.step()
    return abs(float(x.detach())) < 1e-2


@pytest.mark.parametrize("beta1", [0.5, 0.9])
def test_the_edge_is_where_adam_turns(beta1):
    (edge,) = edge_of({"lr": np.array([0.01]), "beta1": np.array([beta1])}).edge
    assert adam_stays_bounded(0.98 * edge, 0.01, beta1)
    assert not adam_stays_bounded(1.05 * edge, 0.01, beta1)


def test_the_edge_of_adam_is_not_drawn_for_the_plain_hessian():
    edge = edge_of({"lr": np.full(2, 0.001), "beta1": np.full(2, 0.9)})
    bowl = Bowl(np.diag([3.0, 2.0]), centre=np.ones(2))
    seen = curvature(bowl, preconditioner=Preconditioner(np.full(2, 0.5), "a half"))
    found = curvature_history([at(0, 3.0), seen], edge)
    assert np.isnan(found.edge[0])
    assert found.edge[1] == pytest.approx(38_000)
    assert found.preconditioned[1] == pytest.approx(12)


def test_nothing_is_refused():
    with pytest.raises(FathomError, match="at least"):
        curvature_history([])


def test_without_settings_there_is_no_edge():
    found = curvature_history([at(0, 3.0)])
    assert np.isnan(found.edge).all()
    assert found.edge_rule == ""
