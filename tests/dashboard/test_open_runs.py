"""Runs stay open, nothing unchanged is computed twice, and a name is no path."""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dashboard.figures.loss_landscape import PANEL
from dashboard.open_runs import OpenRuns
from dashboard.panel import Panel
from diagnostics.run import FathomError, Run
from diagnostics.store import save
from tests.dashboard.around import make_landscape


@pytest.fixture
def own(runs: Path, tmp_path: Path) -> Path:
    """A copy of the recordings that a test may change."""
    ignore = shutil.ignore_patterns(".watched")
    return Path(shutil.copytree(runs, tmp_path / "own", ignore=ignore))


def counting(calls: list[Any]) -> Panel[int]:
    def analyse(run: Any) -> int:
        calls.append(run)
        return len(calls)

    return Panel("counted", "layers", "Counted", "How many?", analyse, lambda _: None, str)


@pytest.mark.parametrize(
    "name", ["nobody", "", ".", "..", "../runs/sick", "./sick", "sick/", "SICK", "/etc/passwd"]
)
@pytest.mark.parametrize("asked", ["look", "kept", "summary"])
def test_only_a_name_that_was_found_is_known(runs: Path, asked: str, name: str) -> None:
    with pytest.raises(FathomError, match="choose one from the list"):
        getattr(OpenRuns(runs), asked)(name)


def test_the_path_of_a_run_is_no_name(runs: Path) -> None:
    with pytest.raises(FathomError, match="choose one from the list"):
        OpenRuns(runs).look(str(runs / "sick"))


def test_a_run_is_opened_once(runs: Path) -> None:
    known = OpenRuns(runs)
    assert known.kept("sick") is known.look("sick") is known.kept("sick")


def test_nothing_unchanged_is_computed_twice(runs: Path) -> None:
    known, calls = OpenRuns(runs), []
    panel = counting(calls)
    assert [known.result(known.look("sick"), panel) for _ in range(3)] == [1, 1, 1]


def test_a_run_that_grew_is_computed_again(runs: Path) -> None:
    known, calls = OpenRuns(runs), []
    run, panel = known.kept("sick"), counting(calls)
    known.result(run, panel)
    run.generation += 1
    assert known.result(run, panel) == 2


def test_each_run_has_its_own_results(runs: Path) -> None:
    known, calls = OpenRuns(runs), []
    panel = counting(calls)
    for name in ("sick", "healthy", "sick"):
        known.result(known.kept(name), panel)
    assert [run.name for run in calls] == ["sick", "healthy"]


def test_what_fails_is_not_remembered(runs: Path) -> None:
    known, calls = OpenRuns(runs), []
    run, panel = known.kept("sick"), counting(calls)
    broken = Panel("counted", "layers", "", "", lambda _: 1 / 0, lambda _: None, str)
    with pytest.raises(ZeroDivisionError):
        known.result(run, broken)
    assert known.result(run, panel) == 1


def test_anything_else_is_asked_once_and_by_one_viewer_at_a_time(runs: Path) -> None:
    opened = OpenRuns(runs)
    run, inside, most = opened.kept("sick"), [0], [0]

    def slow(_: Run) -> str:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.02)
        inside[0] -= 1
        return "told"

    with ThreadPoolExecutor(4) as viewers:
        told = list(viewers.map(lambda n: opened.asked(run, f"what {n % 2}", slow), range(8)))
    assert told == ["told"] * 8
    assert most == [1]


def test_look_reads_what_is_new_and_kept_does_not(own: Path) -> None:
    recording, aside = own / "sick/recording.h5", own / "aside.h5"
    recording.rename(aside)
    known = OpenRuns(own)
    assert known.look("sick").records == 0
    aside.rename(recording)
    assert known.kept("sick").records == 0
    assert known.look("sick").records == 30


def test_a_look_at_a_live_run_leaves_a_sign_for_the_writer(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, sign = OpenRuns(own), own / "sick/.watched"
    known.look("sick")
    assert not sign.exists()  # it is finished: nobody writes
    monkeypatch.setattr(Run, "state", "running")
    known.kept("sick")
    assert not sign.exists()
    known.look("sick")
    assert sign.exists()


def test_few_runs_stay_open(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.open_runs.MOST_OPEN", 1)
    known, calls = OpenRuns(runs), []
    panel = counting(calls)
    first = known.kept("sick")
    known.result(first, panel)
    known.kept("healthy")
    assert known.kept("sick") is not first
    assert known.result(known.kept("sick"), panel) == 2


def test_a_stored_result_is_read_once_for_each_time_it_was_stored(own: Path) -> None:
    known = OpenRuns(own)
    run = known.kept("sick")
    path = save(run.path, make_landscape(), "plane")
    first = known.stored(run, PANEL, "plane")
    assert known.stored(run, PANEL, "plane") is first
    os.utime(path, (1, 1))
    assert known.stored(run, PANEL, "plane") is not first
