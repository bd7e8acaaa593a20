from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.optim import SGD

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.one_batch import Trial, _constant, one_batch
from tests.diagnostics.checks.parts import diseases, labels, mlp, number_of, rows, setup

FEW = (rows(16), labels(16))


def with_rate(lr, **more):
    model = mlp(16, 32, 4)
    return one_batch(setup(model, batch=FEW, optimizers=(SGD(model.parameters(), lr, **more),)))


def test_a_sound_model_learns_it():
    told = with_rate(0.5, momentum=0.9)
    assert diseases(told) == []
    assert "with your optimizer" in told.told
    assert number_of(told, "best constant") < 0.3


def test_without_an_optimizer_adam_tries():
    told = one_batch(setup(batch=FEW))
    assert diseases(told) == []
    assert "Adam at" in told.told


def test_the_best_constant_is_the_entropy_of_the_labels():
    shares = torch.bincount(FEW[1]).double() / 16
    wanted = -float(torch.xlogy(shares, shares).sum())
    assert _constant(setup(batch=FEW)) == pytest.approx(wanted, rel=1e-5)


def test_and_of_numbers_their_variance():
    y = 3 + rows(16, 2)
    asked = setup(mlp(16, 8, 2), nn.MSELoss(), (rows(16), y))
    assert _constant(asked) == pytest.approx(float(y.var(0, correction=0).mean()), rel=1e-5)


def test_a_rate_at_which_the_loss_rises():
    told = with_rate(300.0)
    assert "lr_too_high" in diseases(told)


def test_what_cannot_be_learnt_is_a_hint():
    """The same inputs with different labels."""
    told = one_batch(setup(batch=(torch.ones(16, 16), labels(16))))
    assert [(f.disease, f.severity) for f in told.findings] == [("underfitting", "hint")]
    assert number_of(told, "best constant") == pytest.approx(1.0, abs=0.05)


def test_nothing_of_the_users_moves():
    model = mlp(16, 32, 4)
    optimizer = SGD(model.parameters(), 0.5, momentum=0.9)
    before = model[0].weight.detach().clone()
    one_batch(setup(model, batch=FEW, optimizers=(optimizer,)))
    assert torch.equal(model[0].weight, before)
    assert all(p.grad is None for p in model.parameters())
    assert not optimizer.state


def test_a_trials_end_is_the_middle_of_its_last_losses():
    trial = Trial("", (9.0, 1.0, 2.0, 3.0, 100.0, 2.0), {})
    assert trial.end == 2.0
    assert trial.peak == pytest.approx(100 / 9)
    assert Trial("", (1.0, math.nan), {}).end == Trial("", (1.0, math.nan), {}).peak == math.inf


def test_units_that_die_within_a_few_steps():
    model = mlp(16, 64, 64, 4)
    optimizer = SGD(model.parameters(), 1.5, momentum=0.9)
    told = one_batch(setup(model, batch=FEW, optimizers=(optimizer,)))
    assert {"dead_relu", "lr_too_high"} <= {*diseases(told)}
    assert "dead_relu" not in diseases(with_rate(0.5, momentum=0.9))


def test_what_has_no_constant_answer():
    with pytest.raises(CannotAsk, match="not known of such a loss"):
        one_batch(setup(loss=lambda o, t: o.square().mean()))
    with pytest.raises(CannotAsk, match="all alike"):
        one_batch(setup(batch=(rows(16), torch.zeros(16, dtype=torch.long))))
