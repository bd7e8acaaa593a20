from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from probes import sending, snapshots
from probes.claims import LARGEST_DATASET
from probes.gallery import Gallery
from probes.snapshot_file import read_index, read_snapshot, snapshot_path, snapshot_steps
from probes.snapshots import Snapshots
from probes.wire import FRAME, blob


class Memory:
    """A vault that keeps what it is given, with as much room as is told."""

    def __init__(self, room=1 << 40):
        self.heads: list[dict[str, Any]] = []
        self.frames: deque[bytes] = deque()
        self.room, self.largest, self.threads = room, 0, set()

    def begin_snapshot(self, head):
        self.heads.append(head)

    def send_chunk(self, snapshot, offset, chunk):
        assert len(chunk) <= self.room
        self.frames.append(blob(snapshot, offset, chunk)[FRAME.size :])
        self.threads.add(threading.current_thread().name)

    @property
    def steps(self):
        return [head["step"] for head in self.heads]


class Direct(Memory):
    """A vault whose scribe is right here."""

    def __init__(self, folder):
        super().__init__()
        self.gallery = Gallery(folder)

    def begin_snapshot(self, head):
        super().begin_snapshot(head)
        self.gallery.begin(head)

    def send_chunk(self, snapshot, offset, chunk):
        super().send_chunk(snapshot, offset, chunk)
        self.gallery.add(self.frames.pop())


@dataclass
class Step:
    step: int
    model: nn.Module
    vault: Any
    time: float = 0.0
    optimizers: tuple[()] = ()
    events: list[tuple[str, str]] = field(default_factory=list)

    def event(self, kind, text):
        self.events.append((kind, text))


def arrive(probe):
    probe._sending.wait()


def offered(probe, steps, model=None):
    """The steps that a probe takes of those it is shown."""
    vault = Memory()
    for step in steps:
        probe.step(Step(step, model or nn.Linear(1, 1), vault))
        arrive(probe)
    probe.close(Step(steps[-1], model or nn.Linear(1, 1), vault))
    return vault.steps


def test_steps_are_log_spaced():
    taken = offered(Snapshots(), range(1, 10_001))
    assert taken[0] == 1
    assert taken[-1] == 10_000
    for low in (100, 1000):
        assert len([step for step in taken if low <= step < 10 * low]) == 8
    gaps = np.diff(np.log10([step for step in taken if step >= 100]))
    assert np.allclose(gaps, 1 / 8, atol=0.005)


def test_how_many_a_decade_is_the_users_choice():
    taken = offered(Snapshots(per_decade=2), range(1, 1001))
    assert taken == [1, 4, 10, 32, 100, 317, 1000]


def test_of_steps_that_are_not_all_recorded_those_that_are_count():
    taken = offered(Snapshots(), range(17, 1000, 100))
    assert taken[:3] == [17, 117, 217]  # and the first one, whatever it is
    assert taken[-1] == 917


def test_the_last_step_is_taken_once(tmp_path):
    assert offered(Snapshots(), range(1, 101))[-2:] == [75, 100]
    assert offered(Snapshots(), range(1, 100))[-2:] == [75, 99]
    assert offered(Snapshots(), [5]) == [5]


def test_a_run_that_ends_before_it_begins_has_its_one_snapshot():
    vault, probe = Memory(), Snapshots()
    probe.close(Step(0, nn.Linear(1, 1), vault))
    assert vault.steps == [0]


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(500, 64)
        self.embed.weight.requires_grad_(False)
        self.norm = nn.BatchNorm1d(64)
        self.hidden = nn.Linear(64, 64).to(torch.bfloat16)
        self.head = nn.Linear(64, 500, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("mask", torch.ones(64, 64, dtype=torch.bool).tril())

    def forward(self, x):
        x = self.norm(self.embed(x)).to(torch.bfloat16)
        return self.head(self.hidden(x).float() * self.mask[-1])


def test_a_network_in_training_is_read_back_bit_for_bit_and_what_rests_is_stored_once(tmp_path):
    torch.manual_seed(0)
    model, probe, vault, told = Network(), Snapshots(), Direct(tmp_path), {}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    for step in range(1, 31):
        inputs, targets = torch.randint(500, (2, 32))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
        probe.step(moment := Step(step, model, vault))
        arrive(probe)
        told[step] = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    probe.close(moment)
    steps = snapshot_steps(tmp_path)
    assert steps == (1, 2, 3, 4, 5, 6, 8, 10, 14, 18, 24, 30)
    for step in steps:
        found = read_snapshot(tmp_path, step)
        assert list(found) == list(told[step])
        assert found["head.weight"] is found["embed.weight"]
        for name, tensor in told[step].items():
            same = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
            assert found[name].tobytes() == same.numpy().tobytes()
    sizes = [snapshot_path(tmp_path, step).stat().st_size for step in steps]
    resting, moving = 500 * 64 * 4 + 64 * 64, 64 * 65 * 2 + 4 * 64 * 4 + 8
    overhead = 16_384
    assert resting + moving < sizes[0] < resting + moving + 65_536 + overhead
    assert max(sizes[1:]) < 65_536 + overhead  # one part with a checksum of its own, and the table
    rows = {row.name: row.step for row in read_index(snapshot_path(tmp_path, 30))[1]}
    assert rows["embed.weight"] == rows["mask"] == 1
    assert rows["hidden.weight"] == rows["norm.running_mean"] == 30


def test_training_never_waits_however_slow_the_scribe():
    """A vault that takes a kilobyte every five milliseconds, and a snapshot of 200 of them."""
    model, probe, vault = nn.Linear(50_000, 1), Snapshots(), Memory(room=0)
    over = threading.Event()

    def drip():
        while not over.wait(0.005):
            vault.room = 1024

    class Dripping(Memory):
        def send_chunk(self, snapshot, offset, chunk):
            super().send_chunk(snapshot, offset, chunk)
            self.room -= len(chunk)

    vault = Dripping(room=0)
    thread = threading.Thread(target=drip)
    thread.start()
    try:
        started, slowest = time.monotonic(), 0.0
        for step in range(1, 1001):
            began = time.monotonic()
            probe.step(Step(step, model, vault))
            slowest = max(slowest, time.monotonic() - began)
        trained = time.monotonic() - started
        assert probe._sending.under_way
        end = Step(1000, model, vault)
        probe.close(end)
    finally:
        over.set()
        thread.join()
    assert vault.steps == [1, 1000]
    assert slowest < 0.1
    assert trained < 0.5 < time.monotonic() - started  # and the scribe took longer than that
    assert sum(len(frame) - 12 for frame in vault.frames) == 2 * (200_000 + 4)
    (event,) = end.events
    left_out = len({int(8 * np.log10(step)) for step in range(1, 1001)}) - 1
    assert event == (
        "snapshots",
        f"{left_out} snapshots were left out: the one before was still on its way",
    )


def test_what_is_sent_is_of_the_step_it_says_whatever_happens_to_the_weights_since(tmp_path):
    model, probe, vault = nn.Linear(1000, 1), Snapshots(), Memory(room=0)
    before = model.weight.detach().clone()
    probe.step(Step(1, model, vault))
    with torch.no_grad():
        model.weight.zero_()
    vault.room = 1 << 20
    arrive(probe)
    gallery = Gallery(tmp_path)
    gallery.begin(vault.heads[0])
    for frame in vault.frames:
        gallery.add(frame)
    assert np.array_equal(read_snapshot(tmp_path, 1)["weight"], before.numpy())
    assert vault.threads == {"fathom-snapshots"}
    probe.close(Step(1, model, vault))


def test_a_scribe_that_takes_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(sending, "STALLED", 0.2)
    model, probe, vault = nn.Linear(3, 1), Snapshots(), Memory(room=0)
    probe.step(Step(1, model, vault))
    probe.close(end := Step(2, model, vault))
    assert vault.frames == deque()
    assert [text for _, text in end.events] == [
        "2 snapshots were given up: TimeoutError: the scribe took nothing for 0.2 seconds"
    ]


def test_closing_waits_a_while_and_no_longer(monkeypatch):
    monkeypatch.setattr(sending, "PATIENCE", 0.2)
    model, probe, vault = nn.Linear(3, 1), Snapshots(), Memory(room=0)
    probe.step(Step(1, model, vault))
    probe.close(end := Step(2, model, vault))
    assert vault.steps == [1]
    assert "not sent within 0.2 seconds" in end.events[0][1]
    arrive(probe)
    assert not probe._sending.under_way


def test_a_vault_that_fails_is_told_and_no_more():
    class Broken(Memory):
        def begin_snapshot(self, head):
            raise RuntimeError("a fault")

    model, probe = nn.Linear(3, 1), Snapshots()
    probe.step(Step(1, model, Broken()))
    probe.close(end := Step(1, model, Broken()))
    assert end.events == [("snapshots", "1 snapshots were given up: RuntimeError: a fault")]


def test_what_cannot_be_kept_is_said_once_and_the_rest_is_kept(tmp_path):
    model, probe, vault = nn.Linear(3, 1), Snapshots(), Direct(tmp_path)
    model.register_buffer("table", torch.eye(3).to_sparse())
    events = []
    for step in (1, 2, 3):
        probe.step(moment := Step(step, model, vault, events=events))
        arrive(probe)
    probe.close(moment)
    assert events == [("snapshots", "'table' is sparse_coo; snapshots are without it")]
    assert list(read_snapshot(tmp_path, 3)) == ["weight", "bias"]


def test_a_model_whose_ends_do_not_fit_into_the_budget_has_none_and_is_told_what_would_do():
    model, vault = nn.Linear(1000, 1, bias=False), Memory()
    probe = Snapshots(budget=7999)
    probe.step(moment := Step(1, model, vault))
    probe.close(moment)
    assert vault.steps == []
    ((_, text),) = moment.events
    assert text == (
        "no snapshots are taken: the first and the last alone are of 8000 bytes, and budget=7999; "
        "pass Snapshots(budget=16000) to have some more"
    )
    assert offered(Snapshots(budget=8000), [1], model) == [1]


def test_what_is_frozen_counts_once():
    model = nn.Sequential(nn.Linear(1000, 1, bias=False), nn.Linear(10, 1, bias=False))
    model[0].weight.requires_grad_(False)
    assert offered(Snapshots(budget=4080), [1], model) == [1]
    assert offered(Snapshots(budget=4079), [1], model) == []


def test_more_than_a_file_holds_is_told(monkeypatch):
    monkeypatch.setattr(snapshots, "LARGEST_DATASET", 3000)
    probe, model = Snapshots(), nn.Linear(1000, 1, bias=False)
    probe.step(moment := Step(1, model, Memory()))
    probe.close(moment)
    assert moment.events[0][1].endswith("one is of 4000 bytes, and a file holds 3000")
    assert LARGEST_DATASET > 1 << 30


def test_a_model_without_weights_has_no_snapshots():
    assert offered(Snapshots(), [1, 2, 3], nn.ReLU()) == []


def test_the_random_numbers_of_training_are_left_alone():
    model = nn.Linear(1, 1)
    state = torch.get_rng_state()
    offered(Snapshots(), [1, 2, 3], model)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("arguments", "word"), [({"per_decade": 0}, "per_decade=0"), ({"budget": 0}, "budget=0")]
)
def test_what_makes_no_sense_is_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        Snapshots(**arguments)
