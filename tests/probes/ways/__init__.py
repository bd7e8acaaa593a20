"""Every way of training that Fathom is held to: a file a family, and the folder is the registry."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

TOLERANCE = 2e-6  # float32 rounding
NOT_A_FAMILY = ("__main__", "eyes", "truth", "pair")

# What is known not to hold yet, and why: a cell that comes right must leave this list.
WANTING: dict[str, str] = {}


@dataclass(frozen=True)
class Way:
    """One way of training: `train(eye)` is run bare, under plain hooks, and under a Recorder."""

    family: str
    name: str
    shows: str  # what holds, in one line
    train: Callable[[Any], None]
    says: str | None = None  # the sentence, as a pattern, that is allowed here
    lacks: tuple[str, ...] = ()  # "series:row" patterns that may be missing if the sentence is said
    events: tuple[tuple[int, str], ...] = ()  # (step, kind)
    tolerance: float = TOLERANCE  # of the truth's own arithmetic
    ignore: tuple[str, ...] = ()  # torch's own warnings, and those that the loop provokes
    needs: tuple[str, ...] = ()  # programs or packages without which it is skipped


def way(name: str, shows: str, **options: Any) -> Callable[[Callable[[Any], None]], Any]:
    """Marks a training as a way; the first line of its module names the family."""

    def mark(train: Callable[[Any], None]) -> Callable[[Any], None]:
        module = getattr(train, "func", train).__module__  # a partial's function's
        family = str(sys.modules[module].__doc__).splitlines()[0].rstrip(".")
        _WAYS.setdefault(module, []).append(Way(family, name, shows, train, **options))
        return train

    return mark


_WAYS: dict[str, list[Way]] = {}


def ways() -> list[Way]:
    """All of them, by family."""
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
        if module not in NOT_A_FAMILY:
            importlib.import_module(f"{__name__}.{module}")
    return [each for module in sorted(_WAYS) for each in _WAYS[module]]


def mlp(*, inplace: bool = False) -> nn.Sequential:
    """The least that has weights, biases and exact zeros."""
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(inplace=inplace), nn.Linear(6, 2))


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.05, momentum=0.9)


def batches(steps: int = 3, *shape: int) -> Iterable[tuple[Tensor, Tensor]]:
    """The same inputs and targets for everyone."""
    options: Any = {"device": "cpu", "dtype": torch.float32}
    options["generator"] = torch.Generator("cpu").manual_seed(1)
    for _ in range(steps):
        yield torch.randn(*(shape or (8, 4)), **options), torch.randn(8, 2, **options)


def fit(eye: Any, model: nn.Module, optimizer: Any, steps: int = 3) -> None:
    """A plain loop under an eye."""
    with eye.on(model, optimizer):
        for x, y in batches(steps):
            descend(eye, optimizer, nn.functional.mse_loss(model(x), y))


def descend(eye: Any, optimizer: Any, loss: Tensor, *, outputs: float = 1.0) -> None:
    """Backward and one step; the eye sees the gradients just before it, the weights just after."""
    loss.backward()
    take_step(eye, optimizer, outputs=outputs)
    optimizer.zero_grad()
    eye.end(loss)


def take_step(eye: Any, optimizer: Any, *, outputs: float = 1.0) -> None:
    """One optimizer moves, between the eye's two looks."""
    eye.before(optimizer, outputs=outputs)
    optimizer.step()
    eye.after(optimizer)
