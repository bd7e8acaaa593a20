import torch
from torch import nn
from torch.nn import functional

from diagnostics.treatment.course import loss_of
from tests.diagnostics.treatment.treated import points, proposed, stack, training


class Probabilities(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = stack()

    def forward(self, x):
        return self.inner(x).softmax(-1)


def test_the_loss_is_a_cross_entropy_of_the_logits():
    x, y = points()
    for model in (nn.Sequential(*stack(), nn.Softmax(-1)), Probabilities()):
        ((change, course),) = proposed("softmax_removed", training(model), "double_softmax")
        expected = functional.cross_entropy(stack()(x), y)
        assert torch.allclose(loss_of(course, (x, y)), expected, atol=1e-6)
        assert torch.allclose(change.measured(model(x), y), expected, atol=1e-6)
        assert torch.allclose(course.answering()(x), model(x), atol=1e-6)


def test_logits_are_left_alone():
    assert proposed("softmax_removed", training()) == []


def test_probabilities_with_their_own_loss_are_left_alone():
    def own(p, y):
        return functional.nll_loss(p.log(), y)

    given = training(nn.Sequential(*stack(), nn.Softmax(-1)), loss=own)
    assert proposed("softmax_removed", given) == []
