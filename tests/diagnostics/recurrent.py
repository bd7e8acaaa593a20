"""A recurrence by hand, whose gradient through time is known."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Cell(nn.Module):
    """A recurrence by hand of twelve steps, whose matrix is a rotation of a given size."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.step, self.head = nn.Linear(16, 16, bias=False), nn.Linear(16, 3)
        nn.init.orthogonal_(self.step.weight, size)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.cat([x, x], 1)
        for _ in range(12):
            h = self.step(h)
        return self.head(h)
