from __future__ import annotations

import contextlib
import random
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from probes.unharmed import unharmed

RANDOM = np.random  # the old global generator: it is what models use


class Busy(nn.Module):
    """Changes whatever a module can hold, at every call."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.lin = parametrizations.spectral_norm(nn.Linear(4, 4))
        self.register_buffer("calls", torch.zeros(()))
        self.shared = nn.Module()
        self.shared.register_buffer("calls", self.calls)
        self.hidden, self.losses, self.cache = None, [], {}

    def forward(self, x):
        self.calls += 1
        self.hidden = self.lin(self.norm(x)) + torch.rand(4) + random.random() + RANDOM.rand()
        self.losses.append(self.hidden.sum())
        self.cache["last"] = self.hidden
        self.new = 1
        self.eval()
        self.register_buffer("later", torch.ones(2))
        warnings.warn("as in training", stacklevel=1)
        return self.hidden


def state(model):
    """All that can be compared, to the bit."""
    buffers = {name: buffer.numpy().tobytes() for name, buffer in model.named_buffers()}
    addresses = {name: buffer.data_ptr() for name, buffer in model.named_buffers()}
    versions = {name: buffer._version for name, buffer in model.named_buffers()}
    weights = {name: p.detach().numpy().tobytes() for name, p in model.named_parameters()}
    flags = [module.training for module in model.modules()]
    held = model.hidden, list(model.losses), dict(model.cache), sorted(vars(model))
    return buffers, addresses, versions, weights, flags, held


def seed():
    torch.manual_seed(3)
    random.seed(3)
    RANDOM.seed(3)


def drawn():
    return torch.rand(3).tolist(), random.random(), RANDOM.rand(3).tolist()


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_left_of_a_call(fails):
    model = Busy()
    losses = model.losses
    seed()
    expected = drawn()
    seed()
    before, filters = state(model), list(warnings.filters)
    expects = pytest.raises(RuntimeError) if fails else contextlib.nullcontext()
    with expects, torch.no_grad(), unharmed(model):
        model(torch.randn(5, 4))
        assert state(model) != before
        assert model.shared.calls is model.calls
        model(torch.randn(5, 6 if fails else 4))
    assert state(model) == before
    assert warnings.filters == filters
    assert model.losses is losses
    assert model.shared.calls is model.calls
    assert drawn() == expected
