"""`fathom analyse spectral-bias`: what it prints and stores."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from dashboard.cli import main
from diagnostics.data_spectra import DataSpectra
from diagnostics.learned_function import LearnedFunction
from diagnostics.spectral_bias import SpectralBias
from diagnostics.store import load, saved
from probes import Outputs, Recorder, Snapshots


@pytest.fixture
def waves(tmp_path: Path) -> Path:
    """A slow and a fast wave, the fast one too fast for so few steps."""
    torch.manual_seed(0)
    x = torch.arange(48)[:, None] / 48
    y = torch.sin(2 * math.pi * x) + torch.sin(2 * math.pi * 9 * x)
    model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer, loss = torch.optim.Adam(model.parameters(), 0.03), nn.MSELoss()
    path, probes = tmp_path / "waves", [Outputs(every=1), Snapshots()]
    with Recorder(model, optimizer, path, every=1, loss=loss, batch=(x, y), probes=probes):
        for _ in range(60):
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
    return path


def test_each_frequency_has_a_row(waves: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "spectral-bias", str(waves)]) == 0
    told = capsys.readouterr().out.splitlines()
    found = load(waves, SpectralBias, "recorded")
    assert told[0] == "predicted in training at 60 steps; exact sums on an even grid of 48"
    rows = [line.split() for line in told[2:-2]]
    assert [row[0] for row in rows] == ["1", "9"]
    assert rows[0][2] == f"{found.half.step[0]:.0f}"
    assert rows[1][2] == rows[1][3] == "never"
    assert rows[1][4] == f"{found.ratio[-1, 1]:.4g}"
    assert told[-2] == f"{found.verdict}: {found.why}"
    assert told[-1] == "stored as recorded"
    assert saved(waves, LearnedFunction) == ("recorded",)


def test_frequencies_period_and_source_can_be_chosen(
    waves: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--frequencies", "2,6,18", "--period", "2", "--again"]
    assert main(["analyse", "spectral-bias", str(waves), *asked]) == 0
    told = capsys.readouterr().out
    assert told.startswith("computed at snapshots")
    rows = [line.split() for line in told.splitlines()[2:5]]
    assert [row[0] for row in rows] == ["2", "6", "18"]
    assert rows[0][1] == rows[2][1] == "1"
    assert rows[1][2:] == ["-", "-", "-"]  # the target has no 3 waves over 1
    assert "stored as snapshots" in told


@pytest.mark.parametrize("text", ["1,0", "1,-2", "nan", "1,,2", "many", "inf"])
def test_a_frequency_is_a_number_above_0(
    waves: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["analyse", "spectral-bias", str(waves), f"--frequencies={text}"])
    told = capsys.readouterr().err
    assert "--frequencies" in told
    assert "is not a finite number above 0; give one" in told


def test_what_the_kernel_predicts_is_told_or_refused(
    waves: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """This recording does not hold its learning rate."""
    assert main(["analyse", "spectral-bias", str(waves), "--predicted"]) == 0
    found = load(waves, SpectralBias, "recorded")
    assert found.predicted
    assert f"not predicted: {found.predicted.refused}" in capsys.readouterr().out
    assert "learning rate is not recorded" in found.predicted.refused


def test_of_a_classifier_of_many_inputs_each_width_has_a_row(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyse", "spectral-bias", str(run)]) == 0
    told = capsys.readouterr().out.splitlines()
    found = load(run, DataSpectra, "recorded")
    assert "inputs of 4 features, so split into smooth and fine" in told[0]
    assert found.outputs == "probabilities"
    rows = [line.split() for line in told[2:8]]
    assert [row[0] for row in rows] == [f"{width:.4g}" for width in found.filtered.widths]
    assert [row[1] for row in rows] == [f"{share:.1%}" for share in found.filtered.share]
    assert f"target {found.roughness.target:.4g}" in told[8]
    assert told[-2] == f"{found.filtered.verdict}: {found.filtered.why}"
    assert told[-1] == "stored as recorded"


def test_a_period_without_a_line_is_one_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "spectral-bias", str(run), "--period", "3"]) == 2
    told = capsys.readouterr().err
    assert "inputs of 4 features lie on no line" in told
    assert told.count("\n") == 1
