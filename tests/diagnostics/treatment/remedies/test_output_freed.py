import torch
from torch import nn
from torch.nn import functional

from tests.diagnostics.treatment.treated import only, points, proposed, split, stack, training


def given(last, scale):
    x, _ = points()
    batches = split(x, scale * x[:, :1])
    model = nn.Sequential(*stack(outside=1), last)
    return training(model, batches=batches, held_out=batches, loss=functional.mse_loss)


def test_targets_beyond_the_reach_of_the_last_nonlinearity():
    course = only("output_freed", given(nn.Sigmoid(), 2.0), "output_range_mismatch")
    x, _ = points()
    assert torch.allclose(course.model(x), stack(outside=1)(x))
    assert proposed("output_freed", given(nn.ReLU(), 2.0))


def test_targets_within_it_and_models_that_end_in_a_layer_are_left_alone():
    assert proposed("output_freed", given(nn.Tanh(), 0.1)) == []
    assert proposed("output_freed", given(nn.Identity(), 2.0)) == []
    assert proposed("output_freed", training()) == []
