from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from dashboard.run_index import PATIENCE, RunIndex
from diagnostics.listing import Listing, Told, keep, stamp
from diagnostics.run import FathomError
from diagnostics.runs import STALE, read_summary
from diagnostics.tags import add_tag
from probes.folder import hold
from tests.dashboard.listed import make_run, settle, write


def names(index: RunIndex) -> list[str]:
    return [row.name for row in index.rows()]


def new_since(index: RunIndex, version: int) -> tuple[list[str], list[str]]:
    index.refresh()
    rows, gone, _ = index.changed_since(version, 1000)
    return sorted(row.name for row in rows), gone


def examined(folder: Path, disease: str = "no_signal") -> Listing:
    return Listing(stamp(read_summary(folder)), (Told(disease, "error"),))


def test_the_latest_run_is_first(tmp_path):
    for name, day in (("b/old", 1), ("a", 3), ("c", 2)):
        make_run(tmp_path / name, started=f"2026-01-0{day}T00:00:00+00:00")
    assert names(RunIndex(tmp_path)) == ["a", "c", "b/old"]
    assert names(RunIndex(tmp_path / "a")) == ["a"]
    assert names(RunIndex(tmp_path / "nowhere")) == []


def test_only_what_has_changed_is_told_again(tmp_path):
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    index = RunIndex(tmp_path)
    assert new_since(index, 0) == (["a", "b"], [])
    version = index.version
    assert new_since(index, version) == ([], [])
    write(a / "summary.json", {"state": "failed", "steps": 7})
    assert new_since(index, version) == (["a"], [])
    assert index.row("a").state == "failed"
    version = index.version
    add_tag(b, "mine")
    make_run(tmp_path / "c")
    assert new_since(index, version) == (["b", "c"], [])
    version = index.version
    shutil.rmtree(a)
    assert new_since(index, version) == ([], ["a"])
    assert index.count() == 2


def test_a_run_that_comes_back_is_not_gone(tmp_path):
    make_run(tmp_path / "a")
    index = RunIndex(tmp_path)
    index.refresh()
    shutil.rmtree(tmp_path / "a")
    index.refresh()
    make_run(tmp_path / "a", steps=99)
    assert new_since(index, 0) == (["a"], [])
    assert index.row("a").steps == 99


def test_what_has_settled_is_not_read_again(tmp_path, monkeypatch):
    runs = [make_run(tmp_path / name) for name in ("a", "b")]
    settle(*runs, tmp_path)
    index, read = RunIndex(tmp_path), []
    index.refresh()
    monkeypatch.setattr(
        "dashboard.run_index.read_summary", lambda path: read.append(path.name) or {}
    )
    index.refresh()
    assert index.row("a").steps == 3
    assert read == []
    write(tmp_path / "b/summary.json", {})
    index.refresh()
    assert read == ["b"]


def test_a_change_within_a_tick_of_the_clock_is_seen(tmp_path):
    run = make_run(tmp_path / "a")
    index = RunIndex(tmp_path)
    index.refresh()
    before = run.stat().st_mtime
    write(run / "summary.json", {"steps": 8})
    os.utime(run, (before, before))
    assert index.row("a").steps == 8


def test_of_thousands_some_are_read_at_a_time(tmp_path):
    for n in range(6):
        settle(make_run(tmp_path / f"{n}"))
    os.utime(tmp_path / "4", None)  # the one in which something happened last
    index = RunIndex(tmp_path)
    seen = []
    while not index.refresh(limit=0):
        seen.append(len(index.changed_since(0, 99)[0]))
    assert seen == [1, 2, 3, 4, 5]
    assert index.changed_since(0, 1)[0][0].name == "4"
    assert index.count() == 6


def test_news_come_in_pieces(tmp_path):
    for n in range(5):
        make_run(tmp_path / f"{n}")
    index = RunIndex(tmp_path)
    index.refresh()
    version, told = 0, []
    while version < index.version:
        rows, _, version = index.changed_since(version, 2)
        told.append(len(rows))
    assert told == [2, 2, 1]


def test_one_run_is_found_without_reading_the_others(tmp_path, monkeypatch):
    for name in ("a", "b", "c"):
        make_run(tmp_path / name)
    read = []
    monkeypatch.setattr(
        "dashboard.run_index.read_summary", lambda path: read.append(path.name) or {}
    )
    assert RunIndex(tmp_path).row("b").name == "b"
    assert read == ["b"]


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/", "/etc", "A", "nobody"])
def test_only_a_name_that_was_found_is_known(tmp_path, name):
    make_run(tmp_path / "root/a")
    make_run(tmp_path / "a")
    with pytest.raises(FathomError, match="choose one from the list"):
        RunIndex(tmp_path / "root").row(name)


def test_a_run_that_cannot_be_read_says_why_until_it_can(tmp_path):
    run = make_run(tmp_path / "a")
    whole = (run / "run.json").read_text()
    (run / "run.json").write_text(json.dumps(json.loads(whole) | {"version": 99}))
    settle(run)
    index = RunIndex(tmp_path)
    assert (index.row("a").state, "format 99" in index.row("a").reason) == ("unreadable", True)
    assert index.unexamined() == []
    (run / "run.json").write_text(whole)
    settle(run)
    assert index.row("a").state == "finished"


def test_a_damaged_run_is_a_row_and_that_of_another_program_is_none(tmp_path):
    for name, text in (("broken", "{"), ("sacred", '{"experiment": {}}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(text)
    make_run(tmp_path / "ours")
    index = RunIndex(tmp_path)
    assert sorted((row.name, row.state) for row in index.rows()) == [
        ("broken", "unreadable"),
        ("ours", "finished"),
    ]
    assert index.count() == 2


def test_a_run_with_a_link_to_outside_is_not_shown(tmp_path):
    (tmp_path / "secret.json").write_text('{"scalars": {"loss": 42}}')
    run = make_run(tmp_path / "root/a")
    (run / "summary.json").unlink()
    (run / "summary.json").symlink_to(tmp_path / "secret.json")
    row = RunIndex(tmp_path / "root").row("a")
    assert (row.state, row.loss) == ("unreadable", None)


def test_a_live_run_that_loses_its_writer_or_hangs_is_noticed(tmp_path):
    run = make_run(tmp_path / "a", state="running", updated=time.time(), steps=10**9)
    held = hold(run)
    settle(run)
    index = RunIndex(tmp_path)
    assert index.row("a").state == "running"
    version = index.version
    os.close(held)
    assert new_since(index, version) == (["a"], [])
    assert index.row("a").state == "killed"


def test_a_run_becomes_stale_by_itself(tmp_path, monkeypatch):
    run = make_run(tmp_path / "a", state="running", updated=time.time(), steps=10**9)
    held = hold(run)
    try:
        index = RunIndex(tmp_path)
        assert index.row("a").state == "running"
        now = time.time() + STALE + 9
        monkeypatch.setattr("dashboard.run_row.time.time", lambda: now)
        assert index.row("a").state == "stale"
    finally:
        os.close(held)


def test_each_run_is_to_be_examined_once_the_latest_first(tmp_path):
    old = make_run(tmp_path / "old", started="2026-01-01T00:00:00+00:00")
    new = make_run(tmp_path / "new", started="2026-01-02T00:00:00+00:00")
    index = RunIndex(tmp_path)
    index.refresh()
    assert index.unexamined() == [str(new), str(old)]
    index.take(str(new), examined(new), 0.1)
    assert index.unexamined() == [str(old)]
    assert index.row("new").listing.verdicts == (Told("no_signal", "error"),)
    index.take(str(old), Listing("", trouble="damaged"), 0.1)
    assert index.unexamined() == []  # not again and again
    index.take("/nowhere", Listing(""), 0.1)


def test_what_was_kept_in_a_folder_needs_no_examination(tmp_path):
    run = make_run(tmp_path / "a")
    keep(run, examined(run))
    index = RunIndex(tmp_path)
    assert index.row("a").listing == examined(run)
    assert index.unexamined() == []


def test_a_run_that_went_on_is_examined_again_and_its_old_verdicts_stay(tmp_path):
    run = make_run(tmp_path / "a")
    index = RunIndex(tmp_path)
    index.refresh()
    index.take(str(run), examined(run), 0.1)
    write(run / "summary.json", {"steps": 99, "state": "finished"})
    index.refresh()
    assert index.unexamined() == [str(run)]
    assert index.row("a").listing.verdicts


def test_a_live_run_is_left_in_peace_for_a_while(tmp_path, monkeypatch):
    run = make_run(tmp_path / "a", state="running", updated=time.time())
    held = hold(run)
    try:
        index = RunIndex(tmp_path)
        index.refresh()
        assert index.unexamined() == [str(run)]
        index.take(str(run), examined(run), 0.1)
        write(run / "summary.json", {"steps": 99, "state": "running"})
        index.refresh()
        assert index.unexamined() == []
        now = time.monotonic() + PATIENCE + 1
        monkeypatch.setattr("dashboard.run_index.time.monotonic", lambda: now)
        assert index.unexamined() == [str(run)]
    finally:
        os.close(held)


def test_a_name_that_is_no_text_is_shown_and_found(tmp_path):
    make_run(tmp_path / "caf\udce9")
    (row,) = RunIndex(tmp_path).rows()
    assert row.name == "caf?"
    json.dumps(row.name).encode("ascii")
