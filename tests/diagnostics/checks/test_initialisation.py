from __future__ import annotations

import math
import re

import pytest
import torch
from torch import nn

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.initialisation import distinct, initialisation, keeps
from diagnostics.checks.passes import Call
from tests.diagnostics.checks.parts import diseases, labels, mlp, rows, setup


def deep(act=nn.ReLU, width=64):
    return mlp(16, *[width] * 5, 4, act=act)


def drawn(model, draw):
    for layer in model:
        if isinstance(layer, nn.Linear):
            draw(layer.weight)
    return model


def call_of(module):
    return Call("x", module, "", None, torch.zeros(2, 3), torch.zeros(2, 3))


@pytest.mark.parametrize(
    ("module", "gain"),
    [
        (nn.ReLU(), math.sqrt(2)),
        (nn.LeakyReLU(0.5), math.sqrt(2 / 1.25)),
        (nn.Identity(), 1.0),
        (nn.Tanh(), 1 / math.sqrt(0.39429)),  # E tanh² of a normal, by quadrature
        (nn.Sigmoid(), 1 / math.sqrt(0.29338)),
        (nn.GELU(), 1 / math.sqrt(0.42520)),
    ],
)
def test_the_gain_that_keeps_the_second_moment(module, gain):
    assert keeps(call_of(module)) == pytest.approx(gain, rel=2e-3)


@pytest.mark.parametrize("module", [nn.Softmax(-1), nn.Linear(64, 64), nn.BatchNorm1d(3)])
def test_what_is_no_elementwise_function_has_none(module):
    assert keeps(call_of(module)) == 0.0


@pytest.mark.parametrize(
    ("act", "draw"),
    [
        (nn.ReLU, nn.init.kaiming_normal_),
        (nn.Tanh, nn.init.xavier_normal_),
        (nn.SELU, lambda w: nn.init.normal_(w, std=w.shape[1] ** -0.5)),
        (nn.ReLU, lambda w: None),  # torch's own
    ],
)
def test_usual_draws_are_fine(act, draw):
    assert diseases(initialisation(setup(drawn(deep(act), draw)))) == []


def test_he_is_one_within_its_own_error():
    told = initialisation(setup(drawn(deep(), nn.init.kaiming_normal_)))
    assert re.search(r"The weights are (0\.9|1)\d* ± 0\.00\d of", told.told)
    for number in told.numbers:
        count = 64 * (16 if number.name.startswith("0 ") else 64)
        assert abs(number.value - 1) < 4 / math.sqrt(2 * count)


@pytest.mark.parametrize(("std", "side"), [(1.0, "large"), (0.01, "small")])
def test_draws_that_ignore_the_fan(std, side):
    told = initialisation(setup(drawn(deep(), lambda w: nn.init.normal_(w, std=std))))
    assert diseases(told) == ["bad_init_scale"]
    assert f"drawn too {side}" in told.findings[0].symptom


def test_a_normalisation_makes_the_scale_no_matter():
    model = nn.Sequential(nn.Linear(16, 64), nn.LayerNorm(64), nn.ReLU(), nn.Linear(64, 4))
    with torch.no_grad():
        model[0].weight *= 1000
    assert diseases(initialisation(setup(model))) == []


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_units_that_are_copies_and_stay_so(value):
    model = deep(nn.Tanh)
    drawn(model, lambda w: nn.init.constant_(w, value))
    for layer in model[::2]:
        nn.init.zeros_(layer.bias)
    told = initialisation(setup(model))
    assert diseases(told) == ["symmetric_init"]
    assert "0" in told.findings[0].layers


def test_a_zero_head_is_no_copy():
    model = deep()
    nn.init.zeros_(model[-1].weight)
    assert diseases(initialisation(setup(model))) == []


def test_a_zero_branch_is_no_copy():
    class Branch(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.head = (
                nn.Linear(16, 8),
                nn.Linear(8, 16),
                nn.Linear(16, 4),
            )
            nn.init.zeros_(self.second.weight)

        def forward(self, x):
            return self.head(x + self.second(self.first(x).relu()))

    torch.manual_seed(0)
    assert diseases(initialisation(setup(Branch()))) == []


def test_the_same_matrix_in_every_layer_is_no_copy():
    model = mlp(16, 16, 16, 16, 4)
    with torch.no_grad():
        for layer in model[2:6:2]:
            layer.weight.copy_(model[0].weight)
    assert diseases(initialisation(setup(model))) == []


def test_distinct_rows():
    assert distinct(torch.zeros(8, 3)) == 1 / 8
    assert distinct(torch.ones(8, 3)) == 1 / 8
    assert distinct(rows(8, 3)) == 1.0
    assert distinct(rows(4, 3).repeat(2, 1)) == 0.5


def test_without_layers_there_is_nothing_to_ask():
    model = nn.Sequential(nn.Embedding(9, 4), nn.Flatten())
    with pytest.raises(CannotAsk):
        initialisation(setup(model, batch=(torch.randint(9, (64, 1)), labels())))
