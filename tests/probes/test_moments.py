from __future__ import annotations

import numpy as np
import pytest
import torch

from probes.host_moments import HostReducer
from probes.moments import COLUMNS, Reducer
from probes.recording import BINS, STATISTICS

SMALLEST = float(np.finfo(np.float32).tiny)
CPU = torch.device("cpu")


REDUCERS = {
    "the host's": HostReducer,
    "an accelerator's": lambda shapes, limits: Reducer(shapes, limits, CPU),
}


@pytest.fixture(params=REDUCERS)
def reducer(request):
    """Makes a reducer of given shapes and limits."""
    return REDUCERS[request.param]


@pytest.fixture
def reduce(reducer):
    """The statistics of rows of one width."""

    def reduced(*rows, limits=None) -> list[dict[str, float]]:
        values = torch.tensor(np.array(rows, np.float32))
        limits = [None] * len(rows) if limits is None else limits
        return read(reducer([tuple(values.shape)], limits)(values.view(-1)))

    return reduced


def read(table) -> list[dict[str, float]]:
    """Statistics by name, and the histogram."""
    assert table.shape[1] == COLUMNS
    assert table.dtype is torch.float32
    return [
        dict(zip(STATISTICS, row, strict=False)) | {"histogram": row[-BINS:]}
        for row in table.double().numpy()
    ]


def octaves(values) -> np.ndarray:
    """By numpy: how many |x| lie in [2^(b-48), 2^(b-47)), the ends taking all beyond."""
    sizes = np.abs(values[np.isfinite(values) & (np.abs(values) >= SMALLEST)])
    exponents = np.frexp(sizes)[1] - 1
    return np.bincount(np.clip(exponents + 48, 0, BINS - 1), minlength=BINS)


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e-3, 1.0, 1e6, 1e30])
def test_moments_are_numpys_at_every_scale(reduce, scale):
    values = (np.random.default_rng(0).normal(0.3, 1, 4096) * scale).astype(np.float32)
    found, exact = reduce(values)[0], values.astype(float)
    assert found["mean"] == pytest.approx(exact.mean(), rel=1e-6, abs=0)
    assert found["std"] == pytest.approx(exact.std(), rel=1e-6, abs=0)
    assert (found["min"], found["max"]) == (exact.min(), exact.max())
    assert found["negatives"] == (exact < 0).sum()
    assert (found["count"], found["zeros"], found["nan"]) == (4096, 0, 0)


@pytest.mark.parametrize("scale", [1e-36, 1e-30, 1e-14, 1.0, 1e10, 1e30])
def test_the_histogram_is_numpys_at_every_scale(reduce, scale):
    values = (np.random.default_rng(1).normal(0, 1, 4096) * scale).astype(np.float32)
    assert reduce(values)[0]["histogram"].tolist() == octaves(values).tolist()


@pytest.mark.parametrize("b", [1, 2, 31, 47, 48, 62])
def test_a_bin_begins_at_its_power_of_two_and_ends_before_the_next(reduce, b):
    low, high = np.float32(2.0 ** (b - 48)), np.float32(2.0 ** (b - 47))
    found = reduce([low, -low, np.nextafter(high, 0, dtype=np.float32), high])[0]["histogram"]
    assert (found[b - 1], found[b], found[b + 1]) == (0, 3, 1)


def test_the_outer_bins_take_all_beyond(reduce):
    lows = [SMALLEST, 2.0**-60, 2.0**-49, -(2.0**-48)]
    highs = [2.0**15, 2.0**16, -(2.0**100), float(np.finfo(np.float32).max)]
    found = reduce(lows + highs)[0]["histogram"]
    assert (found[0], found[-1], found.sum()) == (4, 4, 8)


def test_no_sample_tells_the_norm_of_the_whole(reduce):
    assert np.isnan(reduce([3.0, 4.0])[0]["norm"])


def test_values_that_are_no_finite_numbers_are_counted_apart(reduce):
    nan, inf = np.nan, np.inf
    found = reduce([nan, nan, -nan, inf, inf, -inf, -2.0, 4.0])[0]
    assert [found[name] for name in STATISTICS[:6]] == [8, 3, 2, 1, 0, 1]
    assert [found[name] for name in ("mean", "std", "min", "max")] == [1, 3, -2, 4]
    assert found["histogram"].sum() == 2


def test_zeros_of_both_signs_are_zeros_and_not_negative(reduce):
    found = reduce([0.0, -0.0, -0.0, -1.0])[0]
    assert (found["zeros"], found["negatives"], found["histogram"].sum()) == (3, 1, 1)
    assert (found["mean"], found["max"]) == (-0.25, 0)


def test_subnormals_count_as_zeros_and_still_have_extremes(reduce):
    found = reduce([1e-40, -1e-38, SMALLEST, -SMALLEST])[0]
    assert (found["zeros"], found["negatives"], found["histogram"].sum()) == (2, 1, 2)
    assert (found["min"], found["max"]) == (-SMALLEST, SMALLEST)


def test_a_row_without_a_finite_element_has_nan_moments(reduce):
    rows = [[np.nan] * 3, [np.inf, -np.inf, np.nan], [1.0, 2.0, 3.0]]
    empty, infinite, usual = reduce(*rows)
    for found in (empty, infinite):
        assert all(np.isnan(found[name]) for name in ("mean", "std", "min", "max"))
        assert found["count"] == 3
    assert usual["mean"] == 2


def test_a_small_spread_around_a_large_mean_is_right(reduce):
    values = np.random.default_rng(2).normal(1000, 0.1, 4096).astype(np.float32)
    assert reduce(values)[0]["std"] == pytest.approx(values.astype(float).std(), rel=1e-4)


def test_the_largest_floats_do_not_overflow(reduce):
    largest = float(np.finfo(np.float32).max)
    found = reduce([largest, -largest, largest, -largest])[0]
    assert (found["mean"], found["std"]) == (0, pytest.approx(largest))


@pytest.mark.parametrize("size", [1, 7, 100, 4096])
def test_the_spread_of_a_constant_is_below_a_floats_rounding(reduce, size):
    for value in (0.0, 1.0, -3.0, 0.1):
        assert reduce([value] * size)[0]["std"] <= abs(value) * np.finfo(np.float32).eps


def test_two_halves_merge_to_the_whole(reduce):
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


def test_several_shapes_share_one_buffer(reducer):
    shapes = [(2, 3), (1, 5), (4, 1)]
    values = np.random.default_rng(4).normal(size=15).astype(np.float32)
    table = reducer(shapes, [None] * 7)(torch.from_numpy(values))
    rows = [*np.split(values[:6], 2), values[6:11], *np.split(values[11:], 4)]
    for found, row in zip(read(table), rows, strict=True):
        assert found["count"] == len(row)
        assert found["mean"] == pytest.approx(row.astype(float).mean(), rel=1e-6)
        assert found["max"] == row.max()
        assert found["histogram"].tolist() == octaves(row).tolist()


def test_one_reducer_serves_many_records(reducer):
    values, reduced = torch.arange(6.0), reducer([(2, 3)], [None, (0.0, 5.0)])
    first = [row["mean"] for row in read(reduced(values))]
    values[0] = torch.nan
    second = read(reduced(values))
    values[0] = 30.0
    third = [row["mean"] for row in read(reduced(values))]
    assert (first, third) == ([1, 4], [11, 4])
    assert [row["nan"] for row in second] == [1, 0]
    assert [row["mean"] for row in second] == [1.5, 4]
    assert second[1]["high"] == 1


def test_the_buffer_is_left_as_it_is(reducer):
    values = torch.tensor([1.0, torch.nan, -torch.inf, 0.0])
    reducer([(2, 2)], [None, (0.0, 1.0)])(values)
    assert values[[0, 3]].tolist() == [1, 0]
    assert torch.isnan(values[1])
    assert values[2] == -torch.inf


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_a_row_is_the_same_beside_one_that_is_not_finite(reduce, scale):
    row = np.random.default_rng(5).normal(0.5, 1, 4096).astype(np.float32) * np.float32(scale)
    spoiled = row.copy()
    spoiled[[5, 70]] = np.nan, np.inf
    [alone], [beside, _] = reduce(row), reduce(row, spoiled)
    for name, value in alone.items():
        if name in ("mean", "std"):
            assert beside[name] == pytest.approx(value, rel=1e-6, abs=0)
        else:
            np.testing.assert_array_equal(beside[name], value)


def test_what_lies_at_a_functions_limits_is_counted(reduce):
    sigmoid = [0.0, 0.029, 0.031, 0.5, 0.969, 0.971, 1.0, 1.0]
    tanh = [-1.0, -0.95, -0.93, 0.0, 0.93, 0.95, 1.0, 1.0]
    none, *found = reduce(sigmoid, sigmoid, tanh, limits=[None, (0.0, 1.0), (-1.0, 1.0)])
    assert [(row["low"], row["high"]) for row in found] == [(2, 3), (2, 3)]
    assert np.isnan([none["low"], none["high"]]).all()


@pytest.mark.parametrize("limited", [(), (0,), (2, 3), (1, 4, 6), range(7)])
def test_each_row_has_limits_of_its_own(reducer, limited):
    shapes, values = [(2, 3), (1, 5), (4, 1)], np.linspace(0, 1, 15).astype(np.float32)
    rows = [*np.split(values[:6], 2), values[6:11], *np.split(values[11:], 4)]
    limits = [(0.1 * n, 0.1 * n + 0.5) if n in limited else None for n in range(7)]
    found = read(reducer(shapes, limits)(torch.from_numpy(values)))
    for n, (one, row) in enumerate(zip(found, rows, strict=True)):
        if n in limited:
            low, high = (row <= 0.1 * n + 0.015).sum(), (row >= 0.1 * n + 0.485).sum()
            assert (one["low"], one["high"]) == (low, high)
        else:
            assert np.isnan([one["low"], one["high"]]).all()


def test_what_is_no_number_lies_at_no_limit(reduce):
    [found] = reduce([np.nan, np.nan, 0.0, 1.0], limits=[(0.0, 1.0)])
    assert (found["low"], found["high"], found["nan"]) == (1, 1, 2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("spoiled", [False, True])
def test_an_accelerator_gives_the_same(spoiled):
    values = torch.from_numpy(np.random.default_rng(6).normal(size=9000).astype(np.float32))
    if spoiled:
        values[[1, 5000, 8999]] = torch.tensor([torch.nan, torch.inf, -torch.inf])
    shapes, limits = [(2, 4096), (4, 202)], [None, (-1.0, 1.0), None, (0.0, 1.0), None, None]
    host = HostReducer(shapes, limits)(values).numpy()
    cuda = torch.device("cuda")
    gpu = Reducer(shapes, limits, cuda)(values.to(cuda)).cpu().numpy()
    np.testing.assert_allclose(gpu, host, rtol=1e-6)


def test_counts_are_exact_for_the_rows_they_are_taken_of(reduce):
    values = np.ones(3_000_001, np.float32)
    values[::3] = -1
    found = reduce(values)[0]
    assert (found["count"], found["negatives"]) == (3_000_001, 1_000_001)
