"""Small models, data and what the checks are asked of, for this room's tests."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import nn

from diagnostics.checks.setup import Setup
from diagnostics.finding import Finding
from diagnostics.flight import Check, Preflight

CLASSES = 4


def rows(count: int = 64, width: int = 16, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def labels(count: int = 64, classes: int = CLASSES, seed: int = 1) -> torch.Tensor:
    return torch.randint(classes, (count,), generator=torch.Generator().manual_seed(seed))


def mlp(*sizes: int, act: type[nn.Module] = nn.ReLU, seed: int = 0) -> nn.Sequential:
    """Layers with a function between every two."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), act()]
    return nn.Sequential(*layers[:-1])


def setup(
    model: nn.Module | None = None, loss: Any = None, batch: Any = None, **more: Any
) -> Setup:
    """Of a sound classification, but for what is given."""
    model = mlp(16, 32, CLASSES) if model is None else model
    loss = nn.CrossEntropyLoss() if loss is None else loss
    return Setup(model, loss, (rows(), labels()) if batch is None else batch, **more)


def diseases(told: Any) -> list[str]:
    """Of an answer, a check or a whole preflight."""
    found: tuple[Finding, ...] = told.findings
    return [finding.disease for finding in found]


def check_of(flight: Preflight, name: str) -> Check:
    return next(check for check in flight.checks if check.name == name)


def number_of(told: Any, name: str) -> float:
    """The value of the number whose name holds these words."""
    return next(float(each.value) for each in told.numbers if name in each.name)
