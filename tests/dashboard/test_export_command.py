"""`fathom export`: what it writes where, what it says, and its exit code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dashboard.cli import main


def test_a_run_goes_into_a_folder_of_its_name(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(runs / "sick"), "--to", "csv"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["sick-csv"]
    files = sorted(path.name for path in (tmp_path / "sick-csv").iterdir())
    assert capsys.readouterr().out == f"sick-csv: {', '.join(files)}\n"
    assert "statistics.csv" in files


def test_a_folder_may_be_named(runs: Path, tmp_path: Path) -> None:
    assert main(["export", str(runs / "sick"), "--to", "csv", "-o", str(tmp_path / "here")]) == 0
    assert (tmp_path / "here" / "scalars.csv").exists()


def test_several_runs_have_a_folder_each_and_equal_names_a_number(
    runs: Path, tmp_path: Path
) -> None:
    shutil.copytree(runs / "sick", tmp_path / "other" / "sick")
    asked = [str(runs), str(tmp_path / "other" / "sick"), "--to", "csv"]
    assert main(["export", *asked, "-o", str(tmp_path / "all")]) == 0
    found = sorted(path.name for path in (tmp_path / "all").iterdir())
    assert found == ["healthy", "sick", "sick-2"]
    assert (tmp_path / "all" / "sick-2" / "about.json").exists()


@pytest.mark.parametrize("several", [False, True])
def test_what_exists_is_refused_in_one_line(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], several: bool
) -> None:
    (tmp_path / "mine").mkdir()
    asked = str(runs if several else runs / "sick")
    assert main(["export", asked, "--to", "csv", "-o", str(tmp_path / "mine")]) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert "mine-2" in told
    assert list((tmp_path / "mine").iterdir()) == []


def test_what_is_no_run_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(tmp_path / "nothing"), "--to", "csv"]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    assert "example: fathom export runs/digits --to parquet" in " ".join(
        capsys.readouterr().out.split()
    )
