from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from probes import Gradients, Updates, Weights
from probes.observer import Observer
from probes.pending import Pending
from probes.recording import STATISTICS
from probes.troubles import Troubles


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Linear(4, 3)


def step(observer, model, optimizer):
    """Let it look at one step; what it delivered: the names, and each series' rows."""
    got = []
    observer.before(optimizer)
    optimizer.step()
    observer.after(Pending(), lambda names, series: got.append((names, series)))
    return got[0]


def column(reduced, name):
    return reduced.statistics[:, STATISTICS.index(name)].tolist()


def test_all_probes_see_one_step(model):
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    model(torch.ones(2, 4)).square().mean().backward()
    before = model.weight.detach().clone()
    observer = Observer(
        [Gradients(), Weights(), Updates()], dict(model.named_parameters()), Troubles(Path("run"))
    )
    names, (gradients, weights, updates) = step(observer, model, optimizer)
    after = model.weight.detach()
    assert names == ["weight", "bias"]
    assert [rows.tensors.tolist() for rows in (gradients, weights, updates)] == [[0, 1]] * 3
    assert column(gradients, "norm")[0] == pytest.approx(float(model.weight.grad.norm()))
    assert column(weights, "max")[0] == float(after.max())
    assert column(updates, "min")[0] == float((after - before).min())


def test_a_tensor_without_a_gradient_is_not_among_the_gradients(model):
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    model.bias.requires_grad_(False)
    model(torch.ones(2, 4)).mean().backward()
    observer = Observer(
        [Gradients(), Weights()], dict(model.named_parameters()), Troubles(Path("run"))
    )
    _, (gradients, weights) = step(observer, model, optimizer)
    assert (gradients.tensors.tolist(), weights.tensors.tolist()) == ([0], [0, 1])
    assert observer.unfit() == []


def test_a_fused_optimizers_scale_is_taken_out(model):
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    (1024 * model(torch.ones(2, 4)).mean()).backward()
    optimizer.grad_scale = torch.tensor(1024.0)
    observer, got = (
        Observer([Gradients()], dict(model.named_parameters()), Troubles(Path("run"))),
        [],
    )
    observer.before(optimizer)
    observer.after(Pending(), lambda names, series: got.extend(series))
    assert column(got[0], "norm") == pytest.approx(
        [float(p.grad.norm()) / 1024 for p in model.parameters()]
    )


def test_what_cannot_be_looked_at_is_named():
    model = nn.Sequential(nn.Embedding(5, 2, sparse=True), nn.Linear(2, 1))
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    model(torch.tensor([1])).sum().backward()
    observer = Observer(
        [Gradients(), Weights()], dict(model.named_parameters()), Troubles(Path("run"))
    )
    step(observer, model, optimizer)
    assert observer.unfit() == ["0.weight"]


class Broken(Gradients):
    series = "broken"

    def __init__(self):
        self.asked = 0

    def before(self, look):
        self.asked += 1
        raise RuntimeError("a probe's own fault")


def test_a_broken_probe_does_not_take_the_good_ones_down(model, caplog):
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    model(torch.ones(2, 4)).square().mean().backward()
    probes = [broken := Broken(), Weights(), Updates()]
    observer = Observer(probes, dict(model.named_parameters()), Troubles(Path("run")))
    for _ in range(5):
        _, rows = step(observer, model, optimizer)
        assert [len(part.tensors) for part in rows] == [0, 2, 2]
        assert np.isfinite(rows[2].statistics[:, :-1]).all()
    assert broken.asked == 3
    assert caplog.text.count("the probe of broken failed") == 1


@pytest.mark.parametrize("parameters", [{}, {"empty": torch.empty(0)}])
def test_an_observer_of_nothing_delivers_nothing(parameters):
    observer, got = Observer([Gradients()], parameters, Troubles(Path("run"))), []
    observer.before(None)
    observer.after(Pending(), lambda *found: got.append(found))
    assert (got, observer.unfit()) == ([], [])


def test_looking_leaves_the_graph_alone(model):
    loss = model(torch.ones(2, 4)).square().mean()
    observer = Observer(
        [Weights(), Updates()], dict(model.named_parameters()), Troubles(Path("run"))
    )
    observer.before(None)
    observer.after(Pending(), lambda names, series: None)
    loss.backward()
    assert model.weight.grad is not None


def test_models_may_move_before_they_are_first_looked_at(model):
    observer = Observer([Weights()], dict(model.named_parameters()), Troubles(Path("run")))
    model.to(torch.float64)
    got = []
    observer.before(None)
    observer.after(Pending(), lambda names, series: got.append(series))
    assert column(got[0][0], "max")[0] == pytest.approx(float(model.weight.detach().max()))
