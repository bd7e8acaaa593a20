"""Merges statistics of several looks at one tensor: by ranks, by micro-batches, by repeated calls.

Exact, as if all elements had been looked at together: counts and histograms add, moments follow
from Chan's formula. A look that counted no element adds nothing; what one of the looks does not
know (NaN), their sum does not know either.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from probes.recording import STATISTICS

AT = {name: n for n, name in enumerate(STATISTICS)}
FINITE = ("count", "nan", "posinf", "neginf")  # the finite elements are the first less the rest
ADDED = [AT[name] for name in (*FINITE, "zeros", "negatives", "low", "high")]
MOST = np.iinfo(np.uint16).max  # beyond it a bin says no more


def needed(statistic: str) -> tuple[str, ...]:
    """The statistics that this one's merging takes."""
    if statistic in ("mean", "std"):
        return (*FINITE, "mean", "std")
    return ("count", statistic) if statistic != "count" else ("count",)


def merged(
    statistics: NDArray[np.float32],  # [look, row, statistic]
    histogram: NDArray[np.uint16],  # [look, row, bin]
) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """All looks as one: [row, statistic] and [row, bin]."""
    looked = statistics[:, :, AT["count"]] > 0  # [look, row]
    column = {
        name: np.where(looked, statistics[:, :, n], 0).astype(np.float64) for name, n in AT.items()
    }  # [look, row]
    whole = np.full(statistics.shape[1:], np.nan)  # [row, statistic]
    for n in ADDED:
        whole[:, n] = column[STATISTICS[n]].sum(0)
    whole[:, AT["mean"]], whole[:, AT["std"]] = _moments(column)
    for name, least in (("min", np.fmin), ("max", np.fmax)):
        whole[:, AT[name]] = least.reduce(np.where(looked, statistics[:, :, AT[name]], np.nan))
    whole[:, AT["norm"]] = np.sqrt(np.square(column["norm"]).sum(0))
    whole[~looked.any(0), AT["count"] + 1 :] = np.nan
    with np.errstate(over="ignore"):  # a norm beyond float32 is infinite
        return whole.astype(np.float32), _added(histogram, looked)


def _moments(column: dict[str, NDArray[np.float64]]) -> tuple[NDArray[np.float64], ...]:
    """Mean and standard deviation of the finite elements of all looks; NaN where there is none."""
    count, *lost = (column[name] for name in FINITE)
    finite = count - sum(lost)
    there = finite > 0
    number, mean, std = (
        np.where(there, part, 0) for part in (finite, column["mean"], column["std"])
    )
    with np.errstate(invalid="ignore"):  # nothing out of nothing is NaN
        centre = (number * mean).sum(0) / number.sum(0)
        apart = np.where(there, mean - centre, 0)
        square = (number * (std**2 + apart**2)).sum(0) / number.sum(0)
    return centre, np.sqrt(square)


def _added(histogram: NDArray[np.uint16], looked: NDArray[np.bool_]) -> NDArray[np.uint16]:
    total = np.where(looked[:, :, None], histogram, 0).sum(0, dtype=np.uint64)
    full: NDArray[np.uint16] = np.minimum(total, MOST).astype(np.uint16)
    return full
