from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from probes import Gradients, Updates, Weights
from probes.arenas import Arenas
from probes.observer import Observer
from probes.pending import Pending
from probes.recording import STATISTICS
from probes.troubles import Troubles


class Rig:
    """Observers of some optimizers over the same arenas."""

    def __init__(self, probes, *shares):
        self.arenas, self.troubles = Arenas(len(probes)), Troubles(Path("run"))
        self.probes = probes
        self.observers = [
            Observer(probes, dict(share), self.arenas, self.troubles) for share in shares
        ]

    def step(self, *optimizers):
        for observer, optimizer in zip(self.observers, optimizers, strict=True):
            observer.before(optimizer)
            if optimizer is not None:
                optimizer.step()
            observer.after()
        return self.rows()

    def rows(self):
        """What came, by series and name; then a new record begins."""
        rows = {probe.series: {} for probe in self.probes}
        for part in self.delivered():
            for name, row in zip(part.names, part.statistics.tolist(), strict=True):
                found = rows[self.probes[part.series].series]
                assert name not in found
                found[name] = dict(zip(STATISTICS, row, strict=True))
        return rows

    def delivered(self):
        got, pending = [], Pending()
        self.arenas.reduce(pending, got.extend)
        pending.collect(wait=True)
        self.arenas.begin()
        return got


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Linear(4, 3)


def sgd(model):
    return torch.optim.SGD(model.parameters(), 0.5)


def test_all_probes_see_one_step(model):
    optimizer = sgd(model)
    model(torch.ones(2, 4)).square().mean().backward()
    before = model.weight.detach().clone()
    rows = Rig([Gradients(), Weights(), Updates()], model.named_parameters()).step(optimizer)
    after = model.weight.detach()
    assert {series: list(found) for series, found in rows.items()} == {
        series: ["weight", "bias"] for series in ("gradients", "weights", "updates")
    }
    assert rows["gradients"]["weight"]["norm"] == pytest.approx(float(model.weight.grad.norm()))
    assert rows["weights"]["weight"]["max"] == float(after.max())
    assert rows["updates"]["weight"]["min"] == float((after - before).min())


def test_each_optimizer_shows_its_own_parameters(model):
    optimizers = [torch.optim.SGD([parameter], 0.5) for parameter in model.parameters()]
    shares = [[pair] for pair in model.named_parameters()]
    rig = Rig([Gradients(), Weights(), Updates()], *shares)
    for _ in range(3):
        model(torch.ones(2, 4)).square().mean().backward()
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        rows = rig.step(*optimizers)
        for name, parameter in model.named_parameters():
            moved = (parameter.detach() - before[name]).double()
            assert rows["updates"][name]["mean"] == pytest.approx(float(moved.mean()), rel=1e-5)
            assert rows["gradients"][name]["norm"] == pytest.approx(float(parameter.grad.norm()))
        model.zero_grad()


def test_a_tensor_without_a_gradient_is_not_among_the_gradients(model):
    optimizer = sgd(model)
    model.bias.requires_grad_(False)
    model(torch.ones(2, 4)).mean().backward()
    rig = Rig([Gradients(), Weights()], model.named_parameters())
    rows = rig.step(optimizer)
    assert (list(rows["gradients"]), list(rows["weights"])) == (["weight"], ["weight", "bias"])
    assert rig.arenas.unfit() == []


def test_a_fused_optimizers_scale_is_taken_out(model):
    optimizer = sgd(model)
    (1024 * model(torch.ones(2, 4)).mean()).backward()
    optimizer.grad_scale = torch.tensor(1024.0)
    rig = Rig([Gradients(), Weights()], model.named_parameters())
    rig.observers[0].before(optimizer)
    rig.observers[0].after()
    rows = rig.rows()
    assert [row["norm"] for row in rows["gradients"].values()] == pytest.approx(
        [float(p.grad.norm()) / 1024 for p in model.parameters()]
    )
    assert rows["weights"]["weight"]["max"] == float(model.weight.detach().max())


def test_what_cannot_be_looked_at_is_named():
    model = nn.Sequential(nn.Embedding(5, 2, sparse=True), nn.Linear(2, 1))
    optimizer = sgd(model)
    model(torch.tensor([1])).sum().backward()
    rig = Rig([Gradients(), Weights()], model.named_parameters())
    rig.observers[0].before(optimizer)
    assert rig.arenas.unfit() == ["0.weight"]
    rig.observers[0].after()
    rows = rig.rows()
    assert list(rows["gradients"]) == ["1.weight", "1.bias"]
    assert len(rows["weights"]) == 3


class Broken(Gradients):
    series = "broken"

    def __init__(self, moment="before"):
        self.asked, self._moment = 0, moment

    def before(self, look):
        super().before(look)
        self._fail("before")

    def after(self, look):
        self._fail("after")

    def _fail(self, moment):
        if moment == self._moment:
            self.asked += 1
            raise RuntimeError("a probe's own fault")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_broken_probe_does_not_take_the_good_ones_down(model, caplog, moment):
    optimizer = sgd(model)
    model(torch.ones(2, 4)).square().mean().backward()
    probes = [broken := Broken(moment), Weights(), Updates()]
    rig = Rig(probes, model.named_parameters())
    for _ in range(5):
        rows = rig.step(optimizer)
        assert [len(rows[probe.series]) for probe in probes] == [0, 2, 2]
        assert np.isfinite([row["mean"] for row in rows["updates"].values()]).all()
    assert broken.asked == 3
    assert caplog.text.count("the probe of broken failed") == 1


def test_a_probe_that_failed_before_the_step_is_not_asked_after_it(model):
    class Noting(Broken):
        after_step = 0

        def after(self, look):
            self.after_step += 1

    rig = Rig([noting := Noting()], model.named_parameters())
    rig.step(None)
    assert (noting.asked, noting.after_step) == (1, 0)


class Watching:
    """Looks on, and keeps what it is shown."""

    series, state = "watching", "as it is shown"

    def __init__(self):
        self.looks = []

    def before(self, look):
        self.looks.append((look.record, list(look.names), look.optimizer))

    def after(self, look):
        self.looks.append(look)


def test_a_probe_is_shown_the_same_look_before_and_after(model):
    optimizer = sgd(model)
    rig = Rig([watching := Watching()], model.named_parameters())
    rig.step(optimizer)
    rig.step(optimizer)
    for record, (before, after) in enumerate((watching.looks[:2], watching.looks[2:])):
        assert before == (record, ["weight", "bias"], optimizer)
        assert after.record == record
        assert after.parameters[0] is model.weight
        assert after.gradient_scale is None


def test_a_probe_of_other_things_is_not_asked(model):
    class Other:
        series, state = "other", "something else"

    assert Rig([Other(), Weights()], model.named_parameters()).step(None)["other"] == {}


@pytest.mark.parametrize("parameters", [{}, {"empty": torch.empty(0)}])
def test_an_observer_of_nothing_delivers_nothing(parameters):
    rig = Rig([Gradients(), Weights()], parameters.items())
    rig.observers[0].before(None)
    rig.observers[0].after()
    assert (rig.delivered(), rig.arenas.unfit()) == ([], [])


def test_what_has_no_shape_yet_is_left_out():
    model = nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 2))
    assert list(Rig([Weights()], model.named_parameters()).step(None)["weights"]) == [
        "1.weight",
        "1.bias",
    ]


def test_after_without_before_is_nothing(model):
    rig = Rig([Weights()], model.named_parameters())
    rig.observers[0].after()
    assert rig.delivered() == []


def test_looking_leaves_the_graph_alone(model):
    loss = model(torch.ones(2, 4)).square().mean()
    Rig([Gradients(), Weights(), Updates()], model.named_parameters()).step(None)
    loss.backward()
    assert model.weight.grad is not None
    assert not model.weight.grad.requires_grad


def test_models_may_move_before_they_are_first_looked_at(model):
    rig = Rig([Weights()], model.named_parameters())
    model.to(torch.float64)
    assert rig.step(None)["weights"]["weight"]["max"] == pytest.approx(
        float(model.weight.detach().max())
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_model_on_two_devices_is_seen_whole():
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2).cuda())
    rows = Rig([Weights(), Updates()], model.named_parameters()).step(None)
    assert sorted(rows["weights"]) == sorted(name for name, _ in model.named_parameters())
