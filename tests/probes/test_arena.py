from __future__ import annotations

import numpy as np
import pytest
import torch

from probes.arena import BLOCKS, SAMPLE, WIDTH, Arena, whole_norms
from probes.recording import STATISTICS

KINDS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def look(*tensors, norms=False):
    """One record of these tensors: what came out of the arena, and a reader of its columns."""
    arena = Arena(tensors, 1)
    arena.begin()
    arena.rows(0).take(tensors, norms=norms)
    return unfold(arena)[0]


def unfold(arena):
    return arena.unfold(arena.reduce().numpy(), arena.layout())


def column(reduced, name):
    return reduced.statistics[:, STATISTICS.index(name)].tolist()


def sampled(tensor, records=1):
    """The elements taken in each of some records."""
    arena, taken = Arena([tensor], 1), []
    for _ in range(records):
        arena.begin()
        arena.rows(0).take([tensor])
        taken.append(arena._buffer.clone())
    return taken


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [1, 2, 15, 4095, 4096])
def test_a_small_tensor_is_taken_whole(size):
    tensor = normal(size)
    found, exact = look(tensor), tensor.double().numpy()
    assert column(found, "count") == [size]
    assert column(found, "mean") == pytest.approx([exact.mean()], rel=1e-5)
    assert column(found, "std") == pytest.approx([exact.std()], rel=1e-5, abs=1e-12)
    assert column(found, "min") == [exact.min()]


@pytest.mark.parametrize("shape", [(4097,), (4351,), (4352,), (5000,), (512, 513), (1 << 20,)])
def test_a_large_tensor_is_sampled_inside_its_bounds_without_repeats(shape):
    tensor = torch.arange(np.prod(shape), dtype=torch.float32).view(shape)
    for taken in sampled(tensor, records=5):
        assert len(taken.unique()) == SAMPLE == BLOCKS * WIDTH
        assert 0 <= taken.min() <= taken.max() < tensor.numel()


def test_a_samples_moments_are_the_distributions_within_four_standard_errors():
    mean, std = 3.0, 2.0
    found = look(normal(1000, 1000) * std + mean)
    assert column(found, "count") == [SAMPLE]
    assert abs(column(found, "mean")[0] - mean) < 4 * std / np.sqrt(SAMPLE)
    assert abs(column(found, "std")[0] - std) < 4 * std / np.sqrt(2 * SAMPLE)


def test_the_sample_moves_with_the_record():
    one, two = sampled(torch.arange(10_000.0), records=2)
    assert set(one.tolist()) != set(two.tolist())


def test_a_change_is_taken_at_the_very_elements_seen_before():
    tensor = torch.arange(262_656.0)
    arena = Arena([tensor], 1)
    for _ in range(3):
        arena.begin()
        arena.rows(0).remember([tensor])
        tensor += 3
        arena.rows(0).change([tensor])
        found = unfold(arena)[0]
        assert (column(found, "min"), column(found, "max")) == ([3], [3])


def test_all_columns_of_a_matrix_are_met():
    places = torch.arange(512 * 513.0).view(512, 513)
    met = torch.cat(sampled(places, records=20)).long() % 513
    assert len(met.unique()) == 513


def test_every_element_is_met_in_the_long_run():
    met = torch.cat(sampled(torch.arange(5000.0), records=300))
    assert len(met.unique()) == 5000


@pytest.mark.parametrize("dtype", KINDS)
def test_every_float_is_taken(dtype):
    tensor = normal(50, 60).to(dtype)
    found, exact = look(tensor, norms=True), tensor.double().numpy()
    assert column(found, "mean") == pytest.approx([exact.mean()], rel=1e-5)
    assert column(found, "norm") == pytest.approx([np.linalg.norm(exact)], rel=1e-5)


@pytest.mark.parametrize(
    "tensor",
    [
        normal(40, 50).T,
        normal(60, 60)[::2, 1::3],
        normal(4, 3, 8, 8).to(memory_format=torch.channels_last),
        normal(1).expand(30, 7),
        normal(1000)[7:],
    ],
    ids=["transposed", "strided", "channels_last", "expanded", "offset"],
)
def test_memory_layout_does_not_matter(tensor):
    found, exact = look(tensor, norms=True), tensor.double().numpy()
    assert column(found, "count") == [exact.size]
    assert column(found, "mean") == pytest.approx([exact.mean()], rel=1e-5)
    assert column(found, "std") == pytest.approx([exact.std()], rel=1e-5, abs=1e-7)
    assert column(found, "norm") == pytest.approx([np.sqrt((exact**2).sum())], rel=1e-5)


def test_a_large_transposed_tensor_is_sampled_like_its_copy():
    tensor = torch.arange(90_000.0).view(300, 300).T
    assert torch.equal(sampled(tensor)[0], sampled(tensor.contiguous())[0])


def test_what_cannot_be_sampled_is_left_out_and_named():
    usual = [torch.ones(3), torch.ones(4, 4), torch.ones(2), torch.empty(0), torch.ones(5)]
    arena = Arena(usual, 1)
    arena.begin()
    arena.rows(0).take(
        [None, torch.ones(4, 4).to_sparse(), torch.ones(2).int(), usual[3], usual[4] * 7],
        norms=True,
    )
    found = unfold(arena)[0]
    assert arena.rows(0).unfit == [1, 2, 3]
    assert found.tensors.tolist() == [4]
    assert (column(found, "mean"), column(found, "count")) == ([7], [5])


def test_a_tensor_of_another_size_is_left_out():
    arena = Arena([torch.ones(3), torch.ones(4)], 1)
    arena.begin()
    arena.rows(0).take([torch.ones(30), torch.ones(4)])
    assert (arena.rows(0).taken, arena.rows(0).unfit) == ([1], [0])


def test_a_new_record_forgets_what_was_taken():
    arena = Arena([torch.ones(3)], 1)
    arena.begin()
    arena.rows(0).take([torch.ones(3)], norms=True)
    arena.begin()
    assert [len(reduced.tensors) for reduced in unfold(arena)] == [0]


def test_series_lie_side_by_side():
    tensors = [torch.ones(3), torch.ones(9000), torch.ones(3)]
    arena = Arena(tensors, 2)
    arena.begin()
    arena.rows(0).take([None, tensors[1] * 2, tensors[2] * 3], norms=True)
    arena.rows(1).take([tensors[0] * 4, tensors[1] * 5, None])
    one, two = unfold(arena)
    assert (one.tensors.tolist(), column(one, "mean")) == ([1, 2], [2, 3])
    assert (two.tensors.tolist(), column(two, "mean")) == ([0, 1], [4, 5])
    assert column(one, "norm") == pytest.approx([2 * np.sqrt(9000), 3 * np.sqrt(3)])
    assert np.isnan(column(two, "norm")).all()


@pytest.mark.parametrize(("size", "close"), [(1, 1e-6), (4096, 1e-6), (50_000, 1e-5)])
@pytest.mark.parametrize("dtype", KINDS)
def test_norms_are_of_all_elements(dtype, size, close):
    tensor = normal(size, seed=size).to(dtype)
    exact = float(torch.linalg.vector_norm(tensor.double()))
    assert float(whole_norms([tensor])[0]) == pytest.approx(exact, rel=close)


def test_norms_of_mixed_kinds_keep_their_order():
    tensors = [torch.full((4,), float(n), dtype=dtype) for n, dtype in enumerate(KINDS * 2)]
    assert [float(norm) for norm in whole_norms(tensors)] == [2.0 * n for n in range(8)]


@pytest.mark.parametrize("size", [10, 4096, 20_000])
def test_a_norm_whose_squares_vanish_is_rescued(size):
    tensor = torch.full((size,), 1e-30)
    assert column(look(tensor, norms=True), "norm") == pytest.approx(
        [1e-30 * np.sqrt(size)], rel=1e-6, abs=0
    )


def test_the_norm_of_zeros_is_zero_and_that_of_nan_is_nan():
    found = look(torch.zeros(9), torch.tensor([1.0, torch.nan]), norms=True)
    assert column(found, "norm") == pytest.approx([0, np.nan], nan_ok=True)


def test_a_scale_is_taken_out_of_samples_and_norms():
    tensors = [torch.full((4,), 512.0), torch.full((9000,), 1024.0)]
    arena = Arena(tensors, 1)
    arena.begin()
    arena.rows(0).take(tensors, norms=True)
    arena.rows(0).scale(torch.tensor(256.0))
    found = unfold(arena)[0]
    assert column(found, "mean") == [2, 4]
    assert column(found, "norm") == pytest.approx([4, 4 * np.sqrt(9000)])


@pytest.mark.parametrize(
    "shape", [(256, 785), (256, 27), (256, 1025), (768, 511), (512, 513), (64, 3, 7, 7), (3, 5000)]
)
def test_one_record_meets_as_many_columns_as_it_can(shape):
    columns = shape[-1]
    for taken in sampled(torch.arange(float(np.prod(shape))).view(shape), records=3):
        met = len((taken.long() % columns).unique())
        assert met >= 0.95 * min(columns, SAMPLE)


@pytest.mark.parametrize("size", [1, 4096, 5000, 1_000_000])
@pytest.mark.parametrize("value", [1e20, -3e38])
def test_a_norm_whose_squares_overflow_is_rescued(size, value):
    tensor = torch.full((size,), value)
    exact = float(torch.linalg.vector_norm(tensor.double()))
    with np.errstate(over="ignore"):
        assert column(look(tensor, norms=True), "norm") == pytest.approx(
            [np.float32(exact)], rel=1e-6
        )


def test_one_infinity_is_no_overflow():
    tensor = torch.ones(5000)
    tensor[3] = torch.inf
    assert column(look(tensor, norms=True), "norm") == [np.inf]


@pytest.mark.parametrize(
    ("tensor", "close"),
    [
        (normal(10_000_000), 1e-6),
        (torch.full((10_000_000,), 0.1), 1e-4),  # every addition rounds the same way
    ],
    ids=["normal", "constant"],
)
def test_ten_million_squares_add_up(tensor, close):
    exact = float(torch.linalg.vector_norm(tensor.double()))
    assert float(whole_norms([tensor])[0]) == pytest.approx(exact, rel=close)


@pytest.mark.parametrize("size", [3, 9000])
def test_a_change_of_doubles_is_not_rounded_away(size):
    tensor = torch.ones(size, dtype=torch.float64)
    arena = Arena([tensor], 1)
    arena.begin()
    arena.rows(0).remember([tensor])
    tensor += 1e-9
    arena.rows(0).change([tensor])
    found = unfold(arena)[0]
    assert column(found, "min") == pytest.approx([1e-9], rel=1e-6, abs=0)
    assert column(found, "max") == pytest.approx([1e-9], rel=1e-6, abs=0)
