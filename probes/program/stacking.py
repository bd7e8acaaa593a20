"""Several batches as one, and one as several: along the axis that a batch has."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

NEAR = 1e-4  # relative: rounding is below, another example's part in the result far above


def first(size: Any) -> tuple[int, ...] | None:
    """The shape of the first tensor of a result; None of a number."""
    if isinstance(size, list):
        return first(size[0]) if size else None
    return size if isinstance(size, tuple) else None


def longer(one: Sequence[int], two: Sequence[int]) -> int | None:
    """The one axis along which shapes differ; None: there is none, or not one alone."""
    differ = [n for n, (a, b) in enumerate(zip(one, two, strict=True)) if a != b]
    return differ[0] if len(differ) == 1 else None


def joined(parts: Sequence[Any], wanted: Any) -> Any:
    """Results of several batches as one of all would be, which is of this size."""
    if isinstance(wanted, tuple):
        axis = longer(parts[0].shape, wanted)
        return parts[0] if axis is None else torch.cat([*parts], axis)
    if isinstance(wanted, list):
        return [joined(each, want) for *each, want in zip(*parts, wanted, strict=True)]
    return wanted


def parted(value: Any, whole: Any, part: Any, place: Fraction) -> Any:
    """Of a result as much as a part of the examples has, from this place on."""
    if isinstance(whole, tuple):
        axis = longer(whole, part)
        return value if axis is None else value.narrow(axis, int(whole[axis] * place), part[axis])
    if isinstance(whole, list):
        return [parted(v, w, p, place) for v, w, p in zip(value, whole, part, strict=True)]
    return part


def other(tensor: Tensor) -> Tensor:
    """Another batch of the same shape, of numbers that the network takes."""
    moved = tensor.flatten(1).roll(1, 1).view_as(tensor) if tensor.dim() > 1 else tensor.roll(1)
    return moved + 0.5 if moved.is_floating_point() else moved


def near(one: Tensor, other: Tensor) -> bool:
    size = float(other.abs().nan_to_num(0, 0, 0).max()) if other.numel() else 0.0
    far = max(NEAR, 8 * torch.finfo(one.dtype).eps) * size if one.is_floating_point() else 0.0
    return torch.allclose(one, other, rtol=0, atol=far, equal_nan=True)
