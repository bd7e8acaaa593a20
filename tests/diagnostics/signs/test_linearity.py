from __future__ import annotations

import pytest
from torch import nn

from diagnostics import Run
from diagnostics.signs.linearity import linearity
from tests.trainings import record


def stacked(*middle):
    """Linear layers, and what stands between them."""
    return nn.Sequential(nn.Linear(8, 8), *middle, nn.Linear(8, 8), nn.Linear(8, 3))


@pytest.mark.parametrize(
    ("middle", "share"), [((), 1.0), ((nn.Dropout(0.5),), 1.0), ((nn.Tanh(),), 0.5)]
)
def test_pairs_without_a_function_between_them_are_counted(tmp_path, middle, share):
    model = stacked(*middle)
    found = linearity(Run(record(tmp_path / "run", model, steps=2)))
    assert found is not None
    assert found.share == share
