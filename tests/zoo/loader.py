"""Batches of tensors in memory, in an order of their own seed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor

Order = Literal["shuffle", "sequential", "balanced"]  # balanced: by class, with replacement


class TensorLoader:
    """Gives `(x, y)`; x is a tuple where the model takes several inputs."""

    def __init__(
        self,
        x: Tensor | tuple[Tensor, ...],
        y: Tensor,
        batch_size: int = 64,
        order: Order = "shuffle",
        seed: int = 0,
        *,
        drop_last: bool = True,
    ) -> None:
        self.xs = x if isinstance(x, tuple) else (x,)
        self.multi = isinstance(x, tuple)
        self.y = y
        self.n = len(self.xs[0])
        self.batch_size = min(batch_size, self.n)
        self.order = order
        self.drop_last = drop_last
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        if self.drop_last:
            return max(1, self.n // self.batch_size)
        return math.ceil(self.n / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, Tensor]]:
        rows = self._order()
        for n in range(len(self)):
            yield self.at(rows[n * self.batch_size : (n + 1) * self.batch_size])

    def at(self, rows: Tensor | slice) -> tuple[Any, Tensor]:
        """The batch of some rows; nothing is drawn."""
        x = tuple(column[rows] for column in self.xs)
        return (x if self.multi else x[0]), self.y[rows]

    def _order(self) -> Tensor:
        if self.order == "sequential":
            return torch.arange(self.n)
        if self.order == "balanced":
            rarity = 1.0 / torch.bincount(self.y).double()[self.y]
            return torch.multinomial(rarity, self.n, True, generator=self.generator)
        return torch.randperm(self.n, generator=self.generator)
