import torch

from diagnostics.treatment.course import run
from tests.diagnostics.treatment.treated import STEPS, only, points, proposed, split, training


def test_rows_with_something_missing_go():
    x, y = points()
    x[3, 2] = float("nan")
    x[16:32] = float("inf")
    course = only("missing_rows_dropped", training(batches=split(x, y)), "nan_inputs")
    assert sum(len(batch[1]) for batch in course.batches) == 16 * STEPS - 17
    run(course, 0, lambda: None)
    assert torch.isfinite(course.model[0].weight).all()


def test_whole_data_is_left_alone():
    assert proposed("missing_rows_dropped", training()) == []
