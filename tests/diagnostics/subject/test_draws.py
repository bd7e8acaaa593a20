"""Draws of subjects: every way to drop, live and recorded, and nothing of the user's changed."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics import Run
from diagnostics.subject import Subject
from probes import Recorder
from probes.folder import FathomError
from tests.diagnostics.subject.dropping import PATTERNS, made, variance

torch.set_num_threads(1)
ENTROPY = functional.cross_entropy


def subject(name, **how):
    model, x, y = made(name)
    return Subject(model, ENTROPY, (x, y), **how)


@pytest.mark.parametrize("name", PATTERNS)
def test_every_way_to_drop_gives_the_spread_of_a_plain_loop(name):
    model, x, y = made(name)
    state = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    flags = [module.training for module in model.modules()]
    torchs, pythons = torch.get_rng_state(), random.getstate()
    numpys = np.random.get_state()[1]  # noqa: NPY002  (models use it)
    found = Subject(model, ENTROPY, (x, y)).draws(3000)
    assert torch.equal(torch.get_rng_state(), torchs)
    assert (np.random.get_state()[1] == numpys).all()  # noqa: NPY002
    assert random.getstate() == pythons
    assert [module.training for module in model.modules()] == flags
    assert all(torch.equal(tensor, state[key]) for key, tensor in model.state_dict().items())
    assert found.how.startswith("stacked by")
    assert found.values.shape == (3000, 16, 3)
    assert found.values.dtype == np.float32
    spread = found.values.var(0, ddof=1).mean() / float(variance(model, x).mean())
    assert 0.93 < spread < 1.07  # 48 numbers, each known to 2.6 % by both
    with torch.no_grad():
        np.testing.assert_allclose(found.plain, model(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["lstm", "heads", "encoder", "drop path"])
def test_shared_masks_give_examples_that_are_alike_the_same(name):
    model, x, y = made(name)
    alike = x[:1].expand_as(x).clone()
    found = Subject(model, ENTROPY, (alike, y)).draws(50, masks="shared")
    assert found.masks == "shared"
    np.testing.assert_allclose(
        found.values, np.broadcast_to(found.values[:, :1], (50, 16, 3)), atol=1e-6
    )
    assert found.values[:, 0].std(0).min() > 0
    own = Subject(model, ENTROPY, (alike, y)).draws(50)
    assert np.ptp(own.values, axis=1).max() > 1e-3


def test_a_seed_stands_for_the_same_draws_on_all_batches():
    model, x, y = made("dropout")
    parts = [(x[:6], y[:6]), (x[6:], y[6:])]
    whole, cut = Subject(model, ENTROPY, (x, y)), Subject(model, ENTROPY, parts)
    functions = whole.draws(8, seed=3, masks="shared").values
    np.testing.assert_allclose(cut.draws(8, seed=3, masks="shared").values, functions, atol=1e-6)
    assert not np.allclose(whole.draws(8, seed=4, masks="shared").values, functions)
    one = cut.draws(8, seed=3)
    assert np.array_equal(cut.draws(8, seed=3).values, one.values)
    alike = Subject(model, ENTROPY, [(x[:6], y[:6])] * 2).draws(8)
    assert not np.array_equal(alike.values[:, :6], alike.values[:, 6:])  # masks of their own


def test_a_recorded_run_draws_as_the_model_it_came_from(tmp_path):
    model, x, y = made("batch norm")
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model.train(), optimizer, tmp_path / "run", loss=ENTROPY, batch=(x, y)):
        for _ in range(3):
            optimizer.zero_grad()
            ENTROPY(model(x), y).backward()
            optimizer.step()
    assert Run(tmp_path / "run").steps
    found = Subject.recorded(tmp_path / "run").draws(50, seed=1)
    live = Subject(model, ENTROPY, (x, y)).draws(50, seed=1)
    np.testing.assert_allclose(found.values, live.values, atol=1e-6)
    again = Subject.recorded(tmp_path / "run", statistics="re-estimated").draws(50, seed=1)
    assert not np.allclose(again.values, found.values)
    double = Subject.recorded(tmp_path / "run").double().draws(50, seed=1)
    assert double.values.dtype == np.float64


def test_in_float64_too():
    doubled = subject("encoder").double().draws(5, masks="shared")
    assert doubled.values.dtype == doubled.plain.dtype == np.float64
    single = subject("encoder").draws(5, masks="shared")
    np.testing.assert_allclose(single.plain, doubled.plain, atol=1e-5)


def test_one_example_is_drawn_many_times_in_a_pass():
    model, x, y = made("dropout")
    found = Subject(model, ENTROPY, (x[:1], y[:1])).draws(3000)
    assert found.how.startswith("stacked by")
    spread = found.values.var(0).mean() / float(variance(model, x[:1]).mean())
    assert 0.85 < spread < 1.15


def test_the_draws_of_one_dropout_alone_and_of_another_share():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Dropout(0.1), nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)
    )
    both = Subject(model, ENTROPY, (torch.randn(8, 6), torch.randint(0, 3, (8,))))
    names = [fired.name for fired in both.draws(2).fired]
    assert names == ["0", "3"]
    alone = [both.draws(400, only=[name]) for name in names]
    assert [[fired.times for fired in draws.fired] for draws in alone] == [[400, 0], [0, 400]]
    assert all(draws.guards.never == () for draws in alone)
    parts = sum(draws.values.var(0).mean() for draws in alone)
    whole = both.draws(400).values.var(0).mean()
    assert 0.5 * whole < parts < 1.2 * whole
    assert both.draws(400, p=0.7).values.var(0).mean() > whole
    none = both.draws(3, only=[])
    assert none.guards.spread == 0
    assert none.guards.duplicates == 2


def test_draws_of_a_network_without_dropout_are_all_alike_and_say_so():
    model = nn.Linear(6, 3)
    found = Subject(model, ENTROPY, (torch.randn(8, 6), torch.randint(0, 3, (8,)))).draws(4)
    assert found.fired == ()
    assert (found.guards.spread, found.guards.duplicates) == (0.0, 3)


class Branches(nn.Module):
    """In training it gives more, and once it does something else besides dropping."""

    def __init__(self, *, more):
        super().__init__()
        self.drop, self.last, self.more = nn.Dropout(0.3), nn.Linear(6, 3), more

    def forward(self, x):
        found = self.last(self.drop(x))
        if not self.training:
            return found
        return torch.cat([found, found], 1) if self.more else 2 * found


@pytest.mark.parametrize("more", [False, True])
def test_a_network_that_is_another_in_training_is_told(more):
    torch.manual_seed(0)
    data = torch.randn(8, 6), torch.zeros(8)
    made = Subject(Branches(more=more), lambda output, _: output.square().mean(), data)
    guards = made.draws(3).guards
    assert guards.reshaped == more
    assert guards.gap == pytest.approx(np.nan if more else 1.0, nan_ok=True)


def test_guards_of_what_is_as_it_should_be():
    guards = subject("dropout").draws(20).guards
    assert guards.spread > 0
    assert (guards.duplicates, guards.never, guards.always, guards.changed) == (0, (), (), ())
    assert (guards.restless, guards.gap, guards.reshaped) == (0.0, 0.0, False)


class Chooses(nn.Module):
    """No program can be made of it."""

    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(6, 16), nn.Dropout(0.3), nn.Linear(16, 3)

    def forward(self, x):
        h = self.first(x)
        if float(h.sum()) > 1e9:
            h = -h
        return self.last(self.drop(torch.relu(h)))


def test_a_model_that_no_program_can_be_made_of_is_drawn_live():
    torch.manual_seed(0)
    model, x = Chooses().eval(), torch.randn(16, 6)
    found = Subject(model, ENTROPY, (x, torch.randint(0, 3, (16,)))).draws(1500)
    assert found.how.startswith("live loop: ")
    spread = found.values.var(0).mean() / float(variance(model, x).mean())
    assert 0.92 < spread < 1.08
    assert [(fired.name, fired.times) for fired in found.fired] == [("drop", 1500)]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"count": 0}, "0 draws are asked for"),
        ({"count": 3, "masks": "same"}, r"no masks 'same' \(there are: independent, shared"),
        ({"count": 3, "p": 1.5}, "p=1.5 is no share"),
        ({"count": 3, "only": ["drop"]}, r"no random operation 'drop' \(there are: 2\)"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused(how, told):
    with pytest.raises(FathomError, match=told):
        subject("dropout").draws(**how)


def test_with_statistics_of_the_batch_there_are_no_draws():
    with pytest.raises(FathomError, match="depends on the examples beside it; make draws"):
        subject("batch norm", statistics="batch").draws(3)


def test_all_batches_together_must_fit_into_memory(monkeypatch):
    model, x, y = made("dropout")
    size = 50 * 16 * 3 * 4  # bytes of all the draws
    monkeypatch.setattr("probes.program.drawing.SMALL", 0)
    monkeypatch.setattr("diagnostics.subject.draws.free_memory", lambda: 2 * size - 2)
    cut = Subject(model, ENTROPY, [(x[:8], y[:8]), (x[8:], y[8:])])
    with pytest.raises(FathomError, match="ask for fewer draws"):
        cut.draws(50)
    assert cut.draws(49).values.shape == (49, 16, 3)


def test_a_seed_below_nought_is_refused():
    with pytest.raises(FathomError, match="seed=-1 is below 0"):
        subject("dropout").draws(3, seed=-1)
