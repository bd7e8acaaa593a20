from __future__ import annotations

import numpy as np
import torch
from torch import nn

from diagnostics import Run
from diagnostics.signs.stillness import stillness
from probes import Recorder
from tests.diagnostics.written import tensor, written
from tests.trainings import train

WEIGHT = tensor("a.weight", "matrix", "4x4", trainable=True)


def still(tmp_path, gradient=1.0, **scalars):
    series = {"weights": {"a.weight": {}}, "gradients": {"a.weight": {"norm": gradient}}}
    return stillness(written(tmp_path, [WEIGHT], series, scalars=scalars))


def test_what_the_optimizer_does_not_hold_stays(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model[2].parameters(), 0.1)
    with Recorder(model, optimizer, tmp_path / "run", every=1) as recorder:
        train(model, optimizer, steps=5, recorder=recorder)
    found = stillness(Run(tmp_path / "run"))
    assert found is not None
    assert set(found.driven) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert set(found.unmoved) == {"0.weight", "0.bias"}


def test_a_single_gradient_is_not_enough(tmp_path):
    for name, gradient in {"once": np.eye(10)[3], "never": 0.0, "broken": np.nan}.items():
        found = still(tmp_path / name, gradient)
        assert found is not None
        assert found.driven == ()


def test_steps_at_a_rate_of_zero_drive_nothing(tmp_path):
    none = still(tmp_path / "a", **{"optimizer/0/lr": [0.0]})
    assert none is not None
    assert none.driven == ()
    some = still(tmp_path / "b", **{"optimizer/0/lr": [0.1]})
    assert some is not None
    assert some.unmoved == ("a.weight",)


def test_two_records_of_both_are_needed(tmp_path):
    assert stillness(written(tmp_path / "a", [WEIGHT], {"weights": {"a.weight": {}}})) is None
    series = {"weights": {"a.weight": {}}, "gradients": {"a.weight": {}}}
    assert stillness(written(tmp_path / "b", [WEIGHT], series, steps=[1])) is None
