from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.loss_spikes import loss_spikes
from tests.diagnostics.written import layer, written


def judge(path, heights, *, every=20, length=300, level=1.0):
    """A flat loss of 1 with so many jumps."""
    losses = [1.0] * 3 + [level] * (length - 3)
    for n, height in enumerate(heights):
        losses[60 + every * n] = level + height
    net, steps, scalars = layer("0", "2x2"), (1, length), {"loss": losses}
    return loss_spikes(written(path, net, {"weights": {}}, steps=steps, scalars=scalars))


def test_jumps_are_found(clinic):
    finding = clinic.named("rate_jumps", "loss_spikes")
    assert finding.evidence[0].value >= 3


def test_jumps_are_counted_dated_and_measured(tmp_path):
    finding = judge(tmp_path, [1.5, 4.0, 2.0])
    assert isinstance(finding, Finding)
    assert finding.steps == (61, 101)
    assert [e.value for e in finding.evidence] == pytest.approx([3, 4.0])
    assert "61, 81, 101" in finding.symptom


def test_a_jump_that_lasts_is_one(tmp_path):
    assert judge(tmp_path, [2.0] * 4, every=1) is None


@pytest.mark.parametrize("heights", [[5.0, 5.0], [0.9] * 3], ids=["two", "no twofold"])
def test_few_or_small_ones_pass(tmp_path, heights):
    assert judge(tmp_path, heights) is None


def test_heights_are_in_units_of_the_first_loss(tmp_path):
    assert judge(tmp_path, [0.2] * 3, level=0.05) is None


def test_what_happens_all_the_time_is_noise(tmp_path):
    assert judge(tmp_path, [3.0] * 12, every=10) is None


def test_a_short_run_is_not_enough(tmp_path):
    assert isinstance(loss_spikes(written(tmp_path, scalars={"loss": [1.0] * 40})), NotEnough)
