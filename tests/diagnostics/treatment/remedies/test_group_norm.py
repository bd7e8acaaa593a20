import torch
from torch import nn

from tests.diagnostics.treatment.treated import only, points, proposed, stack, training


def test_the_examples_of_a_batch_no_longer_matter_to_each_other():
    course = only("group_norm", training(stack(nn.BatchNorm1d(8))), "bn_small_batch")
    x, model = points()[0], course.model.train()
    assert torch.allclose(model(x)[:2], model(x[:2]), atol=1e-6)
    held = [id(p) for group in course.groups for p in group["params"]]
    assert {id(p) for p in model.parameters()} <= set(held)


def test_other_normalisations_are_left_alone():
    assert proposed("group_norm", training(stack(nn.LayerNorm(8)))) == []
