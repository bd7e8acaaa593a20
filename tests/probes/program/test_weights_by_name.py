from __future__ import annotations

import torch
from torch import nn

from probes.program.weights_by_name import canonical_names, live_weights
from tests.probes.program.models import Gpt, resnet


def test_tied_weights_have_the_first_of_their_names():
    model = Gpt()
    names = {name for _, name in canonical_names(model).values()}
    assert "embed.weight" in names
    assert "head.weight" not in names


def test_every_tensor_of_the_model_is_there_itself():
    model = resnet()
    found = live_weights(model)
    state = dict(model.named_parameters()) | dict(model.named_buffers())
    assert found.keys() == state.keys()
    assert all(found[name] is state[name] for name in state)


def test_kinds():
    kinds = {name: kind for kind, name in canonical_names(nn.BatchNorm1d(2)).values()}
    assert kinds["weight"] == "parameter"
    assert kinds["running_mean"] == "buffer"


def test_a_tensor_that_is_both_goes_by_its_first_name():
    model = nn.Linear(2, 2)
    model.register_buffer("again", model.weight)
    assert torch.equal(live_weights(model)["weight"], model.weight)
    assert "again" not in live_weights(model)
