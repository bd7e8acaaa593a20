import pytest
import torch

from tests.diagnostics.treatment.treated import only, points, proposed, split, training


def test_holes_are_filled_by_what_is_known_of_their_column():
    x, y = points()
    x[5, 2], x[:, 4] = float("nan"), float("inf")
    known = torch.cat([x[:5, 2], x[6:, 2]]).mean()
    course = only("missing_values_filled", training(batches=split(x, y)), "nan_inputs")
    seen = course.model[0](x)
    assert float(seen[5, 2]) == pytest.approx(float(known), abs=1e-6)
    assert torch.equal(seen[:, 4], torch.zeros(96))
    assert torch.equal(seen[:, :2], x[:, :2])


def test_whole_data_is_left_alone():
    assert proposed("missing_values_filled", training()) == []
