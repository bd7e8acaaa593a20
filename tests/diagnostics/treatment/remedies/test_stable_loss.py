import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.treatment.course import loss_of
from tests.diagnostics.treatment.treated import only, points, proposed, split, stack, training


def logarithm(out, y):
    return -out.softmax(1).log().gather(1, y[:, None]).mean()


def overflowing(out, y):
    return ((1 + out.exp()).log() - y * out).mean()


def of_probabilities(out, y):
    return -(y * out.log() + (1 - y) * (1 - out).log()).mean()


def given(model, loss):
    x, y = points()
    target = y if loss is logarithm else functional.one_hot(y, 3).float()
    return training(model, loss=loss, batches=split(x, target), held_out=None)


@pytest.mark.parametrize(
    ("loss", "last", "form"),
    [
        (logarithm, nn.Identity(), functional.cross_entropy),
        (overflowing, nn.Identity(), functional.binary_cross_entropy_with_logits),
        (of_probabilities, nn.Sigmoid(), functional.binary_cross_entropy),
    ],
)
def test_the_form_that_holds_everywhere(loss, last, form):
    model = nn.Sequential(*stack(), last)
    course = only("stable_loss", given(model, loss), "unstable_loss")
    assert course.loss is form
    with torch.no_grad():
        course.model[2].weight.mul_(1e4)  # where the one by hand is no number
    batch = course.batches[0]
    assert not torch.isfinite(loss(course.model(batch[0]), batch[1]))
    assert torch.isfinite(loss_of(course, batch))


def test_a_loss_of_another_kind_is_left_alone():
    x, _ = points()
    squares = training(stack(outside=1), loss=nn.MSELoss(), batches=split(x, x[:, :1]))
    squares.held_out = None
    assert proposed("stable_loss", squares) == []
