from __future__ import annotations

import pytest
import torch
from scipy.stats import norm
from torch import nn

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.units import units
from tests.diagnostics.checks.parts import diseases, labels, mlp, number_of, rows, setup


def test_a_fresh_network_is_fine():
    assert diseases(units(setup())) == []
    assert diseases(units(setup(mlp(16, 32, 4, act=nn.Tanh)))) == []


def test_saturation_is_that_of_a_normal():
    """|tanh z| > 0.97 where |z| > 2.092; z is normal of the weights' length."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(100, 400, bias=False), nn.Tanh(), nn.Linear(400, 4))
    nn.init.normal_(model[0].weight)
    told = units(setup(model, batch=(rows(400, 100), labels(400))))
    wanted = 2 * (1 - norm.cdf(2.0923 / 10))
    assert number_of(told, "saturated") == pytest.approx(wanted, abs=0.01)
    assert diseases(told) == ["saturated_activations"]


def test_a_sigmoids_flat_ends_are_0_and_1():
    model = mlp(16, 32, 4, act=nn.Sigmoid)
    assert number_of(units(setup(model)), "saturated") == 0.0
    with torch.no_grad():
        model[0].weight *= 300
    assert diseases(units(setup(model))) == ["saturated_activations"]


def test_dead_units_are_counted_and_zeros_are_not():
    model = mlp(16, 32, 4)
    with torch.no_grad():
        model[0].bias[:24] = -1000.0
    told = units(setup(model))
    assert number_of(told, "dead") == 24 / 32
    assert diseases(told) == ["dead_relu"]
    zeros = (model[:2](rows()) == 0).double().mean()
    assert zeros > 24 / 32


def test_a_channel_lives_if_it_does_anywhere():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 4))
    with torch.no_grad():
        model[0].bias[:] = torch.tensor([-1000.0, 0.0, 0.0, 0.0])
    told = units(setup(model, batch=(torch.randn(64, 1, 8, 8), labels())))
    assert number_of(told, "dead") == 0.25


def test_of_few_examples_nothing_is_said():
    with pytest.raises(CannotAsk):
        units(setup(batch=(rows(8), labels(8))))


class Attention(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.even, self.head, self.scale = nn.Softmax(-1), nn.Linear(16, 4), scale

    def forward(self, x):
        return self.head(self.even(self.scale * x @ x.T.detach()) @ x)


def test_attention_that_is_one_hot_from_the_start():
    assert diseases(units(setup(Attention(0.01)))) == []
    told = units(setup(Attention(5.0)))
    assert diseases(told) == ["attention_collapse"]
    assert number_of(units(setup(Attention(0.0))), "even") == pytest.approx(1.0)


def test_the_outputs_own_softmax_is_no_attention():
    model = nn.Sequential(nn.Linear(16, 4), nn.Softmax(-1))
    with pytest.raises(CannotAsk):
        units(setup(model))
