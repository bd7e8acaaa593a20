import pytest
import torch
from torch.nn import functional

from diagnostics.treatment.remedies.balanced import over_classes
from tests.diagnostics.treatment.treated import only, points, proposed, split, stack, training


def test_each_class_comes_as_often():
    x, _ = points(960)
    y = (torch.arange(960) % 20 == 0).long()
    course = only("balanced", training(batches=split(x, y, 160), held_out=None))
    labels = torch.cat([batch[1] for batch in course.batches])
    assert float(labels.float().mean()) == pytest.approx(0.5, abs=0.05)


def test_the_measure_counts_classes_alike():
    logits, y = torch.randn(40, 3), torch.tensor([0] * 36 + [1] * 3 + [2])
    each = functional.cross_entropy(logits, y, reduction="none")
    expected = (each[:36].mean() + each[36:39].mean() + each[39]) / 3
    assert torch.allclose(over_classes(logits, y), expected)


def test_numbers_have_no_classes():
    x, _ = points()
    given = training(stack(outside=1), batches=split(x, x[:, :1]), held_out=None)
    given.loss = functional.mse_loss
    assert proposed("balanced", given) == []
