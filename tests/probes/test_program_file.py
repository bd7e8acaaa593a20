from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from probes.binder import Binder
from probes.folder import create_run
from probes.program_file import PROGRAM, TENSORS, ProgramDraft
from probes.snapshot_file import read_alone, snapshot_path
from probes.wire import FRAME, PIECE, message, piece

ROOT = Path(__file__).parents[2]
GENERATOR = np.random.default_rng(0)
VALUES = {
    "input:x": GENERATOR.normal(size=(5, 3)).astype(np.float32),
    "constant:none": np.zeros((0, 2), np.float32),
    "input:ids": GENERATOR.integers(0, 9, (40,)),
}


def head_and_stream():
    rows, stream = [], b""
    for name, values in VALUES.items():
        stream += b"?" * (-len(stream) % 64)
        rows.append({"name": name, "shape": list(values.shape), "dtype": values.dtype.name,
                     "bytes": values.nbytes, "offset": len(stream)})  # fmt: skip
        stream += values.tobytes()
    return {"text": '{"é": 1}', "time": 2.5, "tensors": rows}, stream


def pieces(stream, size=100):
    return [piece(at, stream[at : at + size])[FRAME.size :] for at in range(0, len(stream), size)]


def check(folder):
    assert (folder / PROGRAM).read_text(encoding="utf-8") == '{"é": 1}'
    found = read_alone(folder / TENSORS)
    assert found.keys() == VALUES.keys()
    assert all(np.array_equal(found[name], VALUES[name]) for name in VALUES)


@pytest.mark.parametrize("size", [1, 64, 100, 1 << 20])
def test_a_program_that_comes_in_pieces_is_stored_whole(tmp_path, size):
    head, stream = head_and_stream()
    draft = ProgramDraft(tmp_path, head)
    for body in pieces(stream, size):
        assert not (tmp_path / PROGRAM).exists()
        draft.add(body)
    draft.close()
    check(tmp_path)


def test_until_the_last_piece_there_is_nothing(tmp_path):
    head, stream = head_and_stream()
    draft = ProgramDraft(tmp_path, head)
    for body in pieces(stream)[:-1]:
        draft.add(body)
    draft.close()
    assert [*tmp_path.iterdir()] == []
    draft.add(pieces(stream)[-1])  # comes too late
    assert [*tmp_path.iterdir()] == []


def test_when_a_piece_is_lost_all_goes(tmp_path):
    head, stream = head_and_stream()
    draft = ProgramDraft(tmp_path, head)
    for body in (pieces(stream)[0], *pieces(stream)[2:]):
        draft.add(body)
    assert [*tmp_path.iterdir()] == []


def test_a_full_disk_is_an_error_that_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        ProgramDraft(tmp_path, head_and_stream()[0])
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("full", [False, True])
def test_the_binder_stores_it_and_outlives_a_full_disk(tmp_path, monkeypatch, full):
    folder, told = tmp_path / "run", []
    create_run(folder, {"id": "a"})
    binder = Binder(folder, lambda **status: told.append(status))
    head, stream = head_and_stream()
    if full:
        monkeypatch.setattr("probes.program_file.write_whole", refuse)
    binder.add(b"M", message(program=head)[FRAME.size :])
    for body in pieces(stream):
        binder.add(PIECE, body)
    binder.close()
    troubles = [status["trouble"] for status in told if "trouble" in status]
    assert troubles == (["No space left on device"] if full else [])
    assert told[-1] == {"done": True, "dropped": 0}
    assert (folder / PROGRAM).exists() is not full
    if not full:
        check(folder)


def refuse(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_pieces_of_a_program_that_nobody_began_are_let_go(tmp_path):
    folder = tmp_path / "run"
    create_run(folder, {"id": "a"})
    binder = Binder(folder, lambda **_: None)
    binder.add(PIECE, pieces(head_and_stream()[1])[0])
    binder.close()
    assert not (folder / TENSORS).exists()


def test_what_a_run_holds_is_told_without_torch(tmp_path):
    """Asked in a process of its own, of a folder with a program and of one without."""
    head, stream = head_and_stream()
    draft = ProgramDraft(tmp_path, head)
    draft.add(piece(0, stream)[FRAME.size :])
    (tmp_path / "snapshots").mkdir()
    for step in (20, 3):
        snapshot_path(tmp_path, step).touch()
    script = (
        "import sys; from probes.program_file import has_program; "
        "from probes.snapshot_file import snapshot_steps; place = sys.argv[1]; "
        "print(has_program(place), has_program(place + '/snapshots'), snapshot_steps(place), "
        "snapshot_steps(place + '/nowhere'), 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path],
        capture_output=True, text=True, timeout=60, check=True, cwd=ROOT,
    )  # fmt: skip
    assert done.stdout == "True False (3, 20) () False\n"
