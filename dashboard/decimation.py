"""A long curve by few points: each column keeps its least and its largest value, and its gaps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.binning import equal_bins

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Span = tuple[float, float]


def extremes(
    steps: Integers, values: Floats, columns: int, span: Span | None = None
) -> tuple[Integers, Floats]:
    """The records that a picture that many columns wide can tell apart; steps ascend.

    Within a span it is as fine as if there were nothing else; around it as for the whole, so that
    whoever looks up from the detail sees the curve go on. The columns lie on a grid that never
    moves: of a curve that grows only the last points change. Not a number is NaN.
    """
    shown = np.where(np.isfinite(values), values, np.nan)
    records = _within(steps, span, lambda cut: kept(steps[cut], shown[cut], columns))
    return steps[records], shown[records]


def _within(steps: Integers, span: Span | None, choose: Callable[[slice], Integers]) -> Integers:
    """What is chosen of the whole; within a span, of it alone."""
    records = choose(slice(None))
    if span is None:
        return records
    first, last = np.searchsorted(steps, [span[0], np.nextafter(span[1], np.inf)]).tolist()
    first, last = max(0, first - 1), min(len(steps), last + 1)  # the curve comes in and goes out
    around = records[(records < first) | (records >= last)]
    return np.union1d(first + choose(slice(first, last)), around)


def sampled(
    steps: Integers, values: Floats, columns: int, span: Span | None = None
) -> tuple[Integers, Floats]:
    """One value a column, as it is in its middle, and its gaps: for a curve smooth already."""
    shown = np.where(np.isfinite(values), values, np.nan)
    records = _within(steps, span, lambda cut: middles(steps[cut], shown[cut], columns))
    return steps[records], shown[records]


def kept(places: NDArray[Any], values: Floats, columns: int) -> Integers:
    """Of each column the records of its least and its largest value, and of a NaN in it.

    The first and the last record are always among them: where a curve begins and stands now.
    """
    if len(places) <= 2 * columns:
        return np.arange(len(places))
    missing = np.isnan(values)
    low, high = np.where(missing, np.inf, values), np.where(missing, -np.inf, values)
    found = {0, len(places) - 1}
    for start, stop in equal_bins(places.astype(np.float64), columns).members:
        found.add(start + int(low[start:stop].argmin()))
        found.add(start + int(high[start:stop].argmax()))
        if missing[start:stop].any():
            found.add(start + int(missing[start:stop].argmax()))
    return np.array(sorted(found), np.int64)


def middles(places: NDArray[Any], values: Floats, columns: int) -> Integers:
    """Of each column the record in the middle of those that are numbers, and a NaN in it."""
    if len(places) <= columns:
        return np.arange(len(places))
    missing = np.isnan(values)
    found = {0, len(places) - 1}
    for start, stop in equal_bins(places.astype(np.float64), columns).members:
        if missing[start:stop].any():
            found.add(start + int(missing[start:stop].argmax()))
        known = np.flatnonzero(~missing[start:stop])
        if len(known):
            found.add(start + int(known[len(known) // 2]))
    return np.array(sorted(found), np.int64)
