from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

from diagnostics.checks.kept import (
    autocast_uncached,
    doubled_by_default,
    model_kept,
    randomness_kept,
    seeded,
)


def draws():
    return random.random(), np.random.random(), float(torch.rand(1))  # noqa: NPY002


def test_random_numbers_go_on_as_if_nothing_had_been_drawn():
    seeded(3)
    wanted = draws()
    seeded(3)
    with randomness_kept():
        seeded(9)
        other = draws()
    assert draws() == wanted
    assert other != wanted


def test_they_do_after_an_error_too():
    seeded(3)
    wanted = draws()
    seeded(3)
    with pytest.raises(KeyError), randomness_kept():
        draws()
        raise KeyError
    assert draws() == wanted


def test_a_model_is_put_back_in_the_same_tensors():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    model[0].weight.grad = torch.ones(4, 3)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tensors = [id(t) for t in (*model.parameters(), *model.buffers())]
    with model_kept(model):
        model.eval().requires_grad_(False)
        model[0].weight.grad += 1
        model[0].bias.grad = torch.ones(4)
        with torch.no_grad():
            model[0].weight.mul_(2)
        model.train()(torch.randn(8, 3))
        assert not torch.equal(model[1].running_mean, before["1.running_mean"])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert [id(t) for t in (*model.parameters(), *model.buffers())] == tensors
    assert model.training
    assert all(p.requires_grad for p in model.parameters())
    assert torch.equal(model[0].weight.grad, torch.ones(4, 3))
    assert model[0].bias.grad is None


def test_what_was_not_touched_is_not_written_to():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    versions = [t._version for t in (*model.parameters(), *model.buffers())]
    with model_kept(model):
        model(torch.randn(8, 3))
    assert [t._version for t in (*model.parameters(), *model.buffers())] == versions


def test_nan_is_put_back_as_nan():
    model = nn.Linear(2, 2)
    with torch.no_grad():
        model.weight[0, 0] = float("nan")
    with model_kept(model), torch.no_grad():
        model.weight.fill_(1.0)
    assert model.weight.isnan().sum() == 1


def test_float64_by_default_ends_with_the_block():
    before = torch.get_default_dtype()
    with doubled_by_default():
        assert torch.zeros(1).dtype == torch.float64
    assert torch.get_default_dtype() == before


def test_autocast_sees_a_weight_that_moves():
    layer, x = nn.Linear(4, 4, bias=False), torch.ones(1, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16), autocast_uncached():
        first = layer(x)
        with torch.no_grad():
            layer.weight.add_(1.0)
        assert not torch.equal(layer(x), first)
    assert torch.is_autocast_cache_enabled()
