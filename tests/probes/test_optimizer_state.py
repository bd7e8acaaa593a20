from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from probes import OptimizerState
from probes.optimizer_state import COSINE_EVERY
from tests.probes.watching import Watching


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Model(nn.Module):
    """A matrix, a vector and a single number."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 4)
        self.temperature = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.linear(x) * self.temperature


OPTIMIZERS = {
    "adam": (lambda p: torch.optim.Adam(p, 0.01), {"exp_avg", "exp_avg_sq"}),
    "adam fused": (lambda p: torch.optim.Adam(p, 0.01, fused=True), {"exp_avg", "exp_avg_sq"}),
    "adamw amsgrad": (
        lambda p: torch.optim.AdamW(p, 0.01, amsgrad=True),
        {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
    ),
    "sgd": (lambda p: torch.optim.SGD(p, 0.01, momentum=0.9), {"momentum_buffer"}),
    "sgd fused": (
        lambda p: torch.optim.SGD(p, 0.01, momentum=0.9, fused=True),
        {"momentum_buffer"},
    ),
    "rmsprop": (
        lambda p: torch.optim.RMSprop(p, 0.01, momentum=0.5),
        {"square_avg", "momentum_buffer"},
    ),
    "plain sgd": (lambda p: torch.optim.SGD(p, 0.01), set()),
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_rows_are_the_optimizers_own_tensors_after_the_step(kind):
    torch.manual_seed(0)
    make, keys = OPTIMIZERS[kind]
    model = Model()
    optimizer = make(model.parameters())
    with Watching(model, optimizer, OptimizerState()) as rig:
        for seed in range(3):
            model(numbers(5, 6, seed=seed)).square().sum().backward()
            rig.step()
        rows = rig.rows("optimizer_state")
        described = {name: rig.watch.describe(name) for name in rows}
    assert rows.keys() == {f"{n}:{key}" for n, _ in model.named_parameters() for key in keys}
    for name, parameter in model.named_parameters():
        for key in keys:
            row, held = rows[f"{name}:{key}"], optimizer.state[parameter][key]
            assert row["count"] == held.numel()
            assert row["mean"] == pytest.approx(float(held.mean()), rel=1e-5, abs=1e-7)
            assert (row["min"], row["max"]) == (float(held.min()), float(held.max()))
            info = described[f"{name}:{key}"]
            assert (info.name, info.role) == (f"{name}:{key}", "state")
            assert info.shape == "x".join(map(str, parameter.shape))


def test_of_a_factored_state_what_has_the_parameters_shape_is_recorded():
    model = nn.Linear(6, 4)
    optimizer = torch.optim.Adafactor(model.parameters())
    with Watching(model, optimizer, OptimizerState()) as rig:
        model(numbers(5, 6)).square().sum().backward()
        rig.step()
        rows = rig.rows("optimizer_state")
    assert rows.keys() == {"bias:variance"}
    held = optimizer.state[model.bias]["variance"]
    assert rows["bias:variance"]["max"] == float(held.max())


def written(rig):
    return [(step, name.removeprefix("optimizer/"), value) for step, name, value in rig]


def test_settings_are_written_when_they_change_alone():
    model = nn.Linear(2, 1)
    groups = [{"params": [model.weight]}, {"params": [model.bias], "weight_decay": 0.5}]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(0.5, 0.25), eps=0.125, weight_decay=0)
    decay = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    with Watching(model, optimizer, OptimizerState()) as rig:
        for _ in range(5):
            model(torch.ones(1, 2)).sum().backward()
            rig.step()
            decay.step()
    assert written(rig.kept.scalars) == [
        (1, "0/lr", 1.0), (1, "0/weight_decay", 0.0), (1, "0/eps", 0.125),
        (1, "0/beta1", 0.5), (1, "0/beta2", 0.25),
        (1, "1/lr", 1.0), (1, "1/weight_decay", 0.5), (1, "1/eps", 0.125),
        (1, "1/beta1", 0.5), (1, "1/beta2", 0.25),
        (3, "0/lr", 0.5), (3, "1/lr", 0.5), (5, "0/lr", 0.25), (5, "1/lr", 0.25),
    ]  # fmt: skip


def test_of_momentum_it_is_written_which():
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.5, momentum=0.75, nesterov=True)
    with Watching(model, optimizer, OptimizerState()) as rig:
        for _ in range(2):
            model(torch.ones(1, 2)).sum().backward()
            rig.step()
        optimizer.param_groups[0] |= {"nesterov": False, "dampening": 0.25, "maximize": True}
        model(torch.ones(1, 2)).sum().backward()
        rig.step()
    assert written(rig.kept.scalars) == [
        (1, "0/lr", 0.5), (1, "0/weight_decay", 0.0), (1, "0/momentum", 0.75),
        (1, "0/dampening", 0.0), (1, "0/nesterov", 1.0),
        (3, "0/dampening", 0.25), (3, "0/nesterov", 0.0), (3, "0/maximize", 1.0),
    ]  # fmt: skip


def test_a_rate_that_is_a_tensor_is_written_too():
    model = nn.Linear(2, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=torch.tensor(0.5))
    with Watching(model, optimizer, OptimizerState()) as rig:
        for step in range(3):
            model(torch.ones(1, 2)).sum().backward()
            optimizer.param_groups[0]["lr"].fill_(0.5 if step < 2 else 0.25)
            rig.step()
    rates = [(step, value) for step, name, value in rig.kept.scalars if name.endswith("/lr")]
    assert rates == [(1, 0.5), (3, 0.25)]


def test_settings_of_several_optimizers_are_told_apart():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    optimizers = [torch.optim.SGD(part.parameters(), 0.1 * n) for n, part in enumerate(model, 1)]
    with Watching(model, optimizers, OptimizerState()) as rig:
        model(torch.ones(1, 2)).sum().backward()
        rig.step()
    rates = {name: value for _, name, value in rig.kept.scalars if name.endswith("lr")}
    assert rates == {"optimizer/0.0/lr": 0.1, "optimizer/1.0/lr": 0.2}


def cosine(a, b):
    return float(torch.cosine_similarity(a.reshape(-1), b.reshape(-1), dim=0))


@pytest.mark.parametrize("kind", ["adam", "sgd", "rmsprop"])
def test_the_cosine_of_momentum_and_gradient(kind):
    torch.manual_seed(0)
    model, expected = nn.Linear(6, 4), []
    optimizer = OPTIMIZERS[kind][0](model.parameters())
    key = "exp_avg" if kind == "adam" else "momentum_buffer"
    with Watching(model, optimizer, OptimizerState()) as rig:
        for record in range(2 * COSINE_EVERY + 1):
            model(numbers(5, 6, seed=record)).square().sum().backward()
            if record and record % COSINE_EVERY == 0:
                expected.append(
                    [cosine(optimizer.state[p][key], p.grad) for p in model.parameters()]
                )
            rig.step()
    found = [(step, values) for step, name, values, _ in rig.kept.arrays if "cosine" in name]
    assert [step for step, _ in found] == [COSINE_EVERY + 1, 2 * COSINE_EVERY + 1]
    assert np.array([values for _, values in found]) == pytest.approx(np.array(expected), abs=1e-5)
    assert {about for *_, about in rig.kept.arrays} == {"[parameter: weight, bias]"}


@pytest.mark.parametrize(("factor", "expected"), [(2.0, 1.0), (-3.0, -1.0), (0.0, np.nan)])
def test_momentum_along_the_gradient_against_it_and_without_one(factor, expected):
    model = nn.Linear(6, 4, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    with Watching(model, optimizer, OptimizerState()) as rig:
        for record in range(COSINE_EVERY + 1):
            model.weight.grad = numbers(4, 6)
            if record == COSINE_EVERY:
                optimizer.state[model.weight]["momentum_buffer"] = factor * model.weight.grad
            rig.step()
    (found,) = rig.arrays("momentum_gradient_cosine")
    assert found == pytest.approx([expected], abs=1e-6, nan_ok=True)


def test_a_gradient_that_lies_otherwise_in_memory_is_compared_element_by_element():
    model = nn.Linear(100, 90, bias=False)  # more than is sampled
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    with Watching(model, optimizer, OptimizerState()) as rig:
        for _ in range(COSINE_EVERY + 1):
            model.weight.grad = numbers(100, 90).t()
            optimizer.state[model.weight]["momentum_buffer"] = numbers(100, 90).t().contiguous()
            rig.step()
    for found in rig.arrays("momentum_gradient_cosine"):
        assert found == pytest.approx([1.0], abs=1e-5)
    assert len(rig.arrays("momentum_gradient_cosine")) == 2
