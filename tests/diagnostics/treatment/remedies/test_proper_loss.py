import torch
from torch import nn
from torch.nn import functional

from diagnostics.treatment.course import loss_of
from tests.diagnostics.treatment.treated import only, points, proposed, split, stack, training


def given(model, targets, loss=functional.mse_loss):
    x, y = points()
    batches = split(x, targets(y))
    return training(model, batches=batches, held_out=batches, loss=loss)


def test_a_sigmoid_with_squared_errors():
    model = nn.Sequential(*stack(outside=1), nn.Sigmoid())
    ailing = given(model, lambda y: (y > 0).float()[:, None])
    course = only("proper_loss", ailing, "wrong_loss")
    x, y = course.batches[0]
    logits = stack(outside=1)(x)
    expected = functional.binary_cross_entropy_with_logits(logits, y)
    assert torch.allclose(loss_of(course, (x, y)), expected)
    assert torch.allclose(course.answering()(x), model(x))
    assert torch.allclose(course.measured(model(x), y), functional.mse_loss(model(x), y))


def test_squared_errors_of_one_hot_targets():
    ailing = given(stack(), lambda y: functional.one_hot(y, 3).float(), nn.MSELoss())
    course = only("proper_loss", ailing, "wrong_loss")
    x, y = course.batches[0]
    expected = functional.cross_entropy(stack()(x), y.argmax(-1))
    assert torch.allclose(loss_of(course, (x, y)), expected)


def test_numbers_and_other_losses_are_left_alone():
    assert proposed("proper_loss", given(stack(outside=1), lambda y: 1.5 * y[:, None])) == []
    assert proposed("proper_loss", training()) == []
