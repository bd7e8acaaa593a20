from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.misplaced_dropout import misplaced_dropout
from tests.diagnostics.told import asked, modes
from tests.diagnostics.written import layer, tensor, written

LAST = [*layer("0", "3x8"), tensor("1", "output", "16x3", "Dropout")]
INSIDE = [tensor("1", "output", "16x8", "Dropout"), *layer("2", "3x8")]


def judge(path, net, *events, p=0.5):
    dropout = modes({"1": {"type": "Dropout", "p": p}})
    return misplaced_dropout(written(path, net, events=[dropout, *events]))


def test_dropped_answers_are_found(clinic):
    finding = clinic.named("dropout_on_logits", "misplaced_dropout")
    assert finding.severity == "error"
    assert len(finding.layers) == 1


@pytest.mark.parametrize("told", [[asked(output="Dropout")], []], ids=["told", "by shape"])
def test_a_dropout_behind_the_last_layer_is_named(tmp_path, told):
    finding = judge(tmp_path, LAST, *told, p=0.25)
    assert isinstance(finding, Finding)
    assert finding.layers == ("1",)
    assert finding.evidence[0].value == 0.25


def test_other_places_pass(tmp_path):
    assert judge(tmp_path / "inside", INSIDE) is None
    assert judge(tmp_path / "still", LAST, p=0.0) is None
    assert judge(tmp_path / "more follows", LAST, asked(output="Linear")) is None
    other = [*LAST[:2], tensor("1", "output", "16x8", "Dropout")]
    assert judge(tmp_path / "other shape", other) is None


def test_without_modes_or_outputs_nothing_can_be_said(tmp_path):
    assert isinstance(misplaced_dropout(written(tmp_path / "a", LAST)), NotEnough)
    assert isinstance(judge(tmp_path / "b", []), NotEnough)
