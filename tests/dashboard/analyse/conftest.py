"""Runs whose loss program is recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from probes import Recorder

Record = Callable[[nn.Module], Path]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Four steps of a classifier of four numbers."""

    def train(model: nn.Module) -> Path:
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        batch = (torch.randn(10, 4), torch.randint(3, (10,)))
        path = tmp_path / "run"
        with Recorder(model, optimizer, path, loss=functional.cross_entropy, batch=batch):
            for _ in range(4):
                optimizer.zero_grad()
                functional.cross_entropy(model(batch[0]), batch[1]).backward()
                optimizer.step()
        return path

    return train


@pytest.fixture
def run(record: Record) -> Path:
    torch.manual_seed(0)
    return record(nn.Linear(4, 3))
