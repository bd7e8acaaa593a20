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
