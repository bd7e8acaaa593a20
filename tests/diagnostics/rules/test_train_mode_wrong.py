from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.train_mode_wrong import train_mode_wrong
from tests.diagnostics.told import modes
from tests.diagnostics.written import layer, written

DROPS = {"1": {"type": "Dropout", "p": 0.2}}
OFF, ON = {"": False}, {"": True}


def judge(path, *events):
    """In a run of 100 steps."""
    told = written(path, layer("0", "2x2"), {"weights": {}}, steps=(1, 100), events=events)
    return train_mode_wrong(told)


def test_a_model_left_in_evaluation_mode_is_found(clinic):
    finding = clinic.named("eval_left_on_dropout", "train_mode_wrong")
    assert finding.severity == "error"
    assert finding.layers


def test_the_share_is_of_the_steps(tmp_path):
    back = (81, "modes", {"training": ON})
    finding = judge(tmp_path, modes(DROPS, training=OFF), back)
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(0.8)
    assert finding.layers == ("1",)


def test_most_of_the_time_in_training_mode_is_enough(tmp_path):
    away = (81, "modes", {"training": OFF})
    assert judge(tmp_path / "a", modes(DROPS), away) is None
    assert judge(tmp_path / "b", modes(DROPS)) is None


def test_a_part_that_is_meant_to_stay_passes(tmp_path):
    assert judge(tmp_path, modes(DROPS, training={"": True, "1": False})) is None


def test_a_model_that_does_not_go_by_it_passes(tmp_path):
    assert judge(tmp_path, modes({"1": {"type": "Dropout", "p": 0.0}}, training=OFF)) is None


def test_without_modes_nothing_can_be_said(tmp_path):
    assert isinstance(judge(tmp_path), NotEnough)
