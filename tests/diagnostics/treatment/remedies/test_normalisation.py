import torch
from torch import nn

from tests.diagnostics.treatment.treated import only, points, proposed, split, stack, training


def test_after_each_hidden_layer_of_a_stack():
    course = only("normalisation", training(stack()), "exploding_gradient")
    out = course.model[0](1e6 * points()[0])
    assert torch.allclose(out.mean(1), torch.zeros(96), atol=1e-4)
    assert torch.allclose(out.var(1, correction=0), torch.ones(96), atol=1e-3)
    assert isinstance(course.model[2], nn.Linear)


def test_convolutions_get_groups():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    x = torch.randn(64, 1, 6, 6)
    batches = split(x, torch.randint(3, (64,)))
    course = only("normalisation", training(model, batches=batches, held_out=None))
    assert isinstance(course.model[0][1], nn.GroupNorm)


def test_in_other_models_before_each_layer_but_the_first():
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.branch, self.head = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)

        def forward(self, x):
            h = self.first(x)
            return self.head(h + torch.relu(self.branch(h)))

    model = only("normalisation", training(Branches())).model
    assert isinstance(model.first, nn.Linear)
    assert [type(part) for part in model.branch] == [nn.LayerNorm, nn.Linear]
    assert [type(part) for part in model.head] == [nn.LayerNorm, nn.Linear]


def test_where_there_are_some_nothing_is_proposed():
    assert proposed("normalisation", training(stack(nn.LayerNorm(8), nn.ReLU()))) == []
