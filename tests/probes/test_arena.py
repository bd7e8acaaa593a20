from __future__ import annotations

import gc

import numpy as np
import pytest
import torch

from probes import arena as module
from probes.arena import STALE, Arena
from probes.recording import STATISTICS
from probes.sampling import SAMPLE
from probes.shelf import AGAIN

CPU = torch.device("cpu")
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
    ),
]
KINDS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
EIGHTS = [getattr(torch, name) for name in ("float8_e4m3fn", "float8_e5m2") if hasattr(torch, name)]


class Desk:
    """An arena, one record after another."""

    def __init__(self, series=1, device=CPU):
        self.arena = Arena(torch.device(device), series)
        self.record = -1

    def begin(self, n=0):
        """The next record, and the n-th series' shelf."""
        self.record += 1
        self.arena.begin(self.record)
        return self.arena.shelves[n]

    def reduce(self):
        """What is on its way to the host, and how to read it."""
        with torch.no_grad():
            return self.arena.reduce()

    def rows(self, n=0):
        """A series' rows by the tensors' names, each a value by its statistic."""
        reduced = self.reduce()
        return {} if reduced is None else unfolded(*reduced, n)


def unfolded(flat, unfold, n=0):
    return {
        name: {**dict(zip(STATISTICS, row.tolist(), strict=True)), "bins": bins.tolist()}
        for part in unfold(flat.cpu().numpy())
        if part.series == n
        for name, row, bins in zip(part.names, part.statistics, part.histogram, strict=True)
    }


def look(*tensors, norms=False, device="cpu"):
    """The rows of these tensors, in their order."""
    desk = Desk(device=device)
    names = [str(n) for n in range(len(tensors))]
    desk.begin().take_all(names, [tensor.to(device) for tensor in tensors], norms=norms)
    return list(desk.rows().values())


def change_of(tensor, move, *, whole=False, record=0):
    """The row of what a move does to a tensor."""
    desk = Desk()
    desk.record = record - 1
    shelf = desk.begin()
    shelf.remember(["x"], [tensor], whole=whole)
    move(tensor)
    shelf.change()
    return desk.rows()["x"]


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def counted(*shape):
    return torch.arange(float(np.prod(shape))).view(shape)


def means(rows):
    return {name: row["mean"] for name, row in rows.items()}


# What is taken.


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", [1, 2, 15, 4095, 4096])
def test_a_small_tensor_is_taken_whole(size, device):
    tensor = normal(size)
    [found], exact = look(tensor, device=device), tensor.double().numpy()
    assert found["count"] == size
    assert found["mean"] == pytest.approx(exact.mean(), rel=1e-5)
    assert found["std"] == pytest.approx(exact.std(), rel=1e-5, abs=1e-12)
    assert (found["min"], found["max"]) == (exact.min(), exact.max())
    assert found["negatives"] == (exact < 0).sum()


@pytest.mark.parametrize("device", DEVICES)
def test_a_samples_moments_are_the_distributions_within_four_standard_errors(device):
    mean, std = 3.0, 2.0
    [found] = look(normal(1000, 1000) * std + mean, device=device)
    assert found["count"] == SAMPLE
    assert abs(found["mean"] - mean) < 4 * std / np.sqrt(SAMPLE)
    assert abs(found["std"] - std) < 4 * std / np.sqrt(2 * SAMPLE)


@pytest.mark.parametrize("device", DEVICES)
def test_the_sample_moves_with_the_record(device):
    desk, tensor, seen = Desk(device=device), counted(100_000).to(device), set()
    for _ in range(10):
        desk.begin().take_all(["x"], [tensor])
        seen.add(desk.rows()["x"]["min"])
    assert len(seen) == 10


@pytest.mark.parametrize("dtype", KINDS + EIGHTS)
def test_every_float_is_taken(dtype):
    tensor = normal(50, 60).to(dtype)
    [found], exact = look(tensor, norms=True), tensor.double().numpy()
    assert found["mean"] == pytest.approx(exact.mean(), rel=1e-5)
    assert found["norm"] == pytest.approx(np.linalg.norm(exact), rel=1e-5)


@pytest.mark.parametrize("dtype", KINDS + EIGHTS)
def test_every_float_is_taken_from_an_output(dtype):
    tensor, desk = normal(120, 60).to(dtype), Desk()
    desk.begin().take("x", tensor)
    assert desk.rows()["x"]["max"] <= tensor.double().max()
    assert desk.rows()["x"]["count"] == SAMPLE


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_whatever_floats_the_trainer_has_as_default(kind):
    torch.set_default_dtype(kind)
    try:
        desk = Desk()
        shelf = desk.begin()
        shelf.take("bound", torch.tensor([0.96, 0.98, 0.98], dtype=torch.float32), (0.0, 1.0))
        shelf.take_all(["x"], [torch.full((9000,), 3.0, dtype=torch.float32)], norms=True)
        rows = desk.rows()
    finally:
        torch.set_default_dtype(torch.float32)
    assert (rows["x"]["mean"], rows["x"]["std"]) == (3, 0)
    assert rows["x"]["norm"] == pytest.approx(3 * np.sqrt(9000))
    assert (rows["bound"]["low"], rows["bound"]["high"]) == (0, 2)


LAYOUTS = {
    "transposed": lambda x: x.view(300, 400).T,
    "channels last": lambda x: x.view(10, 30, 20, 20).to(memory_format=torch.channels_last),
    "permuted": lambda x: x.view(10, 20, 30, 20).permute(3, 1, 0, 2),
    "a slice of its columns": lambda x: x.view(200, 600)[:, 200:400],
    "heads of queries": lambda x: x.view(4, 100, 3, 10, 10).permute(2, 0, 3, 1, 4)[1],
    "every other": lambda x: x[::2],
    "a stretch": lambda x: x[7:50_000],
    "expanded": lambda x: x[:3000, None].expand(3000, 5),
    "conjugated": lambda x: torch.view_as_complex(x.view(-1, 2)).conj().imag,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("record", [0, 1, 5])
def test_of_any_layout_a_sample_has_the_tensors_moments(layout, record):
    tensor, desk = LAYOUTS[layout](normal(120_000) * 2 + 3), Desk()
    desk.record = record - 1
    desk.begin().take("x", tensor)
    found, exact = desk.rows()["x"], tensor.double()
    rows = 3000 if layout == "expanded" else SAMPLE  # so many are independent
    assert found["count"] == SAMPLE
    assert abs(found["mean"] - exact.mean()) < 4 * exact.std() / np.sqrt(min(rows, SAMPLE))
    assert abs(found["std"] - exact.std()) < 4 * exact.std() / np.sqrt(2 * min(rows, SAMPLE))
    assert exact.min() <= found["min"] <= found["max"] <= exact.max()


SMALL = {
    "transposed": normal(40, 50).T,
    "strided": normal(60, 60)[::2, 1::3],
    "channels last": normal(4, 3, 8, 8).to(memory_format=torch.channels_last),
    "expanded": normal(1).expand(30, 7),
    "offset": normal(1000)[7:],
    "a number": torch.tensor(-2.5),
    "negated": torch._neg_view(normal(30)),
}


@pytest.mark.parametrize("layout", SMALL)
def test_memory_layout_does_not_matter(layout):
    tensor, desk = SMALL[layout], Desk()
    shelf, exact = desk.begin(), SMALL[layout].double().numpy()
    shelf.take_all(["x"], [tensor], norms=True)
    shelf.take("output", tensor)
    for found in desk.rows().values():
        assert found["count"] == exact.size
        assert found["mean"] == pytest.approx(exact.mean(), rel=1e-5)
        assert found["std"] == pytest.approx(exact.std(), rel=1e-5, abs=1e-7)
    norm = desk.rows()["x"]["norm"]
    assert norm == pytest.approx(np.sqrt((exact**2).sum()), rel=1e-5)


def test_what_cannot_be_sampled_is_left_out_and_named():
    desk = Desk()
    shelf = desk.begin()
    tensors = {
        "none": None,
        "sparse": torch.ones(4, 4).to_sparse(),
        "int": torch.ones(2).int(),
        "complex": torch.ones(2, dtype=torch.complex64),
        "meta": torch.ones(2, device="meta"),
        "empty": torch.empty(0),
        "good": torch.full((5,), 7.0),
    }
    shelf.take_all(list(tensors), list(tensors.values()), norms=True)
    assert shelf.unfit == ["sparse", "int", "complex", "meta"]
    assert {name: (row["mean"], row["count"]) for name, row in desk.rows().items()} == {
        "good": (7, 5)
    }


def test_an_output_that_cannot_be_sampled_is_left_out_and_named():
    desk = Desk()
    shelf = desk.begin()
    for name, tensor in (("index", torch.ones(2).int()), ("none", torch.empty(0, 3))):
        shelf.take(name, tensor)
    assert shelf.unfit == ["index"]
    assert desk.reduce() is None


class Sharded:
    """What several processes hold together, as torch's DTensor does."""

    def __init__(self, part):
        self.part = part

    def to_local(self):
        return self.part


def test_of_a_tensor_that_processes_share_its_own_part_is_taken():
    desk, part = Desk(2), torch.full((6,), 3.0)
    shelf = desk.begin()
    shelf.take_all(["x"], [Sharded(part)], norms=True)
    shelf.take("output", Sharded(part))
    changing = desk.arena.shelves[1]
    changing.remember(["x"], [Sharded(part)], whole=True)
    part += 2
    changing.change()
    assert means(desk.rows()) == {"x": 3, "output": 3}
    assert desk.rows()["x"]["norm"] == pytest.approx(3 * np.sqrt(6))
    assert desk.rows(1)["x"]["norm"] == pytest.approx(2 * np.sqrt(6))


def test_looking_changes_nothing_and_draws_no_random_number():
    tensor, desk, state = normal(120, 80), Desk(), torch.get_rng_state()
    before, version = tensor.clone(), tensor._version
    for _ in range(3):
        shelf = desk.begin()
        shelf.take("output", tensor)
        shelf.take("slice", tensor[:, :60])
        shelf.take_all(["x"], [tensor], norms=True)
        shelf.scale(torch.tensor(7.0))
        desk.rows()
    assert torch.equal(tensor, before)
    assert tensor._version == version
    assert torch.equal(torch.get_rng_state(), state)


def test_an_output_of_autocast_is_read_as_it_is():
    desk, layer = Desk(), torch.nn.Linear(8, 8)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        output = layer(torch.ones(4, 8))
        desk.begin().take("x", output)
        found = desk.rows()["x"]
    assert output.dtype is torch.bfloat16
    assert found["mean"] == pytest.approx(output.double().mean().item(), rel=1e-6)


# From record to record.


def test_a_new_record_forgets_what_was_taken():
    desk = Desk()
    desk.begin().take_all(["x"], [torch.ones(3)], norms=True)
    assert len(desk.rows()) == 1
    desk.begin()
    assert desk.reduce() is None


def test_what_is_not_taken_again_has_no_row():
    desk = Desk()
    shelf = desk.begin()
    shelf.take_all(["a", "b"], [torch.ones(3), torch.full((3,), torch.nan)], norms=True)
    desk.rows()
    desk.begin().take_all(["a"], [torch.full((3,), 2.0)])
    rows = desk.rows()
    assert means(rows) == {"a": 2}
    assert np.isnan(rows["a"]["norm"])


@pytest.mark.parametrize("device", DEVICES)
def test_new_tensors_may_come_at_any_time(device):
    desk = Desk(2, device)
    for record in range(6):
        desk.begin()
        for n in range(2):
            for size in (3, 4096, 9000, 3)[: record + 1]:
                tensor = torch.full((size,), float(size + 10 * n + record), device=device)
                desk.arena.shelves[n].take(f"{size}", tensor)
            late = torch.full((5,), -float(record), device=device)
            if record > 2:
                desk.arena.shelves[n].take_all(["late"], [late], norms=True)
        for n in range(2):
            rows = desk.rows(n)
            sizes = {f"{size}": size + 10 * n + record for size in (3, 4096, 9000)[: record + 1]}
            assert means(rows) == sizes | ({"late": -record} if record > 2 else {})
            assert max(row["std"] for row in rows.values()) < 1e-6  # each is all one number


def test_slots_keep_their_place_from_record_to_record(monkeypatch):
    made = []
    monkeypatch.setattr(
        module, "Reducer", lambda *given, real=module.Reducer: made.append(1) or real(*given)
    )
    desk = Desk()
    for record in range(10):
        shelf = desk.begin()
        shelf.take_all(["a", "b"], [torch.full((9,), float(record)), normal(9000)], norms=True)
        for _ in range(1 + record % 2):
            shelf.take("again", torch.full((4,), float(record)))
        rows = desk.rows()
        assert (rows["a"]["mean"], rows["again"]["mean"]) == (record, record)
        assert rows["again"]["count"] == 4 * (1 + record % 2)
    assert len(made) == 2  # at the first record, and when "again" was first taken twice


def held():
    """Bytes that tensors hold now."""
    gc.collect()
    storages = {
        thing.untyped_storage().data_ptr(): thing.untyped_storage().nbytes()
        for thing in gc.get_objects()
        if type(thing) is torch.Tensor and thing.device == CPU and not thing.is_sparse
    }
    return sum(storages.values())


@pytest.mark.parametrize("sizes", [range(1, 1200), [900, 3] * 20], ids=["all", "two"])
def test_batches_of_changing_size_are_right_and_memory_is_bounded(sizes):
    desk, wide, before, most = Desk(), 7, held(), 0
    for record, size in enumerate(sizes):
        shelf = desk.begin()
        for layer in range(3):
            shelf.take(f"{layer}", torch.full((size, wide), float(record + layer)))
        rows = desk.rows()
        assert means(rows) == {f"{layer}": record + layer for layer in range(3)}
        assert {row["count"] for row in rows.values()} == {min(size * wide, SAMPLE)}
        if record % 100 == 39 or size == max(sizes):
            most = max(most, held() - before)
    largest = 3 * min(max(sizes) * wide, SAMPLE)
    assert 0 < most < (STALE + 2) * largest * 12 + (1 << 20)  # four bytes each, and their rows'


def test_a_tensor_may_change_its_width_and_its_limits():
    desk, found = Desk(), []
    for width, limits in ((4, None), (5, (0.0, 1.0)), (4, (-1.0, 1.0)), (4, None)):
        desk.begin().take("x", torch.tensor([0.0, 0.5, 1.0, 1.0, 1.0][:width]), limits)
        row = desk.rows()["x"]
        found.append((row["count"], row["low"], row["high"]))
    assert found[1:3] == [(5, 1, 3), (4, 0, 2)]
    for count, *ends in (found[0], found[3]):
        assert count == 4
        assert np.isnan(ends).all()


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


def test_series_lie_side_by_side():
    desk, tensors = Desk(2), [torch.ones(3), torch.ones(9000), torch.ones(3)]
    one, two = desk.begin(), desk.arena.shelves[1]
    two.take_all(["a", "b", "c"], [tensors[0] * 4, tensors[1] * 5, None])
    one.take_all(["a", "b", "c"], [None, tensors[1] * 2, tensors[2] * 3], norms=True)
    assert means(desk.rows(0)) == {"b": 2, "c": 3}
    assert means(desk.rows(1)) == {"a": 4, "b": 5}
    norms = [row["norm"] for row in desk.rows(0).values()]
    assert norms == pytest.approx([2 * np.sqrt(9000), 3 * np.sqrt(3)])
    assert np.isnan([row["norm"] for row in desk.rows(1).values()]).all()


def test_rows_come_in_the_order_they_were_taken():
    desk, names = Desk(), ["z", "a", "m", "b"]
    desk.begin().take_all(names, [torch.ones(size) for size in (3, 9000, 3, 7)])
    assert list(desk.rows()) == names


def test_no_series_and_no_tensor_are_nothing():
    for desk in (Desk(0), Desk(2)):
        desk.record += 1
        desk.arena.begin(0)
        assert desk.reduce() is None


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


def test_of_what_is_taken_very_often_the_first_are_looked_at():
    desk = Desk()
    for _ in range(2):
        shelf = desk.begin()
        for n in range(AGAIN + 5):
            shelf.take("x", torch.full((3,), float(n)))
        found = desk.rows()["x"]
        assert (found["count"], found["max"]) == (3 * AGAIN, AGAIN - 1)


def test_a_parameter_taken_again_is_replaced():
    desk = Desk()
    shelf = desk.begin()
    shelf.take_all(["a", "b"], [torch.ones(3), torch.ones(5)], norms=True)
    shelf.take_all(["a"], [torch.full((4,), 2.0)], norms=True)
    rows = desk.rows()
    assert means(rows) == {"b": 1, "a": 2}
    assert (rows["a"]["count"], rows["a"]["norm"]) == (4, pytest.approx(4))
    assert rows["b"]["norm"] == pytest.approx(np.sqrt(5))


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


# Before and after a step.


CHANGED = {
    "small": lambda: counted(300),
    "large": lambda: counted(262_656),
    "transposed": lambda: counted(300, 400).T,
    "channels last": lambda: counted(10, 30, 20, 20).to(memory_format=torch.channels_last),
    "a slice": lambda: counted(300, 600)[:, 100:300],
}


@pytest.mark.parametrize("layout", CHANGED)
@pytest.mark.parametrize("record", [0, 1, 7])
def test_a_change_is_taken_at_the_very_elements_seen_before(layout, record):
    found = change_of(CHANGED[layout](), lambda x: x.add_(3), record=record)
    assert (found["min"], found["max"]) == (3, 3)


def test_several_looks_at_one_change_are_at_other_elements():
    desk, tensor, seen = Desk(), counted(50_000), set()
    for _ in range(4):
        shelf = desk.begin()
        shelf.remember(["x"], [tensor], whole=False)
        tensor.mul_(2)
        shelf.change()
        seen.add(desk.rows()["x"]["min"] / float(tensor[1]))
    assert len(seen) == 4


@pytest.mark.parametrize("size", [3, 9000])
def test_a_change_of_doubles_is_not_rounded_away(size):
    found = change_of(torch.ones(size, dtype=torch.float64), lambda x: x.add_(1e-9), whole=True)
    assert found["min"] == pytest.approx(1e-9, rel=1e-6, abs=0)
    assert found["max"] == pytest.approx(1e-9, rel=1e-6, abs=0)
    assert found["norm"] == pytest.approx(1e-9 * np.sqrt(size), rel=1e-6, abs=0)


@pytest.mark.parametrize("dtype", KINDS + EIGHTS)
@pytest.mark.parametrize("size", [3, 9000])
def test_a_change_of_any_float_is_exact(dtype, size):
    found = change_of(
        torch.full((size,), 1.0).to(dtype), lambda x: x.copy_(torch.full((size,), 1.25)), whole=True
    )
    assert (found["min"], found["max"]) == (0.25, 0.25)
    assert found["norm"] == pytest.approx(0.25 * np.sqrt(size), rel=1e-6)


def test_the_norm_of_a_change_is_of_all_elements_if_that_is_asked_for():
    step = normal(300, 300)
    known = change_of(torch.zeros(300, 300), lambda x: x.add_(step), whole=True)
    unknown = change_of(torch.zeros(300, 300), lambda x: x.add_(step), whole=False)
    assert known["norm"] == pytest.approx(float(step.double().norm()), rel=1e-5)
    assert np.isnan(unknown["norm"])
    assert known["mean"] == unknown["mean"]


def test_a_change_is_told_once():
    desk = Desk()
    shelf, tensor = desk.begin(), torch.ones(3)
    shelf.remember(["x"], [tensor], whole=True)
    tensor += 1
    shelf.change()
    tensor += 1
    shelf.change()
    assert means(desk.rows()) == {"x": 1}


def test_a_change_never_asked_for_is_forgotten():
    desk, tensor = Desk(), torch.ones(3)
    desk.begin().remember(["x"], [tensor], whole=True)
    tensor += 1
    desk.begin().change()
    assert desk.reduce() is None


def test_two_optimizers_share_a_series():
    desk = Desk()
    for record in range(3):
        shelf = desk.begin()
        for n, name in enumerate("ab"):
            tensor = torch.zeros(9000)
            shelf.remember([name], [tensor], whole=record == 2)
            tensor += n + 1
            shelf.change()
        rows = desk.rows()
        assert means(rows) == {"a": 1, "b": 2}
        assert np.isnan(rows["b"]["norm"]) == (record != 2)
    assert rows["b"]["norm"] == pytest.approx(2 * np.sqrt(9000))


# The loss scale.


@pytest.mark.parametrize("device", DEVICES)
def test_a_scale_is_taken_out_of_samples_and_norms(device):
    tensors = [torch.full((size,), 512.0, device=device) for size in (4, 9000)]
    desk = Desk(device=device)
    for _ in range(3):
        shelf = desk.begin()
        shelf.take_all(["a", "b"], tensors, norms=True)
        shelf.scale(torch.tensor(256.0, device=device))
        rows = desk.rows()
        assert means(rows) == {"a": 2, "b": 2}
        assert rows["a"]["norm"] == pytest.approx(4)
        assert rows["b"]["norm"] == pytest.approx(2 * np.sqrt(9000))


def test_a_scale_never_divides_twice():
    desk = Desk()
    for _ in range(2):
        shelf = desk.begin()
        shelf.take_all(["a"], [torch.full((4,), 8.0)], norms=True)
        shelf.scale(torch.tensor(4.0))
        shelf.scale(torch.tensor(4.0))
        shelf.take_all(["b"], [torch.full((4,), 8.0)], norms=True)
        shelf.scale(torch.tensor(2.0))
        rows = desk.rows()
        assert means(rows) == {"a": 2, "b": 4}
        assert [row["norm"] for row in rows.values()] == [4, 8]


def test_what_was_replaced_before_it_was_scaled_is_divided_once():
    desk = Desk()
    shelf = desk.begin()
    shelf.take_all(["a"], [torch.full((4,), 80.0)], norms=True)
    shelf.take_all(["a"], [torch.full((4,), 8.0)], norms=True)
    shelf.scale(torch.tensor(4.0))
    found = desk.rows()["a"]
    assert (found["mean"], found["norm"]) == (2, 4)


def test_each_look_under_one_name_is_divided_by_its_own_scale():
    desk = Desk()
    shelf = desk.begin()
    for scale in (2.0, 4.0):
        shelf.take("x", torch.full((4,), 8.0))
        shelf.scale(torch.tensor(scale))
    found = desk.rows()["x"]
    assert [found[name] for name in ("count", "min", "max")] == [8, 2, 4]


def test_a_scale_with_nothing_taken_is_nothing():
    desk = Desk()
    shelf = desk.begin()
    shelf.scale(torch.tensor(2.0))
    shelf.take("x", torch.ones(3))
    assert means(desk.rows()) == {"x": 1}


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
