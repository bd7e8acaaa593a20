"""One preallocated buffer for samples of many tensors: probes copy in, one pass reduces all.

Of a tensor with up to 4096 elements all are taken; of a larger one 256 blocks of 16, spread over
rows and columns, whose start moves with every record. What is wanted of the whole tensor (its
norm) is taken whole. Nothing here waits for the device.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probes.moments import SAMPLED, Reducer
from probes.recording import BINS, STATISTICS

SAMPLE = 4096
BLOCKS, WIDTH = 256, 16
CHOICES = 64  # distances between blocks to choose from
PIECE = 1 << 16  # elements whose squares are summed at once
SMALLEST_NORM, LARGEST_NORM = 1e-17, 1e17  # beyond, float32 squares vanish or overflow
_FLOATS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}


class Arena:
    """Room for `series` samples of each of the tensors, all on one device."""

    def __init__(self, tensors: Sequence[Tensor], series: int) -> None:
        self.sizes = np.array([tensor.numel() for tensor in tensors])
        groups: dict[int, list[int]] = defaultdict(list)  # tensors by how much of them is taken
        for tensor, size in enumerate(self.sizes.tolist()):
            groups[min(size, SAMPLE)].append(tensor)
        groups.pop(0, None)
        shapes = [(series * len(members), width) for width, members in groups.items()]
        device = tensors[0].device
        self._buffer = torch.zeros(sum(rows * width for rows, width in shapes), device=device)
        self._reducer = Reducer(shapes, device)
        self._place = np.zeros((series, len(tensors)), int)  # of a sample among the reduced rows
        slots = [[torch.empty(0)] * len(tensors) for _ in range(series)]
        row = start = 0
        for width, members in groups.items():
            for n in range(series):
                for tensor in members:
                    slot = self._buffer[start : start + width]
                    whole = self.sizes[tensor] <= SAMPLE
                    slots[n][tensor] = slot if whole else slot.view(BLOCKS, WIDTH)
                    self._place[n, tensor] = row
                    row, start = row + 1, start + width
        self._rows = [Rows(self, slots[n]) for n in range(series)]
        self.record = 0  # moves the sampled blocks

    def rows(self, series: int) -> Rows:
        return self._rows[series]

    def begin(self) -> None:
        """A new record: other blocks, nothing taken yet."""
        self.record += 1
        for rows in self._rows:
            rows.clear()

    def reduce(self) -> Tensor:
        """All samples' statistics, and the norms, as one float32 vector on the device."""
        norms = [norm for rows in self._rows for norm in rows.norms]
        reduced = self._reducer(self._buffer).view(-1)
        return torch.cat([reduced, torch.stack(norms)]) if norms else reduced

    def layout(self) -> Layout:
        """Which tensors each series has taken, and whether with norms: `unfold` needs it later."""
        return [(np.array(rows.taken, np.uint32), bool(rows.norms)) for rows in self._rows]

    def unfold(self, flat: NDArray[np.float32], layout: Layout) -> list[Reduced]:
        """Takes apart, on the host, what `reduce` put together; tensors in their order."""
        end = self._reducer.rows * (SAMPLED + BINS)
        table, norms = flat[:end].reshape(-1, SAMPLED + BINS), flat[end:]
        reduced = []
        for place, (taken, normed) in zip(self._place, layout, strict=True):
            rows = table[place[taken]]
            statistics = np.full((len(taken), len(STATISTICS)), np.nan, np.float32)
            statistics[:, :SAMPLED] = rows[:, :SAMPLED]
            if normed:
                whole, norms = norms[: len(taken)], norms[len(taken) :]
                statistics[:, SAMPLED] = _rescue(whole, rows, self.sizes[taken])
            reduced.append(Reduced(taken, statistics, rows[:, SAMPLED:].astype(np.uint16)))
        return reduced


Layout = list[tuple[NDArray[np.uint32], bool]]


@dataclass(frozen=True)
class Reduced:
    """One series' rows on the host, for the tensors that were there."""

    tensors: NDArray[np.uint32]  # [row]  which of the arena's tensors
    statistics: NDArray[np.float32]  # [row, statistic]
    histogram: NDArray[np.uint16]  # [row, bin]


class Rows:
    """One series' place in the arena."""

    def __init__(self, arena: Arena, slots: list[Tensor]) -> None:
        self._arena, self._slots = arena, slots
        self.clear()

    def clear(self) -> None:
        self.taken: list[int] = []
        self.unfit: list[int] = []  # there, but of a kind that cannot be sampled
        self.norms: list[Tensor] = []
        self._before: list[Tensor] = []

    def take(self, tensors: Sequence[Any], *, norms: bool = False) -> None:
        """Copy a sample of each tensor in; None stays out, and so does what cannot be sampled."""
        present = self._choose(tensors)
        if present:
            torch._foreach_copy_(self._places(), [self._sample(tensor) for tensor in present])
            self.norms = whole_norms(present) if norms else []

    def remember(self, tensors: Sequence[Tensor]) -> None:
        """Keep a sample of each tensor as it is now, for `change`."""
        self._before = [
            self._sample(tensor).to(torch.promote_types(tensor.dtype, torch.float32), copy=True)
            for tensor in self._choose(tensors)
        ]

    def change(self, tensors: Sequence[Tensor]) -> None:
        """Copy in by how much the samples remembered have changed."""
        if self.taken:
            now = [self._sample(tensors[n]) for n in self.taken]
            torch._foreach_copy_(self._places(), torch._foreach_sub(now, self._before))

    def scale(self, factor: Tensor) -> None:
        """Divide samples and norms by a factor that lies on the device."""
        if self.taken:
            torch._foreach_div_(self._places(), factor)
            self.norms = [norm / factor for norm in self.norms]

    def _choose(self, tensors: Sequence[Any]) -> list[Any]:
        """The tensors that are there and can be sampled; which they are is noted."""
        there = [n for n, tensor in enumerate(tensors) if tensor is not None]
        self.taken = [n for n in there if self._fits(n, tensors[n])]
        self.unfit = sorted(set(there) - set(self.taken))
        return [tensors[n] for n in self.taken]

    def _places(self) -> list[Tensor]:
        return [self._slots[n] for n in self.taken]

    def _fits(self, n: int, tensor: Tensor) -> bool:
        return (
            self._arena.sizes[n] > 0
            and tensor.layout is torch.strided
            and tensor.dtype in _FLOATS
            and tensor.numel() == self._arena.sizes[n]
        )

    def _sample(self, tensor: Tensor) -> Tensor:
        """The elements to look at, as a view where the tensor lies dense in memory."""
        if not tensor.is_contiguous():
            tensor = tensor.contiguous()
        size, start = tensor.numel(), tensor.storage_offset()
        if size <= SAMPLE:
            return tensor.view(-1)
        stride = _stride(size, tensor.shape[-1])
        slack = size - (BLOCKS - 1) * stride - WIDTH + 1
        shift = self._arena.record * 2654435761 % slack
        return tensor.as_strided((BLOCKS, WIDTH), (stride, 1), start + shift)


@cache
def _stride(size: int, columns: int) -> int:
    """From block to block: as far as fits, but so that the blocks meet as many columns as can be.

    A step as long as a row, or nearly, would look at the same columns of every row.
    """
    widest = size // BLOCKS
    candidates = range(widest, max(WIDTH, widest - CHOICES, widest * 4 // 5) - 1, -1)
    blocks = np.arange(BLOCKS)
    return max(candidates, key=lambda step: len(np.unique(blocks * step % columns // WIDTH)))


def whole_norms(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The L2 norm of each, over all its elements, as float32.

    Half types are accumulated in float32; on the CPU, whose sums run on and on, in pieces.
    """
    norms: dict[int, Tensor] = {}
    kinds: dict[torch.dtype, list[int]] = defaultdict(list)
    for n, tensor in enumerate(tensors):
        if tensor.device.type == "cpu" and tensor.numel() > PIECE:
            pieces = torch.split(tensor.reshape(-1), PIECE)
            norms[n] = torch.linalg.vector_norm(torch.stack(_norms(pieces)))
        else:
            kinds[tensor.dtype].append(n)
    for places in kinds.values():
        norms.update(zip(places, _norms([tensors[n] for n in places]), strict=True))
    return [norms[n].to(torch.float32) for n in range(len(tensors))]


def _norms(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Of tensors of one type, in one go."""
    wide = None if tensors[0].dtype in (torch.float32, torch.float64) else torch.float32
    return list(torch._foreach_norm(list(tensors), 2, wide))


def _rescue(norms: NDArray[Any], rows: NDArray[Any], sizes: NDArray[Any]) -> NDArray[Any]:
    """Where float32 squares vanished or overflowed, the norm from the sample's float64 moments."""
    mean, std = (rows[:, STATISTICS.index(name)].astype(float) for name in ("mean", "std"))
    sampled = np.sqrt((mean**2 + std**2) * sizes)
    lost = (norms < SMALLEST_NORM) | (np.isinf(norms) & (sampled > LARGEST_NORM))
    return np.where(lost, sampled, norms)
