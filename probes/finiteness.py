"""Counts what is not finite in tensors, all of their elements, and finds the rows it is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from probes.named_tensors import named_tensors

MOST_ROWS = 64  # of those that are bad, so many are named
FAR = 1e4  # a row whose largest value is this many times the usual one stands out


@dataclass(frozen=True)
class Tally:
    """What was counted in one tensor, or in several together."""

    count: int = 0
    nan: int = 0
    posinf: int = 0
    neginf: int = 0
    largest: float = 0.0  # finite magnitude
    dtype: str = ""  # of the first tensor that is not finite, or else of the first

    @property
    def bad(self) -> int:
        """How many elements are not finite."""
        return self.nan + self.posinf + self.neginf

    @property
    def is_broken(self) -> bool:
        """Holds what no mask does: attention masks are full of -inf, on purpose."""
        return self.nan > 0 or self.posinf > 0

    @property
    def kind(self) -> str:
        """In a word, the worst there is."""
        return "NaN" if self.nan else "+inf" if self.posinf else "-inf" if self.neginf else "finite"

    def __add__(self, other: Tally) -> Tally:
        told = other if (other.bad and not self.bad) or not self.dtype else self
        return Tally(
            self.count + other.count,
            self.nan + other.nan,
            self.posinf + other.posinf,
            self.neginf + other.neginf,
            max(self.largest, other.largest),
            told.dtype,
        )


def tally(value: Any) -> Tally:
    """Of every tensor of real or complex numbers in it."""
    total = Tally()
    for _, tensor in named_tensors("", value):
        values = dense(tensor)
        if countable(values):
            total += _tally(values)
    return total


def dense(tensor: Tensor) -> Tensor:
    """Of a sparse gradient those elements that are there."""
    return tensor.detach()._values() if tensor.layout is torch.sparse_coo else tensor


def countable(tensor: Any) -> bool:
    return (
        isinstance(tensor, Tensor)
        and tensor.layout is torch.strided
        and (tensor.is_floating_point() or tensor.is_complex())
        and not (tensor.is_meta or tensor.is_nested)
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    )


def _tally(tensor: Tensor) -> Tally:
    values, dtype = _readable(tensor), str(tensor.dtype).removeprefix("torch.")
    finite = values.isfinite()
    largest = float(values.where(finite, 0).abs().max()) if values.numel() else 0.0
    if bool(finite.all()):
        return Tally(tensor.numel(), largest=largest, dtype=dtype)
    counts = (values.isnan(), values == torch.inf, values == -torch.inf)
    nan, posinf, neginf = (int(found.sum()) for found in counts)
    return Tally(tensor.numel(), nan, posinf, neginf, largest, dtype)


def _readable(tensor: Tensor) -> Tensor:
    """Real, and of a type that can be compared."""
    values = tensor.detach()
    if values.is_complex():
        return torch.view_as_real(values.resolve_conj())
    return values.float() if values.dtype.itemsize == 1 else values


def bad_rows(tensor: Tensor) -> list[int]:
    """Places along the first axis where something is not finite."""
    if not countable(tensor) or tensor.ndim == 0:
        return []
    return _places(~_readable(tensor).isfinite().reshape(len(tensor), -1).all(1))


def far_rows(tensor: Tensor) -> tuple[list[int], float, float]:
    """Rows whose largest value is far beyond the usual one, that value, and the usual one."""
    if not countable(tensor) or tensor.ndim == 0 or not tensor.numel():
        return [], 0.0, 0.0
    values = _readable(tensor)
    largest = values.where(values.isfinite(), 0).abs().reshape(len(tensor), -1).amax(1).double()
    usual = largest.median()
    rows = _places((largest > FAR * usual) & (largest > FAR))
    return rows, float(largest.max()), float(usual)


def _places(chosen: Tensor) -> list[int]:
    return [int(n) for n in chosen.nonzero().view(-1)[:MOST_ROWS]]
