"""`fathom analyse curvature`: what it prints and stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.cli import main


def test_a_curvature_is_told_and_stored(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "curvature", str(run), "--count", "2", "--most", "200"]) == 0
    told = capsys.readouterr().out
    assert told.count("eigenvalue ") == 2
    assert "trace" in told
    assert (run / "results/curvature-step4_none.h5").is_file()


def test_over_all_snapshots_there_is_a_row_for_each(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyse", "curvature", str(run), "--all", "--most", "60"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == ["step", "1", "2", "3", "4"]
    assert rows[0].endswith("(2 / lr)")
    assert all(row.split()[2] == "20" for row in rows[1:])


def test_all_snapshots_or_one(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "curvature", str(run), "--all", "--step", "2"]) == 2
    assert "either --all snapshots or that of --step 2" in capsys.readouterr().err
