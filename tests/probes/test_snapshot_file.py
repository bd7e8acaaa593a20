from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from probes.folder import FORMAT, VERSION, FathomError, RunError
from probes.snapshot_file import (
    KNOWN,
    Row,
    SnapshotWriter,
    decode,
    holder,
    read_alone,
    read_index,
    read_snapshot,
    snapshot_path,
    snapshot_steps,
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "snapshots").mkdir()
    return tmp_path


def write(folder, step, tensors, *, rank=0):
    """A snapshot of float32 arrays, none of them referring to another file."""
    rows, at = [], 0
    for name, values in tensors.items():
        rows.append(Row(name, values.shape, "float32", values.nbytes, at, hash="h", step=step))
        at += values.nbytes
    writer = SnapshotWriter(snapshot_path(folder, step, rank), rows)
    for row, values in zip(rows, tensors.values(), strict=True):
        writer.write(row.offset, values.reshape(-1).view(np.uint8))
    writer.finish(at, rows, rank=rank, step=step, time=step / 8)
    return snapshot_path(folder, step, rank)


WIDE = {
    "bfloat16": torch.float32, "complex32": torch.complex64,
    **{name: torch.float32 for name in KNOWN if name.startswith("float8")},
}  # fmt: skip
TYPES = sorted(name for name in KNOWN if hasattr(torch, name))


def every_code(dtype: torch.dtype) -> torch.Tensor:
    """Every bit pattern of an 8 or 16 bit type; random patterns of a wider one."""
    if dtype is torch.bool:
        return torch.tensor([True, False])
    if dtype.itemsize == 1:
        return torch.arange(256).to(torch.uint8).view(dtype)
    if dtype.itemsize == 2 and not dtype.is_complex:
        return torch.arange(-(1 << 15), 1 << 15).to(torch.int16).view(dtype)
    raw = torch.randint(256, (512 * dtype.itemsize,), generator=torch.Generator().manual_seed(0))
    return raw.to(torch.uint8).view(dtype)


@pytest.mark.parametrize("name", TYPES)
def test_every_number_of_every_type_is_what_torch_says_it_is(name):
    stored = every_code(getattr(torch, name))
    raw = stored.view(torch.uint8).numpy().copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls complex32 experimental
        told = (stored.to(WIDE[name]) if name in WIDE else stored).numpy()
    found = decode(raw, name, tuple(stored.shape))
    assert found.dtype == told.dtype
    assert found.shape == told.shape
    if name in WIDE:  # of a NaN converted, the payload is not part of the number
        np.testing.assert_array_equal(found, told)
        parts = (np.signbit(part[~np.isnan(told)]) for part in (found.real, told.real))
        assert np.array_equal(*parts)
    else:
        assert found.tobytes() == told.tobytes()


def test_bfloat16_keeps_every_bit():
    codes = np.arange(1 << 16, dtype=np.uint16)
    found = decode(codes.view(np.uint8), "bfloat16", (1 << 16,))
    assert (found.view(np.uint32) >> 16 == codes).all()
    assert not (found.view(np.uint32) & 0xFFFF).any()


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1, 1), (2, 3)])
def test_shapes(shape):
    values = np.full(shape, 7.0, np.float32)
    found = decode(np.frombuffer(values.tobytes(), np.uint8), "float32", shape)
    assert found.shape == shape
    assert np.array_equal(found, values)


def test_a_type_of_the_future_comes_as_bytes():
    raw = np.arange(12, dtype=np.uint8)
    assert np.array_equal(decode(raw, "float16_next", (2, 3)), raw.reshape(2, 3, 2))
    assert decode(raw[:0], "float16_next", (0, 3)).shape == (0, 3, 0)


def test_a_file_gives_what_was_written(folder):
    tensors = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float32(2).reshape(())}
    path = write(folder, 1000, tensors, rank=3)
    assert path.name == "r0003-s000001000.h5"
    assert [path.name for path in path.parent.iterdir()] == [path.name]
    assert snapshot_steps(folder, 3) == (1000,)
    assert snapshot_steps(folder) == ()
    found = read_snapshot(str(folder), 1000, 3)
    assert list(found) == ["a", "b"]
    assert all(np.array_equal(found[name], tensors[name]) for name in tensors)
    assert read_index(path)[0] == 125.0
    found["a"] += 1  # the reader's own


def test_steps_are_sorted_as_numbers_and_strangers_are_left_alone(folder):
    for step in (7, 2_000_000_000, 30):
        write(folder, step, {})
    (folder / "snapshots" / "r0000-s00000old.h5").write_bytes(b"")
    (folder / "snapshots" / "r0000-s000000009.h5.part").write_bytes(b"")
    assert snapshot_steps(folder) == (7, 30, 2_000_000_000)


def test_a_step_without_a_snapshot_is_told_with_what_there_is(folder):
    with pytest.raises(FathomError, match=r"no snapshot of step 5 .*Snapshots\(\)"):
        read_snapshot(folder, 5)
    for step in range(1, 21):
        write(folder, step, {})
    with pytest.raises(FathomError, match="there are: 1, 2, 3, 4, …, 17, 18, 19, 20"):
        read_snapshot(folder, 21)


def test_bytes_are_sought_in_the_next_file_that_is_left():
    row = Row("a", (1,), "float32", 4, step=10)
    assert holder(row, (1, 10, 20)) == 10
    assert holder(row, (1, 20, 40)) == 20
    with pytest.raises(RunError, match="'a'"):
        holder(row, (1, 9))


def test_what_is_not_there_is_told_by_name(folder):
    write(folder, 1, {"a": np.ones(3, np.float32)})
    row = Row("a", (3,), "float32", 12, hash="other", step=1)
    writer = SnapshotWriter(snapshot_path(folder, 2), [row])
    writer.finish(0, [row], rank=0, step=2, time=0.0)
    with pytest.raises(RunError, match=r"step 2 .* lacks the bytes of 'a'"):
        read_snapshot(folder, 2)


def test_a_flipped_bit_is_noticed(folder):
    values = np.arange(1000, dtype=np.float32)
    path = write(folder, 1, {"a": values})
    image = bytearray(path.read_bytes())
    image[image.index(values.tobytes()) + 1234] ^= 4
    path.write_bytes(image)
    with pytest.raises(RunError, match="damaged"):
        read_snapshot(folder, 1)


ROW = {"name": "a", "shape": [2], "dtype": "float32", "bytes": 8, "offset": 0, "alias": "",
       "note": "", "hash": "h", "step": 1}  # fmt: skip
HOSTILE = {
    "more than there is": [{**ROW, "bytes": 1 << 40, "shape": [1 << 38]}],
    "the same bytes many times": [{**ROW, "name": str(n)} for n in range(3)],
    "negative offset": [{**ROW, "offset": -8}],
    "beyond the end": [{**ROW, "offset": 16}],
    "an impossible shape": [{**ROW, "shape": [-1]}],
    "a shape that does not fit": [{**ROW, "shape": [3]}],
    "no shape": [{**ROW, "shape": "ab"}],
    "numbers that are none": [{**ROW, "bytes": True}],
    "a name that is none": [{**ROW, "name": ["a"]}],
    "an alias of nothing": [{**ROW, "alias": "b"}],
    "an alias of itself": [{**ROW, "alias": "a"}],
    "a step that is none": [{**ROW, "step": "1"}],
    "unknown fields": [{**ROW, "code": "x"}],
    "no rows": 7,
}


ZEROS = np.zeros(16, np.uint8)


def forge(path, table, blob=ZEROS, **options):
    with h5py.File(path, "w") as file:
        file.attrs.update(format=FORMAT, version=VERSION, rank=0, step=1, time=0.0)
        file["tensors"] = np.frombuffer(table, np.uint8)
        if blob is not None:
            file.create_dataset("blob", data=blob, **options)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_table_is_one_line(folder, kind):
    forge(snapshot_path(folder, 1), json.dumps(HOSTILE[kind]).encode())
    with pytest.raises(RunError) as raised:
        read_snapshot(folder, 1)
    assert "\n" not in str(raised.value)


def test_hostile_files_are_one_line(folder):
    path = snapshot_path(folder, 1)
    good = json.dumps([ROW]).encode()
    forge(path, good)
    assert read_snapshot(folder, 1)["a"].tolist() == [0, 0]  # what is forged below differs from it
    bomb = np.zeros(1 << 24, np.uint8)
    huge = json.dumps([{**ROW, "bytes": 1 << 24, "shape": [1 << 22]}]).encode()
    forgeries = {
        "unpacks to more": lambda: forge(path, huge, bomb, compression="gzip"),
        "no bytes": lambda: forge(path, good, np.zeros(16)),
        "two axes": lambda: forge(path, good, np.zeros((4, 4), np.uint8)),
        "nothing": lambda: forge(path, good, None),
        "no table": lambda: forge(path, b"["),
        "deep": lambda: forge(path, b"[" * 200_000),
        "no HDF5": lambda: path.write_bytes(b"x" * 999),
        "empty": lambda: path.write_bytes(b""),
    }
    for kind, make in forgeries.items():
        make()
        with pytest.raises(RunError) as raised:
            read_snapshot(folder, 1)
        assert "\n" not in str(raised.value), kind


def test_bytes_that_lie_elsewhere_are_not_read(folder):
    (folder / "secret").write_bytes(b"s" * 16)
    path = snapshot_path(folder, 1)
    forge(path, json.dumps([ROW]).encode(), None)
    with h5py.File(path, "a") as file:
        outside = [(str(folder / "secret"), 0, 16)]
        file.create_dataset("blob", (16,), np.uint8, external=outside)
    with pytest.raises(RunError, match="points outside"):
        read_snapshot(folder, 1)


def test_a_disk_without_room_is_an_error_before_a_byte_is_written(folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space"):
        write(folder, 1, {"a": np.ones(3, np.float32)})
    assert list((folder / "snapshots").iterdir()) == []


LIMITED = """
import sys
from pathlib import Path
import numpy as np
from probes.snapshot_file import *
row = Row("a", (1 << 22,), "uint8", 1 << 22, hash="h", step=1)
try:
    writer = SnapshotWriter(snapshot_path(Path(sys.argv[1]), 1), [row])
    writer.write(0, np.ones(1 << 22, np.uint8))
    writer.finish(1 << 22, [row], rank=0, step=1, time=0.0)
except OSError as error:
    print(error.strerror)
"""


def test_a_limit_on_the_size_of_files_is_an_error_like_any_other(folder):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(folder)],
        capture_output=True, text=True, check=True, preexec_fn=limit,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stdout.strip() == os.strerror(errno.EFBIG)
    assert list((folder / "snapshots").iterdir()) == []


def test_a_write_that_fails_late_leaves_nothing(folder, monkeypatch):
    """On a file system that cannot take room beforehand."""
    row = Row("a", (1 << 20,), "uint8", 1 << 20, hash="h", step=1)
    writer = SnapshotWriter(snapshot_path(folder, 1), [row])
    writer._disk._failure = OSError(errno.ENOSPC, "No space left on device")
    writer.write(0, np.ones(1 << 20, np.uint8))
    with pytest.raises(OSError, match="No space"):
        writer.finish(1 << 20, [row], rank=0, step=1, time=0.0)
    writer.abandon()
    assert list((folder / "snapshots").iterdir()) == []


def test_a_file_alone_gives_all_that_it_holds(folder):
    values = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "none": np.zeros((0, 4), "f4")}
    found = read_alone(write(folder, 0, values))
    assert found.keys() == values.keys()
    assert all(np.array_equal(found[name], values[name]) for name in values)


def test_a_file_that_needs_another_is_refused_alone(folder):
    path = write(folder, 0, {"a": np.ones(3, np.float32)})
    rows = [Row("a", (3,), "float32", 12, hash="h", step=0), Row("b", (), "float32", 0, alias="c")]
    writer = SnapshotWriter(path, rows)
    writer.write(0, np.ones(3, np.float32).view(np.uint8))
    writer.finish(12, rows, rank=0, step=0, time=0.0)
    with pytest.raises(RunError, match="lacks the bytes of 'b'; copy the whole run again"):
        read_alone(path)
