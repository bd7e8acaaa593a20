"""One operation's random numbers, against their probabilities."""

from __future__ import annotations

import pytest
import torch

from probes.program.streams import Stream

LONG = 200_000


@pytest.mark.parametrize("p", [1e-4, 0.1, 0.3, 0.5, 0.9, 1 - 1e-4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_as_many_fall_as_should(p, dtype):
    kept = Stream((3, 1)).kept(torch.empty(0, dtype=dtype), (LONG,), 0, p)
    assert kept.dtype is dtype
    assert kept.unique().tolist() == [0.0, 1.0]
    fallen = 1 - kept.double().mean().item()
    assert abs(fallen - p) < 4.5 * (p * (1 - p) / LONG) ** 0.5


def test_all_or_none():
    like = torch.empty(0)
    assert (Stream((0, 0)).kept(like, (7, 3), 0, 1.0) == 0).all()
    assert (Stream((0, 0)).kept(like, (7, 3), 0, 0.0) == 1).all()
    assert Stream((0, 0)).kept(like, (0, 3), 0, 0.5).shape == (0, 3)
    assert Stream((0, 0)).kept(like, (), 0, 0.5).item() in {0.0, 1.0}


def test_neighbours_fall_by_themselves():
    kept = Stream((1, 2)).kept(torch.empty(0), (LONG,), 0, 0.3).double()
    for step in (1, 2, 3, 64):
        related = torch.corrcoef(torch.stack([kept[:-step], kept[step:]]))[0, 1]
        assert abs(related) < 4.5 / LONG**0.5


def test_a_seed_stands_for_numbers_and_another_one_for_others():
    like = torch.empty(0)
    one, two, other = (
        Stream(seed).kept(like, (1000,), 0, 0.5) for seed in ((1, 2), (1, 2), (2, 2))
    )
    assert torch.equal(one, two)
    assert abs((one == other).double().mean() - 0.5) < 4.5 * 0.5 / 1000**0.5
    draws = [Stream((1, 2)).generator(like.device).initial_seed() for _ in range(2)]
    assert draws[0] == draws[1] != Stream((2, 2)).generator(like.device).initial_seed()


def test_in_parts_they_are_those_of_the_whole():
    whole = Stream((5, 0)).kept(torch.empty(0), (12, 3), 0, 0.4)
    stream = Stream((5, 0))
    parts = [stream.kept(torch.empty(0), (rows, 3), 0, 0.4) for rows in (4, 8)]
    assert torch.equal(torch.cat(parts), whole)
    aside = Stream((5, 0)).kept(torch.empty(0), (12, 3), 1, 0.4)
    assert torch.equal(aside, whole.T)
    assert aside.is_contiguous()


def test_a_mask_lies_in_memory_as_what_it_falls_on():
    like = torch.zeros(4, 6, 5).transpose(0, 2)
    assert Stream((0, 0)).kept(like, like.shape, 0, 0.5).stride() == like.stride()
