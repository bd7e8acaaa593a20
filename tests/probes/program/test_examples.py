from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from probes.program import capture, prepare
from tests.probes.program.models import ENTROPY, bert, mlp, vectors, weights_for

WANTED = ("loss", "examples", "counts")


def outputs(model, loss, batch):
    recorded = capture(model, loss, batch)
    return prepare(recorded.program, wanted=WANTED)(weights_for(model, recorded), recorded.batch)


REGRESSION = (torch.randn(8, 6), torch.randn(8, 5))
LOSSES = {
    "cross entropy": (ENTROPY, vectors(), lambda o, y: ENTROPY(o, y, reduction="none")),
    "smoothed": (
        nn.CrossEntropyLoss(label_smoothing=0.1),
        vectors(),
        lambda o, y: ENTROPY(o, y, reduction="none", label_smoothing=0.1),
    ),
    "squares": (nn.MSELoss(), REGRESSION, lambda o, y: (o - y).square().mean(1)),
    "huber": (
        nn.HuberLoss(),
        REGRESSION,
        lambda o, y: functional.huber_loss(o, y, reduction="none").mean(1),
    ),
    "mean of its own": (
        lambda o, y: (o - y).abs().mean(),
        REGRESSION,
        lambda o, y: (o - y).abs().mean(1),
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_each_examples_loss_is_the_loss_before_it_is_averaged(name):
    torch.manual_seed(0)
    model, (loss, batch, each) = mlp(), LOSSES[name]
    found = outputs(model, loss, batch)
    torch.testing.assert_close(found["examples"], each(model(batch[0]), batch[1]).detach())
    torch.testing.assert_close(found["examples"].mean(), found["loss"])


def test_of_a_sum_it_is_each_examples_share():
    torch.manual_seed(0)
    model, (x, y) = mlp(), vectors()
    found = outputs(model, nn.CrossEntropyLoss(reduction="sum"), (x, y))
    torch.testing.assert_close(found["examples"].sum(), found["loss"])
    assert torch.equal(found["counts"], torch.ones(8))


def test_places_that_are_ignored_do_not_count():
    torch.manual_seed(0)
    x, y = torch.randn(8, 7, 6), torch.randint(0, 5, (8, 7))
    y[:3, 4:] = -100
    y[5, 1:] = -100
    model = mlp()

    def loss(output, target):
        return functional.cross_entropy(output.flatten(0, 1), target.flatten())

    found = outputs(model, loss, (x, y))
    assert found["counts"].tolist() == [4, 4, 4, 7, 7, 1, 7, 7]
    whole = (found["examples"] * found["counts"]).sum() / found["counts"].sum()
    torch.testing.assert_close(whole, found["loss"])
    torch.testing.assert_close(found["examples"][5], loss(model(x[5:6]), y[5:6]).detach())


def test_a_target_counts_for_its_classes_weight():
    torch.manual_seed(0)
    x, y = torch.randn(8, 7, 6), torch.randint(0, 5, (8, 7))
    y[:3, 4:], y[5, 1:], y[6] = -100, -100, -100
    weight = torch.tensor([0.1, 1.0, 2.0, 0.5, 4.0])

    def loss(output, target):
        return functional.cross_entropy(output.flatten(0, 1), target.flatten(), weight)

    model = mlp()
    found = outputs(model, loss, (x, y))
    counts = [sum(float(weight[t]) for t in row if t >= 0) for row in y]
    assert found["counts"].tolist() == pytest.approx(counts)
    with torch.no_grad():
        alone = [float(loss(model(x[n : n + 1]), y[n : n + 1])) for n in range(8)]
    assert found["examples"].tolist() == pytest.approx(alone, rel=1e-5, nan_ok=True)
    some = found["counts"] > 0
    total = (found["examples"] * found["counts"])[some].sum() / found["counts"].sum()
    torch.testing.assert_close(total, found["loss"])


def test_a_models_own_loss_has_them_too():
    torch.manual_seed(0)
    found = outputs(*bert())
    torch.testing.assert_close(found["examples"].mean(), found["loss"])


@pytest.mark.parametrize(
    "loss",
    [
        lambda o, y: ENTROPY(o, y) + o.square().mean(),
        lambda o, y: ENTROPY(o, y, reduction="none").logsumexp(0),
    ],
)
def test_where_a_loss_is_no_plain_mean_there_are_none(loss):
    torch.manual_seed(0)
    program = capture(mlp(), loss, vectors()).program
    assert "examples" not in program.graphs["eval"].outputs
