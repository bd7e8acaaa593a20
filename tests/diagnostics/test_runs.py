from __future__ import annotations

import json

import pytest

from diagnostics import find_runs
from diagnostics.runs import SLOW, STALE, is_stale, read_summary


def test_runs_are_found_by_their_folders_newest_first(tmp_path):
    for n, name in enumerate(("old", "deep/er", "new")):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        info = {"format": "fathom-recording", "version": 1, "started": f"2026-01-0{n + 1}"}
        (folder / "run.json").write_text(json.dumps(info))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/run.json").write_text("{")
    assert [run.name for run in find_runs(tmp_path)] == ["new", "deep/er", "old"]
    assert find_runs(tmp_path / "new")[0].name == "new"
    assert find_runs(tmp_path / "nowhere") == []


def test_folders_of_others_and_damaged_lines_do_not_disturb(tmp_path):
    for name, info in (("ours", {"format": "fathom-recording", "version": 1}), ("sacred", {})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps(info))
    (tmp_path / "ours/summary.json").write_text('{"steps": "abc", "updated": null}')
    assert [(run.name, run.steps) for run in find_runs(tmp_path)] == [("ours", 0)]


def test_each_rank_has_lines_of_its_own(tmp_path):
    for rank, name in enumerate(("summary.json", "summary-r0001.json")):
        (tmp_path / name).write_text(json.dumps({"steps": rank + 5}))
    assert [read_summary(tmp_path, rank) for rank in (0, 1, 2)] == [{"steps": 5}, {"steps": 6}, {}]


def test_runs_behind_a_link_are_not_found(tmp_path):
    (tmp_path / "outside/run").mkdir(parents=True)
    info = {"format": "fathom-recording", "version": 1}
    (tmp_path / "outside/run/run.json").write_text(json.dumps(info))
    (tmp_path / "root").mkdir()
    (tmp_path / "root/link").symlink_to(tmp_path / "outside")
    assert find_runs(tmp_path / "root") == []


@pytest.mark.parametrize(
    ("steps", "quiet", "stale"),
    [
        (10_000, STALE - 1, False),
        (10_000, STALE + 1, True),
        (10, 1000 / 10 * SLOW - 1, False),  # a step takes 100 seconds
        (10, 1000 / 10 * SLOW + 1, True),
    ],
)
def test_a_live_run_is_stale_when_nothing_came_for_longer_than_it_ever_takes(steps, quiet, stale):
    assert is_stale({"steps": steps, "updated": 2000.0}, 1000.0, 2000.0 + quiet) is stale


def test_a_run_that_has_not_written_yet_is_not_stale():
    assert not is_stale({}, 0.0, 1e9)
