"""Recorded networks whose weights are chosen, so that what they say together is known by hand."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from diagnostics import Run
from probes import Recorder

X = torch.tensor([[-1.0], [0.0], [1.0], [2.0]])
NOUGHT = (X, torch.zeros(4, 1))
HELD_OUT = (torch.tensor([[-2.0], [2.0]]), torch.zeros(2, 1))


def slope(weight: float) -> nn.Module:
    """weight times x."""
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(weight)
    return model


def still(
    folder: Path, model: nn.Module, batch=NOUGHT, *, held_out=None, loss=functional.mse_loss
) -> Run:
    """Recorded as it is: a step of no length leaves its weights."""
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    with Recorder(model, optimizer, folder, loss=loss, batch=batch, held_out=held_out):
        loss(model(batch[0]), batch[1]).backward()
        optimizer.step()
    return Run(folder)


def growing(folder: Path, steps: int = 12) -> Run:
    """One whose weight is the number of steps so far."""
    model, loss = slope(0.0), functional.mse_loss
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    with Recorder(model, optimizer, folder, loss=loss, batch=NOUGHT):
        for _ in range(steps):
            optimizer.zero_grad()
            (-model.weight).sum().backward()
            optimizer.step()
    return Run(folder)


def parts():
    """What a subject is made of, for a run without a program."""
    return slope(0.0), functional.mse_loss, NOUGHT
