from __future__ import annotations

import os
import shutil
import time

import pytest

import diagnostics.run_tree
from diagnostics.run_tree import RunTree


def a_run(folder):
    (folder / "segments").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    return folder


def found(tree, root):
    return sorted(os.path.relpath(path, root) for path in tree.folders())


def test_runs_at_any_depth_and_none_inside_a_run(tmp_path):
    for name in ("a", "deep/er/b", "a/segments/inner"):
        a_run(tmp_path / name)
    assert found(RunTree(tmp_path), tmp_path) == ["a", "deep/er/b"]
    assert found(RunTree(tmp_path / "a"), tmp_path) == ["a"]
    assert RunTree(tmp_path / "nowhere").folders() == []


def test_links_are_not_followed(tmp_path):
    outside = a_run(tmp_path / "outside/secret")
    root = tmp_path / "root"
    a_run(root / "own")
    (root / "link").symlink_to(outside)
    (root / "links").symlink_to(outside.parent)
    (root / "again").symlink_to(root / "own")
    (root / "round").symlink_to(root)
    assert found(RunTree(root), root) == ["own"]


def test_hidden_folders_are_not_searched(tmp_path):
    a_run(tmp_path / ".git/run")
    assert RunTree(tmp_path).folders() == []


def test_what_comes_and_goes_is_noticed(tmp_path):
    tree = RunTree(tmp_path)
    assert found(tree, tmp_path) == []
    a_run(tmp_path / "a")
    assert found(tree, tmp_path) == ["a"]
    a_run(tmp_path / "group/b")
    a_run(tmp_path / "group/c")
    assert found(tree, tmp_path) == ["a", "group/b", "group/c"]
    shutil.rmtree(tmp_path / "group/b")
    (tmp_path / "a").rename(tmp_path / "z")
    assert found(tree, tmp_path) == ["group/c", "z"]


def test_a_folder_that_has_settled_is_not_listed_again(tmp_path, monkeypatch):
    a_run(tmp_path / "group/a")
    long_ago = time.time() - 100
    for folder in (tmp_path, tmp_path / "group"):
        os.utime(folder, (long_ago, long_ago))
    tree, listed = RunTree(tmp_path), []
    scandir = os.scandir
    monkeypatch.setattr(
        diagnostics.run_tree.os, "scandir", lambda path: listed.append(path) or scandir(path)
    )
    tree.folders()
    assert len(listed) == 3  # the root, the group, and the run
    listed.clear()
    assert found(tree, tmp_path) == ["group/a"]
    assert listed == []
    a_run(tmp_path / "group/b")
    assert found(tree, tmp_path) == ["group/a", "group/b"]
    assert [os.path.relpath(path, tmp_path) for path in listed] == ["group", "group/b"]


def test_two_changes_within_a_tick_of_the_clock_are_both_seen(tmp_path):
    tree = RunTree(tmp_path)
    a_run(tmp_path / "a")
    now = tmp_path.stat().st_mtime
    assert found(tree, tmp_path) == ["a"]
    a_run(tmp_path / "b")
    os.utime(tmp_path, (now, now))  # as a coarse clock would have it
    assert found(tree, tmp_path) == ["a", "b"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_may_not_be_read_hides_no_other(tmp_path):
    a_run(tmp_path / "closed/a")
    a_run(tmp_path / "b")
    (tmp_path / "closed").chmod(0)
    try:
        assert found(RunTree(tmp_path), tmp_path) == ["b"]
    finally:
        (tmp_path / "closed").chmod(0o700)
