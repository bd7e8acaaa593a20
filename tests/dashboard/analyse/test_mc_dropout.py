"""`fathom analyse mc-dropout`: what it prints and stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import nn

from dashboard.analyse.options import OUTPUTS
from dashboard.cli import main
from diagnostics.active.mc_dropout import PlacedDropout
from diagnostics.store import load
from diagnostics.uncertainty import Outputs


@pytest.fixture
def dropping(record: Callable[[nn.Module], Path]) -> Path:
    """A classifier with two dropouts."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 8), nn.Dropout(0.1),
        nn.Linear(8, 3),
    )  # fmt: skip
    return record(model)


def test_the_spread_is_told_with_every_dropouts_part_and_stored(
    dropping: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--draws", "20", "--masks", "shared", "--each", "--seed", "3"]
    assert main(["analyse", "mc-dropout", str(dropping), *asked]) == 0
    told = capsys.readouterr().out
    found = load(dropping, PlacedDropout, "step4_none_shared").ensemble
    spread = found.uncertainty.growth.epistemic
    assert f"dropout-ensemble spread (mutual information): {spread.value[-1]:.4g}" in told
    assert (found.plan.seed, found.plan.masks, found.uncertainty.draws) == (3, "shared", 20)
    first, second = found.dropouts
    assert first.alone
    assert f"{first.name}: {first.op}, p = 0.3, in 20 draws, alone {first.alone.value:.4g}" in told
    assert second.p == pytest.approx(0.1)
    assert "stored as step4_none_shared" in told


def test_a_network_without_dropout_is_told_to_have_none(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyse", "mc-dropout", str(run), "--draws", "5"]) == 0
    told = capsys.readouterr().out
    assert "error: all 5 draws are the same: nothing in the network is random." in told
    assert "how well the spread is known cannot be told" in told


def test_two_draws_have_no_error(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["analyse", "mc-dropout", str(run), "--draws", "2"])
    assert "2 is not a finite number of 3 or more" in capsys.readouterr().err


def test_other_rates_are_told_with_their_likelihood_and_stored(
    dropping: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--draws", "6", "--rates", "0.05", "0.5"]
    assert main(["analyse", "mc-dropout", str(dropping), *asked]) == 0
    told = capsys.readouterr().out
    sweep = load(dropping, PlacedDropout, "step4_none_independent").ensemble.sweep
    assert sweep
    assert sweep.log_likelihood
    assert sweep.p.tolist() == [0.05, 0.5]
    last = f"mean log likelihood {sweep.log_likelihood.value[1]:.4g}"
    assert f"  at p = 0.5: spread {sweep.epistemic.value[1]:.4g} ± " in told
    assert told.count("  at p = ") == 2
    assert last in told


@pytest.mark.parametrize("rate", ["1", "-0.1", "nan"])
def test_a_rate_is_a_share_that_leaves_something(
    rate: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["analyse", "mc-dropout", str(run), f"--rates={rate}"])
    assert rate in capsys.readouterr().err


def test_predictions_can_be_read_in_every_way_there_is() -> None:
    assert get_args(Outputs) == OUTPUTS


def test_another_reading_and_noise(dropping: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--draws", "5", "--outputs", "values", "--noise", "0.5"]
    assert main(["analyse", "mc-dropout", str(dropping), *asked]) == 0
    found = load(dropping, PlacedDropout, "step4_none_independent").ensemble
    assert found.uncertainty.total
    assert found.likelihood is None  # the targets are classes
    assert found.uncertainty.reading.outputs == "values"
