from __future__ import annotations

import errno
import os
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from probes import wire
from probes.binder import LATER, SOON, YOUNG, Binder, next_sequence
from probes.folder import ARCHIVE, create_run, read_json, segment_paths, write_whole
from probes.recording import BINS, STATISTICS, TensorInfo
from probes.recording_file import RecordingFile

NAMES = ["a.weight", "b.weight", "c.weight"]


class Desk:
    """A binder that is fed frames, without a process around it."""

    def __init__(self, folder, rank=0):
        self.folder, self.said = folder, []
        self.binder = Binder(folder, lambda **status: self.said.append(status), rank)
        self.opened = time.time()
        self.feed(wire.message(series=["gradients", "updates"]))

    def feed(self, *frames):
        for kind, body in wire.Frames().feed(b"".join(frames)):
            self.binder.add(kind, body)

    def tick(self, after):
        """The clock, so many seconds after the binder began."""
        self.binder.tick(self.opened + after)
        return len(segment_paths(self.folder))

    def be_watched(self, at):
        """A viewer's last look was so many seconds after the binder began."""
        (self.folder / ".watched").touch()
        os.utime(self.folder / ".watched", (self.opened + at, self.opened + at))

    def grow_old(self):
        self.tick(YOUNG + 10)
        return YOUNG + 10

    @property
    def summary(self):
        return read_json(self.folder / "summary.json")


@pytest.fixture
def desk(tmp_path):
    create_run(tmp_path / "run", {"id": "abc"})
    return Desk(tmp_path / "run")


@pytest.fixture
def disk(monkeypatch):
    """A disk that refuses segments while `disk.full`."""

    class Disk:
        full = True

    def write(path, data):
        if Disk.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_whole(path, data)

    monkeypatch.setattr("probes.binder.write_whole", write)
    return Disk


def tensors(*names):
    rows = [
        [name, name[:1], "Linear", "matrix", "2x2", "float32", n, True]
        for n, name in enumerate(names)
    ]
    return wire.message(tensors=rows)


def look(step, value, *, of=(0,), series=0):
    statistics = np.full((len(of), len(STATISTICS)), value, np.float32)
    histogram = np.full((len(of), BINS), step, np.uint16)
    return wire.record(
        wire.Record(series, step, step / 8, np.array(of, np.uint32), statistics, histogram)
    )


def means(file, name="gradients"):
    steps = file.series[name].steps.tolist()
    return dict(zip(steps, file.column(name, "mean").tolist(), strict=True))


def test_a_segment_appears_after_its_patience(desk):
    desk.feed(tensors("a.weight"), look(1, 0.5))
    assert desk.tick(SOON - 0.2) == 0
    assert desk.tick(SOON + 0.2) == 1
    assert means(RecordingFile(segment_paths(desk.folder)[0])) == {1: [0.5]}


def test_a_run_that_is_no_longer_young_is_written_more_seldom(desk):
    now = desk.grow_old()
    desk.feed(tensors("a.weight"), look(1, 0.5))
    assert desk.tick(now + LATER - 0.2) == 0
    assert desk.tick(now + LATER + 0.2) == 1


def test_a_viewers_look_makes_segments_come_sooner(desk):
    now = desk.grow_old()
    desk.feed(tensors("a.weight"), look(1, 0.5))
    desk.be_watched(now)
    assert desk.tick(now + SOON - 0.2) == 0
    assert desk.tick(now + SOON + 0.2) == 1


def test_a_viewer_that_went_away_no_longer_hurries(desk):
    now = desk.grow_old()
    desk.feed(tensors("a.weight"), look(1, 0.5))
    desk.be_watched(0)
    assert desk.tick(now + SOON + 0.2) == 0


def test_many_bytes_close_a_segment_at_once(desk, monkeypatch):
    monkeypatch.setattr(desk.binder, "_large", 1000)
    desk.feed(tensors(*NAMES), *(look(step, 0.5, of=(0, 1, 2)) for step in range(1, 5)))
    assert len(segment_paths(desk.folder)) > 1


def test_nothing_to_write_makes_no_segment(desk):
    assert desk.tick(1000) == 0


def test_an_event_alone_is_written(desk):
    desk.feed(wire.message(event=[3, 1.5, "exception", "ValueError"]))
    desk.tick(SOON + 0.2)
    [event] = RecordingFile(segment_paths(desk.folder)[0]).events
    assert (event.step, event.kind) == (3, "exception")


def test_of_two_looks_in_one_step_the_later_counts(desk):
    desk.feed(tensors("a.weight"), look(1, 0.25), look(1, 0.75), look(2, 0.5))
    desk.binder.close()
    assert means(RecordingFile(desk.folder / ARCHIVE)) == {1: [0.75], 2: [0.5]}


def test_looks_at_different_tensors_in_one_step_are_one_record(desk):
    desk.feed(tensors(*NAMES[:2]), look(1, 0.25, of=(0,)), look(1, 0.75, of=(1,)))
    desk.binder.close()
    assert means(RecordingFile(desk.folder / ARCHIVE)) == {1: [0.25, 0.75]}
    assert desk.summary["records"] == 1


def test_late_tensors_are_in_the_next_segment(desk):
    desk.feed(tensors(*NAMES[:1]), look(1, 0.5))
    desk.tick(SOON + 0.2)
    desk.feed(tensors(NAMES[1]), look(2, 0.25, of=(0, 1)))
    desk.tick(2 * SOON + 1)
    tables = [RecordingFile(path).tensors for path in segment_paths(desk.folder)]
    assert [[tensor.name for tensor in table] for table in tables] == [NAMES[:1], NAMES[:2]]
    assert tables[0][0] == TensorInfo(
        "a.weight", "a", "Linear", "matrix", "2x2", "float32", 0, True
    )


def test_series_are_kept_apart(desk):
    desk.feed(tensors("a.weight"), look(1, 0.5), look(1, 0.75, series=1), look(2, 1, series=1))
    desk.binder.close()
    file = RecordingFile(desk.folder / ARCHIVE)
    assert (means(file), means(file, "updates")) == ({1: [0.5]}, {1: [0.75], 2: [1]})


def test_closing_leaves_one_file_and_no_segments(desk):
    desk.feed(tensors("a.weight"), look(1, 0.5))
    desk.tick(SOON + 0.2)
    desk.feed(look(2, 0.25), wire.message(state="finished"))
    (desk.folder / ".watched").touch()
    desk.binder.close()
    names = {path.name for path in desk.folder.iterdir()}
    assert names == {"run.json", "summary.json", "segments", ARCHIVE}
    assert segment_paths(desk.folder) == []
    assert means(RecordingFile(desk.folder / ARCHIVE)) == {1: [0.5], 2: [0.25]}
    assert desk.said == [{"done": True, "dropped": 0}]


def test_the_summary_says_how_it_went(desk):
    assert desk.summary["state"] == "running"
    desk.feed(tensors("a.weight"), wire.message(keys=["loss", "lr"]), look(3, 0.5), look(4, 0.5))
    desk.feed(wire.scalar(4, 1.0, 0, 0.5), wire.scalar(4, 1.0, 1, float("nan")))
    desk.feed(wire.scalar(6, 1.0, 0, 0.25), wire.message(dropped=5, state="finished"))
    desk.feed(wire.message(summary={"overhead": 0.01}))
    desk.binder.close()
    found = desk.summary
    assert (found["state"], found["steps"], found["records"]) == ("finished", 6, 2)
    assert (found["scalars"], found["dropped"]) == ({"loss": 0.25, "lr": "nan"}, 5)
    assert found["overhead"] == 0.01
    assert found["updated"] == pytest.approx(time.time(), abs=60)


def test_without_a_goodbye_the_run_was_killed(desk):
    desk.binder.close()
    assert desk.summary["state"] == "killed"


def test_a_torn_frame_is_a_lost_row(desk):
    desk.binder.close(torn=True)
    assert desk.summary["dropped"] == 1


def test_what_the_disk_refuses_is_tried_again(desk, disk):
    desk.feed(tensors("a.weight"), look(1, 0.5))
    assert desk.tick(SOON + 0.2) == 0
    desk.feed(look(2, 0.25))
    assert desk.tick(2 * SOON + 1) == 0
    disk.full = False
    assert desk.tick(4 * SOON) == 2
    desk.binder.close()
    assert means(RecordingFile(desk.folder / ARCHIVE)) == {1: [0.5], 2: [0.25]}
    assert desk.summary["dropped"] == 0


def test_each_kind_of_failure_is_told_once(desk, disk):
    for step in range(1, 5):
        desk.feed(tensors("a.weight"), look(step, 0.5))
        desk.tick(step * (SOON + 1))
    assert desk.said == [{"trouble": os.strerror(errno.ENOSPC)}]


def test_segments_get_smaller_on_a_full_disk(desk, disk):
    before = desk.binder._large
    desk.feed(tensors("a.weight"), look(1, 0.5))
    desk.tick(SOON + 0.2)
    assert desk.binder._large < before


def test_beyond_what_is_kept_the_newest_go_and_are_counted(desk, disk, monkeypatch):
    desk.feed(tensors("a.weight"), look(1, 0.5))
    desk.tick(SOON + 0.2)
    kept = sum(len(image) for _, image, _ in desk.binder._unwritten)
    monkeypatch.setattr("probes.binder.KEPT", kept)
    desk.feed(look(2, 0.25), look(3, 0.25))
    desk.tick(2 * SOON + 1)
    assert desk.summary["dropped"] == 2
    disk.full = False
    desk.binder.close()
    file = RecordingFile(desk.folder / ARCHIVE)
    assert means(file) == {1: [0.5]}
    assert desk.said[-1] == {"done": True, "dropped": 2}


def test_what_is_refused_to_the_end_is_counted(desk, disk):
    desk.feed(tensors("a.weight"), look(1, 0.5), look(2, 0.5), wire.message(state="finished"))
    desk.binder.close()
    assert (desk.summary["dropped"], desk.summary["state"]) == (2, "finished")
    assert desk.said[-1] == {"done": True, "dropped": 2}
    assert not (desk.folder / ARCHIVE).exists()


def test_losses_are_in_the_segments_that_follow(desk):
    desk.feed(wire.message(dropped=4), tensors("a.weight"), look(1, 0.5))
    desk.binder.close()
    assert RecordingFile(desk.folder / ARCHIVE).dropped == 4


def test_an_archive_that_cannot_be_made_leaves_the_segments(desk, monkeypatch):
    def refuse(folder, rank):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr("probes.binder.archive_run", refuse)
    desk.feed(tensors("a.weight"), look(1, 0.5))
    desk.binder.close()
    assert len(segment_paths(desk.folder)) == 1
    assert "recording.h5 not made" in desk.said[0]["trouble"]
    assert desk.said[1] == {"done": True, "dropped": 0}


def test_a_resumed_run_counts_on(desk):
    desk.feed(tensors("a.weight"), wire.message(keys=["loss"]), look(1, 0.5), look(2, 0.5))
    desk.feed(wire.scalar(2, 1.0, 0, 0.5), wire.message(dropped=3))
    desk.binder.close()
    assert next_sequence(desk.folder) == 1
    again = Desk(desk.folder)
    again.feed(tensors("b.weight"), look(3, 0.25), wire.message(state="finished"))
    again.binder.close()
    found = again.summary
    assert (found["steps"], found["records"], found["dropped"]) == (3, 3, 3)
    assert found["scalars"] == {"loss": 0.5}
    file = RecordingFile(desk.folder / ARCHIVE)
    assert file.series["gradients"].steps.tolist() == [1, 2, 3]
    assert [tensor.name for tensor in file.tensors] == NAMES[:2]


def test_a_killed_scribes_segments_are_not_overwritten(desk):
    desk.feed(tensors("a.weight"), look(1, 0.5))
    desk.tick(SOON + 0.2)
    again = Desk(desk.folder)
    again.feed(tensors("a.weight"), look(2, 0.25))
    again.binder.close()
    assert means(RecordingFile(desk.folder / ARCHIVE)) == {1: [0.5], 2: [0.25]}


@pytest.mark.parametrize("kept", [0, 100, 0.5])
def test_a_damaged_segment_leaves_the_others_and_the_last_word(desk, kept):
    desk.feed(wire.message(dropped=4), tensors("a.weight"), look(1, 0.5))
    desk.tick(SOON + 0.2)
    damaged = segment_paths(desk.folder)[0]
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: kept if isinstance(kept, int) else int(kept * len(whole))])
    left = damaged.read_bytes()
    desk.feed(look(2, 0.25), wire.message(state="finished"))
    desk.binder.close()
    assert desk.said == [{"done": True, "dropped": 4}]
    assert means(RecordingFile(desk.folder / ARCHIVE)) == {2: [0.25]}
    assert segment_paths(desk.folder) == [damaged]
    assert damaged.read_bytes() == left
    assert desk.summary["state"] == "finished"


def written(desk):
    """What each segment holds, one after another."""
    files = [RecordingFile(path) for path in segment_paths(desk.folder)]
    return [means(file) if file.series else {} for file in files]


def share(desk):
    desk.feed(wire.message(series=["gradients", "updates"], optimizers=2), tensors(*NAMES[:2]))


def test_rows_of_two_optimizers_at_one_step_are_one_record_whenever_they_come(desk):
    share(desk)
    desk.feed(look(1, 0.125, of=(0,)), look(1, 0.25, of=(1,)), look(2, 0.5, of=(0,)))
    desk.tick(SOON + 0.2)
    assert written(desk) == [{1: [0.125, 0.25]}]  # of step 2 only one has come
    desk.feed(look(2, 0.75, of=(1,)), look(3, 1, of=(0,)), look(3, 2, of=(1,)))
    desk.tick(2 * SOON + 1)
    assert written(desk)[1:] == [{2: [0.5, 0.75]}]
    desk.binder.close()
    file = RecordingFile(desk.folder / ARCHIVE)
    assert means(file) == {1: [0.125, 0.25], 2: [0.5, 0.75], 3: [1, 2]}
    assert file.series["gradients"].steps.tolist() == [1, 2, 3]
    assert (desk.summary["records"], desk.summary["dropped"]) == (3, 0)


def test_each_series_waits_for_the_newest_step_of_all(desk):
    share(desk)
    desk.feed(look(1, 0.5, of=(0, 1)), look(1, 0.25, of=(0, 1), series=1), look(2, 1, of=(0,)))
    desk.tick(SOON + 0.2)
    [file] = map(RecordingFile, segment_paths(desk.folder))
    assert (means(file), means(file, "updates")) == ({1: [0.5, 0.5]}, {1: [0.25, 0.25]})
    desk.feed(look(2, 2, of=(0,), series=1))
    desk.feed(look(2, 3, of=(1,)), look(2, 4, of=(1,), series=1))
    desk.binder.close()
    file = RecordingFile(desk.folder / ARCHIVE)
    assert means(file)[2] == [1, 3]
    assert means(file, "updates")[2] == [2, 4]


def test_rows_kept_back_are_counted_when_the_disk_refuses_them(desk, disk):
    share(desk)
    desk.feed(look(1, 0.5), look(2, 0.5))
    desk.tick(SOON + 0.2)
    desk.feed(look(2, 0.5, of=(1,)))
    desk.binder.close()
    assert desk.summary["dropped"] == 3


def test_one_optimizers_newest_step_is_not_kept_back(desk):
    desk.feed(tensors("a.weight"), look(1, 0.5), look(2, 0.25))
    desk.tick(SOON + 0.2)
    assert written(desk) == [{1: [0.5], 2: [0.25]}]


def test_rows_kept_back_alone_make_no_segments(desk):
    share(desk)
    desk.feed(look(1, 0.5, of=(0,)))
    for n in range(1, 8):
        desk.tick(n * (SOON + 0.2))
    assert len(segment_paths(desk.folder)) <= 1


def test_arrays_reach_the_recording_and_count_as_rows(desk):
    desk.feed(wire.message(tracks=[["attention", "by head", [2], "float32"]]))
    desk.feed(wire.array(0, 3, 1.5, np.array([1, 2], np.float32)))
    assert desk.tick(SOON + 0.2) == 1
    desk.feed(wire.array(0, 9, 2.5, np.array([3, 4], np.float32)), wire.message(state="finished"))
    desk.binder.close()
    [track] = RecordingFile(desk.folder / ARCHIVE).tracks
    assert (track.name, track.about, track.steps.tolist()) == ("attention", "by head", [3, 9])
    [block] = RecordingFile(desk.folder / ARCHIVE).arrays(0)
    assert block.values.tolist() == [[1, 2], [3, 4]]
    assert (desk.summary["steps"], desk.summary["dropped"]) == (9, 0)


def test_many_bytes_of_arrays_close_a_segment_too(desk, monkeypatch):
    monkeypatch.setattr(desk.binder, "_large", 1000)
    desk.feed(wire.message(tracks=[["a", "", [100], "float32"]]))
    desk.feed(*(wire.array(0, step, 1.0, np.zeros(100, np.float32)) for step in range(1, 9)))
    assert len(segment_paths(desk.folder)) > 1


def test_an_array_that_its_track_did_not_promise_is_a_lost_row(desk):
    desk.feed(wire.message(tracks=[["a", "", [2], "float32"]]))
    desk.feed(wire.array(0, 3, 1.5, np.zeros(5, np.float32)), wire.message(state="finished"))
    desk.binder.close()
    assert desk.said == [{"done": True, "dropped": 1}]


def test_arrays_that_the_disk_refuses_are_counted(desk, disk):
    desk.feed(wire.message(tracks=[["a", "", [2], "float32"]]))
    desk.feed(*(wire.array(0, step, 1.5, np.zeros(2, np.float32)) for step in (1, 2, 3)))
    desk.binder.close()
    assert desk.summary["dropped"] == 3


class Gallery:
    """Notes what it is given; on `error` it fails."""

    error = None
    made = ()

    def __init__(self, folder, rank):
        Gallery.made += ((folder, rank, self),)
        self.heard = []

    def begin(self, head):
        self._note(("begin", head))

    def add(self, body):
        self._note(("add", *wire.read_blob(body)))

    def close(self):
        self._note(("close",))

    def _note(self, what):
        if self.error:
            raise self.error
        self.heard.append(what)


@pytest.fixture
def gallery(monkeypatch):
    monkeypatch.setattr(Gallery, "made", ())
    monkeypatch.setitem(sys.modules, "probes.gallery", SimpleNamespace(Gallery=Gallery))
    return Gallery


def test_snapshots_go_to_the_gallery_unlooked_at(desk, gallery):
    desk.feed(wire.message(snapshot={"id": 4, "x": [1]}), wire.blob(4, 0, b"ab"))
    desk.feed(wire.blob(4, 2, b"c"), wire.message(state="finished"))
    assert desk.tick(SOON + 0.2) == 0  # they are no rows
    desk.binder.close()
    [(folder, rank, made)] = gallery.made
    assert (folder, rank) == (desk.folder, 0)
    assert made.heard == [
        ("begin", {"id": 4, "x": [1]}), ("add", 4, 0, b"ab"), ("add", 4, 2, b"c"), ("close",),
    ]  # fmt: skip
    assert desk.said == [{"done": True, "dropped": 0}]


def test_a_run_without_snapshots_has_no_gallery(desk, gallery):
    desk.feed(tensors("a.weight"), look(1, 0.5))
    desk.binder.close()
    assert gallery.made == ()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (ValueError("bytes of no snapshot"), "bytes of no snapshot"),
    ],
)
def test_a_snapshot_that_fails_is_told_once_and_takes_no_row_with_it(
    desk, gallery, monkeypatch, error, words
):
    monkeypatch.setattr(gallery, "error", error)
    desk.feed(wire.message(snapshot={}), tensors("a.weight"), wire.blob(0, 0, b"ab"))
    desk.feed(look(1, 0.5), wire.blob(0, 2, b"ab"), wire.message(state="finished"))
    desk.binder.close()
    assert desk.said == [{"trouble": words}, {"done": True, "dropped": 0}]
    assert means(RecordingFile(desk.folder / ARCHIVE)) == {1: [0.5]}


def test_each_rank_writes_files_of_its_own(desk):
    other = Desk(desk.folder, rank=1)
    for each, value in ((desk, 0.5), (other, 0.25)):
        each.feed(tensors("a.weight"), look(1, value))
        each.tick(SOON + 0.2)
        each.feed(look(2, value))
        each.tick(2 * SOON + 1)
    assert {path.name for path in (desk.folder / "segments").iterdir()} == {
        "r0000-00000000.h5", "r0000-00000001.h5", "r0001-00000000.h5", "r0001-00000001.h5",
    }  # fmt: skip
    (desk.folder / ".watched").touch()
    other.feed(wire.message(state="finished", dropped=3))
    other.binder.close()
    assert (desk.folder / ".watched").exists()
    assert len(segment_paths(desk.folder)) == 2
    assert (desk.folder / ".reserve").exists()  # each gives back its own
    assert desk.summary["state"] == "running"
    desk.binder.close()
    names = {path.name for path in desk.folder.iterdir()}
    assert names == {
        "run.json", "segments", "summary.json", ARCHIVE, "summary-r0001.json", "recording-r0001.h5",
    }  # fmt: skip
    for name, rank, value in ((ARCHIVE, 0, 0.5), ("recording-r0001.h5", 1, 0.25)):
        file = RecordingFile(desk.folder / name)
        assert (file.rank, means(file)) == (rank, {1: [value], 2: [value]})
    assert read_json(desk.folder / "summary-r0001.json")["dropped"] == 3
    assert desk.summary["dropped"] == 0


def test_a_resumed_rank_counts_on_where_it_was(desk):
    other = Desk(desk.folder, rank=1)
    other.feed(tensors("a.weight"), look(1, 0.5), wire.message(dropped=2))
    other.binder.close()
    assert (next_sequence(desk.folder), next_sequence(desk.folder, rank=1)) == (0, 1)
    again = Desk(desk.folder, rank=1)
    again.feed(tensors("a.weight"), look(2, 0.5))
    again.binder.close()
    file = RecordingFile(desk.folder / "recording-r0001.h5")
    assert (means(file), file.dropped) == ({1: [0.5], 2: [0.5]}, 2)


def scalars(*values, key=0, step=0):
    return b"".join(wire.scalar(step + n, 0.0, key, v) for n, v in enumerate(values))


def test_the_summary_tells_how_the_scalars_went(desk):
    desk.feed(wire.message(keys=["loss", "answers/std"]), scalars(3.0, 1.0, float("nan"), 2.0))
    desk.feed(scalars(7.0, key=1))
    desk.grow_old()
    assert desk.summary["extremes"] == {"loss": [1.0, 1, 3.0, 0]}
    assert desk.summary["outlines"] == {
        "loss": {"width": 1, "low": "3 1 - 2", "high": "3 1 - 2", "lost": "2"}
    }
    assert desk.summary["scalars"]["loss"] == 2.0


def test_a_resumed_run_keeps_how_its_scalars_went(desk):
    desk.feed(wire.message(keys=["loss"]), scalars(3.0, 1.0))
    desk.binder.close()
    again = Desk(desk.folder)
    again.feed(wire.message(keys=["loss"]), scalars(5.0, step=2))
    again.binder.close()
    assert again.summary["extremes"] == {"loss": [1.0, 1, 5.0, 2]}
    assert again.summary["outlines"]["loss"]["low"] == "3 1 5"


def test_no_row_is_lost_where_a_highlight_cannot_be_had(desk, monkeypatch):
    monkeypatch.setattr("probes.binder.Highlights.add", lambda *_: 1 / 0)
    desk.feed(wire.message(keys=["loss"]), scalars(3.0, 1.0))
    desk.binder.close()
    assert RecordingFile(desk.folder / ARCHIVE).scalars().values.tolist() == [3.0, 1.0]
    assert [said for said in desk.said if "trouble" in said] == [{"trouble": "division by zero"}]
