import torch
from torch import nn

from diagnostics.treatment.course import run
from tests.diagnostics.treatment.treated import points, proposed, stack, training


def test_hidden_layers_grow_and_are_trained():
    found = proposed("wider", training(stack(nn.LayerNorm(8), nn.Tanh())), "underfitting")
    assert [course.model[0].out_features for _, course in found] == [32, 128]
    course = found[0][1]
    assert course.model[1].normalized_shape == (32,)
    before = course.model[0].weight.clone()
    assert course.model(points()[0]).shape == (96, 3)
    run(course, 0, lambda: None)
    assert not torch.equal(course.model[0].weight, before)


def test_where_it_cannot_be_told_how_nothing_is_proposed():
    assert proposed("wider", training(nn.Linear(6, 3))) == []
    assert proposed("wider", training(nn.Sequential(Odd(), stack()))) == []


class Odd(nn.Module):
    def forward(self, x):
        return x
