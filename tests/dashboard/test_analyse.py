"""`fathom analyse`: what it prints and stores, and how far it says that it is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from dashboard.analyse import progress
from dashboard.cli import main
from probes import Recorder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    batch = (torch.randn(10, 4), torch.randint(3, (10,)))
    path = tmp_path / "run"
    with Recorder(model, optimizer, path, loss=functional.cross_entropy, batch=batch):
        for _ in range(4):
            optimizer.zero_grad()
            functional.cross_entropy(model(batch[0]), batch[1]).backward()
            optimizer.step()
    return path


def test_a_landscape_is_told_and_stored(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--resolution", "9", "--tolerance", "0", "--seed", "5", "--step", "2"]
    assert main(["analyse", "landscape", str(run), *arguments]) == 0
    told = capsys.readouterr().out
    assert "81 of 81 points evaluated" in told
    assert "step 2, 10 examples of the recorded batch" in told
    assert "flatness radius" in told
    assert "training's way: " in told
    assert "stored as random5_2d_step2_none" in told
    assert (run / "results/loss_landscape-random5_2d_step2_none.h5").is_file()


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


def test_what_cannot_be_done_is_one_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "landscape", str(run), "--step", "99"]) == 2
    assert main(["analyse", "landscape", str(run), "--along", "towards"]) == 2
    (run / "program.json").unlink()
    assert main(["analyse", "curvature", str(run)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "no snapshot of step 99" in lines[0]
    assert "Subject(model, loss, batch)" in lines[2]


IMPOSSIBLE = [
    ("landscape", "--seed", "-3"),
    ("landscape", "--tolerance", "nan"),
    ("landscape", "--workers", "0"),
    ("curvature", "--count", "0"),
    ("curvature", "--by-layer", "-1"),
]


@pytest.mark.parametrize("asked", IMPOSSIBLE)
def test_numbers_that_cannot_be_are_said(
    run: Path, capsys: pytest.CaptureFixture[str], asked: tuple[str, str, str]
) -> None:
    analysis, option, value = asked
    with pytest.raises(SystemExit, match="2"):
        main(["analyse", analysis, str(run), option, value])
    assert f"argument {option}: {value} is less than" in capsys.readouterr().err


def test_no_reach_is_none(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "landscape", str(run), "--reach", "0"]) == 2
    assert "an axis from -0 to 0" in capsys.readouterr().err


def test_only_the_trajectorys_own_plane_is_held_against_wandering(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coarse = ["analyse", "landscape", str(run), "--resolution", "3", "--along"]
    for along, told in (("random", False), ("trajectory", True)):
        assert main([*coarse, along]) == 0
        out = capsys.readouterr().out
        assert "training's way: " in out
        assert ("aimless wandering" in out) is told


def test_where_nothing_can_be_kept_nothing_is_computed(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "results").write_text("a file")
    for analysis in ("landscape", "curvature"):
        assert main(["analyse", analysis, str(run)]) == 2
        assert "copy the run to where you may write" in capsys.readouterr().err


def test_the_time_left_is_by_what_was_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 0.0, 10.0, 10.1, 30.0])
    monkeypatch.setattr("dashboard.analyse.time.monotonic", lambda: next(clock))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress("points") as told:
        told(50, 200)  # these were there already
        told(100, 200)
        told(101, 200)  # too soon to say again
        told(200, 200)
    lines = [line.strip() for line in capsys.readouterr().err.split("\r") if line.strip()]
    assert lines == ["100 of 200 points, 20 s left", "200 of 200 points"]


def test_into_a_pipe_goes_a_whole_line_a_second(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 2.0, 2.5, 4.0])
    monkeypatch.setattr("dashboard.analyse.time.monotonic", lambda: next(clock))
    with progress("points") as told:
        told(0, 4)
        told(1, 4)  # too soon to say again
        told(2, 4)
    assert capsys.readouterr().err == "0 of 4 points\n2 of 4 points, 4 s left\n"
