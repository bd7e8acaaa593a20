from __future__ import annotations

import logging
import os
import shutil
import signal
import time

import numpy as np
import pytest
import torch

from probes.arena import Reduced
from probes.courier import Courier
from probes.folder import ARCHIVE, create_run, hold, read_json, write_json
from probes.outbox import Outbox
from probes.recording import BINS, STATISTICS, TensorInfo
from probes.recording_file import RecordingFile
from probes.troubles import Troubles


@pytest.fixture
def folder(tmp_path):
    create_run(tmp_path / "run", {"id": "abc"})
    return tmp_path / "run"


@pytest.fixture
def describe():
    return Describe()


@pytest.fixture
def outbox(folder, describe, caplog):
    caplog.set_level(logging.WARNING, "fathom")
    outbox = Outbox(Courier(folder, hold(folder)), folder, Troubles(folder), describe)
    outbox.begin(["gradients", "updates"], optimizers=1)
    yield outbox
    if not outbox._courier._scribe.stdout.closed:
        outbox.close("finished", 0.0)


def close(outbox, folder, state="finished", overhead=0.0):
    outbox.close(state, overhead)
    return RecordingFile(folder / ARCHIVE)


def reduced(value, tensors):
    statistics = np.full((len(tensors), len(STATISTICS)), value, np.float32)
    histogram = np.ones((len(tensors), BINS), np.uint16)
    return Reduced(np.array(tensors, np.uint32), statistics, histogram)


class Describe:
    """Describes tensors and remembers which it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, name):
        self.asked.append(name)
        return TensorInfo(name, name[:1], "Linear", "matrix", "2x2", "float32", 0, True)


@pytest.mark.parametrize(
    "value",
    [
        0.5,
        np.float32(0.5),
        torch.tensor(0.5),
        torch.tensor([0.5]),
        torch.nn.Parameter(torch.tensor(0.5)),
    ],
)
def test_a_number_of_any_kind_is_a_scalar(outbox, folder, value):
    outbox.scalar("loss", value, 3, 1.25)
    file = close(outbox, folder)
    rows = file.scalars()
    assert file.keys == ("loss",)
    assert (rows.steps.tolist(), rows.times.tolist(), rows.values.tolist()) == ([3], [1.25], [0.5])


def test_a_name_is_sent_once(outbox, folder):
    for step in range(1, 4):
        outbox.scalar("loss", step, step, 0.0)
        outbox.scalar("lr", -step, step, 0.0)
    file = close(outbox, folder)
    assert file.keys == ("loss", "lr")
    assert file.scalars().keys.tolist() == [0, 1] * 3
    assert file.scalars().values.tolist() == [1, -1, 2, -2, 3, -3]


def test_tensors_are_described_when_they_are_new(outbox, folder, describe):
    outbox.records(1, 0.0, ["a.weight"], [reduced(0.5, [0]), reduced(1, [])])
    outbox.records(2, 0.0, ["b.weight", "a.weight"], [reduced(0.25, [0, 1]), reduced(1, [1])])
    file = close(outbox, folder)
    assert describe.asked == ["a.weight", "b.weight"]
    assert [tensor.name for tensor in file.tensors] == ["a.weight", "b.weight"]
    assert file.series["gradients"].steps.tolist() == [1, 2]
    assert file.series["updates"].steps.tolist() == [2]
    assert file.series["updates"].tensors.tolist() == [0]
    np.testing.assert_array_equal(
        file.column("gradients", "mean"), np.array([[0.5, np.nan], [0.25, 0.25]], np.float32)
    )


def test_a_record_of_nothing_sends_nothing(outbox, folder):
    outbox.scalar("loss", 1, 1, 0.0)
    outbox.records(1, 0.0, ["a.weight"], [reduced(0, []), reduced(0, [])])
    assert close(outbox, folder).series == {}


def test_an_event_is_sent(outbox, folder):
    outbox.event(7, "exception", "ValueError: <b>\né")
    [event] = close(outbox, folder).events
    assert (event.step, event.kind, event.text) == (7, "exception", "ValueError: <b>\né")


def test_the_goodbye_says_state_and_overhead(outbox, folder):
    outbox.close("failed", 0.125)
    found = read_json(folder / "summary.json")
    assert (found["state"], found["overhead"]) == ("failed", 0.125)


def test_a_number_that_is_none_is_an_error_of_its_caller(outbox):
    with pytest.raises(ValueError, match="seven"):
        outbox.scalar("word", "seven", 1, 0.0)


def kill_scribe(outbox, folder):
    """Once it has written its first summary."""
    deadline = time.monotonic() + 20
    while not (folder / "summary.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(outbox._courier._scribe.pid, signal.SIGKILL)
    outbox._courier._scribe.wait(20)


@pytest.mark.parametrize("state", ["finished", "failed"])
def test_for_a_scribe_that_died_the_trainer_has_the_last_word(outbox, folder, caplog, state):
    kill_scribe(outbox, folder)
    before = read_json(folder / "summary.json")
    assert (before["state"], before["dropped"]) == ("running", 0)
    outbox.scalar("loss", 1, 1, 0.0)  # its name meets the broken pipe, its row is lost
    outbox.records(1, 0.0, ["a.weight"], [reduced(1, [0]), reduced(1, [0])])
    outbox.close(state, 0.125)
    assert read_json(folder / "summary.json") == {**before, "state": state, "dropped": 3}
    assert caplog.text.count("3 rows could not be written") == 1


def test_what_was_dropped_before_the_scribe_died_still_counts(outbox, folder):
    kill_scribe(outbox, folder)
    found = read_json(folder / "summary.json")
    write_json(folder / "summary.json", {**found, "dropped": 4})
    outbox.scalar("loss", 1, 1, 0.0)
    outbox.close("finished", 0.0)
    assert read_json(folder / "summary.json")["dropped"] == 5


@pytest.mark.parametrize("damage", [b"{", None])
def test_a_dead_scribe_and_no_summary_end_nothing(outbox, folder, damage):
    kill_scribe(outbox, folder)
    (folder / "summary.json").unlink()
    if damage is not None:
        (folder / "summary.json").write_bytes(damage)
    outbox.close("finished", 0.0)
    assert not outbox._courier.alive


def test_a_dead_scribe_is_said_once(outbox, folder, monkeypatch, caplog):
    monkeypatch.setattr("probes.outbox.NEWS", 0.0)
    kill_scribe(outbox, folder)
    for _ in range(3):
        outbox.scalar("loss", 1, 1, 0.0)
        outbox.listen(0.0)
    assert caplog.text.count("its scribe has ended; training goes on") == 1


def test_news_are_not_asked_for_all_the_time(outbox, monkeypatch):
    asked = []
    monkeypatch.setattr(outbox._courier, "answers", lambda: asked.append(1) or [])
    for _ in range(100):
        outbox.listen(0.0)
    assert asked == []
    monkeypatch.setattr("probes.outbox.NEWS", 0.0)
    outbox.listen(0.0)
    assert asked == [1]


def test_rows_that_the_disk_refuses_are_said_in_the_end(outbox, folder, caplog):
    shutil.rmtree(folder / "segments")
    outbox.scalar("loss", 1, 1, 0.0)
    outbox.scalar("loss", 2, 2, 0.0)
    outbox.close("finished", 0.0)
    assert caplog.text.count("cannot be written: No such file or directory") == 1
    assert caplog.text.count("2 rows could not be written") == 1
    assert read_json(folder / "summary.json")["dropped"] == 2


def test_rows_lost_on_the_way_are_said_in_the_end(outbox, folder, caplog):
    outbox._courier.lost = 3
    outbox.close("finished", 0.0)
    assert caplog.text.count("3 rows could not be written") == 1
    assert read_json(folder / "summary.json")["dropped"] == 3


def test_a_good_end_says_nothing(outbox, caplog):
    outbox.scalar("loss", 1, 1, 0.0)
    outbox.close("finished", 0.0)
    assert caplog.text == ""
