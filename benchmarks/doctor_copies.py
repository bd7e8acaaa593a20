"""What is asked of a copy of the model, so that the training is left as it is."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from tests.zoo import Run


def derivative_error(run: Run, delta: float) -> float:
    """Of the loss of three examples, in a random direction, in double precision."""
    model = deepcopy(run.model).double().eval()
    x, y = run.train_loader.at(slice(0, 3))
    given = tuple(_double(part) for part in (x if isinstance(x, tuple) else (x,)))
    target = _double(y)
    parameters = [p for p in model.parameters() if p.requires_grad]
    dice = torch.Generator().manual_seed(0)
    ways = [torch.randn(p.shape, generator=dice, dtype=torch.float64) for p in parameters]
    length = torch.cat(
        [way.flatten() for way in ways]
    ).norm()  # short, so that few kinks are crossed
    ways = [way / length for way in ways]

    def loss() -> Tensor:
        return run.loss_fn(model(*given), target)

    slopes = torch.autograd.grad(loss(), parameters, allow_unused=True)
    said = sum(float((s * w).sum()) for s, w in zip(slopes, ways, strict=True) if s is not None)
    ends = []
    for sign in (1, -1):
        _move(parameters, ways, sign * delta)
        ends.append(float(loss().detach()))
        _move(parameters, ways, -sign * delta)
    found = (ends[0] - ends[1]) / (2 * delta)
    return abs(said - found) / max(abs(said) + abs(found), 1e-12)


def _move(parameters: list[nn.Parameter], ways: list[Tensor], by: float) -> None:
    with torch.no_grad():
        for parameter, way in zip(parameters, ways, strict=True):
            parameter.add_(by * way)


def _double(x: Tensor) -> Tensor:
    return x.double() if x.is_floating_point() else x


def in_both_modes(run: Run) -> list[float]:
    """The loss of the last batch in training mode and in evaluation."""
    model, losses = deepcopy(run.model), []
    x, y = run.batch
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for training in (True, False):
            model.train(training)
            out = model(*x) if isinstance(x, tuple) else model(x)
            losses.append(float(run.loss_fn(out, y)))
    return losses
