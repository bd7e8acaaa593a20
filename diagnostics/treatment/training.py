"""Training: what one training is made of, as its loop has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.optim import Optimizer

from probes.folder import FathomError
from probes.program.objective import Loss

Batches: TypeAlias = Iterable[Any] | Callable[[], Iterable[Any]]


@dataclass
class Training:
    """A model and how it is trained. None of it is ever changed: trials are made on copies.

    `loss` and each batch are as for the Recorder: loss(model(x), y) of a batch (x, y), or None
    where the model gives its loss, or Whole(function). `batches` and `held_out` are loaders, lists
    of batches, or functions that give an iterator. The last fields say what the loop does.
    """

    model: nn.Module
    optimizer: Optimizer
    loss: Loss
    batches: Batches
    held_out: Batches | None = None
    scheduler: Any = None  # stepped once a step
    clip: float | None = None  # the largest norm of the gradient
    steps: int = 0  # of the whole run; 0: not known
    autocast: torch.dtype | None = None
    scaler: Any = None  # a GradScaler
    zero_grad_every: int = 1  # 0: gradients are never cleared; k: the loop accumulates k batches
    train_mode: bool = True  # False: the model is left in eval()

    def __post_init__(self) -> None:
        if self.steps < 0 or self.zero_grad_every < 0:
            raise FathomError(
                f"steps={self.steps}, zero_grad_every={self.zero_grad_every}: neither may be "
                "negative; 0 stands for not known, and for never."
            )
        for name in ("batches", "held_out"):
            _check_repeatable(name, getattr(self, name))


def _check_repeatable(name: str, batches: Any) -> None:
    """What can be read only once would be used up."""
    if isinstance(batches, Iterator):
        raise FathomError(
            f"{name} is a {type(batches).__name__}, which can be read only once; give the loader "
            f"itself, a list, or a function that gives an iterator: {name}=lambda: iter(loader)."
        )
    if batches is not None and not callable(batches) and not isinstance(batches, Iterable):
        raise FathomError(
            f"{name} is a {type(batches).__name__}, which gives no batches; give a loader or a "
            f"list of batches, such as {name}=[(x, y)]."
        )
