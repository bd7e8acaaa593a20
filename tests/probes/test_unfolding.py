from __future__ import annotations

import numpy as np
import pytest
import torch

from probes.moments import COLUMNS
from probes.recording import STATISTICS
from probes.sampling import SAMPLE
from probes.shelf import AGAIN, Slot
from probes.unfolding import Unfolding
from tests.probes.desk import Desk, look, means, unfolded


def test_what_is_not_taken_again_has_no_row():
    desk = Desk()
    shelf = desk.begin()
    shelf.take_all(["a", "b"], [torch.ones(3), torch.full((3,), torch.nan)], norms=True)
    desk.rows()
    desk.begin().take_all(["a"], [torch.full((3,), 2.0)])
    rows = desk.rows()
    assert means(rows) == {"a": 2}
    assert np.isnan(rows["a"]["norm"])


def test_what_is_under_way_is_read_by_what_it_was():
    desk, waiting = Desk(), []
    for record in range(4):
        shelf = desk.begin()
        names = ["a", "b", "c"][record % 2 :]
        values = [torch.full((n + 2,), float(10 * record + n)) for n in range(len(names))]
        shelf.take_all(names, values, norms=record % 2 == 0)
        shelf.take("twice", torch.ones(2))
        shelf.take("twice", torch.full((2,), 2.0 * record + 1))
        flat, unfold = desk.reduce()
        waiting.append((names, values, flat.clone(), unfold))
    for record, (names, values, flat, unfold) in enumerate(waiting):
        rows = unfolded(flat, unfold)
        exact = {name: float(value[0]) for name, value in zip(names, values, strict=True)}
        assert means(rows) == exact | {"twice": record + 1}
        if record % 2 == 0:
            assert rows["b"]["norm"] == pytest.approx((10 * record + 1) * np.sqrt(3))
        else:
            assert np.isnan(rows["b"]["norm"])


def test_names_are_the_same_list_from_record_to_record():
    desk, lists = Desk(), []
    for record in range(4):
        shelf = desk.begin()
        shelf.take_all(["a", "b"], [torch.ones(3), torch.ones(4)], norms=record % 2 == 0)
        shelf.take("twice", torch.ones(2))
        shelf.take("twice", torch.ones(2))
        flat, unfold = desk.reduce()
        [part] = unfold(flat.numpy())
        assert part.names == ["a", "b", "twice"]
        assert np.isnan(part.statistics[0, STATISTICS.index("norm")]) == (record % 2 == 1)
        lists.append(part.names)
    assert {id(names) for names in lists} == {id(lists[0])}


def test_a_norm_without_a_row_is_left_out():
    slots = [Slot(2, "a", 0, 4, None), Slot(2, "b", 0, 4, None)]
    unfolding = Unfolding(slots, np.array([1, 0]), 2)
    table = np.arange(2.0 * COLUMNS, dtype=np.float32).reshape(2, COLUMNS)
    flat = np.concatenate([table.ravel(), np.float32([5, 6, 7])])
    normed = unfolding.normed(((), (("b", 4),), (("gone", 4), ("b", 4))))
    [part] = unfolding(normed, flat)
    assert (part.series, part.names) == (2, ["a", "b"])
    expected = table[[1, 0], : len(STATISTICS)]
    expected[1, STATISTICS.index("norm")] = 7
    assert part.statistics.tolist() == expected.tolist()
    assert part.histogram.tolist() == table[[1, 0], len(STATISTICS) :].tolist()


def test_rows_come_in_the_order_they_were_taken():
    desk, names = Desk(), ["z", "a", "m", "b"]
    desk.begin().take_all(names, [torch.ones(size) for size in (3, 9000, 3, 7)])
    assert list(desk.rows()) == names


# What is taken several times in a record.


def exactly(values, limits=None):
    """By numpy, of all that was taken under one name."""
    finite = values[np.isfinite(values)].astype(float)
    low, high = limits or (np.nan, np.nan)
    margin = 0.03 * (high - low)
    return {
        "count": values.size,
        "nan": np.isnan(values).sum(),
        "posinf": (values == np.inf).sum(),
        "neginf": (values == -np.inf).sum(),
        "zeros": (finite == 0).sum(),
        "negatives": (finite < 0).sum(),
        "mean": finite.mean(),
        "std": finite.std(),
        "min": finite.min(),
        "max": finite.max(),
        "low": (values <= low + margin).sum() if limits else np.nan,
        "high": (values >= high - margin).sum() if limits else np.nan,
    }


@pytest.mark.parametrize("times", [1, 2, 3, AGAIN])
@pytest.mark.parametrize("limits", [None, (-1.0, 1.0)])
def test_a_name_taken_several_times_is_one_row_as_if_all_lay_together(times, limits):
    generator, desk = np.random.default_rng(times), Desk()
    for _ in range(2):  # records
        parts = [
            generator.normal(n, 1 + n, generator.integers(5, 3000)).astype(np.float32)
            for n in range(times)
        ]
        parts[0][:4] = np.nan, np.inf, 0.0, -np.inf
        shelf = desk.begin()
        for part in parts:
            shelf.take("x", torch.from_numpy(part), limits)
            shelf.take("other", torch.ones(3))
        found, exact = desk.rows()["x"], exactly(np.concatenate(parts), limits)
        for name, value in exact.items():
            assert found[name] == pytest.approx(value, rel=1e-5, nan_ok=True), name
        sizes = np.abs(np.concatenate(parts))
        sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
        octaves = np.clip(np.frexp(sizes)[1] + 47, 0, 63)
        assert found["bins"] == np.bincount(octaves, minlength=64).tolist()


def test_a_look_that_is_nothing_but_nan_spoils_no_other():
    desk = Desk()
    shelf = desk.begin()
    shelf.take("x", torch.full((3,), torch.nan))
    shelf.take("x", torch.tensor([1.0, 3.0]))
    found = desk.rows()["x"]
    assert [found[name] for name in ("count", "nan", "mean", "std")] == [5, 3, 2, 1]


def test_large_outputs_taken_again_add_their_samples():
    desk = Desk()
    shelf = desk.begin()
    for n in range(AGAIN):
        shelf.take("x", torch.full((100, 100), float(n)))
    found = desk.rows()["x"]
    assert found["count"] == AGAIN * SAMPLE
    assert found["mean"] == pytest.approx((AGAIN - 1) / 2)
    assert sum(found["bins"]) == (AGAIN - 1) * SAMPLE  # the first are zeros


def test_norms_stay_with_their_tensors_in_whatever_order_they_come():
    desk, value = Desk(), {"a": 1.0, "b": 100.0, "c": 10_000.0}
    for order in ("aba", "ba", "ab", "abcb", "acb", "bac", "cba"):
        shelf = desk.begin()
        for name in order:
            shelf.take_all([name], [torch.full((4,), value[name])], norms=True)
        rows = desk.rows()
        assert {name: row["norm"] for name, row in rows.items()} == {
            name: 2 * row["mean"] for name, row in rows.items()
        }


# Numbers that are hard to square.


@pytest.mark.parametrize("size", [10, 4096, 20_000])
def test_a_norm_whose_squares_vanish_is_rescued(size):
    [found] = look(torch.full((size,), 1e-30), norms=True)
    assert found["norm"] == pytest.approx(1e-30 * np.sqrt(size), rel=1e-6, abs=0)


@pytest.mark.parametrize("size", [1, 4096, 5000, 1_000_000])
@pytest.mark.parametrize("value", [1e20, -3e38])
def test_a_norm_whose_squares_overflow_is_rescued(size, value):
    tensor = torch.full((size,), value)
    exact = float(torch.linalg.vector_norm(tensor.double()))
    with np.errstate(over="ignore"):
        [found], wanted = look(tensor, norms=True), np.float32(exact)
    assert found["norm"] == pytest.approx(wanted, rel=1e-6)


def test_the_norm_of_zeros_is_zero_and_that_of_nan_is_nan():
    found = look(torch.zeros(9), torch.tensor([1.0, torch.nan]), norms=True)
    assert [row["norm"] for row in found] == pytest.approx([0, np.nan], nan_ok=True)


def test_one_infinity_is_no_overflow():
    tensor = torch.ones(5000)
    tensor[3] = torch.inf
    assert look(tensor, norms=True)[0]["norm"] == np.inf


def test_values_that_are_no_finite_numbers_are_counted():
    nan, inf = torch.nan, torch.inf
    found = look(torch.tensor([nan, nan, nan, inf, inf, -inf, -2.0, 4.0]), torch.ones(8))
    assert [found[0][name] for name in STATISTICS[:6]] == [8, 3, 2, 1, 0, 1]
    assert [found[0][name] for name in ("mean", "std", "min", "max")] == [1, 3, -2, 4]
    assert (found[1]["mean"], found[1]["nan"]) == (1, 0)
