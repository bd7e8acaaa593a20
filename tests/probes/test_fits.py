from __future__ import annotations

import copy
import pickle
import types

import numpy as np
import pytest
import torch
from torch import nn

from diagnostics import Run
from probes import FathomError
from probes.fits import Fits, innermost, numbers
from tests.probes.integrations import python
from tests.trainings import mlp, train


def fit(fits, model, *, steps=3, from_checkpoint=False):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    fits.begin(model, [optimizer], from_checkpoint=from_checkpoint)
    train(model, optimizer, steps=steps, recorder=fits.recorder)


def state(path):
    return Run(path).state


def test_a_second_fit_of_the_model_goes_on_in_its_folder(tmp_path):
    fits, model = Fits(tmp_path / "run", {"every": 1}), mlp()
    for _ in range(2):
        fit(fits, model)
        fits.end()
        assert state(tmp_path / "run") == "finished"
    assert Run(tmp_path / "run").last_step == 6
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_each_further_model_gets_a_folder_of_its_own(tmp_path):
    fits = Fits(tmp_path / "run", {"every": 1})
    for steps in (1, 2, 3):
        fit(fits, mlp(), steps=steps)
        fits.end()
    steps = {path.name: Run(path).last_step for path in tmp_path.iterdir()}
    assert steps == {"run": 1, "run-2": 2, "run-3": 3}


def test_a_checkpoint_goes_on_in_its_folder_or_begins_one(tmp_path):
    for _ in range(2):  # as two processes would: each with a callback of its own
        fits = Fits(tmp_path / "run", {"every": 1})
        fit(fits, mlp(), from_checkpoint=True)
        fits.end()
    assert Run(tmp_path / "run").last_step == 6


def test_a_new_training_never_goes_into_an_old_folder(tmp_path):
    for n in range(2):
        fits = Fits(tmp_path / "run", {"every": 1})
        if n == 0:
            fit(fits, mlp())
            fits.end()
        else:
            with pytest.raises(FathomError, match="already holds a run"):
                fit(fits, mlp())
            assert fits.recorder is None
            fits.end()
    assert Run(tmp_path / "run").last_step == 3


def test_a_fit_that_was_broken_off_has_failed_when_the_next_begins(tmp_path):
    fits = Fits(tmp_path / "run", {"every": 1})
    fit(fits, mlp())
    fit(fits, mlp())
    fits.end()
    assert (state(tmp_path / "run"), state(tmp_path / "run-2")) == ("failed", "finished")


def test_an_error_is_recorded(tmp_path):
    fits = Fits(tmp_path / "run", {"every": 1})
    fit(fits, mlp())
    fits.end(ValueError("bad batch"))
    assert state(tmp_path / "run") == "failed"
    (event,) = [event for event in Run(tmp_path / "run").events if event.kind == "exception"]
    assert (event.step, event.text) == (3, "ValueError: bad batch")


ABANDON = """
import sys, torch
from probes.fits import Fits
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
fits = Fits(sys.argv[1], {})
fits.begin(model, [optimizer], from_checkpoint=False)
model(torch.ones(1, 2)).sum().backward()
optimizer.step()
"""


@pytest.mark.parametrize(
    ("ending", "told"),
    [("raise ValueError('bad batch')", ["ValueError: bad batch"]), ("del fits; sys.exit(0)", [])],
)
def test_an_interpreter_that_ends_in_a_fit_leaves_it_failed(tmp_path, ending, told):
    python("-c", ABANDON + ending, tmp_path / "run")
    run = Run(tmp_path / "run")
    assert (run.state, run.last_step) == ("failed", 1)
    assert [event.text for event in run.events if event.kind == "exception"] == told


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_knows_the_arguments_and_leaves_the_run_alone(tmp_path, copied):
    fits = Fits(tmp_path / "run", {"every": 2})
    fit(fits, mlp(), steps=1)
    other = copied(fits)
    assert other.recorder is None
    other.end()
    assert state(tmp_path / "run") == "running"
    fits.end()
    assert state(tmp_path / "run") == "finished"
    with pytest.raises(FathomError, match="already holds a run"):
        fit(other, mlp())


def test_numbers_are_picked_out():
    given = {"a": 1, "b": 2.5, "c": np.float32(3), "d": torch.tensor(4), "e": "five", "f": None}
    assert list(numbers({**given, "g": {"h": 1}, "i": [1]})) == ["a", "b", "c", "d"]


def test_the_innermost_optimizer_is_found():
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), 0.1)
    wrapped = types.SimpleNamespace(optimizer=types.SimpleNamespace(optimizer=optimizer))
    assert innermost(wrapped) is optimizer
    assert innermost(optimizer) is optimizer
