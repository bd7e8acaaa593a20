from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.overfitting import overfitting
from tests.diagnostics.told import SQUARES, asked
from tests.diagnostics.written import LEARNT, layer, written

RISES = [*np.linspace(1.0, 0.4, 10), *np.linspace(0.42, 1.0, 30)]


def judge(path, validation=RISES, losses=LEARNT):
    scalars = {"loss": losses, "val_loss": list(validation), **SQUARES}
    given = {name: told for name, told in scalars.items() if told}
    net = layer("0", "2x2")
    told = written(path, net, {"weights": {}}, steps=(1, 40), scalars=given, events=[asked()])
    return overfitting(told)


def test_what_is_learnt_by_heart_is_found(clinic):
    finding = clinic.named("overfit_noisy_regression", "overfitting")
    assert finding.severity == "warning"
    assert "Stop at step" in finding.remedy


def test_the_best_step_is_the_first_of_its_steps(tmp_path):
    finding = judge(tmp_path)
    assert isinstance(finding, Finding)
    assert finding.steps == (10, 40)
    end = np.median(RISES[-2:])
    assert [e.value for e in finding.evidence] == pytest.approx([end - 0.4, end / 0.4])
    assert "step 10" in finding.remedy


@pytest.mark.parametrize(
    ("validation", "losses"),
    [
        (np.linspace(1.0, 0.3, 40), LEARNT),
        (np.linspace(0.4, 0.43, 40), LEARNT),
        (RISES, [*LEARNT[:10], *[0.9] * 30]),
        (RISES, [1.0] * 20 + [np.inf] * 20),
        (RISES, [1.0 - 0.1 * step for step in range(40)]),
        ([*RISES[:-1], np.inf], LEARNT),
    ],
    ids=["falls", "within noise", "training is as bad", "lost", "no bound", "not finite"],
)
def test_other_curves_pass(tmp_path, validation, losses):
    assert judge(tmp_path, validation, losses) is None


def test_few_losses_are_not_enough(tmp_path):
    assert isinstance(judge(tmp_path / "a", RISES[:3]), NotEnough)
    assert isinstance(judge(tmp_path / "b", losses=[]), NotEnough)
