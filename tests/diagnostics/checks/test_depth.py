from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.depth import _profile, decay, depth
from tests.diagnostics.checks.parts import diseases, labels, mlp, rows, setup

WIDTH = 100


def deep(act, std, layers=6):
    """As in the books: 100 wide, normal weights, no biases."""
    model = mlp(*[WIDTH] * layers, 4, act=act)
    for layer in model[::2]:
        nn.init.normal_(layer.weight, std=std)
        nn.init.zeros_(layer.bias)
    return setup(model, batch=(rows(200, WIDTH), labels(200)))


def test_a_geometric_decay_is_what_it_is():
    found = decay(0.5 ** np.arange(6)[::-1].astype(float))
    assert found.ends == pytest.approx(0.5**5)
    assert (found.low, found.high) == pytest.approx((0.5, 0.5))


def test_students_interval():
    """A line's, by the textbook; Student's 97.5 % of two degrees of freedom is 4.3027."""
    depths, logs = np.arange(4.0), np.array([0.0, 1.0, 1.5, 3.0])
    slope, start = np.polyfit(depths, logs, 1)
    rest = logs - start - slope * depths
    room = 4.302652729911275 * np.sqrt((rest**2).sum() / 2 / ((depths - 1.5) ** 2).sum())
    found = decay(np.exp(logs))
    assert np.log(found.low) == pytest.approx(-slope - room)
    assert np.log(found.high) == pytest.approx(-slope + room)


def test_small_tanh_weights_fade_tenfold_a_layer():
    """Their std times √n: 0.1 a layer, forwards and backwards alike."""
    profile = _profile(deep(nn.Tanh, 0.01))
    forward = np.log10(profile.forward[1:-1] / profile.forward[:-2])
    backward = np.log10(profile.outputs[:-2] / profile.outputs[1:-1])
    assert forward == pytest.approx(-1.0, abs=0.06)
    assert backward == pytest.approx(-1.0, abs=0.06)
    assert diseases(depth(deep(nn.Tanh, 0.01))) == ["vanishing_gradient"]


def test_sigmoids_fade_by_their_slope():
    """At most 1/4 of std times √n, which is 1 here."""
    profile = _profile(deep(nn.Sigmoid, 0.1))
    factor = profile.outputs[1:4] / profile.outputs[2:5]
    assert factor == pytest.approx(0.25, rel=0.1)
    assert diseases(depth(deep(nn.Sigmoid, 0.05))) == ["vanishing_gradient"]


def test_relu_of_unit_weights_grows_seven_times_a_layer():
    """√(n / 2) = 7.07."""
    profile = _profile(deep(nn.ReLU, 1.0))
    forward = profile.forward[1:-1] / profile.forward[:-2]
    assert np.exp(np.log(forward).mean()) == pytest.approx(7.07, rel=0.15)
    assert diseases(depth(deep(nn.ReLU, 1.0))) == ["exploding_gradient"]


@pytest.mark.parametrize(("act", "std"), [(nn.ReLU, (2 / WIDTH) ** 0.5), (nn.Tanh, WIDTH**-0.5)])
def test_he_and_xavier_keep_the_size(act, std):
    assert diseases(depth(deep(act, std, layers=10))) == []


def test_branches_that_are_not_scaled_explode():
    class Block(nn.Module):
        def __init__(self, scale):
            super().__init__()
            self.first, self.second = nn.Linear(16, 16), nn.Linear(16, 16)
            nn.init.kaiming_normal_(self.first.weight)
            nn.init.kaiming_normal_(self.second.weight)
            self.scale = scale

        def forward(self, x):
            return x + self.scale * self.second(self.first(x).relu())

    def told(scale):
        torch.manual_seed(0)
        return depth(setup(nn.Sequential(*[Block(scale) for _ in range(20)], nn.Linear(16, 4))))

    assert diseases(told(1.0)) == ["exploding_gradient"]
    assert diseases(told(0.1)) == []


def test_time_and_few_layers_are_not_depth():
    class Unrolled(nn.Module):
        def __init__(self):
            super().__init__()
            self.step, self.head = nn.Linear(16, 16), nn.Linear(16, 4)

        def forward(self, x):
            for _ in range(20):
                x = self.step(x).sigmoid()
            return self.head(x)

    with pytest.raises(CannotAsk, match=r"takes 4 layers, .* there are 1"):
        depth(setup(Unrolled()))
    with pytest.raises(CannotAsk, match="there are 2"):
        depth(setup())
