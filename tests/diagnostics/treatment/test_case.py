import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from probes import Whole
from tests.diagnostics.treatment.treated import case_of, points, split, stack, training


class Backwards(nn.Module):
    """Calls its layers in another order than it has them."""

    def __init__(self):
        super().__init__()
        self.last, self.act, self.first = nn.Linear(8, 3), nn.Tanh(), nn.Linear(6, 8)

    def forward(self, x):
        return self.last(self.act(self.first(x)))


def test_layers_stand_in_the_order_of_the_pass():
    case = case_of(training(Backwards()))
    assert case.order == ("first", "act", "last")
    assert case.weighty == ("first", "last")
    assert case.hidden_activations == ("act",)
    assert case.given_by("first").shape[1:] == (8,)
    assert torch.allclose(case.given_to("last"), case.given_by("act"))


def test_what_ends_the_model_is_what_gives_its_answers():
    assert case_of(training(stack(nn.ReLU()))).at_the_end == "2"
    softmax = nn.Sequential(stack(), nn.Softmax(-1))
    assert case_of(training(softmax)).at_the_end == "1"

    class Scaled(Backwards):
        def forward(self, x):
            return 2 * super().forward(x)

    assert case_of(training(Scaled())).at_the_end == ""


def test_the_loss_is_told_by_what_it_gives():
    case = case_of(training(loss=nn.CrossEntropyLoss()))
    assert case.loss_is(functional.cross_entropy)
    assert not case.loss_is(lambda out, y: functional.cross_entropy(2 * out, y))
    assert not case.loss_is(functional.mse_loss)
    assert case.has_classes


def test_targets_that_are_numbers_are_no_classes():
    x, _ = points()
    given = training(stack(outside=1), loss=nn.MSELoss(), batches=split(x, x[:, :1]))
    assert not case_of(given).has_classes


def test_a_loss_that_calls_the_model_itself_has_no_answers_to_look_at():
    def whole(model, batch):
        return functional.cross_entropy(model(batch[0]), batch[1])

    case = case_of(training(loss=Whole(whole)))
    assert case.answers is None
    assert not case.has_classes
    assert case.order == ("0", "1", "2")


def test_quantiles_of_the_norms():
    case = case_of(training())
    middle = torch.tensor(case.norms).quantile(0.5)
    assert case.quantile(0.5) == pytest.approx(float(middle))
    assert math.isnan(type(case)(case.course, ()).quantile(0.5))


def test_all_inputs_where_they_are_numbers():
    assert case_of(training()).float_inputs().shape == (96, 6)
    embedding = nn.Sequential(nn.Embedding(9, 6), nn.Flatten(), nn.Linear(12, 3))
    ids = torch.randint(9, (32, 2))
    given = training(embedding, batches=split(ids, torch.zeros(32).long()), held_out=None)
    assert case_of(given).float_inputs() is None
