from __future__ import annotations

import pytest
import torch
from torch import nn

from diagnostics import Run
from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.exploding_gradient import exploding_gradient
from tests.diagnostics.recurrent import Cell
from tests.diagnostics.written import LEARNT, STUCK, written
from tests.diagnostics.written import layer as matrix
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


def test_a_gradient_that_grows_towards_the_past_is_found(tmp_path):
    run = Run(record(tmp_path / "run", Cell(3.0), steps=12, rate=1e-9))
    finding = exploding_gradient(run)
    assert isinstance(finding, Finding)
    assert "on its way to the past" in finding.symptom
    assert finding.layers == ("step",)
    assert finding.steps[0] == 1


def plain(path, losses, gradient=1.0, weight=1.0):
    """Two layers: too few for a growth through depth."""
    net = [*matrix("0", "8x8"), *matrix("2", "3x8")]
    series = {
        "gradients": {"0.weight": {"norm": gradient}, "2.weight": {"norm": 1.0}},
        "weights": {name: {"std": weight} for name in ("0.weight", "2.weight")},
    }
    return exploding_gradient(written(path, net, series, scalars={"loss": losses}))


def test_a_loss_that_hangs_on_its_weights_by_a_hair_is_found_in_a_bad_training(tmp_path):
    finding = plain(tmp_path / "a", STUCK, gradient=1e4)
    assert isinstance(finding, Finding)
    assert finding.evidence[0].name == "gradient * weights / loss"
    exact = (1e8 + 1) ** 0.5 * (64 + 24) ** 0.5
    assert finding.evidence[0].value == pytest.approx(exact, rel=1e-4)
    assert plain(tmp_path / "b", LEARNT, gradient=1e4) is None


def test_a_jump_is_a_hint_in_a_training_that_goes_well(tmp_path):
    jump = [1.0] * 8 + [1e5, 1.0]
    well, badly = plain(tmp_path / "a", LEARNT, jump), plain(tmp_path / "b", STUCK, jump)
    assert isinstance(well, Finding)
    assert isinstance(badly, Finding)
    assert (well.severity, badly.severity) == ("hint", "error")
