from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from probes.program import Whole, capture, one_by_one, prepare
from probes.program.batching import FEW, cut, few, of_few
from tests.probes.program.models import (
    ENTROPY,
    contrastive,
    made,
    mlp,
    program_of,
    vectors,
    weights_for,
)


@pytest.mark.parametrize("name", ["mlp", "gpt", "vit", "bert"])
def test_an_examples_loss_is_that_of_a_batch_of_one(name):
    model, recorded = program_of(name)
    weights, batch = weights_for(model, recorded), recorded.batch
    alone = one_by_one(recorded.program, weights, batch, 100)
    found = prepare(recorded.program, wanted=("examples",))(weights, batch)["examples"]
    assert alone.shape == found.shape == (8,)
    torch.testing.assert_close(found, alone, rtol=1e-5, atol=1e-6)


def test_and_that_is_the_live_models():
    model, loss, (x, y) = made("mlp")
    _, recorded = program_of("mlp")
    alone = one_by_one(recorded.program, weights_for(model, recorded), recorded.batch, 3)
    live = torch.stack([loss(model(x[n : n + 1]), y[n : n + 1]) for n in range(3)])
    torch.testing.assert_close(alone, live)


REDUCTIONS = {
    "mean": (ENTROPY, vectors()),
    "sum": (nn.CrossEntropyLoss(reduction="sum"), vectors()),
    "other": (
        nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2, 3, 4, 50])),
        (torch.randn(8, 6), torch.arange(8) % 5),
    ),
    "unknown": (ENTROPY, vectors(1)),
}


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_how_two_batches_make_one_is_found_out(reduction):
    torch.manual_seed(3)
    model, (loss, batch) = mlp(), REDUCTIONS[reduction]
    assert capture(model, loss, batch).program.reduction == reduction


def test_examples_that_depend_on_one_another_are_not_told():
    batch = {"one": torch.randn(8, 6), "two": torch.randn(8, 6)}
    program = capture(mlp(), Whole(contrastive), batch).program
    assert program.reduction == "other"
    assert "examples" not in program.graphs["eval"].outputs
    assert not any(node.name.startswith("examples") for node in program.graphs["eval"].nodes)


def test_a_mask_of_the_batchs_size_is_not_cut():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.own = nn.Linear(8, 8)

        def forward(self, x, mask):
            return (self.own(x) @ mask).mean(1)

    x, mask = torch.randn(8, 4, 8), torch.tril(torch.ones(8, 8))
    recorded = capture(Masked(), ENTROPY, ((x, mask), torch.randint(0, 8, (8,))))
    shapes = {spec.name: spec.shape for spec in recorded.program.of_kind("input")}
    assert shapes == {"inputs.0": (None, 4, 8), "inputs.1": (8, 8), "target": (None,)}
    part = cut(recorded.program, recorded.batch, 2, 5)
    assert torch.equal(part["inputs.0"], x[2:5])
    assert torch.equal(part["inputs.1"], mask)


def test_a_model_made_for_one_size_of_batch_is_recorded_for_it():
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.own = nn.Linear(6, 5)

        def forward(self, x):
            return self.own(x).view(8, 5)

    program = capture(Fixed(), ENTROPY, vectors()).program
    assert not program.dynamic
    assert [spec.shape for spec in program.of_kind("input")] == [(8, 6), (8,)]
    assert "the batch is fixed at 8" in program.notes[0]


def test_another_size_of_batch_gives_what_the_live_model_gives():
    model, loss, _ = made("resnet")
    _, recorded = program_of("resnet")
    x, y = torch.randn(3, 3, 8, 8), torch.randint(0, 5, (3,))
    found = prepare(recorded.program)(weights_for(model, recorded), {"inputs": x, "target": y})
    assert torch.equal(found["loss"], loss(model.eval()(x), y))


DIVIDED = {
    "by the batch's size": lambda o, y: ENTROPY(o, y, reduction="sum") / o.shape[0],
    "by the number of targets": lambda o, y: ENTROPY(o, y, reduction="sum") * (1 / y.numel()),
    "by kl_div": lambda o, y: functional.kl_div(
        o.log_softmax(1), functional.one_hot(y, 5).float(), reduction="batchmean"
    ),
}


@pytest.mark.parametrize("how", DIVIDED)
def test_a_sum_may_be_divided_by_a_size(how):
    torch.manual_seed(0)
    model, (x, y) = mlp(), vectors()
    recorded = capture(model, DIVIDED[how], (x, y))
    assert (recorded.program.reduction, recorded.program.dynamic) == ("mean", True)
    few = {"inputs": x[:3], "target": y[:3]}
    found = prepare(recorded.program)(weights_for(model, recorded), few)["loss"]
    torch.testing.assert_close(found, ENTROPY(model(x[:3]), y[:3]).detach())


def test_a_loss_of_some_examples_alone_is_recorded_without_those_of_each():
    torch.manual_seed(0)
    model, x, y = mlp(), torch.randn(8, 6), torch.tensor([0, 1, 2, 0, 3, 4, 0, 1])
    recorded = capture(model, lambda o, t: ENTROPY(o[t > 0], t[t > 0]), (x, y))
    assert "examples" not in recorded.program.graphs["eval"].outputs
    found = prepare(recorded.program)(weights_for(model, recorded), recorded.batch)["loss"]
    assert torch.equal(found, ENTROPY(model(x)[y > 0], y[y > 0]))


def test_few_are_drawn_evenly_from_all_over_a_batch():
    rows = torch.arange(20_000)
    drawn = few({"x": rows, "mask": torch.ones(3)}, frozenset({"x"}))
    gaps = drawn["x"].diff()
    assert (len(drawn["x"]), drawn["x"][0].item()) == (FEW, 0)
    assert {*gaps.tolist()} == {20_000 // FEW, 20_000 // FEW + 1}
    assert drawn["x"][-1] >= 20_000 - 20_000 // FEW - 1
    assert len(drawn["mask"]) == 3


def test_a_batch_of_few_stays_as_it_is():
    batch = {"x": torch.arange(FEW)}
    assert few(batch, frozenset({"x"}))["x"] is batch["x"]
    assert few({"x": torch.arange(1000)}, frozenset())["x"].shape == (1000,)


def test_a_program_of_few_examples_says_so():
    recorded = capture(mlp(), ENTROPY, vectors(300))
    some = of_few(recorded)
    assert (some.program.batch, len(some.batch["inputs"]), len(some.batch["target"])) == (FEW,) * 3
    assert (recorded.program.batch, len(recorded.batch["inputs"])) == (300, 300)
