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
    """At most `most` bins over ascending places; an empty bin shows the record nearest to it."""
    if len(places) == 1:
        return Bins(float(places[0]), 1.0, ((0, 1),))
    span = places[-1] - places[0]
    closest = max(float(np.diff(places).min()), span / most)
    count = min(most, round(span / closest) + 1)
    width = span / (count - 1)
    centres = places[0] + width * np.arange(count)
    starts = np.searchsorted(places, centres - width / 2)
    stops = np.append(starts[1:], len(places))
    members = tuple(
        (int(start), int(stop)) if start < stop else (int(record), int(record) + 1)
        for start, stop, record in zip(starts, stops, nearest(places, centres), strict=True)
    )
    return Bins(float(places[0]), float(width), members)


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
    rows = [start + ranked[start:stop].argmax(axis=0) for start, stop in bins.members]
    records: Integers = np.array(rows, dtype=np.int64)
    return np.take_along_axis(values, records, axis=0), records  # [bin, column]


def short(step: int) -> str:
    """A step in a few letters: 2000 as 2k."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if step >= size and step % size == 0:
            return f"{step // size}{letter}"
    return str(step)
