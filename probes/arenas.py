"""The arenas of all devices in play: made when first needed, for models move once built."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from probes.arena import Arena, Unfold
from probes.pending import Pending
from probes.shelf import Shelf
from probes.unfolding import Reduced


class Arenas:
    """One arena a device, a shelf in each for every series."""

    def __init__(self, series: int) -> None:
        self._series = series
        self._arenas: dict[torch.device, Arena] = {}
        self.record = 0

    def __call__(self, device: torch.device) -> Arena:
        arena = self._arenas.get(device)
        if arena is None:
            arena = self._arenas[device] = Arena(device, self._series)
            arena.begin(self.record)
        return arena

    def begin(self) -> None:
        """A new record, in all of them."""
        self.record += 1
        for arena in self._arenas.values():
            arena.begin(self.record)

    def shelves(self, series: Iterable[int]) -> Iterator[Shelf]:
        """The shelves of these series, on all devices."""
        return (arena.shelves[n] for n in series for arena in self._arenas.values())

    def reduce(self, pending: Pending, deliver: Callable[[list[Reduced]], None]) -> None:
        """One reduction a device; the rows are delivered when they have come to the host."""
        with torch.no_grad():
            for arena in self._arenas.values():
                reduced = arena.reduce()
                if reduced is not None:
                    pending.add(reduced[0], partial(_unfold, reduced[1], deliver))

    def unfit(self) -> list[str]:
        """Tensors that were there and could not be looked at: sparse ones, say."""
        shelves = (shelf for arena in self._arenas.values() for shelf in arena.shelves)
        return [name for shelf in shelves for name in shelf.unfit]


def _unfold(
    unfold: Unfold, deliver: Callable[[list[Reduced]], None], host: NDArray[np.float32]
) -> None:
    deliver(unfold(host))
