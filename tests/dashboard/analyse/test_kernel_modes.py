"""`fathom analyse kernel-modes`: what it prints and stores."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from dashboard.cli import main
from diagnostics.kernel_modes import KernelModes
from diagnostics.store import load
from probes import OptimizerState, Recorder, Snapshots


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """A linear model by Adam."""
    torch.manual_seed(0)
    x, y, model = torch.randn(8, 2), torch.randn(8, 1), nn.Linear(2, 1)
    optimizer, loss = torch.optim.Adam(model.parameters(), 0.1), nn.MSELoss()
    path, probes = tmp_path / "line", [Snapshots(), OptimizerState()]
    given = {"loss": loss, "batch": (x, y), "held_out": (-x, y)}
    with Recorder(model, optimizer, path, every=1, probes=probes, **given):
        for _ in range(20):
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
    return path


def test_each_mode_has_a_row(line: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "kernel-modes", str(line)]) == 0
    told = capsys.readouterr().out.splitlines()
    found = load(line, KernelModes, "step1")
    assert told[0].startswith("kernel at step 1; step 20, 8 examples")
    rows = [row.split() for row in told[2:5]]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [row[1] for row in rows] == [f"{value:.4g}" for value in found.eigenvalues[:3]]
    assert told[5] == "predicted for gradient descent at the same rate; the run had Adam"
    assert f"off by {found.error[-1]:.1%}" in told[6]
    assert "changed by 0.0% since, its direction by 0.0°" in told[7]
    assert told[-1] == "stored as step1"


def test_what_is_not_predicted_says_why(line: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "kernel-modes", str(line), "--held-out", "--step", "2"]) == 0
    told = capsys.readouterr().out
    assert "not predicted: it is not these examples that were trained on" in told
    assert "stored as step2_recorded.held.out" in told
