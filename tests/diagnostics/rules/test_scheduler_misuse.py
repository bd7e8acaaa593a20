from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.scheduler_misuse import scheduler_misuse
from tests.diagnostics.told import ONES
from tests.diagnostics.written import LEARNT, layer, written

GONE = [0.1] * 10 + [1e-8] * 30


def judge(path, rates=GONE, losses=ONES):
    scalars = {"loss": losses, "optimizer/0/lr": list(rates)}
    given = {name: told for name, told in scalars.items() if told}
    net, steps = layer("0", "2x2"), (1, 40)
    return scheduler_misuse(written(path, net, {"weights": {}}, steps=steps, scalars=given))


def test_a_rate_that_is_gone_is_found(clinic):
    finding = clinic.named("decay_exponential_in_batches", "scheduler_misuse")
    assert finding.severity == "error"


def test_the_step_at_which_it_was_gone_is_told(tmp_path):
    finding = judge(tmp_path)
    assert isinstance(finding, Finding)
    assert finding.steps == (11, 40)
    assert [e.value for e in finding.evidence] == pytest.approx([11 / 40, 1.0])


def test_a_warm_up_that_never_ends_is_found(tmp_path):
    finding = judge(tmp_path, np.linspace(0.001, 0.1, 40))
    assert isinstance(finding, Finding)
    assert "rises" in finding.symptom
    assert finding.evidence[0].value == pytest.approx(np.linspace(0.01, 1.0, 40)[20])


@pytest.mark.parametrize(
    ("rates", "losses"),
    [
        (GONE, LEARNT),
        ([0.1] * 40, ONES),
        ([*np.linspace(0.001, 0.1, 5), *np.linspace(0.1, 0.01, 35)], ONES),
        (0.1 * (1 + np.cos(np.linspace(0, np.pi, 40))), ONES),
        (GONE, [1.0] * 20 + [np.inf] * 20),
    ],
    ids=["learns", "constant", "warm-up", "cosine", "lost"],
)
def test_other_schedules_pass(tmp_path, rates, losses):
    assert judge(tmp_path, rates, losses) is None


def test_without_rate_or_losses_nothing_can_be_said(tmp_path):
    assert isinstance(judge(tmp_path / "a", []), NotEnough)
    assert isinstance(judge(tmp_path / "b", losses=[]), NotEnough)
