from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from probes import Activations
from probes.activations import COUNT_EVERY, LOOKS, RECORDS, UNITS, limits_of
from tests.probes.watching import Watching

NEAR = 0.03


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def idle(model):
    return torch.optim.SGD(model.parameters(), 0.0)


SATURATING = [
    (nn.Tanh(), -1, 1),
    (nn.Sigmoid(), 0, 1),
    (nn.Softmax(1), 0, 1),
    (nn.Softsign(), -1, 1),
    (nn.Hardsigmoid(), 0, 1),
    (nn.Hardtanh(-0.5, 2.0), -0.5, 2.0),
    (nn.ReLU6(), 0, 6),
]


@pytest.mark.parametrize(
    ("function", "least", "greatest"), SATURATING, ids=lambda part: type(part).__name__
)
def test_what_lies_near_a_limit_is_counted(function, least, greatest):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 20), function)
    x = 99 * numbers(15, 8)  # most of it lies far out
    values = model(x).detach()
    margin = NEAR * (greatest - least)
    with Watching(model, idle(model), Activations()) as rig:
        model(x)
        rig.step()
        before, row = (rig.rows("activations")[name] for name in "01")
    low, high = (values <= least + margin).sum(), (values >= greatest - margin).sum()
    assert (row["low"], row["high"]) == (int(low), int(high))
    assert low
    assert high
    assert row["count"] == 15 * 20
    assert np.isnan([before["low"], before["high"]]).all()


def test_limits_of_functions():
    assert limits_of(nn.Hardtanh(-2, 3)) == (-2.0, 3.0)
    assert limits_of(nn.ReLU6()) == (0.0, 6.0)
    assert [limits_of(f) for f in (nn.ReLU(), nn.GELU(), nn.Linear(1, 1))] == [None] * 3


def dead_at(layer, unit):
    """Plant a unit that never fires, whatever comes in."""
    with torch.no_grad():
        layer.weight[unit].zero_()
        layer.bias[unit] = -1
    return layer


def with_a_dead_norm(layer, unit):
    with torch.no_grad():
        layer.weight[unit], layer.bias[unit] = 0, -1
    return layer


def channels_last(layer):
    return layer.to(memory_format=torch.channels_last)


WIDE = 6000  # units: more than are sampled
MODELS = {
    "linear": (lambda: [dead_at(nn.Linear(8, 10), 3)], (30, 8), 3, 10, 1),
    "linear, three axes": (lambda: [dead_at(nn.Linear(8, 10), 3)], (30, 5, 8), 3, 10, 2),
    "linear, four axes": (lambda: [dead_at(nn.Linear(8, 10), 3)], (30, 4, 5, 8), 3, 10, 3),
    "linear, large": (lambda: [dead_at(nn.Linear(8, 100), 70)], (500, 8), 70, 100, 1),
    "conv2d": (lambda: [dead_at(nn.Conv2d(2, 6, 3), 4)], (10, 2, 7, 7), 4, 6, 1),
    "conv2d, large": (lambda: [dead_at(nn.Conv2d(2, 33, 3), 30)], (10, 2, 9, 9), 30, 33, 1),
    "channels last": (
        lambda: [channels_last(dead_at(nn.Conv2d(2, 6, 3), 4))],
        (10, 2, 7, 7), 4, 6, 1,
    ),
    "channels last, large": (
        lambda: [channels_last(dead_at(nn.Conv2d(2, 33, 3), 30))],
        (10, 2, 9, 9), 30, 33, 1,
    ),
    "conv1d and norm": (
        lambda: [nn.Conv1d(2, 6, 3), with_a_dead_norm(nn.BatchNorm1d(6), 2)],
        (10, 2, 9), 2, 6, 1,
    ),
    "conv1d and norm, large": (
        lambda: [nn.Conv1d(2, 6, 3), with_a_dead_norm(nn.BatchNorm1d(6), 2)],
        (50, 2, 40), 2, 6, 1,
    ),
    "conv3d": (lambda: [dead_at(nn.Conv3d(1, 5, 2), 0)], (9, 1, 5, 5, 5), 0, 5, 1),
    "more units than are sampled": (
        lambda: [dead_at(nn.Linear(8, WIDE), WIDE - 1)],
        (4, 8), WIDE - 1, WIDE, 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", MODELS)
def test_a_unit_that_is_dead_never_fires_and_the_others_do(kind):
    torch.manual_seed(0)
    make, shape, dead, units, axis = MODELS[kind]
    model = nn.Sequential(*make(), nn.ReLU())
    name, truth, records = str(len(model) - 1), [], RECORDS * COUNT_EVERY
    with Watching(model, idle(model), Activations()) as rig:
        for seed in range(records):
            x = numbers(*shape, seed=seed)
            output = model(channels_last(x) if "last" in kind else x)
            if seed % COUNT_EVERY == 0:
                truth.append((output.detach() > 0).movedim(axis, -1).reshape(-1, units))
            rig.step()
    found = sum(rig.arrays(f"firing/{name}"))
    fired, seen = found[:, 0], found[:, 1]
    assert found.shape == (units, 2)
    assert fired[dead] == 0
    assert seen[dead] > 0
    rate = torch.cat(truth).float().mean(0).numpy()
    often = np.flatnonzero(rate > (0.05 if units < WIDE else 0.9))  # of many each is seen rarely
    assert len(often) >= min(units, 100) // 2
    assert (fired[often] > 0).all()
    assert sum(seen) == sum(min(len(part) * units, 4096) for part in truth)
    if sum(seen) == torch.cat(truth).numel():  # all was looked at, not a sample
        assert fired.tolist() == torch.cat(truth).sum(0).tolist()


def test_counts_go_out_when_each_unit_has_been_looked_at_often_enough():
    model = nn.Sequential(nn.Linear(8, 100), nn.ReLU())
    records = 1 + (LOOKS // 4 - 1) * COUNT_EVERY  # four looks at each unit in one of so many
    with Watching(model, idle(model), Activations()) as rig:
        sent = []
        for seed in range(records + 2):
            model(numbers(4, 8, seed=seed))
            rig.step()
            sent.append(len(rig.arrays("firing/1")))
        each = [array[:, 1] for array in rig.arrays("firing/1")]
    assert all((looks >= LOOKS).all() for looks in each)
    assert sent.index(1) + 1 == records


def test_the_rest_goes_out_at_the_end():
    model = nn.Sequential(nn.Linear(8, 100), nn.ReLU())
    with Watching(model, idle(model), Activations()) as rig:
        model(numbers(4, 8))
        rig.step()
        assert rig.arrays("firing/1") == []
    (counts,) = rig.arrays("firing/1")
    assert (counts[:, 1] == 4).all()


def test_a_rectifier_shared_by_layers_of_several_widths_keeps_a_count_for_each():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.narrow, self.wide, self.relu = nn.Linear(8, 4), nn.Linear(4, 9), nn.ReLU()

        def forward(self, x):
            return self.relu(self.wide(self.relu(self.narrow(x))))

    model = Block()
    with Watching(model, idle(model), Activations()) as rig:
        for seed in range(2 * COUNT_EVERY):
            model(numbers(5, 8, seed=seed))
            rig.step()
    counts = rig.arrays("firing/relu")
    assert sorted((len(found), found[0, 1]) for found in counts) == [(4, 10.0), (9, 10.0)]


def test_what_has_no_units_is_not_counted():
    model = nn.ModuleDict({"relu": nn.ReLU(), "linear": nn.Linear(1, 1)})
    with Watching(model, idle(model), Activations()) as rig:
        with torch.enable_grad():
            model["relu"](numbers(30))
            model["relu"](torch.ones(2, UNITS + 1))
            model["relu"](torch.ones(0, 3))
        rig.step()
        assert rig.rows("activations")["relu"]["count"] == 30 + 4096
    assert rig.kept.arrays == []


def test_outputs_of_half_types_are_looked_at():
    for dtype in (torch.bfloat16, torch.float16):
        model = nn.Sequential(nn.Linear(8, 10, dtype=dtype), nn.ReLU())
        x = numbers(4, 8).to(dtype)
        values = model(x).detach().float()
        with Watching(model, idle(model), Activations()) as rig:
            model(x)
            rig.step()
            row = rig.rows("activations")["1"]
        assert (row["zeros"], row["max"]) == (int((values == 0).sum()), float(values.max()))
        assert rig.arrays("firing/1")[0][:, 0].tolist() == (values > 0).sum(0).tolist()
