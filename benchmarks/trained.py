"""The reference models, briefly trained on made data: minima worth looking around."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from models import WORKLOADS
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Seconds = NDArray[np.float64]  # [clock]  CPU, WALL

CPU, WALL = 0, 1
STEPS = {"mlp": 20, "resnet20": 30, "gpt": 20}  # losses of 0.1 to 0.2: no rounding noise yet
EXAMPLES = {"mlp": 512, "resnet20": 64, "gpt": 8}


def trained(
    name: str, steps: int | None = None, examples: int | None = None
) -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    """A model and the data that it was trained on."""
    torch.manual_seed(0)
    workload = WORKLOADS[name]
    model, (x, y) = workload.model(), _data(name, examples or EXAMPLES[name])
    optimizer = workload.optimizer(model)
    for _ in range(STEPS[name] if steps is None else steps):
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    optimizer.zero_grad()
    return model, (x, y)


def _data(name: str, examples: int) -> tuple[Tensor, Tensor]:
    if name == "gpt":  # counting up by steps of one to three
        start, stride = torch.randint(256, (examples, 1)), torch.randint(1, 4, (examples, 1))
        tokens = (start + stride * torch.arange(129)) % 256
        return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
    shape = (784,) if name == "mlp" else (3, 32, 32)
    y = torch.randint(10, (examples,))
    return torch.randn(10, *shape)[y] * 0.3 + torch.randn(examples, *shape), y


def now() -> Seconds:
    """Of this process, which others on the machine hardly change, and of the clock on the wall."""
    return np.array([time.process_time(), time.perf_counter()])


def timed(work: Callable[[], object]) -> Seconds:
    begun = now()
    work()
    return now() - begun


def in_turn(rows: dict[str, Callable[[], Seconds]], rounds: int) -> dict[str, Seconds]:
    """Median of what each says it took, all of them once in every round."""
    for work in rows.values():
        work()
    times = [{name: work() for name, work in rows.items()} for _ in range(rounds)]
    return {name: np.median([each[name] for each in times], axis=0) for name in rows}
