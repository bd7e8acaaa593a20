from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.unnormalised_inputs import unnormalised_inputs
from tests.diagnostics.written import LEARNT, STUCK, tensor, written

WELL = {"rms": 1.0, "largest": 4.0, "spread": 2.0}


def judge(path, *, first="Linear", losses=STUCK, rms=1.0, largest=4.0, spread=2.0):
    told = {"input_rms": rms, "input_min": -largest, "input_max": 1.0, "column_spread": spread}
    scalars = {f"batches/{name}": [value] * 3 for name, value in told.items()}
    scalars |= {"loss": losses} if losses else {}
    return unnormalised_inputs(
        written(path, [tensor("0", "output", "16x8", first)], None, scalars=scalars)
    )


def test_a_raw_table_is_found(clinic):
    finding = clinic.named("unnormalised_wine", "unnormalised_inputs")
    assert finding.severity == "error"


@pytest.mark.parametrize("told", [{"rms": 130.0}, {"largest": 1e4}, {"spread": 500.0}], ids=str)
def test_each_measure_alone_is_enough_and_alone_is_told(tmp_path, told):
    finding = judge(tmp_path, **told)
    assert isinstance(finding, Finding)
    assert [e.value for e in finding.evidence] == pytest.approx(list(told.values()))
    assert finding.steps == (1, 3)


def test_standardised_inputs_pass_however_the_training_goes(tmp_path):
    assert judge(tmp_path, **WELL) is None


@pytest.mark.parametrize("first", ["BatchNorm1d", "LayerNorm"])
def test_a_normalisation_as_the_first_layer_excuses_them(tmp_path, first):
    assert judge(tmp_path, first=first, rms=130.0) is None


def test_a_training_that_learns_is_let_be(tmp_path):
    assert judge(tmp_path, losses=LEARNT, rms=130.0) is None


def test_tokens_or_no_losses_are_not_enough(tmp_path):
    assert isinstance(unnormalised_inputs(written(tmp_path / "a")), NotEnough)
    assert isinstance(judge(tmp_path / "b", losses=[], rms=130.0), NotEnough)
