from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.bn_running_stats import bn_running_stats
from tests.diagnostics.written import written

ABOUT = "(mean off, log of the variance's ratio)"
LOSS = list(np.geomspace(1.0, 0.1, 40))


def judge(path, mean, variance, validation=(1.0, 1.0), losses=LOSS):
    looks = [[9.0, 9.0]] * 2 + [[mean, variance]] * 8  # at first averages are always off
    arrays = {"running/norm": (ABOUT, range(1, 11), looks)}
    scalars = {"loss": losses, "val_loss": list(validation)}
    scalars = {name: told for name, told in scalars.items() if len(told)}
    return bn_running_stats(written(path, arrays=arrays, scalars=scalars))


def test_averages_that_never_arrive_are_found(clinic):
    finding = clinic.named("bn_statistics_never_arrive", "bn_running_stats")
    assert finding.severity == "error"
    assert finding.evidence[-1].name == "validation loss / training loss"


@pytest.mark.parametrize(("mean", "variance"), [(0.8, 0.1), (0.1, 1.0), (0.1, -1.0)])
def test_mean_or_variance_may_be_off_either_way(tmp_path, mean, variance):
    finding = judge(tmp_path, mean, variance)
    assert isinstance(finding, Finding)
    assert finding.layers == ("norm",)
    assert finding.steps == (9, 10)
    told = [evidence.value for evidence in finding.evidence]
    assert told == pytest.approx([max(mean, abs(variance)), 1.0 / np.median(LOSS[-4:])])


def test_averages_that_are_right_or_do_no_harm_pass(tmp_path):
    assert judge(tmp_path / "right", 0.1, 0.1) is None
    assert judge(tmp_path / "harmless", 0.8, 1.0, validation=(0.1, 0.12)) is None


def test_a_multiple_of_next_to_nothing_is_no_harm(tmp_path):
    learnt = list(np.geomspace(1.0, 1e-4, 40))
    assert judge(tmp_path, 0.8, 1.0, (1e-3, 1e-3), learnt) is None


def test_without_averages_or_losses_nothing_can_be_said(tmp_path):
    assert isinstance(bn_running_stats(written(tmp_path / "a")), NotEnough)
    assert isinstance(judge(tmp_path / "b", 0.8, 1.0, validation=()), NotEnough)
    assert isinstance(judge(tmp_path / "c", 0.8, 1.0, losses=()), NotEnough)
