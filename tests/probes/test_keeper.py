from __future__ import annotations

import copy
import gc
import pickle
import weakref

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.utils.checkpoint import checkpoint

from probes.keeper import PASSES, Keeper


@pytest.fixture
def model():
    return nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))


@pytest.fixture
def keeper(model):
    keeper = Keeper(model, compiled=False)
    yield keeper
    keeper.leave()


def test_passes_of_a_step_are_kept_by_reference(model, keeper):
    first, second = torch.randn(3, 4), torch.randn(3, 4)
    model(first)
    with torch.autocast("cpu", torch.float16):
        model(second)
    assert [kept.number for kept in keeper.kept] == [1, 2]
    assert keeper.kept[0].inputs[0] is first
    assert [kept.autocast for kept in keeper.kept] == [None, torch.float16]


def test_others_calls_and_those_without_gradients_are_not(model, keeper):
    model[0](torch.randn(3, 4))
    nn.Linear(4, 4)(torch.randn(3, 4))
    with torch.no_grad():
        model(torch.randn(3, 4))
    with keeper.still():
        model(torch.randn(3, 4))
    assert (keeper.kept, keeper.passes) == ([], 0)


def test_no_more_than_some_are_kept_and_all_are_counted(model, keeper):
    for _ in range(PASSES + 3):
        model(torch.randn(3, 4))
    assert (len(keeper.kept), keeper.passes) == (PASSES, PASSES + 3)


def test_a_step_is_kept_until_the_next_one_begins(model, keeper):
    x = torch.randn(3, 4)
    gone = weakref.ref(x)
    model(x)
    keeper.clear()
    assert len(keeper.kept) == 1
    model(torch.randn(3, 4))
    assert [kept.number for kept in keeper.kept] == [1]
    del x
    gc.collect()
    assert gone() is None


def test_an_input_that_was_written_over_is_known(model, keeper):
    x = torch.randn(3, 4)
    model(x)
    assert not keeper.kept[0].is_changed
    x.copy_(torch.randn(3, 4))
    assert keeper.kept[0].is_changed


def test_a_pass_that_raised_is_kept(model, keeper):
    with pytest.raises(RuntimeError):
        model(torch.randn(3, 5))
    assert keeper.kept[0].inputs[0].shape == (3, 5)


def test_keywords_are_kept_by_name():
    class Takes(nn.Module):
        def forward(self, x, *, mask):
            return x * mask

    model = Takes()
    keeper = Keeper(model, compiled=False)
    model(torch.ones(2), mask=torch.zeros(2))
    assert set(keeper.kept[0].named) == {"0", "mask"}
    keeper.leave()


def test_nothing_is_kept_of_a_compiled_model_or_on_another_device(model):
    assert not Keeper(model, compiled=True).looks
    assert not Keeper(model.to("meta"), compiled=False).looks


def test_nothing_is_stored_in_the_model(model):
    before = pickle.dumps(model)
    keeper = Keeper(model, compiled=False)
    model(torch.randn(3, 4))
    assert pickle.dumps(model) == before
    copy.deepcopy(model)(torch.randn(3, 4))
    assert keeper.passes == 1
    keeper.leave()
    model(torch.randn(3, 4))
    assert keeper.passes == 0


def test_a_pass_that_is_run_again_for_its_gradient_counts_once(model, keeper):
    x = torch.randn(3, 4, requires_grad=True)
    checkpoint(model, x, use_reentrant=False).sum().backward()
    assert keeper.passes == 1


def test_what_stands_for_other_tensors_is_not_kept(model, keeper):
    parameters = dict(model.named_parameters())

    def loss(given, x):
        return functional_call(model, given, (x,)).sum()

    vmap(grad(loss), (None, 0))(parameters, torch.randn(5, 4))
    assert keeper.kept == []
