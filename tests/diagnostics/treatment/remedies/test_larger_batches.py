import torch

from tests.diagnostics.treatment.treated import only, points, proposed, split, training


def test_small_batches_are_joined():
    x, y = points()
    course = only("larger_batches", training(batches=split(x, y, 8)), "bn_small_batch")
    assert [len(batch[1]) for batch in course.batches] == [32]
    assert torch.equal(course.batches[0][0], x[:32])


def test_large_ones_are_left_alone():
    x, y = points()
    assert proposed("larger_batches", training(batches=split(x, y, 32))) == []
