"""Which elements of a tensor are looked at: all of a small one, blocks of a large one.

Of a tensor with up to 4096 elements all are taken; of a larger one 256 blocks of 16, spread over
rows and columns, whose start moves with every record. No element is read twice, none is copied
before the choice is made.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

SAMPLE = 4096
BLOCKS, WIDTH = 256, 16
CHOICES = 64  # distances between blocks to choose from
EIGHTS = {
    getattr(torch, name)
    for name in ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz")
    if hasattr(torch, name)
}  # they can be copied and nothing else
_PLAIN = (Tensor, torch.nn.Parameter, type(None))
_FLOATS = {torch.float16, torch.bfloat16, torch.float32, torch.float64} | EIGHTS


def local(tensor: Any) -> Any:
    """This process's part of a tensor that several processes hold together."""
    plain = type(tensor) in _PLAIN  # asking a tensor for what it lacks takes a microsecond
    return tensor if plain or not hasattr(tensor, "to_local") else tensor.to_local()


def fits(tensor: Tensor) -> bool:
    """Can it be sampled? Dense and real, and not a stand-in without elements."""
    return (
        tensor.layout is torch.strided
        and tensor.dtype in _FLOATS
        and tensor.device.type != "meta"
        and not tensor.is_nested
    )


def sample(tensor: Tensor, record: int) -> Tensor:
    """The elements to look at, as a view wherever the tensor's elements lie close together."""
    size = tensor.numel()
    if size <= SAMPLE:
        return tensor if tensor.ndim == 1 else tensor.reshape(-1)
    if tensor.is_contiguous():
        columns = tensor.shape[-1]
    elif _dense(tensor):
        columns = tensor.shape[_innermost(tensor)]
    else:
        return sample(_thinned(tensor, record), record)
    stride, shift = _steps(size, columns, record)
    return tensor.as_strided((BLOCKS, WIDTH), (stride, 1), tensor.storage_offset() + shift)


def positions(tensor: Tensor, record: int) -> Tensor:
    """Where in the tensor's memory the elements that `sample` gives lie, in the same order."""
    if tensor.numel() <= SAMPLE:
        return torch.arange(tensor.numel(), device=tensor.device)
    stride, shift = _steps(tensor.numel(), tensor.shape[_innermost(tensor)], record)
    blocks = torch.arange(BLOCKS, device=tensor.device)[:, None] * stride
    return (blocks + torch.arange(WIDTH, device=tensor.device) + shift).view(-1)


def _steps(size: int, columns: int, record: int) -> tuple[int, int]:
    """From block to block, and to the first one."""
    stride, starts = _stride(size, columns)
    return stride, record * 2654435761 % starts


def _innermost(tensor: Tensor) -> int:
    return min(reversed(range(tensor.ndim)), key=tensor.stride)


def _dense(tensor: Tensor) -> bool:
    """Its elements fill a stretch of memory, in whatever order: a transposed or image layout."""
    reach = sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride(), strict=True))
    return bool(reach + 1 == tensor.numel() and 0 not in tensor.stride())


def _thinned(tensor: Tensor, record: int) -> Tensor:
    """Every other element along the longest axis until a copy costs little; the odd ones too."""
    phases = record * 2654435761
    while tensor.numel() > 4 * SAMPLE:
        longest = max(range(tensor.ndim), key=lambda axis: tensor.shape[axis])
        at: list[Any] = [slice(None)] * tensor.ndim
        at[longest] = slice(phases & 1, None, 2)
        tensor, phases = tensor[tuple(at)], phases >> 1
    return tensor.contiguous()


@lru_cache(maxsize=4096)
def _stride(size: int, columns: int) -> tuple[int, int]:
    """From block to block: as far as fits, but so that the blocks meet as many columns as can be.

    A step as long as a row, or nearly, would look at the same columns of every row. And where the
    first block may begin: how many places there are.
    """
    widest = size // BLOCKS
    candidates = range(widest, max(WIDTH, widest - CHOICES, widest * 4 // 5) - 1, -1)
    blocks = np.arange(BLOCKS)
    stride = max(candidates, key=lambda step: len(np.unique(blocks * step % columns // WIDTH)))
    return stride, size - (BLOCKS - 1) * stride - WIDTH + 1
