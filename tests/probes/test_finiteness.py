from __future__ import annotations

import math

import pytest
import torch

from probes.finiteness import MOST_ROWS, bad_rows, far_rows, tally

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.float8_e5m2]
)
def test_each_kind_is_counted(dtype):
    values = torch.tensor([1.0, NAN, INF, -INF, -8.0, NAN]).to(dtype)
    found = tally(values)
    assert (found.count, found.nan, found.posinf, found.neginf) == (6, 2, 1, 1)
    assert (found.largest, found.dtype) == (8.0, str(dtype).removeprefix("torch."))
    assert (found.bad, found.kind, found.is_broken) == (4, "NaN", True)


def test_all_tensors_in_a_value_are_taken_together():
    half = torch.tensor([INF], dtype=torch.float16)
    found = tally((torch.ones(3), {"a": half, "ids": torch.arange(4)}, "text"))
    assert (found.count, found.posinf, found.largest, found.dtype) == (4, 1, 1.0, "float16")


def test_what_masks_are_made_of_is_not_broken():
    found = tally(torch.tensor([0.0, -INF]))
    assert (found.bad, found.is_broken, found.kind) == (1, False, "-inf")


def test_complex_numbers_count_by_their_parts():
    assert tally(torch.tensor([complex(1, NAN), complex(INF, 2)])).bad == 2


@pytest.mark.parametrize(
    "value", [torch.tensor([1, 2]), torch.empty(0), None, torch.eye(2, device="meta")]
)
def test_what_cannot_be_counted_is_finite(value):
    assert (tally(value).bad, tally(value).largest) == (0, 0.0)


def test_a_sparse_gradient_counts_by_what_is_there():
    values = torch.zeros(50, 2)
    values[7] = torch.tensor([NAN, 3.0])
    found = tally(values.to_sparse(1))
    assert (found.count, found.nan, found.largest) == (2, 1, 3.0)


def test_rows_that_are_bad():
    values = torch.zeros(100, 2, 3)
    values[4, 1, 2], values[90, 0, 0] = NAN, -INF
    assert bad_rows(values) == [4, 90]
    assert bad_rows(torch.tensor(NAN)) == []
    assert len(bad_rows(torch.full((1000, 2), NAN))) == MOST_ROWS


def test_rows_that_are_far_from_the_usual():
    values = torch.ones(9, 4)
    values[3, 1] = -1e30
    assert far_rows(values) == ([3], pytest.approx(1e30), 1.0)
    assert far_rows(torch.ones(9, 4) * 1e30)[0] == []  # all alike: nothing stands out
    assert far_rows(torch.empty(0, 3)) == ([], 0.0, 0.0)
    values[5, 0] = NAN
    assert math.isfinite(far_rows(values)[1])
