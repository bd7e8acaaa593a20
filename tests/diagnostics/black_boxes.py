"""Recordings with a black box's report in them, and small trainings that give one."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from diagnostics import Run
from probes import Recorder
from probes.first_bad import Report
from tests.probes.plants import Spoiler, batch, reports_of, stack
from tests.trainings import mlp


def recording(
    path: Path,
    *,
    events: Sequence[tuple[int, str, str]] = (),
    losses: Sequence[float] = (),
    steps: int = 3,
    probes: Any = (),
    spoil: int = 0,  # this step's gradient is NaN
) -> Run:
    """A healthy training with these events and logged losses."""
    torch.manual_seed(0)
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    with Recorder(model, optimizer, path / "run", every=1, probes=probes) as recorder:
        recorder._incidents._report = lambda report: None  # reports are those that the test gives
        for step in range(1, steps + 1):
            x, y = batch(step)
            functional.cross_entropy(model(x), y).backward()
            if step == spoil:
                model[0].bias.grad[3] = float("nan")
            weights = deepcopy(model.state_dict())
            optimizer.step()
            model.load_state_dict(weights)
            optimizer.zero_grad()
            if step <= len(losses):
                recorder.log(train_loss=losses[step - 1])
        for event in events:
            recorder._outbox.event(*event)
    return Run(path / "run")


def reported(path: Path, *reports: Report, **options: Any) -> Run:
    return recording(path, events=[(r.step, "black_box", r.to_json()) for r in reports], **options)


def forward_report(**spoiler: Any) -> Report:
    """NaN in a layer at step 3."""
    layer = Spoiler(**spoiler)

    def at_step(step: int, part: int, given: Any) -> Any:
        layer.armed = step == 3
        return given

    (report,) = reports_of(stack(layer), at_step, steps=3)
    return report


def input_report() -> Report:
    def at_step(step: int, part: int, given: Any) -> Any:
        if step == 2:
            given[0][[4, 9], 1] = float("nan")
        return given

    (report,) = reports_of(stack(nn.Tanh()), at_step, steps=2)
    return report


def half_report() -> Report:
    """Infinity in a layer under float16 autocast."""

    class Grows(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 3e4

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 16), Grows(), nn.Linear(16, 3))
    (report,) = reports_of(
        model,
        lambda step, part, given: (given[0] * 10, given[1]),
        steps=1,
        autocast=torch.float16,
    )
    return report
