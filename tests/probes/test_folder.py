from __future__ import annotations

import errno
import json
import os
import threading

import pytest

from probes.folder import (
    FORMAT,
    VERSION,
    FathomError,
    RunError,
    await_run,
    create_run,
    hold,
    is_held,
    of_rank,
    rank_files,
    read_json,
    segment_path,
    segment_paths,
    sequence_of,
    write_json,
    write_whole,
)


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_a_new_run_says_its_format(tmp_path):
    create_run(tmp_path / "deep" / "run", {"id": "abc"})
    made = json.loads((tmp_path / "deep" / "run" / "run.json").read_text())
    assert made == {"format": FORMAT, "version": VERSION, "id": "abc"}
    assert list((tmp_path / "deep" / "run" / "segments").iterdir()) == []


def test_an_empty_folder_may_become_a_run(tmp_path):
    create_run(tmp_path, {})
    assert (tmp_path / "run.json").exists()


def test_a_run_is_never_made_twice_and_the_next_free_name_is_offered(tmp_path):
    create_run(tmp_path / "run", {"id": "first"})
    (tmp_path / "run-2").mkdir()
    with pytest.raises(RunError, match=r"already holds a run.*resume=True.*run-3'\.$"):
        create_run(tmp_path / "run", {"id": "second"})
    assert read_json(tmp_path / "run" / "run.json")["id"] == "first"


def test_a_folder_with_anything_in_it_is_refused(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".hidden").write_text("")
    with pytest.raises(RunError, match=r"exists and is no run.*run-2"):
        create_run(tmp_path / "run", {})
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".hidden"]


def test_a_file_in_its_place_is_refused(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(FathomError, match="exists and is no run"):
        create_run(tmp_path / "run", {})
    assert (tmp_path / "run").read_text() == "mine"


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "summary.json"
    write_whole(path, b"one, a long text")
    before = path.stat().st_ino
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_ino != before
    assert names(tmp_path) == ["summary.json"]


def full(file: int) -> None:
    """A disk that has no room when the bytes are to reach it."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
    path = tmp_path / "summary.json"
    write_whole(path, b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new and long")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["summary.json"]


def test_a_file_is_on_the_disk_before_it_takes_the_old_ones_place(tmp_path, monkeypatch):
    path, seen = tmp_path / "summary.json", []
    write_whole(path, b"old")
    part = tmp_path / "summary.json.part"
    monkeypatch.setattr(os, "fsync", lambda _: seen.append((path.read_bytes(), part.read_bytes())))
    write_whole(path, b"new")
    assert seen == [(b"old", b"new")]
    assert path.read_bytes() == b"new"


def test_a_folder_that_has_gone_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "gone" / "summary.json", b"{}")
    assert names(tmp_path) == []


def test_a_name_taken_by_a_folder_leaves_no_part(tmp_path):
    (tmp_path / "summary.json").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "summary.json", b"{}")
    assert names(tmp_path) == ["summary.json"]


def test_json_makes_the_round_trip(tmp_path):
    content = {"name": "é\n🦕\udc80", "values": [1, 2.5, None], "inner": {"a": True}}
    write_json(tmp_path / "run.json", content)
    assert read_json(tmp_path / "run.json") == content


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1, 2]", b"3"])
def test_what_is_no_table_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"run\.json.*is it a Fathom run\?$") as caught:
        read_json(path)
    assert "\n" not in str(caught.value)


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(RunError, match="is it a Fathom run"):
        read_json(tmp_path / "run.json")


def test_segments_come_in_the_order_they_were_written(tmp_path):
    create_run(tmp_path / "run", {})
    for n in (10, 2, 33):
        segment_path(tmp_path / "run", n).write_bytes(b"")
    (tmp_path / "run" / "segments" / "r0000-00000034.h5.part").write_bytes(b"")
    assert [sequence_of(path) for path in segment_paths(tmp_path / "run")] == [2, 10, 33]


@pytest.mark.parametrize("below", ["run", "deep/er/run"])
def test_a_path_below_a_file_is_refused_in_one_line(tmp_path, below):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match=r"^'.*run' cannot be made: Not a directory\.$"):
        create_run(tmp_path / "file" / below, {})
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("existed", [False, True])
def test_a_run_that_could_not_be_made_is_not_in_the_way_of_the_next(tmp_path, monkeypatch, existed):
    folder = tmp_path / "run"
    if existed:
        folder.mkdir()
    with monkeypatch.context() as disk, pytest.raises(RunError, match="No space left on device"):
        disk.setattr(os, "fsync", full)
        create_run(folder, {"id": "first"})
    create_run(folder, {"id": "second"})
    assert read_json(folder / "run.json")["id"] == "second"


@pytest.fixture
def run(tmp_path):
    create_run(tmp_path / "run", {"id": "abc"})
    return tmp_path / "run"


def test_a_run_is_held_until_the_file_is_closed(run):
    assert not is_held(run)
    held = hold(run)
    assert is_held(run)
    os.close(held)
    assert not is_held(run)


def test_a_run_is_held_once(run):
    held = hold(run)
    with pytest.raises(RunError, match=r"run' is still being recorded.*run-2'\.$"):
        hold(run, patience=0.1)
    assert is_held(run)
    os.close(held)
    os.close(hold(run, patience=0))


def test_looking_whether_a_run_is_held_takes_nothing(run):
    held = hold(run)
    assert is_held(run)
    assert is_held(run)
    os.close(held)
    assert not is_held(run)
    os.close(hold(run, patience=0))


def test_a_writer_that_is_still_finishing_is_waited_for(run):
    ending = threading.Timer(0.2, os.close, [hold(run)])
    ending.start()
    held = hold(run, patience=20)
    ending.join()
    assert is_held(run)
    os.close(held)


@pytest.mark.parametrize("made", [True, False])
def test_where_there_is_no_run_nothing_is_held(tmp_path, made):
    folder = tmp_path / "none"
    if made:
        folder.mkdir()
    with pytest.raises(RunError, match=r"there is no run at '.*none' to resume"):
        hold(folder)
    assert not is_held(folder)
    assert names(tmp_path) == ["none"] * made
    assert not made or names(folder) == []


def test_each_rank_holds_a_lock_of_its_own(run):
    first, second = hold(run), hold(run, rank=1, patience=0)
    assert is_held(run)
    assert is_held(run, rank=1)
    assert not is_held(run, rank=2)
    os.close(second)
    assert is_held(run)
    assert not is_held(run, rank=1)
    os.close(first)
    assert {".recording", ".recording-r0001"} <= set(names(run))


def test_the_first_rank_keeps_the_plain_names(run):
    found = [
        of_rank(run / name, rank).name
        for name in ("summary.json", ".recording")
        for rank in (0, 1, 12345)
    ]
    assert found == [
        "summary.json", "summary-r0001.json", "summary-r12345.json",
        ".recording", ".recording-r0001", ".recording-r12345",
    ]  # fmt: skip


def test_a_ranks_segments_are_its_own(run):
    for rank, n in ((0, 1), (0, 0), (1, 5), (10001, 2)):
        segment_path(run, n, rank).write_bytes(b"")
    assert [sequence_of(path) for path in segment_paths(run)] == [0, 1]
    assert [sequence_of(path) for path in segment_paths(run, 1)] == [5]
    assert segment_paths(run, 1000) == []
    assert [sequence_of(path) for path in segment_paths(run, 10001)] == [2]


def test_every_rank_that_has_written_is_found(run):
    assert rank_files(run) == {0: []}
    for name in ("summary-r0003.json", "recording-r0002.h5", "recording-rx.h5", "notes-r0009.txt"):
        (run / name).write_bytes(b"")
    for name in ("r0001-00000002.h5", "r0001-00000001.h5", "r0004-00000001.h5.part", "rx-1.h5"):
        (run / "segments" / name).write_bytes(b"")
    found = {rank: [path.name for path in paths] for rank, paths in rank_files(run).items()}
    assert found == {0: [], 1: ["r0001-00000001.h5", "r0001-00000002.h5"], 2: [], 3: []}
    assert list(found) == sorted(found)


def test_a_run_that_the_first_rank_is_still_making_is_waited_for(tmp_path):
    held = []

    def make():
        create_run(tmp_path / "run", {"id": "abc"})
        held.append(hold(tmp_path / "run"))

    making = threading.Timer(0.3, make)
    making.start()
    await_run(tmp_path / "run", seconds=20)
    assert read_json(tmp_path / "run" / "run.json")["id"] == "abc"
    making.join()
    await_run(tmp_path / "run", seconds=0)
    os.close(held[0])
    with pytest.raises(RunError, match="no run is being written"):  # that of an earlier training
        await_run(tmp_path / "run", seconds=0)


def test_a_run_that_never_comes_is_an_error_that_says_who_makes_it(tmp_path):
    with pytest.raises(
        RunError, match=r"no run is being written at '.*run' after 0\.1 seconds; rank 0 makes it\."
    ):
        await_run(tmp_path / "run", seconds=0.1)
    assert names(tmp_path) == []
