"""Two processes that train together: `python -m tests.probes.ways.pair <rank> <folder>`."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.fsdp import fully_shard
from torch.nn.functional import mse_loss

from probes import FathomError
from tests.probes.ways import batches, descend, mlp, sgd
from tests.probes.ways.eyes import Bare, Recorded

RANKS = 2


class Uneven(nn.Module):
    """Parameters that cannot be halved: one process has none of `one`."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.line, self.idle = nn.Parameter(torch.ones(1)), mlp(), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.line(x) * self.one


def wrapped(model: nn.Module, **options: Any) -> nn.Module:
    return nn.parallel.DistributedDataParallel(model, **options)


def sharded(model: nn.Module) -> nn.Module:
    for layer in model.children():
        if next(layer.parameters(), None) is not None:
            fully_shard(layer)
    fully_shard(model)
    return model


# What is built, how it is shared, and in how many parts a step is taken.
TRAININGS: dict[str, tuple[Any, Any, int]] = {
    "DDP": (mlp, wrapped, 1),
    "DDP with no_sync": (mlp, wrapped, 3),
    "DDP with unused parameters": (Uneven, partial(wrapped, find_unused_parameters=True), 1),
    "DDP, gradients as bucket views": (mlp, partial(wrapped, gradient_as_bucket_view=True), 1),
    "FSDP2": (mlp, sharded, 1),
    "FSDP2, uneven shards": (Uneven, sharded, 1),
}


def loop(eye: Any, name: str, rank: int | None) -> None:
    """The training as one of the two sees it, or with no rank the whole of it in one process."""
    build, share, parts = TRAININGS[name]
    alone = rank is None
    model = build() if alone else share(build())
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for n, (x, y) in enumerate(batches(3 * parts), 1):
            mine = slice(None) if alone else slice(rank, None, RANKS)
            last = n % parts == 0
            with nullcontext() if last or alone else model.no_sync():
                loss = mse_loss(model(x[mine]), y[mine]) / parts
                if not last:
                    loss.backward()
            if last:
                # Each process has a loss of its own, the mean over its part of the batch.
                descend(eye, optimizer, loss, outputs=1 / RANKS)


class Ranked(Recorded):
    """A Recorder of one rank; where it is refused, that is what it said."""

    refused: str | None = None

    @contextmanager
    def looking(self, model: nn.Module, optimizers: Any) -> Iterator[None]:
        try:
            held = super().looking(model, optimizers)
            held.__enter__()
        except FathomError as error:
            self.refused = f"refused: {error}"
            held = nullcontext()
        yield
        held.__exit__(None, None, None)


class Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.words.append(record.getMessage())


def main(rank: int, folder: Path) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(RANKS)}
    distributed.init_process_group(
        "gloo",
        init_method=(folder / "meeting").as_uri(),
        rank=rank,
        world_size=RANKS,
        timeout=timedelta(seconds=60),
    )
    for name in TRAININGS:
        for eye in (Bare(), Ranked(folder / name)):
            heard = Heard()
            logging.getLogger("fathom").addHandler(heard)
            torch.manual_seed(0)
            loop(eye, name, rank)
            logging.getLogger("fathom").removeHandler(heard)
            refused = getattr(eye, "refused", None)
            found = {**vars_of(eye), "said": [*heard.words, *([refused] if refused else [])]}
            torch.save(found, folder / f"{name}-{type(eye).__name__}-{rank}.pt")
    distributed.barrier()
    os._exit(0)  # all is written; taking gloo down now and then ends a process by an abort


def vars_of(eye: Bare) -> dict[str, Any]:
    return {"losses": eye.losses, "final": eye.final, "notes": eye.notes}


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
