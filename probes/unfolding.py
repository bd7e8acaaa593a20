"""Takes a reduced record apart into each series' rows, once it is on the host."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from probes.merging import merged
from probes.moments import COLUMNS
from probes.norms import rescued
from probes.recording import STATISTICS
from probes.shelf import Slot

_KNOWN = len(STATISTICS)  # of a reduced row's columns; the others are its histogram
_NORM = STATISTICS.index("norm")

Sizes = tuple[tuple[tuple[str, int], ...], ...]  # each series' tensors with a norm, how large


class Reduced(NamedTuple):
    """One series' rows on the host; names that stay from record to record are the same list."""

    series: int
    names: list[str]  # [row]
    statistics: NDArray[np.float32]  # [row, statistic]
    histogram: NDArray[np.uint16]  # [row, bin]


class Unfolding:
    """Takes a record apart once it is on the host; what it holds is known at its start."""

    def __init__(
        self,
        taken: list[Slot],
        rows: NDArray[np.int64],  # of the slots taken, among the reduced
        reduced: int,  # how many rows were reduced
    ) -> None:
        self.taken = taken
        self._rows, self._end = rows, reduced * COLUMNS
        self._parts = list(_parts(taken))
        self._place = {(slot.series, slot.name): row for row, slot in enumerate(taken)}
        self._normed: dict[Sizes, NDArray[np.int64]] = {}  # few: a series has all norms or none

    def normed(self, sizes: Sizes) -> NDArray[np.int64]:
        """Which norm is that of which row, and of how many elements: [3, tensor]."""
        found = self._normed.get(sizes)
        if found is None:
            norms = [(n, name, size) for n, named in enumerate(sizes) for name, size in named]
            here = [
                (at, self._place[n, name], size)
                for at, (n, name, size) in enumerate(norms)
                if (n, name) in self._place
            ]
            found = self._normed[sizes] = np.array(here, np.int64).reshape(-1, 3).T
        return found

    def __call__(self, normed: NDArray[np.int64], flat: NDArray[np.float32]) -> list[Reduced]:
        """Each series' rows, tensors in the order they were taken."""
        table = flat[: self._end].reshape(-1, COLUMNS).take(self._rows, 0)
        statistics, histogram = table[:, :_KNOWN], table[:, _KNOWN:].astype(np.uint16)
        if normed.size:
            norm, row, size = normed
            statistics[row, _NORM] = rescued(flat[self._end :][norm], statistics[row], size)
        return [part.of(statistics, histogram) for part in self._parts]


class _Part(NamedTuple):
    """Where a series' rows lie; what was taken several times under one name becomes one row."""

    series: int
    names: list[str]
    rows: slice
    looks: list[list[int]]  # of each name; none if each was taken once

    def of(self, statistics: NDArray[np.float32], histogram: NDArray[np.uint16]) -> Reduced:
        found, bins = statistics[self.rows], histogram[self.rows]
        if self.looks:
            rows = [merged(found[at, None], bins[at, None]) for at in self.looks]
            found = np.concatenate([row for row, _ in rows])
            bins = np.concatenate([bins for _, bins in rows])
        return Reduced(self.series, self.names, found, bins)


def _parts(taken: list[Slot]) -> Iterator[_Part]:
    """One for each series: its slots lie together."""
    start = 0
    for series, slots in groupby(taken, key=lambda slot: slot.series):
        looks: dict[str, list[int]] = defaultdict(list)
        for n, slot in enumerate(slots):
            looks[slot.name].append(n)
        count = sum(map(len, looks.values()))
        several = list(looks.values()) if count > len(looks) else []
        yield _Part(series, list(looks), slice(start, start + count), several)
        start += count
