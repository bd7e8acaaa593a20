"""Isolated jumps of the training loss, beside what it did just before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import rank_filter

from diagnostics.run import Run
from diagnostics.signs.learning import learning
from diagnostics.signs.remembered import remembered

WINDOW = 40  # values before a jump that it is measured by
APART = 5  # values within which two jumps are one
FAR = 12.0  # median absolute deviations above the window's median
SEVERAL = 2.0  # times the window's median


@dataclass(frozen=True)
class Spikes:
    """Where the loss jumped, and how far."""

    steps: NDArray[np.int64]
    heights: NDArray[np.float64]  # over the median before; a guess, or the first loss, costs 1


@remembered
def spikes(run: Run) -> Spikes | None:
    """None where no loss was logged, or too few values."""
    progress = learning(run)
    if progress is None or len(progress.values) <= WINDOW or not np.isfinite(progress.begin):
        return None
    values = progress.values
    middle = _medians_before(values)
    places = np.flatnonzero(_jumps(values, middle))
    first = places[np.diff(places, prepend=-2 * APART) > APART]
    unit = progress.unit if np.isfinite(progress.unit) else max(abs(progress.begin), 1e-12)
    return Spikes(progress.steps[WINDOW:][first], (values[WINDOW:] - middle)[first] / unit)


def _medians_before(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the window before each value that has one; NaN where the window holds a NaN."""
    known = np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf)
    low, high = (rank_filter(known, rank, size=WINDOW) for rank in (WINDOW // 2 - 1, WINDOW // 2))
    whole = slice(WINDOW // 2, len(values) - WINDOW // 2)
    missing = np.cumsum(np.append(0, np.isnan(values)))
    with np.errstate(invalid="ignore", over="ignore"):
        middle = (low[whole] + high[whole]) / 2
    middle[missing[WINDOW:-1] > missing[: -WINDOW - 1]] = np.nan
    return np.asarray(middle)


def _jumps(values: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values stand out of the window before them; most need no look at its spread."""
    windows, after = sliding_window_view(values, WINDOW)[:-1], values[WINDOW:]
    with np.errstate(invalid="ignore"):
        jumps = after > SEVERAL * np.abs(middle)
        high = np.flatnonzero(jumps)
        spread = np.median(np.abs(windows[high] - middle[high, None]), axis=1)
        jumps[high] = after[high] > middle[high] + FAR * spread
    return jumps
