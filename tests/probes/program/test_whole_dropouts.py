"""Dropout in place is drawn, named and set as any other."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from probes.program import capture
from probes.program.drawing import Wish, prepare_draws
from probes.program.whole_dropouts import whole_dropouts
from tests.probes.program.models import weights_for

torch.set_num_threads(1)
P = 0.3


class Paths(nn.Module):
    """Whole examples fall: no dropout of numbers, though it is written alike."""

    def forward(self, x):
        mask = x.new_empty((x.shape[0], 1)).bernoulli_(1 - P).div_(1 - P)
        return x * mask if self.training else x


def captured(model, *shape):
    torch.manual_seed(0)
    x = torch.randn(5, *shape)
    target = torch.zeros_like(model(x).detach())
    return capture(model, functional.mse_loss, (x, target))


KINDS = {
    "dropout": (lambda: nn.Dropout(P, inplace=True), (6,)),
    "feature_dropout": (lambda: nn.Dropout2d(P, inplace=True), (3, 4, 4)),
}


def ready(kind):
    drop, shape = KINDS[kind]
    torch.manual_seed(1)
    wide = shape[0]
    first = nn.Linear(wide, wide) if len(shape) == 1 else nn.Conv2d(wide, wide, 1)
    model = nn.Sequential(first, drop(), nn.Flatten())
    return model, captured(model, *shape)


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_in_place_has_a_share_that_can_be_set(kind):
    model, recorded = ready(kind)
    weights = weights_for(model, recorded)
    for p in (None, 0.1, 0.6):
        found = prepare_draws(recorded.program, p=p)(weights, recorded.batch, Wish(4000))
        (fired,) = found.fired
        rate = P if p is None else p
        assert (fired.op, fired.p, fired.times) == (kind, rate, 4000)
        expected = found.plain.square() * rate / (1 - rate)
        torch.testing.assert_close(found.values.var(0), expected, rtol=0.25, atol=1e-6)
        assert found.gap < 1e-6


def test_channels_fall_together():
    model, recorded = ready("feature_dropout")
    weights = weights_for(model, recorded)
    found = prepare_draws(recorded.program)(weights, recorded.batch, Wish(50))
    gone = (found.values == 0).reshape(50, 5, 3, 16)
    assert torch.equal(gone.all(-1), gone.any(-1))
    assert 0.2 < gone.float().mean() < 0.4


def test_other_masks_stay_what_they_are():
    program = captured(nn.Sequential(nn.Linear(6, 4), Paths()), 6).program
    nodes = program.graphs["train"].nodes
    assert any(node.op == "bernoulli.p" for node in nodes)
    assert whole_dropouts(nodes) == list(nodes)
