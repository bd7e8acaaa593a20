from __future__ import annotations

from contextlib import nullcontext

import pytest
from torch import nn
from torch.utils.checkpoint import checkpoint

from probes.backward_replay import replay_backward
from probes.replay import replay
from tests.probes.plants import LosesGradient, Roots, batch, kept_pass, stack
from tests.trainings import Transformer, cnn


def armed(layer):
    layer.armed = True
    return layer


@pytest.mark.parametrize(
    ("layer", "place"),
    [(LosesGradient, ("2", None)), (Roots, ("2", ("2.up", "2.down")))],
)
def test_a_gradient_that_is_lost_on_the_way_back(layer, place):
    model = stack(armed(layer()))
    kept = kept_pass(model, batch(1)[0])
    assert replay(model, kept, nullcontext).origin is None
    origin = replay_backward(model, kept, nullcontext).origin
    assert (origin.where, origin.module, origin.between) == ("backward", *place)


@pytest.mark.parametrize("last", [False, True])
def test_a_root_beside_layers_is_told_from_them(last):
    """At the end, and on a branch that shares its input with a layer."""

    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin, self.out = nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x):
            h = self.lin(x)
            y = self.out(h)
            return y + ((y if last else h) * 0).square().sum().sqrt()

    model = Branches()
    origin = replay_backward(model, kept_pass(model, batch(1)[0]), nullcontext).origin
    assert (origin.module, origin.kind) == ("", "Branches")
    assert origin.between == (("out", None) if last else ("lin", "out"))


def test_a_healthy_gradient_is_not_lost():
    for model in (stack(nn.Tanh()), cnn(), Transformer()):
        back = replay_backward(model, kept_pass(model, batch(1)[0]), nullcontext)
        assert (back.origin, back.failed) == (None, None)


def test_through_an_activation_checkpoint():
    class Saves(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = stack(nn.Tanh())

        def forward(self, x):
            y = checkpoint(self.inner, x, use_reentrant=False)
            return y + (y * 0).square().sum().sqrt()

    model = Saves()
    back = replay_backward(model, kept_pass(model, batch(1)[0]), nullcontext)
    assert back.failed is None
    assert (back.origin.module, back.origin.between) == ("", ("inner", None))
