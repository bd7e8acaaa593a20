"""Takes a reduced record apart into each series' rows, once it is on the host."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from probes.merging import merged
from probes.moments import COLUMNS, SAMPLED
from probes.norms import rescued
from probes.recording import BINS, STATISTICS
from probes.shelf import Slot

_LOW, _HIGH = STATISTICS.index("low"), STATISTICS.index("high")

Sizes = list[tuple[int, list[tuple[str, int]]]]  # a series' tensors with a norm, and their sizes


@dataclass(frozen=True)
class Reduced:
    """One series' rows on the host."""

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
