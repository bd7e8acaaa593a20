from __future__ import annotations

import numpy as np
import pytest
import torch

from probes.norms import rescued, whole_norms
from probes.recording import STATISTICS

KINDS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
EIGHTS = [getattr(torch, name) for name in ("float8_e4m3fn", "float8_e5m2") if hasattr(torch, name)]


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def exact(tensor):
    return float(torch.linalg.vector_norm(tensor.double()))


@pytest.mark.parametrize(("size", "close"), [(1, 1e-6), (4096, 1e-6), (50_000, 1e-5)])
@pytest.mark.parametrize("dtype", KINDS + EIGHTS)
def test_norms_are_of_all_elements(dtype, size, close):
    tensor = normal(size, seed=size).to(dtype)
    [found] = whole_norms([tensor])
    assert found.dtype is torch.float32
    assert found.shape == ()
    assert float(found) == pytest.approx(exact(tensor), rel=close)


def test_norms_of_mixed_kinds_keep_their_order():
    tensors = [torch.full((4,), float(n)).to(dtype) for n, dtype in enumerate((KINDS + EIGHTS) * 2)]
    found = [float(norm) for norm in whole_norms(tensors)]
    assert found == [2.0 * float(tensor.double()[0]) for tensor in tensors]


def test_norms_of_mixed_sizes_keep_their_order():
    sizes = [3, 100_000, 1, 70_000, 65_536, 65_537, 200_000]
    tensors = [torch.full((size,), float(n + 1)) for n, size in enumerate(sizes)]
    assert [float(norm) for norm in whole_norms(tensors)] == pytest.approx(
        [(n + 1) * np.sqrt(size) for n, size in enumerate(sizes)], rel=1e-5
    )


def test_of_no_tensors_there_are_no_norms():
    assert whole_norms([]) == []


@pytest.mark.parametrize(
    ("tensor", "close"),
    [
        (normal(10_000_000), 1e-6),
        (torch.full((10_000_000,), 0.1), 1e-4),  # every addition rounds the same way
        (torch.full((1_000_000,), 3.0, dtype=torch.bfloat16), 1e-4),
        (torch.full((1_000_000,), 300.0, dtype=torch.float16), 1e-4),  # a square overflows
    ],
    ids=["normal", "constant", "bfloat16", "float16"],
)
def test_many_squares_add_up(tensor, close):
    assert float(whole_norms([tensor])[0]) == pytest.approx(exact(tensor), rel=close)


@pytest.mark.parametrize("size", [600, 300_000])
@pytest.mark.parametrize("dtype", KINDS)
def test_layout_does_not_matter(size, dtype):
    tensor = normal(size // 100, 100).to(dtype)
    for view in (tensor.T, tensor[::2, 1::3], tensor[:1].expand(size // 100, 100)):
        assert float(whole_norms([view])[0]) == pytest.approx(exact(view), rel=1e-5)


@pytest.mark.parametrize("size", [10, 100_000])
@pytest.mark.parametrize("dtype", KINDS)
def test_what_is_not_finite_shows(size, dtype):
    infinite, unknown = torch.ones(size, dtype=dtype), torch.ones(size, dtype=dtype)
    infinite[-1], unknown[-1] = -torch.inf, torch.nan
    one, two = whole_norms([infinite, unknown])
    assert float(one) == np.inf
    assert np.isnan(float(two))


def test_norms_of_doubles_are_taken_as_doubles():
    tensor = torch.full((100_000,), 1e-30, dtype=torch.float64)
    assert float(whole_norms([tensor])[0]) == pytest.approx(exact(tensor), rel=1e-6, abs=0)


def rows(mean, std):
    table = np.full((len(mean), len(STATISTICS)), np.nan, np.float32)
    table[:, STATISTICS.index("mean")], table[:, STATISTICS.index("std")] = mean, std
    return table


def test_only_lost_norms_are_rescued():
    norms = np.array([2.0, 0.0, np.inf, np.inf, np.nan, 0.0])
    sampled = rows([9, 3e-20, 1e20, 1, 9, 0], [9, 4e-20, 0, 1, 9, 0])
    found = rescued(norms, sampled, np.array([100, 100, 4, 4, 4, 4]))
    assert found == pytest.approx([2, 5e-19, 2e20, np.inf, np.nan, 0], rel=1e-6, nan_ok=True, abs=0)


def test_where_nothing_is_lost_norms_stay_as_they_are():
    norms = np.array([2.0, 1e-10, 1e10])
    assert rescued(norms, rows([9] * 3, [9] * 3), np.full(3, 7)).tolist() == norms.tolist()
    assert rescued(norms[:0], rows([], []), np.zeros(0)).tolist() == []


def test_a_norm_that_is_infinite_beside_large_numbers_of_a_sample_without_one():
    found = rescued(np.array([np.inf]), rows([np.nan], [np.nan]), np.array([4]))
    assert found.tolist() == [np.inf]
