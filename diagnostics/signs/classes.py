"""Which classes were asked for, which were answered, and which rightly so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.run import Run
from diagnostics.signs.remembered import remembered

NAME = "answers/classes"
FEW = 8  # of a class, below which more is taken than the last half


@dataclass(frozen=True)
class Classes:
    """Counts by class, over the last half of the run, or further back if that is too little."""

    asked: NDArray[np.float64]  # [class]
    answered: NDArray[np.float64]  # [class]
    right: NDArray[np.float64]  # [class]
    first: int  # the first step counted


@remembered
def late_classes(run: Run) -> Classes | None:
    """None where classes were not seen."""
    if NAME not in run.array_names:
        return None
    track = max(run.arrays(NAME), key=lambda track: len(track.steps))
    counts = track.values.astype(float)
    first = min(int(np.searchsorted(track.steps, 0.5 * run.last_step)), _enough(counts[:, :, 0]))
    asked, answered, right = np.moveaxis(counts[first:].sum(0), -1, 0)
    return Classes(asked, answered, right, int(track.steps[first]))


def _enough(asked: NDArray[np.float64]) -> int:  # [t, class]
    """The last record from which on every class that ever came was asked for often enough."""
    ever = asked.sum(0) > 0
    since = np.cumsum(asked[::-1, ever], axis=0)[::-1]
    return int(np.flatnonzero((since >= FEW).all(1)).max(initial=0))
