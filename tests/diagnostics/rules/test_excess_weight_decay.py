from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.excess_weight_decay import excess_weight_decay
from tests.diagnostics.told import ONES, of_optimizer
from tests.diagnostics.written import LEARNT, layer, written

NET = layer("0", "10x10")
WITHERS = np.geomspace(1.0, 0.1, 10)


def judge(path, coefficient=0.1, *, gradient=0.01, weights=WITHERS, losses=ONES):
    """Of a matrix of 100 weights; `gradient` is the rms of its gradient."""
    series = {
        "weights": {"0.weight": {"std": weights}},
        "updates": {"0.weight": {"std": 1e-3}},
        "gradients": {"0.weight": {"norm": gradient * 10}},
    }
    scalars = {"loss": losses, **of_optimizer(lr=0.1, weight_decay=coefficient)}
    return excess_weight_decay(written(path, NET, series, scalars=scalars))


def test_weights_that_wither_are_found(clinic):
    finding = clinic.named("l2_too_strong_sgd", "excess_weight_decay")
    assert finding.severity == "error"
    assert finding.evidence[0].value < 0.7


def test_decay_is_measured_against_the_gradient(tmp_path):
    finding = judge(tmp_path)
    assert isinstance(finding, Finding)
    late = 0.1 * WITHERS[5:] / 0.01
    told = [e.value for e in finding.evidence]
    assert told == pytest.approx([0.1, np.median(late), 1.0], rel=1e-4)
    assert "weight_decay=0.001" in finding.remedy
    assert finding.steps[0] == 1


def test_decay_that_outweighs_the_gradient_by_far_need_not_have_shrunk_much(tmp_path):
    finding = judge(tmp_path, weights=np.geomspace(1.0, 0.9, 10))
    assert isinstance(finding, Finding)
    assert [e.name for e in finding.evidence] == ["decay / gradient", "share of the loss left"]


@pytest.mark.parametrize(
    "told",
    [
        {"coefficient": 0.0},
        {"gradient": 1.0},
        {"weights": np.geomspace(1.0, 0.9, 10), "gradient": 0.1},
        {"weights": np.geomspace(1.0, 2.0, 10)},
        {"losses": LEARNT},
        {"losses": [1.0] * 20 + [np.inf] * 20},
    ],
    ids=["none", "outweighed", "weights stay", "weights grow", "learns", "lost"],
)
def test_other_trainings_pass(tmp_path, told):
    assert judge(tmp_path, **told) is None


def test_without_decay_or_losses_nothing_can_be_said(tmp_path):
    assert isinstance(excess_weight_decay(written(tmp_path / "a", NET)), NotEnough)
    assert isinstance(judge(tmp_path / "b", losses=[]), NotEnough)
