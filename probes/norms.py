"""L2 norms of whole tensors: never of a sample, right for half types and for long sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probes.recording import STATISTICS

PIECE = 1 << 16  # elements whose squares are summed at once
SMALLEST_NORM, LARGEST_NORM = 1e-17, 1e17  # beyond, float32 squares vanish or overflow


def whole_norms(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The L2 norm of each, over all its elements, as float32.

    Half types are accumulated in float32; on the CPU, whose sums run on and on, in pieces.
    """
    norms: dict[int, Tensor] = {}
    kinds: dict[torch.dtype, list[int]] = defaultdict(list)
    for n, tensor in enumerate(tensors):
        if tensor.device.type == "cpu" and tensor.numel() > PIECE:
            norms[n] = _in_pieces(computable(tensor).reshape(-1))
        else:
            kinds[tensor.dtype].append(n)
    for places in kinds.values():
        norms.update(zip(places, _norms([tensors[n] for n in places]), strict=True))
    return [norms[n].to(torch.float32) for n in range(len(tensors))]


def _in_pieces(flat: Tensor) -> Tensor:
    wide = _wide(flat)
    even = flat.numel() // PIECE * PIECE
    pieces = torch.linalg.vector_norm(flat[:even].view(-1, PIECE), dim=1, dtype=wide)
    rest = torch.linalg.vector_norm(flat[even:], dtype=wide)
    return torch.hypot(torch.linalg.vector_norm(pieces), rest)


def _norms(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Of tensors of one type, in one go."""
    tensors = [computable(tensor) for tensor in tensors]
    return list(torch._foreach_norm(list(tensors), 2, _wide(tensors[0])))


def computable(tensor: Tensor) -> Tensor:
    """The tensor itself, unless it is float8, which knows no arithmetic."""
    return tensor.to(torch.float32) if tensor.dtype.itemsize == 1 else tensor


def _wide(tensor: Tensor) -> torch.dtype | None:
    return None if tensor.dtype in (torch.float32, torch.float64) else torch.float32


def rescued(norms: NDArray[Any], rows: NDArray[Any], sizes: NDArray[Any]) -> NDArray[Any]:
    """Where float32 squares vanished or overflowed, the norm from the sample's float64 moments."""
    if ((norms > SMALLEST_NORM) & (norms < LARGEST_NORM)).all():
        return norms
    mean, std = (rows[:, STATISTICS.index(name)].astype(float) for name in ("mean", "std"))
    sampled = np.sqrt((mean**2 + std**2) * sizes)
    lost = (norms < SMALLEST_NORM) | (np.isinf(norms) & (sampled > LARGEST_NORM))
    return np.where(lost, sampled, norms)
