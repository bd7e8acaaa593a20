"""`fathom analyse ensemble`, from runs to the report."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from dashboard import report
from dashboard.cli import main
from dashboard.figures.ensemble import PANEL
from diagnostics import Run
from diagnostics.active.ensemble import PlacedEnsemble
from diagnostics.store import load, saved
from probes import Recorder

X = torch.linspace(-1, 1, 12)[:, None]


def trained(folder: Path, seed: int) -> Path:
    """A curve, with dropout, on examples of its own order."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    batch, loss = (X, X**2), functional.mse_loss
    held_out = (X + 0.05, (X + 0.05) ** 2)
    with Recorder(model, optimizer, folder, loss=loss, batch=batch, held_out=held_out):
        for _ in range(12):
            optimizer.zero_grad()
            loss(model(X), X**2).backward()
            optimizer.step()
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp("seeds")
    seeds = {"one": 1, "two": 2, "three": 3, "twin": 1}
    return [str(trained(root / name, seed)) for name, seed in seeds.items()]


def test_three_seeds_are_told_stored_and_reported(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyse", "mc-dropout", runs[0], "--draws", "10", "--held-out"]) == 0
    capsys.readouterr()
    asked = ["--held-out", "--noise", "0.1"]
    assert main(["analyse", "ensemble", *runs[:3], *asked]) == 0
    told = capsys.readouterr().out
    key = next(iter(saved(runs[0], PlacedEnsemble)))
    of = load(runs[0], PlacedEnsemble, key).ensemble
    average = of.uncertainty.average
    assert "12 held-out examples of the recording" in told
    assert "deep ensemble of 3: one, two, three" in told
    assert f"deep-ensemble spread (variance): {float(average.value):.4g} ± " in told
    assert "mean over 201 even places from -1.45 to 1.55" in told
    assert of.gain
    assert of.likelihood
    gained, limit = of.gain.gained, of.gain.limit
    assert f"averaging takes off {gained.value[-1]:.4g} ± {gained.error[-1]:.1g}" in told
    assert f"of infinitely many such members {float(limit.value):.4g}" in told
    assert f"errors correlate by {of.gain.correlation:.3g}" in told
    assert f"log likelihood of the mean: {float(of.likelihood.mean.value):.4g}" in told
    assert f"{of.member_log_likelihood.max():.3g}" in told
    assert f"stored as {key}" in told
    page = tmp_path / "report.html"
    report(Run(runs[0]), page)
    html = page.read_text("utf-8")
    assert PANEL.question in html
    assert "Deep ensemble of 3: one, two, three." in html
    assert "dropout ensemble, 10 draws" in html
    assert PANEL.stored.label(PANEL.analyse(Run(runs[0]))).startswith(
        "deep ensemble of 3, step 12: 12 held-out examples"
    )


def test_snapshots_of_one(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "ensemble", runs[1]]) == 0
    told = capsys.readouterr().out
    assert "snapshot ensemble of " in told
    assert ": step 12, " in told
    assert "log likelihood" not in told
    assert main(["analyse", "ensemble", runs[1], "--snapshots", "2", "--step", "3"]) == 0
    assert "snapshot ensemble of 2: step 3, step 2" in capsys.readouterr().out
    assert len(saved(runs[1], PlacedEnsemble)) == 2


def test_members_that_are_one_are_an_error(
    runs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyse", "ensemble", runs[0], runs[3]]) == 0
    told = capsys.readouterr().out
    assert "error: all 2 members predict the same." in told
    assert "nan" not in told


def test_outputs_that_are_not_so_are_refused(
    runs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--outputs", "mean, variance"]
    assert main(["analyse", "ensemble", *runs[:2], *asked]) == 2
    assert "no means and variances" in capsys.readouterr().err


def test_one_snapshot_alone_is_no_ensemble(
    runs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["analyse", "ensemble", runs[0], "--snapshots", "1"])
    assert "1 is not a finite number of 2 or more" in capsys.readouterr().err
    assert main(["analyse", "ensemble", runs[0], "--snapshots", "99"]) == 2
    assert "ask for fewer, or give several runs" in capsys.readouterr().err
