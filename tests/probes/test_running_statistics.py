from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from diagnostics import Run
from probes import Recorder
from probes.probe import Call, OutputProbe, StepProbe
from probes.running_statistics import CHANNELS, ELEMENTS, EVERY, RunningStatistics
from tests.probes.doubles import FakeMoment, NoWaiting
from tests.probes.watching import Watching


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def trained(model, batches):
    """Steps that are all recorded, one a batch; what is told of each module, by its name."""
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    with Watching(model, optimizer, RunningStatistics()) as rig:
        for x in batches:
            model(x).sum().backward()
            rig.step()
    found = {}
    for step, name, values, _ in rig.kept.arrays:
        found.setdefault(name, {})[step] = values
    return found


def test_it_is_a_probe_of_outputs_and_steps():
    assert isinstance(RunningStatistics(), OutputProbe)
    assert isinstance(RunningStatistics(), StepProbe)


@pytest.mark.parametrize(
    ("norm", "shape", "axes"),
    [
        (nn.BatchNorm1d, (50, 6), 0),
        (nn.BatchNorm1d, (10, 6, 7), (0, 2)),
        (nn.BatchNorm2d, (5, 6, 4, 3), (0, 2, 3)),
        (nn.BatchNorm3d, (3, 6, 2, 4, 2), (0, 2, 3, 4)),
    ],
)
def test_the_closed_form(norm, shape, axes):
    """Of the first batch, momentum m: the running mean is m times the batch's, and so on."""
    layer, m = norm(6, momentum=0.3), 0.3
    x = random(*shape) * torch.arange(1, 7).view(6, *[1] * (len(shape) - 2)) + 2
    ((name, told),) = trained(layer, [x]).items()
    assert name == "running/"
    array = x.double().numpy()
    mean, variance = array.mean(axes), array.var(axes, ddof=1)
    places = array.size // 6
    assert told[1] == pytest.approx(
        [
            ((1 - m) * np.abs(mean) / np.sqrt(variance)).mean(),
            np.log((1 - m) / variance + m).mean(),
            places,
            places,
        ],
        rel=1e-4,
    )


def net(momentum):
    layers = [nn.Linear(8, 16), nn.BatchNorm1d(16, momentum=momentum), nn.ReLU(), nn.Linear(16, 2)]
    return nn.Sequential(*layers)


def batches(count, rows=64):
    """Far from the mean of 0 and the variance of 1 that running statistics begin with."""
    return [random(rows, 8, seed=n) * 5 + 20 for n in range(count)]


@pytest.mark.parametrize("momentum", [0.001, 0.1, 1.0])
def test_a_momentum_too_small_never_gets_there(momentum):
    torch.manual_seed(0)
    told = trained(net(momentum), batches(EVERY * 6 + 1))["running/1"]
    mean, ratio, *_ = told[max(told)]
    if momentum == 0.001:  # after 49 steps 95 % of the way is left
        first = told[1][0]
        assert mean == pytest.approx(first * 0.999**48, rel=0.2)
        assert ratio < -1
    elif momentum == 0.1:  # the noise of a mean of 64 numbers, mostly
        assert mean < 2 * math.sqrt(2 / math.pi / 64)
        assert abs(ratio) < 0.1
    else:
        assert mean == pytest.approx(0, abs=1e-5)
        assert ratio == pytest.approx(0, abs=1e-5)


def test_the_first_record_is_looked_at_and_every_eighth():
    told = trained(net(0.1), batches(2 * EVERY + 2, rows=4))["running/1"]
    assert list(told) == [1, 1 + EVERY, 1 + 2 * EVERY]
    assert all(values[2] == 4 for values in told.values())


def test_only_those_are_told_that_move_averages_along():
    model = nn.Sequential(
        nn.BatchNorm1d(8), nn.BatchNorm1d(8, track_running_stats=False), nn.BatchNorm1d(8),
        nn.LayerNorm(8), nn.Linear(8, 2),
    )  # fmt: skip
    model[2].eval()
    assert list(trained(model, batches(1))) == ["running/0"]


def test_of_dead_channels_nothing_is_asked():
    model = nn.Sequential(nn.Linear(8, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    with torch.no_grad():
        model[0].weight[1] = 0
        model[0].bias[1] = 7
    mean, ratio, *_ = trained(model, batches(1))["running/1"][1]
    assert np.isfinite([mean, ratio]).all()
    with torch.no_grad():
        model[0].weight.zero_()
    mean, ratio, *_ = trained(model, batches(1))["running/1"][1]
    assert np.isnan([mean, ratio]).all()


def test_a_large_input_is_sampled_over_rows_and_some_of_its_channels():
    layer = nn.BatchNorm2d(512, momentum=1.0)
    x = random(64, 512, 6, 6) + random(64, 1, 1, 1, seed=1)  # rows differ more than places do
    mean, ratio, values, looked = trained(layer, [x])["running/"][1]
    assert values == 64 * 36
    assert CHANNELS <= looked <= ELEMENTS / 64
    assert mean < 0.2  # that of a sample of few rows would be larger
    assert abs(ratio) < 0.15


def test_of_the_calls_in_a_step_the_first_is_told():
    layer = nn.BatchNorm1d(4)
    optimizer = torch.optim.SGD(layer.parameters(), 0.0)
    with Watching(layer, optimizer, RunningStatistics()) as rig:
        for rows in (10, 20):
            layer(random(rows, 4)).sum().backward()
        rig.step()
    ((_, _, values, _),) = rig.kept.arrays
    assert values[2] == 10


def test_no_device_is_waited_for():
    layer, probe, x = nn.BatchNorm1d(8), RunningStatistics(), random(30, 8)
    layer(x)
    with NoWaiting(), torch.no_grad():
        probe.called(Call("bn", layer, (x,), x, [("bn", x)], False, None, None))
        moment = FakeMoment()
        probe.step(moment)
    assert moment.arrays["running/bn"].shape == (4,)


def test_training_is_not_changed():
    def weights(recorded):
        torch.manual_seed(0)
        model = net(0.1)
        optimizer = torch.optim.SGD(model.parameters(), 0.01)
        rig = Watching(model, optimizer, *[RunningStatistics()] * recorded)
        with rig:
            for x in batches(10):
                model(x).square().mean().backward()
                rig.step()
        return [*model.state_dict().values(), torch.get_rng_state()]

    assert all(map(torch.equal, weights(0), weights(1)))


def test_it_is_among_the_usual_probes_and_can_be_read(tmp_path: Path):
    model = net(0.1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with Recorder(model, optimizer, tmp_path / "run", every=1):
        for x in batches(9):
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()
    (track,) = Run(tmp_path / "run").arrays("running/1")
    assert track.steps.tolist() == [1, 9]
    assert track.values[:, 2].tolist() == [64, 64]
    assert "as the batch has already moved them" in track.about
