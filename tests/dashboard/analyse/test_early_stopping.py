"""`fathom analyse early-stopping`: what it prints and stores."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from dashboard.cli import main
from diagnostics.early_stopping import EarlyStopping
from diagnostics.store import load, saved
from probes import Outputs, Recorder


@pytest.fixture
def waves(tmp_path: Path) -> Path:
    """A noisy wave, and a score that is best in the middle."""
    torch.manual_seed(0)
    x = torch.arange(48)[:, None] / 48
    y = torch.sin(2 * math.pi * x) + 0.2 * torch.randn(48, 1)
    model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer, loss = torch.optim.Adam(model.parameters(), 0.03), nn.MSELoss()
    path, given = tmp_path / "waves", {"loss": loss, "batch": (x, y)}
    with Recorder(model, optimizer, path, every=1, probes=[Outputs()], **given) as recorder:
        for step in range(60):
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
            recorder.log(score=abs(step - 30))
    return path


def test_each_frequency_has_a_row_and_the_noise_a_line(
    waves: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyse", "early-stopping", str(waves), "--scalar", "score"]) == 0
    told = capsys.readouterr().out.splitlines()
    (key,) = saved(waves, EarlyStopping)
    found = load(waves, EarlyStopping, key)
    assert told[0] == f"best step {found.best} of {found.steps[-1]}, by score, at step 31"
    assert told[2].split() == ["1", f"{found.kept[0]:.1%}", f"{found.kept_last[0]:.1%}"]
    assert f"of the noise fitted: {found.noise_at_best:.1%} at the best step" in told[-2]
    assert told[-1] == f"stored as {key}"


def test_without_a_loss_on_unseen_data_it_is_one_line(
    waves: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyse", "early-stopping", str(waves)]) == 2
    told = capsys.readouterr().err
    assert "(scalars: score); log one" in told
    assert told.count("\n") == 1
