from dataclasses import replace

import numpy as np
import pytest
import torch

from diagnostics.curvature import Preconditioner, curvature
from diagnostics.curvature_history import curvature_history, edge_of
from probes.folder import FathomError
from probes.optimizer_state import _settings
from tests.diagnostics.bowl import Bowl


def at(step, top):
    bowl = Bowl(np.diag([top, 2.0, 1.0]), centre=np.array([1.0, 0, 0]))
    bowl.about = replace(bowl.about, step=step)
    return curvature(bowl)


def test_each_step_in_its_row():
    edge = edge_of("SGD", {"lr": np.array([0.5, 0.25])})
    found = curvature_history([at(0, 3.0), at(10, 7.0)], edge)
    assert found.steps.tolist() == [0, 10]
    assert found.eigenvalues == pytest.approx(np.array([[3, 2, 1], [7, 2, 1]]))
    assert found.trace == pytest.approx([6, 10])
    assert found.loss.tolist() == [1.5, 3.5]
    assert found.gradient_share[:, 0] == pytest.approx(1)
    assert found.edge.tolist() == [4, 8]
    assert (found.edge_rule, found.about.step) == ("2 / lr", 10)
    assert np.isnan(found.preconditioned).all()


def settings_of(optimizer):
    """As a recording has them."""
    named = {name: np.array([value]) for name, value in _settings([optimizer])}
    return {name.rpartition("/")[2]: value for name, value in named.items()}


HELD = 1 - 1e-13  # a β₂ with which one gradient changes nothing


def stays_bounded(make, hessian, second_moment=None):
    """Torch's own on ½ xᵀHx, and where it has a second moment, with that held still."""
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(len(hessian), generator=generator, dtype=torch.float64)
    x = torch.nn.Parameter(1e-6 * start)
    optimizer = make([x])
    if second_moment is not None:
        x.grad = torch.zeros_like(x)
        optimizer.step()
        optimizer.state[x]["step"].fill_(1e6)  # the momentum's correction is over
    for _ in range(6000):
        if second_moment is not None:
            state = optimizer.state[x]
            state["exp_avg_sq"].copy_(second_moment * (1 - HELD ** (float(state["step"]) + 1)))
        x.grad = hessian @ x.detach()
        optimizer.step()
    return bool(x.detach().norm() < 1e-3)  # NaN is not


def scaled_to(top, matrix):
    return matrix * (top / torch.linalg.eigvalsh(matrix)[-1])


def some_hessian():
    root = torch.randn(4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return root @ root.T


DESCENTS = {
    "plain": ({}, "2 / lr"),
    "without momentum, whatever is damped": ({"dampening": 0.5}, "2 / lr"),
    "momentum": ({"momentum": 0.9}, "(2 + 2·momentum) / lr"),
    "little momentum": ({"momentum": 0.3}, "(2 + 2·momentum) / lr"),
    "dampening": (
        {"momentum": 0.9, "dampening": 0.5},
        "(2 + 2·momentum) / ((1 - dampening)·lr)",
    ),
    "Nesterov": (
        {"momentum": 0.9, "nesterov": True},
        "(2 + 2·momentum) / ((1 + 2·momentum)·lr)",
    ),
    "a little Nesterov": (
        {"momentum": 0.3, "nesterov": True},
        "(2 + 2·momentum) / ((1 + 2·momentum)·lr)",
    ),
    "with weight decay": ({"momentum": 0.9, "weight_decay": 1e-2}, "(2 + 2·momentum) / lr"),
}


@pytest.mark.parametrize("name", DESCENTS)
def test_the_edge_is_where_descent_turns(name):
    options, rule = DESCENTS[name]

    def make(parameters):
        return torch.optim.SGD(parameters, 0.1, **options)

    found = edge_of("SGD", settings_of(make([torch.nn.Parameter(torch.ones(1))])))
    (edge,) = found.edge
    assert stays_bounded(make, scaled_to(0.99 * edge, some_hessian()))
    assert not stays_bounded(make, scaled_to(1.01 * edge, some_hessian()))
    assert (found.rule, found.adaptive) == (rule, False)


ADAMS = {
    "Adam": torch.optim.Adam,
    "AdamW": torch.optim.AdamW,
}


@pytest.mark.parametrize("kind", ADAMS)
@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.9])
def test_the_edge_is_where_adam_turns(kind, beta1):
    """On the Hessian preconditioned by a second moment of its own for each weight."""

    def make(parameters):
        return ADAMS[kind](parameters, 0.01, (beta1, HELD), eps=1e-3)

    found = edge_of(kind, settings_of(make([torch.nn.Parameter(torch.ones(1))])))
    (edge,) = found.edge
    assert found.adaptive
    second = torch.tensor([1.0, 0.01, 3.0, 0.2], dtype=torch.float64)
    root = (second.sqrt() + 1e-3).sqrt()
    for share, bounded in ((0.99, True), (1.01, False)):
        preconditioned = scaled_to(share * edge, some_hessian())
        hessian = root[:, None] * preconditioned * root
        assert stays_bounded(make, hessian, second) is bounded


def test_adam_at_its_usual_settings_bears_38_over_its_rate():
    found = edge_of("Adam", {"lr": np.array([0.001]), "beta1": np.array([0.9])})
    assert found.edge == pytest.approx([38_000])
    assert "β₁" in found.rule


RATE = np.array([0.1, 0.2])
UNKNOWN = {
    "Lion": ("lion_pytorch.lion_pytorch.Lion", {"beta1": RATE}),
    "Adagrad": ("Adagrad", {}),
    "RMSprop": ("RMSprop", {"momentum": RATE}),
    "NAdam": ("NAdam", {"beta1": RATE}),
    "a class of the user's": ("__main__.SGD", {"momentum": RATE, "dampening": 0 * RATE}),
    "nobody knows": ("", {}),
    "uphill": ("SGD", {"maximize": np.ones(2)}),
    "uphill with Adam": ("Adam", {"beta1": RATE, "maximize": np.ones(2)}),
    "momentum of which it was not recorded which": ("SGD", {"momentum": RATE}),
    "momentum that never fades": ("SGD", {"momentum": np.ones(2), "dampening": 0 * RATE}),
    "gradients that are damped away": ("SGD", {"momentum": RATE, "dampening": np.ones(2)}),
    "gone on with Adam": ("SGD", {"momentum": RATE, "dampening": 0 * RATE, "beta1": RATE}),
    "gone on with SGD": ("Adam", {"beta1": RATE, "momentum": RATE}),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_where_no_edge_is_known_there_is_none(name):
    kind, settings = UNKNOWN[name]
    edge = edge_of(kind, {"lr": RATE} | settings)
    found = curvature_history([at(0, 3.0), at(10, 7.0)], edge)
    assert np.isnan(found.edge).all()
    assert found.learning_rate.tolist() == [0.1, 0.2]


def test_a_momentum_that_changes_moves_the_edge_with_it():
    momentum, dampening = np.array([0.0, 0.5, 0.9]), np.zeros(3)
    settings = {"lr": np.full(3, 0.5), "momentum": momentum, "dampening": dampening}
    assert edge_of("SGD", settings).edge == pytest.approx([4, 6, 7.6])


def test_at_a_rate_of_nothing_everything_is_borne():
    assert edge_of("SGD", {"lr": np.array([0.0, 0.5])}).edge.tolist() == [np.inf, 4]


def test_the_edge_of_adam_is_not_drawn_for_the_plain_hessian():
    edge = edge_of("Adam", {"lr": np.full(2, 0.001), "beta1": np.full(2, 0.9)})
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
