"""`fathom analyse connectivity`: what it prints and stores."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dashboard.cli import main


def test_to_another_run_both_ways_are_told(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(run, other)
    arguments = [str(other), "--other-step", "1", "--search", "5"]
    assert main(["analyse", "connectivity", str(run), *arguments]) == 0
    told, progress = capsys.readouterr()
    assert "to step 1 of other, " in told
    assert "the straight line rises by" in told
    assert "stored as step1ofother_from4_none" in told
    assert "5 of 5 steps of the search" in progress


def test_another_model_is_no_other_end(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "connectivity", str(run), str(run.parent / "none")]) == 2
    assert "none" in capsys.readouterr().err


def test_between_a_snapshot_and_itself_lies_nothing(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyse", "connectivity", str(run), str(run)]) == 2
    assert "the weights of step 4 of run are the very same" in capsys.readouterr().err
    assert not list((run / "results").glob("*.h5"))
