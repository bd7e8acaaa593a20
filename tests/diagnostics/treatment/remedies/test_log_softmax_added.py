import torch
from torch import nn
from torch.nn import functional

from diagnostics.treatment.course import loss_of
from tests.diagnostics.treatment.treated import only, points, proposed, stack, training


def test_the_loss_is_bounded_again():
    course = only("log_softmax_added", training(loss=nn.NLLLoss()), "loss_unbounded")
    x, y = points()
    assert torch.allclose(loss_of(course, (x, y)), functional.cross_entropy(stack()(x), y))
    with torch.no_grad():
        course.model[2].weight.mul_(100)
    assert float(loss_of(course, (x, y)).detach()) > 0


def test_logarithms_of_probabilities_and_other_losses_are_left_alone():
    model = nn.Sequential(*stack(), nn.LogSoftmax(-1))
    assert proposed("log_softmax_added", training(model, loss=nn.NLLLoss())) == []
    assert proposed("log_softmax_added", training()) == []
