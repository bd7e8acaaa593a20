from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from probes.column_moments import ColumnMoments


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def moments(array):
    return np.stack(
        [
            np.isfinite(array).sum(0),
            *(f(array, 0) for f in (np.nanmean, np.nanstd, np.nanmin, np.nanmax)),
        ],
        1,
    )


@pytest.mark.parametrize("mean", [0.0, 1e6])
def test_tables_in_parts_give_what_all_of_them_give_together(mean):
    x, found = random(100, 7) * torch.arange(1, 8) + mean, ColumnMoments()
    for part in x.split([1, 30, 2, 67]):
        found.add(part)
    np.testing.assert_allclose(found.table(), moments(x.numpy()), rtol=1e-9)


def test_what_is_not_finite_is_left_out():
    x, found = random(40, 3), ColumnMoments()
    x[3, 0], x[30, 1], x[4, 1] = math.nan, math.inf, -math.inf
    for part in x.split(20):
        found.add(part)
    array = np.where(x.isfinite(), x, np.nan)
    np.testing.assert_allclose(found.table(), moments(array), rtol=1e-12)


def test_a_column_without_an_element_that_is_finite_has_no_moments_until_one_comes():
    found = ColumnMoments()
    found.add(torch.tensor([[math.nan, 1.0]], dtype=torch.float64))
    assert found.table()[0, 0] == 0
    assert found.table()[0, 1:].isnan().all()
    found.add(torch.tensor([[5.0, 3.0]], dtype=torch.float64))
    assert found.table().tolist() == [[1, 5, 0, 5, 5], [2, 2, 1, 1, 3]]


def test_tables_of_another_width_are_left_out():
    found = ColumnMoments()
    assert found.table() is None
    found.add(random(5, 3))
    before = found.table()
    found.add(random(5, 4))
    assert torch.equal(found.table(), before)
