from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.bn_small_batch import bn_small_batch
from tests.diagnostics.told import modes
from tests.diagnostics.written import LEARNT, STUCK, written


def judge(path, size, *, passes=1, losses=STUCK, statistics="moving", **scalars):
    norm = {"type": "BatchNorm1d", "statistics": statistics}
    batches = {"batches/size": [float(size)] * 10, "batches/passes": [float(passes)] * 10}
    scalars = {"loss": losses, **batches} | scalars
    given = {name: told for name, told in scalars.items() if told}
    return bn_small_batch(written(path, scalars=given, events=[modes({"norm": norm})]))


def test_batches_of_two_are_found(clinic):
    finding = clinic.named("bn_batch_of_two", "bn_small_batch")
    assert finding.severity == "error"
    assert finding.evidence[0].value == 2
    assert len(finding.layers) == 3


@pytest.mark.parametrize(("size", "passes", "rows"), [(2, 1, 2), (1, 1, 1), (64, 32, 2)])
def test_what_counts_are_the_examples_of_one_pass(tmp_path, size, passes, rows):
    finding = judge(tmp_path, size, passes=passes)
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == rows
    assert (finding.layers, finding.steps) == (("norm",), (1, 10))


def test_larger_batches_and_trainings_that_learn_pass(tmp_path):
    assert judge(tmp_path / "larger", 3) is None
    assert judge(tmp_path / "learns", 2, losses=LEARNT) is None


def test_frozen_normalisations_go_by_no_batch(tmp_path):
    assert judge(tmp_path / "frozen", 1, statistics="frozen") is None
    assert isinstance(judge(tmp_path / "batch", 1, statistics="batch"), Finding)


def test_without_normalisation_batches_may_be_of_one(tmp_path):
    assert bn_small_batch(written(tmp_path, events=[modes()])) is None


def test_without_batches_or_losses_nothing_can_be_said(tmp_path):
    assert isinstance(judge(tmp_path / "a", 2, **{"batches/size": []}), NotEnough)
    assert isinstance(judge(tmp_path / "b", 2, losses=[]), NotEnough)
