from __future__ import annotations

import numpy as np
import pytest
import torch

from probes import pending
from probes.pending import Pending


class Slow:
    """A copy under way, with an event that says when it has come."""

    def __init__(self, number, got, *, there=False):
        self.there, self.waited = there, 0
        self.entry = (self, torch.tensor([float(number)]), lambda values: got.append(values[0]))

    def query(self):
        return self.there

    def synchronize(self):
        self.waited += 1


@pytest.fixture
def under_way():
    """Five copies that have not come yet, and what has been delivered of them."""
    queue, got = Pending(), []
    copies = [Slow(n, got) for n in range(5)]
    queue._under_way.extend(copy.entry for copy in copies)
    return queue, copies, got


def test_what_is_on_the_host_is_delivered_at_once():
    got = []
    Pending().add(torch.tensor([1.0, 2.0]), got.append)
    assert isinstance(got[0], np.ndarray)
    assert got[0].tolist() == [1, 2]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool", "float16"])
def test_values_keep_their_type_and_shape(dtype):
    got, exact = [], np.array([[1, 0, 1], [0, 1, 1]], dtype)
    Pending().add(torch.from_numpy(exact), got.append)
    assert got[0].dtype == dtype
    np.testing.assert_array_equal(got[0], exact)


def test_what_fails_on_delivery_does_not_come_again(under_way):
    queue, copies, got = under_way

    def fail(_):
        raise OSError("the disk's own fault")

    queue._under_way[0] = (*queue._under_way[0][:2], fail)
    for copy in copies:
        copy.there = True
    with pytest.raises(OSError, match="own fault"):
        queue.collect()
    queue.collect()
    assert got == [1, 2, 3, 4]


def test_nothing_is_delivered_before_it_has_come(under_way):
    queue, copies, got = under_way
    queue.collect()
    assert got == []
    assert sum(copy.waited for copy in copies) == 0


def test_what_has_come_is_delivered_in_order(under_way):
    queue, copies, got = under_way
    for n in (0, 1, 3):
        copies[n].there = True
    queue.collect()
    assert got == [0, 1]
    copies[2].there = True
    queue.collect()
    assert got == [0, 1, 2, 3]


def test_at_the_end_everything_is_waited_for(under_way):
    queue, copies, got = under_way
    queue.collect(wait=True)
    assert got == [0, 1, 2, 3, 4]
    assert [copy.waited for copy in copies] == [1] * 5


def test_too_many_under_way_are_waited_for(under_way, monkeypatch):
    monkeypatch.setattr(pending, "LIMIT", 3)
    queue, copies, got = under_way
    queue.collect()
    assert got == [0, 1]
    assert [copy.waited for copy in copies] == [1, 1, 0, 0, 0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_copies_from_a_device_arrive_with_the_values_of_their_moment():
    queue, got = Pending(), []
    values = torch.arange(1_000_000.0, device="cuda")
    for _ in range(3):
        queue.add(values, lambda host: got.append(float(host[-1])))
        values += 1
    queue.collect(wait=True)
    assert got == [999_999, 1_000_000, 1_000_001]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_copy_does_not_wait_for_what_is_computed_after_it():
    queue, got = Pending(), []
    values = torch.ones(4, device="cuda")
    queue.add(values, got.append)
    torch.cuda._sleep(2_000_000_000)  # a second or so of the device
    end = torch.cuda.Event()
    end.record()
    queue._under_way[0][0].synchronize()
    assert not end.query()
    queue.collect()
    assert got[0].tolist() == [1, 1, 1, 1]
    torch.cuda.synchronize()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_copys_memory_is_not_given_away():
    queue, got = Pending(), []
    torch.cuda._sleep(500_000_000)
    for n in range(50):
        queue.add(torch.full((1000,), float(n), device="cuda"), lambda host: got.append(host[0]))
        torch.full((1000,), -1.0, device="cuda")  # would take the place of what was let go
    queue.collect(wait=True)
    assert got == list(range(50))
