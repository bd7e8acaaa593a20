from __future__ import annotations

import pytest
import torch
from torch import nn

from probes import ActivationGradients
from tests.probes.watching import Watching


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def sgd(model):
    return torch.optim.SGD(model.parameters(), 0.1)


class Mlp(nn.Module):
    """Keeps its layers' outputs, so that their gradients can be asked for by hand."""

    def __init__(self):
        super().__init__()
        self.first, self.relu, self.last = nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3)

    def forward(self, x):
        self.given = {"first": (a := self.first(x))}
        self.given["relu"] = b = self.relu(a)
        self.given["last"] = c = self.last(b)
        return c


def by_hand(model, loss, x):
    value = loss(model(x))
    return dict(
        zip(model.given, torch.autograd.grad(value, list(model.given.values())), strict=True)
    )


def squares(output):
    return output.square().sum()


def test_they_are_the_losses_gradients_by_what_the_layers_give():
    model, x = Mlp(), numbers(5, 8)
    expected = by_hand(model, squares, x)
    with Watching(model, sgd(model), ActivationGradients()) as rig:
        squares(model(x)).backward()
        rig.step()
        rows = rig.rows("activation_gradients")
    assert rows.keys() == expected.keys()
    for name, gradient in expected.items():
        row = rows[name]
        assert (row["count"], row["zeros"]) == (gradient.numel(), int((gradient == 0).sum()))
        assert row["mean"] == pytest.approx(float(gradient.mean()), rel=1e-4, abs=1e-7)
        assert row["std"] == pytest.approx(float(gradient.std(correction=0)), rel=1e-4)
        assert (row["min"], row["max"]) == (float(gradient.min()), float(gradient.max()))


def test_micro_batches_are_merged():
    model, halves = Mlp(), [numbers(5, 8), 3 * numbers(2, 8, seed=1)]
    expected = torch.cat([by_hand(model, squares, half)["last"] for half in halves])
    with Watching(model, sgd(model), ActivationGradients()) as rig:
        for half in halves:
            squares(model(half)).backward()
        rig.step()
        row = rig.rows("activation_gradients")["last"]
    assert row["count"] == expected.numel()
    assert row["mean"] == pytest.approx(float(expected.mean()), rel=1e-4)
    assert row["std"] == pytest.approx(float(expected.std(correction=0)), rel=1e-4)


def test_a_loss_of_several_heads_gives_the_sum():
    model, x = Mlp(), numbers(5, 8)
    expected = by_hand(model, lambda y: y.sum() + squares(y), x)["first"]
    with Watching(model, sgd(model), ActivationGradients()) as rig:
        y = model(x)
        (y.sum() + squares(y)).backward()
        rig.step()
        row = rig.rows("activation_gradients")["first"]
    assert row["max"] == pytest.approx(float(expected.max()), rel=1e-6)


def test_the_model_and_its_gradients_are_as_without():
    def gradients(watched):
        torch.manual_seed(0)
        model, x = Mlp(), numbers(5, 8)
        with Watching(model, sgd(model), *([ActivationGradients()] if watched else [])):
            squares(model(x)).backward()
        return [p.grad for p in model.parameters()]

    assert all(torch.equal(a, b) for a, b in zip(gradients(True), gradients(False), strict=True))


def test_a_layer_without_a_gradient_has_no_row():
    model = nn.Sequential(nn.Linear(8, 6), nn.Linear(6, 3))
    model[0].requires_grad_(False)
    with Watching(model, sgd(model), ActivationGradients()) as rig:
        squares(model(numbers(5, 8))).backward()
        rig.step()
        assert rig.rows("activation_gradients").keys() == {"1"}


def test_a_second_derivative_can_be_taken():
    model, x = Mlp(), numbers(5, 8).requires_grad_()
    with Watching(model, sgd(model), ActivationGradients()) as rig:
        (slope,) = torch.autograd.grad(squares(model(x)), x, create_graph=True)
        slope.square().sum().backward()
        rig.step()
        assert rig.rows("activation_gradients")["last"]["count"] > 0
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_all_outputs_of_a_layer_are_followed():
    model = nn.LSTM(3, 4)
    with Watching(model, sgd(model), ActivationGradients()) as rig:
        outputs, (hidden, _) = model(numbers(5, 3))
        (outputs.sum() + hidden.sum()).backward()
        rig.step()
        rows = rig.rows("activation_gradients")
    assert {name: row["count"] for name, row in rows.items()} == {
        "(model)[0]": 20, "(model)[1][0]": 4,
    }  # fmt: skip
