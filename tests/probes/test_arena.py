from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest
import torch

from probes import arena as module
from probes.arena import STALE, Arena
from probes.host_moments import HostReducer
from probes.moments import Reducer
from probes.sampling import SAMPLE
from tests.probes.desk import CPU, DEVICES, Desk, means, normal


def test_a_new_record_forgets_what_was_taken():
    desk = Desk()
    desk.begin().take_all(["x"], [torch.ones(3)], norms=True)
    assert len(desk.rows()) == 1
    desk.begin()
    assert desk.reduce() is None


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
    monkeypatch.setattr(module, "HostReducer", lambda *given: made.append(1) or HostReducer(*given))
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


@pytest.fixture
def traced():
    tracemalloc.start()
    yield
    tracemalloc.stop()


def held():
    """Bytes that tensors and numpy's arrays hold now."""
    gc.collect()
    storages = {
        thing.untyped_storage().data_ptr(): thing.untyped_storage().nbytes()
        for thing in gc.get_objects()
        if type(thing) is torch.Tensor and thing.device == CPU and not thing.is_sparse
    }
    numpys = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)
    arrays = tracemalloc.take_snapshot().filter_traces([numpys]).traces
    return sum(storages.values()) + sum(trace.size for trace in arrays)


@pytest.mark.parametrize("sizes", [range(1, 1200), [900, 3] * 20], ids=["all", "two"])
@pytest.mark.usefixtures("traced")
def test_batches_of_changing_size_are_right_and_memory_is_bounded(sizes):
    desk, wide, before, most = Desk(), 7, held(), 0
    watched = {*range(39, len(sizes), 400), len(sizes) - 2, len(sizes) - 1}  # a look takes long
    for record, size in enumerate(sizes):
        shelf = desk.begin()
        for layer in range(3):
            shelf.take(f"{layer}", torch.full((size, wide), float(record + layer)))
        rows = desk.rows()
        assert means(rows) == {f"{layer}": record + layer for layer in range(3)}
        assert {row["count"] for row in rows.values()} == {min(size * wide, SAMPLE)}
        if record in watched:
            most = max(most, held() - before)
    largest = 3 * min(max(sizes) * wide, SAMPLE)
    each = 4 + 4 + 8  # bytes: itself, its row, and in double precision
    assert largest * each < most < (STALE + 2) * largest * each + (1 << 20)


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


def test_no_series_and_no_tensor_are_nothing():
    for desk in (Desk(0), Desk(2)):
        desk.record += 1
        desk.arena.begin(0)
        assert desk.reduce() is None


def test_host_and_accelerator_reduce_to_the_same_record(monkeypatch):
    """The accelerator's way, on the processor."""

    def rows():
        desk = Desk(2)
        for record in range(3):
            shelf = desk.begin()
            for name, size in (("a", 9000), ("b", 3), ("c", 5), ("b", 3))[: record + 2]:
                shelf.take(name, normal(size, seed=size), (-1.0, 1.0) if size == 3 else None)
            desk.arena.shelves[1].take_all(["a", "b"], [normal(5), normal(9000)], norms=True)
        return [row for n in range(2) for row in desk.rows(n).values()]

    host = rows()
    monkeypatch.setattr(
        Arena, "_reducing", lambda self, shapes, limits: Reducer(shapes, limits, CPU)
    )
    accelerators = rows()
    assert len(host) == 5
    for one, other in zip(host, accelerators, strict=True):
        assert one.pop("bins") == other.pop("bins")
        assert one == pytest.approx(other, rel=1e-6, nan_ok=True)
