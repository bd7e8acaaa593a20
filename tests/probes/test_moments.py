from __future__ import annotations

import numpy as np
import pytest
import torch

from probes.moments import SAMPLED, Reducer
from probes.recording import BINS, STATISTICS

SMALLEST = float(np.finfo(np.float32).tiny)
CPU = torch.device("cpu")


def reduce(*rows) -> list[dict[str, float]]:
    values = torch.tensor(np.array(rows, np.float32))
    table = Reducer([tuple(values.shape)], CPU)(values.view(-1)).double().numpy()
    return [
        dict(zip(STATISTICS, row, strict=False)) | {"histogram": row[SAMPLED:]} for row in table
    ]


def octaves(values) -> np.ndarray:
    """By numpy: how many |x| lie in [2^(b-48), 2^(b-47)), the ends taking all beyond."""
    sizes = np.abs(values[np.isfinite(values) & (np.abs(values) >= SMALLEST)])
    exponents = np.frexp(sizes)[1] - 1
    return np.bincount(np.clip(exponents + 48, 0, BINS - 1), minlength=BINS)


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e-3, 1.0, 1e6, 1e30])
def test_moments_are_numpys_at_every_scale(scale):
    values = (np.random.default_rng(0).normal(0.3, 1, 4096) * scale).astype(np.float32)
    found, exact = reduce(values)[0], values.astype(float)
    assert found["mean"] == pytest.approx(exact.mean(), rel=1e-6, abs=0)
    assert found["std"] == pytest.approx(exact.std(), rel=1e-6, abs=0)
    assert (found["min"], found["max"]) == (exact.min(), exact.max())
    assert found["negatives"] == (exact < 0).sum()
    assert (found["count"], found["zeros"], found["nan"]) == (4096, 0, 0)


@pytest.mark.parametrize("scale", [1e-36, 1e-30, 1e-14, 1.0, 1e10, 1e30])
def test_the_histogram_is_numpys_at_every_scale(scale):
    values = (np.random.default_rng(1).normal(0, 1, 4096) * scale).astype(np.float32)
    assert reduce(values)[0]["histogram"].tolist() == octaves(values).tolist()


@pytest.mark.parametrize("b", [1, 2, 31, 47, 48, 62])
def test_a_bin_begins_at_its_power_of_two_and_ends_before_the_next(b):
    low, high = np.float32(2.0 ** (b - 48)), np.float32(2.0 ** (b - 47))
    found = reduce([low, -low, np.nextafter(high, 0, dtype=np.float32), high])[0]["histogram"]
    assert (found[b - 1], found[b], found[b + 1]) == (0, 3, 1)


def test_the_outer_bins_take_all_beyond():
    lows = [SMALLEST, 2.0**-60, 2.0**-49, -(2.0**-48)]
    highs = [2.0**15, 2.0**16, -(2.0**100), float(np.finfo(np.float32).max)]
    found = reduce(lows + highs)[0]["histogram"]
    assert (found[0], found[-1], found.sum()) == (4, 4, 8)


def test_values_that_are_no_finite_numbers_are_counted_apart():
    nan, inf = np.nan, np.inf
    found = reduce([nan, nan, -nan, inf, inf, -inf, -2.0, 4.0])[0]
    assert [found[name] for name in STATISTICS[:6]] == [8, 3, 2, 1, 0, 1]
    assert [found[name] for name in ("mean", "std", "min", "max")] == [1, 3, -2, 4]
    assert found["histogram"].sum() == 2


def test_zeros_of_both_signs_are_zeros_and_not_negative():
    found = reduce([0.0, -0.0, -0.0, -1.0])[0]
    assert (found["zeros"], found["negatives"], found["histogram"].sum()) == (3, 1, 1)
    assert (found["mean"], found["max"]) == (-0.25, 0)


def test_subnormals_count_as_zeros_and_still_have_extremes():
    found = reduce([1e-40, -1e-38, SMALLEST, -SMALLEST])[0]
    assert (found["zeros"], found["negatives"], found["histogram"].sum()) == (2, 1, 2)
    assert (found["min"], found["max"]) == (-SMALLEST, SMALLEST)


def test_a_row_without_a_finite_element_has_nan_moments():
    rows = [[np.nan] * 3, [np.inf, -np.inf, np.nan], [1.0, 2.0, 3.0]]
    empty, infinite, usual = reduce(*rows)
    for found in (empty, infinite):
        assert all(np.isnan(found[name]) for name in ("mean", "std", "min", "max"))
        assert found["count"] == 3
    assert usual["mean"] == 2


def test_a_small_spread_around_a_large_mean_is_right():
    values = np.random.default_rng(2).normal(1000, 0.1, 4096).astype(np.float32)
    assert reduce(values)[0]["std"] == pytest.approx(values.astype(float).std(), rel=1e-4)


def test_the_largest_floats_do_not_overflow():
    largest = float(np.finfo(np.float32).max)
    found = reduce([largest, -largest, largest, -largest])[0]
    assert (found["mean"], found["std"]) == (0, pytest.approx(largest))


@pytest.mark.parametrize("size", [1, 7, 100, 4096])
def test_the_spread_of_a_constant_is_below_a_floats_rounding(size):
    for value in (0.0, 1.0, -3.0, 0.1):
        assert reduce([value] * size)[0]["std"] <= abs(value) * np.finfo(np.float32).eps


def test_two_halves_merge_to_the_whole():
    values = np.random.default_rng(3).normal(5, 2, 1000).astype(np.float32)
    values[:300] -= 20
    values[[7, 800]] = np.nan, np.inf
    a, b, whole = reduce(values[:300])[0], reduce(values[300:])[0], reduce(values)[0]
    n, m = (x["count"] - x["nan"] - x["posinf"] - x["neginf"] for x in (a, b))
    delta = b["mean"] - a["mean"]
    squares = a["std"] ** 2 * n + b["std"] ** 2 * m + delta**2 * n * m / (n + m)  # Chan
    assert a["mean"] + delta * m / (n + m) == pytest.approx(whole["mean"], rel=1e-6)
    assert np.sqrt(squares / (n + m)) == pytest.approx(whole["std"], rel=1e-6)
    assert all(a[name] + b[name] == whole[name] for name in STATISTICS[:6])
    assert min(a["min"], b["min"]) == whole["min"]
    assert (a["histogram"] + b["histogram"]).tolist() == whole["histogram"].tolist()


def test_several_shapes_share_one_buffer():
    shapes = [(2, 3), (1, 5), (4, 1)]
    values = np.random.default_rng(4).normal(size=15).astype(np.float32)
    table = Reducer(shapes, CPU)(torch.from_numpy(values)).numpy()
    rows = [*np.split(values[:6], 2), values[6:11], *np.split(values[11:], 4)]
    assert table[:, STATISTICS.index("count")].tolist() == [3, 3, 5, 1, 1, 1, 1]
    for found, row in zip(table, rows, strict=True):
        assert found[STATISTICS.index("mean")] == pytest.approx(row.astype(float).mean(), rel=1e-6)
        assert found[STATISTICS.index("max")] == row.max()
        assert found[SAMPLED:].tolist() == octaves(row).tolist()


def test_counts_are_exact_for_the_rows_they_are_taken_of():
    values = np.ones(3_000_001, np.float32)
    values[::3] = -1
    found = reduce(values)[0]
    assert (found["count"], found["negatives"]) == (3_000_001, 1_000_001)
