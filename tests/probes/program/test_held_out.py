from __future__ import annotations

import pytest
import torch
from torch import nn

from probes.folder import NotRecordable
from probes.program import Whole, capture, prepare
from probes.program.held_out import with_held_out
from tests.probes.program.models import ENTROPY, MODELS, live_loss, made, mlp, vectors, weights_for


def another(batch, examples):
    """Other numbers, and as many examples as are wished for."""
    if isinstance(batch, torch.Tensor):
        return batch.flip(0)[torch.arange(examples) % 5]
    if isinstance(batch, dict):
        return {name: another(value, examples) for name, value in batch.items()}
    return tuple(another(value, examples) for value in batch)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("examples", [5, 8])
def test_the_program_gives_its_live_loss_to_the_bit(name, examples):
    model, loss, batch = made(name)
    other = another(batch, examples)
    recorded = with_held_out(capture(model, loss, batch), model, loss, (batch, other))
    assert {len(tensor) for tensor in recorded.held_out.values()} == {examples}
    with torch.no_grad():
        found = prepare(recorded.program)(weights_for(model, recorded), recorded.held_out)["loss"]
        assert torch.equal(found, live_loss(model.eval(), loss, other))
        first = prepare(recorded.program)(weights_for(model, recorded), recorded.batch)["loss"]
    assert not torch.equal(found, first)


def held_out(batch, other, model=None, loss=ENTROPY):
    model = model or mlp()
    return with_held_out(capture(model, loss, batch), model, loss, (batch, other))


def test_it_may_change_once_it_is_captured():
    batch, (x, y) = vectors(), vectors(3)
    kept = x.clone()
    recorded = held_out(batch, (x, y))
    x.zero_()
    assert torch.equal(recorded.held_out["inputs"], kept)
    assert recorded.held_out["inputs"].data_ptr() != x.data_ptr()


X, Y = vectors()
UNFIT = {
    "no pair": (X, "batch is a Tensor, and loss.output, target. needs the pair"),
    "other names": (({"one": X}, Y), "its tensors are inputs.one, target, and those of batch are"),
    "another type": ((X.double(), Y), r"'inputs' is of float64.*float32; convert it: \.to\(torch"),
    "targets that are no classes": ((X, Y.float()), "'target' is of float32, and in batch.*int64"),
    "another width": ((X[:, :4], Y), r"'inputs' is of shape \[8, 4\].*takes \[any, 6\]"),
    "another rank": ((X[None], Y), r"'inputs' is of shape \[1, 8, 6\].*takes \[any, 6\]"),
    "several lengths": ((X, Y[:3]), "several lengths .8 of 'inputs', 3 of 'target'.; give as many"),
    "no example": ((X[:0], Y[:0]), "it holds no example"),
    "a class too many": ((X, Y + 5), "loss of this batch cannot be computed: IndexError: Target"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_does_not_fit_is_refused_with_a_sentence(name):
    other, said = UNFIT[name]
    with pytest.raises(NotRecordable, match=said):
        held_out(vectors(), other)


def test_a_class_too_many_is_found_in_whichever_example():
    x, y = vectors(1000)
    y[-1] = 5
    with pytest.raises(NotRecordable, match="Target 5 is out of bounds"):
        held_out(vectors(), (x, y))


class Scaled(nn.Linear):
    """Its scale is no tensor, and so it is written into the program."""

    def forward(self, x, scale):
        return super().forward(x) * scale


def test_what_is_no_tensor_has_to_be_the_same():
    torch.manual_seed(0)
    model = Scaled(6, 5)
    recorded = held_out(((X, 2.0), Y), ([X[:3], 2.0], Y[:3]), model)
    found = prepare(recorded.program)(weights_for(model, recorded), recorded.held_out)["loss"]
    assert torch.equal(found, ENTROPY(model(X[:3], 2.0), Y[:3]))
    with pytest.raises(NotRecordable, match=r"held_out\['inputs'\]\[1\] is '3.0'.*it is '2.0'"):
        held_out(((X, 2.0), Y), ((X, 3.0), Y), model)


def test_a_batch_that_comes_whole_is_held_out_too():
    def loss(model, batch):
        return ENTROPY(model(batch["x"]), batch["y"]) * batch["by"]

    model = mlp()
    batch, other = {"x": X, "y": Y, "by": 2}, {"y": Y[:4], "x": X[:4], "by": 2}
    recorded = held_out(batch, other, model, Whole(loss))
    found = prepare(recorded.program)(weights_for(model, recorded), recorded.held_out)["loss"]
    assert torch.equal(found, 2 * ENTROPY(model(X[:4]), Y[:4]))
    with pytest.raises(NotRecordable, match=r"held_out\['by'\] is '3'"):
        held_out(batch, batch | {"by": 3}, model, Whole(loss))


class Fixed(nn.Linear):
    def forward(self, x):
        return super().forward(x).view(8, 5)


def test_where_the_size_of_a_batch_is_fixed_there_must_be_as_many():
    model = Fixed(6, 5)
    recorded = held_out(vectors(), (X, Y), model)
    assert torch.equal(recorded.held_out["target"], Y)
    said = r"'inputs' has 5 examples, and the program takes 8 alone .the batch is fixed.*hold out 8"
    with pytest.raises(NotRecordable, match=said):
        held_out(vectors(), vectors(5), model)


def test_a_program_of_one_example_takes_one():
    held_out(vectors(1), vectors(1))
    said = "has 8 examples, and the program takes 1 alone .recorded with a batch of one.*of several"
    with pytest.raises(NotRecordable, match=said):
        held_out(vectors(1), vectors())


def test_a_model_that_does_another_thing_with_it_is_noticed():
    """Its Python decides by something that no graph has."""
    seen = []

    class Counting(nn.Linear):
        def forward(self, x):
            if type(x) is torch.Tensor:
                seen.append(len(x))
            return super().forward(x) * (2 if len(seen) > allowed else 1)

    allowed = 10**6
    model = Counting(6, 5)
    recorded = capture(model, ENTROPY, (X, Y))
    allowed = len(seen) + 1
    with pytest.raises(NotRecordable, match="the program's loss differs from the model's"):
        with_held_out(recorded, model, ENTROPY, ((X, Y), (X, Y)))


def test_the_model_is_left_as_it_was():
    model, loss, batch = made("resnet")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    recorded = capture(model, loss, batch)
    torch.manual_seed(3)
    with_held_out(recorded, model, loss, (batch, batch))
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(1))
    assert all(module.training for module in model.modules())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
