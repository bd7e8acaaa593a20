"""What recordings with and without held-out examples say of themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.held_out import has_held_out
from diagnostics.run import Run
from probes import Recorder
from tests.dashboard.samples import train


def recorded(folder: Path, **data: Any) -> Run:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, folder, loss=functional.cross_entropy, **data):
        optimizer.step()
    return Run(folder)


def batch(examples: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(examples, 3), torch.arange(examples) % 2


def test_a_second_batch_is_seen_by_its_name(tmp_path: Path) -> None:
    assert has_held_out(recorded(tmp_path / "both", batch=batch(4), held_out=batch(6)))
    assert not has_held_out(recorded(tmp_path / "one", batch=batch(4)))
    assert not has_held_out(Run(train(tmp_path / "none", steps=3)))


@pytest.mark.parametrize("damage", [b"", b"no such thing"])
def test_a_damaged_file_offers_nothing(tmp_path: Path, damage: bytes) -> None:
    run = recorded(tmp_path / "run", batch=batch(4), held_out=batch(6))
    (run.path / "program.h5").write_bytes(damage)
    assert not has_held_out(run)
