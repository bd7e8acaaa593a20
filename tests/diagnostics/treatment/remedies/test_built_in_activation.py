import torch
from torch import nn

from tests.diagnostics.treatment.treated import only, points, proposed, stack, training


class Slip(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (1 - x * x)


class Own(nn.Module):
    def forward(self, x):
        return Slip.apply(x)


def test_a_tanh_by_hand_becomes_torchs_whose_gradient_is_right():
    course = only("built_in_activation", training(stack(Own())), "wrong_gradient")
    assert isinstance(course.model[1], nn.Tanh)
    x = points()[0].double().requires_grad_()
    assert torch.autograd.gradcheck(course.model.double(), x[:4])


def test_what_torch_has_not_is_left_alone():
    class Square(nn.Module):
        def forward(self, x):
            return x * x

    assert proposed("built_in_activation", training(stack(Square()))) == []
    assert proposed("built_in_activation", training()) == []
