from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.data_outliers import data_outliers
from tests.diagnostics.written import LEARNT, STUCK, written


def judge(path, largest, losses=STUCK, low=-3.0):
    named = {"rms": [1.0] * len(largest), "min": [low] * len(largest), "max": largest}
    batches = {f"batches/input_{name}": told for name, told in named.items()}
    return data_outliers(written(path, scalars={"loss": losses, **batches}))


def test_rows_far_from_all_others_are_found(clinic):
    finding = clinic.named("bursts_in_series", "data_outliers")
    assert finding.severity == "error"
    assert len(finding.evidence) == 2


def test_the_batches_that_hold_one_are_dated(tmp_path):
    finding = judge(tmp_path, [3.0] * 5 + [300.0] + [3.0] * 3 + [200.0, 100.0])
    assert isinstance(finding, Finding)
    assert finding.steps == (6, 10)
    assert [e.value for e in finding.evidence] == pytest.approx([100.0, 300.0])


def test_they_may_be_far_below(tmp_path):
    finding = judge(tmp_path, [3.0] * 9 + [4.0], low=-2.0)
    assert finding is None
    scalars = {"rms": [1.0] * 10, "min": [-2.0] * 9 + [-80.0], "max": [2.0] * 10}
    told = {f"batches/input_{name}": values for name, values in scalars.items()}
    finding = data_outliers(written(tmp_path / "low", scalars={"loss": STUCK, **told}))
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(40.0)


@pytest.mark.parametrize("largest", [[300.0] * 10, [3.0] * 9 + [20.0], [30.0] * 9 + [100.0]])
def test_what_all_batches_have_or_tails_reach_is_none(tmp_path, largest):
    assert judge(tmp_path, largest, low=-min(largest)) is None


def test_a_training_that_is_not_thrown_off_is_let_be(tmp_path):
    rare = [3.0] * 9 + [300.0]
    assert judge(tmp_path / "learns", rare, LEARNT) is None
    jumping = [*LEARNT, 0.9, *LEARNT[-5:]]
    assert isinstance(judge(tmp_path / "jumps", rare, jumping), Finding)


def test_too_few_batches_or_none_are_not_enough(tmp_path):
    assert isinstance(judge(tmp_path / "a", [3.0, 300.0]), NotEnough)
    assert isinstance(data_outliers(written(tmp_path / "b")), NotEnough)
