"""Draws in passes of some of them, or of some examples, against draws one by one."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from probes.program import capture
from probes.program.drawing import Wish, prepare_draws
from probes.program.passes import Taken
from tests.probes.program.models import program_of, weights_for

torch.set_num_threads(1)


def small(monkeypatch, least=4):
    """Passes so small that few examples are cut."""
    monkeypatch.setattr("probes.program.passes.NUMBERS", 1)
    monkeypatch.setattr("probes.program.passes.LEAST", least)


def drawn(name, count, **how):
    model, recorded = program_of(name)
    batch = {key: torch.cat([t, t, t]) for key, t in recorded.batch.items()}
    drawing = prepare_draws(recorded.program)
    return drawing(weights_for(model, recorded), batch, Wish(count, **how))


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("name", ["resnet", "vit", "gpt", "bert", "lstm"])
def test_the_same_masks_fall_however_examples_are_cut(name, shared, monkeypatch):
    monkeypatch.setattr("probes.program.passes.ROWS", 1)
    whole = drawn(name, 5, shared=shared)
    assert whole.how == "loop"
    small(monkeypatch, least=2)
    cut = drawn(name, 5, shared=shared)
    assert cut.how == "loop over 2 examples"
    torch.testing.assert_close(cut.values, whole.values, rtol=1e-4, atol=1e-5)
    assert whole.values.std(0).max() > 0
    assert cut.fired == whole.fired


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("name", ["resnet", "vit", "gpt", "bert", "lstm"])
def test_fewer_draws_are_the_first_of_more(name, shared, monkeypatch):
    monkeypatch.setattr("probes.program.passes.NUMBERS", 1 << 30)
    monkeypatch.setattr("probes.program.passes.ROWS", 400)
    many, few, one = (drawn(name, count, shared=shared, seed=7) for count in (60, 7, 1))
    assert many.how.startswith("stacked by")
    assert (few.how, one.how) == ("stacked by 7", "loop")
    torch.testing.assert_close(few.values, many.values[:7], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(one.values, many.values[:1], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(drawn(name, 1, shared=shared, seed=8).values, one.values)


class LooksAround(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(5, 1)

    def forward(self, x):
        dropped = functional.dropout(x, 0.3, self.training)
        return self.last(dropped - dropped.mean(0))


def test_examples_that_feel_one_another_stay_together(monkeypatch):
    torch.manual_seed(0)
    small(monkeypatch)
    model, x = LooksAround(), torch.randn(40, 5)
    recorded = capture(model, functional.mse_loss, (x, torch.zeros(40, 1)))
    found = prepare_draws(recorded.program)(weights_for(model, recorded), recorded.batch, Wish(3))
    assert found.how == "loop"


class Gated(nn.Module):
    """Examples feel one another once its gate has opened."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(1))
        self.last = nn.Linear(5, 1)

    def forward(self, x):
        dropped = functional.dropout(x, 0.3, self.training)
        return self.last(dropped + self.gate * dropped.mean(0))


def test_a_gate_that_is_shut_does_not_hide_that_examples_feel_one_another():
    torch.manual_seed(0)
    model, x = Gated(), torch.randn(3, 5)
    recorded = capture(model, functional.mse_loss, (x, torch.zeros(3, 1)))
    drawing, weights = prepare_draws(recorded.program), weights_for(model, recorded)
    drawing(weights, recorded.batch, Wish(100))
    found = drawing(weights | {"gate": torch.ones(1)}, recorded.batch, Wish(3000))
    w = model.last.weight.detach()[0]
    own = 0.3 / 0.7 * (x * w) ** 2  # variances: of an example, then with a third of all added
    alone, mixed = own.sum(1), (own * (4 / 3) ** 2).sum(1) - own.sum(1) / 9 + own.sum() / 9
    torch.testing.assert_close(found.values.var(0)[:, 0], mixed, rtol=0.12, atol=0)
    assert (mixed > 1.4 * alone).all()


class Overflowing(nn.Module):
    """Of the examples past the twentieth all are told."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(5, 1)

    def forward(self, x):
        dropped = functional.dropout(x, 0.3, self.training)
        return self.last(dropped + dropped[20:].sum(0))


@pytest.mark.parametrize("rows", [5, 41])
def test_sizes_that_few_examples_do_not_show_are_seen_in_time(rows):
    torch.manual_seed(0)
    model = Overflowing()
    batch = (torch.randn(40, 5), torch.zeros(40, 1))
    recorded = capture(model, functional.mse_loss, batch)
    assert recorded.program.dynamic
    inputs = {key: torch.cat([t, t])[:rows] for key, t in recorded.batch.items()}
    drawing, weights = prepare_draws(recorded.program), weights_for(model, recorded)
    for _ in range(2):
        found = drawing(weights, inputs, Wish(2000))
        assert found.how == "loop"
        assert [fired.times for fired in found.fired] == [2000]
    mean = found.values.mean(0)
    apart = found.values.std(0) / 2000**0.5
    assert ((mean - found.plain).abs() < 4.5 * apart).all()


def test_what_is_nowhere_a_number_proves_nothing():
    torch.manual_seed(0)
    model, x = LooksAround(), torch.randn(4, 5)
    recorded = capture(model, functional.mse_loss, (x, torch.zeros(4, 1)))
    drawing, weights = prepare_draws(recorded.program), weights_for(model, recorded)
    lost = {name: torch.full_like(t, torch.nan) for name, t in weights.items()}
    assert drawing(lost, recorded.batch, Wish(20)).how == "loop"
    assert drawing(weights, recorded.batch, Wish(20)).how == "loop"


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(5, 1)

    def forward(self, x):
        return self.last(x + torch.randn_like(x) if self.training else x)


def test_fewer_draws_of_noise_are_the_first_of_more():
    torch.manual_seed(0)
    model, x = Noisy(), torch.randn(3, 5)
    recorded = capture(model, functional.mse_loss, (x, torch.zeros(3, 1)))
    drawing, weights = prepare_draws(recorded.program), weights_for(model, recorded)
    many = drawing(weights, recorded.batch, Wish(50))
    assert many.how == "stacked by 50"
    for count in (1, 2, 7, 49):
        few = drawing(weights, recorded.batch, Wish(count))
        torch.testing.assert_close(few.values, many.values[:count])


def test_another_size_of_batch_is_not_tried_again():
    model, recorded = program_of("vit")
    drawing, weights = prepare_draws(recorded.program), weights_for(model, recorded)
    drawing(weights, recorded.batch, Wish(4))
    tried = dict(drawing._passes._trusted)
    one = {key: tensor[:1] for key, tensor in recorded.batch.items()}
    assert drawing(weights, one, Wish(4)).how == "stacked by 4"
    assert drawing._passes._trusted == tried
    assert set(tried.values()) == {True}


def test_what_is_in_a_pass_is_told():
    assert [Taken().how, Taken(20).how] == ["loop", "stacked by 20"]
    assert Taken(1, 64).how == "loop over 64 examples"
