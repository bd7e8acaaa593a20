import torch
from torch import nn
from torch.nn import functional

from diagnostics.treatment.course import evaluating, loss_of
from tests.diagnostics.treatment.treated import only, points, proposed, split, stack, training


def numbers(scale):
    x, _ = points()
    return split(x, scale * x[:, :1] + 3 * scale)


def given(scale, loss=functional.mse_loss):
    return training(stack(outside=1), batches=numbers(scale), held_out=numbers(scale), loss=loss)


def test_the_loss_is_that_of_normal_targets_and_answers_are_brought_back():
    course = only("targets_normalised", given(1000.0))
    x, y = course.batches[0]
    every = torch.cat([batch[1] for batch in course.batches])
    normal = (y - every.mean(0)) / every.std(0)
    expected = functional.mse_loss(course.model(x), normal)
    assert torch.allclose(loss_of(course, (x, y)), expected)
    with evaluating(course.model):
        back = course.answering()(x)
        assert torch.allclose((back - every.mean(0)) / every.std(0), course.model(x), atol=1e-4)


def test_normal_targets_and_classes_are_left_alone():
    assert proposed("targets_normalised", given(1.0)) == []
    assert proposed("targets_normalised", training()) == []


def test_any_loss_will_do():
    assert only("targets_normalised", given(1000.0, nn.L1Loss())).loss is not None
