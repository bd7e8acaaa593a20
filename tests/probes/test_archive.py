from __future__ import annotations

import errno
import os
from dataclasses import replace

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
    Track,
    segment_image,
)
from probes.recording_file import RecordingFile
from probes.reserved import Reserved


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


def track(name, steps, shape=(2,), dtype="float32", about=""):
    values = np.random.default_rng(steps[0]).integers(0, 99, (len(steps), *shape)).astype(dtype)
    return Track(name, about, np.array(steps), np.array(steps) / 8, values)


def add(
    folder, sequence, *, tensors=(), found=None, scalars=(), keys=(), events=(), tracks=(), rank=0
):
    """Write a segment: series by name, and scalars as (step, key, value)."""
    steps, numbers, values = zip(*scalars, strict=True) if scalars else ((), (), ())
    columns = Scalars(
        np.array(steps, np.int64),
        np.array(steps, float) / 8,
        np.array(numbers, np.uint32),
        np.array(values, float),
    )
    wanted = Segment(
        "abc", sequence, sequence, tuple(tensors), keys, columns, found or {}, tuple(events),
        tuple(tracks), rank,
    )  # fmt: skip
    segment_path(folder, sequence, rank).write_bytes(segment_image(wanted))


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


def arrays(folder):
    """All tracks of the archive, whole."""
    file = RecordingFile(folder / ARCHIVE)
    found = [list(file.arrays(n)) for n in range(len(file.tracks))]
    return [
        (one.name, one.about, [step for block in blocks for step in block.steps],
         np.concatenate([block.values for block in blocks or [one]]))
        for one, blocks in zip(file.tracks, found, strict=True)
    ]  # fmt: skip


def test_arrays_of_one_name_meaning_shape_and_type_are_joined_and_others_are_not(folder):
    early = [track("a", [1, 2], about="x"), track("b", [1], (3, 4), "bool")]
    late = [track("a", [3], (5,)), track("a", [4], dtype="int16"), track("a", [5], about="x")]
    late.append(track("a", [6], about="y"))
    add(folder, 0, tracks=early)
    add(folder, 1, tracks=late)
    archive_run(folder)
    found = arrays(folder)
    assert [row[:3] for row in found] == [
        ("a", "x", [1, 2, 5]), ("b", "", [1]), ("a", "", [3]), ("a", "", [4]), ("a", "y", [6]),
    ]  # fmt: skip
    wholes = [np.concatenate([early[0].values, late[2].values]), early[1].values]
    for row, whole in zip(found, [*wholes, *(late[n].values for n in (0, 1, 3))], strict=True):
        np.testing.assert_array_equal(row[3], whole)
        assert row[3].dtype == whole.dtype


def test_further_arrays_join_an_archive_that_is_there_block_by_block(folder, monkeypatch):
    monkeypatch.setattr("probes.recording_file.ARRAY_BLOCK", 20)
    parts = [track("a", list(range(10 * n + 1, 10 * n + 8))) for n in range(3)]
    for n, part in enumerate(parts):
        add(folder, n, tracks=[part])
        if n != 1:
            archive_run(folder)
    [(_, _, steps, values)] = arrays(folder)
    assert steps == [step for part in parts for step in part.steps]
    np.testing.assert_array_equal(values, np.concatenate([part.values for part in parts]))
    assert last_step(folder) == 27


@pytest.mark.parametrize("shape", [(), (0,), (7,), (200, 300)])
def test_arrays_carry_checksums_where_they_have_bytes(folder, shape):
    add(folder, 0, tracks=[track("../x", [1, 2], shape)])
    archive_run(folder)
    with h5py.File(folder / ARCHIVE) as file:
        assert list(file["arrays"]) == ["0"]
        assert file["arrays/0/values"].fletcher32 == (0 not in shape)
    np.testing.assert_array_equal(arrays(folder)[0][3], track("", [1, 2], shape).values)


def test_a_flipped_bit_in_an_array_is_noticed(folder):
    one = replace(track("a", [1]), values=np.array([[1.2345678, 9.87654321]]))
    add(folder, 0, tracks=[one])
    archive_run(folder)
    path = folder / ARCHIVE
    raw = bytearray(path.read_bytes())
    assert raw.count(one.values.tobytes()) == 1
    raw[raw.index(one.values.tobytes())] ^= 1
    path.write_bytes(raw)
    with pytest.raises(RunError, match="is damaged"):
        list(RecordingFile(path).arrays(0))


def test_the_room_taken_beforehand_suffices_for_very_many_tracks(folder, monkeypatch):
    sizes = []

    class Noting(Reserved):
        def __init__(self, raw, size):
            super().__init__(raw, size)
            sizes.append(size)

    monkeypatch.setattr("probes.archive.Reserved", Noting)
    for n in range(3):
        add(folder, n, tracks=[track(f"t{i}", [n + 1], (i % 50,)) for i in range(700)])
    archive_run(folder)
    assert (folder / ARCHIVE).stat().st_size < sizes[0]
    assert len(RecordingFile(folder / ARCHIVE).tracks) == 700


def first_version(path):
    """Make of a segment what the first version would have written."""
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 1
        del file.attrs["rank"], file["statistics"]
        file["statistics"] = np.array([name.encode() for name in STATISTICS[:-2]])
        for group in file["series"].values():
            values = group["statistics"][()]
            del group["statistics"]
            group["statistics"] = values[:, :, :-2]


def test_segments_of_the_first_version_and_of_today_become_one_archive(folder):
    old, new = series([1, 2], [0, 1]), series([3, 4], [0, 1])
    add(folder, 0, tensors=[info("a"), info("b")], found={"gradients": old})
    first_version(segment_path(folder, 0))
    add(folder, 1, tensors=[info("a"), info("b")], found={"gradients": new})
    archive_run(folder)
    found = joined(folder)
    np.testing.assert_array_equal(found.statistics[:2, :, :-2], old.statistics[:, :, :-2])
    assert np.isnan(found.statistics[:2, :, -2:]).all()
    np.testing.assert_array_equal(found.statistics[2:], new.statistics)
    high = RecordingFile(folder / ARCHIVE).column("gradients", "high")
    np.testing.assert_array_equal(high[2:], new.statistics[:, :, STATISTICS.index("high")])


def test_each_rank_has_an_archive_of_its_own_segments(folder):
    add(folder, 0, scalars=[(1, 0, 0.5)], keys=("loss",))
    add(folder, 0, scalars=[(7, 0, 0.25)], keys=("loss",), rank=2)
    archive_run(folder, rank=2)
    assert segment_paths(folder) == [segment_path(folder, 0)]
    assert segment_paths(folder, 2) == []
    file = RecordingFile(folder / "recording-r0002.h5")
    assert (file.rank, file.scalars().steps.tolist()) == (2, [7])
    assert (last_step(folder), last_step(folder, 1), last_step(folder, 2)) == (1, 0, 7)
    assert not (folder / ARCHIVE).exists()
