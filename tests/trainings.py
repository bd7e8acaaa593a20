"""Small trainings that tests record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from probes import Recorder


def mlp(*, depth: int = 3, width: int = 16, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n in range(depth):
        layers += [nn.Linear(8 if n == 0 else width, width), activation(), nn.Dropout(0.1)]
    return nn.Sequential(*layers, nn.Linear(width, 3))


def cnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Unflatten(1, (2, 2, 2)),
        nn.Conv2d(2, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Dropout(0.2),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32, 3),
    )


def deep(
    activation: type[nn.Module], *, gain: float | None = None, depth: int = 8
) -> nn.Sequential:
    """A plain stack; `gain` draws weights from N(0, gain²/n) and zeroes biases."""
    layers: list[nn.Module] = []
    for n in range(depth):
        linear = nn.Linear(8 if n == 0 else 32, 32)
        if gain is not None:
            nn.init.normal_(linear.weight, std=gain / linear.in_features**0.5)
            nn.init.zeros_(linear.bias)
        layers += [linear, activation()]
    return nn.Sequential(*layers, nn.Linear(32, 3))


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(2, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(self.embed(x.view(len(x), 4, 2))).mean(1))


MODELS: dict[str, Callable[[], nn.Module]] = {"mlp": mlp, "cnn": cnn, "transformer": Transformer}
OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, 0.05, momentum=0.9),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, 1e-2),
}


def train(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    steps: int = 20,
    recorder: Recorder | None = None,
    at_step: Callable[[int], None] = lambda step: None,
) -> list[float]:
    """A usual loop on random data; its losses."""
    generator = torch.Generator().manual_seed(1)
    losses = []
    for step in range(steps):
        at_step(step)
        x = torch.randn(12, 8, generator=generator)
        y = torch.randint(0, 3, (12,), generator=generator)
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if recorder is not None:
            recorder.log(loss=loss)
    return losses


def record(
    path: Path,
    model: nn.Module | None = None,
    *,
    steps: int = 20,
    rate: float = 0.05,
    at_step: Callable[[int], None] = lambda step: None,
    **options: Any,
) -> Path:
    """Train a small model with a recorder; the run's folder."""
    torch.manual_seed(0)
    model = model if model is not None else mlp()
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=0.9)
    with Recorder(model, optimizer, path, **{"every": 1, **options}) as recorder:
        train(model, optimizer, steps=steps, recorder=recorder, at_step=at_step)
    return path
