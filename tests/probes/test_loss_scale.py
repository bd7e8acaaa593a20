from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.amp import GradScaler
from torch.nn import functional

from diagnostics import Run
from probes import Recorder
from probes.loss_scale import LossScales

SCALE = 1024.0
ORIGINAL = GradScaler.step


@pytest.fixture(autouse=True)
def restored():
    yield
    assert GradScaler.step is ORIGINAL


class Net(nn.Module):
    """Autocast may be its own affair, or its caller's."""

    def __init__(self, own_autocast=False):
        super().__init__()
        self.first, self.last = nn.Linear(4, 3), nn.Linear(3, 1)
        self.own_autocast = own_autocast

    def forward(self, x):
        with torch.autocast("cpu", torch.float16, enabled=self.own_autocast):
            return self.last(self.first(x).tanh())


def trained(path, *, fused=False, clip=False, own=False, overflows=(), every=1, steps=5):
    """Five steps under a scaler; the true gradients of the last one."""
    torch.manual_seed(0)
    model = Net(own)
    optimizer = torch.optim.Adam(model.parameters(), 0.01, fused=fused)
    scaler = GradScaler("cpu", init_scale=SCALE, growth_interval=10**6, backoff_factor=0.5)
    with Recorder(model, optimizer, path, every=every) as recorder:
        for step in range(1, steps + 1):
            x = torch.full((2, 4), torch.inf if step in overflows else 0.5)
            with torch.autocast("cpu", torch.float16, enabled=not own):
                output = model(x)
            loss = functional.mse_loss(output.float(), torch.ones(2, 1))
            scaler.scale(loss).backward()
            if clip:
                scaler.unscale_(optimizer)
            scaler.step(optimizer)
            gradient = model.first.weight.grad.norm()  # unscaled in place, by the one or the other
            scaler.update()
            optimizer.zero_grad()
            recorder.log(weight=model.first.weight.detach().sum())
    by_output = 2 * (output.detach().float() - 1) / 2  # of the mean over two examples
    return Run(path), float(gradient), by_output


@pytest.mark.parametrize("own", [False, True], ids=["autocast outside", "autocast inside"])
@pytest.mark.parametrize("clip", [False, True], ids=["", "unscale_"])
@pytest.mark.parametrize("fused", [False, True], ids=["plain", "fused"])
def test_what_is_recorded_is_unscaled(tmp_path, fused, clip, own):
    run, gradient, by_output = trained(tmp_path / "run", fused=fused, clip=clip, own=own)
    norms = run.column("gradients", "norm", ["first.weight"])[:, 0]
    assert norms[-1] == pytest.approx(gradient, rel=1e-3)
    assert 0 < gradient < 1
    least = run.column("activation_gradients", "min", ["last"])[-1, 0]
    assert least == pytest.approx(float(by_output.min()), rel=2e-3)


@pytest.mark.parametrize("every", [1, 10])
@pytest.mark.parametrize("fused", [False, True], ids=["plain", "fused"])
def test_a_skipped_step_is_a_step_and_said(tmp_path, fused, every):
    run, *_ = trained(tmp_path / "run", fused=fused, overflows=(2, 4), every=every)
    assert run.last_step == 5
    assert run.scalar("weight").steps.tolist() == [1, 2, 3, 4, 5]
    assert [(e.step, e.kind) for e in run.events if e.kind == "skipped"] == [
        (2, "skipped"), (4, "skipped"),
    ]  # fmt: skip
    if every == 1:
        assert run.steps("gradients").tolist() == [1, 2, 3, 4, 5]
        moved = run.column("updates", "max", ["first.weight"])[:, 0]
        assert (moved[[1, 3]] == 0).all()
        assert (moved[[0, 2, 4]] != 0).all()


def test_a_scaler_can_be_copied_and_pickled_while_it_is_listened_to():
    scales = LossScales(lambda _: None)
    scaler = GradScaler("cpu", init_scale=SCALE)
    copies = [copy.copy(scaler), copy.deepcopy(scaler), pickle.loads(pickle.dumps(scaler))]
    scales.leave()
    assert "step" not in vars(scaler)
    for twin in copies:
        weight = nn.Parameter(torch.ones(1))
        optimizer = torch.optim.SGD([weight], 1.0)
        twin.scale(weight.sum()).backward()
        twin.step(optimizer)
        assert (weight.item(), twin.get_scale()) == (0.0, SCALE)


def overflow(scaler, optimizer, weight):
    scaler.scale((weight * torch.inf).sum()).backward()
    scaler.step(optimizer)
    scaler.update()


@pytest.mark.parametrize("first", [0, 1])
def test_each_of_two_hears_of_skipped_steps_until_it_leaves(first):
    weight = nn.Parameter(torch.ones(1))
    optimizer, scaler = torch.optim.SGD([weight], 1.0), GradScaler("cpu")
    heard = [[], []]
    ears = [LossScales(heard[n].append) for n in range(2)]
    overflow(scaler, optimizer, weight)
    assert heard == [[optimizer], [optimizer]]
    ears[first].leave()
    overflow(scaler, optimizer, weight)
    assert [len(found) for found in heard] == ([1, 2] if first == 0 else [2, 1])
    ears[1 - first].leave()
    overflow(scaler, optimizer, weight)
    assert sum(len(found) for found in heard) == 3


def test_a_scaler_that_is_switched_off_scales_nothing():
    weight, heard = nn.Parameter(torch.ones(1)), []
    optimizer, scaler = torch.optim.SGD([weight], 1.0), GradScaler("cpu", enabled=False)
    scales = LossScales(heard.append)
    optimizer.register_step_pre_hook(lambda *_: seen.append(scales.scale_of(optimizer)))
    seen = []
    scaler.scale(weight.sum()).backward()
    scaler.step(optimizer)
    scales.leave()
    assert (heard, seen) == ([], [None])


def test_the_scale_is_that_of_the_scaler_whose_step_is_under_way():
    weight, seen = nn.Parameter(torch.ones(1)), []
    optimizer = torch.optim.SGD([weight], 1.0)
    scales = LossScales(lambda _: None)

    def before(*_):
        scales.noticed = True
        seen.append(scales.scale_of(optimizer))

    optimizer.register_step_pre_hook(before)
    for scaler in (GradScaler("cpu", init_scale=8.0), GradScaler("cpu", init_scale=2.0)):
        scaler.scale(weight.sum()).backward()
        scaler.step(optimizer)
    optimizer.step()
    scales.leave()
    assert [None if scale is None else scale.item() for scale in seen] == [8.0, 2.0, None]


def test_an_error_in_the_step_goes_through_and_is_no_skipped_step():
    weight, heard = nn.Parameter(torch.ones(1)), []
    optimizer, scaler = torch.optim.SGD([weight], 1.0), GradScaler("cpu")
    scales = LossScales(heard.append)
    with pytest.raises(AssertionError, match="scale"):
        scaler.step(optimizer)  # nothing was ever scaled
    scales.leave()
    assert heard == []
    assert scales.scale_of(optimizer) is None
