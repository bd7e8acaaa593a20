from __future__ import annotations

import numpy as np
import pytest
import torch

from probes.arenas import Arenas
from probes.pending import Pending
from probes.recording import STATISTICS

ONE, OTHER = torch.device("cpu"), torch.device("cpu", 1)  # two names of the processor: two arenas


def reduce(arenas):
    """Each delivery's rows: means by series and name."""
    delivered = []
    arenas.reduce(Pending(), delivered.append)
    mean = STATISTICS.index("mean")
    return [
        {
            (part.series, name): float(row[mean])
            for part in parts
            for name, row in zip(part.names, part.statistics, strict=True)
        }
        for parts in delivered
    ]


def test_a_device_has_one_arena_made_when_it_is_first_asked_for():
    arenas = Arenas(3)
    assert arenas(ONE) is arenas(ONE)
    assert arenas(ONE) is not arenas(OTHER)
    assert len(arenas(ONE).shelves) == 3
    assert (arenas(ONE).device, arenas(OTHER).device) == (ONE, OTHER)


def test_all_arenas_are_at_the_same_record():
    arenas = Arenas(1)
    first = arenas(ONE)
    for _ in range(5):
        arenas.begin()
    late = arenas(OTHER)
    assert first.record == late.record == arenas.record == 5
    arenas.begin()
    assert first.record == late.record == 6


def test_rows_are_delivered_by_device():
    arenas = Arenas(2)
    for record in range(3):
        arenas.begin()
        arenas(ONE).shelves[0].take("a", torch.full((3,), 1.0 + record))
        arenas(OTHER).shelves[1].take_all(["b"], [torch.full((9000,), 5.0 + record)], norms=True)
        assert reduce(arenas) == [{(0, "a"): 1 + record}, {(1, "b"): 5 + record}]


def test_a_device_with_nothing_new_delivers_nothing():
    arenas = Arenas(1)
    arenas.begin()
    arenas(ONE).shelves[0].take("a", torch.ones(3))
    arenas(OTHER).shelves[0].take("b", torch.ones(3))
    assert len(reduce(arenas)) == 2
    arenas.begin()
    arenas(OTHER).shelves[0].take("b", torch.ones(3))
    assert reduce(arenas) == [{(0, "b"): 1}]
    arenas.begin()
    assert reduce(arenas) == []


def test_a_record_is_right_when_it_arrives_after_the_next_has_begun():
    class Late:
        """Delivers when it is told to."""

        def __init__(self):
            self.waiting = []

        def add(self, values, deliver):
            self.waiting.append((values.clone().numpy(), deliver))

    arenas, late, got = Arenas(1), Late(), []
    for record in range(3):
        arenas.begin()
        names = ["a", "b", "c"][record:]
        arenas(ONE).shelves[0].take_all(names, [torch.full((4,), float(record))] * len(names))
        arenas.reduce(late, got.extend)
    for values, deliver in late.waiting:
        deliver(values)
    assert [part.names for part in got] == [["a", "b", "c"], ["b", "c"], ["c"]]
    mean = STATISTICS.index("mean")
    assert [part.statistics[0, mean] for part in got] == [0, 1, 2]


def test_the_shelves_of_some_series_are_those_on_all_devices():
    arenas = Arenas(3)
    both = [arenas(ONE), arenas(OTHER)]
    found = list(arenas.shelves([0, 2]))
    assert len(found) == 4
    assert {id(shelf) for shelf in found} == {
        id(arena.shelves[n]) for arena in both for n in (0, 2)
    }
    assert list(arenas.shelves([])) == []


def test_what_cannot_be_looked_at_is_named_until_the_next_record():
    arenas = Arenas(2)
    arenas.begin()
    arenas(ONE).shelves[1].take_all(["a"], [torch.ones(3).to_sparse()])
    arenas(OTHER).shelves[0].take("b", torch.ones(3).long())
    assert sorted(arenas.unfit()) == ["a", "b"]
    arenas.begin()
    assert arenas.unfit() == []


def test_reducing_makes_no_graph():
    arenas, weight = Arenas(1), torch.nn.Parameter(torch.ones(3))
    arenas.begin()
    with torch.no_grad():
        arenas(ONE).shelves[0].take_all(["w"], [weight], norms=True)
    assert torch.is_grad_enabled()
    seen = []

    class Looking(Pending):
        def add(self, values, deliver):
            seen.append(values)

    arenas.reduce(Looking(), lambda parts: None)
    assert [values.requires_grad for values in seen] == [False]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_processor_and_accelerator_give_the_same():
    values = np.random.default_rng(0).normal(size=(3, 9000)).astype(np.float32)
    found = []
    for device in ("cpu", "cuda"):
        arenas, pending, got = Arenas(1), Pending(), []
        arenas.begin()
        tensors = [torch.from_numpy(row).to(device) for row in values]
        arenas(tensors[0].device).shelves[0].take_all(list("abc"), tensors, norms=True)
        arenas.reduce(pending, got.extend)
        pending.collect(wait=True)
        found.append(got[0])
    np.testing.assert_allclose(found[0].statistics, found[1].statistics, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(found[0].histogram, found[1].histogram)
