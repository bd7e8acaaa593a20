from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from diagnostics.checks.passes import by_unit, first_tensor, gradients, nodes, rms, watched
from tests.diagnostics.checks.parts import mlp, setup


class Written(nn.Module):
    """A layer's output is written over by a function before the next layer gets it."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(16, 8), nn.Linear(8, 4)

    def forward(self, x):
        return self.second(F.relu(self.first(x), inplace=True))


def seen(model):
    with setup(model).scene() as scene:
        return watched(scene)


def test_wiring_is_by_the_very_tensor():
    found = seen(mlp(16, 8, 4))
    assert [(call.name, call.source) for call in found.calls] == [("0", ""), ("1", "0"), ("2", "1")]
    assert found.last is not None
    assert found.last.name == "2"
    assert [call.name for call in found.after(found.calls[0])] == ["1"]


def test_a_tensor_written_over_is_another():
    assert [call.source for call in seen(Written()).calls] == ["", ""]


def test_a_module_that_writes_over_its_input_is_between():
    model = nn.Sequential(nn.Linear(16, 8), nn.ReLU(inplace=True), nn.Linear(8, 4))
    found = seen(model)
    assert [call.source for call in found.calls] == ["", "0", "1"]
    assert (found.calls[0].values < 0).any()  # as it was before


def test_gradients_are_autograds_and_grad_stays_none():
    model = mlp(16, 8, 4)
    with setup(model).scene() as scene:
        found = watched(scene)
        outputs = gradients(found, [call.output for call in found.calls])
        weights = gradients(found, [*scene.trained.values()])
        assert all(p.grad is None for p in scene.model.parameters())
        found.loss.backward()
        for gradient, parameter in zip(weights, scene.trained.values(), strict=True):
            assert torch.allclose(gradient, parameter.grad)
    assert outputs[-1].shape == (64, 4)


def test_what_the_loss_does_not_use_has_none():
    with setup().scene() as scene:
        found = watched(scene)
        assert gradients(found, [torch.ones(1, requires_grad=True), torch.ones(1)]) == [None, None]


def test_no_hook_is_left():
    model = mlp(16, 8, 4)
    with setup(model).scene() as scene:
        watched(scene)
        assert not any(m._forward_hooks for m in scene.model.modules())


def test_units_are_channels_of_images():
    found = seen(
        nn.Sequential(
            nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(12, 4)
        )
    )
    conv = found.calls[1]
    assert by_unit(conv, conv.values).shape == (3, 64 * 4)
    assert by_unit(found.calls[3], found.calls[3].values).shape == (4, 64)


def test_small_things():
    assert rms(torch.tensor([3.0, 4.0])) == pytest.approx(12.5**0.5)
    assert rms(torch.empty(0)) == 0.0
    tensor = torch.ones(2)
    assert first_tensor({"a": "word", "b": (None, tensor)}) is tensor
    assert first_tensor("words") is None


def test_nodes_end_where_they_are_told():
    x = torch.ones(2, requires_grad=True)
    y = x.exp()
    z = y.sin()
    assert len([*nodes(z.grad_fn)]) == 3
    assert len([*nodes(z.grad_fn, frozenset({y.grad_fn}))]) == 1
