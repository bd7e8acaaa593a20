"""Draws against closed forms, enumeration, and plain loops."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from probes.folder import FathomError, ProgramError
from probes.program import capture
from probes.program.drawing import Wish, prepare_draws
from tests.probes.program.models import program_of, weights_for

torch.set_num_threads(1)
P = 0.3
ODDS = P / (1 - P)
COUNT = 4000


def ready(model, *shape, rows=4):
    """Weights, batch and program of a model in float64."""
    torch.manual_seed(0)
    x = torch.randn(rows, *shape, dtype=torch.float64)
    model = model.double()
    predicted = model(x)
    recorded = capture(model, functional.mse_loss, (x, torch.zeros_like(predicted.detach())))
    return recorded.program, weights_for(model, recorded), recorded.batch


def drawn(model, *shape, rows=4, only=None, p=None, **how):
    program, weights, batch = ready(model, *shape, rows=rows)
    return prepare_draws(program, only, p)(weights, batch, Wish(how.pop("count", COUNT), **how))


def check(values, mean, variance, slack=0.0):
    """[draw, ...] against exact moments: at most 4.5 standard errors."""
    centred = values - mean
    error = (centred.pow(4).mean(0) - variance**2).clamp_min(0).div(len(values)).sqrt()
    assert ((values.mean(0) - mean).abs() <= 4.5 * (variance / len(values)).sqrt() + 1e-9).all()
    apart = (centred.pow(2).mean(0) - variance).abs()
    assert (apart <= 4.5 * error + slack + 1e-9).all()


def linear(wide, out):
    return nn.Linear(wide, out)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("rows", [4, 1500])  # draws in one pass, and one by one
def test_dropout_before_a_linear_layer(rows, shared):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Dropout(P), linear(5, 3))
    found = drawn(model, 5, rows=rows, shared=shared, count=COUNT if rows == 4 else 300)
    assert found.how.startswith("stacked by" if rows == 4 else "loop")
    weight = model[1].weight.detach()
    x = ready(model, 5, rows=rows)[2]["inputs"][:4]
    covariance = ODDS * torch.einsum("oi,ni,pi->nop", weight, x**2, weight)
    centred = found.values[:, :4] - found.plain[:4]
    products = torch.einsum("tno,tnp->tnop", centred, centred)
    error = products.std(0) / len(products) ** 0.5
    assert ((products.mean(0) - covariance).abs() <= 4.5 * error).all()
    check(found.values[:, :4], found.plain[:4], covariance.diagonal(dim1=1, dim2=2))


def test_two_layers_of_dropout_by_total_variance():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Dropout(P), linear(5, 6), nn.Dropout(P), linear(6, 1))
    found = drawn(model, 5, count=8000)
    x = ready(model, 5)[2]["inputs"]
    first, last = model[1], model[3].weight.detach()[0]
    mean = first(x).detach()
    inner = ODDS * torch.einsum("oi,ni,pi->nop", first.weight, x**2, first.weight).detach()
    second = (mean**2 + inner.diagonal(dim1=1, dim2=2)) @ last**2
    wanted = torch.einsum("o,nop,p->n", last, inner, last) + ODDS * second
    check(found.values[..., 0], found.plain[:, 0], wanted)


def test_channels_dropped_together():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Dropout2d(P), nn.Flatten(), linear(3 * 4, 1))
    found = drawn(model, 3, 2, 2)
    assert found.fired[0].op == "feature_dropout"
    x = ready(model, 3, 2, 2)[2]["inputs"]
    weight = model[2].weight.detach().reshape(3, 4)
    by_channel = (x.reshape(-1, 3, 4) * weight).sum(-1)
    check(found.values[..., 0], found.plain[:, 0], ODDS * (by_channel**2).sum(1))


class Attends(nn.Module):
    def forward(self, x):
        alike = torch.zeros_like(x)
        p = P if self.training else 0.0
        return functional.scaled_dot_product_attention(alike, alike, x, dropout_p=p)[:, 0]


class Wide(nn.Module):
    """A parameter, so that there is a gradient."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.gain = inner, nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.inner(x * self.gain)


def test_attention_with_equal_weights():
    found = drawn(Wide(Attends()), 5, 2)
    x = ready(Wide(Attends()), 5, 2)[2]["inputs"]
    check(found.values, x.mean(1), ODDS * (x**2).sum(1) / 25)


@pytest.mark.parametrize("shared", [False, True])
def test_a_small_network_against_all_its_masks(shared):
    torch.manual_seed(1)
    model = nn.Sequential(linear(3, 8), nn.Tanh(), nn.Dropout(P), linear(8, 4), nn.Softmax(-1))
    found = drawn(model, 3, shared=shared)
    x = ready(model, 3)[2]["inputs"]
    masks = torch.tensor([*itertools.product((0.0, 1.0), repeat=8)], dtype=torch.float64)
    weight = ((1 - P) ** masks * P ** (1 - masks)).prod(1)
    with torch.no_grad():
        exact = model[3:](model[:2](x) * masks[:, None] / (1 - P))  # [mask, example, class]
    mean = torch.einsum("m,mnc->nc", weight, exact)
    check(found.values, mean, torch.einsum("m,mnc->nc", weight, (exact - mean) ** 2))
    entropy = -(exact * exact.log()).sum(-1)
    own = -(found.values * found.values.log()).sum(-1)
    wanted = weight @ entropy
    assert ((own.mean(0) - wanted).abs() <= 4.5 * own.std(0) / COUNT**0.5).all()


def test_shared_masks_make_a_draw_a_function():
    torch.manual_seed(1)
    model = nn.Sequential(linear(1, 64), nn.Tanh(), nn.Dropout(0.2), linear(64, 1)).double()
    grid = torch.linspace(-1, 1, 200, dtype=torch.float64)[:, None]
    recorded = capture(model, functional.mse_loss, (grid, grid))
    drawing, weights = prepare_draws(recorded.program), weights_for(model, recorded)
    variation = {
        shared: drawing(weights, recorded.batch, Wish(20, 0, shared))
        .values.diff(dim=1)
        .abs()
        .sum((1, 2))
        for shared in (False, True)
    }
    assert float(variation[False].min()) > 10 * float(variation[True].max())
    whole = drawing(weights, recorded.batch, Wish(5, 3, shared=True)).values
    half = {name: tensor[::2] for name, tensor in recorded.batch.items()}
    part = drawing(weights, half, Wish(5, 3, shared=True)).values
    torch.testing.assert_close(whole[:, ::2], part)  # the same functions, on other data


@pytest.mark.parametrize("name", ["resnet", "vit", "gpt", "lstm", "bert"])
def test_real_networks_are_drawn_as_a_loop_draws_them(name):
    model, recorded = program_of(name)
    weights, drawing = weights_for(model, recorded), prepare_draws(recorded.program)
    before = {key: tensor.clone() for key, tensor in weights.items()}
    state = torch.get_rng_state()
    found = drawing(weights, recorded.batch, Wish(400))
    again = drawing(weights, recorded.batch, Wish(400))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(weights[key], before[key]) for key in before)
    assert torch.equal(found.values, again.values)
    assert (found.gap, found.how[:10]) == (0.0, "stacked by")
    assert {fired.times for fired in found.fired} == {400}
    looped = naive(model, recorded.batch, 400)
    ratio = (found.values.var(0).mean() / looped.var(0).mean()).item()
    assert 0.85 < ratio < 1.18  # hundreds of numbers, each known to 7 %
    with torch.no_grad():
        torch.testing.assert_close(found.plain, called(model.eval(), recorded.batch))
    model.train()


def called(model, batch):
    found = model(batch["inputs"]) if "inputs" in batch else model(**batch)
    return getattr(found, "logits", found)


def naive(model, batch, count):
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.eval()
    with torch.no_grad(), torch.random.fork_rng():
        found = torch.stack([called(model, batch) for _ in range(count)])
    for norm in norms:
        norm.train()
    return found


class DropsWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 1))

    def forward(self, x):
        return x @ functional.dropout(self.weight, P, self.training)


class LooksAround(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(5, 1)

    def forward(self, x):
        dropped = functional.dropout(x, P, self.training)
        return self.last(dropped - dropped.mean(0))


@pytest.mark.parametrize("kind", [DropsWeights, LooksAround])
def test_draws_that_would_feel_one_another_are_made_one_by_one(kind):
    torch.manual_seed(1)
    model = kind()
    found = drawn(model, 5)
    assert found.how == "loop"
    if kind is DropsWeights:
        x = ready(model, 5)[2]["inputs"]
        check(found.values, x @ model.weight.detach(), ODDS * x**2 @ model.weight.detach() ** 2)


class ByTime(nn.Module):
    """The batch is the second axis, and joined with the first."""

    def __init__(self):
        super().__init__()
        self.first, self.last, self.drop = nn.Linear(3, 4), nn.Linear(4, 1), nn.Dropout(P)

    def forward(self, x):
        flat = self.first(x.transpose(0, 1)).flatten(0, 1)
        flat = self.last(self.drop(torch.tanh(flat)))
        return flat.unflatten(0, (x.shape[1], x.shape[0])).mean(0)


def test_where_a_batch_lies_scattered_masks_are_not_shared_in_silence():
    torch.manual_seed(1)
    assert drawn(ByTime(), 6, 3).values.std(0).min() > 0
    with pytest.raises(ProgramError, match=r"no mask can be shared.*masks='independent'"):
        drawn(ByTime(), 6, 3, shared=True)


def two():
    torch.manual_seed(1)
    return nn.Sequential(nn.Dropout(P), linear(5, 6), nn.Tanh(), nn.Dropout(0.1), linear(6, 1))


def test_some_dropouts_alone_and_other_shares():
    first, last = drawn(two(), 5, only=["3"]).fired
    assert (first.times, last.times, first.behind, last.behind) == (0, COUNT, "", "1.weight")
    none = drawn(two(), 5, only=[], count=3)
    assert torch.equal(none.values, none.plain.expand_as(none.values))
    wider = drawn(two(), 5, p=0.5)
    assert [fired.p for fired in wider.fired] == [0.5, 0.5]
    assert wider.values.var() > drawn(two(), 5).values.var()
    still = drawn(two(), 5, p=0.0, count=3)
    assert [fired.times for fired in still.fired] == [0, 0]
    assert torch.equal(still.values, still.plain.expand_as(still.values))
    with pytest.raises(ProgramError, match=r"no random operation 'drop' \(there are: 0, 3\)"):
        drawn(two(), 5, only=["drop"])


class Paths(nn.Module):
    """Stochastic depth by hand: whole examples fall, and what is left is made up for."""

    def __init__(self, first):
        super().__init__()
        self.first = first  # is the mask divided, or what it fell on?

    def forward(self, x):
        if not self.training:
            return x
        mask = x.new_empty((x.shape[0], 1)).bernoulli_(1 - P)
        return x * mask.div_(1 - P) if self.first else x * mask / (1 - P)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("p", [None, 0.0, 0.6, 1.0])
def test_stochastic_depth_takes_another_share(first, p):
    torch.manual_seed(1)
    model = nn.Sequential(linear(5, 6), Paths(first), linear(6, 2))
    found = drawn(model, 5, p=p)
    x, rate = ready(model, 5)[2]["inputs"], P if p is None else p
    way = (model[0](x) @ model[2].weight.T).detach()
    mean = found.plain if rate < 1 else model[2].bias.detach().expand_as(found.plain)
    check(found.values, mean, way**2 * (rate / (1 - rate) if rate < 1 else 0.0))
    assert found.fired[0].times == (COUNT if rate else 0)


class Restless(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(5, 1)

    def forward(self, x):
        return self.last(functional.dropout(x, P))  # whether it trains or not


class Changes(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(5, 1)

    def forward(self, x):
        return self.last(functional.dropout(x, P)) if self.training else 2 * self.last(x)


def test_what_a_reader_should_know_is_told(monkeypatch):
    program, weights, batch = ready(Restless(), 5, rows=1)  # more rows, and it is refused
    drawing = prepare_draws(program)
    assert drawing.always_on == ("dropout",)
    plain = drawing(weights, batch, Wish(2)).plain
    assert torch.equal(plain, drawing(weights, batch, Wish(2, seed=1)).plain)
    assert drawn(Changes(), 5).gap == pytest.approx(0.5)
    assert not prepare_draws(ready(two(), 5)[0]).always_on
    monkeypatch.setattr("probes.program.drawing.SMALL", 0)
    with pytest.raises(FathomError, match=r"10 draws of \[4, 1\].* 320 .*there are 100"):
        drawn(two(), 5, count=10, limit=lambda: 100)


def test_rrelu_draws_only_where_it_is_asked_for():
    torch.manual_seed(1)
    model = nn.Sequential(linear(5, 6), nn.RReLU(), linear(6, 1))
    quiet = drawn(model, 5, count=3)
    assert torch.equal(quiet.values, quiet.plain.expand_as(quiet.values))
    assert quiet.fired == ()
    assert drawn(model, 5, only=["1"], count=50).values.std(0).min() > 0


def test_what_comes_before_dropout_is_computed_once():
    torch.manual_seed(1)
    drawing = prepare_draws(program_of("resnet")[1].program)
    last = [step.call for step in drawing._after.steps]
    assert len(last) == 2  # dropout and the head; all convolutions come before


class Centred(nn.Module):
    """Of words in a batch, whose statistics no other order of the same words changes."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(10, 4)

    def forward(self, words):
        found = functional.dropout(self.words(words).sum(1), P, self.training)
        return found - found.mean(0)


def test_inputs_that_look_alike_do_not_hide_that_draws_feel_one_another():
    torch.manual_seed(0)
    model, words = Centred(), torch.randint(0, 10, (5, 3))
    recorded = capture(model, functional.mse_loss, (words, torch.zeros(5, 4)))
    weights = weights_for(model, recorded)
    found = prepare_draws(recorded.program)(weights, recorded.batch, Wish(COUNT))
    assert found.how == "loop"
    each = ODDS * model.words(words).sum(1).detach() ** 2  # variances before the mean is taken
    variance = each * (1 - 2 / 5) + each.sum(0) / 25
    check(found.values, found.plain, variance)


class DropsWeights(nn.Module):
    """For batches of three alone; and its weight has six rows."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 4))

    def forward(self, x):
        return x.reshape(3, 4) @ functional.dropout(self.weight, P, self.training).T


def test_rows_of_a_weight_are_no_examples():
    found = drawn(DropsWeights(), 4, rows=3, shared=True)
    assert found.how == "loop"
    apart = (found.values - found.plain)[:, 0]  # of one example: [draw, row of the weight]
    related = torch.corrcoef(apart.T) - torch.eye(6)
    assert related.abs().max() < 4.5 / COUNT**0.5
