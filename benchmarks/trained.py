"""The reference models, briefly trained on made data: minima worth looking around."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import torch
from models import WORKLOADS
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = {"mlp": 60, "resnet20": 30, "gpt": 20}
EXAMPLES = {"mlp": 512, "resnet20": 64, "gpt": 8}


def trained(name: str, steps: int | None = None) -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    """A model and the data that it was trained on."""
    torch.manual_seed(0)
    workload = WORKLOADS[name]
    model, (x, y) = workload.model(), _data(name)
    optimizer = workload.optimizer(model)
    for _ in range(STEPS[name] if steps is None else steps):
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    optimizer.zero_grad()
    return model, (x, y)


def _data(name: str) -> tuple[Tensor, Tensor]:
    examples = EXAMPLES[name]
    if name == "gpt":  # counting up by steps of one to three
        start, stride = torch.randint(256, (examples, 1)), torch.randint(1, 4, (examples, 1))
        tokens = (start + stride * torch.arange(129)) % 256
        return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
    shape = (784,) if name == "mlp" else (3, 32, 32)
    y = torch.randint(10, (examples,))
    return torch.randn(10, *shape)[y] * 0.3 + torch.randn(examples, *shape), y


def seconds(work: Callable[[], object]) -> float:
    """Of this process: what others do on the machine hardly counts."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def in_turn(rows: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each, all of them once in every round."""
    for work in rows.values():
        work()
    times = [{name: seconds(work) for name, work in rows.items()} for _ in range(rounds)]
    return {name: statistics.median(each[name] for each in times) for name in rows}
