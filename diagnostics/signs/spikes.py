"""Isolated jumps of the training loss, beside what it did just before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    windows = np.lib.stride_tricks.sliding_window_view(values, WINDOW)[:-1]
    middle = np.median(windows, axis=1)
    spread = np.median(np.abs(windows - middle[:, None]), axis=1)
    after = values[WINDOW:]
    with np.errstate(invalid="ignore"):
        jumps = (after > SEVERAL * np.abs(middle)) & (after > middle + FAR * spread)
    places = np.flatnonzero(jumps)
    first = places[np.diff(places, prepend=-2 * APART) > APART]
    unit = progress.unit if np.isfinite(progress.unit) else max(abs(progress.begin), 1e-12)
    return Spikes(progress.steps[WINDOW:][first], (after - middle)[first] / unit)
