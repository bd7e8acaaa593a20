from __future__ import annotations

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.constant_inputs import constant_inputs
from tests.diagnostics.written import written


def judge(path, **batches):
    scalars = {f"batches/{name}": told for name, told in batches.items()}
    return constant_inputs(written(path, scalars=scalars))


def test_inputs_that_never_vary_are_found(clinic):
    finding = clinic.named("constant_inputs", "constant_inputs")
    assert finding.severity == "error"
    assert finding.evidence[0].value == 1.0
    assert finding.confidence == 1.0


def test_columns_count_as_they_are_known_last(tmp_path):
    """A column is constant until it varies for the first time."""
    rms = [1.0] * 3
    assert judge(tmp_path / "a", input_rms=rms, constant_columns=[1.0, 1.0, 0.3]) is None
    finding = judge(tmp_path / "b", input_rms=rms, constant_columns=[1.0, 1.0, 1.0])
    assert isinstance(finding, Finding)
    assert finding.steps == (1, 3)


def test_one_token_over_and_over_is_found(tmp_path):
    finding = judge(tmp_path, commonest_id=[1.0, 0.99, 1.0])
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == 1.0


def test_a_batch_of_padding_is_no_constant(tmp_path):
    assert judge(tmp_path, commonest_id=[1.0, 0.6, 0.7]) is None


def test_without_batches_nothing_can_be_said(tmp_path):
    assert isinstance(judge(tmp_path), NotEnough)
