import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.subject import Subject
from diagnostics.subject.losses import LiveLoss, check_device
from diagnostics.subject.recorded import RecordedLoss
from probes.folder import FathomError
from probes.program import Whole, capture

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def normed():
    return nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3)).double()


def data(count, classes=3):
    return torch.randn(count, 5, dtype=torch.float64), torch.randint(classes, (count,))


def test_each_policy_of_statistics_is_what_it_says():
    model, (x, y) = normed(), data(64)
    for _ in range(3):
        model.train()(x + 1)  # running statistics of other data
    by = {
        s: Subject(model, functional.cross_entropy, (x, y), statistics=s)
        for s in ("running", "batch", "re-estimated")
    }
    loss = {s: subject.loss_at(subject.centre) for s, subject in by.items()}
    with torch.no_grad():
        running = functional.cross_entropy(copy.deepcopy(model).eval()(x), y)
        batch = functional.cross_entropy(copy.deepcopy(model).train()(x), y)
    assert loss["running"] == pytest.approx(float(running), rel=1e-12)
    assert loss["batch"] == pytest.approx(float(batch), rel=1e-12)
    assert loss["re-estimated"] == pytest.approx(float(batch), rel=1e-12)  # one batch is all
    assert abs(loss["running"] - loss["batch"]) > 0.01


def test_re_estimated_statistics_are_those_of_all_batches():
    model, parts = normed(), [data(32), data(16)]
    subject = Subject(model, functional.cross_entropy, parts, statistics="re-estimated")
    hidden = [model[0](x) for x, _ in parts]
    reference = copy.deepcopy(model).eval()
    shares = torch.tensor([32 / 48, 16 / 48], dtype=torch.float64)
    reference[1].running_mean = shares @ torch.stack([h.mean(0) for h in hidden]).detach()
    reference[1].running_var = shares @ torch.stack([h.var(0, False) for h in hidden]).detach()
    losses = [functional.cross_entropy(reference(x), y) for x, y in parts]
    expected = float((shares @ torch.stack(losses)).detach())
    assert subject.loss_at(subject.centre) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(FathomError, match="use 'batch'"):
        subject.gradient_at(subject.centre)


def test_a_norm_that_training_holds_still_stays_so():
    model, (x, y) = normed().train(), data(32)
    model[1].eval()
    still, running = (
        Subject(model, functional.cross_entropy, (x, y), statistics=s) for s in ("batch", "running")
    )
    assert still.loss_at(still.centre) == running.loss_at(running.centre)
    assert still.about.statistics == "none"


def test_where_no_layer_has_statistics_the_choice_is_none():
    model = nn.Linear(5, 3).double()
    subject = Subject(model, functional.cross_entropy, data(4), statistics="re-estimated")
    assert subject.about.statistics == "none"
    assert torch.isfinite(subject.gradient_at(subject.centre)).all()


def ignoring(output, target):
    return functional.cross_entropy(output, target, ignore_index=-100)


CASES = {
    "mean over classes": (functional.cross_entropy, lambda: data(9)),
    "a tensor in a closure": (
        lambda o, t: functional.cross_entropy(o * torch.tensor(2.0), t),
        lambda: data(9),
    ),
    "regression": (functional.mse_loss, lambda: (data(9)[0], torch.randn(9, 3).double())),
}


@pytest.mark.parametrize("name", CASES)
def test_examples_are_what_each_gives_alone(name):
    loss, make = CASES[name]
    model, (x, y) = normed().eval(), make()
    subject = Subject(model, loss, (x, y))
    alone = [float(loss(model(x[n : n + 1]), y[n : n + 1]).detach()) for n in range(9)]
    assert subject.per_example_losses(subject.centre) == pytest.approx(alone, rel=1e-12)


class Dictionary(nn.Module):
    """A model that gives its loss itself, among other things."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(5, 3).double()

    def forward(self, x, labels):
        logits = self.head(x)
        return {"loss": functional.cross_entropy(logits, labels), "logits": logits}


def test_a_model_that_gives_its_loss_is_taken_apart_example_by_example():
    model, (x, y) = Dictionary(), data(6)
    subject = Subject(model, None, {"x": x, "labels": y})
    expected = functional.cross_entropy(model.head(x), y, reduction="none").detach()
    assert subject.per_example_losses(subject.centre) == pytest.approx(expected.numpy())
    assert subject.measures == ("loss",)


def test_a_whole_loss_calls_the_model_itself():
    model, (x, y) = normed().eval(), data(6)
    whole = Whole(lambda m, b: functional.cross_entropy(m(b["x"]), b["y"]) + m[0].weight.norm())
    subject = Subject(model, whole, {"x": x, "y": y})
    expected = functional.cross_entropy(model(x), y) + model[0].weight.norm()
    assert subject.loss_at(subject.centre) == pytest.approx(float(expected.detach()), rel=1e-12)


def test_with_the_batchs_statistics_an_example_cannot_be_had_alone():
    whole = Whole(lambda m, b: functional.cross_entropy(m(b[0]), b[1]))
    subject = Subject(normed(), whole, data(6), statistics="batch")
    with pytest.raises(FathomError, match="use statistics='running'"):
        subject.per_example_losses(subject.centre)


def test_both_sources_agree_on_what_the_pieces_are():
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3),
        nn.GroupNorm(1, 3),
        nn.ConvTranspose2d(3, 4, 2),
        nn.Flatten(),
        nn.Linear(36, 3),
    )
    model[0].bias.requires_grad_(False)
    batch = (torch.randn(5, 2, 4, 4), torch.randint(3, (5,)))
    program = capture(model, functional.cross_entropy, batch)
    live = LiveLoss(model, functional.cross_entropy, "running")
    weights = {n: p.detach() for n, p in model.named_parameters()}
    recorded = RecordedLoss(program, weights, "running")
    assert live.pieces == recorded.pieces
    assert live.varied.keys() == recorded.varied.keys()
    assert "0.bias" in recorded.rest


@pytest.mark.parametrize("device", ["meta", "hpu", "gpu"])
def test_a_device_that_computes_nothing_here_is_refused(device):
    with pytest.raises(FathomError, match=f"no device '{device}'"):
        check_device(device)
