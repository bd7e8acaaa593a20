"""`fathom preflight`: what it takes of a user's function, prints, and ends with."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

import pytest

from dashboard.cli import _command
from dashboard.preflight_command import add_preflight, parts_of
from diagnostics.run import FathomError

TRAINING = """
import torch
from torch import nn

def parts(sick):
    torch.manual_seed(0)
    last = [nn.Softmax(-1)] if sick else []
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), *last)
    batch = torch.randn(32, 8), torch.randint(3, (32,))
    return model, nn.CrossEntropyLoss(), batch, torch.optim.SGD(model.parameters(), 0.1)

def sound():
    return parts(False)

def sick():
    model, loss, batch, optimizer = parts(True)
    return {"model": model, "loss": loss, "batch": batch, "optimizer": optimizer}

def short():
    return parts(False)[:2]

def strange():
    return {**sick(), "optimiser": None}

def lacking():
    return {"model": 1, "loss": 2}

def number():
    return 3
"""


@pytest.fixture
def _training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_training.py").write_text(TRAINING)
    monkeypatch.syspath_prepend(str(tmp_path))


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_preflight(partial(_command, parser.add_subparsers(required=True)))
    asked = parser.parse_args(["preflight", *words])
    return int(asked.command(asked))


@pytest.mark.usefixtures("_training")
def test_sound_ends_with_0_and_sick_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--subject", "own_training:sound") == 0
    assert "no findings" in capsys.readouterr().out
    assert run("--subject", "own_training:sick") == 1
    told = capsys.readouterr()
    assert "error: Double softmax" in told.out
    assert "17 of 17 checks" in told.err


@pytest.mark.usefixtures("_training")
def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--subject", "own_training:sick", "--json", "--seconds", "20") == 1
    told = json.loads(capsys.readouterr().out)
    assert [found["disease"] for found in told["findings"]] == ["double_softmax"]
    objective = next(check for check in told["checks"] if check["name"] == "objective")
    assert objective["findings"] == ["double_softmax"]
    assert objective["numbers"][0]["value"] == 1.0


@pytest.mark.usefixtures("_training")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("short", r"gives a tuple; let it return model, loss and batch"),
        ("number", r"gives a int; let it return"),
        ("strange", r"has 'optimiser'; its names are model, loss"),
        ("lacking", r"lacks 'batch'; its names are"),
    ],
)
def test_what_a_function_must_give(name: str, told: str) -> None:
    with pytest.raises(FathomError, match=told):
        parts_of(f"own_training:{name}")


@pytest.mark.parametrize("seconds", ["0", "-3", "inf", "nan"])
def test_no_time_is_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--subject", "a:b", "--seconds", seconds)
    assert "leave no time to check" in capsys.readouterr().err
