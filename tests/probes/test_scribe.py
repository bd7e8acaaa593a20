from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from probes import wire
from probes.folder import ARCHIVE, create_run, read_json
from probes.recording_file import RecordingFile


@pytest.fixture
def folder(tmp_path):
    create_run(tmp_path / "run", {"id": "abc"})
    return tmp_path / "run"


def scribe(folder, *rank):
    return subprocess.Popen(
        [sys.executable, "-m", "probes.scribe", str(folder), *rank],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process, data=None):
    """Let it end; what it said."""
    out, err = process.communicate(data, timeout=30)
    assert (process.returncode, err) == (0, b"")
    return [json.loads(line) for line in out.splitlines()]


def scalars(steps):
    return b"".join(wire.scalar(step, step / 8, 0, step / 2) for step in range(1, steps + 1))


def steps_written(folder):
    return RecordingFile(folder / ARCHIVE).scalars().steps.tolist()


def wait_for(what):
    deadline = time.monotonic() + 20
    while not what() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert what()


HELLO = wire.message(series=["gradients"], keys=["loss"])


def test_an_end_without_goodbye_is_a_killed_trainer(folder):
    said = finish(scribe(folder), HELLO + scalars(5))
    assert read_json(folder / "summary.json")["state"] == "killed"
    assert steps_written(folder) == [1, 2, 3, 4, 5]
    assert said == [{"done": True, "dropped": 0}]


@pytest.mark.parametrize("state", ["finished", "failed"])
def test_an_end_with_goodbye_is_what_the_goodbye_says(folder, state):
    finish(scribe(folder), HELLO + scalars(5) + wire.message(state=state))
    assert read_json(folder / "summary.json")["state"] == state
    assert steps_written(folder) == [1, 2, 3, 4, 5]


def test_nothing_said_is_a_killed_run_without_an_archive(folder):
    finish(scribe(folder), b"")
    assert read_json(folder / "summary.json")["state"] == "killed"
    assert not (folder / ARCHIVE).exists()


def test_a_frame_cut_in_two_is_a_lost_row(folder):
    said = finish(scribe(folder), HELLO + scalars(5)[:-3])
    assert steps_written(folder) == [1, 2, 3, 4]
    assert said == [{"done": True, "dropped": 1}]


def test_megabytes_at_once_arrive_whole(folder):
    finish(scribe(folder), HELLO + scalars(60_000))
    found = RecordingFile(folder / ARCHIVE).scalars()
    assert found.steps.tolist() == list(range(1, 60_001))
    np.testing.assert_array_equal(found.values, found.steps / 2)


def test_asked_to_end_it_writes_what_it_has(folder):
    process = scribe(folder)
    process.stdin.write(HELLO + scalars(5))
    process.stdin.flush()
    wait_for((folder / "summary.json").exists)
    time.sleep(0.5)  # read, but below the two seconds after which a segment is written
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)
    finish(process)
    assert read_json(folder / "summary.json")["state"] == "killed"
    assert steps_written(folder) == [1, 2, 3, 4, 5]


def test_a_recorder_that_no_longer_listens_is_no_trouble(folder):
    process = scribe(folder)
    process.stdout.close()
    process.stdin.write(HELLO + scalars(5) + wire.message(state="finished"))
    process.stdin.close()
    assert process.wait(timeout=30) == 0
    process.stderr.close()
    assert read_json(folder / "summary.json")["state"] == "finished"


def test_a_living_run_says_who_writes_it(folder):
    process = scribe(folder)
    wait_for((folder / "summary.json").exists)
    found = read_json(folder / "summary.json")
    finish(process, b"")
    assert (found["state"], found["scribe"]) == ("running", process.pid)


def test_a_rank_has_a_scribe_and_files_of_its_own(folder):
    first, second = scribe(folder), scribe(folder, "1")
    finish(second, HELLO + scalars(3) + wire.message(state="finished"))
    finish(first, HELLO + scalars(5))
    assert steps_written(folder) == [1, 2, 3, 4, 5]
    other = RecordingFile(folder / "recording-r0001.h5")
    assert (other.rank, other.scalars().steps.tolist()) == (1, [1, 2, 3])
    states = [read_json(folder / f"{name}.json")["state"] for name in ("summary", "summary-r0001")]
    assert states == ["killed", "finished"]


def test_torch_is_never_loaded():
    code = (
        "import sys, probes, probes.scribe, probes.binder, probes.archive, probes.wire\n"
        "assert 'h5py' in sys.modules\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
