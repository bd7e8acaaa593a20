from __future__ import annotations

import pytest
import torch
from torch import nn

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.nonlinearity import nonlinearity
from tests.diagnostics.checks.parts import diseases, labels, mlp, setup


class Residual(nn.Module):
    """The first layer's output goes to the second and, beside it, into the sum."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 4)

    def forward(self, x):
        x = self.first(x)
        return self.head((x + self.second(x)).relu())


def image(*layers):
    return setup(
        nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(4)),
        batch=(torch.zeros(8, 3, 8, 8), labels(8)),
    )


@pytest.mark.parametrize(
    "model",
    [
        mlp(16, 32, 4),
        nn.Sequential(nn.Linear(16, 3), nn.Linear(3, 4)),  # a factorisation
        nn.Sequential(nn.Linear(16, 32), nn.LayerNorm(32), nn.Linear(32, 4)),
        Residual(),
    ],
)
def test_what_is_meant_so(model):
    assert diseases(nonlinearity(setup(model))) == []


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Linear(16, 32), nn.Linear(32, 4)),
        nn.Sequential(nn.Linear(16, 32), nn.Dropout(0.1), nn.Linear(32, 4), nn.Softmax(-1)),
        nn.Sequential(nn.Linear(16, 32), nn.BatchNorm1d(32), nn.Identity(), nn.Linear(32, 4)),
    ],
)
def test_two_layers_in_a_row(model):
    told = nonlinearity(setup(model))
    assert diseases(told) == ["missing_nonlinearity"]
    assert told.findings[0].layers[0] == "0"


def test_a_flat_stack_is_one_layer():
    """What the finding says: the second adds nothing."""
    torch.manual_seed(0)
    first, second = nn.Linear(16, 32), nn.Linear(32, 4)
    both = nn.Linear(16, 4)
    with torch.no_grad():
        both.weight.copy_(second.weight @ first.weight)
        both.bias.copy_(second.weight @ first.bias + second.bias)
    x = torch.randn(9, 16)
    assert torch.allclose(second(first(x)), both(x), atol=1e-5)


def test_convolutions():
    with torch.no_grad():
        plain = image(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3))
        by_channel = image(nn.Conv2d(3, 3, 3, groups=3), nn.Conv2d(3, 8, 1))
        for each in (plain, by_channel):
            each.model(each.batch[0])
    assert diseases(nonlinearity(plain))[:1] == ["missing_nonlinearity"]
    assert "1" in nonlinearity(plain).findings[0].layers
    named = [name for f in nonlinearity(by_channel).findings for name in f.layers]
    assert "0" not in named


def test_one_layer_has_nothing_between():
    with pytest.raises(CannotAsk):
        nonlinearity(setup(nn.Linear(16, 4)))
