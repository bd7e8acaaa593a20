import math

import pytest
import torch
from torch import nn

from tests.diagnostics.treatment.treated import proposed, stack, training


def kinds(model):
    return [
        [type(part).__name__ for part in course.model]
        for _, course in proposed("activation", training(model), "vanishing_gradient")
    ]


def test_what_saturates_becomes_what_does_not():
    assert [model[1] for model in kinds(stack(nn.Sigmoid()))] == ["ReLU", "GELU", "ELU"]


def test_what_dies_becomes_what_cannot():
    assert [model[1] for model in kinds(stack())] == ["LeakyReLU", "SiLU"]


def test_the_output_is_left_alone():
    model = nn.Sequential(stack(nn.GELU()), nn.Sigmoid())
    assert kinds(model) == []


def test_weights_suit_the_new_one():
    model = nn.Sequential(nn.Linear(6, 400), nn.Sigmoid(), nn.Linear(400, 3))
    (_, course), _, (_, kept) = proposed("activation", training(model))
    assert torch.equal(kept.model[0].weight, model[0].weight)
    assert float(course.model[0].weight.detach().std()) == pytest.approx(math.sqrt(2 / 6), rel=0.05)
