from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.stale_momentum import stale_momentum
from tests.diagnostics.told import ONES, of_optimizer
from tests.diagnostics.written import LEARNT, layer, written

NET = layer("0", "10x10")
GROWS = np.linspace(1.0, 10.0, 10)


def judge(path, *, losses=ONES, weights=1.0, last=100, **settings):
    series = {"weights": {"0.weight": {"std": weights}}, "updates": {"0.weight": {"std": 0.01}}}
    steps = np.linspace(1, last, 10).astype(int)
    scalars = {"loss": losses, **of_optimizer(lr=0.1, **settings)}
    return stale_momentum(written(path, NET, series, steps=steps, scalars=scalars))


def test_momentum_over_most_of_the_run_is_found(clinic):
    finding = clinic.named("stale_momentum", "stale_momentum")
    assert finding.severity == "error"
    assert finding.evidence[0].value > 0.5


@pytest.mark.parametrize("key", ["momentum", "beta1"])
def test_steps_averaged_over_are_measured_by_the_runs(tmp_path, key):
    finding = judge(tmp_path, **{key: 0.995})
    assert isinstance(finding, Finding)
    assert [e.value for e in finding.evidence] == pytest.approx([2.0, 1.0])


def test_weights_that_run_away_are_harm_too(tmp_path):
    finding = judge(tmp_path, losses=LEARNT, weights=GROWS, momentum=0.995)
    assert isinstance(finding, Finding)
    assert [e.value for e in finding.evidence] == pytest.approx([2.0, 10.0])


@pytest.mark.parametrize(
    "told",
    [{"momentum": 0.9}, {"momentum": 0.99, "last": 10_000}, {"momentum": 0.995, "losses": LEARNT}],
    ids=["usual", "long run", "learns"],
)
def test_other_trainings_pass(tmp_path, told):
    assert judge(tmp_path, **told) is None


def test_without_momentum_nothing_can_be_said(tmp_path):
    assert isinstance(judge(tmp_path), NotEnough)
