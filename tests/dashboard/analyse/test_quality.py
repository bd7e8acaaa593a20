"""`fathom analyse quality`: what it prints and stores, and the report that shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from dashboard.cli import main
from dashboard.packing import unpacked
from diagnostics.calibration import Calibration
from diagnostics.coverage import Coverage
from diagnostics.scoring import Scoring
from diagnostics.selective import Selective
from diagnostics.store import load
from probes import Recorder

HELD = "step4_none_recorded.held.out_plain"


def examples(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))


def record(path: Path, outputs: int, loss: Any, target: Any) -> Path:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, outputs))
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    batch, held_out = ((x, target(x)) for x in (examples(40, 1), examples(60, 2)))
    with Recorder(model, optimizer, path, loss=loss, batch=batch, held_out=held_out):
        for _ in range(4):
            optimizer.zero_grad()
            loss(model(batch[0]), batch[1]).backward()
            optimizer.step()
    return path


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "classes"
    return record(path, 3, functional.cross_entropy, lambda x: x[:, :3].argmax(1))


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "values"
    return record(path, 1, functional.mse_loss, lambda x: x[:, :1])


def strangers() -> tuple[torch.Tensor, torch.Tensor]:
    return 9 * examples(20, 3), torch.zeros(20, dtype=torch.long)


def asked(*words: str) -> int:
    return main(["analyse", "quality", *map(str, words)])


def test_a_classifier_from_its_recording_to_its_report(
    classes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(str(classes), "--held-out") == 0
    told = capsys.readouterr().out
    found = load(classes, Calibration, HELD)
    mass = found.equal_mass
    assert "60 held-out examples of the recording" in told
    assert f"ECE {mass.ece:.3g} ± {mass.error:.1g} (95 %: {mass.interval[0]:.3g} to " in told
    assert f"a calibrated model shows {mass.floor:.3g} ± {mass.floor_spread:.1g}" in told
    assert found.temperature
    assert f"temperature {found.temperature.value:.3g} ± {found.temperature.error:.1g}" in told
    warmth = found.temperature
    assert f"at it NLL {warmth.scaled_nll:.3g}, now {warmth.nll:.3g}" in told
    nll, brier = load(classes, Scoring, HELD).scores
    assert f"NLL {nll.value:.3g} ± {nll.error:.1g}, Brier {brier.value:.3g} ± " in told
    curve = load(classes, Selective, HELD).risk_coverage
    assert f"AURC {curve.aurc.value:.3g} ± {curve.aurc.error:.1g}; ideal " in told
    assert "(uncertainty: predictive entropy; loss: 1 where" in told
    assert f"stored as {HELD} (scoring, calibration, selective)" in told
    assert "flatter" not in told
    page = tmp_path / "report.html"
    assert main(["report", str(classes), "--output", str(page)]) == 0
    written = page.read_text("utf-8")
    drawn = _figures(written)
    assert {"run-1-calibration", "run-1-calibration equal width", "run-1-selective"} <= {*drawn}
    title = drawn["run-1-calibration"]["layout"]["title"]["text"]
    assert mass.chance > 0.05  # the ECE sees nothing in so few examples
    assert f"temperature {warmth.value:.3g} ± {warmth.error:.1g}" in title
    assert "run-1-coverage" not in drawn
    assert "fathom analyse quality" not in written  # of classes, it has nothing more to give


def _figures(written: str) -> dict[str, Any]:
    data = re.search(r'id="figures"[^>]*>(.*?)</script>', written, re.DOTALL)
    assert data
    found: dict[str, Any] = json.loads(unpacked(data[1]))["figures"]
    return found


def test_training_data_flatter_and_draws_have_no_temperature(
    classes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(str(classes), "--draws", "5", "--uncertainty", "confidence") == 0
    told = capsys.readouterr().out
    assert "scores of what the network was trained on flatter" in told
    assert "predicted by the mean of 5 draws of dropout" in told
    assert "uncertainty: 1 - probability of the likeliest class" in told
    assert "temperature" not in told
    assert "stored as step4_none_drawn" in told


def test_other_data_are_told_apart(classes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beside = "tests.dashboard.analyse.test_quality:strangers"
    assert asked(str(classes), "--held-out", "--beside", beside) == 0
    told = capsys.readouterr().out
    key = re.search(r"stored as (\S+)", told)
    assert key
    found = load(classes, Selective, key[1]).strangers
    assert found
    assert f"AUROC {found.auroc.value:.3g} ± {found.auroc.error:.1g}, FPR at 95 % " in told


def test_values_with_their_noise(values: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(str(values), "--held-out", "--noise", "0.5") == 0
    told = capsys.readouterr().out
    found = load(values, Coverage, HELD)
    assert f"90 % intervals hold {100 * found.curve.observed[89]:.3g} % (95 %: " in told
    wide = found.dispersion
    assert f"every sigma is to be multiplied by {wide.factor:.3g} ± {wide.error:.1g}" in told
    assert f"miscalibration area {found.area.value:.3g} ± {found.area.error:.1g}" in told
    assert f"PIT {found.pit.ks:.3g} from uniform" in told
    assert "sharpness 0.5\n" in told
    assert "CRPS " in told
    assert "no order to reject them in" in told


def test_noise_from_residuals_is_said(values: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(str(values), "--noise", "residuals") == 0
    told = capsys.readouterr().out
    assert "noise: root mean square residual of these examples themselves" in told
    assert "multiplied by 1 ± " in told


def test_values_without_noise_are_told_what_to_give(
    values: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(str(values), "--held-out") == 2
    assert "give the standard deviation of the targets' noise" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--noise", "some"), "neither a standard deviation nor the word residuals"),
        (("--noise", "-1"), "not a finite number of 0.0 or more"),
        (("--draws", "2"), "2 is not a finite number of 3 or more"),
        (("--output", "0"), "0 is not a finite number of 1 or more"),
    ],
)
def test_what_cannot_be_is_refused(
    words: tuple[str, ...], told: str, values: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        asked(str(values), *words)
    assert told in capsys.readouterr().err
