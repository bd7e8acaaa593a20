from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from diagnostics.checks.modes import modes
from tests.diagnostics.checks.parts import diseases, labels, mlp, number_of, rows, setup


def normalised(batch):
    model = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))
    return modes(setup(model, batch=(rows(batch), labels(batch))))


@pytest.mark.parametrize("batch", [1, 2])
def test_statistics_of_one_or_two_values(batch):
    told = normalised(batch)
    assert diseases(told) == ["bn_small_batch"]
    assert number_of(told, "values a channel") == batch
    assert told.findings[0].layers == ("1",)


def test_enough_values_are_fine():
    assert diseases(normalised(3)) == []


def test_an_image_has_many_values_for_each_channel():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 4))
    assert diseases(modes(setup(model, batch=(torch.randn(2, 1, 8, 8), labels(2))))) == []


@pytest.mark.parametrize(("p", "wanted"), [(0.5, []), (0.8, ["excess_dropout"])])
def test_strong_dropout(p, wanted):
    model = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Dropout(p), nn.Linear(8, 4))
    assert diseases(modes(setup(model))) == wanted


@pytest.mark.parametrize("after", [(), (nn.LogSoftmax(-1),)])
def test_dropout_on_the_outputs(after):
    told = modes(setup(nn.Sequential(*mlp(16, 8, 4), nn.Dropout(0.3), *after)))
    assert diseases(told) == ["misplaced_dropout"]
    assert told.findings[0].layers == ("3",)


def test_dropout_that_never_drops_is_none():
    assert diseases(modes(setup(nn.Sequential(*mlp(16, 8, 4), nn.Dropout(0.0))))) == []


def test_dropout_before_a_sum_is_not_on_the_outputs():
    class Branch(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.drop = nn.Linear(16, 4), nn.Linear(16, 4), nn.Dropout(0.3)

        def forward(self, x):
            return self.first(x) + self.drop(self.second(x))

    assert diseases(modes(setup(Branch()))) == []


def test_what_draws_in_eval_mode_is_told():
    class Random(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = mlp(16, 8, 4)

        def forward(self, x):
            return F.dropout(self.layers(x), 0.5)  # whatever the mode

    assert "two passes in eval mode differ" in modes(setup(Random())).told
    assert "two passes in eval mode agree" in modes(setup()).told


def test_both_losses_are_told():
    model = nn.Sequential(nn.Linear(16, 8), nn.Dropout(0.5), nn.Linear(8, 4))
    found = modes(setup(model)).told
    with torch.no_grad():
        loss = F.cross_entropy(model.eval()(rows()), labels())
    assert f"{float(loss):.4g} in eval mode" in found
