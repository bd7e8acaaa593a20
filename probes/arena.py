"""One buffer a device for samples of many tensors: probes copy in, one pass reduces all.

Every series has a shelf in it, and a tensor keeps its place there from record to record. What is
new waits aside until the record ends; then the arena is laid out anew. Nothing here waits for the
device.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probes.host_moments import HostReducer
from probes.moments import Limits, Reducer
from probes.shelf import Shelf, Slot
from probes.unfolding import Reduced, Unfolding

Unfold = Callable[[NDArray[np.float32]], list[Reduced]]

STALE = 4  # the arena is laid out anew when it has this many times the elements in use


class Arena:
    """Room for samples of tensors on one device, a shelf for each series."""

    def __init__(self, device: torch.device, series: int) -> None:
        self.device = device
        self.record = 0  # moves the sampled blocks
        self._places: dict[Slot, Tensor] = {}
        self._rows: dict[Slot, int] = {}  # among the reduced ones
        self._buffer = torch.empty(0, dtype=torch.float32, device=device)
        self._reducer: Callable[[Tensor], Tensor] | None = None
        self.aside: dict[Slot, Tensor] = {}
        self._last: Unfolding | None = None
        self.shelves = [Shelf(self, n) for n in range(series)]

    def begin(self, record: int) -> None:
        """A new record: other blocks, nothing taken yet."""
        self.record = record
        self.aside.clear()
        for shelf in self.shelves:
            shelf.clear()

    def place(self, slot: Slot) -> Tensor:
        """Where this sample goes, in its shape."""
        place = self._places.get(slot)
        if place is None:
            place = self.aside.get(slot)
        if place is None:
            place = self.aside[slot] = self._room(slot.width).view(slot.shape)
        return place

    def reduce(self) -> tuple[Tensor, Unfold] | None:
        """All samples' statistics, and the norms, as one float32 vector; and how to read it."""
        taken = [slot for shelf in self.shelves for slot in shelf.taken]
        if not taken:
            return None
        unfolding = self._unfolding(taken)
        assert self._reducer is not None
        norms = [norm for shelf in self.shelves for norm in shelf.norms.values()]
        reduced = self._reducer(self._buffer).view(-1)
        flat = torch.cat([reduced, torch.stack(norms)]) if norms else reduced
        sizes = tuple([tuple(shelf.sizes.items()) for shelf in self.shelves])
        return flat, partial(unfolding, unfolding.normed(sizes))

    def _unfolding(self, taken: list[Slot]) -> Unfolding:
        """The last one, if it fits: records are mostly alike. Otherwise some may have no place."""
        if self._last is None or self._last.taken != taken:
            if self.aside or self._stale(taken):
                self._lay_out(taken)
            rows = np.array([self._rows[slot] for slot in taken])
            self._last = Unfolding(taken, rows, len(self._rows))
        return self._last

    def _room(self, size: int) -> Tensor:
        return torch.zeros(size, dtype=torch.float32, device=self.device)

    def _stale(self, taken: Sequence[Slot]) -> bool:
        return self._buffer.numel() > STALE * sum(slot.width for slot in taken)

    def _lay_out(self, taken: Sequence[Slot]) -> None:
        """Give every slot a place beside those of its width; what was taken moves along."""
        filled = {slot: self.place(slot) for slot in taken}
        known = filled if self._stale(taken) else self._places | self.aside
        groups: dict[int, list[Slot]] = defaultdict(list)
        for slot in known:
            groups[slot.width].append(slot)
        shapes = [(len(slots), width) for width, slots in groups.items()]
        ordered = [slot for slots in groups.values() for slot in slots]
        self._buffer = self._room(sum(slot.width for slot in ordered))
        parts = torch.split(self._buffer, [slot.width for slot in ordered])
        pairs = zip(ordered, parts, strict=True)
        self._places = {slot: part.view(slot.shape) for slot, part in pairs}
        self._rows = {slot: row for row, slot in enumerate(ordered)}
        torch._foreach_copy_([self._places[slot] for slot in filled], list(filled.values()))
        self._reducer = self._reducing(shapes, [slot.limits for slot in ordered])
        self.aside.clear()

    def _reducing(
        self, shapes: list[tuple[int, int]], limits: list[Limits | None]
    ) -> Callable[[Tensor], Tensor]:
        if self.device.type == "cpu":
            return HostReducer(shapes, limits)
        return Reducer(shapes, limits, self.device)
