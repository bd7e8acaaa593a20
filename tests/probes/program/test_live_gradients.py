from __future__ import annotations

import math
import weakref

import pytest
import torch
from torch import nn

from probes.program.live_gradients import LiveGradients, own_functions, seed
from tests.probes.program.models import ENTROPY, Gpt, ids, mlp, next_token, vectors

X, Y = vectors()


def compared(model, loss, change=lambda leaves: leaves):
    """The worst difference to another evaluation of the same model, at changed weights."""
    live = LiveGradients(model, lambda: loss(model))
    leaves = change(live.leaves())
    loss(lambda *given: torch.func.functional_call(model, leaves, given)).backward()
    return live


def entropy(model):
    return ENTROPY(model(X), Y)


def test_the_same_gradients_are_the_same():
    assert compared(mlp(), entropy).worst() == 0
    model, tokens = Gpt().eval(), ids()
    assert compared(model, lambda call: next_token(call(tokens), tokens)).worst() < 1e-6


@pytest.mark.parametrize("name", ["0.weight", "0.bias", "2.weight", "2.bias"])
def test_each_tensor_counts_for_itself(name):
    """A gradient that is a tenth off is found, however small its part of the whole is."""
    model = mlp()
    with torch.no_grad():
        model[2].weight.mul_(0.05)  # what flows back to the first layer is small

    def change(leaves):
        leaves[name].register_hook(lambda gradient: gradient * 1.1)
        return leaves

    assert compared(model, entropy, change).worst() == pytest.approx(0.1, rel=1e-3)


def test_a_gradient_that_never_comes_is_missed():
    model = mlp()
    worst = compared(model, entropy, lambda leaves: leaves | {"2.weight": model[2].weight.detach()})
    assert worst.worst() == pytest.approx(1)


def test_a_gradient_that_nobody_has_live_is_found():
    model = mlp()
    live = LiveGradients(model, lambda: model(X)[:, :0].sum() + model[2].bias.sum() * 3)
    (live.leaves()["0.weight"].sum() * 3).backward()
    assert live.worst() > 1


def test_what_is_but_rounding_is_not_judged():
    model = mlp()
    live = LiveGradients(model, lambda: model[2].bias.sum() + model[0].bias.sum() * 1e-9)
    leaves = live.leaves()
    (leaves["2.bias"].sum() + leaves["0.bias"].sum() * 2e-9).backward()
    assert live.worst() < 1e-5


def test_nan_is_equal_to_itself_and_to_nothing_else():
    model = mlp()
    with torch.no_grad():
        model[0].weight[0] = math.nan
    assert compared(model, entropy).worst() == 0
    live = LiveGradients(model, lambda: entropy(model))
    leaves = live.leaves()
    sum(leaf.sum() for leaf in leaves.values()).backward()
    assert math.isnan(live.worst())


def test_the_users_gradients_and_tensors_are_never_touched():
    model = mlp()
    entropy(model).backward()
    before = {name: (p.grad, p.grad.clone()) for name, p in model.named_parameters()}
    compared(model, entropy)
    for name, parameter in model.named_parameters():
        assert parameter.grad is before[name][0]
        assert torch.equal(parameter.grad, before[name][1])
        assert parameter._post_accumulate_grad_hooks is None


def test_one_set_of_gradients_is_held_and_no_more():
    """The live ones go one by one, as the program's come one by one."""
    model = nn.Sequential(*(nn.Linear(8, 8, bias=False) for _ in range(12)))
    x, left = torch.randn(2, 8), []
    live = LiveGradients(model, lambda: model(x).square().mean())
    leaves = live.leaves()
    references = [weakref.ref(gradient) for gradient in live._left.values()]
    for leaf in leaves.values():
        leaf.register_post_accumulate_grad_hook(
            lambda leaf: left.append((sum(r() is not None for r in references), leaf.grad))
        )
    torch.func.functional_call(model, leaves, (x,)).square().mean().backward()
    assert left == [(11 - n, None) for n in range(12)]
    assert live.worst() < 1e-6


def test_a_sparse_gradient_is_compared_too():
    model = nn.Sequential(nn.Embedding(20, 5, sparse=True))
    tokens, y = torch.randint(0, 20, (8,)), torch.randint(0, 5, (8,))
    assert compared(model, lambda call: ENTROPY(call(tokens), y)).worst() == 0


class Straight(torch.autograd.Function):
    @staticmethod
    def forward(_, x):
        return x.sign()

    @staticmethod
    def backward(_, gradient):
        return gradient


def test_functions_of_the_users_own_are_found_with_their_place():
    assert own_functions(entropy(mlp())) == []
    [found] = own_functions(Straight.apply(mlp()(X)).sum())
    assert found.startswith("Straight at ")
    line = int(found.rpartition(":")[2])
    with open(__file__, encoding="utf-8") as file:  # noqa: PTH123
        assert "class Straight" in file.readlines()[line - 1]


def test_seeding_is_torchs_own():
    with torch.random.fork_rng(devices=[]):
        seed()
        found = torch.rand(3)
        torch.manual_seed(7)
        assert torch.equal(found, torch.rand(3))
