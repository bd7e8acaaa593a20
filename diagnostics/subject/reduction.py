"""Is a loss a mean over examples, or their sum? Tried on a few of them, where nothing says so."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from diagnostics.subject.losses import Batch, Source, agrees

SOME = 5  # examples that it is tried on


def reduction_of(source: Source, batch: Batch) -> str:
    """Of two parts' losses: is that of both their mean by size, their sum, or something other?

    Unknown where the loss of these is 0 or not finite, or cannot be had of a few examples.
    """
    one, two = _parts(batch.size, doubled=source.by_batch)
    try:
        with torch.no_grad():
            of_both, of_one, of_two = (_loss(source, batch, r) for r in (one + two, one, two))
    except Exception:  # what the user's loss may raise is not ours to know
        return "unknown"
    if not of_both.isfinite() or not of_both:
        return "unknown"
    mean = (of_one * len(one) + of_two * len(two)) / (len(one) + len(two))
    if _near(of_both, mean):
        return "mean"
    return "sum" if _near(of_both, of_one + of_two) else "other"


def _parts(size: int, *, doubled: bool) -> tuple[list[int], list[int]]:
    """Uneven ones; the same examples twice, whose mean and variance are the same, where those of
    the batch matter.
    """
    few = [*range(min(size, SOME))]
    middle = len(few) - max(1, len(few) // 3)
    return (few, few) if doubled or not middle else (few[:middle], few[middle:])


def _loss(source: Source, batch: Batch, rows: list[int]) -> Tensor:
    parts = {k: t[rows] if t.ndim and len(t) == batch.size else t for k, t in batch.inputs.items()}
    taken = replace(batch, inputs=parts, size=len(rows))
    return source(source.rest | source.varied, taken, ("loss",))["loss"]


def _near(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one.double(), other.double(), rtol=agrees(one.dtype), atol=0.0)
