import pytest
import torch
from torch import nn

from diagnostics.treatment.remedies.inputs_normalised import statistics
from tests.diagnostics.treatment.treated import STEPS, only, points, proposed, split, training


def test_the_model_sees_normal_columns():
    x, y = points()
    x = x * torch.tensor([1.0, 1e3, 1e-3, 5.0, 1.0, 1.0]) + 100
    course = only("inputs_normalised", training(batches=split(x, y)))
    seen = course.model[0](torch.cat([batch[0] for batch in course.batches[:STEPS]]))
    assert torch.allclose(seen.mean(0), torch.zeros(6), atol=1e-2)
    assert torch.allclose(seen.std(0), torch.ones(6), atol=2e-2)


def test_normal_inputs_are_left_alone():
    assert proposed("inputs_normalised", training()) == []


def test_images_go_by_channel():
    images = torch.randn(64, 2, 4, 4) * torch.tensor([1.0, 50.0])[:, None, None]
    mean, std = statistics(images, by_channel=True)
    assert mean.shape == (1, 2, 1, 1)
    assert std.flatten().tolist() == pytest.approx([1.0, 50.0], rel=0.1)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(16, 3))
    y = torch.randint(3, (64,))
    given = training(model, batches=split(images, y), held_out=None)
    assert only("inputs_normalised", given).model[0].mean.shape == (1, 2, 1, 1)


def test_missing_values_and_constant_columns_do_no_harm():
    x = torch.tensor([[1.0, 7.0], [3.0, 7.0], [float("nan"), 7.0]])
    mean, std = statistics(x, by_channel=False)
    assert mean.flatten().tolist() == [2.0, 7.0]
    assert std.flatten().tolist() == [1.0, 1.0]
