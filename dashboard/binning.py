"""Equal bins over steps: what a heat map needs to be drawn fast, without hiding an extreme."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class StepAxis:
    """Where a step lies on the page: at itself, or at its logarithm."""

    log: bool
    shift: int  # 1 when there is a step 0, whose logarithm would be minus infinity

    def place(self, steps: Integers) -> Floats:
        """Positions on the axis."""
        return np.log10(steps + self.shift) if self.log else steps.astype(np.float64)

    def ticks(self, last: int) -> tuple[list[float], list[str]]:
        """Positions and labels of the ticks of a logarithmic axis."""
        decades = [10**power for power in range(len(str(max(last, 1))))]
        fine = len(decades) <= 2
        steps = [
            mantissa * decade for decade in decades for mantissa in ((1, 2, 5) if fine else (1,))
        ]
        steps = [0] * self.shift + [step for step in steps if step <= last]
        return self.place(np.array(steps)).tolist(), [short(step) for step in steps]


@dataclass(frozen=True)
class Bins:
    """Bins of equal width; `members` are the records of each, as ranges that are never empty."""

    start: float  # centre of the first bin
    width: float
    members: tuple[tuple[int, int], ...]


def step_axis(steps: Integers) -> StepAxis:
    """A logarithmic axis for recordings that look more often at the start, else a linear one."""
    first, last = int(steps[0]), int(steps[-1])
    crowded = float(np.median(steps)) - first < 0.3 * (last - first)
    return StepAxis(log=bool(crowded and len(steps) > 4), shift=int(first <= 0))


def equal_bins(places: Floats, most: int) -> Bins:
    """At most `most` bins over ascending places; an empty bin shows the record nearest to it.

    Their width is a unit times a power of two and their edges lie on a grid that never moves: a run
    that grows changes its last bins and appends more, until there are too many and each two become
    one.
    """
    grid = _grid(places)
    first, count = grid.cells(places)
    while count > most:
        grid = Grid(grid.edge, 2 * grid.width)
        first, count = grid.cells(places)
    edges = grid.edge + grid.width * (first + np.arange(count))
    starts = np.searchsorted(places, edges)
    stops = np.append(starts[1:], len(places))
    centres = np.asarray(edges + grid.width / 2, np.float64)
    records = nearest(places, centres)
    empty = starts >= stops
    starts, stops = np.where(empty, records, starts), np.where(empty, records + 1, stops)
    members = tuple(zip(starts.tolist(), stops.tolist(), strict=True))
    return Bins(float(centres[0]), float(grid.width), members)


@dataclass(frozen=True)
class Grid:
    """Cells of one width; one of their edges."""

    edge: float
    width: float

    def cells(self, places: Floats) -> tuple[int, int]:
        """The first that holds a place, and how many there are up to the last."""
        first, last = np.floor((places[[0, -1]] - self.edge) / self.width).astype(int).tolist()
        return first, last - first + 1


def _grid(places: Floats) -> Grid:
    """The widest cells that keep records apart; steps stand in the middle of cells of their own."""
    apart = np.diff(places)
    apart = apart[apart > 0]
    closest = float(apart.min()) if len(apart) else 1.0
    if not _are_whole(places):
        return Grid(0.0, _power_below(closest))
    unit = 1.0 if closest == 1 else float(np.gcd.reduce(apart.astype(np.int64)))
    return Grid(float(places[0]) - unit / 2, unit * _power_below(closest / unit))


def _are_whole(places: Floats) -> bool:
    return bool((places == np.floor(places)).all())


def _power_below(width: float) -> float:
    return float(2.0 ** np.floor(np.log2(width)))


def nearest(places: Floats, wanted: Floats) -> Integers:
    """For every place wanted, the record that lies nearest to it; places ascend."""
    right = np.searchsorted(places, wanted).clip(1, max(1, len(places) - 1))
    left = right - 1
    right = right.clip(max=len(places) - 1)
    closer = wanted - places[left] <= places[right] - wanted
    return np.where(closer, left, right)


def largest(values: Floats, bins: Bins) -> tuple[Floats, Integers]:
    """The largest value of every bin and column, and the record that holds it; infinity wins."""
    ranked = np.where(np.isnan(values), -np.inf, values)  # [t, column]
    records = np.empty((len(bins.members), values.shape[1]), np.int64)
    for cell, (start, stop) in enumerate(bins.members):
        records[cell] = start if stop - start == 1 else start + ranked[start:stop].argmax(axis=0)
    return np.take_along_axis(values, records, axis=0), records  # [bin, column]


def rounded(values: Floats) -> NDArray[np.float32]:
    """To three digits, as many as a colour can show: in half the bytes on their way to a page."""
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float32)


def short(step: int) -> str:
    """A step in a few letters: 2000 as 2k."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if step >= size and step % size == 0:
            return f"{step // size}{letter}"
    return str(step)
