from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.lr_too_low import lr_too_low
from tests.diagnostics.told import FALLING, ONES
from tests.diagnostics.written import layer, written

NET = layer("0", "10x10")
STEPS = tuple(range(1, 41))


def judge(path, update, losses=ONES):
    series = {"weights": {"0.weight": {"std": 1.0}}, "updates": {"0.weight": {"std": update}}}
    scalars = {"loss": losses} if losses else {}
    return lr_too_low(written(path, NET, series, steps=STEPS, scalars=scalars))


def test_a_rate_that_is_too_small_is_found(clinic):
    finding = clinic.named("lr_too_low_sgd", "lr_too_low")
    assert finding.evidence[0].name == "update / weight, midway"


def test_the_steps_are_those_midway(tmp_path):
    finding = judge(tmp_path, [1e-3] * 10 + [1e-5] * 30)
    assert isinstance(finding, Finding)
    assert [e.value for e in finding.evidence] == pytest.approx([1e-5, 1.0], rel=1e-4)


@pytest.mark.parametrize(
    ("update", "losses"),
    [
        (1e-3, ONES),
        (1e-5, FALLING),
        ([1e-5] * 30 + [1e-2] * 10, ONES),
        ([0.5] * 3 + [1e-5] * 37, ONES),
        (1e-5, [1.0] * 20 + [np.inf] * 20),
    ],
    ids=["usual steps", "learns", "warms up", "has overshot", "lost"],
)
def test_other_trainings_pass(tmp_path, update, losses):
    assert judge(tmp_path, update, losses) is None


def test_without_updates_or_losses_nothing_can_be_said(tmp_path):
    assert isinstance(lr_too_low(written(tmp_path / "a", NET)), NotEnough)
    assert isinstance(judge(tmp_path / "b", 1e-5, []), NotEnough)
