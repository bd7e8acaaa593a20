from __future__ import annotations

import errno
import os

import h5py
import numpy as np
import pytest

from probes.archive import archive_run, last_step
from probes.folder import ARCHIVE, RunError, create_run, segment_path, segment_paths
from probes.recording import (
    BINS,
    STATISTICS,
    Event,
    Scalars,
    Segment,
    Series,
    TensorInfo,
    segment_image,
)
from probes.recording_file import RecordingFile


@pytest.fixture
def folder(tmp_path):
    create_run(tmp_path / "run", {"id": "abc"})
    return tmp_path / "run"


def info(name, depth=0):
    return TensorInfo(name, name, "Linear", "matrix", "2x2", "float32", depth, True)


def series(steps, tensors):
    generator = np.random.default_rng(steps[0])
    return Series(
        np.array(steps, np.int64),
        np.array(steps) / 8,
        np.array(tensors, np.uint32),
        generator.normal(size=(len(steps), len(tensors), len(STATISTICS))).astype(np.float32),
        generator.integers(0, 4097, (len(steps), len(tensors), BINS)).astype(np.uint16),
    )


def add(folder, sequence, *, tensors=(), found=None, scalars=(), keys=(), events=()):
    """Write a segment: series by name, and scalars as (step, key, value)."""
    steps, numbers, values = zip(*scalars, strict=True) if scalars else ((), (), ())
    columns = Scalars(
        np.array(steps, np.int64),
        np.array(steps, float) / 8,
        np.array(numbers, np.uint32),
        np.array(values, float),
    )
    wanted = Segment(
        "abc", sequence, sequence, tuple(tensors), keys, columns, found or {}, tuple(events)
    )
    segment_path(folder, sequence).write_bytes(segment_image(wanted))


def joined(folder, name="gradients"):
    blocks = list(RecordingFile(folder / ARCHIVE).blocks(name))
    return Series(
        np.concatenate([block.steps for block in blocks]),
        np.concatenate([block.times for block in blocks]),
        blocks[0].tensors,
        np.concatenate([block.statistics for block in blocks]),
        np.concatenate([block.histogram for block in blocks]),
    )


def test_the_archive_holds_its_segments_one_after_another(folder):
    parts = [series([1, 2, 3], [0, 1]), series([4], [0, 1]), series([5, 6], [0, 1])]
    for n, part in enumerate(parts):
        add(folder, n, tensors=[info("a"), info("b")], found={"gradients": part})
    archive_run(folder)
    found = joined(folder)
    assert found.tensors.tolist() == [0, 1]
    for name in ("steps", "times", "statistics", "histogram"):
        whole = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(getattr(found, name), whole)


def test_the_segments_go(folder):
    add(folder, 0, scalars=[(1, 0, 0.5)], keys=("loss",))
    archive_run(folder)
    assert segment_paths(folder) == []
    assert {path.name for path in folder.iterdir()} == {"run.json", "segments", ARCHIVE}


def test_a_column_reads_the_same_from_segment_and_archive(folder):
    part = series([1, 2, 3], [0, 1])
    add(folder, 0, tensors=[info("a"), info("b")], found={"gradients": part})
    archive_run(folder)
    for n, name in enumerate(STATISTICS):
        column = RecordingFile(folder / ARCHIVE).column("gradients", name)
        np.testing.assert_array_equal(column, part.statistics[:, :, n])


def test_a_late_tensor_joins_the_archive(folder):
    early, late = series([1, 2], [0]), series([3], [0, 1])
    add(folder, 0, tensors=[info("a")], found={"gradients": early})
    add(folder, 1, tensors=[info("a"), info("late", 4)], found={"gradients": late})
    archive_run(folder)
    found = joined(folder)
    assert RecordingFile(folder / ARCHIVE).tensors == (info("a"), info("late", 4))
    np.testing.assert_array_equal(found.statistics[2], late.statistics[0])
    np.testing.assert_array_equal(found.statistics[:2, :1], early.statistics)
    assert found.statistics[:2, 1, 0].tolist() == [0, 0]
    assert np.isnan(found.statistics[:2, 1, 1:]).all()
    assert not found.histogram[:2, 1].any()


def test_tables_in_another_order_are_brought_together(folder):
    one, two = series([1], [0, 1]), series([2], [0, 1])
    add(folder, 0, tensors=[info("a"), info("b")], found={"gradients": one})
    add(folder, 1, tensors=[info("b"), info("a")], found={"gradients": two})
    archive_run(folder)
    found = joined(folder)
    np.testing.assert_array_equal(found.statistics[0], one.statistics[0])
    np.testing.assert_array_equal(found.statistics[1], two.statistics[0, ::-1])


def test_a_key_that_comes_late_keeps_its_values(folder):
    add(folder, 0, scalars=[(1, 0, 0.5)], keys=("loss",))
    add(folder, 1, scalars=[(2, 0, 9.0), (2, 1, 0.25)], keys=("accuracy", "loss"))
    archive_run(folder)
    file = RecordingFile(folder / ARCHIVE)
    rows = file.scalars()
    named = [file.keys[key] for key in rows.keys]
    assert list(zip(rows.steps, named, rows.values, strict=True)) == [
        (1, "loss", 0.5), (2, "accuracy", 9.0), (2, "loss", 0.25),
    ]  # fmt: skip


def test_a_series_that_comes_late_has_its_own_steps(folder):
    add(folder, 0, tensors=[info("a")], found={"gradients": series([1, 2], [0])})
    both = {"gradients": series([3], [0]), "updates": series([3], [0])}
    add(folder, 1, tensors=[info("a")], found=both)
    archive_run(folder)
    steps = {n: s.steps.tolist() for n, s in RecordingFile(folder / ARCHIVE).series.items()}
    assert steps == {"gradients": [1, 2, 3], "updates": [3]}


def test_further_segments_join_an_archive_that_is_there(folder):
    parts = [series([1, 2], [0]), series([3], [0, 1]), series([4, 5], [1])]
    add(
        folder, 0, tensors=[info("a")], found={"gradients": parts[0]}, events=[Event(1, 1, "a", "")]
    )
    archive_run(folder)
    add(folder, 1, tensors=[info("a"), info("b")], found={"gradients": parts[1]})
    add(folder, 2, tensors=[info("c"), info("b")], found={"gradients": parts[2]},
        events=[Event(4, 4, "b", "")])  # fmt: skip
    archive_run(folder)
    file, found = RecordingFile(folder / ARCHIVE), joined(folder)
    assert segment_paths(folder) == []
    assert (file.sequence, file.dropped) == (2, 2)
    assert [event.kind for event in file.events] == ["a", "b"]
    assert found.steps.tolist() == [1, 2, 3, 4, 5]
    assert [file.tensors[row].name for row in found.tensors] == ["a", "b"]
    np.testing.assert_array_equal(found.statistics[:2, :1], parts[0].statistics)
    np.testing.assert_array_equal(found.statistics[2:3], parts[1].statistics)
    np.testing.assert_array_equal(found.statistics[3:, 1:], parts[2].statistics)
    np.testing.assert_array_equal(found.histogram[3:, 1:], parts[2].histogram)


def test_a_segment_already_in_the_archive_is_not_taken_twice(folder):
    add(folder, 0, scalars=[(1, 0, 0.5)], keys=("loss",))
    again = segment_path(folder, 0).read_bytes()
    archive_run(folder)
    segment_path(folder, 0).write_bytes(again)  # killed between archive and clearing up
    archive_run(folder)
    assert RecordingFile(folder / ARCHIVE).scalars().steps.tolist() == [1]
    assert segment_paths(folder) == []


def test_a_run_without_segments_has_no_archive(folder):
    archive_run(folder)
    assert not (folder / ARCHIVE).exists()


def test_a_long_series_is_joined_in_blocks(folder, monkeypatch):
    monkeypatch.setattr("probes.archive.BLOCK", 4)
    monkeypatch.setattr("probes.recording_file.BLOCK", 3)
    parts = [series(list(range(1 + 10 * n, 11 + 10 * n)), [0, 1]) for n in range(3)]
    for n, part in enumerate(parts):
        add(folder, n, tensors=[info("a"), info("b")], found={"gradients": part})
    archive_run(folder)
    found = joined(folder)
    assert found.steps.tolist() == list(range(1, 31))
    for name in ("statistics", "histogram"):
        whole = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(getattr(found, name), whole)


@pytest.fixture
def plain(folder):
    """An archive, opened as anybody would."""
    add(folder, 0, tensors=[info("a"), info("b")], found={"gradients": series([1, 2, 3], [0, 1])},
        scalars=[(1, 0, 0.5)], keys=("loss",))  # fmt: skip
    archive_run(folder)
    with h5py.File(folder / ARCHIVE) as file:
        yield file


def test_axes_are_named_for_other_readers(plain):
    group = plain["series/gradients"]
    assert group["statistics"].shape == (2, len(STATISTICS), 3)
    assert group["histogram"].shape == (2, BINS, 3)
    names = [dim[0].name.rpartition("/")[2] for dim in group["statistics"].dims]
    assert names == ["tensor", "statistic", "step"]
    assert group["statistic"][()].tolist() == [name.encode() for name in STATISTICS]
    assert group["histogram"].dims[2][0] == group["step"]


@pytest.mark.parametrize(
    "name", ["series/gradients/statistics", "series/gradients/histogram", "scalars/value"]
)
def test_values_carry_checksums(plain, name):
    assert plain[name].fletcher32


def test_a_flipped_bit_is_noticed(folder):
    add(folder, 0, tensors=[info("a")], found={"gradients": series([1], [0])})
    archive_run(folder)
    path, value = folder / ARCHIVE, series([1], [0]).statistics[0, 0, 6].tobytes()
    raw = bytearray(path.read_bytes())
    assert raw.count(value) == 1
    raw[raw.index(value)] ^= 1
    path.write_bytes(raw)
    with pytest.raises(RunError, match="is damaged"):
        RecordingFile(path).column("gradients", "mean")


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["posix_fallocate", "fsync"])
def test_a_full_disk_leaves_the_segments(folder, monkeypatch, call):
    add(folder, 0, scalars=[(1, 0, 0.5)], keys=("loss",))
    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space"):
        archive_run(folder)
    assert [path.name for path in segment_paths(folder)] == ["r0000-00000000.h5"]
    assert not list(folder.glob("recording*"))


def test_the_archive_keeps_no_room_it_does_not_need(folder):
    found = {"gradients": series(list(range(1, 1001)), [0])}
    add(folder, 0, tensors=[info("a")], found=found)
    segment = segment_path(folder, 0).stat().st_size
    archive_run(folder)
    status = (folder / ARCHIVE).stat()
    assert status.st_size < 1.2 * segment
    assert status.st_blocks * 512 < 1.5 * segment


def test_the_last_step_is_found_in_archive_segments_and_scalars(folder):
    assert last_step(folder) == 0
    add(folder, 0, tensors=[info("a")], found={"gradients": series([1, 7], [0])})
    assert last_step(folder) == 7
    archive_run(folder)
    assert last_step(folder) == 7
    add(folder, 1, scalars=[(11, 0, 0.5), (9, 0, 0.5)], keys=("loss",))
    assert last_step(folder) == 11


def test_without_files_no_step_is_the_last(tmp_path):
    assert last_step(tmp_path) == 0
    assert last_step(tmp_path / "none") == 0


def damage(folder, n):
    path = segment_path(folder, n)
    path.write_bytes(path.read_bytes()[:500])
    return path


def test_the_last_step_passes_over_what_is_damaged(folder):
    for n, step in enumerate((3, 5, 9)):
        add(folder, n, tensors=[info("a")], found={"gradients": series([step], [0])})
    damage(folder, 2)
    assert last_step(folder) == 5


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_damaged_segment_stays_and_the_others_are_archived(folder, which):
    for n in range(3):
        add(folder, n, tensors=[info("a")], found={"gradients": series([n + 1], [0])})
    path = damage(folder, which)
    before = path.read_bytes()
    archive_run(folder)
    steps = RecordingFile(folder / ARCHIVE).series["gradients"].steps.tolist()
    assert steps == [n + 1 for n in range(3) if n != which]
    assert segment_paths(folder) == [path]
    assert path.read_bytes() == before


def test_damaged_segments_alone_make_no_archive(folder):
    add(folder, 0, tensors=[info("a")], found={"gradients": series([1], [0])})
    path = damage(folder, 0)
    archive_run(folder)
    assert not (folder / ARCHIVE).exists()
    assert segment_paths(folder) == [path]
