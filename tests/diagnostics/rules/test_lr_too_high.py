from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.lr_too_high import lr_too_high
from tests.diagnostics.told import ONES
from tests.diagnostics.written import LEARNT, layer, written

NET = layer("0", "10x10")
STEPS = tuple(range(1, 41))
JUMPS = [1.0, 1.0, 1.0, 8.0, *[1.2] * 36]
EARLY = np.geomspace(0.25, 1e-3, 40)  # large at first, small in the end


def judge(path, update, losses, weights=1.0):
    series = {"weights": {"0.weight": {"std": weights}}, "updates": {"0.weight": {"std": update}}}
    scalars = {"loss": losses} if losses else {}
    return lr_too_high(written(path, NET, series, steps=STEPS, scalars=scalars))


def test_a_rate_that_diverges_is_found(clinic):
    finding = clinic.named("lr_diverge_mlp", "lr_too_high")
    assert finding.severity == "error"
    assert finding.steps[0] <= 10


def test_a_loss_that_jumps_at_once_and_stays(tmp_path):
    finding = judge(tmp_path, EARLY, JUMPS)
    assert isinstance(finding, Finding)
    early, rise = finding.evidence
    assert (early.value, rise.value) == pytest.approx((0.25, 8.0))
    assert finding.steps == (1, 40)


def test_steps_that_stay_large(tmp_path):
    finding = judge(tmp_path, 0.1, ONES)
    assert isinstance(finding, Finding)
    assert [e.value for e in finding.evidence] == pytest.approx([0.1, 1.0])


def test_a_loss_that_is_no_number_any_more_has_risen_beyond_all(tmp_path):
    finding = judge(tmp_path, EARLY, [1.0, 1.0, 1.0, 9.0, *[np.nan] * 36])
    assert isinstance(finding, Finding)
    assert finding.evidence[1].value == np.inf


def test_a_leap_that_does_not_pay(tmp_path):
    finding = judge(tmp_path, 4 * EARLY, ONES)
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(1.0)
    assert finding.confidence < 0.75
    assert judge(tmp_path / "pays", 4 * EARLY, LEARNT) is None


@pytest.mark.parametrize(
    ("update", "losses"),
    [(0.1, LEARNT), (EARLY, ONES), (EARLY, [*JUMPS[:4], *LEARNT[4:]]), (0.01, JUMPS)],
    ids=["learns", "no rise", "recovers", "small steps"],
)
def test_other_trainings_pass(tmp_path, update, losses):
    assert judge(tmp_path, update, losses) is None


def test_weights_that_wither_make_any_step_look_large(tmp_path):
    assert judge(tmp_path, 0.1, ONES, np.geomspace(1.0, 0.1, 40)) is None


def test_without_updates_or_losses_nothing_can_be_said(tmp_path):
    assert isinstance(lr_too_high(written(tmp_path / "a", NET)), NotEnough)
    assert isinstance(judge(tmp_path / "b", 0.1, []), NotEnough)
