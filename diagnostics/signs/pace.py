"""How large the steps are: early, in the middle and late, as the median over the layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.run import Run
from diagnostics.signs.movement import movement
from diagnostics.signs.remembered import remembered

EARLY = 10  # records
LEAST = 3


@dataclass(frozen=True)
class Pace:
    """Update over weight, the median over the matrices; NaN where there is none."""

    steps: NDArray[np.int64]  # [t]
    ratio: NDArray[np.float64]  # [t]
    early: float  # the largest among the first records
    middle: float
    late: float
    shrunk: float  # the weights' size at the end over that at the beginning


@remembered
def pace(run: Run) -> Pace | None:
    """None where updates were not recorded, or hardly."""
    moved = movement(run)
    if moved is None or not moved.names or len(moved.steps) < LEAST:
        return None
    moves = np.nan_to_num(moved.update).any(0)  # an expert that is never asked is none's pace
    ratio = moved.ratio if not moves.any() else moved.ratio[:, moves]
    rows = np.where(np.isfinite(ratio), ratio, np.nan)
    ratio = np.full(len(rows), np.nan)
    there = ~np.isnan(rows).all(1)
    ratio[there] = np.nanmedian(rows[there], axis=1)
    late = moved.steps > 0.75 * moved.steps[-1]
    middle = (moved.steps > 0.25 * moved.steps[-1]) & ~late
    size = np.sqrt(np.nansum(moved.weight**2, axis=1))
    known = np.flatnonzero(np.isfinite(size) & (size > 0))
    return Pace(
        moved.steps,
        ratio,
        float(np.fmax.reduce(ratio[:EARLY], initial=np.nan)),
        _median(ratio[middle]),
        _median(ratio[late]),
        float(size[known[-1]] / size[known[0]]) if len(known) else np.nan,
    )


def _median(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else np.nan
