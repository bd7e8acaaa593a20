import torch

from diagnostics.treatment.remedies.outliers_clamped import limits
from tests.diagnostics.treatment.treated import only, points, proposed, split, training


def test_a_code_for_missing_values_no_longer_rules_its_column():
    x, y = points()
    x[[3, 40], 1] = -9999.0
    course = only("outliers_clamped", training(batches=split(x, y)), "data_outliers")
    seen = course.model[1](course.model[0](x))
    assert float(seen.abs().max()) < 12
    assert float(seen[:3, 1].std()) > 0.1
    others = (x[:, 0] - x[:, 0].mean()) / x[:, 0].std(correction=0)
    assert torch.allclose(seen[:, 0], others, atol=1e-4)


def test_a_column_that_is_nearly_always_the_same_has_no_usual_range():
    x = torch.zeros(50, 2)
    x[:, 1] = torch.linspace(-1, 1, 50)
    x[7, 0] = 5.0
    low, high = limits(x)
    assert low[0] == -torch.inf
    assert high[0] == torch.inf
    assert -7 < float(low[1]) < -5


def test_without_outliers_nothing_is_proposed():
    assert proposed("outliers_clamped", training()) == []
