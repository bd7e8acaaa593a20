"""`fathom treat`: what it takes, what it says, and its exit code."""

from __future__ import annotations

import argparse
import math
import shutil
import sys
from dataclasses import fields
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

from dashboard.cli import _command
from dashboard.treat_command import add_treat, told_of
from diagnostics.run import FathomError
from diagnostics.store import load
from diagnostics.treatment.training import Training
from diagnostics.treatment.treat import treat
from diagnostics.treatment.treatment import Treatment
from probes import Recorder


def make(seed=0):
    """A training whose rate is far too low."""
    torch.manual_seed(seed)
    x = torch.randn(64, 6)
    y = (x[:, 0] > 0).long()
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), 1e-4, momentum=0.9)
    batches = [(x[:32], y[:32]), (x[32:], y[32:])]
    return Training(model, optimizer, functional.cross_entropy, batches, batches, steps=40)


def of_a_seed(seed):
    """The same, of a seed that must be given."""
    return make(seed)


def asked(*words):
    parser = argparse.ArgumentParser()
    add_treat(partial(_command, parser.add_subparsers()))
    found = parser.parse_args(["treat", *map(str, words)])
    return found.command(found)


@pytest.fixture(autouse=True)
def _found_by_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "training_to_treat", sys.modules[__name__])


SUBJECT = "training_to_treat:make"


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "slow"
    training = make()
    x, y = training.batches[0]
    options = {"loss": training.loss, "batch": (x, y), "budget": None}
    with Recorder(training.model, training.optimizer, folder, **options):
        for _ in range(30):
            training.optimizer.zero_grad()
            training.loss(training.model(x), y).backward()
            training.optimizer.step()
    return folder


def test_the_winner_and_its_code_are_told(capsys):
    assert asked("--subject", SUBJECT, "--disease", "lr_too_low", "--seconds", 1e6) == 0
    text = capsys.readouterr().out
    assert "seeds 0 1" in text
    assert "✓ " in text
    assert "    optimizer = torch.optim." in text
    assert "times the untreated" in text


def test_a_function_may_ask_for_its_seed(capsys):
    words = "--disease", "lr_too_low", "--steps", 20, "--seconds", 1e6
    assert asked("--subject", "training_to_treat:of_a_seed", *words) == 0
    assert "trials of 20 steps" in capsys.readouterr().out


def test_nothing_that_helps_is_exit_code_one(capsys):
    words = "--subject", "training_to_treat:make", "--disease", "nan_inputs"
    assert asked(*words, "--steps", 10, "--seeds", 1) == 1
    assert "No remedy helped." in capsys.readouterr().out


def test_a_recorded_run_is_treated_by_itself_and_keeps_the_result(recording, tmp_path, capsys):
    folder = tmp_path / "slow"
    shutil.copytree(recording, folder)
    assert asked(folder, "--disease", "lr_too_low", "--seconds", 1e6) == 0
    kept = load(folder, Treatment)
    assert kept.winner
    assert kept.code.splitlines()[0] in capsys.readouterr().out


def test_a_run_in_which_nothing_is_found_asks_for_a_disease(recording, monkeypatch):
    from diagnostics import doctor

    names = [field.name for field in fields(doctor.Examination)]
    nothing = doctor.Examination(**{**dict.fromkeys(names, ()), "run": "slow"})
    monkeypatch.setattr(doctor, "examine", lambda run: nothing)
    with pytest.raises(FathomError, match="name a disease: --disease lr_too_high"):
        asked(recording)


def test_nothing_to_treat_is_said():
    with pytest.raises(FathomError, match="nothing to treat; name a function"):
        asked("--disease", "lr_too_low")


def test_losses_are_told_as_factors():
    found = treat(make(), ["lr_too_low"], seconds=1e6)
    lines = list(told_of(found))
    best = found.best
    assert best is not None
    assert any(f"training loss {math.exp(best.effect):.2g} times" in line for line in lines)
