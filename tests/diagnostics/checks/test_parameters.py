from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam

from diagnostics.checks.parameters import _beyond_edge, parameters
from tests.diagnostics.checks.parts import diseases, mlp, number_of, setup


class Cut(nn.Module):
    """The first layer is detached, a head is called and unused."""

    def __init__(self, *, cut=True):
        super().__init__()
        self.first, self.last, self.aside = nn.Linear(16, 8), nn.Linear(8, 4), nn.Linear(8, 2)
        self.cut = cut

    def forward(self, x):
        hidden = self.first(x).tanh()
        self.aside(hidden)
        return self.last(hidden.detach() if self.cut else hidden)


def test_all_is_held_and_reached():
    model = mlp(16, 32, 4)
    told = parameters(setup(model, optimizers=(SGD(model.parameters(), 0.1),)))
    assert diseases(told) == []
    assert number_of(told, "missing") == 0


def test_an_optimizer_of_another_model():
    other = mlp(16, 32, 4, seed=1)
    told = parameters(setup(optimizers=(Adam(other.parameters()),)))
    assert diseases(told) == ["params_not_in_optimizer"]
    assert told.findings[0].severity == "error"
    assert told.findings[0].layers == ("0", "2")


def test_two_optimizers_hold_it_together():
    model = mlp(16, 32, 4)
    halves = (SGD(model[0].parameters(), 0.1), SGD(model[2].parameters(), 0.1))
    assert diseases(parameters(setup(model, optimizers=halves))) == []
    told = parameters(setup(model, optimizers=halves[:1]))
    assert told.findings[0].layers == ("2",)
    assert number_of(told, "missing") == pytest.approx(132 / 676)


def test_without_an_optimizer_nothing_is_said_of_one():
    assert diseases(parameters(setup())) == []


def test_a_cut_graph_is_told_from_an_unused_head():
    told = parameters(setup(Cut()))
    assert diseases(told) == ["graph_detached"]
    assert told.findings[0].layers == ("first",)
    assert diseases(parameters(setup(Cut(cut=False)))) == []


def test_the_edge_of_a_random_draw_and_of_trained_weights():
    random = torch.randn(64, 48, generator=torch.Generator().manual_seed(0))
    assert _beyond_edge(random) == pytest.approx(1.0, abs=0.05)
    assert _beyond_edge(torch.rand(64, 48)) == pytest.approx(1.0, abs=0.06)
    learnt = random + 0.5 * torch.outer(torch.ones(64), torch.linspace(-1, 1, 48))
    assert _beyond_edge(learnt) > 1.2
    assert _beyond_edge(torch.randn(64, 3)) is None


def test_frozen_while_random_is_a_warning_and_frozen_once_trained_a_hint():
    model = mlp(16, 64, 64, 4)
    for layer in (model[0], model[2]):
        layer.requires_grad_(False)
    told = parameters(setup(model))
    assert [(f.disease, f.severity) for f in told.findings] == [("frozen_parameters", "warning")]
    with torch.no_grad():
        model[2].weight += 0.2 * torch.outer(torch.ones(64), torch.linspace(-1, 1, 64))
    told = parameters(setup(model))
    assert [f.severity for f in told.findings] == ["hint"]
