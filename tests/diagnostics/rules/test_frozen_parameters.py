from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.frozen_parameters import frozen_parameters
from tests.diagnostics.told import FALLING
from tests.diagnostics.written import LEARNT, STUCK, tensor, written


def judge(path, frozen, losses=STUCK, role="matrix"):
    """A trunk of so many weights, and a head of 100 that trains."""
    trunk = tensor("trunk.weight", role, f"{frozen}x1", trainable=False)
    net = [trunk, tensor("head.weight", "matrix", "10x10")]
    return frozen_parameters(written(path, net, scalars={"loss": losses} if losses else {}))


def test_a_frozen_random_trunk_is_found(clinic):
    finding = clinic.named("frozen_random_trunk", "frozen_parameters")
    assert finding.severity == "warning"
    assert finding.layers


def test_the_share_is_of_all_weights(tmp_path):
    finding = judge(tmp_path, 300)
    assert isinstance(finding, Finding)
    assert [e.value for e in finding.evidence] == pytest.approx([0.75, 1.0])
    assert finding.layers == ("trunk",)


@pytest.mark.parametrize("losses", [LEARNT, FALLING], ids=["learnt", "falls"])
def test_fine_tuning_that_works_is_not_worth_a_word(tmp_path, losses):
    assert judge(tmp_path, 300, losses) is None


def test_a_small_part_or_normalisations_may_be_frozen(tmp_path):
    assert judge(tmp_path / "small", 20) is None
    assert judge(tmp_path / "norm", 300, role="norm") is None


def test_without_parameters_or_losses_nothing_can_be_said(tmp_path):
    assert isinstance(frozen_parameters(written(tmp_path / "a")), NotEnough)
    assert isinstance(judge(tmp_path / "b", 300, []), NotEnough)
