from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from probes.batch_sample import COMPARED, ELEMENTS, ROWS, marks, sample, size_of, table, together


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "shape",
    [(5000, 3000), (128, 784), (64, 3, 224, 224), (2, 8192, 512), (1, 1, 64, 64, 64), (300_000,)],
)
def test_a_sample_is_of_the_size_that_is_promised(shape):
    x = torch.arange(math.prod(shape)).view(shape)
    for turn in range(3):
        some = sample(x, turn, 4096, 16384)
        assert len(some) <= 256
        assert some.numel() <= 16384 * 1.1
        assert some[0].numel() <= 4096 * 1.1
        assert len(np.unique(some.numpy())) == some.numel()
        assert some.numel() >= min(16384, x.numel(), 256 * some[0].numel()) / 8


def test_every_row_has_its_turn():
    x = torch.arange(1000.0)[:, None].expand(1000, 1024)
    rows = {float(v) for turn in range(1000) for v in sample(x, turn, 4096, 16384)[:, 0, 0]}
    assert len(rows) == 1000


def test_channels_of_images_are_columns():
    x = random(6, 3, 5, 4)
    some = sample(x, 0, 4096, ELEMENTS)
    np.testing.assert_array_equal(some, x.numpy().transpose(0, 2, 3, 1).reshape(6, 20, 3))


def test_columns_of_sequences_are_the_last_axis():
    x = random(6, 7, 5)
    np.testing.assert_array_equal(table(x, 0), x.numpy().reshape(42, 5).astype(float))


@pytest.mark.parametrize("shape", [(5,), (300,), (64, 8), (40, 784), (8, 3, 50, 50), (8, 4000, 3)])
def test_a_row_has_the_same_mark_in_whatever_company(shape):
    """The choice inside a row must not follow from how many rows there are."""
    x = random(*shape)
    alone = torch.cat([marks(row[None], turn) for turn, row in enumerate(x)])
    assert set(marks(x, 0).tolist()) <= set(alone.tolist())
    assert len(set(alone.tolist())) == len(x)


def test_of_many_rows_others_are_marked_each_turn():
    x = random(1000, 4)
    seen = [set(marks(x, turn).tolist()) for turn in range(4)]
    assert all(len(rows) <= ROWS for rows in seen)
    assert len(set.union(*seen)) == 1000


def test_a_mark_is_of_few_of_a_rows_elements():
    x = random(2, 10_000)
    changed = 0
    for n in range(0, 10_000, 7):
        y = x.clone()
        y[0, n] += 1
        changed += bool((marks(y, 0) != marks(x, 0)).any())
    assert 0 < changed < COMPARED


def test_sizes():
    assert [size_of(torch.zeros(shape)) for shape in [(), (3,), (4, 2)]] == [1, 3, 4]


def test_what_is_of_another_width_is_left_out():
    assert together([torch.zeros(2, 3), torch.ones(1, 4), torch.ones(2, 3)]).shape == (4, 3)
