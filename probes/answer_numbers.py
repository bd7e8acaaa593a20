"""The numbers that `answers` tells: what a model's answers are like, and how they meet the targets.

The same operations serve host and device: shapes follow from shapes alone, never from values.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from probes.moments import Limits

ROWS, ELEMENTS, AT_LEAST = 256, 1 << 18, 16  # of a call, and of wide answers some rows even so
NEAR, NEAR_HALF = 1e-3, 1e-2  # to a sum of one; half precision rounds each of its parts
SLACK = 1e-6  # beyond a limit, of its size

Numbers = dict[str, Tensor]


def channels(values: Tensor) -> int:
    """Which axis is that of the columns: the last, of images the second."""
    return 1 if values.ndim > 3 else values.ndim - 1


def rows(values: Tensor, axis: int | None, turn: int, *, beside: int = 1) -> Tensor:
    """An even choice of rows along all axes but one, of another first row each time.

    Without an axis each element is a row. They are those of a tensor that has `beside` columns.
    """  # [row, column]
    table = values.detach()
    if axis is None:
        table = table.unsqueeze(-1)
    elif axis < table.ndim - 1:
        table = table.movedim(axis, -1)
    columns = table.shape[-1]
    most = max(AT_LEAST, min(ROWS, ELEMENTS // max(columns, beside)))
    return table[_slices(tuple(table.shape[:-1]), most, turn)].reshape(-1, columns)


@lru_cache(maxsize=1024)
def _slices(shape: tuple[int, ...], most: int, turn: int) -> tuple[slice, ...]:
    """Steps along each axis that leave `most` places in all, as many as there are of the first."""
    slices = []
    for size in shape:
        step = max(1, -(-size // most))
        first = turn % step
        slices.append(slice(first, None, step))
        most = max(1, most // max(1, len(range(first, size, step))))
    return tuple(slices)


def scale(table: Tensor, near: float) -> Numbers:  # [row, column]
    """How large the answers are, how they differ from row to row, and whether they are shares."""
    deviation, low, high = table.std(correction=0), *table.aminmax()
    told = {"min": low, "max": high, "std": deviation}
    if len(table) > 1:
        told["spread"] = table.std(0, correction=0).mean() / table.square().mean().sqrt()
    if table.shape[1] > 1:
        whole = ((table >= 0).all(1)) & ((table.sum(1) - 1).abs() < near)
        told["rows_sum_to_one"] = whole.float().mean()
    return told


def nearness(values: Tensor) -> float:
    """How near to one a sum of its elements can be told to be."""
    return NEAR if values.element_size() > 2 else NEAR_HALF


def counts(answered: Tensor, asked: Tensor, valid: Tensor, classes: int) -> Tensor:
    """Of each class how often it was asked for, answered, and rightly so."""  # [class, 3]
    each = torch.zeros(3, classes, device=answered.device)
    inside = asked.clamp(0, classes - 1)
    sound = (valid & (inside == asked)).float()
    each[0].scatter_add_(0, inside, sound)
    each[1].scatter_add_(0, answered, sound)
    each[2].scatter_add_(0, answered, sound * (answered == asked))
    return each.T


def shares(each: Tensor) -> Numbers:  # [class, (asked, answered, right)]
    asked = each[:, 0].sum()
    return {"accuracy": each[:, 2].sum() / asked, "commonest": each[:, 1].max() / asked}


def reach(targets: Tensor, limits: Limits | None) -> Numbers:
    """The share of whole numbers among targets, and of those that no answer can be."""
    told = {"whole": (targets == targets.round()).float().mean()}
    if limits is not None:
        low, high = (limit + side * SLACK for limit, side in zip(limits, (-1, 1), strict=True))
        told["out_of_reach"] = ((targets < low) | (targets > high)).float().mean()
    return told
