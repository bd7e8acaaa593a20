"""Several batches as one."""

from __future__ import annotations

import torch

from probes.program.stacking import blank, first, joined, longer, near, other, without_numbers


def test_the_batchs_axis_is_the_one_that_grows():
    assert longer((4, 3), (8, 3)) == 0
    assert longer((5, 4, 3), (5, 8, 3)) == 1
    assert longer((4, 3), (4, 3)) is None
    assert longer((4, 4), (8, 8)) is None


def test_results_are_joined_along_it_and_sizes_are_taken_anew():
    parts = [(torch.zeros(2, 3), 2, [torch.ones(5, 2)], torch.full((3,), 7.0)) for _ in range(2)]
    wanted = (torch.zeros(4, 3), 4, [torch.ones(5, 4)], torch.zeros(3))
    rows, size, [columns], alone = joined(parts, wanted)
    assert (rows.shape, size, columns.shape) == ((4, 3), 4, (5, 4))
    assert torch.equal(alone, torch.full((3,), 7.0))


def test_another_batch_differs_and_is_of_numbers_that_are_there():
    ids = torch.arange(12).reshape(3, 4)
    assert not torch.equal(other(ids), ids)
    assert other(ids).sort(1).values.equal(ids)
    assert (other(torch.ones(3, 1)) != 1).all()
    assert other(torch.tensor([0, 1, 2])).sort().values.tolist() == [0, 1, 2]


def test_nearness_is_of_the_size_of_the_numbers():
    one = torch.tensor([1000.0, 0.0])
    assert near(one + torch.tensor([0.01, 0.0]), one)
    assert not near(one + torch.tensor([1.0, 0.0]), one)
    assert near(torch.tensor([torch.nan]), torch.tensor([torch.nan]))
    assert not near(torch.tensor([1]), torch.tensor([2]))


def test_shapes_are_had_without_numbers():
    with without_numbers():
        long = blank(torch.zeros(1 << 20, 1 << 10), 1 << 20)
        assert (long * 2).shape == (1 << 40, 1 << 10)
    assert first([(long,), 3]) is long
    assert first(3) is None
