from __future__ import annotations

import pytest
import torch
from torch import nn

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.objective import objective
from tests.diagnostics.checks.parts import diseases, labels, mlp, number_of, rows, setup

YES = (rows(64, 1, seed=6) > 0).float()


class Functional(nn.Module):
    """Ends in a function that is no module, and a reshape."""

    def __init__(self, function, width=1):
        super().__init__()
        self.layers, self.function = mlp(16, 8, width), function

    def forward(self, x):
        return self.function(self.layers(x)).reshape(len(x), -1)


def ended(last, width=4):
    return nn.Sequential(*mlp(16, 8, width), last)


def judged(model, loss, target):
    return objective(setup(model, loss, (rows(), target)))


@pytest.mark.parametrize(
    ("model", "loss", "target"),
    [
        (mlp(16, 8, 4), nn.CrossEntropyLoss(), labels()),
        (mlp(16, 8, 4), nn.CrossEntropyLoss(label_smoothing=0.2), labels()),
        (ended(nn.LogSoftmax(-1)), nn.NLLLoss(), labels()),
        (ended(nn.LogSoftmax(-1)), nn.CrossEntropyLoss(), labels()),
        (mlp(16, 8, 1), nn.BCEWithLogitsLoss(), YES),
        (ended(nn.Sigmoid(), 1), nn.BCELoss(), YES),
        (ended(nn.Sigmoid(), 1), nn.MSELoss(), rows(64, 1).sigmoid()),
        (ended(nn.Tanh(), 1), nn.MSELoss(), rows(64, 1).tanh()),
        (mlp(16, 8, 1), nn.MSELoss(), 3 * rows(64, 1)),
        (ended(nn.ReLU(), 1), nn.L1Loss(), rows(64, 1).abs()),
    ],
)
def test_what_fits_is_fine(model, loss, target):
    assert diseases(judged(model, loss, target)) == []


@pytest.mark.parametrize(
    "model",
    [ended(nn.Softmax(-1)), Functional(lambda x: x.softmax(-1), 4), ended(nn.Sigmoid())],
)
def test_a_softmax_or_sigmoid_before_cross_entropy(model):
    assert diseases(judged(model, nn.CrossEntropyLoss(), labels())) == ["double_softmax"]


@pytest.mark.parametrize("model", [ended(nn.Sigmoid(), 1), Functional(torch.sigmoid)])
def test_a_sigmoid_before_a_loss_that_has_one(model):
    assert diseases(judged(model, nn.BCEWithLogitsLoss(), YES)) == ["double_softmax"]


def test_squared_error_of_classes():
    assert diseases(judged(ended(nn.Sigmoid(), 1), nn.MSELoss(), YES)) == ["wrong_loss"]
    one_hot = torch.nn.functional.one_hot(labels(), 4).float()
    assert diseases(judged(ended(nn.Softmax(-1)), nn.MSELoss(), one_hot)) == ["wrong_loss"]


def test_negative_likelihood_of_probabilities():
    assert diseases(judged(ended(nn.Softmax(-1)), nn.NLLLoss(), labels())) == ["wrong_loss"]


@pytest.mark.parametrize("model", [ended(nn.Sigmoid(), 1), Functional(torch.sigmoid)])
def test_targets_out_of_reach_are_counted(model):
    target = rows(64, 1)
    told = judged(model, nn.MSELoss(), target)
    assert diseases(told) == ["output_range_mismatch"]
    wanted = float(((target < 0) | (target > 1)).double().mean())
    assert number_of(told, "out of reach") == wanted


def test_a_relu_cannot_go_below_zero():
    told = judged(ended(nn.ReLU(), 1), nn.L1Loss(), rows(64, 1))
    assert diseases(told) == ["output_range_mismatch"]


def test_two_outputs_are_not_judged():
    with pytest.raises(CannotAsk):
        objective(setup(mlp(16, 4), lambda o, t: o.sum(), (rows(), None)))
