"""One buffer a device for samples of many tensors: probes copy in, one pass reduces all.

Every series has a shelf in it, and a tensor keeps its place there from record to record. What is
new waits aside until the record ends; then the arena is laid out anew. Nothing here waits for the
device.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probes.merging import merged
from probes.moments import COLUMNS, SAMPLED, Reducer
from probes.norms import computable, rescued, whole_norms
from probes.recording import BINS, STATISTICS
from probes.sampling import SAMPLE, fits, local, sample

AGAIN = 15  # of a tensor taken more often in one record only the first so many are looked at
STALE = 4  # the arena is laid out anew when it has this many times the elements in use
_LOW, _HIGH = STATISTICS.index("low"), STATISTICS.index("high")

Limits = tuple[float, float]


Sizes = list[tuple[int, list[tuple[str, int]]]]  # a series' tensors with a norm, and their sizes


class Slot(NamedTuple):
    """A tensor's place: which series, which tensor, the how-manieth in its record, how wide."""

    series: int
    name: str
    again: int
    width: int
    limits: Limits | None


@dataclass(frozen=True)
class Reduced:
    """One series' rows on the host."""

    series: int
    names: list[str]  # [row]
    statistics: NDArray[np.float32]  # [row, statistic]
    histogram: NDArray[np.uint16]  # [row, bin]


class Arena:
    """Room for samples of tensors on one device, a shelf for each series."""

    def __init__(self, device: torch.device, series: int) -> None:
        self.device = device
        self.record = 0  # moves the sampled blocks
        self._places: dict[Slot, Tensor] = {}
        self._rows: dict[Slot, int] = {}  # among the reduced ones
        self._buffer = torch.empty(0, dtype=torch.float32, device=device)
        self._reducer: Reducer | None = None
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
        """Where this sample goes: a flat stretch."""
        place = self._places.get(slot)
        if place is None:
            place = self.aside.get(slot)
        if place is None:
            place = self.aside[slot] = self._room(slot.width)
        return place

    def reduce(self) -> tuple[Tensor, Unfolding] | None:
        """All samples' statistics, and the norms, as one float32 vector; and how to read it."""
        taken = [slot for shelf in self.shelves for slot in shelf.taken]
        if not taken:
            return None
        if self.aside or self._stale(taken):
            self._lay_out(taken)
        assert self._reducer is not None
        norms = [norm for shelf in self.shelves for norm in shelf.norms.values()]
        reduced = self._reducer(self._buffer).view(-1)
        flat = torch.cat([reduced, torch.stack(norms)]) if norms else reduced
        sizes = [(n, [*s.sizes.items()]) for n, s in enumerate(self.shelves) if s.sizes]
        return flat, self._unfolding(taken, sizes)

    def _unfolding(self, taken: list[Slot], sizes: Sizes) -> Unfolding:
        """The last one, if it fits: records are mostly alike."""
        known = self._last
        if known is None or known.taken != taken or known.sizes != sizes:
            rows = np.array([self._rows[slot] for slot in taken])
            known = self._last = Unfolding(taken, rows, len(self._rows), sizes)
        return known

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
        self._places = dict(zip(ordered, parts, strict=True))
        self._rows = {slot: row for row, slot in enumerate(ordered)}
        torch._foreach_copy_([self._places[slot] for slot in filled], list(filled.values()))
        self._last = None
        self._reducer = Reducer(shapes, [slot.limits for slot in ordered], self.device)
        self.aside.clear()


class Shelf:
    """One series' place in the arena."""

    def __init__(self, arena: Arena, series: int) -> None:
        self._arena, self._series = arena, series
        self.clear()

    def clear(self) -> None:
        self.taken: list[Slot] = []
        self._fresh: list[Slot] = []  # of these, what has not been scaled
        self.unfit: list[str] = []  # there, but of a kind that cannot be sampled
        self.norms: dict[str, Tensor] = {}
        self.sizes: dict[str, int] = {}  # of the tensors whose norm was taken
        self._times: dict[str, int] = {}
        self._watched: dict[str, Tensor] = {}
        self._before: list[Tensor] = []
        self._whole: list[Tensor] = []

    def take(self, name: str, tensor: Tensor, limits: Limits | None = None) -> None:
        """Copy a sample in; what is taken again under a name in the same record is merged."""
        tensor = local(tensor)
        times = self._times.get(name, 0)
        if times >= AGAIN or not self._fit(name, tensor):
            return
        self._times[name] = times + 1
        slot = Slot(self._series, name, times, min(tensor.numel(), SAMPLE), limits)
        place = self._arena.place(slot)
        found = self._sample(tensor)
        if found.numel() != slot.width:  # thinned below what was promised
            slot = Slot(self._series, name, times, found.numel(), limits)
            place = self._arena.place(slot)
        place.view(found.shape).copy_(found)
        self.taken.append(slot)
        self._fresh.append(slot)

    def take_all(
        self, names: Sequence[str], tensors: Sequence[Any], *, norms: bool = False
    ) -> None:
        """Copy in a sample of each; None stays out, and so does what cannot be sampled.

        What was taken before under the same name is replaced.
        """
        there = self._choose(names, tensors)
        if there:
            self._put(list(there), [self._sample(tensor) for tensor in there.values()])
            if norms:
                self._measure(there)

    def remember(self, names: Sequence[str], tensors: Sequence[Any], *, whole: bool) -> None:
        """Keep a sample of each tensor as it is now, for `change`; or the whole tensors too."""
        self._watched = self._choose(names, tensors)
        self._before = [_copied(self._sample(tensor)) for tensor in self._watched.values()]
        self._whole = [_copied(tensor) for tensor in self._watched.values()] if whole else []

    def change(self) -> None:
        """Copy in by how much what is remembered has changed since."""
        if self._before:
            now = [computable(self._sample(tensor)) for tensor in self._watched.values()]
            self._put(list(self._watched), list(torch._foreach_sub(now, self._before)))
        if self._whole:
            now = [computable(tensor) for tensor in self._watched.values()]
            changes = torch._foreach_sub(now, self._whole)
            self._measure(dict(zip(self._watched, changes, strict=True)))
        self._watched, self._before, self._whole = {}, [], []

    def _measure(self, tensors: dict[str, Tensor]) -> None:
        """Norms of the whole tensors."""
        self.norms.update(zip(tensors, whole_norms(list(tensors.values())), strict=True))
        self.sizes.update({name: tensor.numel() for name, tensor in tensors.items()})

    def _sample(self, tensor: Tensor) -> Tensor:
        return sample(tensor, self._arena.record)

    def scale(self, factor: Tensor | None) -> None:
        """Divide by a factor that lies on the device, if any, what was taken since last time."""
        if self._fresh and factor is not None:
            torch._foreach_div_([self._arena.place(slot) for slot in self._fresh], factor)
            names = {slot.name for slot in self._fresh} & self.norms.keys()
            self.norms.update({name: self.norms[name] / factor for name in names})
        self._fresh = []

    def _choose(self, names: Sequence[str], tensors: Sequence[Any]) -> dict[str, Tensor]:
        """The tensors that are there and can be sampled."""
        pairs = zip(names, map(local, tensors), strict=True)
        return {
            name: tensor for name, tensor in pairs if tensor is not None and self._fit(name, tensor)
        }

    def _fit(self, name: str, tensor: Tensor) -> bool:
        if fits(tensor) and tensor.numel():
            return True
        if not fits(tensor):
            self.unfit.append(name)
        return False

    def _put(self, names: list[str], samples: list[Tensor]) -> None:
        slots = [
            Slot(self._series, name, 0, found.numel(), None)
            for name, found in zip(names, samples, strict=True)
        ]
        places = [
            self._arena.place(slot).view(found.shape)
            for slot, found in zip(slots, samples, strict=True)
        ]
        torch._foreach_copy_(places, samples)
        new = set(names)
        self.taken = [slot for slot in self.taken if slot.name not in new] + slots
        self._fresh = [slot for slot in self._fresh if slot.name not in new] + slots


def _copied(tensor: Tensor) -> Tensor:
    """In no less than single precision, where differences of half types survive."""
    small = tensor.dtype.itemsize == 1  # float8 has no type in common with others
    wide = torch.float32 if small else torch.promote_types(tensor.dtype, torch.float32)
    return tensor.to(wide, copy=True)


class Unfolding:
    """Takes a record apart once it is on the host; what it holds is known at its start."""

    def __init__(
        self,
        taken: list[Slot],
        rows: NDArray[np.int64],  # of the slots taken, among the reduced
        reduced: int,  # how many rows were reduced
        sizes: Sizes,
    ) -> None:
        self.taken, self.sizes = taken, sizes
        self._rows, self._end = rows, reduced * (COLUMNS + BINS)
        self._series = [
            (series, [slot.name for slot in slots], slice(start, start + len(slots)))
            for series, start, slots in _stretches(taken)
        ]
        place = {(slot.series, slot.name): row for row, slot in enumerate(taken)}
        normed = [(place.get((n, name)), size) for n, named in sizes for name, size in named]
        here = [(at, row, size) for at, (row, size) in enumerate(normed) if row is not None]
        self._normed = np.array(here, np.int64).reshape(-1, 3).T  # [(norm, row, size), tensor]

    def __call__(self, flat: NDArray[np.float32]) -> list[Reduced]:
        """Each series' rows, tensors in the order they were taken."""
        table = flat[: self._end].reshape(-1, COLUMNS + BINS)[self._rows]
        statistics = np.full((len(table), len(STATISTICS)), np.nan, np.float32)
        statistics[:, :SAMPLED] = table[:, :SAMPLED]
        statistics[:, _LOW : _HIGH + 1] = table[:, SAMPLED:COLUMNS]
        if self._normed.size:
            norm, row, size = self._normed
            statistics[row, SAMPLED] = rescued(flat[self._end :][norm], statistics[row], size)
        histogram = table[:, COLUMNS:].astype(np.uint16)
        return [
            _gathered(n, names, statistics[rows], histogram[rows])
            for n, names, rows in self._series
        ]


def _stretches(taken: list[Slot]) -> Iterator[tuple[int, int, list[Slot]]]:
    """Each series' slots, which lie together, and where they begin."""
    start = 0
    for series, slots in groupby(taken, key=lambda slot: slot.series):
        found = list(slots)
        yield series, start, found
        start += len(found)


def _gathered(
    series: int,
    names: list[str],
    statistics: NDArray[np.float32],
    histogram: NDArray[np.uint16],
) -> Reduced:
    """What was taken several times under one name becomes one row."""
    if len(set(names)) == len(names):
        return Reduced(series, names, statistics, histogram)
    looks: dict[str, list[int]] = defaultdict(list)
    for n, name in enumerate(names):
        looks[name].append(n)
    rows = [merged(statistics[at, None], histogram[at, None]) for at in looks.values()]
    return Reduced(
        series,
        list(looks),
        np.concatenate([row for row, _ in rows]),
        np.concatenate([bins for _, bins in rows]),
    )
