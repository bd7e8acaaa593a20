from __future__ import annotations

import logging
import os
import shutil
import signal
import time

import numpy as np
import pytest
import torch

from probes.courier import Courier
from probes.folder import ARCHIVE, FathomError, create_run, hold, read_json, write_json
from probes.outbox import Outbox
from probes.recording import BINS, STATISTICS, TensorInfo
from probes.recording_file import RecordingFile
from probes.snapshot_file import read_snapshot
from probes.troubles import Troubles
from probes.unfolding import Reduced


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
    outbox = Outbox(
        Courier(folder, hold(folder)), folder / "summary.json", Troubles(folder), describe
    )
    outbox.begin(["gradients", "updates"], optimizers=1)
    yield outbox
    if not outbox._courier._scribe.stdout.closed:
        outbox.close("finished", 0.0)


def close(outbox, folder, state="finished", overhead=0.0):
    outbox.close(state, overhead)
    return RecordingFile(folder / ARCHIVE)


def reduced(series, **values):
    """Rows of a series, each of one value throughout; names have _ for a dot."""
    names = [name.replace("_", ".") for name in values]
    rows = np.array(list(values.values()), np.float32)[:, None]
    statistics = np.repeat(rows, len(STATISTICS), axis=1)
    return Reduced(series, names, statistics, np.ones((len(names), BINS), np.uint16))


class Describe:
    """Describes tensors and remembers which it was asked for."""

    def __init__(self):
        self.asked, self.broken = [], False

    def __call__(self, name):
        if self.broken:
            raise RuntimeError("no such tensor")
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
    outbox.records(1, 0.5, [reduced(0, a_weight=0.5)])
    outbox.records(2, 1.5, [reduced(0, b_weight=0.25, a_weight=0.75), reduced(1, a_weight=1)])
    file = close(outbox, folder)
    assert describe.asked == ["a.weight", "b.weight"]
    assert [tensor.name for tensor in file.tensors] == ["a.weight", "b.weight"]
    assert file.series["gradients"].steps.tolist() == [1, 2]
    assert file.series["gradients"].times.tolist() == [0.5, 1.5]
    assert file.series["updates"].steps.tolist() == [2]
    assert file.series["updates"].tensors.tolist() == [0]
    np.testing.assert_array_equal(
        file.column("gradients", "mean"), np.array([[0.5, np.nan], [0.75, 0.25]], np.float32)
    )
    assert file.histogram("gradients", 1).tolist() == [[0] * BINS, [1] * BINS]


def test_series_of_two_devices_become_one(outbox, folder):
    outbox.records(1, 0.0, [reduced(0, a_weight=1), reduced(1, a_weight=2)])
    outbox.records(1, 0.0, [reduced(0, b_weight=3)])
    file = close(outbox, folder)
    assert file.series["gradients"].steps.tolist() == [1]
    assert file.column("gradients", "mean").tolist() == [[1, 3]]
    assert file.column("updates", "mean").tolist() == [[2]]


def test_a_record_of_nothing_sends_nothing(outbox, folder):
    outbox.scalar("loss", 1, 1, 0.0)
    outbox.records(1, 0.0, [])
    assert close(outbox, folder).series == {}


def test_a_name_that_cannot_be_described_may_be_tried_again(outbox, folder, describe):
    describe.broken = True
    with pytest.raises(RuntimeError, match="no such tensor"):
        outbox.records(1, 0.0, [reduced(0, a_weight=1)])
    describe.broken = False
    outbox.records(2, 0.0, [reduced(0, a_weight=2)])
    assert close(outbox, folder).column("gradients", "mean").tolist() == [[2]]


def tracks(file):
    """By name and shape: steps, times, and values."""
    found = {}
    for n, track in enumerate(file.tracks):
        [whole] = file.arrays(n)
        found[track.name, track.about, track.values.shape[1:]] = (
            whole.steps.tolist(),
            whole.times.tolist(),
            whole.values,
        )
    return found


@pytest.mark.parametrize(
    ("values", "exact"),
    [
        ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]])),
        (np.array([1.5, np.nan, -np.inf]), np.array([1.5, np.nan, -np.inf])),
        (np.array([1, 2], ">f4"), np.array([1, 2], np.float32)),
        (torch.arange(6.0).view(2, 3).T, np.array([[0, 3], [1, 4], [2, 5]], np.float32)),
        (torch.tensor([1.5, -2.0], dtype=torch.bfloat16), np.array([1.5, -2.0], np.float32)),
        (torch.tensor([0.5]).to(torch.float8_e4m3fn), np.array([0.5], np.float32)),
        (torch.tensor([True, False]), np.array([True, False])),
        (torch.nn.Parameter(torch.tensor([2.0])), np.array([2.0], np.float32)),
        (torch.tensor(7, dtype=torch.int64), np.array(7)),
        (np.float64(0.25), np.array(0.25)),
        (np.zeros((0, 3)), np.zeros((0, 3))),
    ],
)
def test_an_array_of_any_kind_arrives_as_it_is(outbox, folder, values, exact):
    outbox.array("firing", values, "[unit]", 3, 1.25)
    [(head, (steps, times, found))] = tracks(close(outbox, folder)).items()
    assert head == ("firing", "[unit]", exact.shape)
    assert (steps, times) == ([3], [1.25])
    assert found.dtype == exact.dtype
    np.testing.assert_array_equal(found[0], exact)


def test_arrays_of_one_name_and_shape_are_one_track(outbox, folder):
    for step in range(1, 4):
        outbox.array("a", np.full(2, step), "", step, step / 2)
        outbox.array("b", torch.full((2,), float(step)), "", step, 0.0)
    found = tracks(close(outbox, folder))
    assert [name for name, *_ in found] == ["a", "b"]
    steps, times, values = found["a", "", (2,)]
    assert (steps, times) == ([1, 2, 3], [0.5, 1, 1.5])
    assert values.tolist() == [[1, 1], [2, 2], [3, 3]]


def test_another_shape_or_type_is_another_track(outbox, folder):
    looks = [np.zeros(2), np.zeros(3), np.zeros(2, np.float32), np.ones(2)]
    for step, values in enumerate(looks):
        outbox.array("a", values, "", step, 0.0)
    file = close(outbox, folder)
    assert [track.steps.tolist() for track in file.tracks] == [[0, 3], [1], [2]]
    assert [track.values.dtype.name for track in file.tracks] == ["float64", "float64", "float32"]


def test_an_array_is_what_it_was_when_it_was_given(outbox, folder):
    values, tensor = np.zeros(2), torch.zeros(2)
    outbox.array("a", values, "", 1, 0.0)
    outbox.array("b", tensor, "", 1, 0.0)
    values += 1
    tensor += 1
    found = tracks(close(outbox, folder))
    assert [values.tolist() for *_, values in found.values()] == [[[0, 0]], [[0, 0]]]


@pytest.mark.parametrize("values", [np.zeros(2, complex), torch.zeros(2, dtype=torch.complex64)])
def test_an_array_that_no_file_holds_is_refused_and_spoils_nothing(outbox, folder, values):
    with pytest.raises(FathomError, match=r"arrays of complex\d+ cannot be recorded"):
        outbox.array("a", values, "", 1, 0.0)
    outbox.array("b", np.ones(2), "", 1, 0.0)
    assert [track.name for track in close(outbox, folder).tracks] == ["b"]


def test_a_snapshot_passes_through(outbox, folder):
    values = np.arange(1000, dtype=np.float32)
    row = {"name": "w", "shape": [10, 100], "dtype": "float32", "bytes": 4000, "offset": 0}
    head = {"snapshot": 0, "step": 7, "time": 0.5, "budget": 1 << 30, "tensors": [row]}
    assert outbox.room > 4000
    outbox.begin_snapshot(head)
    for at in range(0, 4000, 1500):
        outbox.send_chunk(0, at, memoryview(values.tobytes())[at : at + 1500])
    outbox.close("finished", 0.0)
    assert read_snapshot(folder, 7)["w"].tolist() == values.reshape(10, 100).tolist()


def test_without_the_scribe_a_snapshot_goes_nowhere(outbox, folder):
    kill_scribe(outbox, folder / "summary.json")
    outbox.begin_snapshot({"snapshot": 0, "step": 1, "time": 0, "budget": 1, "tensors": []})
    outbox.send_chunk(0, 0, b"x" * 100)
    outbox.close("failed", 0.0)
    assert list((folder / "snapshots").glob("*")) == []


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


def kill_scribe(outbox, summary):
    """Once it has written its first summary."""
    deadline = time.monotonic() + 20
    while not summary.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(outbox._courier._scribe.pid, signal.SIGKILL)
    outbox._courier._scribe.wait(20)


@pytest.mark.parametrize("state", ["finished", "failed"])
def test_for_a_scribe_that_died_the_trainer_has_the_last_word(outbox, folder, caplog, state):
    kill_scribe(outbox, folder / "summary.json")
    before = read_json(folder / "summary.json")
    assert (before["state"], before["dropped"]) == ("running", 0)
    outbox.scalar("loss", 1, 1, 0.0)  # its name meets the broken pipe, its row is lost
    outbox.records(1, 0.0, [reduced(0, a_weight=1), reduced(1, a_weight=1)])
    outbox.close(state, 0.125)
    assert read_json(folder / "summary.json") == {**before, "state": state, "dropped": 3}
    assert caplog.text.count("3 rows could not be written") == 1


def test_what_was_dropped_before_the_scribe_died_still_counts(outbox, folder):
    kill_scribe(outbox, folder / "summary.json")
    found = read_json(folder / "summary.json")
    write_json(folder / "summary.json", {**found, "dropped": 4})
    outbox.scalar("loss", 1, 1, 0.0)
    outbox.close("finished", 0.0)
    assert read_json(folder / "summary.json")["dropped"] == 5


@pytest.mark.parametrize("damage", [b"{", None])
def test_a_dead_scribe_and_no_summary_end_nothing(outbox, folder, damage):
    kill_scribe(outbox, folder / "summary.json")
    (folder / "summary.json").unlink()
    if damage is not None:
        (folder / "summary.json").write_bytes(damage)
    outbox.close("finished", 0.0)
    assert not outbox._courier.alive


def test_another_ranks_last_word_goes_into_its_own_summary(folder, describe):
    path = folder / "summary-r0001.json"
    outbox = Outbox(Courier(folder, hold(folder, 1), 1), path, Troubles(folder), describe)
    outbox.begin(["gradients"], optimizers=1)
    kill_scribe(outbox, path)
    outbox.scalar("loss", 1, 1, 0.0)
    outbox.close("failed", 0.0)
    assert read_json(path)["state"] == "failed"
    assert read_json(path)["dropped"] == 1
    assert not (folder / "summary.json").exists()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_numbers_on_a_device_arrive_by_themselves(outbox, folder):
    value = torch.tensor(0.5, device="cuda", requires_grad=True)
    firing = torch.arange(3.0, device="cuda")
    outbox.scalar("loss", value * 2, 1, 0.0)
    outbox.array("firing", firing, "", 1, 0.0)
    firing += 1
    file = close(outbox, folder)
    assert file.scalars().values.tolist() == [1]
    [(_, _, values)] = tracks(file).values()
    assert values.tolist() == [[0, 1, 2]]


def test_a_dead_scribe_is_said_once(outbox, folder, monkeypatch, caplog):
    monkeypatch.setattr("probes.outbox.NEWS", 0.0)
    kill_scribe(outbox, folder / "summary.json")
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
