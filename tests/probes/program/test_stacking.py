"""Several batches as one."""

from __future__ import annotations

from fractions import Fraction

import torch

from probes.program.growth import size_of
from probes.program.stacking import first, joined, longer, near, other, parted


def test_the_batchs_axis_is_the_one_that_grows():
    assert longer((4, 3), (8, 3)) == 0
    assert longer((5, 4, 3), (5, 8, 3)) == 1
    assert longer((4, 3), (4, 3)) is None
    assert longer((4, 4), (8, 8)) is None


def test_results_are_joined_along_it_and_sizes_are_taken_anew():
    parts = [(torch.zeros(2, 3), 2, [torch.ones(5, 2)], torch.full((3,), 7.0)) for _ in range(2)]
    wanted = (torch.zeros(4, 3), 4, [torch.ones(5, 4)], torch.zeros(3))
    rows, size, [columns], alone = joined(parts, size_of(wanted))
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


def test_a_part_is_what_joining_puts_together():
    whole = [torch.arange(12.0).reshape(6, 2), torch.arange(24.0).reshape(4, 6), torch.ones(3), 6]
    sizes = [[(6, 2), (4, 6), (3,), 6], [(4, 2), (4, 4), (3,), 4], [(2, 2), (4, 2), (3,), 2]]
    one = parted(whole, sizes[0], sizes[1], Fraction(0))
    two = parted(whole, sizes[0], sizes[2], Fraction(4, 6))
    assert (one[-1], two[-1]) == (4, 2)
    for n, axis in ((0, 0), (1, 1)):
        assert torch.equal(torch.cat([one[n], two[n]], axis), whole[n])
    assert one[2] is whole[2]


def test_the_size_of_a_result_is_that_of_its_first_tensor():
    assert first([[(4, 3)], 3]) == (4, 3)
    assert first(3) is None
    assert first([]) is None
