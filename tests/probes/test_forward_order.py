from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.modules import module as hooks

from probes.forward_order import ForwardOrder
from tests.trainings import Transformer, cnn, mlp


def watch(model, x):
    order = ForwardOrder({module: name for name, module in model.named_modules()})
    try:
        model(x)
    finally:
        order.close()
    return order


class Backwards(nn.Module):
    """Runs its modules in another order than it names them; one of them twice, one never."""

    def __init__(self):
        super().__init__()
        self.last, self.twice, self.idle, self.first = (nn.Linear(4, 4) for _ in range(4))

    def forward(self, x):
        return self.twice(self.last(self.twice(self.first(x))))


def test_modules_are_ranked_by_their_first_call():
    ranks = watch(Backwards(), torch.ones(2, 4)).ranks
    assert ranks == {"": 0, "first": 1, "twice": 2, "last": 3}


def test_a_second_pass_changes_nothing():
    model = Backwards()
    order = ForwardOrder({module: name for name, module in model.named_modules()})
    model(torch.ones(2, 4))
    before = dict(order.ranks)
    model.idle(torch.ones(2, 4))
    model(torch.ones(2, 4))
    order.close()
    assert order.ranks == {**before, "idle": 4}


def test_other_models_are_not_seen():
    model, other = mlp(), mlp()
    order = ForwardOrder({module: name for name, module in model.named_modules()})
    other(torch.ones(2, 8))
    order.close()
    assert order.ranks == {}


def test_after_closing_nothing_is_seen_and_no_hook_is_left():
    model = mlp()
    order = ForwardOrder({module: name for name, module in model.named_modules()})
    assert hooks._global_forward_hooks
    order.close()
    order.close()
    model(torch.ones(2, 8))
    assert order.ranks == {}
    assert not hooks._global_forward_hooks
    assert not hooks._global_forward_pre_hooks


def test_the_order_does_not_keep_the_model_alive():
    model = mlp()
    order = ForwardOrder({module: name for name, module in model.named_modules()})
    order.close()
    del model
    assert len(order._names) == 0


def test_a_watched_model_can_be_copied():
    model = cnn()
    order = ForwardOrder({module: name for name, module in model.named_modules()})
    twin = copy.deepcopy(model)
    twin(torch.ones(2, 8))
    order.close()
    assert order.ranks == {}


class Around(nn.Module):
    """A linear layer, something done to its output, a normalisation."""

    def __init__(self, norm, between=lambda x: x, layer=None):
        super().__init__()
        self.layer, self.norm, self.between = layer or nn.Linear(8, 6), norm, between

    def forward(self, x):
        return self.norm(self.between(self.layer(x)))


@pytest.mark.parametrize(
    ("norm", "layer", "shape"),
    [
        (nn.BatchNorm1d(6), nn.Linear(8, 6), (5, 8)),
        (nn.BatchNorm2d(6), nn.Conv2d(3, 6, 1), (5, 3, 4, 4)),
        (nn.BatchNorm3d(6), nn.Conv3d(3, 6, 1), (5, 3, 2, 2, 2)),
        (nn.InstanceNorm1d(6), nn.Conv1d(3, 6, 1), (5, 3, 4)),
        (nn.InstanceNorm2d(6), nn.Conv2d(3, 6, 1), (5, 3, 4, 4)),
    ],
    ids=lambda part: type(part).__name__,
)
def test_a_bias_straight_before_a_normalisation_over_examples_is_cancelled(norm, layer, shape):
    assert watch(Around(norm, layer=layer), torch.randn(shape)).cancelled == {"layer"}


@pytest.mark.parametrize("norm", [nn.LayerNorm(6), nn.GroupNorm(2, 6), nn.Identity()])
def test_a_bias_before_another_normalisation_is_not(norm):
    assert watch(Around(norm), torch.randn(5, 8)).cancelled == set()


@pytest.mark.parametrize("between", [torch.relu, lambda x: x * 2, nn.ReLU(), nn.ReLU(inplace=True)])
def test_with_something_between_it_is_not(between):
    assert "layer" not in watch(Around(nn.BatchNorm1d(6), between), torch.randn(5, 8)).cancelled


def test_only_the_layer_before_a_normalisation_is_cancelled():
    assert watch(cnn(), torch.randn(4, 8)).cancelled == {"1"}
    assert watch(Transformer(), torch.randn(4, 8)).cancelled == set()


def test_modules_that_return_several_things_are_passed_over():
    model = nn.ModuleDict({"lstm": nn.LSTM(3, 4), "norm": nn.BatchNorm1d(4)})
    order = ForwardOrder({module: name for name, module in model.named_modules()})
    outputs, _ = model["lstm"](torch.randn(5, 3))
    model["norm"](outputs)
    order.close()
    assert (order.ranks, order.cancelled) == ({"lstm": 0, "norm": 1}, set())


def test_a_container_between_a_layer_and_its_normalisation_hides_nothing():
    inner = nn.Sequential(nn.Identity(), nn.Sequential(nn.Linear(8, 6)))
    model = nn.Sequential(inner, nn.BatchNorm1d(6))
    assert watch(model, torch.randn(5, 8)).cancelled == {"0.1.0"}


def test_of_no_modules_nothing_is_watched():
    ForwardOrder({})
    assert not hooks._has_any_global_hook()


def test_it_steps_aside_for_a_compiler():
    model = mlp()
    order = ForwardOrder({module: name for name, module in model.named_modules()})

    class Compiled(nn.Module):
        def __init__(self):
            super().__init__()
            self.__dict__["_orig_mod"] = model

        def forward(self, x):
            assert not hooks._has_any_global_hook()
            return model(x)

    Compiled()(torch.ones(2, 8))
    assert order.ranks == {}


def test_another_models_compiler_is_no_reason_to():
    model = mlp()
    order = ForwardOrder({module: name for name, module in model.named_modules()})
    stranger = nn.Identity()
    stranger.__dict__["_orig_mod"] = mlp()
    stranger(torch.ones(2, 8))
    model(torch.ones(2, 8))
    order.close()
    assert order.ranks[""] == 0
