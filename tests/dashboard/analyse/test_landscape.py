"""`fathom analyse landscape`: what it prints and stores."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from dashboard.cli import main
from diagnostics.loss_landscape import Landscape
from diagnostics.store import load
from probes import Recorder


def test_a_landscape_is_told_and_stored(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--resolution", "9", "--tolerance", "0", "--seed", "5", "--step", "2"]
    assert main(["analyse", "landscape", str(run), *arguments]) == 0
    told = capsys.readouterr().out
    assert "81 of 81 points evaluated" in told
    assert "step 2, 10 examples of the recorded batch" in told
    assert "flatness radius" in told
    assert " nan" not in told
    assert "training's way: " in told
    assert "stored as random5_2d_step2_none" in told
    assert (run / "results/loss_landscape-random5_2d_step2_none.h5").is_file()


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


def test_towards_another_run_it_says_where(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "the other"
    shutil.copytree(run, other)
    arguments = ["--line", "--resolution", "5", "--towards-run", str(other), "--towards", "2"]
    assert main(["analyse", "landscape", str(run), *arguments]) == 0
    told = capsys.readouterr().out
    assert "along towards step 2 of the other" in told
    assert "stored as towards.theother.2_1d_step4_none" in told


def test_held_out_data_and_classes_are_told(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "unseen.py").write_text(
        "import torch\ndef batch():\n    return torch.ones(6, 4), torch.zeros(6, dtype=int)\n"
    )
    monkeypatch.syspath_prepend(str(run))
    coarse = ["--resolution", "3", "--by-class", "--held-out", "unseen:batch"]
    assert main(["analyse", "landscape", str(run), *coarse]) == 0
    assert "on held-out data of unseen:batch: from " in capsys.readouterr().out
    found = load(run, Landscape, "random0_2d_step4_none_classes_heldout")
    assert found.classes == ("0", "1", "2")
    assert found.held_out_loss is not None


def test_the_first_direction_is_told_once(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = ["--along", "trajectory", "--towards", "2"]
    assert main(["analyse", "landscape", str(run), *both]) == 2
    assert "either along trajectory or towards other weights" in capsys.readouterr().err


def test_towards_its_own_weights_there_is_no_way(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyse", "landscape", str(run), "--towards-run", str(run)]) == 2
    assert "step 4 of run has the very weights of the centre" in capsys.readouterr().err


def test_where_the_targets_are_no_classes_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, batch, path = nn.Linear(3, 1), (torch.randn(8, 3), torch.randn(8, 1)), tmp_path / "run"
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, path, loss=functional.mse_loss, batch=batch):
        functional.mse_loss(model(batch[0]), batch[1]).backward()
        optimizer.step()
    for asked in ([], ["--by-class"]):
        assert main(["analyse", "landscape", str(path), "--resolution", "3", *asked]) == 0
        told = "no losses by class: the targets are no classes" in capsys.readouterr().out
        assert told is bool(asked)
