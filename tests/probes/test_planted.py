"""Planted NaNs and infinities in a real training, recorded or not: the right place is named."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from diagnostics import Run, examine
from diagnostics.black_box import black_box
from probes import Recorder
from probes.black_box import NonFiniteError

AT = 37  # the step at which trouble begins
IDLE = {"every": 1000}  # of which only the first is recorded
ALL = {"every": 1}


class Norm(nn.LayerNorm):
    """Divides by nothing when told to."""

    broken = False

    def forward(self, x):
        return super().forward(x) / (0.0 if self.broken else 1.0) * (0.0 if self.broken else 1.0)


class Backward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * float("nan")


class Gate(nn.Module):
    """Passes on what comes; what flows back is lost when it is told to break."""

    broken = False

    def forward(self, x):
        return Backward.apply(x) if self.broken else x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Linear(8, 16), Norm(16)
        self.gate, self.second = Gate(), nn.Linear(16, 16)
        self.last = nn.Linear(16, 3)

    def forward(self, x):
        return self.last(torch.relu(self.second(self.gate(torch.relu(self.norm(self.first(x)))))))


def train(folder, *, plant, autocast=False, scaler=None, steps=45, **options):
    """A usual loop; `plant(step, model, x)` breaks something at its step."""
    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with Recorder(model, optimizer, folder, **options) as recorder:
        for step in range(1, steps + 1):
            x, y = torch.randn(12, 8), torch.randint(0, 3, (12,))
            plant(step, model, x)
            with torch.autocast("cpu", torch.float16, enabled=autocast):
                loss = nn.functional.cross_entropy(model(x).float(), y)
            if scaler is None:
                loss.backward()
                optimizer.step()
            else:
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
            optimizer.zero_grad()
            recorder.log(loss=loss)
    return black_box(Run(folder))


def break_norm(step, model, x):
    model.norm.broken = step == AT


def break_gate(step, model, x):
    model.gate.broken = step == AT


def break_batch(step, model, x):
    if step == AT:
        x[5, 2] = float("nan")
        x[9] = float("inf")


def overflow(step, model, x):
    """Only float16 cannot hold it: an activation of a hundred thousand."""
    with torch.no_grad():
        if step == AT:
            model.second.bias[3] = 1e5
        if step == AT + 1:
            model.second.bias[3] = 0.0


@pytest.mark.parametrize("options", [IDLE, ALL, {}], ids=["idle", "recorded", "defaults"])
@pytest.mark.parametrize(
    ("plant", "place"),
    [
        (break_norm, ("forward", "norm")),
        (break_gate, ("backward", "gate")),
        (break_batch, ("inputs", None)),
    ],
)
def test_a_planted_nan_is_found_where_it_was_planted(tmp_path, caplog, plant, place, options):
    where, module = place
    found = train(tmp_path / "run", plant=plant, **options)
    assert (found.step, found.where) == (AT, where)
    if module is not None:
        assert found.module == module
    if plant is break_batch:
        assert found.rows == (5, 9)
    assert f"step {AT}" in caplog.text
    findings = examine(Run(tmp_path / "run")).findings
    expected = "nan_inputs" if plant is break_batch else "nonfinite_loss"
    assert findings[0].disease == expected


@pytest.mark.parametrize("options", [IDLE, ALL], ids=["idle", "recorded"])
def test_an_overflow_of_float16_is_found_where_it_was_planted(tmp_path, options):
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
    found = train(tmp_path / "run", plant=overflow, autocast=True, scaler=scaler, **options)
    assert (found.step, found.where, found.module) == (AT, "forward", "second")
    run = Run(tmp_path / "run")
    assert (AT, "skipped") in [(event.step, event.kind) for event in run.events]
    assert examine(run).findings[0].disease == "fp16_overflow"


@pytest.mark.parametrize("plant", [break_norm, break_gate, break_batch])
def test_training_is_stopped_before_the_weights_are_spoilt(tmp_path, plant):
    models = []

    def watched(step, model, x):
        models.append(model)
        plant(step, model, x)

    with pytest.raises(NonFiniteError, match=f"step {AT}"):
        train(tmp_path / "run", plant=watched, on_nonfinite="raise", **IDLE)
    assert all(p.isfinite().all() for p in models[-1].parameters())
    assert Run(tmp_path / "run").state == "failed"


def test_what_the_black_box_does_changes_no_number(tmp_path):
    """Weights after the trouble are bit for bit those of a training that nobody looked at."""

    def final(recorded):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(), nn.Linear(16, 3))
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        recorder = Recorder(model, optimizer, tmp_path / "run", every=1000) if recorded else None
        for step in range(20):
            x = torch.randn(12, 8)
            loss = model(x).square().mean() * (float("inf") if step == 15 else 1.0)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        if recorder is not None:
            recorder.close()
        return [*model.state_dict().values(), torch.get_rng_state()]

    for plain, watched in zip(final(False), final(True), strict=True):
        torch.testing.assert_close(watched, plain, rtol=0, atol=0, equal_nan=True)
