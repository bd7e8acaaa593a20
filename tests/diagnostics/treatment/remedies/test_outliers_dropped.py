import torch

from tests.diagnostics.treatment.treated import STEPS, only, points, proposed, split, training


def test_far_rows_go_and_all_others_stay():
    x, y = points()
    x[7] *= 1e4
    course = only("outliers_dropped", training(batches=split(x, y)))
    kept = torch.cat([batch[0] for batch in course.batches])
    assert len(kept) == 16 * STEPS - 1
    assert float(kept.abs().max()) < 10


def test_without_outliers_nothing_is_proposed():
    assert proposed("outliers_dropped", training()) == []


def test_many_are_no_outliers():
    x, y = points()
    x[::2] *= 1e4
    assert proposed("outliers_dropped", training(batches=split(x, y))) == []
