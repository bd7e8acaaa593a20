"""Several batches as one: how results of a program are joined along the axis that a batch has."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

NEAR = 1e-4  # relative: rounding is below, another example's part in the result far above


@contextmanager
def without_numbers() -> Iterator[None]:
    """Tensors made inside have shapes alone; torch does not log what fails."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with FakeTensorMode():
            yield
    finally:
        logger.setLevel(level)


def blank(tensor: Tensor, times: int) -> Tensor:
    shape = (tensor.shape[0] * times, *tensor.shape[1:]) if times > 1 else tensor.shape
    return torch.empty(shape, dtype=tensor.dtype, device=tensor.device)


def first(value: Any) -> Any:
    """The first tensor of a result; None of a size."""
    if isinstance(value, (list, tuple)):
        return first(value[0]) if value else None
    return value if isinstance(value, Tensor) else None


def longer(one: Sequence[int], two: Sequence[int]) -> int | None:
    """The one axis along which shapes differ; None: there is none, or not one alone."""
    differ = [n for n, (a, b) in enumerate(zip(one, two, strict=True)) if a != b]
    return differ[0] if len(differ) == 1 else None


def joined(parts: Sequence[Any], wanted: Any) -> Any:
    """Results of several batches as one of all would be."""
    if isinstance(wanted, Tensor):
        axis = longer(parts[0].shape, wanted.shape)
        return parts[0] if axis is None else torch.cat([*parts], axis)
    if isinstance(wanted, (list, tuple)):
        return [joined(each, want) for *each, want in zip(*parts, wanted, strict=True)]
    return wanted


def other(tensor: Tensor) -> Tensor:
    """Another batch of the same shape, of numbers that the network takes."""
    moved = tensor.flatten(1).roll(1, 1).view_as(tensor) if tensor.dim() > 1 else tensor.roll(1)
    return moved + 0.5 if moved.is_floating_point() else moved


def near(one: Tensor, other: Tensor) -> bool:
    size = float(other.abs().nan_to_num(0, 0, 0).max()) if other.numel() else 0.0
    far = max(NEAR, 8 * torch.finfo(one.dtype).eps) * size if one.is_floating_point() else 0.0
    return torch.allclose(one, other, rtol=0, atol=far, equal_nan=True)
