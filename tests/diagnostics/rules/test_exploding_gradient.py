from __future__ import annotations

import pytest
import torch
from torch import nn

from diagnostics import Run
from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.exploding_gradient import exploding_gradient
from tests.trainings import Transformer, cnn, deep, record


def judge(path, model, **options):
    return exploding_gradient(Run(record(path / "run", model, **{"steps": 12, **options})))


class Residual(nn.Module):
    """h + f(h) without normalisation: the gradient doubles with every block."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
        for layer in (self.inner[0], self.inner[2]):
            nn.init.kaiming_normal_(layer.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.inner(x)


def test_weights_drawn_too_large_are_found(tmp_path):
    finding = judge(tmp_path, deep(nn.ReLU, gain=3 * 2**0.5, depth=10))
    assert isinstance(finding, Finding)
    assert finding.disease == "exploding_gradient"
    assert finding.severity == "error"
    assert all(e.passes == "above" and e.value > e.threshold for e in finding.evidence)
    assert "towards the input" in finding.symptom


def test_residual_blocks_without_scaling_are_found(tmp_path):
    model = nn.Sequential(nn.Linear(8, 16), *[Residual() for _ in range(30)], nn.Linear(16, 3))
    assert isinstance(judge(tmp_path, model), Finding)


def test_a_growth_in_time_is_found_and_dated(tmp_path):
    finding = judge(tmp_path, deep(nn.LeakyReLU, gain=2**0.5), rate=1.0, steps=40)
    assert isinstance(finding, Finding)
    assert "times its usual size" in finding.symptom
    assert finding.steps[0] > 1


@pytest.mark.parametrize("model", [lambda: deep(nn.ReLU, gain=2**0.5), cnn, Transformer])
def test_healthy_nets_pass(tmp_path, model):
    assert judge(tmp_path, model(), steps=40) is None


def test_what_was_never_finite_is_not_called_an_explosion(tmp_path):
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 3))
    nn.init.constant_(model[0].weight, float("nan"))
    answer = judge(tmp_path, model)
    assert isinstance(answer, NotEnough)
    assert "from the first record on" in answer.reason
