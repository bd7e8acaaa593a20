"""Count, mean, deviation, least and greatest of each column, over all tables seen so far.

Elements that are not finite are left out. No device is waited for.
"""

from __future__ import annotations

import torch
from torch import Tensor

ABOUT = "[column, (count, mean, std, min, max)] of the input's finite elements, all looks so far"


class ColumnMoments:
    """Tables of another width than the first one's, or on another device, are left out."""

    def __init__(self) -> None:
        self._parts: Tensor | None = None  # [part, column]  count, mean, squares, least, greatest

    def add(self, table: Tensor) -> None:  # [element, column]
        new = _parts(table)
        if self._parts is None:
            self._parts = new
        elif self._parts.shape == new.shape and self._parts.device == new.device:
            self._parts = _merged(self._parts, new)

    def table(self) -> Tensor | None:  # [column, (count, mean, std, min, max)]
        if self._parts is None:
            return None
        count, mean, squares, low, high = self._parts
        told = torch.stack([mean, (squares / count).sqrt(), low, high])
        told = torch.where(count > 0, told, torch.nan)
        return torch.cat([count[None], told]).T.contiguous()


def _parts(table: Tensor) -> Tensor:
    """Squares are summed around the mean: a large one would drown them."""
    finite = table.isfinite()
    count = finite.sum(0).to(table.dtype)
    mean = torch.where(finite, table, 0.0).sum(0) / count.clamp_min(1)
    squares = torch.where(finite, table - mean, 0.0).square().sum(0)
    low = torch.where(finite, table, torch.inf).amin(0)
    high = torch.where(finite, table, -torch.inf).amax(0)
    return torch.stack([count, mean, squares, low, high])


def _merged(old: Tensor, new: Tensor) -> Tensor:
    (n, mean, squares, low, high), (m, mean_new, squares_new, low_new, high_new) = old, new
    count = n + m
    whole = count.clamp_min(1)
    apart = mean_new - mean
    return torch.stack(
        [
            count,
            mean + apart * m / whole,
            squares + squares_new + apart.square() * n * m / whole,
            torch.minimum(low, low_new),
            torch.maximum(high, high_new),
        ]
    )
