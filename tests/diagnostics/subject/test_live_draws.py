"""Draws of a live copy: every way to drop, what is told of it, and nothing left behind."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.subject.live_draws import LiveDrawing
from diagnostics.subject.losses import LiveLoss
from probes.folder import FathomError
from probes.program.drawing import Wish
from probes.program.objective import Whole
from tests.diagnostics.subject.dropping import PATTERNS, P, made, variance

torch.set_num_threads(1)


def drawn(model, x, y, wish, *, only=None, p=None):
    source = LiveLoss(model, functional.cross_entropy, "running")
    drawing = LiveDrawing(source, only, p)
    weights = source.rest | source.varied
    return drawing, drawing(weights, source.batch((x, y)), wish)


SEEN = {
    "dropout": [("2", "dropout")],
    "batch norm": [("3", "dropout")],
    "function": [("dropout", "dropout")],
    "lstm": [("cells", "lstm")],
    "heads": [("heads", "dropout")],
    "attention": [("scaled_dot_product_attention", "scaled_dot_product_attention")],
    "encoder": [
        ("layers.layers.0.self_attn", "scaled_dot_product_attention"),
        *((f"layers.layers.0.{name}", "dropout") for name in ("dropout1", "dropout", "dropout2")),
    ],
    "drop path": [("2", "bernoulli_")],
    "spectral norm": [("2", "dropout")],
    "rrelu": [("2", "dropout")],
}


@pytest.mark.parametrize("name", PATTERNS)
def test_every_way_to_drop_is_forced_and_seen(name):
    model, x, y = made(name)
    state = torch.get_rng_state()
    drawing, found = drawn(model, x, y, Wish(1500))
    assert torch.equal(torch.get_rng_state(), state)
    spread = found.values.var(0).mean() / variance(model, x, 1500).mean()
    assert 0.92 < float(spread) < 1.08
    assert [(fired.name, fired.op) for fired in found.fired] == SEEN[name]
    assert all(fired.times == 1500 for fired in found.fired)
    assert all(math.isnan(f.p) == (f.op == "bernoulli_") for f in found.fired)
    assert (drawing.changed, drawing.always_on, drawing.restless) == ((), (), 0.0)
    with torch.no_grad():
        torch.testing.assert_close(found.plain, model(x))


@pytest.mark.parametrize("p", [0.0, 0.1, 0.7, 1.0])
def test_stochastic_depth_takes_another_share(p):
    model, x, y = made("drop path")
    found = drawn(model, x, y, Wish(3000), p=p)[1]
    with torch.no_grad():
        way = model[1](model[0](x)) @ model[3].weight.T
    wanted = way**2 * p / (1 - p) if 0 < p < 1 else torch.zeros_like(way)
    torch.testing.assert_close(found.values.var(0), wanted, rtol=0.25, atol=1e-6)


def test_fewer_draws_are_the_first_of_more():
    model, x, y = made("encoder")
    many, few = (drawn(model, x, y, Wish(count, 5))[1].values for count in (9, 4))
    assert torch.equal(many[:4], few)


@pytest.mark.parametrize("name", PATTERNS)
def test_masks_can_be_shared(name):
    model, x, y = made(name)
    alike = x[:1].expand_as(x).clone()
    values = drawn(model, alike, y, Wish(20, shared=True))[1].values
    torch.testing.assert_close(values, values[:, :1].expand_as(values))
    assert float(values[:, 0].std(0).min()) > 0
    again = drawn(model, alike, y, Wish(20, shared=True))[1].values
    assert torch.equal(values, again)


def test_the_copy_is_left_as_it_was():
    model, x, y = made("encoder")
    source = LiveLoss(model, functional.cross_entropy, "running")
    state = {name: tensor.clone() for name, tensor in source._model.state_dict().items()}
    LiveDrawing(source, None, None)(source.rest | source.varied, source.batch((x, y)), Wish(3))
    assert not any(module.training for module in source._model.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in source._model.modules())
    assert all(torch.equal(t, state[name]) for name, t in source._model.state_dict().items())


class Two(nn.Module):
    def __init__(self, **flags):
        super().__init__()
        self.one, self.two = nn.Dropout(0.1), nn.Dropout(0.5)
        self.first, self.last = nn.Linear(6, 16), nn.Linear(16, 3)
        self.skips = flags.get("skips", False)

    def forward(self, x):
        h = self.first(self.one(x))
        return self.last(h if self.skips else self.two(torch.tanh(h)))


def test_some_alone_at_another_share_and_one_that_is_never_called():
    torch.manual_seed(0)
    x, y = torch.randn(16, 6), torch.randint(0, 3, (16,))
    alone = drawn(Two(), x, y, Wish(30), only=["two"])[1]
    assert [(f.name, f.p, f.times) for f in alone.fired] == [("one", 0.1, 0), ("two", 0.5, 30)]
    wider = drawn(Two(), x, y, Wish(30), p=0.9)[1]
    assert [fired.p for fired in wider.fired] == [0.9, 0.9]
    missed = drawn(Two(skips=True), x, y, Wish(30))[1]
    assert [(f.name, f.times) for f in missed.fired] == [("one", 30), ("two", 0)]


def test_a_name_that_is_not_there_is_refused():
    x, y = torch.randn(16, 6), torch.randint(0, 3, (16,))
    with pytest.raises(FathomError, match=r"no random operation 'three' \(there are: one, two\)"):
        drawn(Two(), x, y, Wish(3), only=["three"])


class Hides(nn.Module):
    """It drops by a share that its own flag hides, under a name that says nothing."""

    def __init__(self):
        super().__init__()
        self.rate, self.last = P, nn.Linear(6, 3)

    def forward(self, x):
        return self.last(functional.dropout(x, self.rate if self.training else 0.0, True))


def test_a_share_that_is_hidden_gives_no_spread():
    model, x, y = Hides(), torch.randn(16, 6), torch.randint(0, 3, (16,))
    found = drawn(model, x, y, Wish(5))[1]
    assert float(found.values.std(0).max()) == 0
    assert found.fired == ()


class AlwaysOn(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(6, 3)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x):
        self.calls += 1
        return self.last(functional.dropout(x, P))


def test_what_is_on_in_evaluation_and_what_is_written_to_is_told():
    torch.manual_seed(0)
    drawing, found = drawn(AlwaysOn(), torch.randn(16, 6), torch.randint(0, 3, (16,)), Wish(5))
    assert drawing.always_on == ("dropout",)
    assert drawing.restless > 0
    assert drawing.changed == ("calls",)
    again = drawn(AlwaysOn(), torch.randn(16, 6), torch.randint(0, 3, (16,)), Wish(5))[1]
    assert found.plain.shape == again.plain.shape == (16, 3)


def test_a_loss_without_predictions_has_no_draws():
    model, x = nn.Linear(6, 1), torch.randn(4, 6)
    source = LiveLoss(model, Whole(lambda m, batch: m(batch).mean()), "running")
    with pytest.raises(FathomError, match="gives no predictions, of which draws are made"):
        LiveDrawing(source, None, None)(source.rest | source.varied, source.batch(x), Wish(2))
