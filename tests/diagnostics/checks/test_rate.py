from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import LBFGS, SGD, Adam

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.rate import rate
from tests.diagnostics.checks.parts import diseases, mlp, number_of, rows, setup

X, Y = rows(64, 6), rows(64, 1, seed=3)
STEEPEST = float(torch.linalg.eigvalsh(2 / 64 * X.double().T @ X.double())[-1])


def linear(rate_of, momentum=0.0):
    """Least squares, whose Hessian is 2 XᵀX / n."""
    model = nn.Linear(6, 1, bias=False)
    optimizer = SGD(model.parameters(), lr=rate_of / STEEPEST, momentum=momentum)
    return rate(setup(model, nn.MSELoss(), (X, Y), optimizers=(optimizer,)))


@pytest.mark.parametrize(("rate_of", "momentum"), [(1.0, 0.0), (6.0, 0.0), (3.8, 0.9), (30.0, 0.9)])
def test_the_limit_is_two_over_the_largest_eigenvalue(rate_of, momentum):
    told = linear(rate_of, momentum)
    wanted = rate_of / (2 * (1 + momentum))
    assert number_of(told, "rate") == pytest.approx(wanted, rel=1e-3)
    assert diseases(told) == (["lr_too_high"] if wanted > 2 else [])


def test_beyond_it_gradient_descent_does_diverge():
    """What the number says: at 1.02 of the limit the loss grows, at 0.98 it falls."""
    for share, grows in ((1.02, True), (0.98, False)):
        model = nn.Linear(6, 1, bias=False)
        nn.init.zeros_(model.weight)
        optimizer = SGD(model.parameters(), lr=share * 2 * 1.9 / STEEPEST, momentum=0.9)
        losses = []
        for _ in range(1000):
            loss = nn.functional.mse_loss(model(X), Y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert (not losses[-1] <= losses[0]) == grows  # or is no number any more


def test_groups_have_rates_of_their_own():
    model = nn.Sequential(nn.Linear(6, 5, bias=False), nn.Linear(5, 1, bias=False))
    one = SGD(
        [{"params": model[0].parameters()}, {"params": model[1].parameters(), "lr": 0.0}], 0.1
    )
    nothing = SGD(model[0].parameters(), 0.1)
    asked = [
        rate(setup(model, nn.MSELoss(), (X, Y), optimizers=(each,))) for each in (one, nothing)
    ]
    assert number_of(asked[0], "rate") == pytest.approx(number_of(asked[1], "rate"), rel=0.02)


@pytest.mark.parametrize(("lr", "wanted"), [(1e-3, []), (0.3, ["lr_too_high"])])
def test_adams_first_step_beside_the_weights(lr, wanted):
    model = mlp(16, 32, 4)
    told = rate(setup(model, optimizers=(Adam(model.parameters(), lr),)))
    assert diseases(told) == wanted
    sizes = sorted(float(layer.weight.detach().square().mean().sqrt()) for layer in model[::2])
    assert number_of(told, "step") == pytest.approx(lr / sizes[0], rel=1e-5)


def test_a_rate_next_to_nothing_is_a_hint():
    told = linear(1e-6)
    assert [(f.disease, f.severity) for f in told.findings] == [("lr_too_low", "hint")]
    model = mlp(16, 32, 4)
    told = rate(setup(model, optimizers=(Adam(model.parameters(), 1e-9),)))
    assert diseases(told) == ["lr_too_low"]


def test_what_has_no_limit_known():
    model = mlp(16, 32, 4)
    with pytest.raises(CannotAsk, match="of LBFGS no limit is known"):
        rate(setup(model, optimizers=(LBFGS(model.parameters()),)))
    with pytest.raises(CannotAsk, match="of one optimizer, and 0 were given"):
        rate(setup(model))
    with pytest.raises(CannotAsk, match="holds no parameter of this model"):
        rate(setup(model, optimizers=(SGD(mlp(2, 2).parameters(), 0.1),)))
