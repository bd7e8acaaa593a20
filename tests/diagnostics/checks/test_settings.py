from __future__ import annotations

import pytest
import torch
from torch.optim import SGD, Adam, AdamW

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.settings import momentum_of, number, settings, shrinks
from tests.diagnostics.checks.parts import diseases, mlp, setup

MODEL = mlp(4, 4)


def judged(kind, **more):
    return settings(setup(MODEL, optimizers=(kind(MODEL.parameters(), **more),)))


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4}),
        (SGD, {"lr": 0.01, "momentum": 0.99}),
        (Adam, {"lr": 1e-3, "weight_decay": 1.0}),
        (AdamW, {"lr": 3e-4, "weight_decay": 0.1, "betas": (0.9, 0.95)}),
        (Adam, {"lr": 1e-3, "betas": (0.0, 0.99)}),
    ],
)
def test_what_is_in_use_is_fine(kind, more):
    assert diseases(judged(kind, **more)) == []


@pytest.mark.parametrize(
    ("kind", "more", "disease"),
    [
        (SGD, {"lr": 0.1, "momentum": 0.999}, "stale_momentum"),
        (Adam, {"lr": 1e-3, "betas": (0.9995, 0.9999)}, "stale_momentum"),
        (Adam, {"lr": 1e-3, "eps": 1.0}, "optimiser_misconfigured"),
        (Adam, {"lr": 1e-3, "betas": (0.9, 0.1)}, "optimiser_misconfigured"),
        (AdamW, {"lr": 3e-3, "weight_decay": 20.0}, "excess_weight_decay"),
        (SGD, {"lr": 0.015, "momentum": 0.9, "weight_decay": 0.3}, "excess_weight_decay"),
    ],
)
def test_what_is_not_is_found(kind, more, disease):
    assert diseases(judged(kind, **more)) == [disease]


def test_what_decay_alone_takes_is_what_it_takes():
    """Of a loss that does not depend on the weights, after a thousand steps of momentum."""
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = SGD([weight], lr=0.01, momentum=0.9, weight_decay=0.01)
    for _ in range(1000):
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
    rate = shrinks(optimizer, optimizer.param_groups[0])
    assert rate == pytest.approx(0.001)
    measured = float((torch.tensor(1.0) / weight.detach()).log()) / 1000
    assert measured == pytest.approx(rate, rel=0.02)


def test_decoupled_decay_is_rate_times_decay():
    optimizer = AdamW([torch.nn.Parameter(torch.ones(1))], lr=0.01, weight_decay=0.2)
    assert shrinks(optimizer, optimizer.param_groups[0]) == pytest.approx(0.002)


def test_rates_may_be_tensors():
    assert number(torch.tensor(0.5)) == 0.5
    assert momentum_of({"betas": (0.8, 0.9)}) == 0.8
    assert momentum_of({"lr": 1}) == 0.0


def test_without_an_optimizer():
    with pytest.raises(CannotAsk, match="no optimizer"):
        settings(setup())
