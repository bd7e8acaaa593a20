"""Opens the run that a recorder fills: a new one, or one that goes on after its last step."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from probes.archive import last_step
from probes.courier import Courier
from probes.folder import FathomError, await_run, create_run, hold
from probes.origin import origin
from probes.probe import Probe
from probes.program.deposit import Deposit
from probes.program.objective import Loss
from probes.schedule import Schedule
from probes.watch import Training


def ranks() -> tuple[int, int]:
    """Which of the processes of one training this is, and how many there are."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def deposit(model: nn.Module, loss: Loss, data: tuple[Any, Any], path: Path, rank: int) -> Deposit:
    """The first process's program; `data` are the batch and, or None, one held out beside it."""
    batch, held_out = data
    if held_out is not None and batch is None:
        raise FathomError(
            "held_out= without batch=: it is kept beside the loss program, which is made of a "
            "batch; pass batch=(inputs, target) too."
        )
    return Deposit(model, loss, None if rank else batch, path, held_out)


def new_run(
    path: Path,
    training: Training,
    probes: Sequence[Probe],
    plan: Schedule,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Make the folder, and write down what is known at the start, and what the user says."""
    model = {
        "class": type(training.model).__name__,
        "parameters": _size(training.model),
        "layers": training.selection,
    }
    info = {
        "model": model,
        "optimizers": [kind_of(optimizer) for optimizer in training.optimizers],
        "schedule": str(plan),
        "series": {probe.series: probe.state for probe in probes},
    }
    told = {"config": config} if config else {}
    create_run(path, {**origin(), **info, **told})


def kind_of(optimizer: Optimizer) -> str:
    """Its class: torch's own by its name, any other with its module; one may be called SGD too."""
    kind = type(optimizer)
    own = kind.__module__.partition(".")[0] == "torch"
    return kind.__qualname__ if own else f"{kind.__module__}.{kind.__qualname__}"


def open_run(path: Path, rank: int, ranks: int) -> tuple[int, Courier]:
    """The last step there is, and a scribe that writes what comes after it."""
    if rank:
        await_run(path)
    held = hold(path, rank)
    try:
        start = max(last_step(path, each) for each in range(ranks))
        return start, Courier(path, held, rank)
    except BaseException:
        os.close(held)  # else this process could never take the run again
        raise


def _size(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if not nn.parameter.is_lazy(p))
