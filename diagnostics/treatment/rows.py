"""The rows of batches: how many, some of them, and several batches as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def tensors(batch: Any) -> Iterator[Tensor]:
    """Every tensor of a batch, the inputs' before the target's."""
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, Mapping):
        for part in batch.values():
            yield from tensors(part)
    elif isinstance(batch, (tuple, list)):
        for part in batch:
            yield from tensors(part)


def changed(batch: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The batch with each of its tensors changed."""
    if isinstance(batch, Tensor):
        return change(batch)
    if isinstance(batch, Mapping):
        return {key: changed(part, change) for key, part in batch.items()}
    if isinstance(batch, (tuple, list)):
        parts = [changed(part, change) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return batch


def size(batch: Any) -> int:
    """The length of the first axis that most of its tensors have; 0 where there is none."""
    lengths = [len(each) for each in tensors(batch) if each.dim()]
    return max(lengths, key=lengths.count) if lengths else 0


def some(batch: Any, rows: Tensor) -> Any:
    """These rows of every tensor that has as many as the batch."""
    count = size(batch)
    return changed(batch, lambda t: t[rows] if t.dim() and len(t) == count else t)


def first(batch: Any, most: int) -> Any:
    return batch if size(batch) <= most else some(batch, torch.arange(most))


def joined(batches: Sequence[Any]) -> Any:
    """One batch with the rows of all."""
    parts = [list(tensors(batch)) for batch in batches]
    counts = [size(batch) for batch in batches]
    places = iter(zip(*parts, strict=True))

    def join(tensor: Tensor) -> Tensor:
        same = next(places)
        each_has_rows = tensor.dim() and len(tensor) == counts[0]
        return torch.cat(same) if each_has_rows else tensor

    return changed(batches[0], join)


def split(batch: Any, sizes: Sequence[int]) -> list[Any]:
    """Its rows as batches of these sizes."""
    starts = [sum(sizes[:n]) for n in range(len(sizes))]
    return [
        some(batch, torch.arange(start, start + length))
        for start, length in zip(starts, sizes, strict=True)
    ]


def finite(batch: Any) -> Tensor:
    """Which rows hold no NaN and no infinity."""
    fine = torch.ones(size(batch), dtype=torch.bool)
    for each in tensors(batch):
        if each.is_floating_point() and each.dim() and len(each) == len(fine):
            fine &= torch.isfinite(each.detach().reshape(len(fine), -1)).all(1).cpu()
    return fine


def whole(batch: Any) -> Any:
    """Without the rows that hold a NaN or an infinity."""
    fine = finite(batch)
    return batch if bool(fine.all()) else some(batch, fine.nonzero()[:, 0])
