"""Short recordings of one training, each otherwise in one known thing; made when asked for."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from diagnostics.run import Run
from probes import Recorder

STEPS = 12
POKED_STEP, POKED_LAYER = 7, "2"  # from then on that layer's weight is another


@cache
def folder() -> Path:
    """Of all of them; gone at the end."""
    root = Path(tempfile.mkdtemp(prefix="twins-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root


@cache
def twin(name: str) -> Run:
    """One of them by its name."""
    path = folder() / name
    _train(path, **_DIFFERENCES[name])
    return Run(path)


def _poke(size: float) -> Callable[[int, nn.Module], None]:
    def change(step: int, model: nn.Module) -> None:
        if step == POKED_STEP:
            with torch.no_grad():
                model.get_submodule(POKED_LAYER).weight[0, 0] += size

    return change


_DIFFERENCES: dict[str, dict[str, Any]] = {
    "base": {},
    "again": {},
    "poked": {"change": _poke(0.5)},
    "nudged": {"change": _poke(1e-5)},
    "faster": {"rate": 0.06},
    "sparse": {"every": 5, "change": _poke(0.5)},
    "wide": {"width": 12},
    "reseeded": {"seed": 1},
    "other-data": {"data": 2},
    "dropping": {"drop": 0.2},
    "smoothed": {"label_smoothing": 0.1},
    "shorter": {"steps": 8},
}


def _train(
    path: Path,
    *,
    seed: int = 0,
    data: int = 1,
    width: int = 8,
    drop: float = 0.0,
    rate: float = 0.05,
    every: int = 1,
    steps: int = STEPS,
    label_smoothing: float = 0.0,
    change: Callable[[int, nn.Module], None] = lambda step, model: None,
) -> None:
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(6, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Dropout(drop),
        nn.Linear(width, 3),
    )
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=0.9)
    generator = torch.Generator().manual_seed(data)
    with Recorder(model, optimizer, path, every=every) as recorder:
        for step in range(1, steps + 1):
            change(step, model)
            inputs = torch.randn(16, 6, generator=generator)
            targets = inputs[:, :3].argmax(1)
            loss = functional.cross_entropy(model(inputs), targets, label_smoothing=label_smoothing)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            recorder.log(loss=loss, tokens=16 * 6)
            if step % 4 == 0:
                recorder.log(val_loss=loss * 1.1, accuracy=1 - loss / 3)
