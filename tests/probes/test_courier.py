from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from probes import wire
from probes.courier import Courier
from probes.folder import ARCHIVE, create_run, hold, is_held, read_json
from probes.recording import BINS, STATISTICS
from probes.recording_file import RecordingFile

ROWS = 100  # of a large frame: 17 KB, so that 60 fill the pipe


@pytest.fixture
def courier(tmp_path):
    create_run(tmp_path / "run", {"id": "abc"})
    courier = Courier(tmp_path / "run", hold(tmp_path / "run"))
    courier.send(wire.message(series=["gradients"], keys=["loss"], tensors=tensors()))
    yield courier
    if courier._scribe.poll() is None:
        go_on(courier)
    if not courier._scribe.stdout.closed:
        courier.close(20)


def tensors():
    return [[f"{n}.weight", "", "Linear", "matrix", "2", "float32", n, True] for n in range(ROWS)]


def large(step):
    statistics = np.full((ROWS, len(STATISTICS)), step, np.float32)
    histogram = np.full((ROWS, BINS), step, np.uint16)
    rows = np.arange(ROWS, dtype=np.uint32)
    return wire.record(wire.Record(0, step, step / 8, rows, statistics, histogram))


def stop(courier):
    os.kill(courier._scribe.pid, signal.SIGSTOP)
    wait_for(lambda: "T (" in Path(f"/proc/{courier._scribe.pid}/status").read_text())


def go_on(courier):
    os.kill(courier._scribe.pid, signal.SIGCONT)


def wait_for(what):
    deadline = time.monotonic() + 20
    while not what() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert what()


def recorded(courier):
    """Close it; the steps that reached the recording, and the last words."""
    said = courier.close(20)
    folder = Path(courier._scribe.args[-2])
    return RecordingFile(folder / ARCHIVE).series["gradients"].steps.tolist(), said, folder


def test_what_is_sent_arrives(courier):
    for step in range(1, 11):
        courier.send(large(step), rows=1)
    steps, said, _ = recorded(courier)
    assert steps == list(range(1, 11))
    assert said == [{"done": True, "dropped": 0}]


def test_a_pipe_with_room_needs_no_thread(courier):
    for step in range(1, 11):
        courier.send(large(step), rows=1)
    assert courier._thread is None
    assert not courier._queue


def test_a_full_pipe_never_blocks_and_is_drained_when_the_reader_goes_on(courier):
    stop(courier)
    started = time.monotonic()
    for step in range(1, 301):
        courier.send(large(step), rows=1)
    assert time.monotonic() - started < 2
    assert courier._thread is not None
    assert courier._queued == sum(len(part) for part in courier._queue) > 1 << 20
    go_on(courier)
    wait_for(lambda: courier._thread is None)
    assert (courier._queued, len(courier._queue), courier.lost) == (0, 0, 0)
    courier.send(large(301), rows=1)
    steps, _, folder = recorded(courier)
    assert steps == list(range(1, 302))
    means = RecordingFile(folder / ARCHIVE).column("gradients", "mean")
    np.testing.assert_array_equal(means, np.repeat(np.arange(1, 302)[:, None], ROWS, 1))


def test_what_does_not_fit_is_dropped_counted_and_told(courier, monkeypatch):
    monkeypatch.setattr("probes.courier.QUEUE_BYTES", 300_000)
    stop(courier)
    for step in range(1, 201):
        courier.send(large(step), rows=1)
    lost = courier.lost
    assert lost > 50
    assert courier._queued <= 300_000
    go_on(courier)
    wait_for(lambda: courier._thread is None)
    courier.send(large(201), rows=1)
    assert courier.lost == 0
    steps, said, folder = recorded(courier)
    assert steps == [*range(1, 201 - lost), 201]  # the newest went
    assert said == [{"done": True, "dropped": lost}]
    assert read_json(folder / "summary.json")["dropped"] == lost
    assert RecordingFile(folder / ARCHIVE).dropped == lost


def test_a_frame_of_several_rows_counts_all_of_them(courier, monkeypatch):
    monkeypatch.setattr("probes.courier.QUEUE_BYTES", 0)
    courier.send(large(1) + large(2) + large(3), rows=3)
    assert courier.lost == 3


def test_what_names_the_rows_is_never_dropped(courier, monkeypatch):
    stop(courier)
    for step in range(1, 101):
        courier.send(large(step), rows=1)
    monkeypatch.setattr("probes.courier.QUEUE_BYTES", 0)
    courier.send(large(101), rows=1)
    assert courier.lost == 1
    courier.send(wire.message(keys=["late"]))
    courier.send(wire.message(event=[7, 1.0, "note", "while the pipe was full"]))
    go_on(courier)
    wait_for(lambda: courier._thread is None)
    monkeypatch.undo()
    courier.send(wire.scalar(101, 1.0, 1, 0.5), rows=1)
    _, _, folder = recorded(courier)
    file = RecordingFile(folder / ARCHIVE)
    assert file.keys == ("loss", "late")
    assert [event.text for event in file.events] == ["while the pipe was full"]


def test_who_waits_for_room_sends_more_than_the_queue_holds_and_all_of_it_arrives(
    courier, monkeypatch
):
    monkeypatch.setattr("probes.courier.QUEUE_BYTES", 400_000)
    assert courier.room == 200_000  # the other half is for rows
    size, step = len(large(1)), 0
    stop(courier)
    while courier.room >= size:
        step += 1
        courier.send(large(step), rows=1)
    assert courier.room == 200_000 - courier._queued < size
    go_on(courier)
    while step < 200:
        wait_for(lambda: courier.room >= size)
        step += 1
        courier.send(large(step), rows=1)
    assert courier.lost == 0
    assert recorded(courier)[0] == list(range(1, 201))


def test_there_is_no_less_than_no_room(courier, monkeypatch):
    stop(courier)
    for step in range(1, 101):
        courier.send(large(step), rows=1)
    monkeypatch.setattr("probes.courier.QUEUE_BYTES", 0)
    assert courier.room == 0


def test_a_ranks_rows_go_to_a_scribe_of_its_own(tmp_path):
    create_run(tmp_path / "run", {"id": "abc"})
    held = hold(tmp_path / "run", rank=3)
    courier = Courier(tmp_path / "run", held, rank=3)
    assert is_held(tmp_path / "run", rank=3)
    assert not is_held(tmp_path / "run")
    courier.send(wire.message(series=["gradients"], keys=["loss"], tensors=tensors()))
    courier.send(large(1), rows=1)
    assert courier.close(20) == [{"done": True, "dropped": 0}]
    file = RecordingFile(tmp_path / "run" / "recording-r0003.h5")
    assert (file.rank, file.series["gradients"].steps.tolist()) == (3, [1])
    assert not (tmp_path / "run" / ARCHIVE).exists()


def test_a_dead_scribe_is_noticed_and_no_error(courier):
    os.kill(courier._scribe.pid, signal.SIGKILL)
    courier._scribe.wait(20)
    courier.send(large(1), rows=1)
    assert not courier.alive
    courier.send(large(2), rows=1)
    assert courier.lost == 1
    assert courier.answers() == []
    assert courier.close(20) == []


def test_a_scribe_that_dies_with_a_full_pipe_ends_the_thread(courier):
    stop(courier)
    for step in range(1, 101):
        courier.send(large(step), rows=1)
    assert courier._thread is not None
    os.kill(courier._scribe.pid, signal.SIGKILL)
    wait_for(lambda: courier._thread is None)
    assert not courier.alive


def test_a_scribe_that_hangs_does_not_hold_the_trainer(courier):
    stop(courier)
    started = time.monotonic()
    assert courier.close(0.2) == []
    assert time.monotonic() - started < 2
    go_on(courier)
    assert courier._scribe.wait(20) == 0


def test_answers_come_line_by_line(courier):
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    answers, courier._answers = courier._answers, reader
    os.write(writer, b'{"trouble": "a"}\n{"troub')
    assert courier.answers() == [{"trouble": "a"}]
    os.write(writer, b'le": "b"}\n')
    assert courier.answers() == [{"trouble": "b"}]
    assert courier.answers() == []
    courier._answers = answers
    os.close(reader)
    os.close(writer)


def test_a_forked_child_leaves_the_pipe_to_its_parent(courier):
    child = os.fork()
    if child == 0:
        courier.leave()
        courier.send(large(9), rows=1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    courier.send(large(1), rows=1)
    assert recorded(courier)[0] == [1]


def test_the_scribe_holds_the_run_until_it_ends(courier, tmp_path):
    assert is_held(tmp_path / "run")
    os.kill(courier._scribe.pid, signal.SIGKILL)
    courier._scribe.wait(20)
    assert not is_held(tmp_path / "run")  # nothing of it is left open in the trainer
    os.close(hold(tmp_path / "run", patience=0))


def test_ctrl_c_in_a_terminal_does_not_reach_the_scribe(courier):
    assert os.getpgid(courier._scribe.pid) != os.getpgid(0)


def test_the_scribe_is_found_from_any_working_directory(tmp_path):
    create_run(tmp_path / "run", {"id": "abc"})
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from pathlib import Path; from probes.courier import Courier; from probes import wire\n"
        "from probes.folder import hold; folder = Path('run').resolve()\n"
        "courier = Courier(folder, hold(folder)); courier.send(wire.message(state='finished'))\n"
        "assert courier.close(30) == [{'done': True, 'dropped': 0}]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, timeout=60)
    assert read_json(tmp_path / "run" / "summary.json")["state"] == "finished"


@pytest.fixture
def crowd():
    """A process with so many open files that select() would refuse the next."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2000:
        pytest.skip("this machine allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1200)]
    yield
    for each in opened:
        os.close(each)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_with_very_many_open_files_all_that_was_queued_arrives(crowd, courier):
    assert courier._pipe > 1100
    stop(courier)
    for step in range(1, 201):
        courier.send(large(step), rows=1)
    assert courier._thread is not None
    go_on(courier)
    steps, said, _ = recorded(courier)
    assert steps == list(range(1, 201))
    assert said == [{"done": True, "dropped": 0}]
