from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from probes import Updates
from probes.updates import EXACT_EVERY
from tests.probes.watching import Watching


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(70, 80), nn.Linear(80, 3))


def moved(rig, model):
    """A step, and by how much it changed each parameter."""
    model(torch.ones(4, 70)).square().mean().backward()
    before = {name: p.detach().double().clone() for name, p in model.named_parameters()}
    rig.step()
    return {name: p.detach().double() - before[name] for name, p in model.named_parameters()}


def test_an_update_is_after_less_before(model):
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    with Watching(model, optimizer, Updates()) as rig:
        for _ in range(3):
            exact, rows = moved(rig, model), rig.rows("updates")
            assert list(rows) == list(exact)
            for name in ("0.bias", "1.weight", "1.bias"):
                change = exact[name]
                assert rows[name]["mean"] == pytest.approx(float(change.mean()), rel=1e-4, abs=1e-9)
                assert rows[name]["min"] == pytest.approx(float(change.min()), rel=1e-4, abs=1e-7)


def test_the_norm_is_exact_in_some_records_and_estimated_from_the_sample_in_others(model):
    generator, exact, found = torch.Generator().manual_seed(0), [], []
    with Watching(model, torch.optim.SGD(model.parameters(), 0.1), Updates()) as rig:
        for record in range(2 * EXACT_EVERY + 1):
            for parameter in model.parameters():
                parameter.grad = (record + 1) * torch.randn(parameter.shape, generator=generator)
            before = model[0].weight.detach().double().clone()
            rig.step()
            exact.append(float((model[0].weight.detach() - before).norm()))
            found.append(rig.rows("updates")["0.weight"])
    norms = np.array([row["norm"] for row in found])
    known = np.flatnonzero(np.isfinite(norms))
    assert known.tolist() == [0, EXACT_EVERY, 2 * EXACT_EVERY]
    assert norms[known] == pytest.approx(np.array(exact)[known], rel=1e-4)
    estimate = [np.sqrt((row["mean"] ** 2 + row["std"] ** 2) * 70 * 80) for row in found]
    assert estimate == pytest.approx(exact, rel=4 / np.sqrt(2 * 4096))  # four standard errors


def test_the_state_says_how_often():
    assert f"every {EXACT_EVERY}th record" in Updates.state


def test_a_step_that_moves_nothing_is_zero(model):
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    with Watching(model, optimizer, Updates()) as rig:
        moved(rig, model)
        found = rig.rows("updates")["0.weight"]
    assert (found["zeros"], found["count"], found["norm"]) == (4096, 4096, 0)


def test_half_types_lose_nothing():
    model = nn.Linear(40, 30, bias=False).bfloat16()
    nn.init.constant_(model.weight, 1.0)
    model.weight.grad = torch.full_like(model.weight, -0.0078125)  # the smallest step above one
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    with Watching(model, optimizer, Updates()) as rig:
        rig.step()
        found = rig.rows("updates")["weight"]
    assert (found["min"], found["max"]) == (0.0078125, 0.0078125)
    assert found["norm"] == pytest.approx(0.0078125 * np.sqrt(1200))


def test_two_optimizers_have_their_updates_in_one_series(model):
    optimizers = [
        torch.optim.SGD(layer.parameters(), 0.1 * n + 0.1) for n, layer in enumerate(model)
    ]
    with Watching(model, optimizers, Updates()) as rig:
        for _ in range(2):
            exact, rows = moved(rig, model), rig.rows("updates")
            assert list(rows) == list(exact)
            for name in ("0.bias", "1.weight", "1.bias"):
                assert rows[name]["mean"] == pytest.approx(float(exact[name].mean()), rel=1e-4)


def test_no_copy_of_the_weights_is_kept_after_the_step(model):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watching(model, optimizer, Updates()) as rig:
        moved(rig, model)
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        rig.watch.finish(9, rig.kept)
        assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
        [shelf] = rig.watch._arenas.shelves([0])
        assert not any(
            isinstance(value, list) and any(torch.is_tensor(part) for part in value)
            for value in vars(shelf).values()
        )
