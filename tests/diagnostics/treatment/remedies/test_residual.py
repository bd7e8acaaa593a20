import torch
from torch import nn

from tests.diagnostics.treatment.treated import only, points, proposed, stack, training


def deep(activation=nn.Tanh):
    torch.manual_seed(0)
    hidden = [part for _ in range(3) for part in (nn.Linear(8, 8), activation())]
    return nn.Sequential(nn.Linear(6, 8), activation(), *hidden, nn.Linear(8, 3))


def test_a_layer_adds_to_what_it_is_given():
    model = deep()
    course = only("residual", training(model), "vanishing_gradient")
    x = points()[0]
    h = torch.tanh(model[0](x))
    for n in (2, 4, 6):
        h = h + torch.tanh(model[n](h))
    assert torch.allclose(course.model(x), model[8](h), atol=1e-6)


def test_what_changes_its_width_or_only_ever_adds_up_is_left_alone():
    assert proposed("residual", training(stack(nn.Tanh()))) == []
    assert proposed("residual", training(deep(nn.Sigmoid))) == []


def test_other_models_than_plain_stacks_may_have_them_already():
    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = deep()

        def forward(self, x):
            return self.inner(x)

    assert proposed("residual", training(Wrapped())) == []
