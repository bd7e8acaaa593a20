from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.nn import functional

from probes.folder import NotRecordable
from probes.program.objective import Objective, Whole, batch_size, model_inputs
from tests.probes.program.models import mlp, vectors

X, Y = torch.randn(8, 6), torch.randint(0, 5, (8,))


class Asked(nn.Module):
    """Remembers what it was called with."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(6))

    def forward(self, *given, **named):
        self.seen = given, named
        return (given[0] if given else named["x"]) * self.weight


def value(objective):
    return objective(*objective.inputs.values())


def test_a_loss_of_predictions_and_target():
    model = mlp()
    loss, predictions = value(Objective(model, functional.cross_entropy, (X, Y)))
    assert torch.equal(predictions, model(X))
    assert torch.equal(loss, functional.cross_entropy(model(X), Y))


def test_inputs_are_spread_as_the_model_takes_them():
    model, squares = Asked(), lambda output, _: output.square().mean()
    value(Objective(model, squares, ((X, Y), None)))
    assert model.seen == ((X, Y), {})
    value(Objective(model, squares, ({"x": X, "scale": 2.5, "flags": [True, "a"]}, None)))
    assert model.seen == ((), {"x": X, "scale": 2.5, "flags": [True, "a"]})
    value(Objective(model, squares, (X, None)))
    assert model.seen == ((X,), {})


def test_tensors_are_named_by_their_place():
    Pair = namedtuple("Pair", "left right")  # noqa: PYI024
    batch = ({"ids": X, "deep": [Y, {"more": X}]}, Pair(Y, "word"))
    objective = Objective(mlp(), functional.cross_entropy, batch)
    assert [*objective.inputs] == ["inputs.ids", "inputs.deep.0", "inputs.deep.1.more", "target.0"]


@dataclass
class Output:
    loss: torch.Tensor
    logits: torch.Tensor


@pytest.mark.parametrize(
    "wrap",
    [
        Output,
        lambda loss, logits: {"loss": loss, "logits": logits},
        lambda loss, logits: (loss, logits),
        lambda loss, logits: {"hidden": logits[:, :1], "loss": loss, "logits": logits},
    ],
)
def test_a_model_that_gives_its_loss(wrap):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = mlp()

        def forward(self, x, y):
            logits = self.net(x)
            return wrap(functional.cross_entropy(logits, y), logits)

    model = Own()
    loss, predictions = value(Objective(model, None, (X, Y)))
    assert torch.equal(loss, functional.cross_entropy(model.net(X), Y))
    assert torch.equal(predictions, model.net(X))


def test_a_loss_that_calls_the_model_itself():
    model = mlp()
    whole = Whole(lambda model, batch: model(batch["x"]).square().mean())
    assert len(value(Objective(model, whole, {"x": X}))) == 1
    both = Whole(lambda model, batch: ((p := model(batch["x"])).square().mean(), p))
    assert torch.equal(value(Objective(model, both, {"x": X}))[1], model(X))


@pytest.mark.parametrize("batch", [X, (X,), (X, Y, Y), {"x": X}])
def test_a_batch_that_is_no_pair_is_refused(batch):
    with pytest.raises(NotRecordable, match=r"needs the pair batch=\(inputs, target\)"):
        Objective(mlp(), functional.cross_entropy, batch)


def test_a_loss_that_is_not_one_number_is_refused():
    rows = nn.CrossEntropyLoss(reduction="none")
    with pytest.raises(NotRecordable, match=r"shape \[8\], not one number"):
        value(Objective(mlp(), rows, (X, Y)))
    with pytest.raises(NotRecordable, match="the loss is a float, not a tensor"):
        value(Objective(mlp(), lambda output, target: 1.5, (X, Y)))
    with pytest.raises(NotRecordable, match=r"shape \[8, 5\].*pass loss="):
        value(Objective(mlp(), None, (X,)))


def test_the_batchs_size_is_that_of_most():
    assert batch_size({"x": X, "y": Y, "mask": torch.ones(4, 4)}) == 8
    with pytest.raises(NotRecordable, match="holds no tensor with an axis"):
        batch_size({"scale": torch.ones(())})


def test_what_the_model_is_called_with():
    x, y = vectors()
    assert model_inputs(functional.cross_entropy, (x, y)) is x
    assert model_inputs(None, {"ids": x}) == {"ids": x}
    assert model_inputs(Whole(lambda model, batch: batch), (x, y)) is None
    assert model_inputs(functional.cross_entropy, x) is None
    assert model_inputs(None, None) is None
