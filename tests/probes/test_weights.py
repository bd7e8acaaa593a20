from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from probes import Weights
from probes.weights import NORM_EVERY
from tests.probes.watching import Watching


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(70, 80), nn.Linear(80, 3))


def test_they_are_seen_as_the_step_left_them(model):
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    with Watching(model, optimizer, Weights()) as rig:
        for _ in range(3):
            model(torch.ones(4, 70)).square().mean().backward()
            before = model[1].weight.detach().double().clone()
            rig.step()
            exact, found = model[1].weight.detach().double(), rig.rows("weights")["1.weight"]
            assert found["mean"] == pytest.approx(float(exact.mean()), rel=1e-5)
            assert (found["min"], found["max"]) == (float(exact.min()), float(exact.max()))
            assert found["max"] != float(before.max())


def test_the_norm_is_of_all_elements_in_some_records_and_unknown_in_others(model):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    exact, found = [], []
    with Watching(model, optimizer, Weights()) as rig:
        for _ in range(2 * NORM_EVERY + 1):
            model(torch.ones(4, 70)).square().mean().backward()
            rig.step()
            exact.append(float(model[0].weight.detach().double().norm()))
            found.append(rig.rows("weights")["0.weight"]["norm"])
    known = np.isfinite(found)
    assert np.flatnonzero(known).tolist() == [0, NORM_EVERY, 2 * NORM_EVERY]
    assert np.array(found)[known] == pytest.approx(np.array(exact)[known], rel=1e-5)


def test_frozen_ones_are_seen_too(model):
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watching(model, optimizer, Weights()) as rig:
        model(torch.ones(4, 70)).square().mean().backward()
        rig.step()
        assert "0.weight" in rig.rows("weights")


def test_a_weight_that_broke_shows(model):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watching(model, optimizer, Weights()) as rig:
        with torch.no_grad():
            model[1].weight[0, :5] = torch.nan
            model[1].weight[1, 7] = -torch.inf
        rig.step()
        found = rig.rows("weights")["1.weight"]
    assert (found["nan"], found["neginf"], found["count"]) == (5, 1, 240)
    assert np.isfinite([found["mean"], found["std"]]).all()
    assert np.isnan(found["norm"])
