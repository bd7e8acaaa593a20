from __future__ import annotations

import h5py
import numpy as np
import pytest

from diagnostics.rank_files import RankFiles
from probes.folder import RunError, rank_files
from tests.ranks import Desk


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "run")


def opened(desk, rank=0):
    files = RankFiles(desk.folder, rank)
    refresh(files)
    return files


def refresh(files):
    return files.refresh(rank_files(files.folder).get(files.rank, []))


def test_segments_and_archive_read_the_same(desk):
    for step in (1, 2):
        desk.look(step, {0: [step, 2.0], 1: [3.0]})
        desk.log(step, step / 2)
        desk.write()
    files = opened(desk)
    live = files.column("activations", "mean", ["b", "a"])
    assert live.tolist() == [[3, 1.5], [3, 2]]
    desk.close()
    assert refresh(files)
    assert not refresh(files)
    assert files.column("activations", "mean", ["b", "a"]).tolist() == live.tolist()
    assert [column.tolist() for column in files.scalar("loss")] == [
        [1, 2], [0.5, 1.0], [0.125, 0.25],
    ]  # fmt: skip
    assert (files.scalar("other"), files.scalar_names) == (None, ("loss",))
    assert files.histogram("activations", "a").sum(1).tolist() == [2, 2]


def test_a_rank_that_has_written_nothing_has_nothing(desk):
    files = opened(desk, rank=3)
    assert (files.tensors, files.series, files.events, files.array_names) == ({}, (), (), ())
    assert (files.dropped, files.last_step, files.scalar("loss"), files.is_there) == (
        0, 0, None, True,
    )  # fmt: skip


def test_arrays_are_joined_over_segments_and_archive_by_shape_and_type(desk):
    desk.show("attention", 1, [1.0, 2.0], "by head")
    desk.show("other", 1, 5)
    desk.close()
    again = Desk(desk.folder)
    again.show("attention", 2, [3.0, 4.0], "by head")
    again.show("attention", 3, [[1.0]])
    again.write()
    again.show("attention", 4, np.array([7, 8]))
    again.show("attention", 5, [5.0, 6.0], "by head")
    again.write()
    files = opened(desk)
    assert files.array_names == ("attention", "other")
    first, second, third = files.arrays("attention")
    assert first.steps.tolist() == [1, 2, 5]
    assert first.times.tolist() == [1 / 8, 2 / 8, 5 / 8]
    assert first.values.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert (second.steps.tolist(), second.values.tolist()) == ([3], [[[1.0]]])
    assert (third.values.tolist(), third.values.dtype) == ([[7, 8]], np.int64)
    assert [track.about for track in files.arrays("other")] == [""]
    assert files.last_step == 5
    again.close()
    refresh(files)
    assert [track.values.tolist() for track in files.arrays("attention")] == [
        track.values.tolist() for track in (first, second, third)
    ]


def test_nothing_is_read_twice(desk, monkeypatch):
    desk.look(1, {0: [1.0]})
    desk.show("attention", 1, [1.0])
    desk.log(1, 0.5)
    desk.write()
    files = opened(desk)

    def read():
        files.column("activations", "norm", ["a"])
        files.arrays("attention")
        files.scalar("loss")
        refresh(files)

    read()
    monkeypatch.setattr(h5py, "File", None)  # any further look would fail
    read()


def test_the_first_ranks_unreadable_archive_is_an_error_and_anothers_is_passed_over(desk):
    for name in ("recording.h5", "recording-r0001.h5"):
        (desk.folder / name).write_bytes(b"torn")
    with pytest.raises(RunError, match="not a whole HDF5 file"):
        opened(desk)
    files = opened(desk, rank=1)
    assert files.passed_over == ("recording-r0001.h5",)
    assert not refresh(files)
    assert files.passed_over == ("recording-r0001.h5",)


def test_events_of_another_rank_say_whose_they_are(desk):
    other = Desk(desk.folder, 12)
    for each in (desk, other):
        each.note(3, "text")
        each.write()
    assert [event.text for event in opened(desk).events] == ["text"]
    assert [event.text for event in opened(desk, rank=12).events] == ["rank 12: text"]
