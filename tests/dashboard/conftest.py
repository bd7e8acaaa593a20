"""Two recordings for all tests of this room: one with a vanishing gradient, one without."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dashboard.samples import train


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs `sick` and `healthy`."""
    root = tmp_path_factory.mktemp("runs")
    train(root / "sick", "Sigmoid")
    train(root / "healthy", "ReLU")
    return root
