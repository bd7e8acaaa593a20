from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.targets import targets
from tests.diagnostics.checks.parts import diseases, labels, mlp, number_of, rows, setup


def of_classes(*batches):
    first, *more = [(rows(len(y)), y) for y in batches]
    return targets(setup(batch=first, batches=tuple(more)))


def of_numbers(y, loss=None):
    return targets(setup(mlp(16, 8, 1), loss or nn.MSELoss(), (rows(), y)))


def test_a_fair_mix_has_measure_one():
    told = of_classes(*labels(64 * 8).split(64))
    assert diseases(told) == []
    assert number_of(told, "mix") == pytest.approx(1.0, abs=0.02)


def test_sorted_classes_are_found():
    told = of_classes(*labels(64 * 8).sort()[0].split(64))
    assert diseases(told) == ["unshuffled_data"]
    assert number_of(told, "mix") < 0.3


def test_two_classes_a_batch_have_half_of_the_entropy():
    batches = [torch.tensor([k, k + 1] * 32) for k in (0, 2, 0, 2, 0, 2)]
    measured = number_of(of_classes(*batches), "mix")
    assert measured == pytest.approx(math.log(2) / math.log(4), abs=0.02)


def test_a_rare_class_is_a_hint():
    y = torch.zeros(256, dtype=torch.long)
    y[:4] = 1
    told = of_classes(y)
    assert [(f.disease, f.severity) for f in told.findings] == [("class_imbalance", "hint")]
    assert number_of(told, "commonest") == 63.0


def test_targets_to_be_left_out_do_not_count():
    y = labels()
    y[:10] = -100
    assert diseases(of_classes(y)) == []


def test_large_numbers():
    y = 500 * rows(64, 1)
    told = of_numbers(y)
    assert diseases(told) == ["unnormalised_targets"]
    assert number_of(told, "rms") == pytest.approx(float(y.square().mean().sqrt()))
    assert diseases(of_numbers(y / 500)) == []


def test_large_numbers_that_the_loss_never_sees_are_no_matter():
    assert diseases(of_numbers(500 * rows(64, 1), lambda o, t: o.square().mean())) == []


def test_a_target_that_is_nan():
    assert diseases(of_numbers(rows(64, 1) * float("nan"))) == ["nan_inputs"]


def test_what_has_no_targets():
    with pytest.raises(CannotAsk, match="not one tensor"):
        targets(setup(loss=lambda o, t: o.sum(), batch=(rows(), None)))
    with pytest.raises(CannotAsk, match="neither numbers nor one class"):
        targets(setup(batch=(rows(), labels()[:, None])))
